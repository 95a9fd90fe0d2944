/* See reader.h. One request is MULTI, an HGET per key, an HGET of the city, EXEC, written in one go. */
#include "reader.h"

#include "civil.h"
#include "encode.h"
#include "error.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct read {
    struct window_query query;
    struct reader_keys keys;
    reader_fn *fn;
    void *arg;
};

const char *reader_name(const struct window_query *query)
{
    return query->slide.size_ms ? query->slide.name : query->size.name;
}

/* ---- what is read ---- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct reader_keys reader_plan(const struct window_query *query)
{
    int64_t size = query->size.size_ms, slack = query->size.days ? CIVIL_SLACK_MS : 0;
    int64_t parts = query->slide.size_ms / size, step = query->slide.size_ms ? query->slide.step_ms / size : 1;
    if (query->to_ms <= query->from_ms)
        return (struct reader_keys){0};
    int64_t last = window_start(query->to_ms - 1 + slack, size) + (parts ? parts - 1 : 0) * size;
    int64_t first = window_start(query->from_ms + size - 1 - slack, size);
    int64_t most = least(query->limit * step + parts + 2 * slack / size, READER_MAX_KEYS);
    int64_t count = least((last - first) / size + 1, most);
    if (first > last)
        return (struct reader_keys){0};
    return (struct reader_keys){.first_ms = last - (count - 1) * size, .count = (size_t)count};
}

int reader_decode(struct window *window, const struct window_query *query, int64_t key_ms, const void *bytes,
                  size_t size)
{
    int status = window_decode(window, bytes, size);
    if (status != 0)
        return status;
    if (window_span_fits(&query->size, key_ms, window->start_ms, window->end_ms))
        return 0;
    window_release(window);
    return ERR_INVALID;
}

/* The window of that span; NULL when it is not asked for. */
static struct window *window_at(const struct window_query *query, const struct reader_keys *keys,
                                const struct window_span *span, struct window *windows)
{
    int64_t at = (span->key_ms - keys->first_ms) / query->size.size_ms;
    if (span->key_ms < keys->first_ms || at >= (int64_t)keys->count)
        return NULL;
    return &windows[at];
}

/* What the rows of open panes stand for in time that is not closed. */
static void merge_parts(const struct window_query *query, const struct reader_keys *keys, const struct citystate *state,
                        struct window *windows)
{
    struct trail trail = {0};
    struct trail_walk walk;
    struct parts parts;
    int64_t slot_ms;
    if (state->open_count == 0)
        return;
    for (int32_t i = 0; i < state->open_count; i++)
        trail_take(&trail, &state->open[i]);
    const struct window *last = &state->open[state->open_count - 1].window;
    struct trail_region region = {state->closed_through_ms, last->end_ms, last->end_ms - last->start_ms};
    for (trail_walk(&walk, &trail, &region, -1); trail_next(&walk, &slot_ms, &parts);) {
        struct window_span span = window_span_at(&query->size, state->zone, slot_ms);
        struct window *window = window_at(query, keys, &span, windows);
        if (!window)
            continue;
        window_widen(window, span.start_ms, span.end_ms);
        parts_add(&window->parts, &parts);
    }
    trail_release(&trail);
}

void reader_merge(const struct window_query *query, const struct reader_keys *keys, const struct citystate *state,
                  struct window *windows)
{
    for (int32_t i = 0; i < state->open_count; i++) {
        const struct window *pane = &state->open[i].window;
        struct window_span span = window_span_at(&query->size, state->zone, pane->start_ms);
        struct window *window = window_at(query, keys, &span, windows);
        if (!window || pane->end_ms > span.end_ms || pane->rows == 0)
            continue;
        if (window->rows + pane->rows > WINDOW_MAX_ROWS) /* sums stay in range, whatever Redis held */
            continue;
        window_widen(window, span.start_ms, span.end_ms);
        window_merge(window, pane);
    }
    merge_parts(query, keys, state, windows);
}

/* ---- what is shown ---- */

static bool in_range(const struct window_query *query, const struct window *window)
{
    return !window_empty(window) && window->start_ms >= query->from_ms && window->start_ms < query->to_ms;
}

/* The sliding window of the parts [first, end): it ends with the last, and takes over what they say of themselves. */
static void slide(struct window *out, const struct window_span *span, const struct window *parts, size_t count)
{
    window_init(out, span->start_ms, span->end_ms);
    for (size_t i = 0; i < count; i++) { /* a part made in another zone may be wider */
        if (!window_empty(&parts[i]) && parts[i].start_ms < out->start_ms)
            out->start_ms = parts[i].start_ms;
        if (!window_empty(&parts[i]) && parts[i].end_ms > out->end_ms)
            out->end_ms = parts[i].end_ms;
    }
    if (out->end_ms - out->start_ms > WINDOW_MAX_SPAN_MS)
        return;
    for (size_t i = 0; i < count; i++) {
        if (out->rows + parts[i].rows > WINDOW_MAX_ROWS)
            continue;
        window_merge(out, &parts[i]);
        out->revision += parts[i].revision;
        if (parts[i].revised_at_ms > out->revised_at_ms)
            out->revised_at_ms = parts[i].revised_at_ms;
    }
    out->final_at_ms = parts[count - 1].final_at_ms;
}

