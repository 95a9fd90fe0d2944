/* Packed windows: they are what they were, to the last bit, whatever is done to them (common/window_single.c). */
#include "mem.h"
#include "rows.h"
#include "window.h"
#include "window_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define START INT64_C(1790000400000)
#define SPAN  INT64_C(300000)
#define ROWS  2000

static void init(struct window *window, bool sketches)
{
    window_init(window, START, START + SPAN);
    if (sketches)
        window_enable_sketches(window);
}

/* A window of one random row, and the same packed. */
static struct observation pair(struct dice *dice, struct window *plain, struct window *packed)
{
    struct observation row = row_random(dice, START, SPAN / 1000, 1000);
    init(plain, true);
    init(packed, true);
    window_add(plain, &row);
    window_add(packed, &row);
    plain->updated_at_ms = packed->updated_at_ms = START + 7;
    window_pack(packed);
    return row;
}

static void packing_and_unpacking_changes_nothing(void **state)
{
    (void)state;
    struct dice dice = {1};
    int64_t packed_ones = 0;
    for (int i = 0; i < ROWS; i++) {
        struct window plain, packed;
        pair(&dice, &plain, &packed);
        packed_ones += packed.single != NULL;
        assert_same_bytes(&plain, &packed); /* encoded as it is */
        window_unpack_single(&packed);
        assert_null(packed.single);
        assert_same_bytes(&plain, &packed);
        assert_int_equal(window_bytes(&plain), window_bytes(&packed));
        window_release(&plain);
        window_release(&packed);
    }
    assert_true(packed_ones > ROWS / 2);
}

static void a_packed_one_takes_more_rows(void **state)
{
    (void)state;
    struct dice dice = {2};
    for (int i = 0; i < ROWS; i++) {
        struct window plain, packed;
        pair(&dice, &plain, &packed);
        for (int more = 0; more < 3; more++) {
            struct observation row = row_random(&dice, START, SPAN / 1000, 1000);
            window_add(&plain, &row);
            window_add(&packed, &row);
            window_pack(&packed);
            assert_null(packed.single); /* it has two */
            assert_same_bytes(&plain, &packed);
        }
        window_release(&plain);
        window_release(&packed);
    }
}

static void a_packed_one_is_merged_like_another(void **state)
{
    (void)state;
    struct dice dice = {3};
    for (int i = 0; i < ROWS; i++) {
        struct window plain[2], packed[2], hour[2];
        for (int k = 0; k < 2; k++) {
            pair(&dice, &plain[k], &packed[k]);
            window_init(&hour[k], START - START % 3600000, START - START % 3600000 + 3600000);
        }
        window_merge(&hour[0], &plain[0]);
        window_merge(&hour[0], &plain[1]);
        window_merge(&hour[1], &packed[0]);
        window_merge(&hour[1], &packed[1]);
        assert_same_bytes(&hour[0], &hour[1]);
        window_merge(&plain[0], &plain[1]);
        window_merge(&packed[0], &packed[1]); /* both are packed */
        assert_same_bytes(&plain[0], &packed[0]);
        for (int k = 0; k < 2; k++) {
            window_release(&plain[k]);
            window_release(&packed[k]);
            window_release(&hour[k]);
        }
    }
}

static void it_is_smaller(void **state)
{
    (void)state;
    struct window window;
    struct observation row = {.observed_at_ms = START + 1};
    for (int bit = 0; bit < 15; bit++)
        observation_set(&row, bit, 100 + bit);
    init(&window, true);
    window_add(&window, &row);
    size_t before = window_bytes(&window);
    window_pack(&window);
    assert_non_null(window.single);
    assert_true(window_bytes(&window) * 8 < before);
    window_release(&window);
    assert_null(window.single);
    assert_int_equal(window_bytes(&window), 0);
}

static void what_one_row_cannot_have_made_stays(void **state)
{
    (void)state;
    struct window window;
    struct observation row = {.observed_at_ms = START + 1};
    init(&window, false);
    window_pack(&window); /* empty */
    assert_null(window.single);
    window_add(&window, &row); /* a row without values */
    window_pack(&window);
    assert_null(window.single);
    window_release(&window);

    observation_set(&row, ISOBAR__V1__VALUE__TEMPERATURE, 5);
    window_add(&window, &row);
    window.metrics[0].minimum_at = 0; /* as somebody else may have written it */
    window_pack(&window);
    assert_null(window.single);
    window.metrics[0].minimum_at = 1;
    window.metrics[0].metric = 64;
    window_pack(&window);
    assert_null(window.single);
    window.metrics[0].metric = ISOBAR__V1__METRIC__METRIC_TEMPERATURE;
    window.wind = mem_alloc(sizeof *window.wind);
    window.wind->count = 1;
    window.wind->east_mm_s = INT64_C(1) << 31;
    window_pack(&window);
    assert_null(window.single);
    window.wind->east_mm_s--;
    window_pack(&window);
    assert_non_null(window.single);
    window_pack(&window); /* again */
    window_release(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_and_unpacking_changes_nothing), cmocka_unit_test(a_packed_one_takes_more_rows),
        cmocka_unit_test(a_packed_one_is_merged_like_another),   cmocka_unit_test(it_is_smaller),
        cmocka_unit_test(what_one_row_cannot_have_made_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
