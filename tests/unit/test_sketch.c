/* Sketches: any order, split and tree gives the same buckets, quantiles are as near as promised, and few values cost
 * nothing. */
#include "mem.h"
#include "rows.h"
#include "sketch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define METRIC 1
enum { MOST = 3000 };

/* The sketches of one metric over some values, and what an accumulator says of them. */
struct part {
    struct sketches sketches;
    struct sketch_range range;
};

static void part_join(struct part *into, const struct part *from, int shift)
{
    sketches_join(&into->sketches, &into->range, sketches_find(&from->sketches, METRIC), &from->range, shift);
    if (from->range.count == 0)
        return;
    if (into->range.count == 0 || from->range.minimum < into->range.minimum)
        into->range.minimum = from->range.minimum;
    if (into->range.count == 0 || from->range.maximum > into->range.maximum)
        into->range.maximum = from->range.maximum;
    into->range.count += from->range.count;
}

static void part_add(struct part *part, int32_t value, int shift)
{
    part_join(part, &(struct part){.range = {METRIC, 1, value, value}}, shift);
}

static struct part part_none(void)
{
    return (struct part){.range.metric = METRIC};
}

/* Adds the values by a random tree: leaves add one by one, nodes join two parts in either order. */
static void build(struct dice *dice, struct part *part, const int32_t *values, size_t count, int shift)
{
    if (count <= 3 || dice_below(dice, 10) == 0) {
        for (size_t i = 0; i < count; i++)
            part_add(part, values[i], shift);
        return;
    }
    size_t split = 1 + (size_t)dice_below(dice, (int64_t)count - 1);
    struct part halves[2] = {part_none(), part_none()};
    build(dice, &halves[0], values, split, shift);
    build(dice, &halves[1], values + split, count - split, shift);
    int first = (int)dice_below(dice, 2);
    part_join(part, &halves[first], shift);
    part_join(part, &halves[!first], shift);
    sketches_release(&halves[0].sketches);
    sketches_release(&halves[1].sketches);
}

static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Buckets that sorted values fall into. */
static size_t buckets_of(const int32_t *sorted, size_t count, int shift)
{
    size_t buckets = 0;
    for (size_t i = 0; i < count; i++)
        buckets += i == 0 || sorted[i] >> shift != sorted[i - 1] >> shift;
    return buckets;
}

/* The sketch must be what follows from the sorted values alone. */
static void check_against_sorted(const struct part *part, const int32_t *sorted, size_t count, int own)
{
    const struct sketch *sketch = sketches_find(&part->sketches, METRIC);
    if (count <= SKETCH_TOLD) {
        assert_null(sketch);
        assert_int_equal(sketches_bytes(&part->sketches), 0);
        return;
    }
    int shift = own;
    while (buckets_of(sorted, count, shift) > SKETCH_BUCKETS)
        shift++;
    assert_non_null(sketch);
    assert_int_equal(sketch->shift, shift);
    assert_int_equal(sketch->size, buckets_of(sorted, count, shift));
    assert_int_equal(sketch_count(sketch), count);
    size_t at = 0;
    for (size_t b = 0; b < sketch->size; b++) {
        size_t from = at;
        while (at < count && sorted[at] >> shift == sketch->buckets[b].bucket)
            at++;
        assert_int_equal(at - from, sketch->buckets[b].count);
        assert_true(at > from);
    }
}

static void check_quantiles(const struct part *part, const int32_t *sorted, size_t count)
{
    const struct sketch *sketch = sketches_find(&part->sketches, METRIC);
    int64_t error = sketch ? (INT64_C(1) << sketch->shift) / 2 : 0;
    for (int percent = 1; percent <= 100; percent++) {
        int32_t told;
        assert_true(sketch_quantile(sketch, &part->range, percent, &told));
        int64_t exact = sorted[(count * (size_t)percent + 99) / 100 - 1];
        if (llabs(told - exact) > error)
            fail_msg("p%d of %zu values is %d, told as %d", percent, count, (int)exact, told);
        assert_in_range((int64_t)told - part->range.minimum, 0, (int64_t)part->range.maximum - part->range.minimum);
    }
}

/* Values of a kind: weather below zero, few different ones, anything at all, and a crowd with outliers. */
static int32_t draw(struct dice *dice, int kind)
{
    switch (kind) {
    case 0:
        return dice_between(dice, -4000, 2500);
    case 1:
        return dice_between(dice, -3, 3);
    case 2:
        return dice_between(dice, INT32_MIN, INT32_MAX);
    default:
        return dice_below(dice, 50) ? dice_between(dice, -100000, 20000) : dice_between(dice, INT32_MIN, INT32_MAX);
    }
}

static void any_order_split_and_tree(void **state)
{
    (void)state;
    struct dice dice = {41};
    int32_t *values = mem_calloc(MOST, sizeof *values), *sorted = mem_calloc(MOST, sizeof *sorted);
    for (int round = 0; round < 160; round++) {
        size_t count = 1 + (size_t)dice_below(&dice, round % 8 == 0 ? MOST : 40);
        int own = round % 3 * 5;
        for (size_t i = 0; i < count; i++)
            sorted[i] = values[i] = draw(&dice, round % 4);
        qsort(sorted, count, sizeof *sorted, ascending);
        for (int way = 0; way < 4; way++) {
            struct part part = part_none();
            build(&dice, &part, values, count, own);
            check_against_sorted(&part, sorted, count, own);
            check_quantiles(&part, sorted, count);
            sketches_release(&part.sketches);
            for (size_t i = count; i > 1; i--) {
                size_t j = (size_t)dice_below(&dice, (int64_t)i);
                int32_t swap = values[i - 1];
                values[i - 1] = values[j];
                values[j] = swap;
            }
        }
    }
    free(values);
    free(sorted);
}

