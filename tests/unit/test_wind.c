/* Wind vectors: golden values, rounding, sectors, and directions at the edges of the circle. */
#include "wind.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct wind_vector over(const int32_t (*rows)[2], size_t count)
{
    struct wind_vector wind = {0};
    for (size_t i = 0; i < count; i++)
        wind_add(&wind, rows[i][0], rows[i][1]);
    return wind;
}

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.12f is not %.12f", value, expected);
}

static void golden_north(void **state)
{
    (void)state;
    /* 10 m/s from 350 and from 10 degrees: the mean vector has 9.848 m/s from 0, not from 180. */
    struct wind_vector wind = over((const int32_t[][2]){{1000, 35000}, {1000, 1000}}, 2);
    assert_near(wind_vector_speed_m_s(&wind), 9.848, 1e-12);
    assert_true(wind_direction_deg(&wind) == 0);
    assert_false(signbit(wind_direction_deg(&wind)));
    assert_int_equal(wind.east_mm_s, 0);
    assert_int_equal(wind.north_mm_s, -2 * 9848);
    assert_int_equal(wind.count, 2);
}

static void cardinal_points(void **state)
{
    (void)state;
    const struct {
        int32_t direction;
        int64_t east, north, sine, cosine;
    } points[] = {
        {0, 0, -5000, 0, 1000000000},
        {9000, -5000, 0, 1000000000, 0},
        {18000, 0, 5000, 0, -1000000000},
        {27000, 5000, 0, -1000000000, 0},
        {3000, -2500, -4330, 500000000, 866025404},
        {22500, 3536, 3536, -707106781, -707106781}, /* 3535.53: away from zero */
    };
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        struct wind_vector wind = over((const int32_t[][2]){{500, points[i].direction}}, 1);
        assert_int_equal(wind.east_mm_s, points[i].east);
        assert_int_equal(wind.north_mm_s, points[i].north);
        assert_int_equal(wind.sine, points[i].sine);
        assert_int_equal(wind.cosine, points[i].cosine);
        assert_near(wind_direction_deg(&wind), points[i].direction / 100.0, 0.01);
    }
}

static void every_direction_comes_back(void **state)
{
    (void)state;
    for (int32_t direction = 0; direction < 36000; direction++) {
        struct wind_vector wind = {0};
        wind_add(&wind, 10000, direction);
        double back = wind_direction_deg(&wind), apart = fabs(back - direction / 100.0);
        assert_true(back >= 0 && back < 360);
        assert_true(fmin(apart, 360 - apart) < 0.001);
        /* The opposite wind cancels it out exactly, to the last unit. */
        wind_add(&wind, 10000, (direction + 18000) % 36000);
        assert_int_equal(wind.east_mm_s, 0);
        assert_int_equal(wind.north_mm_s, 0);
        assert_int_equal(wind.sine, 0);
        assert_int_equal(wind.cosine, 0);
        assert_true(isnan(wind_direction_deg(&wind)));
        assert_true(wind_vector_speed_m_s(&wind) == 0);
    }
}

static void rounding_does_not_hang_on_the_library(void **state)
{
    (void)state;
    /* The product nearest to a half up to 120 m/s, and what a sine of more digits says about all directions. */
    for (int32_t direction = 0; direction < 36000; direction += 7) {
        long double angle = direction * M_PIl / 18000;
        for (int32_t speed = 50; speed <= 12000; speed += 101) {
            struct wind_vector wind = {0};
            wind_add(&wind, speed, direction);
            assert_int_equal(wind.east_mm_s, llroundl(-10 * speed * sinl(angle)));
            assert_int_equal(wind.north_mm_s, llroundl(-10 * speed * cosl(angle)));
        }
    }
    struct wind_vector wind = {0};
    wind_add(&wind, 600, 4123);
    assert_int_equal(wind.east_mm_s, llroundl(-6000 * sinl(4123 * M_PIl / 18000)));
}

static void full_circle_is_zero(void **state)
{
    (void)state;
    /* A hair west of north: the angle is -1e-17 degrees, and 360 minus that is 360. */
    struct wind_vector wind = {.count = 1, .east_mm_s = 1, .north_mm_s = INT64_MIN / 2};
    assert_true(wind_direction_deg(&wind) == 0);
    wind.north_mm_s = -1000000;
    assert_true(wind_direction_deg(&wind) > 359.9999 && wind_direction_deg(&wind) < 360);
    wind.east_mm_s = -1;
    assert_near(wind_direction_deg(&wind), 0.0000573, 1e-7);
}

