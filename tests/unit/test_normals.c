/* Climate normals: bytes and back, the slot of an instant, and how unusual a value is. */
#include "normals.h"

#include "date.h"
#include "error.h"
#include "mem.h"
#include "rows.h"

#include "normals.pb-c.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CITY INT64_C(5809844)

/* A smooth year with a daily wave, like temperatures in 0.01 degC; noise of up to `noise`. */
static struct normals year(int32_t hours, int parts, int32_t noise)
{
    struct normals normals;
    struct dice dice = {7};
    normals_init(&normals, CITY, 1, hours);
    for (int32_t i = 0; i < NORMALS_DAYS * hours; i++) {
        struct normal *slot = &normals.slots[i];
        double day = (double)i / hours;
        slot->known = true;
        slot->mean = (int32_t)(1100 - 700 * cos(day * 2 * M_PI / 366) + 300 * sin(day * 2 * M_PI)) +
                     (noise ? dice_between(&dice, -noise, noise) : 0);
        slot->has_deviation = parts > 0;
        slot->deviation = parts > 0 ? 300 + i % 7 : 0;
        slot->has_quantiles = parts > 1;
        for (int k = 0; parts > 1 && k < NORMALS_QUANTILES; k++)
            slot->quantile[k] = slot->mean + (k - 2) * 200 + i % 3;
    }
    return normals;
}

static void check_equal(const struct normals *a, const struct normals *b, int32_t within)
{
    assert_int_equal(a->city_id, b->city_id);
    assert_int_equal(a->metric, b->metric);
    assert_int_equal(a->hours, b->hours);
    for (int32_t i = 0; i < NORMALS_DAYS * a->hours; i++) {
        const struct normal *x = &a->slots[i], *y = &b->slots[i];
        assert_int_equal(x->known, y->known);
        assert_int_equal(x->has_deviation, y->has_deviation);
        assert_int_equal(x->has_quantiles, y->has_quantiles);
        assert_true(abs(x->mean - y->mean) <= within && abs(x->deviation - y->deviation) <= within);
        for (int k = 0; k < NORMALS_QUANTILES; k++)
            assert_true(abs(x->quantile[k] - y->quantile[k]) <= within);
    }
}

static int32_t step_after(const struct normals *normals)
{
    struct buf bytes = BUF_EMPTY;
    struct normals again;
    assert_int_equal(normals_encode(normals, &bytes), 0);
    assert_true(bytes.size <= NORMALS_MAX_BYTES);
    assert_int_equal(normals_decode(&again, bytes.data, bytes.size), 0);
    check_equal(normals, &again, again.step / 2);
    int32_t step = again.step;
    normals_release(&again);
    buf_release(&bytes);
    return step;
}