static void coarsens_when_it_must(void **state)
{
    (void)state;
    struct sketch sketch;
    sketch_init(&sketch, METRIC, 5);
    for (int32_t i = 0; i < SKETCH_BUCKETS; i++)
        sketch_add(&sketch, i * 32, 1);
    assert_int_equal(sketch.size, SKETCH_BUCKETS);
    assert_int_equal(sketch.shift, 5);
    sketch_add(&sketch, 31, 4); /* of a bucket that is there */
    assert_int_equal(sketch.shift, 5);
    assert_int_equal(sketch.buckets[0].count, 5);
    sketch_add(&sketch, -1, 1);
    assert_int_equal(sketch.shift, 6);
    assert_int_equal(sketch.size, SKETCH_BUCKETS / 2 + 1);
    assert_int_equal(sketch.buckets[0].bucket, -1); /* -1 is below 0, not in its bucket */
    assert_int_equal(sketch.buckets[1].count, 6);
    assert_int_equal(sketch_count(&sketch), SKETCH_BUCKETS + 5);
    sketch_release(&sketch);
    assert_int_equal(sketch.size, 0);
    assert_int_equal(sketch.metric, METRIC);

    /* The widest there is: every bucket of the coarsest shift. */
    sketch_init(&sketch, METRIC, 0);
    for (int64_t i = 0; i < 4096; i++)
        sketch_add(&sketch, (int32_t)(INT32_MIN + (i << 20)), 1);
    assert_int_equal(sketch.shift, SKETCH_SHIFT_MAX);
    assert_int_equal(sketch.size, SKETCH_BUCKETS);
    sketch_release(&sketch);
}

static void few_values_are_told_exactly(void **state)
{
    (void)state;
    int32_t told;
    struct sketch_range one = {METRIC, 1, -7, -7}, two = {METRIC, 2, -7, 9};
    assert_true(sketch_quantile(NULL, &one, 1, &told));
    assert_int_equal(told, -7);
    assert_true(sketch_quantile(NULL, &one, 99, &told));
    assert_int_equal(told, -7);
    assert_true(sketch_quantile(NULL, &two, 50, &told));
    assert_int_equal(told, -7);
    assert_true(sketch_quantile(NULL, &two, 51, &told));
    assert_int_equal(told, 9);
    struct sketch_range three = {METRIC, 3, -7, 9};
    assert_false(sketch_quantile(NULL, &three, 50, &told));
}

static void middles_stay_between_the_extremes(void **state)
{
    (void)state;
    struct part part = part_none();
    const int32_t values[] = {-31, -30, -29, 5, 6};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        part_add(&part, values[i], 5);
    int32_t told;
    assert_true(sketch_quantile(sketches_find(&part.sketches, METRIC), &part.range, 60, &told));
    assert_int_equal(told, -16); /* the middle of [-32, 0) */
    assert_true(sketch_quantile(sketches_find(&part.sketches, METRIC), &part.range, 61, &told));
    assert_int_equal(told, 6); /* that of [0, 32) is 16 */
    sketches_release(&part.sketches);
}

/* What an older version has written has no sketch: then neither has the whole, in any order. */
static void what_is_not_known_stays_so(void **state)
{
    (void)state;
    const struct part old = {.range = {METRIC, 3, -7, 9}};
    for (int order = 0; order < 3; order++) {
        struct part part = part_none();
        for (int i = 0; i < 3; i++) {
            if (i == order)
                part_join(&part, &old, 0);
            for (int32_t v = 0; v < 4; v++)
                part_add(&part, v, 0);
        }
        assert_int_equal(part.range.count, 15);
        assert_null(sketches_find(&part.sketches, METRIC));
        sketches_release(&part.sketches);
    }
    struct part told = {.range = {METRIC, 2, -7, 9}}; /* but two values are known without one */
    part_add(&told, 4, 0);
    assert_int_equal(sketch_count(sketches_find(&told.sketches, METRIC)), 3);
    sketches_release(&told.sketches);
}

static void metrics_stay_in_order(void **state)
{
    (void)state;
    struct sketches sketches = {0};
    const int32_t metrics[] = {7, 1, 47, 3, 32, 2, 46};
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        sketch_add(sketches_insert(&sketches, metrics[i], 3), metrics[i], 1);
    for (size_t i = 1; i < sketches.size; i++)
        assert_true(sketches.list[i - 1].metric < sketches.list[i].metric);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        assert_int_equal(sketches_find(&sketches, metrics[i])->buckets[0].bucket, metrics[i] >> 3);
    assert_null(sketches_find(&sketches, 4));
    assert_in_range(sketches_bytes(&sketches), 7 * (sizeof(struct sketch) + 8), 8 * sizeof(struct sketch) + 7 * 16);
    assert_int_equal(sizeof(struct sketch), 16);
    sketches_release(&sketches);
    assert_int_equal(sketches_bytes(&sketches), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_split_and_tree),          cmocka_unit_test(coarsens_when_it_must),
        cmocka_unit_test(few_values_are_told_exactly),       cmocka_unit_test(what_is_not_known_stays_so),
        cmocka_unit_test(middles_stay_between_the_extremes), cmocka_unit_test(metrics_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
