/* The pressure tendency: which past reading is taken, of which pressure, and when there is none. */
#include "quality_kit.h"
#include "tendency.h"

struct reading {
    int64_t minutes;
    int32_t sea_level, station; /* 0: not known */
};

static struct observation row_of(struct reading reading)
{
    struct observation row = at(START + reading.minutes * MINUTE);
    if (reading.sea_level)
        observation_set(&row, V(PRESSURE_SEA_LEVEL), reading.sea_level);
    if (reading.station)
        observation_set(&row, V(PRESSURE_STATION), reading.station);
    return row;
}

static void the_past_reading_nearest_to_three_hours_before(void **state)
{
    (void)state;
    static const struct {
        struct reading past[3];
        struct reading latest;
        int64_t flags;
        bool any;
        int64_t pa;
    } cases[] = {
        {{{0, 101000, 0}}, {180, 101300, 0}, 0, true, 300},
        {{{0, 101000, 0}}, {180, 100000, 0}, 0, true, -1000},
        {{{0, 101000, 0}}, {210, 101300, 0}, 0, true, 300}, /* 30 min off are near enough */
        {{{0, 101000, 0}}, {150, 101300, 0}, 0, true, 300},
        {{{1, 101000, 0}}, {150, 101300, 0}, 0, false, 7},
        {{{0, 101000, 0}}, {211, 101300, 0}, 0, false, 7},
        {{{0, 101000, 0}, {60, 101100, 0}}, {215, 101300, 0}, 0, true, 200},
        {{{50, 101000, 0}, {70, 101100, 0}}, {240, 101300, 0}, 0, true, 300}, /* of two, the earlier */
        {{{50, 101000, 0}, {69, 101100, 0}}, {240, 101300, 0}, 0, true, 200},
        {{{50, 101000, 0}, {69, 0, 90000}}, {240, 101300, 0}, 0, true, 300}, /* one without it is passed over */
        {{{0, 101000, 90000}}, {180, 101300, 90100}, 0, true, 300},
        {{{0, 101000, 90000}}, {180, 0, 90100}, 0, true, 100},
        {{{0, 0, 90000}}, {180, 101300, 90100}, 0, false, 7}, /* never mixed */
        {{{0, 101000, 90000}}, {180, 101300, 90100}, FLAG(RANGE, PRESSURE_SEA_LEVEL), true, 100},
        {{{0, 101000, 90000}}, {180, 101300, 90100}, FLAG(STEP, PRESSURE_SEA_LEVEL), true, 300},
        {{{0, 101000, 90000}}, {180, 101300, 0}, FLAG(JUMP, PRESSURE_SEA_LEVEL), false, 7},
        {{{0, 101000, 90000}}, {180, 0, 0}, 0, false, 7},
        {{{0, 0, 0}}, {180, 101300, 0}, 0, false, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct latest latest = {0};
        int64_t pa = 7;
        for (int k = 0; k < 3; k++) {
            struct observation row = row_of(cases[i].past[k]);
            quality_history_update(&history, &limits.stillness, &row);
        }
        struct observation row = row_of(cases[i].latest);
        row.quality = cases[i].flags;
        latest_set(&latest, &row, 0);
        if (tendency_of(&latest, &history, &pa) != cases[i].any || pa != cases[i].pa)
            fail_msg("case %zu: %lld", i, (long long)pa);
        latest_release(&latest);
        quality_history_release(&history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_past_reading_nearest_to_three_hours_before, begin, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
