/* See figures.h. */
#include "figures.h"

#include "wind.h"

static void real(struct buf *out, double value)
{
    buf_printf(out, " %.17g", value);
}

void figures_of(const struct window *window, struct buf *out)
{
    for (int32_t i = 0; i < window->metric_count; i++) {
        const struct accumulator *accumulator = &window->metrics[i];
        buf_printf(out, "%d", accumulator->metric);
        real(out, accumulator_mean(accumulator));
        real(out, accumulator_deviation(accumulator));
        buf_byte(out, '\n');
    }
    if (!window->wind)
        return;
    buf_text(out, "wind");
    real(out, wind_direction_deg(window->wind));
    real(out, wind_vector_speed_m_s(window->wind));
    buf_byte(out, '\n');
}
