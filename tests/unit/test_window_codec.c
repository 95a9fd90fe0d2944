/* Windows as bytes: round trips, what must not parse, metrics of newer software, and budgets of size. */
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

#define START INT64_C(1790000400000)
#define HOUR  INT64_C(3600000)

static struct window random_window(struct dice *dice, int64_t rows)
{
    struct window window;
    window_init(&window, START, START + HOUR);
    for (int64_t i = 0; i < rows; i++) {
        struct observation row = row_random(dice, START, 3600, 1000);
        window_add(&window, &row);
    }
    window.revision = dice_below(dice, 3);
    window.updated_at_ms = dice_below(dice, 3) ? START + dice_below(dice, HOUR) : 0;
    if (dice_below(dice, 3))
        window.parts = (struct parts){.rain_um = dice_below(dice, INT64_C(1) << 40),
                                      .snow_um = dice_below(dice, 3),
                                      .rain_covered_ms = dice_between(dice, 0, HOUR / 2),
                                      .snow_covered_ms = dice_between(dice, 0, HOUR / 2),
                                      .covered_ms = dice_between(dice, 0, HOUR / 2)};
    return window;
}

static void assert_same_window(const struct window *a, const struct window *b)
{
    assert_int_equal(a->start_ms, b->start_ms);
    assert_int_equal(a->end_ms, b->end_ms);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->revision, b->revision);
    assert_int_equal(a->updated_at_ms, b->updated_at_ms);
    assert_int_equal(a->first_observed_at_ms, b->first_observed_at_ms);
    assert_int_equal(a->last_observed_at_ms, b->last_observed_at_ms);
    assert_memory_equal(&a->parts, &b->parts, offsetof(struct parts, covered_ms) + sizeof a->parts.covered_ms);
    assert_int_equal(a->metric_count, b->metric_count);
    for (int32_t i = 0; i < a->metric_count; i++) {
        const struct accumulator *x = &a->metrics[i], *y = &b->metrics[i];
        assert_int_equal(x->metric, y->metric);
        assert_true(x->square_sum == y->square_sum);
        assert_int_equal(x->sum, y->sum);
        assert_int_equal(x->count, y->count);
        assert_int_equal(x->minimum, y->minimum);
        assert_int_equal(x->minimum_at, y->minimum_at);
        assert_int_equal(x->maximum, y->maximum);
        assert_int_equal(x->maximum_at, y->maximum_at);
        assert_int_equal(x->first, y->first);
        assert_int_equal(x->first_at, y->first_at);
        assert_int_equal(x->last, y->last);
        assert_int_equal(x->last_at, y->last_at);
    }
    assert_int_equal(a->wind != NULL, b->wind != NULL);
    if (a->wind)
        assert_memory_equal(a->wind, b->wind, sizeof *a->wind);
}

static void round_trip(void **state)
{
    (void)state;
    struct dice dice = {6};
    for (int round = 0; round < 500; round++) {
        struct window window = random_window(&dice, round % 50);
        struct window back = through_bytes(&window);
        assert_same_window(&window, &back);
        window_release(&window);
        window_release(&back);
    }
}

static void merging_what_was_stored(void **state)
{
    (void)state;
    struct dice dice = {7};
    for (int round = 0; round < 100; round++) {
        struct window left = random_window(&dice, 10), right = random_window(&dice, 5);
        left.revision = 0;
        struct window stored = through_bytes(&left);
        window_merge(&stored, &right);
        window_merge(&left, &right);
        assert_same_bytes(&left, &stored);
        struct window *all[] = {&left, &right, &stored};
        for (size_t i = 0; i < 3; i++)
            window_release(all[i]);
    }
}

