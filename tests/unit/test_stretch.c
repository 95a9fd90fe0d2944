/*
 * Stretches in windows: by hand for rows in order, after a tick, late, and over edges; and at random: whatever order
 * rows come in, windows have what a trail of all accepted rows gives, and whenever late rows are resolved, commits are
 * made or a worker dies, the same log gives the same bits.
 */
#include "stretch_log.h"

static int begin(void **state)
{
    (void)state;
    kit_init(&kit);
    kit.cache.limit = SIZE_MAX; /* nothing is stored: it must stay in memory */
    return 0;
}

static int end(void **state)
{
    (void)state;
    kit_release(&kit);
    return 0;
}

/* A reading with rain over the last hour; -1: without. */
static struct observation rainy(int64_t at_ms, int32_t rain_um)
{
    struct observation row = kit_row(CITY, at_ms, 100);
    row.accumulation_s = 3600;
    if (rain_um >= 0)
        observation_set(&row, ISOBAR__V1__VALUE__RAIN, rain_um);
    return row;
}

/* It comes a second after it was observed, and late rows are decided. */
static void feed(int64_t at_ms, int32_t rain_um)
{
    int64_t clock_ms = at_ms + SECOND > kit.state.ledger.clock_ms ? at_ms + SECOND : kit.state.ledger.clock_ms;
    kit_one(&kit, rainy(at_ms, rain_um), clock_ms);
    kit_resolve(&kit);
}

static void assert_window(int32_t kind, int64_t at_ms, struct parts wanted)
{
    const struct parts *is = &kit_window(&kit, kind, CITY, at_ms)->parts;
    assert_int_equal(is->rain_um, wanted.rain_um);
    assert_int_equal(is->rain_covered_ms, wanted.rain_covered_ms);
    assert_int_equal(is->snow_um, wanted.snow_um);
    assert_int_equal(is->snow_covered_ms, wanted.snow_covered_ms);
    assert_int_equal(is->covered_ms, wanted.covered_ms);
}

/* ---- by hand ---- */

static void rows_in_order(void **state)
{
    (void)state;
    for (int i = 0; i <= 12; i++)
        feed(NOON + i * 10 * MINUTE, 6000);
    /* 14:00 has come, so all is closed through 13:55. */
    assert_window(2, NOON, (struct parts){.rain_um = 6000, .rain_covered_ms = HOUR, .covered_ms = HOUR});
    assert_window(2, NOON - HOUR, (struct parts){.rain_um = 6000, .rain_covered_ms = HOUR, .covered_ms = HOUR});
    assert_window(2, NOON + HOUR,
                  (struct parts){.rain_um = 5500, .rain_covered_ms = 55 * MINUTE, .covered_ms = 55 * MINUTE});
    assert_window(1, NOON + 30 * MINUTE,
                  (struct parts){.rain_um = 1000, .rain_covered_ms = 10 * MINUTE, .covered_ms = 10 * MINUTE});
    assert_window(3, NOON,
                  (struct parts){.rain_um = 17500, .rain_covered_ms = 175 * MINUTE, .covered_ms = 175 * MINUTE});
    assert_int_equal(kit_window(&kit, 2, CITY, NOON)->revision, 0);
    const struct citystate *city = kit_city(&kit, CITY);
    assert_int_equal(city->last_ms[TRAIL_COVERED], NOON + 110 * MINUTE);
    assert_int_equal(city->last_ms[TRAIL_RAIN], NOON + 110 * MINUTE);
    assert_int_equal(city->last_ms[TRAIL_SNOW], 0);
    assert_int_equal(city->accumulation_max_s, 3600);
    for (int32_t i = 0; i < city->open_count; i++)
        assert_false(parts_any(&city->open[i].window.parts)); /* readers compute them */
    assert_false(parts_any(&kit_window(&kit, RECORD_PANE, CITY, NOON)->parts));
}

