/* See reader.h. One request is MULTI, an HGET per window, an HGET of the city, EXEC, written in one go. */
#include "reader.h"

#include "encode.h"
#include "error.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct read {
    struct window_query query;
    size_t asked;
    reader_fn *fn;
    void *arg;
};

size_t reader_plan(struct window_query *query)
{
    int64_t size = query->size.size_ms;
    if (query->to_ms <= query->from_ms)
        return 0;
    int64_t last = window_start(query->to_ms - 1, size);
    int64_t first = window_start(query->from_ms + size - 1, size);
    if (first > last)
        return 0;
    int64_t count = (last - first) / size + 1;
    if (count > query->limit)
        count = query->limit;
    query->from_ms = last - (count - 1) * size;
    query->to_ms = last + size;
    return (size_t)count;
}

int reader_decode(struct window *window, const struct window_query *query, int64_t start_ms, const void *bytes,
                  size_t size)
{
    int status = window_decode(window, bytes, size);
    if (status != 0)
        return status;
    if (window->start_ms == start_ms && window->end_ms == start_ms + query->size.size_ms)
        return 0;
    window_release(window);
    return ERR_INVALID;
}

/* The window that starts at `start`, made when there is none. */
static struct window *window_at(struct window *windows, size_t *count, int64_t start, int64_t size_ms)
{
    size_t at = *count;
    while (at > 0 && windows[at - 1].start_ms >= start)
        at--;
    if (at < *count && windows[at].start_ms == start)
        return &windows[at];
    memmove(&windows[at + 1], &windows[at], (*count - at) * sizeof *windows);
    window_init(&windows[at], start, start + size_ms);
    (*count)++;
    return &windows[at];
}

size_t reader_merge(const struct window_query *query, const struct citystate *state, struct window *windows,
                    size_t count)
{
    int64_t size_ms = query->size.size_ms;
    for (int32_t i = 0; i < state->open_count; i++) {
        const struct window *pane = &state->open[i].window;
        int64_t start = window_start(pane->start_ms, size_ms);
        bool inside = start >= query->from_ms && start < query->to_ms && pane->end_ms <= start + size_ms;
        if (!inside || pane->rows == 0)
            continue;
        struct window *window = window_at(windows, &count, start, size_ms);
        if (window->rows + pane->rows <= WINDOW_MAX_ROWS) /* sums stay in range, whatever Redis held */
            window_merge(window, pane);
    }
    return count;
}

/* The answer to EXEC: one value per window, then the city's state. */
static void collect(const struct read *read, const struct store_reply *reply, struct window_answer *answer)
{
    struct citystate state;
    const struct store_reply *last = reply->elements[read->asked];
    bool has_state = last->type == STORE_TEXT && citystate_decode(&state, last->text, last->size) == 0;
    answer->windows = mem_calloc(read->asked + (has_state ? (size_t)state.open_count : 0), sizeof *answer->windows);
    for (size_t i = 0; i < read->asked; i++) {
        const struct store_reply *value = reply->elements[i];
        int64_t start = read->query.from_ms + (int64_t)i * read->query.size.size_ms;
        if (value->type == STORE_TEXT &&
            reader_decode(&answer->windows[answer->count], &read->query, start, value->text, value->size) == 0)
            answer->count++;
    }
    if (!has_state)
        return;
    answer->count = reader_merge(&read->query, &state, answer->windows, answer->count);
    answer->closed_through_ms = state.closed_through_ms;
    citystate_release(&state);
}

static void on_exec(void *arg, int status, const struct store_reply *reply)
{
    struct read *read = arg;
    struct window_answer answer = {.status = status};
    if (status == 0 && (reply->type != STORE_ARRAY || reply->count != read->asked + 1))
        answer.status = ERR_UNAVAILABLE;
    if (answer.status == 0)
        collect(read, reply, &answer);
    read->fn(read->arg, &read->query, &answer);
    for (size_t i = 0; i < answer.count; i++)
        window_release(&answer.windows[i]);
    free(answer.windows);
    free(read);
}

static void on_queued(void *arg, int status, const struct store_reply *reply)
{
    (void)arg, (void)status, (void)reply; /* EXEC tells all */
}

void reader_windows(struct store *store, const char *prefix, const struct window_query *query, reader_fn *fn, void *arg)
{
    struct read *read = mem_alloc(sizeof *read);
    *read = (struct read){.query = *query, .fn = fn, .arg = arg};
    read->asked = reader_plan(&read->query);
    char key[256], field[CITY_FIELD_BYTES];
    citystate_field(query->city_id, query->series, field);
    store_send(store, on_queued, NULL, "MULTI", NULL);
    for (size_t i = 0; i < read->asked; i++) {
        snprintf(key, sizeof key, "%s{%d}:w:%s:%" PRId64, prefix, query->partition, query->size.name,
                 read->query.from_ms + (int64_t)i * query->size.size_ms);
        store_send(store, on_queued, NULL, "HGET", key, field, NULL);
    }
    snprintf(key, sizeof key, "%s{%d}:city", prefix, query->partition);
    store_send(store, on_queued, NULL, "HGET", key, field, NULL);
    store_send(store, on_exec, read, "EXEC", NULL);
}

/* ---- as text ---- */

void reader_csv(const struct window_query *query, const struct window_answer *answer, const char *name,
                const struct custom_set *custom, struct buf *out)
{
    encode_csv_header(out);
    for (size_t i = 0; i < answer->count; i++)
        encode_csv_window(
            out, &(struct csv_window){query->city_id, name, &answer->windows[i], answer->closed_through_ms}, custom);
}

void reader_json(const struct window_query *query, const struct window_answer *answer, const struct custom_set *custom,
                 struct buf *out)
{
    buf_printf(out, "{\"city\":%lld,\"size\":\"%s\",\"series\":%d,", (long long)query->city_id, query->size.name,
               query->series);
    encode_metric_units(out, custom);
    buf_text(out, ",\"windows\":[");
    encode_windows(out, answer->windows, answer->count, answer->closed_through_ms, custom);
    buf_text(out, "]}");
}
