/*
 * See encode.h. Written by hand rather than with a JSON tree: a snapshot of 10,000 cities is then one pass
 * over memory without an allocation per value. Text from outside goes through encode_string or
 * encode_csv_text only.
 */
#include "encode.h"

#include "clock.h"
#include "quality.h"
#include "quantity.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define DEGREE_SCALE 100000
#define HPA_SCALE    100
#define REPLACEMENT  "\xef\xbf\xbd" /* U+FFFD */

static int decimals_of(int32_t scale)
{
    int decimals = 0;
    for (; scale > 1; scale /= 10)
        decimals++;
    return decimals;
}

void encode_scaled(struct buf *out, int64_t value, int32_t scale)
{
    int decimals = decimals_of(scale);
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    buf_printf(out, "%s%llu", value < 0 ? "-" : "", (unsigned long long)(size / (uint64_t)scale));
    if (decimals)
        buf_printf(out, ".%0*llu", decimals, (unsigned long long)(size % (uint64_t)scale));
}

void encode_real(struct buf *out, double value, int decimals)
{
    if (isfinite(value))
        buf_printf(out, "%.*f", decimals, value);
    else
        buf_text(out, "null");
}

static void member_time(struct buf *out, const char *name, int64_t at_ms)
{
    if (at_ms > 0)
        buf_printf(out, ",\"%s\":%lld", name, (long long)at_ms);
}

static void encode_values(struct buf *out, const struct observation *reading)
{
    const char *comma = "";
    buf_text(out, "\"values\":{");
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        const struct value_kind *kind = value_kind_get(bit);
        if (bit == ISOBAR__V1__VALUE__CONDITION || !observation_has(reading, bit) || !kind->name)
            continue;
        buf_printf(out, "%s\"%s\":", comma, kind->name);
        encode_scaled(out, reading->value[bit], kind->scale);
        comma = ",";
    }
    buf_byte(out, '}');
}

/* The reading's verdict; flags of newer software have no name here. */
static void encode_flags(struct buf *out, int64_t flags)
{
    char name[QUALITY_NAME_BYTES];
    const char *comma = "";
    if (flags == 0)
        return;
    buf_text(out, ",\"flags\":[");
    for (int bit = 0; bit < QUALITY_FLAGS; bit++) {
        if (!(flags >> bit & 1))
            continue;
        buf_printf(out, "%s\"%s\"", comma, quality_name(bit, name));
        comma = ",";
    }
    buf_byte(out, ']');
}

void encode_latest(struct buf *out, const struct city *city)
{
    const struct latest *latest = &city->latest;
    struct observation row;
    int32_t condition;
    latest_row(latest, &row);
    buf_printf(out, "{\"city\":%lld,\"observed_at\":%lld", (long long)city->id, (long long)latest->observed_at_ms);
    member_time(out, "fetched_at", latest->fetched_at_ms);
    member_time(out, "produced_at", latest->produced_at_ms);
    member_time(out, "committed_at", city->committed_at_ms);
    member_time(out, "checked_at", city->checked_at_ms);
    buf_printf(out, ",\"provider\":\"%s\",\"series\":0,", provider_name(latest->provider));
    encode_values(out, &row);
    encode_flags(out, latest->quality);
    if (city->has_tendency) {
        buf_text(out, ",\"tendency_3h\":");
        encode_scaled(out, city->tendency_pa, HPA_SCALE);
    }
    if (latest_value(latest, ISOBAR__V1__VALUE__CONDITION, &condition))
        buf_printf(out, ",\"condition\":%d", condition);
    if (latest->accumulation_s > 0)
        buf_printf(out, ",\"accumulation_s\":%d", latest->accumulation_s);
    buf_byte(out, '}');
}

void encode_city(struct buf *out, const struct city *city)
{
    const Isobar__V1__City *entry = city->entry;
    buf_printf(out, "\"id\":%lld,\"name\":", (long long)city->id);
    text_json(out, entry->name);
    buf_text(out, ",\"ascii_name\":");
    text_json(out, entry->ascii_name);
    buf_text(out, ",\"country\":");
    text_json(out, entry->country);
    buf_text(out, ",\"lat\":");
    encode_scaled(out, entry->latitude_e5, DEGREE_SCALE);
    buf_text(out, ",\"lon\":");
    encode_scaled(out, entry->longitude_e5, DEGREE_SCALE);
    if (entry->elevation_known)
        buf_printf(out, ",\"elevation_m\":%d", entry->elevation_m);
    buf_printf(out, ",\"population\":%lld,\"zone\":", (long long)entry->population);
    text_json(out, entry->zone);
    buf_printf(out, ",\"partition\":%d,\"paused\":%s", city->partition, entry->paused ? "true" : "false");
}