/* A window that no row is in, and yet somebody knows what fell in it. */
static void windows_between_rows(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        feed(NOON + i * 30 * MINUTE, 600);
    const struct window *window = kit_window(&kit, 1, CITY, NOON + 40 * MINUTE);
    assert_int_equal(window->rows, 0);
    assert_int_equal(window->updated_at_ms, NOON + HOUR + SECOND); /* when it was closed */
    assert_window(1, NOON + 40 * MINUTE,
                  (struct parts){.rain_um = 100, .rain_covered_ms = 10 * MINUTE, .covered_ms = 10 * MINUTE});
    assert_int_equal(kit_record(&kit, 1, CITY, NOON + 40 * MINUTE)->added, 0);
    assert_null(kit_record(&kit, RECORD_PANE, CITY, NOON + 40 * MINUTE)); /* of rows only */
}

static void the_first_row_after_a_tick(void **state)
{
    (void)state;
    feed(NOON, 0);
    kit_tick(&kit, NOON + 50 * MINUTE); /* closes through 12:45 */
    kit_resolve(&kit);
    assert_int_equal(kit_city(&kit, CITY)->closed_through_ms, NOON + 45 * MINUTE);
    assert_null(kit_record(&kit, 1, CITY, NOON + 20 * MINUTE)); /* nothing is known of it */
    feed(NOON + 55 * MINUTE, 3600);
    assert_window(1, NOON + 20 * MINUTE,
                  (struct parts){.rain_um = 600, .rain_covered_ms = 10 * MINUTE, .covered_ms = 10 * MINUTE});
    const struct window *window = kit_window(&kit, 1, CITY, NOON + 20 * MINUTE);
    assert_int_equal(window->rows, 0);
    assert_int_equal(window->revision, 1); /* it was final, and had nothing */
    assert_int_equal(window->revised_at_ms, NOON + 55 * MINUTE + SECOND);
    assert_int_equal(window->updated_at_ms, NOON + 55 * MINUTE + SECOND);
    window = kit_window(&kit, 1, CITY, NOON + 40 * MINUTE); /* 12:40 to 12:50 was not */
    assert_int_equal(window->revision, 0);
    assert_int_equal(window->parts.covered_ms, 10 * MINUTE);
    feed(NOON + 65 * MINUTE, 3600);
    assert_window(2, NOON, (struct parts){.rain_um = 55 * 60 + 5 * 60, .rain_covered_ms = HOUR, .covered_ms = HOUR});
}

/* Rain is mostly reported while it rains: the first such row stands for its hour, whatever is closed. */
static void rain_that_begins(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        feed(NOON + i * 10 * MINUTE, -1);
    feed(NOON + HOUR, 60);
    assert_window(1, NOON + 20 * MINUTE,
                  (struct parts){.rain_um = 10, .rain_covered_ms = 10 * MINUTE, .covered_ms = 10 * MINUTE});
    assert_int_equal(kit_window(&kit, 1, CITY, NOON + 20 * MINUTE)->revision, 1);
    assert_int_equal(kit_window(&kit, 2, CITY, NOON)->revision, 0);
    assert_int_equal(kit_window(&kit, 2, CITY, NOON)->parts.rain_covered_ms, 55 * MINUTE);
}

static void a_late_row_corrects_its_successor(void **state)
{
    (void)state;
    feed(NOON, 0);
    feed(NOON + 40 * MINUTE, 3600); /* 12:00 to 12:40: 2,400 um */
    feed(NOON + 100 * MINUTE, -1);
    assert_window(1, NOON + 10 * MINUTE,
                  (struct parts){.rain_um = 600, .rain_covered_ms = 10 * MINUTE, .covered_ms = 10 * MINUTE});
    assert_window(2, NOON, (struct parts){.rain_um = 2400, .rain_covered_ms = 40 * MINUTE, .covered_ms = HOUR});
    feed(NOON + 25 * MINUTE, 60); /* 12:00 to 12:25: one um a minute, no longer 60 */
    assert_window(1, NOON + 10 * MINUTE,
                  (struct parts){.rain_um = 10, .rain_covered_ms = 10 * MINUTE, .covered_ms = 10 * MINUTE});
    assert_window(1, NOON + 20 * MINUTE, /* half of each */
                  (struct parts){.rain_um = 305, .rain_covered_ms = 10 * MINUTE, .covered_ms = 10 * MINUTE});
    assert_window(2, NOON, (struct parts){.rain_um = 25 + 900, .rain_covered_ms = 40 * MINUTE, .covered_ms = HOUR});
    for (int i = 0; i < 6; i++) /* what changed was revised once, with or without the row */
        assert_int_equal(kit_window(&kit, 1, CITY, NOON + i * 10 * MINUTE)->revision, i <= 2);
    assert_int_equal(kit_window(&kit, 2, CITY, NOON)->revision, 1);
    assert_int_equal(kit_window(&kit, 1, CITY, NOON)->revised_at_ms, NOON + 100 * MINUTE + SECOND);
}

