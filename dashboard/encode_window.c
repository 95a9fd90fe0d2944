/* WINDOW of encode.h, as JSON and as lines of CSV: one line per metric, and one per figure that is of the whole window.
 */
#include "encode.h"

#include "clock.h"
#include "derive.h"
#include "quantity.h"

#include <inttypes.h>
#include <math.h>

#define HOUR_MS   INT64_C(3600000)
#define UM_PER_MM 1000

static const int percents[] = {50, 90, 99};
#define PERCENTS (sizeof percents / sizeof *percents)

const char *encode_status(const struct window *window, int64_t closed_through_ms)
{
    if (window->end_ms > closed_through_ms)
        return "provisional";
    return window->revision > 0 ? "revised" : "final";
}

/* Means and deviations have two decimals more than the stored unit: they are derived, not measured. */
static int mean_decimals(const struct label *label)
{
    return encode_decimals(label->scale) + 2;
}

/* The quantile, when the window has what it takes for all metrics: a short one, which keeps no sketches, shows none. */
static bool quantile_of(const struct window *window, const struct accumulator *a, int percent, int32_t *value)
{
    return window->sketches.kept && window_quantile(window, a, percent, value);
}

/* Figures of a metric, of the unit it is shown in. */
static double mean_of(const struct accumulator *a, const struct label *label)
{
    return accumulator_mean(a) / label->scale;
}

/* Degree days of a window of a day (23 to 25 hours): true when they are known. */
static bool degree_days_of(const struct window *window, double *heating, double *cooling)
{
    int64_t span_ms = window->end_ms - window->start_ms;
    const struct accumulator *a = window_find(window, ISOBAR__V1__METRIC__METRIC_TEMPERATURE);
    if (!a || span_ms < 23 * HOUR_MS || span_ms > 25 * HOUR_MS)
        return false;
    double mean_c = accumulator_mean(a) / quantity_get(a->metric)->scale;
    *heating = heating_degree_days(mean_c);
    *cooling = cooling_degree_days(mean_c);
    return true;
}

/* ---- JSON ---- */

/* The figure that its operator wants to see of a metric of his own. */
static void encode_combined(struct buf *out, const struct accumulator *a, const struct custom *custom)
{
    const int64_t figures[] = {
        [CUSTOM_SUM] = a->sum, [CUSTOM_MINIMUM] = a->minimum, [CUSTOM_MAXIMUM] = a->maximum, [CUSTOM_LAST] = a->last};
    buf_printf(out, ",\"combine\":\"%s\",\"combined\":", custom_combine_name(custom->combine));
    if (custom->combine == CUSTOM_MEAN)
        encode_real(out, accumulator_mean(a) / custom->scale, encode_decimals(custom->scale) + 2);
    else
        encode_scaled(out, figures[custom->combine], custom->scale);
}

static void encode_accumulator(struct buf *out, const struct window *window, const struct accumulator *a,
                               const struct label *label)
{
    buf_printf(out, "\"%s\":{\"count\":%d,\"mean\":", label->name, a->count);
    encode_real(out, mean_of(a, label), mean_decimals(label));
    buf_text(out, ",\"sd\":");
    encode_real(out, accumulator_deviation(a) / label->scale, mean_decimals(label));
    const struct {
        const char *name;
        int32_t value, at;
    } points[] = {{"min", a->minimum, a->minimum_at},
                  {"max", a->maximum, a->maximum_at},
                  {"first", a->first, a->first_at},
                  {"last", a->last, a->last_at}};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        buf_printf(out, ",\"%s\":", points[i].name);
        encode_scaled(out, points[i].value, label->scale);
        buf_printf(out, ",\"%s_at\":%" PRId64, points[i].name, window->start_ms + points[i].at);
    }
    for (size_t i = 0; i < PERCENTS; i++) {
        int32_t value;
        if (!quantile_of(window, a, percents[i], &value))
            continue;
        buf_printf(out, ",\"p%d\":", percents[i]);
        encode_scaled(out, value, label->scale);
    }
}

static void encode_metrics(struct buf *out, const struct window *window, const struct custom_set *custom)
{
    struct label label;
    const char *comma = "";
    buf_text(out, "\"metrics\":{");
    for (int32_t i = 0; i < window->metric_count; i++) {
        const struct accumulator *a = &window->metrics[i];
        if (!custom_metric_label(custom, a->metric, &label))
            continue; /* written by newer software */
        buf_text(out, comma);
        encode_accumulator(out, window, a, &label);
        const struct custom *own = custom_get(custom, a->metric - QUANTITY_CUSTOM);
        if (own)
            encode_combined(out, a, own);
        buf_byte(out, '}');
        comma = ",";
    }
    buf_byte(out, '}');
}