/* All sliding windows whose parts were read. */
static struct window *slide_all(const struct window_query *query, const struct reader_keys *keys,
                                const struct zone *zone, const struct window *parts, size_t *count)
{
    int64_t size = query->size.size_ms, each = query->slide.size_ms / size, step = query->slide.step_ms;
    int64_t end_ms = keys->first_ms + (int64_t)keys->count * size, made = 0;
    struct window *out = mem_calloc(keys->count, sizeof *out);
    for (int64_t at = window_start(keys->first_ms + query->slide.size_ms + step - 1, step); at <= end_ms; at += step) {
        int64_t first = at - query->slide.size_ms;
        struct window_span span = window_span_of(&query->size, zone, first);
        span.end_ms = window_span_of(&query->size, zone, at - size).end_ms;
        slide(&out[made++], &span, parts + (first - keys->first_ms) / size, (size_t)each);
    }
    *count = (size_t)made;
    return out;
}

static void release_all(struct window *windows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        window_release(&windows[i]);
}

struct window *reader_select(const struct window_query *query, const struct reader_keys *keys, const struct zone *zone,
                             struct window *windows, size_t *count)
{
    size_t all = keys->count, kept = 0, skip = 0;
    if (query->slide.size_ms) {
        struct window *parts = windows;
        windows = slide_all(query, keys, zone, parts, &all);
        release_all(parts, keys->count);
        free(parts);
    }
    for (size_t i = 0; i < all; i++)
        skip += in_range(query, &windows[i]);
    skip = skip > (size_t)query->limit ? skip - (size_t)query->limit : 0;
    for (size_t i = 0; i < all; i++) {
        if (!in_range(query, &windows[i]))
            window_release(&windows[i]);
        else if (skip > 0)
            window_release(&windows[i]), skip--;
        else
            windows[kept++] = windows[i];
    }
    *count = kept;
    return windows;
}

/* The answer to EXEC: one value per key, then the city's state. */
static void collect(const struct read *read, const struct store_reply *reply, struct window_answer *answer)
{
    const struct window_query *query = &read->query;
    const struct reader_keys *keys = &read->keys;
    const struct store_reply *last = reply->elements[keys->count];
    struct citystate state;
    if (last->type != STORE_TEXT || citystate_decode(&state, last->text, last->size) != 0)
        citystate_init(&state, query->city_id, query->series);
    struct window *windows = mem_calloc(keys->count + 1, sizeof *windows);
    for (size_t i = 0; i < keys->count; i++) {
        const struct store_reply *value = reply->elements[i];
        int64_t key_ms = keys->first_ms + (int64_t)i * query->size.size_ms;
        struct window_span span = window_span_of(&query->size, state.zone, key_ms);
        if (value->type != STORE_TEXT || reader_decode(&windows[i], query, key_ms, value->text, value->size) != 0)
            window_init(&windows[i], span.start_ms, span.end_ms);
        if (query->size.sketched)
            window_enable_sketches(&windows[i]);
    }
    reader_merge(query, keys, &state, windows);
    answer->windows = reader_select(query, keys, state.zone, windows, &answer->count);
    answer->closed_through_ms = state.closed_through_ms;
    answer->interval_s = state.interval_s;
    citystate_release(&state);
}

static void on_exec(void *arg, int status, const struct store_reply *reply)
{
    struct read *read = arg;
    struct window_answer answer = {.status = status};
    if (status == 0 && (reply->type != STORE_ARRAY || reply->count != read->keys.count + 1))
        answer.status = ERR_UNAVAILABLE;
    if (answer.status == 0)
        collect(read, reply, &answer);
    read->fn(read->arg, &read->query, &answer);
    release_all(answer.windows, answer.count);
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
    *read = (struct read){.query = *query, .keys = reader_plan(query), .fn = fn, .arg = arg};
    char key[256], field[CITY_FIELD_BYTES], window[WINDOW_KEY_BYTES];
    citystate_field(query->city_id, query->series, field);
    store_send(store, on_queued, NULL, "MULTI", NULL);
    for (size_t i = 0; i < read->keys.count; i++) {
        int64_t key_ms = read->keys.first_ms + (int64_t)i * query->size.size_ms;
        snprintf(key, sizeof key, "%s{%d}:w:%s", prefix, query->partition,
                 window_key_text(&query->size, key_ms, window));
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
    for (size_t i = 0; i < answer->count; i++)
        encode_csv_window(
            out, &(struct csv_window){query->city_id, name, &answer->windows[i], answer->closed_through_ms}, custom);
}

void reader_json(const struct window_query *query, const struct window_answer *answer, const struct custom_set *custom,
                 struct buf *out)
{
    buf_printf(out, "{\"city\":%lld,\"size\":\"%s\",\"series\":%d,", (long long)query->city_id, reader_name(query),
               query->series);
    encode_metric_units(out, custom);
    buf_text(out, ",\"windows\":[");
    struct encode_context context = {answer->closed_through_ms, answer->interval_s, custom};
    encode_windows(out, answer->windows, answer->count, &context);
    buf_text(out, "]}");
}
