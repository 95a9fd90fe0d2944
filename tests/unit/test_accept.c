/*
 * Quality control and corrections in a worker: the order of decisions, what a verdict changes and what it leaves, late
 * rows, and that neither a hand-over nor a replay changes a bit.
 */
#include "seeds.h"
#include "worker_fixture.h"

#define V(value)          ISOBAR__V1__VALUE__##value
#define FLAG(test, group) QUALITY_BIT(ISOBAR__V1__QUALITY_TEST__##test, ISOBAR__V1__QUALITY_GROUP__GROUP_##group)
#define TEMPERATURE       ISOBAR__V1__METRIC__METRIC_TEMPERATURE

static int begin_judged(void **state)
{
    begin(state);
    quality_defaults(&kit.rules.quality);
    return 0;
}

static void assert_counts(int64_t in, int64_t late, int64_t duplicate, int64_t correction, int64_t bad)
{
    const struct ledger *l = &kit.state.ledger;
    const struct citystate *city = kit_city(&kit, CITY);
    kit_holds(&kit.state);
    assert_int_equal(l->rows_in, in);
    assert_int_equal(l->rows_late, late);
    assert_int_equal(l->rows_duplicate, duplicate);
    assert_int_equal(l->rows_correction, correction);
    assert_int_equal(l->rows_bad, bad);
    assert_int_equal(city->rows_duplicate, duplicate);
    assert_int_equal(city->rows_correction, correction);
    assert_int_equal(kit.metrics.rows_correction_total, correction);
}

static const struct window *open_window(void)
{
    struct window *window = &kit_city(&kit, CITY)->open[0].window;
    window_unpack_single(window);
    return window;
}

/* Rows of the city that had this flag, which is also what the metric says: there is no other city. */
static int64_t flagged(int64_t flag)
{
    const struct quality_tally *tally = &kit_city(&kit, CITY)->flagged;
    int bit = __builtin_ctzll((uint64_t)flag);
    int64_t rows = 0;
    for (int32_t i = 0; i < tally->count; i++) {
        if (tally->counts[i].bit == bit)
            rows = tally->counts[i].rows;
    }
    assert_int_equal(kit.metrics.quality_flags[bit], rows);
    return rows;
}

/* ---- corrections ---- */

static void the_same_reading_with_other_values_is_a_correction(void **state)
{
    (void)state;
    struct observation row = kit_row(CITY, NOON, 100);
    kit_one(&kit, row, NOON);
    row.fetched_at_ms++; /* not what it says */
    row.quality = FLAG(SOURCE_FAIL, TEMPERATURE);
    kit_one(&kit, row, NOON);
    assert_counts(1, 0, 1, 0, 0);
    kit_one(&kit, kit_row(CITY, NOON, 101), NOON);
    assert_counts(1, 0, 1, 1, 0);
    observation_set(&row, V(RAIN), 0); /* one value more */
    kit_one(&kit, row, NOON);
    row = kit_row(CITY, NOON, 100);
    row.accumulation_s = 3600; /* the same number is another reading */
    kit_one(&kit, row, NOON);
    assert_counts(1, 0, 1, 3, 0);
    assert_int_equal(window_find(open_window(), TEMPERATURE)->sum, 100);
    assert_int_equal(open_window()->rows, 1);
    assert_int_equal(kit_city(&kit, CITY)->latest.quality, 0);
}

/* 360 deg is north, whoever says so: not a correction of 0. */
static void north_has_one_name(void **state)
{
    (void)state;
    struct observation row = kit_row(CITY, NOON, 100);
    observation_set(&row, V(WIND_SPEED), 1000);
    observation_set(&row, V(WIND_DIRECTION), 36000);
    kit_one(&kit, row, NOON);
    observation_set(&row, V(WIND_DIRECTION), 0);
    kit_one(&kit, row, NOON);
    assert_counts(1, 0, 1, 0, 0);
    assert_int_equal(open_window()->wind->north_mm_s, -10000);
    assert_int_equal(open_window()->wind->rose[0], 1);
}

static void late_corrections_are_found(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 100), NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON, 101), NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON + 1, 200), NOON + HOUR); /* new, then known as it came */
    kit_one(&kit, kit_row(CITY, NOON + 1, 200), NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON + 1, 201), NOON + HOUR);
    kit_resolve(&kit);
    assert_counts(2, 1, 2, 2, 0);
    assert_int_equal(window_find(kit_window(&kit, 1, CITY, NOON), TEMPERATURE)->sum, 300);
    kit_commit(&kit);
}

