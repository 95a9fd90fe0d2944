/* What became of each row: every verdict, and that the windows made are those of the worker's whole processing. */
#include "../../ctl/judge.h"

#include "shard.h"
#include "window_kit.h"
#include "worker_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PARTITION 2
#define PARTS     4
#define BASE      INT64_C(1790002800000) /* a full hour */

static struct rules rules;
static int64_t cities[3]; /* of the partition */

struct seen {
    struct judged rows[64];
    size_t count;
    int64_t versions_asked;
};

static void note(void *arg, const struct judged *row)
{
    struct seen *seen = arg;
    if (seen->count < sizeof seen->rows / sizeof *seen->rows)
        seen->rows[seen->count++] = *row;
}

static const struct rules *rules_of(void *arg, int64_t version)
{
    static struct rules later;
    struct seen *seen = arg;
    seen->versions_asked++;
    later = rules;
    later.version = version;
    later.lateness_ms = 2 * rules.lateness_ms;
    return version == 9 ? NULL : &later;
}

static int start(void **state)
{
    static const char text[] = "[windows]\n10m = 2d\n1h = 30d\n[time]\nlateness = 6h\n";
    struct buf error = BUF_EMPTY;
    (void)state;
    if (rules_parse(&rules, text, sizeof text - 1, &error) != 0)
        fail_msg("%s", error.data);
    rules.version = 3;
    rules.partitions = PARTS;
    size_t found = 0;
    for (int64_t id = 1; found < 3; id++) {
        if (shard_of_city(id, PARTS) == PARTITION)
            cities[found++] = id;
    }
    return 0;
}

static struct judge *judge_of(struct seen *seen, int64_t city)
{
    struct judge_config config = {.rules = &rules,
                                  .rules_of = rules_of,
                                  .rules_arg = seen,
                                  .topic = "t",
                                  .partition = PARTITION,
                                  .city_id = city,
                                  .fn = note,
                                  .arg = seen};
    *seen = (struct seen){.count = 0};
    return judge_new(&config);
}

static struct observation reading(int64_t city, int64_t at_ms, int32_t centi_c)
{
    struct observation row = {.city_id = city, .observed_at_ms = at_ms, .fetched_at_ms = at_ms + 1000, .provider = 17};
    observation_set(&row, ISOBAR__V1__VALUE__TEMPERATURE, centi_c);
    return row;
}

/* Gives a record of these rows to whoever takes records; offsets count up. */
static int64_t offset;

static struct kafka_record record_of(const struct buf *bytes, int64_t at_ms)
{
    offset++;
    return (struct kafka_record){.topic = "t",
                                 .partition = PARTITION,
                                 .offset = offset - 1,
                                 .timestamp_ms = at_ms,
                                 .value = bytes->data,
                                 .size = bytes->size};
}

static void put(struct judge *judge, const struct observation *rows, size_t count, int64_t at_ms)
{
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(batch_encode(rows, count, PARTITION, &bytes), 0);
    struct kafka_record record = record_of(&bytes, at_ms);
    judge_record(judge, &record);
    buf_release(&bytes);
}

