/*
 * Accumulators over a span of time (window.h): adding and merging. Adding a value is merging an accumulator of one
 * value, so that there is one place for the rules of ties. Sums wrap rather than overflow: no honest window comes
 * near, and a damaged one must not be undefined behaviour. Encoding is in window_codec.c, wind in wind.c; which rows
 * are accepted, late or duplicate is not decided here.
 */
#include "window.h"

#include "derive.h"
#include "mem.h"
#include "quantity.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add(int64_t *sum, int64_t more)
{
    (void)__builtin_add_overflow(*sum, more, sum); /* wraps */
}

void window_init(struct window *window, int64_t start_ms, int64_t end_ms)
{
    *window = (struct window){.start_ms = start_ms, .end_ms = end_ms};
    window->sketches.kept = end_ms - start_ms >= WINDOW_SKETCHED_MS;
}

void window_enable_sketches(struct window *window)
{
    window_keep_sketches(window, true);
}

void window_keep_sketches(struct window *window, bool wanted)
{
    window->sketches.kept = wanted || window->sketches.size > 0;
}

void window_release(struct window *window)
{
    free(window->metrics);
    free(window->wind);
    free(window->single);
    sketches_release(&window->sketches);
    bool kept = window->sketches.kept;
    window_init(window, window->start_ms, window->end_ms);
    window->sketches.kept = kept;
}

/* ---- accumulators ---- */

struct accumulator accumulator_of(int32_t metric, int32_t value, int32_t at)
{
    return (struct accumulator){
        .square_sum = (wide)value * value,
        .sum = value,
        .count = 1,
        .minimum = value,
        .minimum_at = at,
        .maximum = value,
        .maximum_at = at,
        .first = value,
        .first_at = at,
        .last = value,
        .last_at = at,
        .metric = metric,
    };
}

/* Adds `from`, whose times are moved by `shift` ms. */
static void accumulator_merge(struct accumulator *into, const struct accumulator *from, int32_t shift)
{
    int32_t minimum_at = from->minimum_at + shift, maximum_at = from->maximum_at + shift;
    int32_t first_at = from->first_at + shift, last_at = from->last_at + shift;

    (void)__builtin_add_overflow(into->square_sum, from->square_sum, &into->square_sum);
    add(&into->sum, from->sum);
    (void)__builtin_add_overflow(into->count, from->count, &into->count);
    if (from->minimum < into->minimum || (from->minimum == into->minimum && minimum_at < into->minimum_at)) {
        into->minimum = from->minimum;
        into->minimum_at = minimum_at;
    }
    if (from->maximum > into->maximum || (from->maximum == into->maximum && maximum_at < into->maximum_at)) {
        into->maximum = from->maximum;
        into->maximum_at = maximum_at;
    }
    if (first_at < into->first_at || (first_at == into->first_at && from->first < into->first)) {
        into->first = from->first;
        into->first_at = first_at;
    }
    if (last_at > into->last_at || (last_at == into->last_at && from->last < into->last)) {
        into->last = from->last;
        into->last_at = last_at;
    }
}

double accumulator_mean(const struct accumulator *accumulator)
{
    return (double)accumulator->sum / (double)accumulator->count;
}

double accumulator_deviation(const struct accumulator *accumulator)
{
    int64_t n = accumulator->count;
    if (n < 2)
        return 0;
    /* n * sum of squares - square of the sum, exact: both are below 2^125 for counts up to WINDOW_MAX_ROWS. */
    unsigned __int128 squares = (unsigned __int128)n * (unsigned __int128)accumulator->square_sum;
    unsigned __int128 square = (unsigned __int128)accumulator->sum * (unsigned __int128)accumulator->sum;
    __int128 difference = (__int128)(squares - square);
    return difference <= 0 ? 0 : sqrt((double)difference / ((double)n * (double)(n - 1)));
}

/* ---- the sorted array of metrics ---- */

static void reserve(struct window *window, int32_t capacity)
{
    if (capacity <= window->metric_capacity)
        return;
    window->metrics = mem_grow(window->metrics, (size_t)capacity, sizeof *window->metrics);
    window->metric_capacity = capacity;
}

