/* See commit.h. Records are sorted by kind and start, so that all fields of one key stand together. */
#include "commit.h"

#include "error.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SAFETY_TTL_MS                                                                                                  \
    (INT64_C(30) * 86400000) /* beyond the retention: the worker retires keys, the TTL only catches leftovers */
#define SCAN_COUNT  500
#define ALERTS_KEPT 10000 /* events of a partition, about */

void ledger_key(const char *prefix, int32_t partition, struct buf *out)
{
    buf_printf(out, "%s{%d}:ledger", prefix, partition);
}

static void kind_key(const struct state *state, const char *prefix, int32_t kind, int64_t start_ms, struct args *args)
{
    struct buf *out = args_open(args);
    char key[WINDOW_KEY_BYTES];
    if (kind == RECORD_PANE)
        buf_printf(out, "%s{%d}:pane:%lld", prefix, state->partition, (long long)start_ms);
    else
        buf_printf(out, "%s{%d}:w:%s", prefix, state->partition,
                   window_key_text(&state->rules->windows.sizes[kind - 1], start_ms, key));
    args_close(args);
}

static void city_key(const struct state *state, const char *prefix, struct args *args)
{
    buf_printf(args_open(args), "%s{%d}:city", prefix, state->partition);
    args_close(args);
}

static void alerts_key(const struct state *state, const char *prefix, struct args *args)
{
    buf_printf(args_open(args), "%s{%d}:alerts", prefix, state->partition);
    args_close(args);
}

static int by_key(const void *a, const void *b)
{
    const struct record_key *x = &(*(const struct record *const *)a)->key,
                            *y = &(*(const struct record *const *)b)->key;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->start_ms != y->start_ms)
        return x->start_ms < y->start_ms ? -1 : 1;
    if (x->city_id != y->city_id)
        return x->city_id < y->city_id ? -1 : 1;
    return (x->series > y->series) - (x->series < y->series);
}

static bool same_key(const struct record *a, const struct record *b)
{
    return a->key.kind == b->key.kind && a->key.start_ms == b->key.start_ms;
}

/* The first record after `from` that belongs to another key. */
static size_t group_end(struct record *const *records, size_t count, size_t from)
{
    size_t end = from + 1;
    while (end < count && same_key(records[from], records[end]))
        end++;
    return end;
}

static void record_field(const struct record *record, struct args *args)
{
    char field[CITY_FIELD_BYTES];
    args_text(args, citystate_field(record->key.city_id, record->key.series, field));
}

/* ---- commit ---- */

struct build {
    struct state *state;
    const struct commit_ids *ids;
    struct args *args;
    struct record **dirty; /* by key */
    size_t dirty_count;
};

static void collect_dirty(struct build *build)
{
    struct state *state = build->state;
    build->dirty = mem_calloc(state->dirty_record_count, sizeof(struct record *));
    for (struct record *record = state->dirty_records; record; record = record->next_dirty)
        build->dirty[build->dirty_count++] = record;
    assert(build->dirty_count == state->dirty_record_count);
    if (build->dirty_count)
        qsort(build->dirty, build->dirty_count, sizeof(struct record *), by_key);
}

static size_t add_keys(struct build *build)
{
    struct state *state = build->state;
    const char *prefix = build->ids->prefix;
    size_t keys = 1;
    ledger_key(prefix, state->partition, args_open(build->args));
    args_close(build->args);
    if (state->dirty_city_count) {
        city_key(state, prefix, build->args);
        keys++;
    }
    if (state->alerts.count) {
        alerts_key(state, prefix, build->args);
        keys++;
    }
    for (size_t i = 0; i < build->dirty_count; i = group_end(build->dirty, build->dirty_count, i), keys++)
        kind_key(state, prefix, build->dirty[i]->key.kind, build->dirty[i]->key.start_ms, build->args);
    for (size_t i = 0; i < state->retiring_count; i++, keys++)
        kind_key(state, prefix, state->retiring[i].kind, state->retiring[i].start_ms, build->args);
    return keys;
}

static void add_field(void *arg, const char *field, const char *text)
{
    struct args *args = arg;
    args_text(args, field);
    args_text(args, text);
}

static void count_field(void *arg, const char *field, const char *text)
{
    (void)field, (void)text;
    ++*(int64_t *)arg;
}

static void add_head(struct build *build)
{
    struct state *state = build->state;
    struct args *args = build->args;
    const struct windowset *windows = &state->rules->windows;
    args_text(args, build->ids->expected);
    args_text(args, build->ids->next);
    buf_printf(args_open(args), "%supdates", build->ids->prefix);
    args_close(args);
    struct buf *message = args_open(args);
    buf_printf(message, "%d %s %s ", state->partition, build->ids->expected, build->ids->next);
    for (const struct city_entry *entry = state->dirty_cities; entry; entry = entry->next_dirty)
        buf_printf(message, "%s%s", entry == state->dirty_cities ? "" : ",", entry->field);
    args_close(args);
    int64_t fields = 0;
    ledger_fields(&state->ledger, windows, count_field, &fields);
    args_integer(args, fields);
    ledger_fields(&state->ledger, windows, add_field, args);
}

