/*
 * A log of random rows of one city, and a worker that reads it: it resolves, commits and dies whenever it likes. What
 * it committed is kept as bytes, and all it knows after a death is that.
 */
#ifndef ISOBAR_TEST_STRETCH_LOG_H
#define ISOBAR_TEST_STRETCH_LOG_H

#include "trail.h"
#include "worker_kit.h"

static struct kit kit;

/* ---- the log ---- */

enum { LOG_ROWS = 90, LOG_RECORDS = 2 * LOG_ROWS };

struct logged {
    int64_t clock_ms;
    struct observation row; /* kind TICK or CONTROL: those */
    const char *zone;
};

struct log {
    struct logged records[LOG_RECORDS];
    size_t count;
    int64_t lateness_ms;
};

static inline int by_clock(const void *a, const void *b)
{
    const struct logged *x = a, *y = b;
    return (x->clock_ms > y->clock_ms) - (x->clock_ms < y->clock_ms);
}

static inline struct observation log_row(struct dice *dice)
{
    static const int32_t periods[] = {900, 3600, 3600, 10800, 0};
    int64_t step = dice_below(dice, 3) ? 10 * MINUTE : MINUTE + 7;
    struct observation row = kit_row(CITY, NOON + dice_below(dice, 8 * HOUR / step) * step, 100);
    row.provider = dice_between(dice, 1, 2);
    row.accumulation_s = periods[dice_below(dice, 5)];
    if (dice_below(dice, 3))
        observation_set(&row, ISOBAR__V1__VALUE__RAIN, dice_between(dice, 0, 5000));
    if (dice_below(dice, 5) == 0)
        observation_set(&row, ISOBAR__V1__VALUE__SNOW, dice_between(dice, 0, 9));
    return row;
}

/* Rows come at once or up to three hours after they were observed; ticks and new zones between them. */
static inline void log_make(struct log *log, uint64_t seed, int64_t lateness_ms)
{
    struct dice dice = {seed};
    static const char *const zones[] = {"Asia/Kathmandu", "America/New_York", "Pacific/Auckland"};
    *log = (struct log){.lateness_ms = lateness_ms};
    for (int i = 0; i < LOG_ROWS; i++) {
        struct logged *to = &log->records[log->count++];
        to->row = log_row(&dice);
        to->clock_ms = to->row.observed_at_ms + (dice_below(&dice, 2) ? SECOND : dice_below(&dice, 3 * HOUR));
    }
    for (int64_t i = dice_below(&dice, 12); i > 0; i--) {
        struct logged *to = &log->records[log->count++];
        to->clock_ms = NOON + dice_below(&dice, 10 * HOUR);
        to->row = kit_kind(ISOBAR__V1__ROW_KIND__TICK, 0, to->clock_ms);
        if (dice_below(&dice, 4) == 0) {
            to->row = kit_kind(ISOBAR__V1__ROW_KIND__CONTROL, CITY, to->clock_ms);
            to->zone = zones[dice_below(&dice, 3)];
        }
    }
    qsort(log->records, log->count, sizeof *log->records, by_clock);
    struct logged *last = &log->records[log->count++];
    last->clock_ms = NOON + 20 * HOUR; /* closes all */
    last->row = kit_kind(ISOBAR__V1__ROW_KIND__TICK, 0, last->clock_ms);
}

static inline void log_release(struct log *log)
{
    log->count = 0;
}

/* ---- what is stored ---- */

struct kept {
    struct record_key key; /* kind -1: the city */
    struct buf bytes;
};

struct world {
    struct dice dice;
    bool eager; /* resolves and commits after each record, and never dies */
    struct kept kept[1024];
    size_t count;
    struct ledger ledger;
    bool sent; /* a commit is on the way */
    int64_t late, rows;
};

static inline struct buf *world_slot(struct world *world, const struct record_key *key)
{
    for (size_t i = 0; i < world->count; i++)
        if (memcmp(&world->kept[i].key, key, sizeof *key) == 0)
            return &world->kept[i].bytes;
    assert_true(world->count < sizeof world->kept / sizeof *world->kept);
    world->kept[world->count].key = *key;
    return &world->kept[world->count++].bytes;
}

static inline void world_resolve(struct world *world)
{
    struct state *state = &kit.state;
    do {
        for (size_t i = 0; i < state->missing_count; i++) {
            const struct buf *bytes = world_slot(world, &state->missing[i]->key);
            assert_int_equal(state_loaded(state, state->missing[i], bytes->size ? bytes->data : NULL, bytes->size), 0);
        }
        state->missing_count = 0;
        state_resolve(state);
    } while (state->missing_count > 0);
}

static inline void world_settle(struct world *world)
{
    if (!world->sent)
        return;
    world->sent = false;
    state_committed(&kit.state);
    state_evict(&kit.state);
}

static inline void world_commit(struct world *world)
{
    struct state *state = &kit.state;
    struct record_key key = {.city_id = CITY, .kind = -1};
    world_settle(world);
    world_resolve(world);
    for (const struct record *record = state->dirty_records; record; record = record->next_dirty) {
        struct buf *bytes = world_slot(world, &record->key);
        buf_reset(bytes);
        if (record->key.kind == RECORD_PANE)
            pane_encode(&record->pane, bytes);
        else
            window_encode(&record->pane.window, bytes);
    }
    if (state->dirty_cities) {
        struct buf *bytes = world_slot(world, &key);
        buf_reset(bytes);
        citystate_encode(&state->dirty_cities->city, bytes);
    }
    (void)!kit_send(&kit);
    for (size_t i = 0; i < state->retiring_count; i++) {
        key = (struct record_key){
            .city_id = CITY, .start_ms = state->retiring[i].start_ms, .kind = state->retiring[i].kind};
        buf_reset(world_slot(world, &key));
    }
    state_evict(state);
    world->ledger = state->ledger;
    world->sent = true;
}