static void encode_wind(struct buf *out, const struct wind_vector *wind)
{
    const struct {
        const char *name;
        double value;
        int decimals;
    } figures[] = {{"vector_speed", wind_vector_speed_m_s(wind), 3},
                   {"direction", wind_direction_deg(wind), 1},
                   {"spread", wind_spread_deg(wind), 1}};
    buf_printf(out, ",\"wind\":{\"count\":%lld,\"calm\":%lld", (long long)wind->count, (long long)wind->calm);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        if (!isfinite(figures[i].value))
            continue; /* all calm, or they cancel out */
        buf_printf(out, ",\"%s\":", figures[i].name);
        encode_real(out, figures[i].value, figures[i].decimals);
    }
    buf_text(out, ",\"rose\":[");
    for (int i = 0; i < WIND_SECTORS; i++)
        buf_printf(out, "%s%d", i ? "," : "", wind->rose[i]);
    buf_text(out, "]}");
}

int64_t encode_expected(const struct window *window, int32_t interval_s)
{
    int64_t interval_ms = interval_s * INT64_C(1000), span_ms = window->end_ms - window->start_ms;
    if (interval_ms <= 0)
        return 0;
    return span_ms * 2 < interval_ms ? 1 : (span_ms * 2 + interval_ms) / (interval_ms * 2);
}

/* Span, status, and how far it is complete. */
static void encode_head(struct buf *out, const struct window *window, const struct encode_context *context)
{
    int64_t expected = encode_expected(window, context->interval_s);
    buf_printf(out, "\"start\":%lld,\"end\":%lld,\"status\":\"%s\",\"revision\":%lld,\"rows\":%lld",
               (long long)window->start_ms, (long long)window->end_ms,
               encode_status(window, context->closed_through_ms), (long long)window->revision, (long long)window->rows);
    if (window->air_rows > 0)
        buf_printf(out, ",\"air_rows\":%d", window->air_rows);
    if (expected > 0)
        buf_printf(out, ",\"expected\":%lld", (long long)expected);
    if (window->end_ms <= context->closed_through_ms && window->final_at_ms > 0)
        buf_printf(out, ",\"final_at\":%lld", (long long)window->final_at_ms);
    if (window->revised_at_ms > 0)
        buf_printf(out, ",\"revised_at\":%lld", (long long)window->revised_at_ms);
}

/* How much of the window is covered, in percent. Corrections that found another day leave no time, or too much. */
static double coverage(const struct window *window, int32_t covered_ms)
{
    double percent = 100.0 * covered_ms / (double)(window->end_ms - window->start_ms);
    return percent < 0 ? 0 : percent > 100 ? 100 : percent;
}

/* What has fallen, um; 0 for less than nothing. */
static int64_t fallen(int64_t amount_um)
{
    return amount_um > 0 ? amount_um : 0;
}

static void encode_precipitation(struct buf *out, const struct window *window)
{
    const struct parts *parts = &window->parts;
    const char *comma = "";
    if (parts->rain_covered_ms > 0 || parts->snow_covered_ms > 0) {
        buf_text(out, ",\"precipitation\":{");
        const struct {
            const char *name;
            int64_t amount_um;
            int32_t covered_ms;
        } kinds[] = {{"rain", parts->rain_um, parts->rain_covered_ms},
                     {"snow", parts->snow_um, parts->snow_covered_ms}};
        for (size_t i = 0; i < 2; i++) {
            if (kinds[i].covered_ms <= 0)
                continue; /* not known, which is not 0 */
            buf_printf(out, "%s\"%s\":", comma, kinds[i].name);
            encode_scaled(out, fallen(kinds[i].amount_um), UM_PER_MM);
            buf_printf(out, ",\"%s_coverage\":", kinds[i].name);
            encode_real(out, coverage(window, kinds[i].covered_ms), 2);
            comma = ",";
        }
        buf_byte(out, '}');
    }
    buf_text(out, ",\"covered\":");
    encode_real(out, coverage(window, parts->covered_ms), 2);
}

static void encode_window(struct buf *out, const struct window *window, const struct encode_context *context)
{
    double heating, cooling;
    buf_byte(out, '{');
    encode_head(out, window, context);
    buf_byte(out, ',');
    encode_metrics(out, window, context->custom);
    if (window->wind && window->wind->count + window->wind->calm > 0)
        encode_wind(out, window->wind);
    encode_precipitation(out, window);
    if (degree_days_of(window, &heating, &cooling)) {
        buf_text(out, ",\"degree_days\":{\"heating\":");
        encode_real(out, heating, 2);
        buf_text(out, ",\"cooling\":");
        encode_real(out, cooling, 2);
        buf_byte(out, '}');
    }
    buf_byte(out, '}');
}

void encode_windows(struct buf *out, const struct window *windows, size_t count, const struct encode_context *context)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_byte(out, ',');
        encode_window(out, &windows[i], context);
    }
}

/* ---- CSV ---- */

