/*
 * Trails: what stretches of rows add up to. Goldens by hand; a second computation by brute force; parts over any cut
 * add up, and whatever order rows come in, the corrections add up to what all rows give at once.
 */
#include "mem.h"
#include "rows.h"
#include "trail.h"
#include "windowset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define PANE   (5 * MINUTE)
#define NOON   INT64_C(1790000400000) /* a full hour */

static struct pane_entry rain_of(int32_t rain_um, int32_t accumulation_s)
{
    return (struct pane_entry){.provider = 1, .rain = rain_um, .snow = -1, .accumulation_s = accumulation_s};
}

/* Appends a row; rows of a test are given in order. */
static void put(struct trail *trail, int64_t at_ms, struct pane_entry entry)
{
    if (trail->count == trail->capacity) {
        trail->capacity += 16;
        trail->rows = mem_grow(trail->rows, (size_t)trail->capacity, sizeof *trail->rows);
    }
    trail->rows[trail->count++] = (struct trail_row){at_ms, entry};
}

/* All parts between the times, walked in slots of that length. */
static struct parts sum(const struct trail *trail, int64_t from_ms, int64_t to_ms, int64_t pane_ms)
{
    struct trail_walk walk;
    struct parts all = {0}, parts;
    int64_t slot, before = INT64_MIN;
    trail_walk(&walk, trail, &(struct trail_region){from_ms, to_ms, pane_ms}, -1);
    while (trail_next(&walk, &slot, &parts)) {
        assert_true(slot > before && slot % pane_ms == 0);
        assert_true(slot < to_ms && slot + pane_ms > from_ms);
        assert_true(parts_any(&parts));
        parts_add(&all, &parts);
        before = slot;
    }
    return all;
}

static void assert_parts(struct parts is, struct parts wanted)
{
    assert_int_equal(is.rain_um, wanted.rain_um);
    assert_int_equal(is.snow_um, wanted.snow_um);
    assert_int_equal(is.rain_covered_ms, wanted.rain_covered_ms);
    assert_int_equal(is.snow_covered_ms, wanted.snow_covered_ms);
    assert_int_equal(is.covered_ms, wanted.covered_ms);
}

/* ---- goldens ---- */

static void six_polls_of_the_last_hour_are_not_six_hours(void **state)
{
    (void)state;
    struct trail trail = {0};
    for (int i = 0; i <= 12; i++) /* 12:00, 12:10, … 14:00: "6 mm in the last hour" */
        put(&trail, NOON + i * 10 * MINUTE, rain_of(6000, 3600));
    assert_parts(sum(&trail, NOON, NOON + HOUR, PANE),
                 (struct parts){.rain_um = 6000, .rain_covered_ms = HOUR, .covered_ms = HOUR});
    assert_parts(sum(&trail, NOON + 50 * MINUTE, NOON + HOUR, PANE),
                 (struct parts){.rain_um = 1000, .rain_covered_ms = 10 * MINUTE, .covered_ms = 10 * MINUTE});
    /* The first one stands for its whole hour: 11:00 to 12:00. */
    assert_parts(sum(&trail, NOON - 2 * HOUR, NOON, PANE),
                 (struct parts){.rain_um = 6000, .rain_covered_ms = HOUR, .covered_ms = HOUR});
    assert_parts(sum(&trail, NOON - 9 * HOUR, NOON + 9 * HOUR, PANE),
                 (struct parts){.rain_um = 18000, .rain_covered_ms = 3 * HOUR, .covered_ms = 3 * HOUR});
    trail_release(&trail);
}

