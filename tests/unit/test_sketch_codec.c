/* Sketches in a window's bytes: round trips, what must not parse, and metrics of newer software. */
#include "error.h"
#include "mem.h"
#include "rows.h"
#include "spoil.h"
#include "window.h"
#include "window_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define START       INT64_C(1790000400000)
#define HOUR        INT64_C(3600000)
#define TEMPERATURE ISOBAR__V1__METRIC__METRIC_TEMPERATURE

static void add_temperature(struct window *window, int32_t value)
{
    struct observation row = {.city_id = 1, .observed_at_ms = window->start_ms};
    observation_set(&row, ISOBAR__V1__VALUE__TEMPERATURE, value);
    window_add(window, &row);
}

static void assert_same_sketches(const struct window *a, const struct window *b)
{
    assert_int_equal(a->sketches.size, b->sketches.size);
    for (size_t i = 0; i < a->sketches.size; i++) {
        const struct sketch *x = &a->sketches.list[i], *y = &b->sketches.list[i];
        assert_int_equal(x->metric, y->metric);
        assert_int_equal(x->shift, y->shift);
        assert_int_equal(x->size, y->size);
        assert_memory_equal(x->buckets, y->buckets, x->size * sizeof *x->buckets);
    }
}

static void round_trip(void **state)
{
    (void)state;
    struct dice dice = {51};
    for (int round = 0; round < 60; round++) {
        struct window window;
        window_init(&window, START, START + 24 * HOUR);
        for (int64_t i = round % 10 == 0 ? 3000 : dice_below(&dice, 20); i > 0; i--) {
            struct observation row = row_random(&dice, START, 3600, 1000);
            window_add(&window, &row);
        }
        struct window back = through_bytes(&window);
        assert_same_sketches(&window, &back);
        window_release(&window);
        window_release(&back);
    }
}

/* A span that would not keep any does so when its bytes have some. */
static void who_has_some_goes_on(void **state)
{
    (void)state;
    struct window asked, back;
    window_init(&asked, START, START + 600000);
    window_enable_sketches(&asked);
    for (int32_t i = 0; i < 3; i++)
        add_temperature(&asked, i);
    struct buf bytes = BUF_EMPTY;
    window_encode(&asked, &bytes);
    assert_int_equal(window_decode(&back, bytes.data, bytes.size), 0);
    add_temperature(&asked, 100);
    add_temperature(&back, 100);
    assert_int_equal(sketch_count(sketches_find(&back.sketches, TEMPERATURE)), 4);
    assert_same_sketches(&asked, &back);
    window_release(&asked);
    window_release(&back);
    buf_release(&bytes);
}

/*
 * Temperatures -33, -1, -1 and 70 (shift 5: buckets -2, -1 twice, 2), wind speeds 0, 20 and 40 (shift 4: 0, 1, 2), and
 * one reading of humidity, that needs none.
 */
struct sample {
    Isobar__V1__WindowState *message;
    struct window window; /* what it was made of */
    struct arena arena;
    int32_t metric[4], shift[4], size[4], bucket[8];
    int64_t count[8];
};

static void sample_init(struct sample *s)
{
    memset(s, 0, sizeof *s);
    window_init(&s->window, START, START + HOUR);
    const int32_t temperatures[] = {-33, -1, -1, 70}, speeds[] = {0, 20, 40};
    for (size_t i = 0; i < 4; i++) {
        struct observation row = {.city_id = 1, .observed_at_ms = START};
        observation_set(&row, ISOBAR__V1__VALUE__TEMPERATURE, temperatures[i]);
        if (i < 3)
            observation_set(&row, ISOBAR__V1__VALUE__WIND_SPEED, speeds[i]);
        else
            observation_set(&row, ISOBAR__V1__VALUE__VISIBILITY, 1);
        window_add(&s->window, &row);
    }
    sketches_release(&s->window.sketches); /* the message has its own, to be spoiled */
    arena_init(&s->arena, MESSAGE_ARENA_BYTES);
    s->message = window_message(&s->window, &s->arena);
    Isobar__V1__WindowState *m = s->message;
    m->n_sketch_metric = m->n_sketch_shift = m->n_sketch_size = 2;
    m->n_sketch_bucket = m->n_sketch_count = 6;
    m->sketch_metric = s->metric;
    m->sketch_shift = s->shift;
    m->sketch_size = s->size;
    m->sketch_bucket = s->bucket;
    m->sketch_count = s->count;
    memcpy(s->metric, (const int32_t[]){1, 5, 10}, 3 * sizeof *s->metric);
    memcpy(s->shift, (const int32_t[]){5, 4, 7}, 3 * sizeof *s->shift);
    memcpy(s->size, (const int32_t[]){3, 3, 1}, 3 * sizeof *s->size);
    memcpy(s->bucket, (const int32_t[]){-2, 1, 3, 0, 1, 1, 0}, 7 * sizeof *s->bucket);
    memcpy(s->count, (const int64_t[]){1, 2, 1, 1, 1, 1, 1}, 7 * sizeof *s->count);
}

static int decode(const struct sample *s, struct window *window)
{
    struct buf bytes = BUF_EMPTY;
    size_t size = isobar__v1__window_state__get_packed_size(s->message);
    buf_advance(&bytes, isobar__v1__window_state__pack(s->message, (uint8_t *)buf_reserve(&bytes, size)));
    int status = window_decode(window, bytes.data, bytes.size);
    buf_release(&bytes);
    return status;
}