/* Another worker takes over from what was committed. */
static inline void world_start(struct world *world, const struct log *log)
{
    struct record_key key = {.city_id = CITY, .kind = -1};
    kit_init(&kit);
    kit.rules.lateness_ms = log->lateness_ms;
    kit.cache.limit = 0; /* nothing stays that need not */
    if (world->ledger.rows == 0)
        return;
    kit.state.ledger = world->ledger;
    kit.next_offset = world->ledger.offset;
    const struct buf *bytes = world_slot(world, &key);
    char field[CITY_FIELD_BYTES];
    if (bytes->size)
        assert_int_equal(state_take_city(&kit.state, citystate_field(CITY, 0, field), bytes->data, bytes->size), 0);
}

static inline void world_apply(const struct logged *logged)
{
    struct buf bytes = BUF_EMPTY;
    struct control control = {.zone = logged->zone, .country = ""};
    if (logged->zone) {
        assert_int_equal(batch_encode_control(&logged->row, &control, 0, &bytes), 0);
    } else {
        assert_int_equal(batch_encode(&logged->row, 1, 0, &bytes), 0);
    }
    kit_bytes(&kit, bytes.data, bytes.size, logged->clock_ms);
    buf_release(&bytes);
}

/* Reads the whole log; the last commit has everything. */
static inline void world_run(struct world *world, const struct log *log)
{
    world_start(world, log);
    while (kit.next_offset < (int64_t)log->count) {
        world_apply(&log->records[kit.next_offset]);
        int64_t what = dice_below(&world->dice, 12);
        if (what == 0 && !world->eager) {
            kit_release(&kit); /* it dies */
            world->sent = false;
            world_start(world, log);
        } else if (what == 1) {
            world_settle(world);
        } else if (what == 2) {
            world_resolve(world);
        } else if (what == 3 || world->eager) {
            world_commit(world);
        }
    }
    world_commit(world);
    world_settle(world);
    world->late = world->ledger.rows_late;
    world->rows = world->ledger.rows;
    kit_release(&kit);
}

static inline void world_release(struct world *world)
{
    for (size_t i = 0; i < world->count; i++)
        buf_release(&world->kept[i].bytes);
    world->count = 0;
}

static inline int by_record(const void *a, const void *b)
{
    const struct record_key *x = &((const struct kept *)a)->key, *y = &((const struct kept *)b)->key;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->start_ms > y->start_ms) - (x->start_ms < y->start_ms);
}

/* All windows and the city, as bytes. Panes are left out: when they are retired is commits' business. */
static inline void world_dump(struct world *world, struct buf *out)
{
    qsort(world->kept, world->count, sizeof *world->kept, by_record);
    for (size_t i = 0; i < world->count; i++) {
        const struct kept *kept = &world->kept[i];
        if (kept->key.kind == RECORD_PANE || kept->bytes.size == 0)
            continue;
        buf_printf(out, "%d %lld ", kept->key.kind, (long long)kept->key.start_ms);
        buf_append(out, kept->bytes.data, kept->bytes.size);
    }
}

/* ---- what it should be ---- */

/* A trail of all rows of the log, of equal (time, provider) the first: none was too old. */
static inline void log_trail(const struct log *log, struct trail *trail)
{
    for (int64_t start = NOON; start < NOON + 9 * HOUR; start += PANE) {
        struct pane pane;
        pane_init(&pane, start, start + PANE);
        for (size_t i = 0; i < log->count; i++) {
            const struct observation *row = &log->records[i].row;
            if (row->kind == ISOBAR__V1__ROW_KIND__OBSERVATION && row->observed_at_ms >= start &&
                row->observed_at_ms < start + PANE)
                (void)!pane_add(&pane, row, 1);
        }
        trail_take(trail, &pane);
        pane_release(&pane);
    }
}

static inline void same_parts(const struct window *window, const struct trail *trail)
{
    struct trail_region region = {window->start_ms, window->end_ms, PANE};
    struct trail_walk walk;
    struct parts all = {0}, parts;
    int64_t slot_ms;
    for (trail_walk(&walk, trail, &region, -1); trail_next(&walk, &slot_ms, &parts);)
        parts_add(&all, &parts);
    parts_subtract(&all, &window->parts);
    assert_false(parts_any(&all));
}

/* Windows below a day have what lies in them. Days too, when taken together: zones have changed between them. */
static inline void world_check(struct world *world, const struct log *log)
{
    struct trail trail = {0};
    log_trail(log, &trail);
    struct window all;
    window_init(&all, NOON - 30 * HOUR, NOON + 30 * HOUR);
    struct window sums[3] = {all, all, all};
    for (size_t i = 0; i < world->count; i++) {
        struct window window;
        const struct kept *kept = &world->kept[i];
        if (kept->key.kind <= RECORD_PANE || kept->bytes.size == 0)
            continue;
        assert_int_equal(window_decode(&window, kept->bytes.data, kept->bytes.size), 0);
        if (kept->key.kind < 3)
            same_parts(&window, &trail);
        parts_add(&sums[kept->key.kind - 1].parts, &window.parts);
        window_release(&window);
    }
    for (int i = 0; i < 3; i++)
        same_parts(&sums[i], &trail);
    trail_release(&trail);
}

#endif