/* A good message of two metrics, to be spoiled: temperature 1, 2, 3 and wind speed twice 100. */
enum { ROOM = WINDOW_MAX_METRICS + 1 };
struct sample {
    Isobar__V1__WindowState message;
    Isobar__V1__WindVector wind;
    int32_t metric[ROOM];
    int64_t count[ROOM], sum[ROOM], low[ROOM], high[ROOM];
    int64_t minimum[ROOM], minimum_at[ROOM], maximum[ROOM], maximum_at[ROOM];
    int64_t first[ROOM], first_at[ROOM], last[ROOM], last_at[ROOM];
    int64_t rose[WIND_SECTORS + 1];
};

static void sample_metric(struct sample *s, size_t k, int32_t metric, const int64_t figures[11])
{
    int64_t *columns[] = {s->count,      s->sum,   s->low,      s->minimum, s->minimum_at, s->maximum,
                          s->maximum_at, s->first, s->first_at, s->last,    s->last_at};
    s->metric[k] = metric;
    for (size_t i = 0; i < 11; i++)
        columns[i][k] = figures[i];
}

static void sample_init(struct sample *s)
{
    memset(s, 0, sizeof *s);
    isobar__v1__window_state__init(&s->message);
    isobar__v1__wind_vector__init(&s->wind);
    Isobar__V1__WindowState *m = &s->message;
    m->format = 1;
    m->start_ms = START;
    m->end_ms = START + HOUR;
    m->rows = 3;
    m->first_observed_at_ms = START + 1000;
    m->last_observed_at_ms = START + 3000;
    m->metric = s->metric;
    int64_t **columns[] = {&m->count,   &m->sum,        &m->square_sum_low, &m->square_sum_high,
                           &m->minimum, &m->minimum_at, &m->maximum,        &m->maximum_at,
                           &m->first,   &m->first_at,   &m->last,           &m->last_at};
    int64_t *cells[] = {s->count,   s->sum,        s->low,   s->high,     s->minimum, s->minimum_at,
                        s->maximum, s->maximum_at, s->first, s->first_at, s->last,    s->last_at};
    size_t *counts[] = {&m->n_count,   &m->n_sum,        &m->n_square_sum_low, &m->n_square_sum_high,
                        &m->n_minimum, &m->n_minimum_at, &m->n_maximum,        &m->n_maximum_at,
                        &m->n_first,   &m->n_first_at,   &m->n_last,           &m->n_last_at};
    for (size_t i = 0; i < 12; i++) {
        *columns[i] = cells[i];
        *counts[i] = 2;
    }
    m->n_metric = 2;
    sample_metric(s, 0, 1, (const int64_t[]){3, 6, 14, 1, 1000, 3, 3000, 1, 1000, 3, 3000});
    sample_metric(s, 1, 5, (const int64_t[]){2, 200, 20000, 100, 1000, 100, 1000, 100, 1000, 100, 3000});
    m->wind = &s->wind;
    s->wind.count = s->wind.calm = 1;
    s->wind.rose = s->rose;
    s->wind.n_rose = WIND_SECTORS;
    s->rose[3] = 1;
}

static int decode(const struct sample *s)
{
    size_t size = isobar__v1__window_state__get_packed_size(&s->message);
    uint8_t *bytes = mem_alloc(size);
    isobar__v1__window_state__pack(&s->message, bytes);
    struct window window;
    int status = window_decode(&window, bytes, size);
    if (status) {
        assert_null(window.metrics);
        assert_null(window.wind);
        assert_int_equal(window.rows, 0);
    }
    window_release(&window);
    free(bytes);
    return status;
}

#define W(member, value) SET(struct sample, member, value)