void encode_csv_header(struct buf *out)
{
    buf_text(out, "city,name,start,end,status,revision,rows,metric,unit,count,mean,sd,min,min_at,max,max_at,"
                  "first,last,p50,p90,p99\r\n");
}

static void csv_time(struct buf *out, int64_t at_ms)
{
    char text[CLOCK_TEXT_BYTES];
    buf_printf(out, "%s,", clock_text(at_ms, text, sizeof text));
}

/* The cells that all lines of a window begin with, and what this one is about. */
static void csv_line(struct buf *out, const struct csv_window *of, const char *metric, const char *unit, int64_t count)
{
    buf_printf(out, "%lld,", (long long)of->city_id);
    encode_csv_text(out, of->name);
    buf_byte(out, ',');
    csv_time(out, of->window->start_ms);
    csv_time(out, of->window->end_ms);
    buf_printf(out, "%s,%lld,%lld,%s,", encode_status(of->window, of->closed_through_ms),
               (long long)of->window->revision, (long long)of->window->rows, metric);
    encode_csv_text(out, unit);
    buf_printf(out, ",%lld,", (long long)count);
}

static void csv_metric(struct buf *out, const struct csv_window *of, const struct accumulator *a,
                       const struct label *label)
{
    csv_line(out, of, label->name, label->unit, a->count);
    encode_real(out, mean_of(a, label), mean_decimals(label));
    buf_byte(out, ',');
    encode_real(out, accumulator_deviation(a) / label->scale, mean_decimals(label));
    buf_byte(out, ',');
    encode_scaled(out, a->minimum, label->scale);
    buf_byte(out, ',');
    csv_time(out, of->window->start_ms + a->minimum_at);
    encode_scaled(out, a->maximum, label->scale);
    buf_byte(out, ',');
    csv_time(out, of->window->start_ms + a->maximum_at);
    encode_scaled(out, a->first, label->scale);
    buf_byte(out, ',');
    encode_scaled(out, a->last, label->scale);
    for (size_t i = 0; i < PERCENTS; i++) {
        int32_t value;
        buf_byte(out, ',');
        if (quantile_of(of->window, a, percents[i], &value))
            encode_scaled(out, value, label->scale);
    }
    buf_text(out, "\r\n");
}

/* A line with a count and one figure, as the mean; nothing when it is not a number. */
static void csv_figure(struct buf *out, const struct csv_window *of, const struct label *label, int64_t count,
                       double value)
{
    if (!isfinite(value))
        return;
    csv_line(out, of, label->name, label->unit, count);
    encode_real(out, value, encode_decimals(label->scale));
    buf_text(out, ",,,,,,,,,,\r\n");
}

static void csv_precipitation(struct buf *out, const struct csv_window *of)
{
    const struct window *window = of->window;
    const struct parts *parts = &window->parts;
    if (parts->rain_covered_ms > 0) {
        csv_figure(out, of, &(struct label){"rain", "mm", UM_PER_MM}, window->rows,
                   (double)fallen(parts->rain_um) / UM_PER_MM);
        csv_figure(out, of, &(struct label){"rain_coverage", "%", 100}, window->rows,
                   coverage(window, parts->rain_covered_ms));
    }
    if (parts->snow_covered_ms > 0) {
        csv_figure(out, of, &(struct label){"snow", "mm", UM_PER_MM}, window->rows,
                   (double)fallen(parts->snow_um) / UM_PER_MM);
        csv_figure(out, of, &(struct label){"snow_coverage", "%", 100}, window->rows,
                   coverage(window, parts->snow_covered_ms));
    }
    csv_figure(out, of, &(struct label){"covered", "%", 100}, window->rows, coverage(window, parts->covered_ms));
}

void encode_csv_window(struct buf *out, const struct csv_window *of, const struct custom_set *custom)
{
    const struct window *window = of->window;
    const struct wind_vector *wind = window->wind;
    struct label label;
    double heating, cooling;
    for (int32_t i = 0; i < window->metric_count; i++)
        if (custom_metric_label(custom, window->metrics[i].metric, &label))
            csv_metric(out, of, &window->metrics[i], &label);
    if (wind) {
        csv_figure(out, of, &(struct label){"wind_vector_speed", "m/s", 1000}, wind->count + wind->calm,
                   wind_vector_speed_m_s(wind));
        csv_figure(out, of, &(struct label){"wind_direction", "deg", 10}, wind->count, wind_direction_deg(wind));
        csv_figure(out, of, &(struct label){"wind_spread", "deg", 10}, wind->count, wind_spread_deg(wind));
    }
    csv_precipitation(out, of);
    if (degree_days_of(window, &heating, &cooling)) {
        csv_figure(out, of, &(struct label){"heating_degree_days", "K d", 100}, 1, heating);
        csv_figure(out, of, &(struct label){"cooling_degree_days", "K d", 100}, 1, cooling);
    }
}
