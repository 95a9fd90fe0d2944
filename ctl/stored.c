/* See stored.h. One MULTI: a fold moves rows from the city to the window, and a read in between would miss them. */
#include "stored.h"

#include "error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void stored_release(struct stored *stored)
{
    if (stored->has_city)
        citystate_release(&stored->city);
    if (stored->has_window)
        window_release(&stored->window);
    memset(stored, 0, sizeof *stored);
}

static int take_city(struct context *context, const char *field, const struct store_reply *value, struct stored *out)
{
    if (value->type != STORE_TEXT)
        return EXIT_CODE_OK;
    if (citystate_decode(&out->city, value->text, value->size) != 0)
        return context_fail(context, EXIT_CODE_REFUSED, "the state of city %s is damaged: isobarctl verify", field);
    out->has_city = true;
    return EXIT_CODE_OK;
}

static int take_window(struct context *context, const char *key, const struct store_reply *value, struct stored *out)
{
    if (value->type != STORE_TEXT)
        return EXIT_CODE_OK;
    if (window_decode(&out->window, value->text, value->size) != 0)
        return context_fail(context, EXIT_CODE_REFUSED, "%s is damaged: isobarctl verify", key);
    out->has_window = true;
    return EXIT_CODE_OK;
}

/* The open panes of the window are part of its value. */
static void add_open_panes(struct stored *stored, const struct window_size *size, const struct window_span *span)
{
    if (stored->has_window && size->sketched)
        window_enable_sketches(&stored->window);
    for (int32_t i = 0; stored->has_city && i < stored->city.open_count; i++) {
        const struct window *pane = &stored->city.open[i].window;
        if (pane->rows == 0 || pane->start_ms < span->start_ms || pane->end_ms > span->end_ms)
            continue;
        if (!stored->has_window)
            window_init(&stored->window, span->start_ms, span->end_ms);
        if (!stored->has_window && size->sketched)
            window_enable_sketches(&stored->window);
        stored->has_window = true;
        if (pane->start_ms >= stored->window.start_ms && pane->end_ms <= stored->window.end_ms)
            window_merge(&stored->window, pane);
    }
}

int stored_city(struct context *context, int32_t partition, int64_t city_id, int32_t series, struct stored *out)
{
    char key[CONTEXT_KEY_BYTES], field[CITY_FIELD_BYTES];
    memset(out, 0, sizeof *out);
    struct store_reply *value = CONTEXT_ASK(context, "HGET", context_partition_key(context, partition, "city", key),
                                            citystate_field(city_id, series, field));
    if (!value)
        return context->exit_code;
    int code = take_city(context, field, value, out);
    store_reply_free(value);
    return code;
}

/* The answer to EXEC: ledger, city, window. */
static int take_all(struct context *context, const char *field, const char *key, const struct store_reply *reply,
                    struct stored *out)
{
    if (reply->type != STORE_ARRAY || reply->count != 3 || reply->elements[0]->count != 3)
        return context_fail(context, EXIT_CODE_REFUSED, "Redis at %s gives no answer to EXEC", context->redis);
    const struct store_reply *const *ledger = reply->elements[0]->elements;
    if (!context_integer(ledger[0], 0, INT64_MAX / 4, &out->offset) ||
        !context_integer(ledger[1], 0, INT64_MAX / 4, &out->first_offset) ||
        !context_integer(ledger[2], 0, INT64_MAX / 4, &out->config_version))
        return context_fail(context, EXIT_CODE_REFUSED, "the ledger is missing or damaged: isobarctl verify");
    int code = take_city(context, field, reply->elements[1], out);
    return code == EXIT_CODE_OK ? take_window(context, key, reply->elements[2], out) : code;
}

int stored_window(struct context *context, int32_t partition, int64_t city_id, int32_t series,
                  const struct window_size *size, const struct window_span *span, struct stored *out)
{
    char ledger[CONTEXT_KEY_BYTES], city[CONTEXT_KEY_BYTES], window[CONTEXT_KEY_BYTES], name[WINDOW_KEY_BYTES + 2];
    char field[CITY_FIELD_BYTES], text[WINDOW_KEY_BYTES];
    memset(out, 0, sizeof *out);
    citystate_field(city_id, series, field);
    context_partition_key(context, partition, "ledger", ledger);
    context_partition_key(context, partition, "city", city);
    snprintf(name, sizeof name, "w:%s", window_key_text(size, span->key_ms, text));
    context_partition_key(context, partition, name, window);
    store_reply_free(CONTEXT_ASK(context, "MULTI"));
    store_reply_free(CONTEXT_ASK(context, "HMGET", ledger, "offset", "first_offset", "config_version"));
    store_reply_free(CONTEXT_ASK(context, "HGET", city, field));
    store_reply_free(CONTEXT_ASK(context, "HGET", window, field));
    struct store_reply *reply = CONTEXT_ASK(context, "EXEC");
    if (!reply)
        return context->exit_code;
    int code = take_all(context, field, window, reply, out);
    store_reply_free(reply);
    if (code == EXIT_CODE_OK)
        add_open_panes(out, size, span);
    return code;
}