/* Of two providers the smaller one counts, though it came later. */
static void the_smaller_provider_takes_over(void **state)
{
    (void)state;
    struct observation row = rainy(NOON, 600);
    kit_one(&kit, row, NOON);
    feed(NOON + 2 * HOUR, -1);
    row.provider = ISOBAR__V1__PROVIDER__NWS;
    observation_set(&row, ISOBAR__V1__VALUE__RAIN, 60);
    kit_one(&kit, row, NOON + 2 * HOUR + SECOND);
    kit_resolve(&kit);
    assert_window(2, NOON - HOUR, (struct parts){.rain_um = 60, .rain_covered_ms = HOUR, .covered_ms = HOUR});
    row.provider = ISOBAR__V1__PROVIDER__STATION;
    observation_set(&row, ISOBAR__V1__VALUE__RAIN, 7);
    kit_one(&kit, row, NOON + 2 * HOUR + SECOND);
    kit_resolve(&kit);
    assert_window(2, NOON - HOUR, (struct parts){.rain_um = 60, .rain_covered_ms = HOUR, .covered_ms = HOUR});
}

static void a_stretch_over_midnight(void **state)
{
    (void)state;
    int64_t midnight = NOON + 12 * HOUR;
    feed(midnight - 20 * MINUTE, 0);
    feed(midnight + 10 * MINUTE, 1200);
    feed(midnight + 30 * MINUTE, 0);
    assert_window(3, NOON, (struct parts){.rain_um = 400, .rain_covered_ms = 80 * MINUTE, .covered_ms = 80 * MINUTE});
    assert_window(3, midnight,
                  (struct parts){.rain_um = 200, .rain_covered_ms = 25 * MINUTE, .covered_ms = 25 * MINUTE});
}

/* Days of a city far east begin in the afternoon. */
static void a_stretch_over_a_civil_midnight(void **state)
{
    (void)state;
    struct buf bytes = BUF_EMPTY;
    struct observation row = kit_kind(ISOBAR__V1__ROW_KIND__CONTROL, CITY, NOON);
    struct control control = {.zone = "Asia/Kathmandu", .country = ""}; /* UTC+5:45: midnight is 18:15 */
    assert_int_equal(batch_encode_control(&row, &control, 0, &bytes), 0);
    kit_bytes(&kit, bytes.data, bytes.size, NOON);
    buf_release(&bytes);
    feed(NOON + 6 * HOUR, 0);
    feed(NOON + 6 * HOUR + 30 * MINUTE, 60);
    feed(NOON + 7 * HOUR, 0);
    const struct window *day = &kit_record(&kit, 3, CITY, NOON)->pane.window;
    assert_int_equal(day->end_ms, NOON + 6 * HOUR + 15 * MINUTE);
    assert_int_equal(day->parts.rain_um, 15);
    assert_int_equal(day->parts.covered_ms, 75 * MINUTE);
    assert_int_equal(kit_record(&kit, 3, CITY, NOON + DAY)->pane.window.parts.rain_um, 15);
}