static void a_reading_that_failed_is_known_as_it_came(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 9999), NOON);
    kit_one(&kit, kit_row(CITY, NOON, 9999), NOON);
    kit_one(&kit, kit_row(CITY, NOON, 9998), NOON);
    assert_counts(1, 0, 1, 1, 0);
    assert_int_equal(open_window()->rows, 1);
    assert_null(window_find(open_window(), TEMPERATURE));
}

static void a_full_pane_still_knows_what_is_in_it(void **state)
{
    (void)state;
    for (int i = 0; i < PANE_MAX_READINGS; i++)
        kit_one(&kit, kit_row(CITY, NOON + i, 100), NOON);
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
    kit_one(&kit, kit_row(CITY, NOON, 101), NOON);
    kit_one(&kit, kit_row(CITY, NOON + PANE - 1, 100), NOON + PANE);
    assert_counts(PANE_MAX_READINGS, 0, 1, 1, 1);
    assert_string_equal(kit.reason, "too_many_readings_in_one_pane");
}

/* Panes of an older version have no bodies: nothing can be told apart. */
static void a_reading_of_unknown_body_is_a_duplicate(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
    kit_city(&kit, CITY)->open[0].seen[0].body = 0;
    kit_one(&kit, kit_row(CITY, NOON, 999), NOON);
    assert_counts(1, 0, 1, 0, 0);
}

/* ---- verdicts ---- */

static void what_fails_is_kept_out_and_shown(void **state)
{
    (void)state;
    struct observation row = kit_row(CITY, NOON, 6001);
    observation_set(&row, V(WIND_SPEED), 500);
    observation_set(&row, V(WIND_DIRECTION), 123456);
    observation_set(&row, V(HUMIDITY), 5000);
    row.quality = FLAG(STEP, HUMIDITY) | FLAG(SOURCE_SUSPECT, HUMIDITY); /* the first is not the source's to say */
    kit_one(&kit, row, NOON);
    const int64_t wanted = FLAG(RANGE, TEMPERATURE) | FLAG(RANGE, WIND) | FLAG(SOURCE_SUSPECT, HUMIDITY);
    const struct citystate *city = kit_city(&kit, CITY);
    assert_counts(1, 0, 0, 0, 0);
    assert_int_equal(city->latest.quality, wanted);
    int32_t value = 0;
    assert_true(latest_value(&city->latest, V(TEMPERATURE), &value));
    assert_int_equal(value, 6001);
    assert_true(latest_value(&city->latest, V(WIND_DIRECTION), &value));
    assert_int_equal(value, 123456);
    assert_int_equal(open_window()->rows, 1);
    assert_null(window_find(open_window(), TEMPERATURE));
    assert_null(open_window()->wind);
    assert_int_equal(window_find(open_window(), ISOBAR__V1__METRIC__METRIC_HUMIDITY)->sum, 5000);
    assert_int_equal(window_find(open_window(), ISOBAR__V1__METRIC__METRIC_WIND_SPEED)->sum, 500);
    assert_int_equal(city->flagged.count, 3);
    assert_int_equal(flagged(FLAG(RANGE, TEMPERATURE)), 1);
    assert_int_equal(flagged(FLAG(RANGE, WIND)), 1);
    assert_int_equal(flagged(FLAG(SOURCE_SUSPECT, HUMIDITY)), 1);
    assert_int_equal(city->history.past_count, 1); /* the humidity */
}

static void a_row_all_of_whose_values_fail_is_a_row(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, -8001), NOON);
    assert_counts(1, 0, 0, 0, 0);
    assert_int_equal(open_window()->rows, 1);
    assert_int_equal(open_window()->metric_count, 0);
    assert_int_equal(kit_city(&kit, CITY)->history.past_count, 0);
    assert_int_equal(kit_city(&kit, CITY)->history.run_count, 0);
    assert_int_equal(kit_city(&kit, CITY)->watermark_ms, NOON);
}