static void everything_comes_back_at_the_finest_step_that_fits(void **state)
{
    (void)state;
    static const struct {
        int32_t hours, noise, most;
        int parts;
    } rows[] = {{24, 0, 1, 0}, {24, 0, 1, 1}, {24, 0, 2, 2}, {1, 0, 1, 2}, {24, 400, 20, 2}, {24, 100000, 5000, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct normals normals = year(rows[i].hours, rows[i].parts, rows[i].noise);
        assert_in_range(step_after(&normals), 1, rows[i].most);
        normals_release(&normals);
    }
}

static void slots_that_are_not_known_stay_so(void **state)
{
    (void)state;
    struct normals normals = year(24, 2, 0);
    struct dice dice = {3};
    size_t known = 0;
    for (int32_t i = 0; i < NORMALS_DAYS * 24; i++) {
        struct normal *slot = &normals.slots[i];
        if (dice_below(&dice, 3) == 0)
            *slot = (struct normal){0};
        if (slot->known && dice_below(&dice, 3) == 0)
            slot->has_deviation = false, slot->deviation = 0;
        if (slot->known && dice_below(&dice, 3) == 0) {
            slot->has_quantiles = false;
            memset(slot->quantile, 0, sizeof slot->quantile);
        }
        known += slot->known;
    }
    assert_int_equal(normals_count(&normals), known);
    assert_in_range(step_after(&normals), 1, 2);
    normals_release(&normals);
    normals_init(&normals, CITY, 1, 24); /* nothing at all */
    assert_int_equal(step_after(&normals), 1);
    normals_release(&normals);
}

static void damaged_bytes_are_refused(void **state)
{
    (void)state;
    struct normals normals = year(1, 2, 0), out;
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(normals_encode(&normals, &bytes), 0);
    for (size_t size = 0; size < bytes.size; size += 7) { /* cut anywhere: refused, or fewer fields, which do not fit */
        if (normals_decode(&out, bytes.data, size) == 0)
            fail_msg("%zu of %zu bytes pass", size, bytes.size);
        assert_null(out.slots);
    }
    struct dice dice = {11};
    for (int i = 0; i < 3000; i++) { /* a byte changed anywhere: whatever comes out is valid */
        size_t at = (size_t)dice_below(&dice, (int64_t)bytes.size);
        char before = bytes.data[at];
        bytes.data[at] = (char)dice_below(&dice, 256);
        if (normals_decode(&out, bytes.data, bytes.size) == 0) {
            assert_true(out.step >= 1 && (out.hours == 1 || out.hours == 24));
            normals_release(&out);
        }
        bytes.data[at] = before;
    }
    char *large = mem_alloc(NORMALS_MAX_BYTES + 1);
    assert_int_equal(normals_decode(&out, large, NORMALS_MAX_BYTES + 1), ERR_INVALID);
    free(large);
    buf_release(&bytes);
    normals_release(&normals);
}

static void heads_that_cannot_be_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 9; i++) {
        Isobar__V1__Normals message = ISOBAR__V1__NORMALS__INIT;
        uint8_t map[46] = {1}, bytes[256];
        int32_t mean[2] = {5, 6}, wide[1] = {NORMALS_VALUE_MAX}, minus[1] = {-1};
        struct normals out;
        message.format = i == 1 ? 2 : 1;
        message.city_id = i == 2 ? 0 : CITY;
        message.metric = i == 3 ? 0 : 1;
        message.hours = i == 4 ? 2 : 1;
        message.step = i == 5 ? 0 : i == 6 ? 2 : 1;
        message.known = (ProtobufCBinaryData){i == 7 ? 45 : 46, map};
        message.n_mean = i == 8 ? 2 : 1;
        message.mean = i == 6 ? wide : mean;
        assert_int_equal(normals_decode(&out, bytes, isobar__v1__normals__pack(&message, bytes)),
                         i == 0 ? 0 : ERR_INVALID);
        normals_release(&out);
        message.spread = message.known;
        message.n_deviation = 1;
        message.deviation = minus;
        assert_int_equal(normals_decode(&out, bytes, isobar__v1__normals__pack(&message, bytes)), ERR_INVALID);
    }
}

static void dates_have_their_slots(void **state)
{
    (void)state;
    struct normals hourly, daily;
    normals_init(&hourly, CITY, 1, 24);
    normals_init(&daily, CITY, 1, 1);
    assert_ptr_equal(normals_slot(&hourly, 1, 1, 0), hourly.slots);
    assert_ptr_equal(normals_slot(&hourly, 2, 29, 5), hourly.slots + 59 * 24 + 5);
    assert_ptr_equal(normals_slot(&hourly, 12, 31, 23), hourly.slots + 366 * 24 - 1);
    assert_ptr_equal(normals_slot(&daily, 12, 31, 23), daily.slots + 365);
    static const int32_t none[][3] = {{0, 1, 0}, {13, 1, 0}, {2, 30, 0}, {4, 31, 0},
                                      {1, 0, 0}, {1, 32, 0}, {1, 1, -1}, {1, 1, 24}};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(normals_slot(&hourly, none[i][0], none[i][1], none[i][2]));
    normals_release(&hourly);
    normals_release(&daily);
}

static int64_t utc_ms(int32_t year_, int32_t month, int32_t day, int64_t hour)
{
    struct date date = {year_, month, day};
    return date_number(&date) * DATE_DAY_MS + hour * 3600000;
}

static void an_instant_has_the_hour_of_local_standard_time(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int32_t year, month, day, utc_hour;
        int32_t in_month, in_day, in_hour;
    } rows[] = {
        {"America/Los_Angeles", 2026, 1, 15, 3, 1, 14, 19}, /* -8 */
        {"America/Los_Angeles", 2026, 7, 15, 3, 7, 14, 19}, /* -8 in summer, too */
        {"Australia/Sydney", 2026, 1, 15, 20, 1, 16, 6},    /* +10, its summer has +11 */
        {"Asia/Kathmandu", 2026, 5, 1, 18, 5, 1, 23},       /* +5:45 */
        {"Europe/Dublin", 2026, 7, 1, 12, 7, 1, 12},        /* its summer time is the "standard" by law */
        {"Pacific/Kiritimati", 2026, 12, 31, 12, 1, 1, 2},  /* +14 */
        {"", 2024, 2, 29, 4, 2, 29, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct normals normals;
        const struct zone *zone = *rows[i].zone ? zone_get(rows[i].zone) : NULL;
        normals_init(&normals, CITY, 1, 24);
        assert_null(normals_at(&normals, zone, utc_ms(rows[i].year, rows[i].month, rows[i].day, rows[i].utc_hour)));
        struct normal *slot = normals_slot(&normals, rows[i].in_month, rows[i].in_day, rows[i].in_hour);
        slot->known = true;
        const struct normal *found =
            normals_at(&normals, zone, utc_ms(rows[i].year, rows[i].month, rows[i].day, rows[i].utc_hour) + 3599999);
        if (strcmp(rows[i].zone, "Asia/Kathmandu") != 0)
            assert_ptr_equal(found, slot);
        assert_ptr_equal(normals_at(&normals, zone, utc_ms(rows[i].year, rows[i].month, rows[i].day, rows[i].utc_hour)),
                         slot);
        normals_release(&normals);
    }
}

