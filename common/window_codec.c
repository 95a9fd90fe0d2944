/*
 * Windows to bytes and back (window.h), by protobuf-c's generated code. A message is built in an arena and
 * packed; a decoded one is validated completely before anything is copied, so that later code may rely on it: state
 * comes from Redis, which others can write to. Metrics this version does not know are kept, since merging needs only
 * their number.
 */
#include "error.h"
#include "mem.h"
#include "sketch_codec.h"
#include "window.h"

#include <stddef.h>
#include <string.h>

#define FORMAT      1
#define SQUARE_HALF 64 /* bits */

typedef Isobar__V1__WindowState message_t;

/* The columns besides `metric`, all int64. */
enum {
    COUNT,
    SUM,
    SQUARE_LOW,
    SQUARE_HIGH,
    MINIMUM,
    MINIMUM_AT,
    MAXIMUM,
    MAXIMUM_AT,
    FIRST,
    FIRST_AT,
    LAST,
    LAST_AT,
    COLUMNS
};

static const struct {
    size_t count_at, values_at; /* offsets in the message */
} columns[COLUMNS] = {
#define COLUMN(name)                                                                                                   \
    {                                                                                                                  \
        offsetof(message_t, n_##name), offsetof(message_t, name)                                                       \
    }
    [COUNT] = COLUMN(count),
    [SUM] = COLUMN(sum),
    [SQUARE_LOW] = COLUMN(square_sum_low),
    [SQUARE_HIGH] = COLUMN(square_sum_high),
    [MINIMUM] = COLUMN(minimum),
    [MINIMUM_AT] = COLUMN(minimum_at),
    [MAXIMUM] = COLUMN(maximum),
    [MAXIMUM_AT] = COLUMN(maximum_at),
    [FIRST] = COLUMN(first),
    [FIRST_AT] = COLUMN(first_at),
    [LAST] = COLUMN(last),
    [LAST_AT] = COLUMN(last_at),
};

static size_t *column_count(message_t *message, int column)
{
    return (size_t *)(void *)((char *)message + columns[column].count_at);
}

static int64_t **column_values(message_t *message, int column)
{
    return (int64_t **)(void *)((char *)message + columns[column].values_at);
}

/* Cell `k` of a column; 0 when the column is absent (only square_sum_high may be). */
static int64_t cell(const message_t *message, int column, size_t k)
{
    const char *base = (const char *)message;
    const int64_t *values = *(int64_t *const *)(const void *)(base + columns[column].values_at);
    return values ? values[k] : 0;
}

/* ---- to a message ---- */

static void set_cells(message_t *message, size_t k, const struct accumulator *a)
{
    const int64_t cells[COLUMNS] = {
        [COUNT] = a->count,
        [SUM] = a->sum,
        [SQUARE_LOW] = (int64_t)(uint64_t)a->square_sum,
        [SQUARE_HIGH] = (int64_t)(a->square_sum >> SQUARE_HALF),
        [MINIMUM] = a->minimum,
        [MINIMUM_AT] = a->minimum_at,
        [MAXIMUM] = a->maximum,
        [MAXIMUM_AT] = a->maximum_at,
        [FIRST] = a->first,
        [FIRST_AT] = a->first_at,
        [LAST] = a->last,
        [LAST_AT] = a->last_at,
    };
    message->metric[k] = a->metric;
    for (int column = 0; column < COLUMNS; column++)
        (*column_values(message, column))[k] = cells[column];
}

static void set_metrics(message_t *message, const struct window *window, struct arena *arena)
{
    size_t count = (size_t)window->metric_count;
    message->n_metric = count;
    message->metric = arena_calloc(arena, count, sizeof *message->metric);
    for (int column = 0; column < COLUMNS; column++) {
        *column_count(message, column) = count;
        *column_values(message, column) = arena_calloc(arena, count, sizeof(int64_t));
    }
    bool high = false;
    for (size_t k = 0; k < count; k++) {
        set_cells(message, k, &window->metrics[k]);
        high = high || cell(message, SQUARE_HIGH, k) != 0;
    }
    if (!high)
        message->n_square_sum_high = 0;
}

static Isobar__V1__WindVector *wind_message(const struct wind_vector *wind, struct arena *arena)
{
    Isobar__V1__WindVector *message = arena_calloc(arena, 1, sizeof *message);
    isobar__v1__wind_vector__init(message);
    message->count = wind->count;
    message->calm = wind->calm;
    message->east_mm_s = wind->east_mm_s;
    message->north_mm_s = wind->north_mm_s;
    message->sine = wind->sine;
    message->cosine = wind->cosine;
    message->n_rose = wind->count ? WIND_SECTORS : 0;
    message->rose = arena_calloc(arena, WIND_SECTORS, sizeof *message->rose);
    for (int i = 0; i < WIND_SECTORS; i++)
        message->rose[i] = wind->rose[i];
    return message;
}

static void set_parts(message_t *message, const struct window *window)
{
    message->rain_um = window->parts.rain_um;
    message->rain_covered_ms = window->parts.rain_covered_ms;
    message->snow_um = window->parts.snow_um;
    message->snow_covered_ms = window->parts.snow_covered_ms;
    message->covered_ms = window->parts.covered_ms;
}

Isobar__V1__WindowState *window_message(const struct window *window, struct arena *arena)
{
    if (window->single) {
        struct window open;
        window_open(window, &open);
        Isobar__V1__WindowState *whole = window_message(&open, arena);
        window_release(&open);
        return whole;
    }
    message_t *message = arena_calloc(arena, 1, sizeof *message);
    isobar__v1__window_state__init(message);
    message->format = FORMAT;
    message->start_ms = window->start_ms;
    message->end_ms = window->end_ms;
    message->rows = window->rows;
    message->air_rows = window->air_rows;
    message->revision = window->revision;
    message->updated_at_ms = window->updated_at_ms;
    message->final_at_ms = window->final_at_ms;
    message->revised_at_ms = window->revised_at_ms;
    message->first_observed_at_ms = window->first_observed_at_ms;
    message->last_observed_at_ms = window->last_observed_at_ms;
    set_metrics(message, window, arena);
    set_parts(message, window);
    sketch_codec_put(window, message, arena);
    if (window->wind)
        message->wind = wind_message(window->wind, arena);
    return message;
}

void window_encode(const struct window *window, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES);
    const message_t *message = window_message(window, &arena);
    size_t size = isobar__v1__window_state__get_packed_size(message);
    buf_advance(out, isobar__v1__window_state__pack(message, (uint8_t *)buf_reserve(out, size)));
    arena_release(&arena);
}