static void what_nobody_reports_is_not_covered(void **state)
{
    (void)state;
    struct trail trail = {0};
    put(&trail, NOON, rain_of(-1, 3600));              /* rain is not known */
    put(&trail, NOON + 30 * MINUTE, rain_of(50, 600)); /* only ten minutes of it */
    put(&trail, NOON + 3 * HOUR, rain_of(0, 3600));
    assert_parts(sum(&trail, NOON, NOON + HOUR, PANE),
                 (struct parts){.rain_um = 50, .rain_covered_ms = 10 * MINUTE, .covered_ms = 30 * MINUTE});
    assert_parts(sum(&trail, NOON + 20 * MINUTE, NOON + 25 * MINUTE, PANE),
                 (struct parts){.rain_um = 25, .rain_covered_ms = 5 * MINUTE, .covered_ms = 5 * MINUTE});
    assert_parts(sum(&trail, NOON + 30 * MINUTE, NOON + 2 * HOUR, PANE), (struct parts){0});
    assert_parts(sum(&trail, NOON + HOUR, NOON + 3 * HOUR, PANE), /* dry, and known to be */
                 (struct parts){.rain_covered_ms = HOUR, .covered_ms = HOUR});
    trail_release(&trail);
}

/* Sums of 15 minutes, asked for every five: each distinct time counts once, of two providers the smaller one. */
static void sums_of_a_quarter_count_once(void **state)
{
    (void)state;
    struct trail trail = {0};
    for (int i = 1; i <= 4; i++) {
        struct pane_entry ours = rain_of(300 * i, 900), other = rain_of(7777, 900);
        ours.provider = 2;
        other.provider = 3;
        put(&trail, NOON + i * 15 * MINUTE, ours);
        put(&trail, NOON + i * 15 * MINUTE, other);
    }
    assert_parts(sum(&trail, NOON, NOON + HOUR, PANE),
                 (struct parts){.rain_um = 300 + 600 + 900 + 1200, .rain_covered_ms = HOUR, .covered_ms = HOUR});
    assert_parts(sum(&trail, NOON + 15 * MINUTE, NOON + 20 * MINUTE, PANE),
                 (struct parts){.rain_um = 200, .rain_covered_ms = 5 * MINUTE, .covered_ms = 5 * MINUTE});
    trail_release(&trail);
}

static void a_stretch_is_split_in_proportion(void **state)
{
    (void)state;
    struct trail trail = {0};
    struct pane_entry row = {.rain = 1000, .snow = 7, .accumulation_s = 3600};
    put(&trail, NOON + 20 * MINUTE, row);              /* 11:20 to 12:20 */
    assert_parts(sum(&trail, NOON - HOUR, NOON, PANE), /* 666.67, and 4.67 */
                 (struct parts){.rain_um = 667,
                                .snow_um = 5,
                                .rain_covered_ms = 40 * MINUTE,
                                .snow_covered_ms = 40 * MINUTE,
                                .covered_ms = 40 * MINUTE});
    assert_parts(sum(&trail, NOON, NOON + HOUR, PANE), (struct parts){.rain_um = 333,
                                                                      .snow_um = 2,
                                                                      .rain_covered_ms = 20 * MINUTE,
                                                                      .snow_covered_ms = 20 * MINUTE,
                                                                      .covered_ms = 20 * MINUTE});
    trail.last_ms[TRAIL_RAIN] = NOON - 10 * MINUTE; /* a row before it: 30 of its 60 minutes */
    assert_parts(
        sum(&trail, NOON - HOUR, NOON + HOUR, PANE),
        (struct parts){
            .rain_um = 500, .snow_um = 7, .rain_covered_ms = 30 * MINUTE, .snow_covered_ms = HOUR, .covered_ms = HOUR});
    trail_release(&trail);

    put(&trail, NOON, (struct pane_entry){.rain = 1, .snow = -1, .accumulation_s = 2}); /* halves: away from zero */
    assert_int_equal(sum(&trail, NOON - 2 * SECOND, NOON - SECOND, SECOND).rain_um, 1);
    assert_int_equal(sum(&trail, NOON - SECOND, NOON, SECOND).rain_um, 0);
    assert_int_equal(sum(&trail, NOON - SECOND - 1, NOON, SECOND).rain_um, 1);
    trail_release(&trail);

    put(&trail, NOON, (struct pane_entry){.rain = INT32_MAX, .snow = 0, .accumulation_s = 86400}); /* the largest */
    assert_int_equal(sum(&trail, NOON - 24 * HOUR, NOON, SECOND).rain_um, INT32_MAX);
    assert_int_equal(sum(&trail, NOON - 12 * HOUR, NOON, SECOND).rain_um, INT32_MAX / 2);
    trail_release(&trail);
}