static void what_is_too_old_is_not_changed(void **state)
{
    (void)state;
    kit.rules.lateness_ms = 30 * MINUTE;
    feed(NOON, 0);
    feed(NOON + HOUR, 0);
    int32_t before = kit_window(&kit, 2, CITY, NOON)->parts.covered_ms;
    assert_int_equal(before, 55 * MINUTE);
    kit_one(&kit, rainy(NOON + 40 * MINUTE, 3600), NOON + 65 * MINUTE); /* from 12:30 on all is known for sure */
    kit_resolve(&kit);
    assert_int_equal(kit.state.ledger.rows_late, 1);
    assert_window(1, NOON + 20 * MINUTE, (struct parts){.rain_covered_ms = 10 * MINUTE, .covered_ms = 10 * MINUTE});
    assert_window(1, NOON + 30 * MINUTE,
                  (struct parts){.rain_um = 600, .rain_covered_ms = 10 * MINUTE, .covered_ms = 10 * MINUTE});
}

/* The second of two rows that wait must know how far the first one's stretch reaches. */
static void rows_that_wait_reach_as_far_as_the_longest(void **state)
{
    (void)state;
    feed(NOON, 0);
    feed(NOON + 4 * HOUR, -1);
    struct observation row = rainy(NOON + 2 * HOUR, 3000);
    row.accumulation_s = 3 * 3600; /* from 12:00 on: a thousand an hour */
    kit_one(&kit, row, NOON + 4 * HOUR + SECOND);
    kit_one(&kit, rainy(NOON + 30 * MINUTE, 60), NOON + 4 * HOUR + SECOND);
    kit_resolve(&kit);
    assert_window(2, NOON, (struct parts){.rain_um = 30 + 500, .rain_covered_ms = HOUR, .covered_ms = 30 * MINUTE});
    assert_int_equal(kit_city(&kit, CITY)->accumulation_max_s, 3 * 3600);
}

/* ---- at random ---- */

static void windows_have_what_all_rows_give(void **state)
{
    (void)state;
    int64_t late = 0, resolved = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct log log;
        struct world world = {.dice = {seed * 7}};
        log_make(&log, seed, 2 * DAY);
        world_run(&world, &log);
        late += world.late;
        resolved += world.rows;
        world_check(&world, &log);
        world_release(&world);
        log_release(&log);
    }
    assert_true(late > resolved / 10); /* and all that is known of it */
}

static void the_same_log_gives_the_same_bits(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct log log;
        struct buf first = BUF_EMPTY, again = BUF_EMPTY;
        log_make(&log, seed + 1000, seed % 2 ? 40 * MINUTE : 3 * HOUR);
        for (int way = 0; way < 5; way++) {
            struct world world = {.dice = {seed * 31 + (uint64_t)way}, .eager = way == 0};
            buf_reset(&again);
            world_run(&world, &log);
            world_dump(&world, way == 0 ? &first : &again);
            world_release(&world);
            if (way == 0)
                continue;
            assert_int_equal(again.size, first.size);
            assert_memory_equal(again.data, first.data, first.size);
        }
        buf_release(&first);
        buf_release(&again);
        log_release(&log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_in_order, begin, end),
        cmocka_unit_test_setup_teardown(windows_between_rows, begin, end),
        cmocka_unit_test_setup_teardown(the_first_row_after_a_tick, begin, end),
        cmocka_unit_test_setup_teardown(rain_that_begins, begin, end),
        cmocka_unit_test_setup_teardown(a_late_row_corrects_its_successor, begin, end),
        cmocka_unit_test_setup_teardown(the_smaller_provider_takes_over, begin, end),
        cmocka_unit_test_setup_teardown(a_stretch_over_midnight, begin, end),
        cmocka_unit_test_setup_teardown(a_stretch_over_a_civil_midnight, begin, end),
        cmocka_unit_test_setup_teardown(what_is_too_old_is_not_changed, begin, end),
        cmocka_unit_test_setup_teardown(rows_that_wait_reach_as_far_as_the_longest, begin, end),
        cmocka_unit_test(windows_have_what_all_rows_give),
        cmocka_unit_test(the_same_log_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
