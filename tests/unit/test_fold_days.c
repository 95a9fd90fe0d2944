/*
 * Days of a city and when windows become final: days of 23 and 25 hours, zones east and west, a city that moves to
 * another zone, late rows, windows whose last pane is empty, and that all of it is the same however often commits come.
 */
#include "civil.h"
#include "worker_fixture.h"

#define DAYS 3 /* kind of 1d */

static int32_t date_of_text(const char *text)
{
    int32_t date;
    assert_true(date_parse(text, &date));
    return date;
}

/* The window of the city's date; NULL when it is not in memory. */
static const struct window *day_of(struct kit *of, int64_t city, const char *date)
{
    const struct record *record = kit_record(of, DAYS, city, date_of_text(date) * DAY);
    return record ? &record->pane.window : NULL;
}

static void day_is(const char *date, int64_t start_ms, int64_t end_ms, int64_t rows)
{
    const struct window *window = day_of(&kit, CITY, date);
    assert_non_null(window);
    if (window->start_ms != start_ms || window->end_ms != end_ms || window->rows != rows)
        fail_msg("%s: %lld rows in %lld to %lld", date, (long long)window->rows, (long long)window->start_ms,
                 (long long)window->end_ms);
}

static void stay_in_memory(void)
{
    kit.cache.limit = SIZE_MAX;
}

/* A reading every half hour of [from, to), in time. */
static void readings(int64_t from_ms, int64_t to_ms)
{
    for (int64_t at = from_ms; at < to_ms; at += 30 * MINUTE)
        kit_one(&kit, kit_row(CITY, at, 100), at);
    kit_resolve(&kit);
}

static void days_of_23_24_and_25_hours(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *date;
        int64_t half_hours;
    } rows[] = {{"Europe/Berlin", "2026-03-29", 46},     {"Europe/Berlin", "2026-10-25", 50},
                {"Australia/Sydney", "2026-10-04", 46},  {"Australia/Sydney", "2026-04-05", 50},
                {"Asia/Kathmandu", "2026-11-30", 48},    {"Pacific/Chatham", "2026-09-27", 46},
                {"America/Sao_Paulo", "2018-02-17", 50}, {"Australia/Lord_Howe", "2026-10-04", 47},
                {"America/New_York", "2026-11-01", 50}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct zone *zone = zone_get(rows[i].zone);
        int64_t start = civil_start_ms(zone, date_of_text(rows[i].date)),
                end = civil_start_ms(zone, date_of_text(rows[i].date) + 1);
        kit_release(&kit);
        kit_init(&kit);
        stay_in_memory();
        kit_zone(&kit, CITY, rows[i].zone, start - 3 * HOUR);
        readings(start - 2 * HOUR, end + 2 * HOUR);
        day_is(rows[i].date, start, end, rows[i].half_hours);
        assert_true(day_of(&kit, CITY, rows[i].date)->final_at_ms > 0);
        assert_string_equal(zone_name(kit_city(&kit, CITY)->zone), rows[i].zone);
        assert_int_equal(kit_city(&kit, CITY)->interval_s, 600);
    }
}

static void the_key_is_the_date(void **state)
{
    (void)state;
    int64_t begins = date_of_text("2026-11-30") * DAY - 345 * MINUTE;
    kit_zone(&kit, CITY, "Asia/Kathmandu", begins);
    readings(begins, begins + 2 * HOUR);
    (void)!kit_send(&kit);
    static const char key[] = "t:{0}:w:1d:2026-11-30";
    bool found = false;
    for (size_t i = 0; i < kit.args.count; i++)
        found |= kit.args.sizes[i] == strlen(key) && memcmp(args_pointers(&kit.args)[i], key, strlen(key)) == 0;
    assert_true(found);
    state_committed(&kit.state);
}