static void which_rows_are_in_a_chain(void **state)
{
    (void)state;
    const struct {
        int32_t rain, snow, accumulation_s, period[TRAIL_CHAINS], longest;
    } cases[] = {
        {-1, -1, 3600, {3600, 0, 0}, 0},   {0, -1, 3600, {3600, 3600, 0}, 3600},
        {-1, 5, 900, {3600, 0, 900}, 900}, {5, 5, 86400, {3600, 86400, 86400}, 86400},
        {5, 5, 86401, {3600, 0, 0}, 0},    {5, 5, INT32_MAX, {3600, 0, 0}, 0},
        {5, 5, 0, {3600, 0, 0}, 0}, /* over what time? */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pane_entry entry = {
            .rain = cases[i].rain, .snow = cases[i].snow, .accumulation_s = cases[i].accumulation_s};
        for (int chain = 0; chain < TRAIL_CHAINS; chain++)
            assert_int_equal(trail_period_s(&entry, chain), cases[i].period[chain]);
        assert_int_equal(trail_accumulation_s(&entry), cases[i].longest);
    }
}

/* ---- rows of panes ---- */

static struct observation observed(int64_t at_ms, int32_t provider, int32_t rain_um)
{
    struct observation row = {.city_id = 1, .observed_at_ms = at_ms, .provider = provider, .accumulation_s = 3600};
    if (rain_um >= 0)
        observation_set(&row, ISOBAR__V1__VALUE__RAIN, rain_um);
    return row;
}

static void rows_of_panes(void **state)
{
    (void)state;
    struct pane first, second;
    struct trail trail = {0};
    int64_t last_ms[TRAIL_CHAINS] = {0, NOON + 9 * HOUR, 0};
    const struct observation rows[] = {observed(NOON + 7, 2, 5), observed(NOON + 7, 1, -1), observed(NOON + 3, 0, 4)};
    pane_init(&first, NOON, NOON + PANE);
    pane_init(&second, NOON + PANE, NOON + 2 * PANE);
    for (size_t i = 0; i < 3; i++)
        assert_true(pane_add(&first, &rows[i], 0));
    struct observation late = observed(NOON + PANE, 0, -1);
    assert_true(pane_add(&second, &late, 0));
    trail_take(&trail, &first);
    trail_take(&trail, &second);
    assert_int_equal(trail.count, 4);
    assert_int_equal(trail.rows[1].at_ms, NOON + 7);
    assert_int_equal(trail.rows[1].entry.provider, 1);
    assert_int_equal(trail.rows[2].entry.rain, 5);
    assert_int_equal(trail.rows[2].entry.snow, -1);
    assert_int_equal(trail.rows[3].at_ms, NOON + PANE);
    assert_int_equal(trail_find(&trail, NOON + 7, 2), 2);
    assert_int_equal(trail_find(&trail, NOON + PANE, 0), 3);
    assert_int_equal(trail_find(&trail, NOON + 7, 0), -1);
    assert_int_equal(trail_find(&trail, NOON + HOUR, 0), -1);
    trail_drop(&trail, 0);
    assert_int_equal(trail_find(&trail, NOON + 7, 2), 1);
    assert_int_equal(trail.count, 3);

    trail_newest(&first, last_ms);
    assert_int_equal(last_ms[TRAIL_COVERED], NOON + 7);
    assert_int_equal(last_ms[TRAIL_RAIN], NOON + 9 * HOUR); /* later already */
    assert_int_equal(last_ms[TRAIL_SNOW], 0);
    last_ms[TRAIL_RAIN] = 0;
    trail_newest(&first, last_ms);
    trail_newest(&second, last_ms);
    assert_int_equal(last_ms[TRAIL_COVERED], NOON + PANE);
    assert_int_equal(last_ms[TRAIL_RAIN], NOON + 7);

    trail.last_ms[0] = 1;
    trail_clear(&trail);
    assert_int_equal(trail.count, 0);
    assert_int_equal(trail.last_ms[0], 0);
    trail_release(&trail);
    pane_release(&first);
    pane_release(&second);
}