static struct sketch_range range_of(const struct accumulator *a)
{
    return (struct sketch_range){a->metric, a->count, a->minimum, a->maximum};
}

/* Joins the sketch of the values of `from`, or what tells them, to that of `into`, which may be NULL: none yet. */
static void join(struct window *window, const struct accumulator *into, const struct accumulator *from,
                 const struct sketch *sketch)
{
    if (!window->sketches.kept)
        return;
    const struct quantity *quantity = quantity_get(from->metric);
    if (!quantity)
        return; /* of newer software */
    struct sketch_range ours = into ? range_of(into) : (struct sketch_range){0}, theirs = range_of(from);
    sketches_join(&window->sketches, &ours, sketch, &theirs, quantity->sketch_shift);
}

/*
 * Merges `from`, and its sketch if there is one, into the entry of its metric, which is looked for from `*at` on; `*at`
 * is then the place after it.
 */
static void put(struct window *window, int32_t *at, const struct accumulator *from, const struct sketch *sketch,
                int32_t shift)
{
    int32_t i = *at;
    while (i < window->metric_count && window->metrics[i].metric < from->metric)
        i++;
    *at = i + 1;
    if (i < window->metric_count && window->metrics[i].metric == from->metric) {
        join(window, &window->metrics[i], from, sketch);
        accumulator_merge(&window->metrics[i], from, shift);
        return;
    }
    join(window, NULL, from, sketch);
    reserve(window, window->metric_count + 1);
    memmove(&window->metrics[i + 1], &window->metrics[i], (size_t)(window->metric_count - i) * sizeof *window->metrics);
    window->metric_count++;
    struct accumulator *slot = &window->metrics[i];
    *slot = *from;
    slot->minimum_at += shift;
    slot->maximum_at += shift;
    slot->first_at += shift;
    slot->last_at += shift;
}

const struct accumulator *window_find(const struct window *window, int32_t metric)
{
    assert(!window->single);
    for (int32_t i = 0; i < window->metric_count; i++)
        if (window->metrics[i].metric == metric)
            return &window->metrics[i];
    return NULL;
}

size_t window_bytes(const struct window *window)
{
    return (size_t)window->metric_capacity * sizeof *window->metrics + sketches_bytes(&window->sketches) +
           (window->wind ? sizeof *window->wind : 0) + window_single_bytes(window);
}

bool window_quantile(const struct window *window, const struct accumulator *accumulator, int percent, int32_t *out)
{
    struct sketch_range range = range_of(accumulator);
    return sketch_quantile(sketches_find(&window->sketches, accumulator->metric), &range, percent, out);
}

/* ---- adding and merging ---- */

/* Counts `rows` that were observed between `first_ms` and `last_ms`. */
static void count_rows(struct window *window, int64_t rows, int64_t first_ms, int64_t last_ms)
{
    if (rows == 0)
        return;
    if (window->rows == 0 || first_ms < window->first_observed_at_ms)
        window->first_observed_at_ms = first_ms;
    if (window->rows == 0 || last_ms > window->last_observed_at_ms)
        window->last_observed_at_ms = last_ms;
    add(&window->rows, rows);
}

static struct wind_vector *wind_of(struct window *window)
{
    if (!window->wind)
        window->wind = mem_alloc(sizeof *window->wind);
    return window->wind;
}

static void add_wind(struct window *window, const struct observation *observation)
{
    if (!observation_has(observation, ISOBAR__V1__VALUE__WIND_SPEED))
        return;
    int32_t speed = observation->value[ISOBAR__V1__VALUE__WIND_SPEED];
    if (speed >= WIND_CALM_CM_S && !observation_has(observation, ISOBAR__V1__VALUE__WIND_DIRECTION))
        return;
    wind_add(wind_of(window), speed, observation->value[ISOBAR__V1__VALUE__WIND_DIRECTION]);
}

/* Puts the values of a row, and what is derived from them, by metric into `values`; a bit for each metric that has one.
 */
