/* See figures.h. */
#include "figures.h"

#include "derive.h"
#include "tendency.h"
#include "wind.h"

#include <math.h>

static void real(struct buf *out, double value)
{
    buf_printf(out, " %.17g", value);
}

static void quantiles(const struct window *window, const struct accumulator *accumulator, struct buf *out)
{
    static const int percents[] = {50, 90, 99};
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        int32_t value;
        real(out, window_quantile(window, accumulator, percents[i], &value) ? (double)value : (double)NAN);
    }
}

static void degree_days(const struct window *window, struct buf *out)
{
    const struct accumulator *temperature = window_find(window, ISOBAR__V1__METRIC__METRIC_TEMPERATURE);
    if (!temperature)
        return;
    double mean_c = accumulator_mean(temperature) / 100;
    buf_text(out, "degree_days");
    real(out, heating_degree_days(mean_c));
    real(out, cooling_degree_days(mean_c));
    buf_byte(out, '\n');
}

void figures_of_city(const struct citystate *city, struct buf *out)
{
    int64_t pa;
    bool known = city->has_latest && tendency_of(&city->latest, &city->history, &pa);
    buf_printf(out, "%.17g", known ? (double)pa : (double)NAN);
}

void figures_of(const struct window *window, struct buf *out)
{
    for (int32_t i = 0; i < window->metric_count; i++) {
        const struct accumulator *accumulator = &window->metrics[i];
        buf_printf(out, "%d", accumulator->metric);
        real(out, accumulator_mean(accumulator));
        real(out, accumulator_deviation(accumulator));
        quantiles(window, accumulator, out);
        buf_byte(out, '\n');
    }
    degree_days(window, out);
    if (!window->wind)
        return;
    buf_text(out, "wind");
    real(out, wind_direction_deg(window->wind));
    real(out, wind_vector_speed_m_s(window->wind));
    real(out, wind_spread_deg(window->wind));
    buf_byte(out, '\n');
}
