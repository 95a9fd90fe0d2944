/* See history.h. One XREVRANGE per partition, all on their way at once; the last answer ends the read. */
#include "history.h"

#include "error.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>

struct read {
    struct history_query query;
    struct history_answer answer;
    int32_t asked;
    int left;
    history_fn *fn;
    void *arg;
};

static bool fits(const struct history_query *query, const struct alert_event *event)
{
    return (query->city_id == 0 || query->city_id == event->city_id) &&
           (query->change == 0 || query->change == event->change);
}

/* The bytes of an entry [id, [field, value]], or NULL. */
static const struct store_reply *bytes_of(const struct store_reply *entry)
{
    const struct store_reply *fields = entry->type == STORE_ARRAY && entry->count == 2 ? entry->elements[1] : NULL;
    if (!fields || fields->type != STORE_ARRAY || fields->count < 2 || fields->elements[1]->type != STORE_TEXT)
        return NULL;
    return fields->elements[1];
}

void history_take(const struct history_query *query, int32_t partition, const struct store_reply *reply,
                  struct history_answer *answer)
{
    if (reply->type != STORE_ARRAY) {
        answer->status = ERR_UNAVAILABLE;
        return;
    }
    if (reply->count > 0)
        answer->events = mem_grow(answer->events, answer->count + reply->count, sizeof *answer->events);
    for (size_t i = 0; i < reply->count; i++) {
        struct history_event *event = &answer->events[answer->count];
        const struct store_reply *bytes = bytes_of(reply->elements[i]);
        if (!bytes || alert_event_decode(&event->event, bytes->text, bytes->size) != 0 || !fits(query, &event->event))
            continue;
        event->partition = partition;
        event->order = answer->count++;
    }
}

static int by_time(const void *a, const void *b)
{
    const struct history_event *x = a, *y = b;
    if (x->event.clock_ms != y->event.clock_ms)
        return x->event.clock_ms > y->event.clock_ms ? -1 : 1;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

void history_sort(const struct history_query *query, struct history_answer *answer)
{
    if (answer->count > 1)
        qsort(answer->events, answer->count, sizeof *answer->events, by_time);
    if (answer->count > query->limit)
        answer->count = query->limit;
}

void history_encode(const struct history_answer *answer, struct buf *out)
{
    buf_text(out, "\"history\":[");
    for (size_t i = 0; i < answer->count; i++) {
        if (i)
            buf_byte(out, ',');
        alert_event_json(&answer->events[i].event, answer->events[i].partition, out);
    }
    buf_byte(out, ']');
}

struct asked {
    struct read *read;
    int32_t partition;
};

static void on_entries(void *arg, int status, const struct store_reply *reply)
{
    struct asked *asked = arg;
    struct read *read = asked->read;
    if (status != 0)
        read->answer.status = status;
    else
        history_take(&read->query, asked->partition, reply, &read->answer);
    free(asked);
    if (--read->left > 0)
        return;
    history_sort(&read->query, &read->answer);
    read->fn(read->arg, &read->query, &read->answer);
    free(read->answer.events);
    free(read);
}

void history_read(struct store *store, const char *prefix, const struct history_query *query, history_fn *fn, void *arg)
{
    struct read *read = mem_alloc(sizeof *read);
    bool filtered = query->city_id || query->change;
    char key[256], count[24];
    *read = (struct read){.query = *query, .left = query->last - query->first + 1, .fn = fn, .arg = arg};
    snprintf(count, sizeof count, "%zu", filtered || !query->limit ? (size_t)HISTORY_LOOKED_AT : query->limit);
    for (int32_t p = query->first; p <= query->last; p++) {
        struct asked *asked = mem_alloc(sizeof *asked);
        *asked = (struct asked){read, p};
        snprintf(key, sizeof key, "%s{%d}:alerts", prefix, p);
        store_send(store, on_entries, asked, "XREVRANGE", key, "+", "-", "COUNT", count, NULL);
    }
}