static void february_28_stands_for_a_29_that_is_not_known(void **state)
{
    (void)state;
    struct normals normals;
    normals_init(&normals, CITY, 1, 1);
    struct normal *before = normals_slot(&normals, 2, 28, 0), *leap = normals_slot(&normals, 2, 29, 0);
    before->known = true;
    assert_ptr_equal(normals_at(&normals, NULL, utc_ms(2028, 2, 29, 12)), before);
    leap->known = true;
    assert_ptr_equal(normals_at(&normals, NULL, utc_ms(2028, 2, 29, 12)), leap);
    assert_null(normals_at(&normals, NULL, utc_ms(2027, 3, 1, 12)));
    normals_release(&normals);
}

static void check_percentile(const struct normal *normal, int32_t value, double wanted)
{
    double percent = -1;
    assert_true(normal_percentile(normal, value, &percent));
    if (fabs(percent - wanted) > 1e-3)
        fail_msg("%d: %f, not %f", value, percent, wanted);
}

static void percentiles_of_a_normal_distribution(void **state)
{
    (void)state;
    struct normal normal = {.mean = 1000, .deviation = 200, .has_deviation = true, .known = true};
    check_percentile(&normal, 1000, 50);
    check_percentile(&normal, 1200, 84.1345);
    check_percentile(&normal, 800, 15.8655);
    check_percentile(&normal, 1392, 97.5002);
    check_percentile(&normal, 400, 0.1350);
    normal.deviation = 0;
    check_percentile(&normal, 1000, 50);
    check_percentile(&normal, 999, 0);
    check_percentile(&normal, 1001, 100);
    normal.has_deviation = false;
    double percent = -1;
    assert_false(normal_percentile(&normal, 1000, &percent));
    assert_true(percent == -1);
}

static void percentiles_between_those_given(void **state)
{
    (void)state;
    struct normal normal = {
        .mean = 1000, .has_quantiles = true, .known = true, .quantile = {700, 900, 1000, 1050, 1300}};
    check_percentile(&normal, 700, 10);
    check_percentile(&normal, 800, 17.5);
    check_percentile(&normal, 900, 25);
    check_percentile(&normal, 950, 37.5);
    check_percentile(&normal, 1000, 50);
    check_percentile(&normal, 1040, 70);
    check_percentile(&normal, 1300, 90);
    check_percentile(&normal, 699, 10);
    check_percentile(&normal, 5000, 90);
    normal.deviation = 100;
    normal.has_deviation = true;
    check_percentile(&normal, 699, 0.1306);
    check_percentile(&normal, 5000, 100);
    normal.deviation = 10000; /* contradicts them: they hold */
    check_percentile(&normal, 699, 10);
    check_percentile(&normal, 1301, 90);
    memset(normal.quantile, 0, sizeof normal.quantile); /* rain: most days none */
    normal.has_deviation = false;
    check_percentile(&normal, 0, 50);
    check_percentile(&normal, 1, 90);
    normal.quantile[4] = 100;
    check_percentile(&normal, 0, 42.5);
    check_percentile(&normal, 50, 82.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back_at_the_finest_step_that_fits),
        cmocka_unit_test(slots_that_are_not_known_stay_so),
        cmocka_unit_test(damaged_bytes_are_refused),
        cmocka_unit_test(heads_that_cannot_be_are_refused),
        cmocka_unit_test(dates_have_their_slots),
        cmocka_unit_test(an_instant_has_the_hour_of_local_standard_time),
        cmocka_unit_test(february_28_stands_for_a_29_that_is_not_known),
        cmocka_unit_test(percentiles_of_a_normal_distribution),
        cmocka_unit_test(percentiles_between_those_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