/* A jump is measured against what was good: the second wrong value is no excuse for the third. */
static void a_spike_is_not_what_the_next_reading_is_measured_by(void **state)
{
    (void)state;
    static const struct {
        int32_t value;
        int64_t flags;
    } rows[] = {{1000, 0},
                {3000, FLAG(STEP, TEMPERATURE) | FLAG(JUMP, TEMPERATURE)},
                {3000, FLAG(STEP, TEMPERATURE) | FLAG(JUMP, TEMPERATURE)},
                {1100, 0},
                {1501, FLAG(STEP, TEMPERATURE)}, /* against the first of the hour */
                {1400, 0},
                {9000, FLAG(RANGE, TEMPERATURE)}};
    int64_t sum = 0, count = 0;
    for (int i = 0; i < 7; i++) {
        kit_one(&kit, kit_row(CITY, NOON + i * SECOND, rows[i].value), NOON);
        assert_int_equal(kit_city(&kit, CITY)->latest.quality, rows[i].flags);
        if (!(rows[i].flags & ~FLAG(STEP, TEMPERATURE))) {
            sum += rows[i].value;
            count++;
        }
    }
    assert_int_equal(window_find(open_window(), TEMPERATURE)->sum, sum);
    assert_int_equal(window_find(open_window(), TEMPERATURE)->count, count);
    assert_int_equal(flagged(FLAG(STEP, TEMPERATURE)), 3);
    assert_int_equal(flagged(FLAG(JUMP, TEMPERATURE)), 2);
}

static void a_sensor_that_hangs_is_suspect_after_six_hours(void **state)
{
    (void)state;
    for (int i = 0; i <= 80; i++) { /* each 5 min */
        kit_one(&kit, kit_row(CITY, NOON + i * 5 * MINUTE, 1000 + i % 2), NOON + i * 5 * MINUTE);
        assert_int_equal(kit_city(&kit, CITY)->latest.quality, i >= 72 ? FLAG(PERSISTENCE, TEMPERATURE) : 0);
    }
    assert_int_equal(flagged(FLAG(PERSISTENCE, TEMPERATURE)), 9);
    kit_commit(&kit);
    assert_int_equal(window_find(kit_window(&kit, 2, CITY, NOON + 6 * HOUR), TEMPERATURE)->count, 7); /* all of them */
}

/* ---- late rows ---- */

static void a_late_row_is_judged_when_it_comes_and_changes_no_history(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1000), NOON);
    kit_one(&kit, kit_row(CITY, NOON + 2 * HOUR, 1000), NOON + 2 * HOUR);
    struct quality_history before = kit_city(&kit, CITY)->history;
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 3000), NOON + 2 * HOUR);          /* a jump from noon */
    kit_one(&kit, kit_row(CITY, NOON + HOUR + MINUTE, 3000), NOON + 2 * HOUR); /* none: too far from noon */
    kit_one(&kit, kit_row(CITY, NOON + HOUR + 1, 6001), NOON + 2 * HOUR);
    assert_int_equal(flagged(FLAG(JUMP, TEMPERATURE)), 0); /* it is not decided yet whether they are new */
    kit_resolve(&kit);
    assert_counts(2, 3, 0, 0, 0);
    assert_int_equal(flagged(FLAG(JUMP, TEMPERATURE)), 1);
    assert_int_equal(flagged(FLAG(STEP, TEMPERATURE)), 2);
    assert_int_equal(flagged(FLAG(RANGE, TEMPERATURE)), 1);
    const struct window *window = kit_window(&kit, 2, CITY, NOON + HOUR);
    assert_int_equal(window->rows, 3);
    assert_int_equal(window_find(window, TEMPERATURE)->sum, 3000);
    assert_memory_equal(&kit_city(&kit, CITY)->history, &before, sizeof before);
    kit_commit(&kit);
}

static void a_late_row_that_is_the_newest_is_the_latest_with_its_verdict(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1000), NOON);
    kit_tick(&kit, NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON + 30 * MINUTE, 3000), NOON + HOUR);
    assert_int_equal(kit_city(&kit, CITY)->latest.quality, FLAG(STEP, TEMPERATURE) | FLAG(JUMP, TEMPERATURE));
    assert_int_equal(kit_city(&kit, CITY)->latest.observed_at_ms, NOON + 30 * MINUTE);
    /* What failed is not what others are measured by. */
    kit_one(&kit, kit_row(CITY, NOON + 31 * MINUTE, 1000), NOON + HOUR);
    assert_int_equal(kit_city(&kit, CITY)->latest.quality, 0);
    kit_commit(&kit);
}