/* ---- from a message ---- */

static bool within(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

static bool frame_valid(const message_t *m)
{
    if (m->format != FORMAT || !within(m->start_ms, -TIME_MAX_MS, TIME_MAX_MS) ||
        !within(m->end_ms, -TIME_MAX_MS, TIME_MAX_MS) || !within(m->end_ms - m->start_ms, 1, WINDOW_MAX_SPAN_MS))
        return false;
    if (!within(m->rows, 0, WINDOW_MAX_ROWS) || !within(m->air_rows, 0, m->rows) || m->revision < 0 ||
        !within(m->updated_at_ms, 0, TIME_MAX_MS) || !within(m->final_at_ms, 0, TIME_MAX_MS) ||
        !within(m->revised_at_ms, 0, TIME_MAX_MS))
        return false;
    if (m->rows == 0)
        return m->first_observed_at_ms == 0 && m->last_observed_at_ms == 0;
    return m->first_observed_at_ms >= m->start_ms && m->last_observed_at_ms < m->end_ms &&
           m->first_observed_at_ms <= m->last_observed_at_ms;
}

/* They fit their types; more is not known (parts.h). */
static bool parts_valid(const message_t *m)
{
    return within(m->rain_covered_ms, INT32_MIN, INT32_MAX) && within(m->snow_covered_ms, INT32_MIN, INT32_MAX) &&
           within(m->covered_ms, INT32_MIN, INT32_MAX);
}

static bool columns_valid(const message_t *m)
{
    if (m->n_metric > WINDOW_MAX_METRICS)
        return false;
    for (int column = 0; column < COLUMNS; column++) {
        size_t count = *(const size_t *)(const void *)((const char *)m + columns[column].count_at);
        if (count != m->n_metric && !(column == SQUARE_HIGH && count == 0))
            return false;
    }
    for (size_t k = 0; k < m->n_metric; k++)
        if (m->metric[k] <= (k ? m->metric[k - 1] : 0))
            return false;
    return true;
}

/* Values fit their types, and times lie between the first and the last row. */
static bool cells_valid(const message_t *m, size_t k)
{
    static const int values[] = {MINIMUM, MAXIMUM, FIRST, LAST};
    static const int times[] = {MINIMUM_AT, MAXIMUM_AT, FIRST_AT, LAST_AT};
    int64_t first_at = cell(m, FIRST_AT, k), last_at = cell(m, LAST_AT, k);
    if (!within(cell(m, COUNT, k), 1, m->rows) || cell(m, SQUARE_HIGH, k) < 0)
        return false;
    if (first_at < m->first_observed_at_ms - m->start_ms || last_at > m->last_observed_at_ms - m->start_ms)
        return false;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (!within(cell(m, times[i], k), first_at, last_at))
            return false;
    if (!within(cell(m, MINIMUM, k), INT32_MIN, INT32_MAX) || !within(cell(m, MAXIMUM, k), INT32_MIN, INT32_MAX))
        return false;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (!within(cell(m, values[i], k), cell(m, MINIMUM, k), cell(m, MAXIMUM, k)))
            return false;
    return true;
}

static struct accumulator accumulator_at(const message_t *m, size_t k)
{
    unsigned __int128 high = (uint64_t)cell(m, SQUARE_HIGH, k);
    return (struct accumulator){
        .square_sum = (wide)(high << SQUARE_HALF | (uint64_t)cell(m, SQUARE_LOW, k)),
        .sum = cell(m, SUM, k),
        .count = (int32_t)cell(m, COUNT, k),
        .minimum = (int32_t)cell(m, MINIMUM, k),
        .minimum_at = (int32_t)cell(m, MINIMUM_AT, k),
        .maximum = (int32_t)cell(m, MAXIMUM, k),
        .maximum_at = (int32_t)cell(m, MAXIMUM_AT, k),
        .first = (int32_t)cell(m, FIRST, k),
        .first_at = (int32_t)cell(m, FIRST_AT, k),
        .last = (int32_t)cell(m, LAST, k),
        .last_at = (int32_t)cell(m, LAST_AT, k),
        .metric = m->metric[k],
    };
}

/* Sums that `count` values between minimum and maximum can have. */
static bool sums_valid(const struct accumulator *a)
{
    __int128 n = a->count, low = a->minimum, high = a->maximum;
    if (a->sum < n * low || a->sum > n * high)
        return false;
    __int128 largest = low * low > high * high ? low * low : high * high;
    if (a->square_sum > n * largest)
        return false;
    return n * a->square_sum >= (__int128)a->sum * a->sum; /* Cauchy and Schwarz: no variance is negative */
}

static bool wind_valid(const Isobar__V1__WindVector *wind, int64_t rows)
{
    if (!within(wind->count, 0, rows) || !within(wind->calm, 0, rows - wind->count) || wind->count + wind->calm == 0)
        return false;
    const __int128 fastest = (__int128)wind->count * INT32_MAX * 10, unit = (__int128)wind->count * 1000000000;
    if (wind->east_mm_s > fastest || wind->east_mm_s < -fastest || wind->north_mm_s > fastest ||
        wind->north_mm_s < -fastest || wind->sine > unit || wind->sine < -unit || wind->cosine > unit ||
        wind->cosine < -unit)
        return false;
    if (wind->n_rose != (wind->count ? WIND_SECTORS : 0))
        return false;
    int64_t left = wind->count;
    for (size_t i = 0; i < wind->n_rose; i++) {
        if (!within(wind->rose[i], 0, left))
            return false;
        left -= wind->rose[i];
    }
    return left == 0;
}

static struct wind_vector *wind_copy(const Isobar__V1__WindVector *message)
{
    struct wind_vector *wind = mem_alloc(sizeof *wind);
    wind->count = message->count;
    wind->calm = message->calm;
    wind->east_mm_s = message->east_mm_s;
    wind->north_mm_s = message->north_mm_s;
    wind->sine = message->sine;
    wind->cosine = message->cosine;
    for (size_t i = 0; i < message->n_rose; i++)
        wind->rose[i] = (int32_t)message->rose[i];
    return wind;
}

static bool window_valid(const message_t *m)
{
    if (!frame_valid(m) || !parts_valid(m) || !columns_valid(m) || (m->wind && !wind_valid(m->wind, m->rows)))
        return false;
    for (size_t k = 0; k < m->n_metric; k++) {
        if (!cells_valid(m, k))
            return false;
        struct accumulator a = accumulator_at(m, k);
        if (!sums_valid(&a))
            return false;
    }
    return sketch_codec_valid(m);
}

int window_unpack(struct window *window, const Isobar__V1__WindowState *message)
{
    window_init(window, 0, 0);
    if (!window_valid(message))
        return ERR_INVALID;
    window_init(window, message->start_ms, message->end_ms);
    window->rows = message->rows;
    window->air_rows = (int32_t)message->air_rows;
    window->revision = message->revision;
    window->updated_at_ms = message->updated_at_ms;
    window->final_at_ms = message->final_at_ms;
    window->revised_at_ms = message->revised_at_ms;
    window->first_observed_at_ms = message->first_observed_at_ms;
    window->last_observed_at_ms = message->last_observed_at_ms;
    window->parts = (struct parts){.rain_um = message->rain_um,
                                   .snow_um = message->snow_um,
                                   .rain_covered_ms = (int32_t)message->rain_covered_ms,
                                   .snow_covered_ms = (int32_t)message->snow_covered_ms,
                                   .covered_ms = (int32_t)message->covered_ms};
    if (message->n_metric) {
        window->metrics = mem_calloc(message->n_metric, sizeof *window->metrics);
        window->metric_count = window->metric_capacity = (int32_t)message->n_metric;
    }
    for (size_t k = 0; k < message->n_metric; k++)
        window->metrics[k] = accumulator_at(message, k);
    if (message->wind)
        window->wind = wind_copy(message->wind);
    sketch_codec_take(window, message);
    return 0;
}

int window_decode(struct window *window, const void *bytes, size_t size)
{
    window_init(window, 0, 0);
    if (size > WINDOW_MAX_BYTES)
        return ERR_INVALID;
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES);
    message_t *message = isobar__v1__window_state__unpack(&arena.protobuf, size, bytes);
    int status = message ? window_unpack(window, message) : ERR_INVALID;
    arena_release(&arena);
    return status;
}
