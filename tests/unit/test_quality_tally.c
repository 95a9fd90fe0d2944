/* Counts of quality flags: only what occurred is kept, ascending, and survives its bytes. */
#include "error.h"
#include "quality_tally.h"
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void each_flag_of_a_row_is_counted(void **state)
{
    (void)state;
    struct quality_tally tally = {0}, other = {0};
    int64_t wanted[63] = {0};
    struct dice dice = {3};
    quality_tally_add(&tally, 0);
    assert_null(tally.counts);
    for (int i = 0; i < 1000; i++) {
        int64_t some = dice_below(&dice, INT64_MAX), others = dice_below(&dice, INT64_MAX);
        int64_t flags = some & others & ~(INT64_C(1) << 40);
        quality_tally_add(&tally, flags);
        for (int bit = 0; bit < 63; bit++)
            wanted[bit] += flags >> bit & 1;
    }
    assert_int_equal(tally.count, 62); /* all but the one that never was */
    for (int32_t i = 0; i < tally.count; i++) {
        assert_int_equal(tally.counts[i].rows, wanted[tally.counts[i].bit]);
        assert_true(i == 0 || tally.counts[i].bit > tally.counts[i - 1].bit);
    }
    quality_tally_add(&other, 1);
    quality_tally_move(&other, &tally);
    assert_int_equal(other.count, 62);
    assert_true(tally.count == 0 && tally.counts == NULL);
    quality_tally_release(&other);
    assert_true(other.count == 0 && other.counts == NULL);
}

static void it_survives_its_message(void **state)
{
    (void)state;
    struct quality_tally tally = {0}, back;
    Isobar__V1__CityState message = ISOBAR__V1__CITY_STATE__INIT;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    quality_tally_message(&tally, &message, &arena);
    assert_int_equal(message.n_flag, 0);
    quality_tally_add(&tally, 1 | INT64_C(1) << 55 | INT64_C(1) << 62);
    quality_tally_add(&tally, INT64_C(1) << 55);
    quality_tally_message(&tally, &message, &arena);
    assert_int_equal(quality_tally_take(&back, &message), 0);
    assert_int_equal(back.count, 3);
    assert_memory_equal(back.counts, tally.counts, 3 * sizeof *tally.counts);
    quality_tally_release(&back);
    quality_tally_release(&tally);
    arena_release(&arena);
}

static void must_not_parse(void **state)
{
    (void)state;
    static const struct {
        int32_t flag[2];
        int64_t flagged[2];
        size_t flags, counts;
    } cases[] = {{{1, 2}, {1, 1}, 2, 1},  {{1, 2}, {1, 1}, 1, 2},  {{2, 1}, {1, 1}, 2, 2},  {{1, 1}, {1, 1}, 2, 2},
                 {{-1, 1}, {1, 1}, 2, 2}, {{1, 63}, {1, 1}, 2, 2}, {{1, 2}, {1, -1}, 2, 2}, {{1, 2}, {1, 1}, 64, 64}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Isobar__V1__CityState message = ISOBAR__V1__CITY_STATE__INIT;
        struct quality_tally tally;
        int32_t flag[2] = {cases[i].flag[0], cases[i].flag[1]};
        int64_t flagged[2] = {cases[i].flagged[0], cases[i].flagged[1]};
        message.flag = flag;
        message.flagged = flagged;
        message.n_flag = cases[i].flags;
        message.n_flagged = cases[i].counts;
        assert_int_equal(quality_tally_take(&tally, &message), ERR_INVALID);
        assert_null(tally.counts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flag_of_a_row_is_counted),
        cmocka_unit_test(it_survives_its_message),
        cmocka_unit_test(must_not_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