static void a_window_is_final_at_the_clock_that_closed_it(void **state)
{
    (void)state;
    stay_in_memory();
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON + 1);
    kit_one(&kit, kit_row(CITY, NOON + 10 * MINUTE, 1), NOON + 10 * MINUTE + 2);
    kit_resolve(&kit);
    assert_int_equal(kit_window(&kit, 1, CITY, NOON)->final_at_ms, 0); /* 5 min are waited */
    kit_one(&kit, kit_row(CITY, NOON + 15 * MINUTE, 1), NOON + 15 * MINUTE + 3);
    kit_resolve(&kit);
    assert_int_equal(kit_window(&kit, 1, CITY, NOON)->final_at_ms, NOON + 15 * MINUTE + 3);
    assert_int_equal(kit_window(&kit, 2, CITY, NOON)->final_at_ms, 0);
    kit_one(&kit, kit_row(CITY, NOON + 1, 1), NOON + 16 * MINUTE); /* late */
    kit_one(&kit, kit_row(CITY, NOON + 2, 1), NOON + 17 * MINUTE);
    kit_resolve(&kit);
    const struct window *window = kit_window(&kit, 1, CITY, NOON);
    assert_int_equal(window->final_at_ms, NOON + 15 * MINUTE + 3);
    assert_int_equal(window->revised_at_ms, NOON + 17 * MINUTE);
    assert_int_equal(window->revision, 2);
}

/* The hour's rows are in its first pane; what closes its last one is a reading of the next hour, or a tick. */
static void a_window_whose_last_pane_is_empty(void **state)
{
    (void)state;
    for (int tick = 0; tick < 2; tick++) {
        kit_release(&kit);
        kit_init(&kit);
        stay_in_memory();
        kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
        kit_one(&kit, kit_row(CITY, NOON + 12 * MINUTE, 1), NOON + 12 * MINUTE);
        kit_tick(&kit, NOON + 50 * MINUTE); /* all panes with rows are closed */
        kit_resolve(&kit);
        assert_int_equal(kit_city(&kit, CITY)->open_count, 0);
        assert_int_equal(kit_window(&kit, 2, CITY, NOON)->final_at_ms, 0);
        if (tick)
            kit_tick(&kit, NOON + 2 * HOUR);
        else
            kit_one(&kit, kit_row(CITY, NOON + 2 * HOUR, 1), NOON + 2 * HOUR);
        kit_resolve(&kit);
        assert_int_equal(kit_window(&kit, 2, CITY, NOON)->final_at_ms, NOON + 2 * HOUR);
        assert_int_equal(kit_window(&kit, 2, CITY, NOON)->rows, 2);
    }
}

static void a_day_is_closed_by_a_tick(void **state)
{
    (void)state;
    int64_t begins = date_of_text("2026-11-30") * DAY - 345 * MINUTE;
    stay_in_memory();
    kit_zone(&kit, CITY, "Asia/Kathmandu", begins);
    kit_one(&kit, kit_row(CITY, begins + HOUR, 1), begins + HOUR);
    kit_tick(&kit, begins + DAY);
    kit_resolve(&kit);
    assert_int_equal(day_of(&kit, CITY, "2026-11-30")->final_at_ms, 0);
    kit_tick(&kit, begins + DAY + 5 * MINUTE);
    kit_resolve(&kit);
    assert_int_equal(day_of(&kit, CITY, "2026-11-30")->final_at_ms, begins + DAY + 5 * MINUTE);
}

/* Nothing is made of nothing: closing looks for windows, and writes those that have rows or stretches. */
static void no_window_of_nothing(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON + 5 * HOUR, 1), NOON + 5 * HOUR);
    kit_commit(&kit);
    kit_one(&kit, kit_row(CITY, NOON + 9 * HOUR, 1), NOON + 9 * HOUR);
    kit_resolve(&kit);
    for (const struct record *record = kit.state.dirty_records; record; record = record->next_dirty)
        assert_false(window_empty(&record->pane.window));
}

/* A row that comes when its window was final already is a revision; it never became final. */
static void the_first_row_is_late(void **state)
{
    (void)state;
    stay_in_memory();
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON - 2 * HOUR, 1), NOON + 1);   /* its hour ended before */
    kit_one(&kit, kit_row(CITY, NOON - 3 * MINUTE, 1), NOON + 2); /* its pane is open, though it came second */
    kit_one(&kit, kit_row(CITY, NOON - 7 * MINUTE, 1), NOON + 3); /* the hour is not over */
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1), NOON + HOUR);
    kit_resolve(&kit);
    const struct window *before = kit_window(&kit, 2, CITY, NOON - 2 * HOUR),
                        *hour = kit_window(&kit, 2, CITY, NOON - 1);
    assert_int_equal(before->final_at_ms, 0);
    assert_int_equal(before->revision, 3); /* stretches of the other two reach into it */
    assert_int_equal(before->revised_at_ms, NOON + 3);
    assert_int_equal(hour->rows, 2);
    assert_int_equal(hour->revision, 0);
    assert_int_equal(hour->final_at_ms, NOON + HOUR);
}