static void calm(void **state)
{
    (void)state;
    struct wind_vector wind = over((const int32_t[][2]){{49, 9000}, {0, 0}}, 2);
    assert_int_equal(wind.calm, 2);
    assert_int_equal(wind.count, 0);
    assert_int_equal(wind.sine + wind.cosine + wind.east_mm_s + wind.north_mm_s, 0);
    assert_true(isnan(wind_direction_deg(&wind)));
    assert_true(isnan(wind_vector_speed_m_s(&wind)));
    wind_add(&wind, 50, 9000); /* the slowest wind that has a direction */
    assert_int_equal(wind.count, 1);
    assert_near(wind_direction_deg(&wind), 90, 1e-9);
    assert_near(wind_vector_speed_m_s(&wind), 0.5 / 3, 1e-12);
}

static void nearly_cancelled(void **state)
{
    (void)state;
    struct wind_vector wind = {.count = 2001, .east_mm_s = 1};
    assert_true(isnan(wind_direction_deg(&wind)));
    wind.count = 1999;
    assert_near(wind_direction_deg(&wind), 270, 1e-9);
}

static void rose(void **state)
{
    (void)state;
    const int32_t edges[][2] = {{0, 0},     {1124, 0},   {1125, 1},   {3374, 1},  {3375, 2},  {9000, 4},
                                {18000, 8}, {33750, 15}, {34874, 15}, {34875, 0}, {35999, 0}, {32624, 14}};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        struct wind_vector wind = {0};
        wind_add(&wind, 500, edges[i][0]);
        for (int32_t sector = 0; sector < WIND_SECTORS; sector++)
            assert_int_equal(wind.rose[sector], sector == edges[i][1]);
    }
    struct wind_vector all = {0};
    for (int32_t direction = 0; direction < 36000; direction++)
        wind_add(&all, 500, direction);
    for (int sector = 0; sector < WIND_SECTORS; sector++)
        assert_int_equal(all.rose[sector], 2250);
}

static void spread(void **state)
{
    (void)state;
    /* Golden values of Yamartino's estimator. */
    struct wind_vector wind = over((const int32_t[][2]){{500, 35000}, {700, 0}, {900, 1000}}, 3);
    assert_near(wind_spread_deg(&wind), 8.165, 1e-3);
    wind = over((const int32_t[][2]){{500, 0}, {500, 18000}}, 2);
    assert_near(wind_spread_deg(&wind), 103.92, 5e-3);
    assert_near(wind_spread_deg(&wind), 90 * 2 / sqrt(3), 1e-9);
    /* One direction has none, however it was rounded, and calm rows change nothing. */
    for (int32_t direction = 0; direction < 36000; direction += 123) {
        wind = over((const int32_t[][2]){{500, direction}, {10, 0}, {800, direction}}, 3);
        assert_near(wind_spread_deg(&wind), 0, 0.01);
    }
    wind = over((const int32_t[][2]){{10, 0}}, 1);
    assert_true(isnan(wind_spread_deg(&wind)));
    wind = (struct wind_vector){.count = 2, .sine = 2000000000, .cosine = 9}; /* beyond 1 by rounding */
    assert_true(wind_spread_deg(&wind) == 0);
}

static void merge(void **state)
{
    (void)state;
    const int32_t rows[][2] = {{300, 100}, {20, 0}, {1234, 22222}, {5000, 35999}, {49, 1}, {50, 18000}};
    struct wind_vector whole = over(rows, 6), left = over(rows, 2), right = over(rows + 2, 4);
    wind_merge(&right, &left);
    assert_memory_equal(&whole, &right, sizeof whole);
    struct wind_vector none = {0};
    wind_merge(&whole, &none);
    assert_memory_equal(&whole, &right, sizeof whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_north),
        cmocka_unit_test(cardinal_points),
        cmocka_unit_test(every_direction_comes_back),
        cmocka_unit_test(rounding_does_not_hang_on_the_library),
        cmocka_unit_test(full_circle_is_zero),
        cmocka_unit_test(calm),
        cmocka_unit_test(nearly_cancelled),
        cmocka_unit_test(rose),
        cmocka_unit_test(spread),
        cmocka_unit_test(merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