/* ---- by brute force ---- */

enum { ROWS = 60 };

/* Rows over some hours; times and providers collide, periods differ. */
static int random_rows(struct dice *dice, struct trail_row *rows)
{
    static const int32_t periods[] = {0, 60, 900, 3600, 3600, 10800, 86400, 86401};
    int count = 1 + (int)dice_below(dice, ROWS);
    int64_t step = dice_below(dice, 2) ? 1 + dice_below(dice, 20 * MINUTE) : 10 * MINUTE;
    for (int i = 0; i < count; i++) {
        rows[i].at_ms = NOON + dice_below(dice, 40) * step;
        rows[i].entry = (struct pane_entry){.provider = dice_between(dice, 0, 2),
                                            .rain = dice_between(dice, -1, dice_below(dice, 2) ? 3 : 100000),
                                            .snow = dice_below(dice, 3) ? -1 : dice_between(dice, 0, 7),
                                            .accumulation_s = periods[dice_below(dice, 8)]};
    }
    return count;
}

static int64_t rounded(int64_t v, int64_t x, int64_t period)
{
    return (int64_t)((double)v * (double)x / (double)period + 0.5); /* exact enough for these */
}

/* The row that counts before `at_ms` in the chain, or INT64_MIN. */
static int64_t before(const struct trail_row *rows, int count, int chain, int64_t at_ms)
{
    int64_t found = INT64_MIN;
    for (int i = 0; i < count; i++)
        if (trail_period_s(&rows[i].entry, chain) && rows[i].at_ms < at_ms && rows[i].at_ms > found)
            found = rows[i].at_ms;
    return found;
}

static bool counts(const struct trail_row *rows, int count, int chain, int which)
{
    for (int i = 0; i < count; i++)
        if (trail_period_s(&rows[i].entry, chain) && rows[i].at_ms == rows[which].at_ms &&
            rows[i].entry.provider < rows[which].entry.provider)
            return false;
    return trail_period_s(&rows[which].entry, chain) > 0;
}

/* From the definition, row by row. */
static struct parts brute(const struct trail_row *rows, int count, int64_t from_ms, int64_t to_ms)
{
    int64_t covered[TRAIL_CHAINS] = {0}, amount[TRAIL_CHAINS] = {0};
    for (int chain = 0; chain < TRAIL_CHAINS; chain++) {
        for (int i = 0; i < count; i++) {
            if (!counts(rows, count, chain, i))
                continue;
            int64_t period = trail_period_s(&rows[i].entry, chain) * SECOND, t = rows[i].at_ms;
            int64_t a = before(rows, count, chain, t),
                    v = chain == TRAIL_SNOW ? rows[i].entry.snow : rows[i].entry.rain;
            a = a < t - period ? t - period : a;
            a = a < from_ms ? from_ms : a;
            int64_t b = t < to_ms ? t : to_ms;
            if (a >= b)
                continue;
            covered[chain] += b - a;
            amount[chain] += rounded(v, b - (t - period), period) - rounded(v, a - (t - period), period);
        }
    }
    return (struct parts){.rain_um = amount[TRAIL_RAIN],
                          .snow_um = amount[TRAIL_SNOW],
                          .rain_covered_ms = (int32_t)covered[TRAIL_RAIN],
                          .snow_covered_ms = (int32_t)covered[TRAIL_SNOW],
                          .covered_ms = (int32_t)covered[TRAIL_COVERED]};
}

static int by_time(const void *a, const void *b)
{
    const struct trail_row *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    return (x->entry.provider > y->entry.provider) - (x->entry.provider < y->entry.provider);
}