/* ---- zones change ---- */

static int64_t all_rows(void)
{
    int64_t rows = 0;
    for (const struct record *record = kit.state.records; record; record = record->hh.next)
        rows += record->key.kind == DAYS ? record->pane.window.rows : 0;
    return rows;
}

/* From UTC to Nepal in the middle of a day: the date is widened to the west, and the next one begins early. */
static void a_city_that_moves_east(void **state)
{
    (void)state;
    int64_t day = date_of_text("2026-11-30") * DAY, nepal = 345 * MINUTE;
    stay_in_memory();
    readings(day, day + 12 * HOUR);
    kit_zone(&kit, CITY, "Asia/Kathmandu", day + 12 * HOUR);
    assert_int_equal(kit_city(&kit, CITY)->zoned_until_ms, day + DAY);
    readings(day + 12 * HOUR, day + 2 * DAY);
    day_is("2026-11-30", day - nepal, day + DAY, 24 + 12 + 1); /* 12:00 to 18:15 by the new zone */
    day_is("2026-12-01", day + DAY - nepal, day + 2 * DAY - nepal, 48);
    assert_int_equal(kit_city(&kit, CITY)->zoned_until_ms, 0);
    assert_int_equal(all_rows() + kit_open_rows(&kit.state), 2 * 48);
    /* Final when its end was closed, which is that of UTC. */
    assert_int_equal(day_of(&kit, CITY, "2026-11-30")->final_at_ms, day + DAY + 30 * MINUTE);
}

static void a_city_that_moves_west(void **state)
{
    (void)state;
    int64_t day = date_of_text("2026-11-30") * DAY, york = 5 * HOUR;
    stay_in_memory();
    readings(day, day + 3 * HOUR);
    kit_zone(&kit, CITY, "America/New_York", day + 3 * HOUR); /* still the day before there */
    readings(day + 3 * HOUR, day + DAY + 12 * HOUR);
    day_is("2026-11-29", day - DAY, day + york, 4 + 1); /* the first reading's stretch began in UTC's */
    day_is("2026-11-30", day, day + DAY + york, 5 + 48);
    assert_int_equal(all_rows() + kit_open_rows(&kit.state), 72);
    assert_int_equal(day_of(&kit, CITY, "2026-11-30")->final_at_ms, day + DAY + york + 30 * MINUTE);
    assert_true(day_of(&kit, CITY, "2026-11-29")->final_at_ms > 0);
}

/* The same log gives the same bytes, however it is cut into commits, and with everything forgotten in between. */
struct stored {
    struct record_key key;
    struct buf bytes;
};

static void replay(struct dice *dice, struct stored *all, size_t *count)
{
    static const char *const zones[] = {"UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati",
                                        "Etc/GMT+12"};
    struct dice log = {11};
    int64_t day = date_of_text("2026-11-28") * DAY;
    *count = 0;
    for (int i = 0; i < 1200; i++) {
        int64_t clock = day + i * 10 * MINUTE;
        if (dice_below(&log, 50) == 0)
            kit_zone(&kit, CITY, zones[dice_below(&log, 5)], clock);
        else if (dice_below(&log, 6) == 0)
            kit_one(&kit, kit_row(CITY, clock - dice_below(&log, 30) * HOUR, i), clock);
        else if (dice_below(&log, 3))
            kit_one(&kit, kit_row(CITY, clock, i), clock);
        else
            kit_tick(&kit, clock);
        if (i < 1199 && dice_below(dice, 7))
            continue;
        do {
            for (size_t k = 0; k < kit.state.missing_count; k++) {
                struct record *record = kit.state.missing[k];
                struct stored *found = NULL;
                for (size_t j = 0; j < *count && !found; j++)
                    found = memcmp(&all[j].key, &record->key, sizeof record->key) == 0 ? &all[j] : NULL;
                assert_int_equal(
                    state_loaded(&kit.state, record, found ? found->bytes.data : NULL, found ? found->bytes.size : 0),
                    0);
            }
            kit.state.missing_count = 0;
            state_resolve(&kit.state);
        } while (kit.state.missing_count > 0);
        for (const struct record *record = kit.state.dirty_records; record; record = record->next_dirty) {
            size_t j = 0;
            while (j < *count && memcmp(&all[j].key, &record->key, sizeof record->key) != 0)
                j++;
            if (j == *count)
                all[(*count)++] = (struct stored){.key = record->key, .bytes = BUF_EMPTY};
            buf_reset(&all[j].bytes);
            if (record->key.kind == RECORD_PANE)
                pane_encode(&record->pane, &all[j].bytes);
            else
                window_encode(&record->pane.window, &all[j].bytes);
        }
        kit_commit(&kit);
    }
}