static void each_row_has_its_verdict(void **state)
{
    (void)state;
    struct seen seen;
    struct judge *judge = judge_of(&seen, cities[0]);
    struct observation first[] = {reading(cities[1], BASE, 1), reading(cities[0], BASE, 1000),
                                  reading(cities[0], BASE, 1000), reading(cities[0], BASE, 1001),
                                  reading(cities[0], BASE + 20 * MINUTE, 1100)};
    struct observation second[] = {reading(cities[0], BASE + MINUTE, 1010), reading(cities[0], BASE + 40 * MINUTE, 1),
                                   reading(cities[0], BASE - 400 * MINUTE, 1), reading(cities[0], BASE, 1),
                                   reading(cities[0], BASE + 21 * MINUTE, 9000)};
    second[3].kind = ISOBAR__V1__ROW_KIND__CHECKED;
    struct observation other = reading(cities[0], BASE, 1);
    other.series = 1;
    put(judge, first, 5, BASE + 21 * MINUTE);
    put(judge, second, 5, BASE + 22 * MINUTE);
    put(judge, &other, 1, BASE + 22 * MINUTE);
    static const struct {
        enum verdict verdict;
        int64_t offset, row;
        const char *reason;
    } rows[] = {{VERDICT_IN, 0, 1, ""},
                {VERDICT_DUPLICATE, 0, 2, ""},
                {VERDICT_CORRECTION, 0, 3, ""},
                {VERDICT_IN, 0, 4, ""},
                {VERDICT_LATE, 1, 0, ""},
                {VERDICT_BAD, 1, 1, "observed_in_the_future"},
                {VERDICT_RETIRED, 1, 2, "older_than_the_lateness_horizon"},
                {VERDICT_CHECKED, 1, 3, ""},
                {VERDICT_IN, 1, 4, ""}};
    assert_int_equal(seen.count, sizeof rows / sizeof *rows);
    for (size_t i = 0; i < seen.count; i++) {
        if (seen.rows[i].verdict != rows[i].verdict)
            fail_msg("row %zu is %s", i, verdict_name(seen.rows[i].verdict));
        assert_int_equal(seen.rows[i].offset - seen.rows[0].offset, rows[i].offset);
        assert_int_equal(seen.rows[i].row, rows[i].row);
        assert_string_equal(seen.rows[i].reason, rows[i].reason);
        assert_int_equal(seen.rows[i].flags & 1, i == 8); /* RANGE of the temperature */
    }
    assert_int_equal(seen.rows[0].flags, 0);
    assert_int_equal(seen.rows[4].clock_ms, BASE + 22 * MINUTE);
    assert_int_equal(seen.rows[4].produced_at_ms, BASE + 22 * MINUTE);
    assert_int_equal(judge_clock_ms(judge), BASE + 22 * MINUTE);
    struct window window;
    assert_true(judge_window(judge, 0, BASE, BASE + 10 * MINUTE, &window));
    assert_int_equal(window.rows, 2);
    window_release(&window);
    assert_true(judge_window(judge, 1, BASE, BASE + 60 * MINUTE, &window));
    assert_int_equal(window.rows, 4);
    assert_int_equal(window_find(&window, 1)->count, 3);
    window_release(&window);
    assert_false(judge_window(judge, 0, BASE + 30 * MINUTE, BASE + 40 * MINUTE, &window));
    judge_free(judge);
    judge_free(NULL);
}

static void what_cannot_be_decoded_is_counted(void **state)
{
    (void)state;
    struct seen seen;
    struct judge *judge = judge_of(&seen, cities[0]);
    struct buf junk = BUF_EMPTY;
    buf_text(&junk, "\xff\xff junk");
    struct kafka_record record = record_of(&junk, BASE);
    judge_record(judge, &record);
    assert_int_equal(judge_undecodable(judge), 1);
    assert_int_equal(judge_clock_ms(judge), BASE);
    assert_int_equal(seen.count, 0);
    judge_free(judge);
    buf_release(&junk);
}

static void rules_come_into_force_in_the_log(void **state)
{
    (void)state;
    struct seen seen;
    struct judge *judge = judge_of(&seen, cities[0]);
    struct observation row = reading(cities[0], BASE, 1000), old = reading(cities[0], BASE - 400 * MINUTE, 1000);
    int64_t at;
    struct buf bytes = BUF_EMPTY;
    put(judge, &row, 1, BASE + MINUTE);
    assert_int_equal(judge_first_version(judge, &at), 0);
    batch_encode_version(4, BASE, PARTITION, &bytes);
    struct kafka_record record = record_of(&bytes, BASE + MINUTE);
    judge_record(judge, &record);
    assert_int_equal(judge_first_version(judge, &at), 4);
    assert_int_equal(at, record.offset);
    assert_true(judge_knows_rules(judge));
    /* 12 h of lateness now, but what the 6 h before gave up stays so. */
    put(judge, &old, 1, BASE + MINUTE);
    assert_int_equal(seen.rows[1].verdict, VERDICT_RETIRED);
    old.observed_at_ms = BASE - 200 * MINUTE;
    put(judge, &old, 1, BASE + 230 * MINUTE);
    assert_int_equal(seen.rows[2].verdict, VERDICT_LATE);
    /* Version 9 cannot be had; one that is not above is no change. */
    int64_t asked = seen.versions_asked;
    buf_reset(&bytes);
    batch_encode_version(2, BASE, PARTITION, &bytes);
    record = record_of(&bytes, BASE + 230 * MINUTE);
    judge_record(judge, &record);
    assert_int_equal(seen.versions_asked, asked);
    buf_reset(&bytes);
    batch_encode_version(9, BASE, PARTITION, &bytes);
    record = record_of(&bytes, BASE + 230 * MINUTE);
    judge_record(judge, &record);
    assert_false(judge_knows_rules(judge));
    assert_int_equal(judge_first_version(judge, &at), 4);
    judge_free(judge);
    buf_release(&bytes);
}

/* ---- against the worker's processing of everything ---- */