/* A trail of the rows, of equal (time, provider) the first one only; they are then in order, too. */
static int trail_of(struct trail *trail, struct trail_row *rows, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        bool known = false;
        for (int k = 0; k < kept; k++)
            known |= by_time(&rows[k], &rows[i]) == 0;
        if (!known)
            rows[kept++] = rows[i];
    }
    qsort(rows, (size_t)kept, sizeof *rows, by_time);
    trail_clear(trail);
    for (int i = 0; i < kept; i++)
        put(trail, rows[i].at_ms, rows[i].entry);
    return kept;
}

static void walks_are_what_the_definition_says(void **state)
{
    (void)state;
    struct dice dice = {11};
    struct trail_row rows[ROWS] = {0};
    struct trail trail = {0};
    for (int round = 0; round < 2000; round++) {
        int count = trail_of(&trail, rows, random_rows(&dice, rows));
        int64_t from = NOON - dice_below(&dice, 30 * HOUR), to = from + 1 + dice_below(&dice, 40 * HOUR);
        assert_parts(sum(&trail, from, to, PANE), brute(rows, count, from, to));
    }
    trail_release(&trail);
}

static void parts_over_any_cut_add_up(void **state)
{
    (void)state;
    struct dice dice = {12};
    struct trail_row rows[ROWS] = {0};
    struct trail trail = {0};
    for (int round = 0; round < 1000; round++) {
        trail_of(&trail, rows, random_rows(&dice, rows));
        int64_t from = NOON - 30 * HOUR, to = NOON + 20 * HOUR;
        struct parts whole = sum(&trail, from, to, HOUR), all = {0};
        for (int64_t at = from; at < to;) {
            int64_t next = at + 1 + dice_below(&dice, 2 * HOUR);
            struct parts piece = sum(&trail, at, next < to ? next : to, 1 + dice_below(&dice, HOUR) + MINUTE);
            parts_add(&all, &piece);
            at = next;
        }
        assert_parts(all, whole);
    }
    trail_release(&trail);
}

/* after - before of each row, whatever order they come in, is what all give. */
static void corrections_add_up_in_any_order(void **state)
{
    (void)state;
    struct dice dice = {13};
    struct trail_row rows[ROWS] = {0}, come[ROWS] = {0}, sorted[ROWS] = {0};
    struct trail trail = {0};
    for (int round = 0; round < 500; round++) {
        int count = trail_of(&trail, rows, random_rows(&dice, rows));
        int64_t from = NOON - dice_below(&dice, 30 * HOUR), to = NOON + dice_below(&dice, 20 * HOUR) + 1;
        struct trail_region region = {from, to, PANE};
        struct parts wanted = sum(&trail, from, to, PANE), all = {0};
        memcpy(come, rows, sizeof come);
        for (int i = count - 1; i > 0; i--) {
            int k = (int)dice_below(&dice, i + 1);
            struct trail_row other = come[i];
            come[i] = come[k];
            come[k] = other;
        }
        for (int i = 0; i < count; i++) {
            struct trail_walk walk;
            struct parts parts;
            int64_t slot;
            memcpy(sorted, come, sizeof sorted);
            trail_of(&trail, sorted, i + 1);
            int32_t at = trail_find(&trail, come[i].at_ms, come[i].entry.provider);
            for (trail_walk(&walk, &trail, &region, -1); trail_next(&walk, &slot, &parts);)
                parts_add(&all, &parts);
            for (trail_walk(&walk, &trail, &region, at); trail_next(&walk, &slot, &parts);)
                parts_subtract(&all, &parts);
        }
        assert_parts(all, wanted);
    }
    trail_release(&trail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_polls_of_the_last_hour_are_not_six_hours),
        cmocka_unit_test(what_nobody_reports_is_not_covered),
        cmocka_unit_test(sums_of_a_quarter_count_once),
        cmocka_unit_test(a_stretch_is_split_in_proportion),
        cmocka_unit_test(which_rows_are_in_a_chain),
        cmocka_unit_test(rows_of_panes),
        cmocka_unit_test(walks_are_what_the_definition_says),
        cmocka_unit_test(parts_over_any_cut_add_up),
        cmocka_unit_test(corrections_add_up_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