/* Up to three members of a good sample that are spoiled. */
static const struct edit spoilt[][3] = {
    {W(message.format, 0)},
    {W(message.format, 2)},
    /* the span */
    {W(message.end_ms, START)},
    {W(message.end_ms, START - 1)},
    {W(message.end_ms, START + WINDOW_MAX_SPAN_MS + 1)},
    {W(message.start_ms, INT64_MIN)},
    {W(message.start_ms, INT64_MIN), W(message.end_ms, INT64_MAX)},
    {W(message.start_ms, INT64_MAX - 1), W(message.end_ms, INT64_MAX)},
    {W(message.rows, -1)},
    {W(message.rows, 2)}, /* fewer than a metric's count */
    {W(message.rows, 0)},
    {W(message.rows, (int64_t)WINDOW_MAX_ROWS + 1)},
    {W(message.revision, -1)},
    {W(message.updated_at_ms, -1)},
    {W(message.updated_at_ms, INT64_MAX)},
    {W(message.first_observed_at_ms, START - 1)},
    {W(message.first_observed_at_ms, START + 3001)},
    {W(message.first_observed_at_ms, START + 1001)}, /* later than a metric's first */
    {W(message.last_observed_at_ms, START + HOUR)},
    {W(message.last_observed_at_ms, START + 2999)},
    {W(message.first_observed_at_ms, 0)},
    /* parts */
    {W(message.rain_covered_ms, (int64_t)INT32_MAX + 1)},
    {W(message.snow_covered_ms, INT64_MIN)},
    {W(message.covered_ms, (INT64_C(1) << 32) + 5)},
    /* columns */
    {W(message.n_metric, 1)},
    {W(message.n_metric, 0)},
    {W(message.n_count, 1)},
    {W(message.n_sum, 3)},
    {W(message.n_square_sum_low, 0)},
    {W(message.n_square_sum_high, 1)},
    {W(message.n_minimum, 1)},
    {W(message.n_minimum_at, 1)},
    {W(message.n_maximum, 0)},
    {W(message.n_maximum_at, 3)},
    {W(message.n_first, 1)},
    {W(message.n_first_at, 1)},
    {W(message.n_last, 1)},
    {W(message.n_last_at, 1)},
    {W(metric[0], 0)},
    {W(metric[0], -3)},
    {W(metric[0], 5)},
    {W(metric[0], 6)},
    /* one accumulator */
    {W(count[0], 0)},
    {W(count[0], -1)},
    {W(count[0], 4)},
    {W(sum[0], 2)},  /* 3 values of at least 1 */
    {W(sum[0], 10)}, /* 3 values of at most 3 */
    {W(low[0], 28)}, /* 3 squares of at most 9 */
    {W(low[0], 11)}, /* no three numbers have sum 6 and squares 11 */
    {W(low[0], -1)},
    {W(high[0], 1)},
    {W(high[0], -1)},
    {W(minimum[0], 2)}, /* above the first */
    {W(minimum[0], 4)},
    {W(maximum[0], 2)},
    {W(maximum[0], INT64_C(1) << 31)},
    {W(minimum[0], -(INT64_C(1) << 31) - 1)},
    {W(first[0], 0)},
    {W(first[0], 4)},
    {W(last[0], 0)},
    {W(last[0], INT64_MAX)},
    {W(minimum_at[0], 999)},
    {W(minimum_at[0], 3001)},
    {W(maximum_at[0], 999)},
    {W(maximum_at[0], INT64_MAX)},
    {W(first_at[0], 999)},
    {W(first_at[0], 3001)},
    {W(last_at[0], 3001)},
    {W(last_at[0], 999)},
    {W(first_at[0], -1), W(minimum_at[0], -1)},
    {W(last_at[0], (INT64_C(1) << 32) + 2000)},
    /* wind */
    {W(wind.count, -1)},
    {W(wind.calm, -1)},
    {W(wind.calm, 3)},
    {W(wind.count, 0)}, /* but a rose */
    {W(wind.count, 0), W(wind.calm, 0), W(wind.n_rose, 0)},
    {W(wind.count, INT64_MAX), W(wind.calm, INT64_MAX)},
    {W(wind.n_rose, 0)},
    {W(wind.n_rose, 15)},
    {W(wind.n_rose, 17)},
    {W(rose[3], 2)},
    {W(rose[3], 0)},
    {W(rose[0], 2), W(rose[1], -2)},
    {W(wind.sine, 1000000001)},
    {W(wind.cosine, -1000000001)},
    {W(wind.east_mm_s, INT64_C(21474836471))},
    {W(wind.north_mm_s, INT64_MIN)},
};

