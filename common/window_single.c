/*
 * Windows with one row, kept small (window.h): most open panes have one, and a row's values and the components of its
 * wind tell all that its accumulators say, in a tenth of the memory.
 */
#include "mem.h"
#include "window.h"

#include <stdlib.h>
#include <string.h>

enum wind_kind { WIND_NONE, WIND_CALM, WIND_BLOWS };

struct window_single {
    uint64_t metrics; /* bit per isobar.v1.Metric */
    int32_t east_mm_s, north_mm_s, sine, cosine;
    uint8_t wind, sector; /* enum wind_kind, and of the rose */
    int32_t values[];     /* one per set bit of `metrics`, ascending */
};

static bool fits(int64_t value)
{
    return value >= INT32_MIN && value <= INT32_MAX;
}

/* What one row makes of an accumulator; a window that others wrote may be odd. */
static bool is_one_value(const struct accumulator *a, int32_t at)
{
    return a->count == 1 && a->metric >= 0 && a->metric < 64 && a->sum == a->minimum && a->maximum == a->minimum &&
           a->first == a->minimum && a->last == a->minimum && a->square_sum == (wide)a->minimum * a->minimum &&
           a->minimum_at == at && a->maximum_at == at && a->first_at == at && a->last_at == at;
}

static bool is_one_wind(const struct wind_vector *wind)
{
    return !wind || (wind->count + wind->calm == 1 && fits(wind->east_mm_s) && fits(wind->north_mm_s) &&
                     fits(wind->sine) && fits(wind->cosine));
}

static bool can_be_packed(const struct window *window)
{
    if (window->single || window->rows != 1 || window->metric_count == 0 || window->sketches.size > 0 ||
        !is_one_wind(window->wind))
        return false;
    int32_t at = (int32_t)(window->first_observed_at_ms - window->start_ms);
    for (int32_t i = 0; i < window->metric_count; i++)
        if (!is_one_value(&window->metrics[i], at))
            return false;
    return true;
}

static void pack_wind(struct window_single *single, const struct wind_vector *wind)
{
    if (!wind)
        return;
    single->wind = wind->calm ? WIND_CALM : WIND_BLOWS;
    single->east_mm_s = (int32_t)wind->east_mm_s;
    single->north_mm_s = (int32_t)wind->north_mm_s;
    single->sine = (int32_t)wind->sine;
    single->cosine = (int32_t)wind->cosine;
    while (single->wind == WIND_BLOWS && single->sector < WIND_SECTORS - 1 && wind->rose[single->sector] == 0)
        single->sector++;
}

void window_pack(struct window *window)
{
    if (!can_be_packed(window))
        return;
    size_t values = (size_t)window->metric_count * sizeof(int32_t);
    struct window_single *single = mem_alloc(sizeof *single + values);
    for (int32_t i = 0; i < window->metric_count; i++) {
        single->metrics |= UINT64_C(1) << window->metrics[i].metric;
        single->values[i] = window->metrics[i].minimum;
    }
    pack_wind(single, window->wind);
    free(window->metrics);
    free(window->wind);
    window->metrics = NULL;
    window->wind = NULL;
    window->metric_count = window->metric_capacity = 0;
    window->single = single;
}

static struct wind_vector *wind_of(const struct window_single *single)
{
    if (single->wind == WIND_NONE)
        return NULL;
    struct wind_vector *wind = mem_alloc(sizeof *wind);
    wind->calm = single->wind == WIND_CALM;
    wind->count = single->wind == WIND_BLOWS;
    wind->east_mm_s = single->east_mm_s;
    wind->north_mm_s = single->north_mm_s;
    wind->sine = single->sine;
    wind->cosine = single->cosine;
    wind->rose[single->sector] = (int32_t)wind->count;
    return wind;
}

void window_unpack_single(struct window *window)
{
    struct window_single *single = window->single;
    if (!single)
        return;
    int32_t at = (int32_t)(window->first_observed_at_ms - window->start_ms), i = 0;
    int32_t count = __builtin_popcountll(single->metrics);
    window->metrics = mem_calloc((size_t)count, sizeof *window->metrics);
    window->metric_count = window->metric_capacity = count;
    for (uint64_t left = single->metrics; left; left &= left - 1, i++)
        window->metrics[i] = accumulator_of(__builtin_ctzll(left), single->values[i], at);
    window->wind = wind_of(single);
    window->single = NULL;
    free(single);
}

void window_open(const struct window *window, struct window *copy)
{
    *copy = *window;
    size_t values = (size_t)__builtin_popcountll(window->single->metrics) * sizeof(int32_t);
    copy->single = mem_alloc(sizeof *copy->single + values);
    memcpy(copy->single, window->single, sizeof *copy->single + values);
    window_unpack_single(copy);
}

size_t window_single_bytes(const struct window *window)
{
    return window->single
               ? sizeof *window->single + (size_t)__builtin_popcountll(window->single->metrics) * sizeof(int32_t)
               : 0;
}