/* What goes to the dead letters is what came: the verdict is not the producer's. */
static void a_late_row_that_is_refused_takes_no_verdict_along(void **state)
{
    (void)state;
    struct observation row = kit_row(CITY, NOON + PANE_MAX_READINGS, 6001), plain = row;
    for (int i = 0; i < PANE_MAX_READINGS; i++)
        kit_one(&kit, kit_row(CITY, NOON + i, 100), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 100), NOON + HOUR);
    kit_one(&kit, row, NOON + HOUR);
    kit_resolve(&kit);
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(batch_encode(&plain, 1, 0, &bytes), 0);
    assert_int_equal(kit.letters, 1);
    assert_int_equal(kit.letter_bytes, bytes.size);
    assert_counts(PANE_MAX_READINGS + 1, 0, 0, 0, 1);
    assert_int_equal(flagged(FLAG(RANGE, TEMPERATURE)), 0);
    buf_release(&bytes);
    kit_commit(&kit);
}

/* ---- whole logs ---- */

/* A day of readings of few cities and values, out of order, repeated, corrected, hanging, jumping. */
static size_t make_rows(struct dice *dice, int64_t clock_ms, struct observation rows[4])
{
    size_t count = (size_t)dice_between(dice, 1, 4);
    for (size_t i = 0; i < count; i++) {
        int64_t back = dice_below(dice, 10) ? dice_below(dice, 4) : dice_below(dice, 60);
        rows[i] = kit_row(1 + dice_below(dice, 3), window_start(clock_ms, 5 * MINUTE) - back * 5 * MINUTE,
                          dice_below(dice, 8) ? 1000 : dice_between(dice, -500, 3500));
        rows[i].provider = dice_between(dice, 1, 2);
        if (dice_below(dice, 30) == 0)
            rows[i].value[V(TEMPERATURE)] = dice_between(dice, 5990, 6010);
        if (dice_below(dice, 2))
            observation_set(&rows[i], V(HUMIDITY), dice_between(dice, 0, 10100));
        if (dice_below(dice, 2))
            observation_set(&rows[i], V(PRESSURE_SEA_LEVEL), 101300 + dice_between(dice, 0, 3) * 500);
        observation_set(&rows[i], V(WIND_SPEED), dice_below(dice, 20) ? 300 : dice_between(dice, -1, 60));
        observation_set(&rows[i], V(WIND_DIRECTION), dice_below(dice, 20) ? 36000 : dice_between(dice, 0, 36010));
        if (rows[i].city_id == 1)
            observation_set(&rows[i], V(PRESSURE_STATION), 98000); /* hangs */
        rows[i].quality = dice_below(dice, 40) ? 0 : FLAG(SOURCE_FAIL, HUMIDITY);
    }
    return count;
}

/* Everything a partition knows of its cities, as bytes, and its counters. */
static void dump(struct kit *of, struct buf *out)
{
    for (int64_t id = 1; id <= 3; id++)
        citystate_encode(kit_city(of, id), out);
    struct ledger ledger = of->state.ledger;
    ledger.commits = ledger.pane_cursor_ms = 0; /* a hand-over is a commit, which moves cursors */
    memset(ledger.window_cursor_ms, 0, sizeof ledger.window_cursor_ms);
    buf_append(out, &ledger, sizeof ledger);
    buf_append(out, of->metrics.quality_flags, sizeof of->metrics.quality_flags);
}

/* The cities go to a new owner, as their bytes; closed panes and windows are in Redis, of which there is none here. */
static void hand_over(struct kit *to)
{
    struct kit *from = &kit;
    for (int64_t id = 1; id <= 3; id++) {
        char field[CITY_FIELD_BYTES];
        struct buf bytes = BUF_EMPTY;
        citystate_encode(kit_city(from, id), &bytes);
        assert_int_equal(state_take_city(&to->state, citystate_field(id, 0, field), bytes.data, bytes.size), 0);
        buf_release(&bytes);
    }
    to->state.ledger = from->state.ledger;
    to->next_offset = from->next_offset;
    memcpy(to->metrics.quality_flags, from->metrics.quality_flags, sizeof to->metrics.quality_flags);
    kit_release(from);
    *from = *to;
    from->state.rules = &from->rules;
    from->state.metrics = &from->metrics;
    from->state.cache = &from->cache;
    from->state.letter_arg = from;
}

