/* See figures.h. */
#include "figures.h"

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
    if (!window->wind)
        return;
    buf_text(out, "wind");
    real(out, wind_direction_deg(window->wind));
    real(out, wind_vector_speed_m_s(window->wind));
    real(out, wind_spread_deg(window->wind));
    buf_byte(out, '\n');
}