void encode_city_rows(struct buf *out, const struct city *city)
{
    char name[QUALITY_NAME_BYTES];
    buf_printf(out,
               "\"watermark\":%" PRId64 ",\"rows\":{\"in\":%" PRId64 ",\"late\":%" PRId64 ",\"duplicate\":%" PRId64
               ",\"correction\":%" PRId64 ",\"retired\":%" PRId64 ",\"bad\":%" PRId64 "}",
               city->watermark_ms, city->rows_in, city->rows_late, city->rows_duplicate, city->rows_correction,
               city->rows_retired, city->rows_bad);
    if (city->flagged.count == 0)
        return;
    const char *comma = "";
    buf_text(out, ",\"flagged\":{");
    for (int32_t i = 0; i < city->flagged.count; i++) {
        const struct quality_count *count = &city->flagged.counts[i];
        if (count->bit >= QUALITY_FLAGS)
            continue; /* newer software's */
        buf_printf(out, "%s\"%s\":%" PRId64, comma, quality_name(count->bit, name), count->rows);
        comma = ",";
    }
    buf_byte(out, '}');
}

const char *encode_status(const struct window *window, int64_t closed_through_ms)
{
    if (window->end_ms > closed_through_ms)
        return "provisional";
    return window->revision > 0 ? "revised" : "final";
}

static void encode_accumulator(struct buf *out, const struct accumulator *a, const struct quantity *quantity,
                               int64_t start_ms)
{
    /* Means and deviations with two decimals more than the stored unit: they are derived, not measured. */
    int decimals = decimals_of(quantity->scale) + 2;
    buf_printf(out, "\"%s\":{\"count\":%lld,\"mean\":", quantity->name, (long long)a->count);
    encode_real(out, accumulator_mean(a) / quantity->scale, decimals);
    buf_text(out, ",\"sd\":");
    encode_real(out, accumulator_deviation(a) / quantity->scale, decimals);
    const struct {
        const char *name;
        int32_t value, at;
    } points[] = {{"min", a->minimum, a->minimum_at},
                  {"max", a->maximum, a->maximum_at},
                  {"first", a->first, a->first_at},
                  {"last", a->last, a->last_at}};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        buf_printf(out, ",\"%s\":", points[i].name);
        encode_scaled(out, points[i].value, quantity->scale);
        buf_printf(out, ",\"%s_at\":%" PRId64, points[i].name, start_ms + points[i].at);
    }
    buf_byte(out, '}');
}

static void encode_wind(struct buf *out, const struct wind_vector *wind)
{
    buf_text(out, ",\"wind\":{\"speed\":");
    encode_real(out, wind_vector_speed_m_s(wind), 3);
    double direction = wind_direction_deg(wind);
    if (isfinite(direction)) {
        buf_text(out, ",\"direction\":");
        encode_real(out, direction, 1);
    }
    buf_printf(out, ",\"count\":%lld,\"calm\":%lld,\"rose\":[", (long long)wind->count, (long long)wind->calm);
    for (int i = 0; i < 16; i++)
        buf_printf(out, "%s%lld", i ? "," : "", (long long)wind->rose[i]);
    buf_text(out, "]}");
}

static void encode_window(struct buf *out, const struct window *window, int64_t closed_through_ms)
{
    buf_printf(out, "{\"start\":%lld,\"end\":%lld,\"status\":\"%s\",\"revision\":%lld,\"rows\":%lld,\"metrics\":{",
               (long long)window->start_ms, (long long)window->end_ms, encode_status(window, closed_through_ms),
               (long long)window->revision, (long long)window->rows);
    const char *comma = "";
    for (int32_t i = 0; i < window->metric_count; i++) {
        const struct quantity *quantity = quantity_get(window->metrics[i].metric);
        if (!quantity)
            continue; /* written by newer software */
        buf_text(out, comma);
        encode_accumulator(out, &window->metrics[i], quantity, window->start_ms);
        comma = ",";
    }
    buf_byte(out, '}');
    if (window->wind && window->wind->count + window->wind->calm > 0)
        encode_wind(out, window->wind);
    buf_byte(out, '}');
}