static int by_key(const void *a, const void *b)
{
    return memcmp(&((const struct stored *)a)->key, &((const struct stored *)b)->key, sizeof(struct record_key));
}

static void commits_do_not_matter(void **state)
{
    (void)state;
    enum { MOST = 4000 };
    struct stored *first = mem_calloc(MOST, sizeof *first), *again = mem_calloc(MOST, sizeof *again);
    size_t count = 0, same = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct dice dice = {seed};
        kit_release(&kit);
        kit_init(&kit);
        kit.cache.limit = seed % 2 ? 0 : SIZE_MAX; /* everything is forgotten, or nothing */
        replay(&dice, seed ? again : first, seed ? &same : &count);
        assert_true(count > 300 && count < MOST);
        qsort(seed ? again : first, seed ? same : count, sizeof *first, by_key);
        for (size_t i = 0; seed && i < count; i++) {
            assert_int_equal(same, count);
            assert_memory_equal(&again[i].key, &first[i].key, sizeof first[i].key);
            assert_int_equal(again[i].bytes.size, first[i].bytes.size);
            assert_memory_equal(again[i].bytes.data, first[i].bytes.data, first[i].bytes.size);
        }
        for (size_t i = 0; seed && i < same; i++)
            buf_release(&again[i].bytes);
    }
    for (size_t i = 0; i < count; i++)
        buf_release(&first[i].bytes);
    free(first);
    free(again);
}

/* ---- over ---- */

/* A day is retired when it is over in every zone, and days of an older version were none of these. */
static void days_are_retired_late(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY;
    int64_t day = date_of_text("2026-11-30") * DAY;
    assert_int_equal(windowset_parse(&kit.rules.windows, "1d:2d", &error), 0);
    kit_zone(&kit, CITY, "Etc/GMT+12", day);
    kit_one(&kit, kit_row(CITY, day, 1), day);
    kit_one(&kit, kit_row(CITY, day + 36 * HOUR + HOUR, 1), day + 36 * HOUR + HOUR);
    int64_t first = kit.state.ledger.window_cursor_ms[0];
    assert_int_equal(first, day - 4 * DAY); /* two days kept, one that ended, one for the zones */
    kit_commit(&kit);
    kit_tick(&kit, day + 36 * HOUR + 2 * DAY); /* 2026-11-30 is over at 12:00 UTC of the day after, and kept two days */
    for (int i = 0; i < 10; i++) {
        kit.state.changed = true;
        kit_commit(&kit);
    }
    assert_true(kit.state.ledger.window_cursor_ms[0] <= day);
    kit_tick(&kit, day + 4 * DAY + 2);
    for (int i = 0; i < 10; i++) { /* panes come first */
        kit.state.changed = true;
        kit_commit(&kit);
    }
    assert_int_equal(kit.state.ledger.window_cursor_ms[0], day + DAY);
}

static void days_that_are_new_begin_whole(void **state)
{
    (void)state;
    kit.state.ledger.pane_cursor_ms = NOON - 2 * DAY; /* the partition has run before */
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON + 1);
    assert_int_equal(kit.state.ledger.window_cursor_ms[2], NOON + 36 * HOUR);
    kit_one(&kit, kit_row(CITY, NOON + 6 * HOUR, 1), NOON + 6 * HOUR);
    assert_null(kit_record(&kit, DAYS, CITY, NOON));
    assert_non_null(kit_record(&kit, 1, CITY, NOON));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(days_of_23_24_and_25_hours),
        TEST(the_key_is_the_date),
        TEST(a_window_is_final_at_the_clock_that_closed_it),
        TEST(a_window_whose_last_pane_is_empty),
        TEST(a_day_is_closed_by_a_tick),
        TEST(no_window_of_nothing),
        TEST(the_first_row_is_late),
        TEST(a_city_that_moves_east),
        TEST(a_city_that_moves_west),
        TEST(commits_do_not_matter),
        TEST(days_are_retired_late),
        TEST(days_that_are_new_begin_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