static void add_cities(struct build *build)
{
    struct state *state = build->state;
    struct args *args = build->args;
    if (!state->dirty_city_count)
        return;
    args_text(args, "hset");
    args_integer(args, 0);
    args_integer(args, 0);
    args_integer(args, (int64_t)state->dirty_city_count);
    for (const struct city_entry *entry = state->dirty_cities; entry; entry = entry->next_dirty) {
        args_text(args, entry->field);
        citystate_encode(&entry->city, args_open(args));
        args_close(args);
    }
}

static void add_alerts(struct build *build)
{
    const struct alert_queue *alerts = &build->state->alerts;
    if (!alerts->count)
        return;
    args_text(build->args, "xadd");
    args_integer(build->args, ALERTS_KEPT);
    args_integer(build->args, (int64_t)alerts->count);
    for (size_t i = 0; i < alerts->count; i++) {
        buf_append(args_open(build->args), alerts->events[i].data, alerts->events[i].size);
        args_close(build->args);
    }
}

static int64_t ttl_of(const struct state *state, int32_t kind)
{
    int64_t retention =
        kind == RECORD_PANE ? state->rules->lateness_ms : state->rules->windows.sizes[kind - 1].retention_ms;
    return retention + state_span(state, kind) + SAFETY_TTL_MS;
}

static void add_group(struct build *build, size_t from, size_t end)
{
    struct args *args = build->args;
    int32_t kind = build->dirty[from]->key.kind;
    int64_t added = 0;
    for (size_t i = from; i < end; i++)
        added += build->dirty[i]->added;
    args_text(args, "hset");
    args_integer(args, ttl_of(build->state, kind));
    args_integer(args, added);
    args_integer(args, (int64_t)(end - from));
    for (size_t i = from; i < end; i++) {
        const struct record *record = build->dirty[i];
        assert(record->loaded);
        record_field(record, args);
        if (kind == RECORD_PANE)
            pane_encode(&record->pane, args_open(args));
        else
            window_encode(&record->pane.window, args_open(args));
        args_close(args);
    }
}

size_t commit_build(struct state *state, const struct commit_ids *ids, struct args *args)
{
    struct build build = {.state = state, .ids = ids, .args = args};
    assert(state->missing_count == 0 && state->late_count == 0 && state->revision_count == 0 &&
           ledger_holds(&state->ledger));
    args_reset(args);
    state->ledger.commits++;
    state_retire(state);
    collect_dirty(&build);
    size_t keys = add_keys(&build);
    add_head(&build);
    add_cities(&build);
    add_alerts(&build);
    for (size_t i = 0, end; i < build.dirty_count; i = end) {
        end = group_end(build.dirty, build.dirty_count, i);
        add_group(&build, i, end);
    }
    for (size_t i = 0; i < state->retiring_count; i++)
        args_text(args, state->retiring[i].kind == RECORD_PANE ? "retire" : "unlink");
    state_sent(state);
    free(build.dirty);
    return keys;
}

/* ---- load ---- */

size_t load_build(struct state *state, const struct commit_ids *ids, struct args *args)
{
    struct record **missing = state->missing;
    size_t count = state->missing_count, keys = 1;
    args_reset(args);
    qsort(missing, count, sizeof(struct record *), by_key);
    ledger_key(ids->prefix, state->partition, args_open(args));
    args_close(args);
    for (size_t i = 0; i < count; i = group_end(missing, count, i), keys++)
        kind_key(state, ids->prefix, missing[i]->key.kind, missing[i]->key.start_ms, args);
    args_text(args, ids->expected);
    for (size_t i = 0, end; i < count; i = end) {
        end = group_end(missing, count, i);
        args_text(args, "fields");
        args_integer(args, (int64_t)(end - i));
        for (size_t k = i; k < end; k++)
            record_field(missing[k], args);
    }
    return keys;
}

int load_take(struct state *state, const struct store_reply *reply, struct buf *error)
{
    struct record **missing = state->missing;
    size_t group = 1;
    for (size_t i = 0, end; i < state->missing_count; i = end, group++) {
        end = group_end(missing, state->missing_count, i);
        const struct store_reply *values = group < reply->count ? reply->elements[group] : NULL;
        if (!values || values->type != STORE_ARRAY || values->count != end - i) {
            buf_text(error, "the answer to a load has another shape than the question");
            return ERR_INVALID;
        }
        for (size_t k = i; k < end; k++) {
            const struct store_reply *value = values->elements[k - i];
            bool there = value->type == STORE_TEXT;
            if (state_loaded(state, missing[k], there ? value->text : NULL, there ? value->size : 0) != 0) {
                buf_printf(error, "a stored record of kind %d at %lld of city %lld cannot be decoded",
                           missing[k]->key.kind, (long long)missing[k]->key.start_ms,
                           (long long)missing[k]->key.city_id);
                return ERR_INVALID;
            }
        }
    }
    state->missing_count = 0;
    return 0;
}

size_t scan_build(const struct state *state, const struct commit_ids *ids, const char *cursor, struct args *args)
{
    args_reset(args);
    ledger_key(ids->prefix, state->partition, args_open(args));
    args_close(args);
    city_key(state, ids->prefix, args);
    args_text(args, ids->expected);
    args_text(args, "scan");
    args_text(args, cursor);
    args_integer(args, SCAN_COUNT);
    return 2;
}