void encode_windows(struct buf *out, const struct window *windows, size_t count, int64_t closed_through_ms)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_byte(out, ',');
        encode_window(out, &windows[i], closed_through_ms);
    }
}

void encode_metric_units(struct buf *out)
{
    buf_text(out, "\"units\":{");
    const char *comma = "";
    for (int metric = 0; metric < QUANTITY_COUNT; metric++) {
        const struct quantity *quantity = quantity_get(metric);
        if (!quantity)
            continue;
        buf_printf(out, "%s\"%s\":\"%s\"", comma, quantity->name, quantity->unit);
        comma = ",";
    }
    buf_byte(out, '}');
}

void encode_value_units(struct buf *out)
{
    buf_text(out, "\"units\":{");
    const char *comma = "";
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        const struct value_kind *kind = value_kind_get(bit);
        if (bit == ISOBAR__V1__VALUE__CONDITION || !kind->name)
            continue;
        buf_printf(out, "%s\"%s\":\"%s\"", comma, kind->name, kind->unit);
        comma = ",";
    }
    buf_printf(out, "%s\"tendency_3h\":\"hPa\"}", comma);
}

static bool formula(const char *text)
{
    static const char *const full_width[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                             "\xef\xbc\xa0"}; /* = + - @ */
    for (size_t i = 0; i < sizeof full_width / sizeof *full_width; i++) {
        if (strncmp(text, full_width[i], strlen(full_width[i])) == 0)
            return true;
    }
    return *text && strchr("=+-@\t\r\n", *text) != NULL;
}

void encode_csv_text(struct buf *out, const char *text)
{
    bool led = formula(text), quote = led || strpbrk(text, ",\"\r\n") != NULL;
    buf_text(out, led ? "\"'" : quote ? "\"" : "");
    for (const char *p = text; *p;) {
        size_t size = text_sequence(p);
        if (*p == '"')
            buf_byte(out, '"');
        if (size)
            buf_append(out, p, size);
        else
            buf_text(out, REPLACEMENT);
        p += size ? size : 1;
    }
    if (quote)
        buf_byte(out, '"');
}

void encode_csv_header(struct buf *out)
{
    buf_text(out, "city,name,start,end,status,revision,rows,metric,unit,count,mean,sd,min,min_at,max,max_at,"
                  "first,last\r\n");
}

static void csv_time(struct buf *out, int64_t at_ms)
{
    char text[CLOCK_TEXT_BYTES];
    buf_printf(out, "%s,", clock_text(at_ms, text, sizeof text));
}

void encode_csv_window(struct buf *out, int64_t city_id, const char *name, const struct window *window,
                       int64_t closed_through_ms)
{
    for (int32_t i = 0; i < window->metric_count; i++) {
        const struct accumulator *a = &window->metrics[i];
        const struct quantity *quantity = quantity_get(a->metric);
        if (!quantity)
            continue;
        int decimals = decimals_of(quantity->scale) + 2;
        buf_printf(out, "%lld,", (long long)city_id);
        encode_csv_text(out, name);
        buf_byte(out, ',');
        csv_time(out, window->start_ms);
        csv_time(out, window->end_ms);
        buf_printf(out, "%s,%lld,%lld,%s,%s,%lld,", encode_status(window, closed_through_ms),
                   (long long)window->revision, (long long)window->rows, quantity->name, quantity->unit,
                   (long long)a->count);
        encode_real(out, accumulator_mean(a) / quantity->scale, decimals);
        buf_byte(out, ',');
        encode_real(out, accumulator_deviation(a) / quantity->scale, decimals);
        buf_byte(out, ',');
        encode_scaled(out, a->minimum, quantity->scale);
        buf_byte(out, ',');
        csv_time(out, window->start_ms + a->minimum_at);
        encode_scaled(out, a->maximum, quantity->scale);
        buf_byte(out, ',');
        csv_time(out, window->start_ms + a->maximum_at);
        encode_scaled(out, a->first, quantity->scale);
        buf_byte(out, ',');
        encode_scaled(out, a->last, quantity->scale);
        buf_text(out, "\r\n");
    }
}
