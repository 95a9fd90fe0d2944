/* See diary.h. */
#include "diary.h"

#include "body.h"
#include "error.h"
#include "mem.h"
#include "problem.h"
#include "query.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES 256

struct reading {
    struct httpd_request *request;
    struct dashboard_metrics *metrics;
};

static const char *value_of(const struct store_reply *pairs, const char *name)
{
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        if (pairs->elements[i]->type == STORE_TEXT && strcmp(pairs->elements[i]->text, name) == 0)
            return pairs->elements[i + 1]->text;
    }
    return "";
}

void diary_encode(const struct store_reply *reply, struct buf *out)
{
    static const char *const names[] = {"what", "who", "detail"};
    const char *comma = "";
    buf_text(out, "{\"audit\":[");
    for (size_t i = 0; reply->type == STORE_ARRAY && i < reply->count; i++) {
        const struct store_reply *entry = reply->elements[i];
        if (entry->type != STORE_ARRAY || entry->count != 2 || entry->elements[0]->type != STORE_TEXT ||
            entry->elements[1]->type != STORE_ARRAY)
            continue;
        buf_printf(out, "%s{\"at\":%lld", comma, strtoll(entry->elements[0]->text, NULL, 10));
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            buf_printf(out, ",\"%s\":", names[n]);
            text_json(out, value_of(entry->elements[1], names[n]));
        }
        buf_byte(out, '}');
        comma = ",";
    }
    buf_text(out, "]}");
}

static void on_entries(void *arg, int status, const struct store_reply *reply)
{
    struct reading *reading = arg;
    struct body body;
    if (status == 0 && reply->type != STORE_ERROR) {
        body_init(&body);
        diary_encode(reply, &body.plain);
        body_seal(&body, httpd_accepts_gzip(reading->request));
        body_send(&body, reading->request, "application/json");
        body_release(&body);
    } else {
        problem_reply(reading->metrics, reading->request, 503, "Redis does not answer",
                      status == 0 ? "it refuses to read the audit stream" : error_name(status));
    }
    free(reading);
}

void diary_reply(struct httpd_request *request, struct store *store, const char *prefix,
                 struct dashboard_metrics *metrics)
{
    const char *text = httpd_query(request, "limit");
    char key[KEY_BYTES], count[24];
    int64_t limit = DIARY_LIMIT;
    if (text && query_integer(text, 1, DIARY_MOST, &limit) != 0) {
        problem_reply(metrics, request, 400, "Bad query", "limit: a number from 1 to 1000 wanted");
        return;
    }
    struct reading *reading = mem_alloc(sizeof *reading);
    *reading = (struct reading){.request = request, .metrics = metrics};
    snprintf(key, sizeof key, "%saudit", prefix);
    snprintf(count, sizeof count, "%lld", (long long)limit);
    httpd_defer(request);
    store_send(store, on_entries, reading, "XREVRANGE", key, "+", "-", "COUNT", count, NULL);
}