/* Applies the log; `every` so many records the partition is handed over. */
static void run_log(uint64_t seed, int every, struct buf *out)
{
    struct dice dice = {seed};
    struct observation rows[4];
    int64_t clock = NOON;
    kit_init(&kit);
    quality_defaults(&kit.rules.quality);
    kit.rules.allowed_delay_ms = 6 * HOUR; /* all rows come in time: late ones ask for panes */
    for (int i = 0; i < 1500; i++) {
        clock += dice_below(&dice, 2 * MINUTE);
        kit_feed(&kit, rows, make_rows(&dice, clock, rows), clock);
        if (every && i % every == every - 1) {
            struct kit next;
            kit_commit(&kit);
            kit_init(&next);
            next.rules = kit.rules;
            hand_over(&next);
        }
    }
    kit_commit(&kit);
    dump(&kit, out);
}

static void neither_replay_nor_hand_over_changes_a_bit(void **state)
{
    (void)state;
    static const int every[] = {0, 0, 1, 7, 100};
    for (uint64_t seed = 1; seed <= SEEDS_OF(4); seed++) {
        struct buf first = BUF_EMPTY;
        for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
            struct buf again = BUF_EMPTY;
            run_log(seed, every[i], i ? &again : &first);
            if (i) {
                assert_int_equal(again.size, first.size);
                assert_memory_equal(again.data, first.data, first.size);
            }
            const struct ledger *l = &kit.state.ledger;
            assert_true(l->rows_in > 500 && l->rows_duplicate > 5 && l->rows_correction > 100);
            for (int test = 0; test < QUALITY_TESTS; test++) {
                int64_t flags = 0;
                for (int group = 0; group < QUALITY_GROUPS; group++)
                    flags += kit.metrics.quality_flags[test * QUALITY_GROUPS + group];
                bool asked =
                    test != ISOBAR__V1__QUALITY_TEST__SOURCE_SUSPECT && test != ISOBAR__V1__QUALITY_TEST__CONSISTENCY;
                assert_true(!asked || flags > 0); /* the log has something of each */
            }
            kit_release(&kit);
            buf_release(&again);
        }
        buf_release(&first);
    }
}

/* Late rows are decided in one go or one by one: the bits are the same. */
static void when_late_rows_are_resolved_makes_no_difference(void **state)
{
    (void)state;
    struct buf first = BUF_EMPTY, second = BUF_EMPTY;
    for (int way = 0; way < 2; way++) {
        struct dice dice = {77};
        struct observation rows[4];
        int64_t clock = NOON;
        kit_init(&kit);
        quality_defaults(&kit.rules.quality);
        kit.cache.limit = SIZE_MAX;
        for (int i = 0; i < 1000; i++) {
            clock += dice_below(&dice, 4 * MINUTE);
            kit_feed(&kit, rows, make_rows(&dice, clock, rows), clock);
            if (way)
                kit_resolve(&kit);
        }
        kit_resolve(&kit);
        assert_true(kit.state.ledger.rows_late > 100 && kit.state.ledger.rows_correction > 100);
        dump(&kit, way ? &second : &first);
        kit_release(&kit);
    }
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    buf_release(&first);
    buf_release(&second);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_judged, end)
    const struct CMUnitTest tests[] = {
        TEST(the_same_reading_with_other_values_is_a_correction),
        TEST(north_has_one_name),
        TEST(late_corrections_are_found),
        TEST(a_reading_that_failed_is_known_as_it_came),
        TEST(a_full_pane_still_knows_what_is_in_it),
        TEST(a_reading_of_unknown_body_is_a_duplicate),
        TEST(what_fails_is_kept_out_and_shown),
        TEST(a_row_all_of_whose_values_fail_is_a_row),
        TEST(a_spike_is_not_what_the_next_reading_is_measured_by),
        TEST(a_sensor_that_hangs_is_suspect_after_six_hours),
        TEST(a_late_row_is_judged_when_it_comes_and_changes_no_history),
        TEST(a_late_row_that_is_the_newest_is_the_latest_with_its_verdict),
        TEST(a_late_row_that_is_refused_takes_no_verdict_along),
        cmocka_unit_test(neither_replay_nor_hand_over_changes_a_bit),
        cmocka_unit_test(when_late_rows_are_resolved_makes_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