static void must_not_parse(void **state)
{
    (void)state;
    struct sample *s = mem_alloc(sizeof *s);
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        sample_init(s);
        assert_int_equal(decode(s), 0); /* good until it is spoiled */
        for (size_t e = 0; e < 3; e++)
            edit_apply(s, &spoilt[i][e]);
        if (decode(s) == 0)
            fail_msg("case %zu parses", i);
    }
    free(s);
}

static void may_parse(void **state)
{
    (void)state;
    static const struct edit cases[][3] = {
        {W(message.n_square_sum_high, 0)},
        {W(message.end_ms, START + WINDOW_MAX_SPAN_MS)},
        {W(message.rows, WINDOW_MAX_ROWS)},
        {W(low[0], 27)}, /* never reached, but inside its bounds */
        {W(low[0], 12)},
        {W(metric[1], INT32_MAX)},
        {W(wind.count, 0), W(wind.n_rose, 0)},
        {W(wind.sine, 1000000000), W(wind.cosine, -1000000000)},
        {W(message.revision, INT64_MAX)},
        {W(message.rain_um, INT64_MAX), W(message.rain_covered_ms, HOUR), W(message.covered_ms, HOUR)},
    };
    struct sample *s = mem_alloc(sizeof *s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sample_init(s);
        for (size_t e = 0; e < 3; e++)
            edit_apply(s, &cases[i][e]);
        if (decode(s) != 0)
            fail_msg("case %zu does not parse", i);
    }
    free(s);
}

/* A correction may have found another day than what it corrects: nothing of it is lost. */
static void parts_may_be_less_than_nothing(void **state)
{
    (void)state;
    struct window window, back;
    struct buf bytes = BUF_EMPTY;
    window_init(&window, START, START + HOUR);
    window.parts = (struct parts){-1, -2, -3, (int32_t)HOUR + 1, (int32_t)HOUR};
    window_encode(&window, &bytes);
    assert_int_equal(window_decode(&back, bytes.data, bytes.size), 0);
    assert_int_equal(back.rows, 0); /* no row is needed for parts */
    assert_same_window(&window, &back);
    buf_release(&bytes);
}

static void many_metrics(void **state)
{
    (void)state;
    struct sample *s = mem_alloc(sizeof *s);
    for (size_t count = WINDOW_MAX_METRICS; count <= ROOM; count++) {
        sample_init(s);
        Isobar__V1__WindowState *m = &s->message;
        for (size_t k = 0; k < count; k++)
            sample_metric(s, k, 100 + (int32_t)k, (const int64_t[]){1, 2, 4, 2, 1000, 2, 1000, 2, 1000, 2, 1000});
        m->n_metric = m->n_count = m->n_sum = m->n_square_sum_low = m->n_minimum = m->n_minimum_at = count;
        m->n_maximum = m->n_maximum_at = m->n_first = m->n_first_at = m->n_last = m->n_last_at = count;
        m->n_square_sum_high = 0;
        assert_int_equal(decode(s), count == ROOM ? ERR_INVALID : 0);
    }
    free(s);
}

static void metrics_of_newer_software_survive(void **state)
{
    (void)state;
    struct sample *s = mem_alloc(sizeof *s);
    sample_init(s);
    s->metric[1] = 40;
    uint8_t bytes[1024];
    size_t size = isobar__v1__window_state__pack(&s->message, bytes);
    struct window old, more;
    assert_int_equal(window_decode(&old, bytes, size), 0);
    assert_int_equal(window_decode(&more, bytes, size), 0);
    struct observation row = {.city_id = 1, .observed_at_ms = START};
    observation_set(&row, ISOBAR__V1__VALUE__AIR_QUALITY_INDEX, 3);
    window_add(&old, &row);
    window_merge(&old, &more);
    assert_int_equal(old.metric_count, 3);
    assert_int_equal(old.metrics[1].metric, ISOBAR__V1__METRIC__METRIC_AIR_QUALITY_INDEX);
    assert_int_equal(window_find(&old, 40)->count, 4);
    assert_int_equal(window_find(&old, 40)->sum, 400);
    window_release(&old);
    window_release(&more);
    free(s);
}