static uint64_t collect(const struct observation *observation, int32_t values[QUANTITY_COUNT])
{
    uint64_t metrics = 0;
    for (uint64_t left = observation->present & OBSERVATION_KNOWN; left; left &= left - 1) {
        int bit = __builtin_ctzll(left);
        int32_t metric = quantity_of_value(bit);
        values[metric] = observation->value[bit];
        metrics |= UINT64_C(1) << metric;
    }
    struct derived derived;
    derive_row(observation, &derived);
    const struct {
        bool has;
        int metric;
        int32_t value;
    } more[] = {
        {derived.has_dew_point, ISOBAR__V1__METRIC__METRIC_DEW_POINT, derived.dew_point_centi_c},
        {derived.has_feels_like, ISOBAR__V1__METRIC__METRIC_FEELS_LIKE, derived.feels_like_centi_c},
        {derived.has_vapour_pressure, ISOBAR__V1__METRIC__METRIC_VAPOUR_PRESSURE, derived.vapour_pressure_pa},
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        values[more[i].metric] = more[i].value;
        metrics |= (uint64_t)more[i].has << more[i].metric;
    }
    return metrics & ~UINT64_C(1); /* METRIC_UNKNOWN: values that are of no metric */
}

void window_add(struct window *window, const struct observation *observation)
{
    assert(observation->observed_at_ms >= window->start_ms && observation->observed_at_ms < window->end_ms);
    int32_t offset = (int32_t)(observation->observed_at_ms - window->start_ms);
    window_unpack_single(window);
    count_rows(window, 1, observation->observed_at_ms, observation->observed_at_ms);
    window->air_rows += observation->of_air;

    int32_t values[QUANTITY_COUNT];
    uint64_t metrics = collect(observation, values);
    if (window->metric_count == 0) /* mostly the only allocation: later rows carry the same metrics */
        reserve(window, __builtin_popcountll(metrics));
    int32_t at = 0;
    for (uint64_t left = metrics; left; left &= left - 1) {
        int32_t metric = __builtin_ctzll(left);
        struct accumulator one = accumulator_of(metric, values[metric], offset);
        put(window, &at, &one, NULL, 0);
    }
    add_wind(window, observation);
}

void window_merge(struct window *into, const struct window *from)
{
    if (from->single) {
        struct window open;
        window_open(from, &open);
        window_merge(into, &open);
        window_release(&open);
        return;
    }
    window_unpack_single(into);
    assert(from->start_ms >= into->start_ms && from->end_ms <= into->end_ms);
    int32_t shift = (int32_t)(from->start_ms - into->start_ms);
    count_rows(into, from->rows, from->first_observed_at_ms, from->last_observed_at_ms);
    into->air_rows += from->air_rows;
    if (from->updated_at_ms > into->updated_at_ms)
        into->updated_at_ms = from->updated_at_ms;

    reserve(into, from->metric_count);
    int32_t at = 0;
    for (int32_t i = 0; i < from->metric_count; i++)
        put(into, &at, &from->metrics[i], sketches_find(&from->sketches, from->metrics[i].metric), shift);
    if (from->wind)
        wind_merge(wind_of(into), from->wind);
    parts_add(&into->parts, &from->parts);
}

bool window_empty(const struct window *window)
{
    return window->rows == 0 && !parts_any(&window->parts);
}

void window_widen(struct window *window, int64_t start_ms, int64_t end_ms)
{
    if (window_empty(window)) {
        window->start_ms = start_ms;
        window->end_ms = end_ms;
        return;
    }
    if (end_ms > window->end_ms)
        window->end_ms = end_ms;
    if (start_ms >= window->start_ms)
        return;
    int32_t shift = (int32_t)(window->start_ms - start_ms);
    window->start_ms = start_ms;
    for (int32_t i = 0; i < window->metric_count; i++) {
        struct accumulator *a = &window->metrics[i];
        a->minimum_at += shift;
        a->maximum_at += shift;
        a->first_at += shift;
        a->last_at += shift;
    }
}