static void sample_release(struct sample *s)
{
    window_release(&s->window);
    arena_release(&s->arena);
}

#define S(member, value) SET(struct sample, member, value)

static void must_not_parse(void **state)
{
    (void)state;
    static const struct edit spoilt[][3] = {
        {S(metric[0], 0)},         {S(metric[0], 5)}, {S(metric[0], 6)},
        {S(metric[0], 4)},  /* a metric without values */
        {S(metric[1], 10)}, /* a metric of one value */
        {S(shift[0], 4)},   /* finer than its own */
        {S(shift[0], 6)},   /* coarser than needed */
        {S(shift[0], -1)},         {S(shift[0], 32)}, {S(size[0], 0)},
        {S(size[0], 4)},           {S(size[0], 2)},   {S(size[0], -3)},
        {S(size[0], INT32_MAX)},   {S(size[1], 2)},   {S(size[1], 4)},
        {S(bucket[0], -1)}, /* the minimum is elsewhere */
        {S(bucket[0], -3)},        {S(bucket[1], 0)}, {S(bucket[1], -1)},
        {S(bucket[2], 2)}, /* and the maximum */
        {S(bucket[2], 4)},         {S(bucket[4], 0)}, {S(bucket[5], INT32_MAX)},
        {S(bucket[1], INT32_MIN)}, {S(count[0], 0)},  {S(count[0], -1), S(count[1], 4)},
        {S(count[1], 1)},          {S(count[1], 3)},  {S(count[0], INT64_MAX)},
        {S(count[5], INT64_MIN)},
    };
    struct window window;
    struct sample s;
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        sample_init(&s);
        assert_int_equal(decode(&s, &window), 0); /* good until it is spoiled */
        window_release(&window);
        for (size_t e = 0; e < 3; e++)
            edit_apply(&s, &spoilt[i][e]);
        if (decode(&s, &window) == 0)
            fail_msg("case %zu parses", i);
        assert_int_equal(window.sketches.size, 0);
        sample_release(&s);
    }
}

static void columns_of_odd_length(void **state)
{
    (void)state;
    struct window window;
    const size_t odd[][5] = {{1, 2, 2, 6, 6}, {3, 2, 2, 6, 6}, {2, 1, 2, 6, 6}, {2, 2, 0, 6, 6}, {2, 2, 2, 5, 6},
                             {2, 2, 2, 6, 7}, {2, 2, 2, 7, 7}, {2, 2, 2, 5, 5}, {0, 0, 0, 1, 1}, {3, 3, 3, 7, 7}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct sample s;
        sample_init(&s);
        s.message->n_sketch_metric = odd[i][0];
        s.message->n_sketch_shift = odd[i][1];
        s.message->n_sketch_size = odd[i][2];
        s.message->n_sketch_bucket = odd[i][3];
        s.message->n_sketch_count = odd[i][4];
        if (decode(&s, &window) == 0)
            fail_msg("case %zu parses", i);
        sample_release(&s);
    }
}

static void none_is_not_known(void **state)
{
    (void)state;
    struct sample s;
    struct window window;
    int32_t median;
    sample_init(&s);
    assert_int_equal(decode(&s, &window), 0);
    assert_true(window_quantile(&window, window_find(&window, TEMPERATURE), 50, &median));
    assert_int_equal(median, -16);
    window_release(&window);
    s.message->n_sketch_metric = s.message->n_sketch_shift = s.message->n_sketch_size = 1; /* of an older version */
    s.message->n_sketch_bucket = s.message->n_sketch_count = 3;
    assert_int_equal(decode(&s, &window), 0);
    assert_true(window_quantile(&window, window_find(&window, TEMPERATURE), 50, &median));
    assert_false(window_quantile(&window, window_find(&window, 5), 50, &median));
    assert_true(window_quantile(&window, window_find(&window, 10), 50, &median));
    window_release(&window);
    sample_release(&s);
}

static void sketches_of_newer_metrics_are_left_out(void **state)
{
    (void)state;
    struct sample s;
    struct window window, old;
    sample_init(&s);
    size_t last = s.message->n_metric - 1;
    s.message->metric[last] = 30; /* reserved today */
    s.message->count[last] = 3;
    s.message->sum[last] = 3 * s.message->minimum[last];
    s.message->maximum[last] = s.message->minimum[last];
    s.message->first[last] = s.message->last[last] = s.message->minimum[last];
    s.message->square_sum_low[last] = 3 * s.message->minimum[last] * s.message->minimum[last];
    s.message->n_sketch_metric = s.message->n_sketch_shift = s.message->n_sketch_size = 3;
    s.message->n_sketch_bucket = s.message->n_sketch_count = 7;
    s.metric[2] = 30;
    s.bucket[6] = (int32_t)(s.message->minimum[last] >> 7);
    s.count[6] = 3;
    assert_int_equal(decode(&s, &window), 0);
    assert_int_equal(window.sketches.size, 2);
    assert_int_equal(window_find(&window, 30)->count, 3);
    window_init(&old, START, START + HOUR);
    window_merge(&old, &window);
    assert_int_equal(old.sketches.size, 2);
    window_release(&old);
    window_release(&window);
    s.bucket[6]++; /* but they must be sound */
    assert_int_equal(decode(&s, &window), ERR_INVALID);
    sample_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),        cmocka_unit_test(who_has_some_goes_on),
        cmocka_unit_test(must_not_parse),    cmocka_unit_test(columns_of_odd_length),
        cmocka_unit_test(none_is_not_known), cmocka_unit_test(sketches_of_newer_metrics_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