static void bytes_that_are_no_window(void **state)
{
    (void)state;
    struct dice dice = {8};
    struct window window = random_window(&dice, 20), other;
    struct buf bytes = BUF_EMPTY;
    window_encode(&window, &bytes);
    size_t parsed = 0;
    for (size_t size = 0; size < bytes.size; size++) {
        char *cut = mem_dup(bytes.data, size);
        parsed += window_decode(&other, cut, size) == 0;
        window_release(&other);
        free(cut);
    }
    assert_in_range(parsed, 0,
                    9); /* cut before `rows`, `metric`, `wind`, a part or the sketches, it is a window without them */
    for (int i = 0; i < 20000; i++) {
        char *spoiled = mem_dup(bytes.data, bytes.size);
        for (int64_t n = dice_below(&dice, 3); n >= 0; n--)
            spoiled[dice_below(&dice, (int64_t)bytes.size)] = (char)dice_below(&dice, 256);
        if (window_decode(&other, spoiled, bytes.size) == 0) { /* whatever passes can be worked with */
            if (other.start_ms == window.start_ms && other.end_ms == window.end_ms)
                window_merge(&other, &window);
            for (int32_t k = 0; k < other.metric_count; k++)
                assert_true(accumulator_deviation(&other.metrics[k]) >= 0);
        }
        window_release(&other);
        free(spoiled);
    }
    window_release(&window);
    buf_release(&bytes);
}

static void sizes(void **state)
{
    (void)state;
    struct window window;
    char *bytes = mem_alloc(WINDOW_MAX_BYTES + 1);
    assert_int_equal(window_decode(&window, bytes, WINDOW_MAX_BYTES + 1), ERR_INVALID);
    for (size_t i = 0; i < WINDOW_MAX_BYTES; i += 2) { /* one field again and again */
        bytes[i] = 0x30;
        bytes[i + 1] = 1;
    }
    assert_int_equal(window_decode(&window, bytes, WINDOW_MAX_BYTES), ERR_INVALID);
    free(bytes);

    /* The budget of a day: 144 rows of 13 metrics, one every ten minutes. */
    window_init(&window, START, START + 24 * HOUR);
    for (int i = 0; i < 144; i++) {
        struct observation row = {.city_id = 1, .observed_at_ms = START + i * 600000};
        const struct {
            int bit, value, step;
        } values[] = {{0, 1500, 31},   {4, 101325, 7}, {5, 99000, 7}, {6, 6500, 13}, {7, 900, 11},   {8, 480, 17},
                      {9, 21000, 250}, {10, 900, 23},  {11, 0, 100},  {12, 0, 0},    {13, 7500, 25}, {14, 10000, 0}};
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            observation_set(&row, values[v].bit, values[v].value + i % 10 * values[v].step);
        window_add(&window, &row);
    }
    struct buf out = BUF_EMPTY;
    window_encode(&window, &out);
    print_message("a day of %d metrics with wind takes %zu bytes\n", window.metric_count, out.size);
    assert_int_equal(window.metric_count, 13);
    assert_in_range(out.size, 1, 1000);
    buf_release(&out);
    window_release(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(merging_what_was_stored),
        cmocka_unit_test(must_not_parse),
        cmocka_unit_test(parts_may_be_less_than_nothing),
        cmocka_unit_test(may_parse),
        cmocka_unit_test(many_metrics),
        cmocka_unit_test(metrics_of_newer_software_survive),
        cmocka_unit_test(bytes_that_are_no_window),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