static void drop_letter(void *arg, const char *reason, const struct kafka_record *record, int64_t row)
{
    (void)arg, (void)reason, (void)record, (void)row;
}

struct whole {
    struct state state;
    struct worker_metrics metrics;
    struct cache cache;
    struct batch *batch;
};

static void whole_apply(struct whole *whole, const struct kafka_record *record)
{
    struct state *state = &whole->state;
    assert_true(state_apply(state, record));
    while (state_ticking(state))
        state_tick_step(state);
    resolve_without_stored(state);
}

/* A record of some rows of all cities, now and then a tick. */
static struct buf random_record(struct dice *dice, int64_t at_ms, int32_t *value)
{
    static const int64_t ages[] = {0, 0, 0, 1, 2, 11, 35, 90, 250, 500, -3, -9};
    struct observation rows[8];
    size_t count = (size_t)(1 + dice_below(dice, 8));
    struct buf bytes = BUF_EMPTY;
    for (size_t i = 0; i < count; i++) {
        *value += dice_between(dice, -60, 60);
        rows[i] = reading(cities[dice_below(dice, 3)], at_ms - ages[dice_below(dice, 12)] * MINUTE, *value);
        rows[i].provider = dice_between(dice, 1, 2);
        rows[i].series = dice_below(dice, 4) == 0;
    }
    if (dice_below(dice, 10) == 0)
        rows[0] = (struct observation){.kind = ISOBAR__V1__ROW_KIND__TICK, .observed_at_ms = at_ms};
    assert_int_equal(batch_encode(rows, count, PARTITION, &bytes), 0);
    return bytes;
}

/* All windows of the city and series that the worker has made, against the judge's. */
static size_t compare(const struct whole *whole, const struct judge *judge, int64_t city)
{
    size_t compared = 0;
    for (const struct record *record = whole->state.records; record; record = record->hh.next) {
        const struct window *window = &record->pane.window;
        struct window made, all;
        if (record->key.kind == RECORD_PANE || record->key.city_id != city || record->key.series != 0)
            continue;
        window_init(&all, window->start_ms, window->end_ms);
        window_merge(&all, window);
        const struct citystate *state = &state_city((struct state *)(uintptr_t)&whole->state, city, 0)->city;
        for (int32_t i = 0; i < state->open_count; i++) {
            const struct window *pane = &state->open[i].window;
            if (pane->start_ms >= all.start_ms && pane->end_ms <= all.end_ms)
                window_merge(&all, pane);
        }
        assert_true(judge_window(judge, (size_t)record->key.kind - 1, window->start_ms, window->end_ms, &made));
        assert_int_equal(made.revision, window->revision);
        made.revision = all.revision;
        made.updated_at_ms = all.updated_at_ms;
        assert_same_bytes(&all, &made);
        window_release(&made);
        window_release(&all);
        compared++;
    }
    return compared;
}

static void one_city_alone_comes_out_as_among_all(void **state)
{
    (void)state;
    struct seen seen;
    struct dice dice = {17};
    struct whole whole = {.batch = batch_new(), .cache.limit = SIZE_MAX};
    struct judge *judges[3];
    int32_t value = 1000;
    struct state_config config = {.rules = &rules,
                                  .metrics = &whole.metrics,
                                  .partition = PARTITION,
                                  .topic = "t",
                                  .batch = whole.batch,
                                  .cache = &whole.cache,
                                  .letter = drop_letter};
    state_init(&whole.state, &config);
    whole.state.ledger.config_version = rules.version;
    for (int i = 0; i < 3; i++)
        judges[i] = judge_of(&seen, cities[i]);
    whole.state.ledger.offset = offset;
    for (int step = 0; step < 400; step++) {
        int64_t at_ms = BASE + step * 4 * MINUTE + (step > 200 ? 90 * MINUTE : 0); /* once all are silent */
        struct buf bytes = random_record(&dice, at_ms, &value);
        struct kafka_record record = record_of(&bytes, at_ms);
        whole_apply(&whole, &record);
        for (int i = 0; i < 3; i++)
            judge_record(judges[i], &record);
        buf_release(&bytes);
    }
    size_t compared = 0;
    for (int i = 0; i < 3; i++)
        compared += compare(&whole, judges[i], cities[i]);
    assert_true(compared > 300);
    for (int i = 0; i < 3; i++)
        judge_free(judges[i]);
    state_release(&whole.state);
    batch_free(whole.batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_has_its_verdict),
        cmocka_unit_test(what_cannot_be_decoded_is_counted),
        cmocka_unit_test(rules_come_into_force_in_the_log),
        cmocka_unit_test(one_city_alone_comes_out_as_among_all),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
