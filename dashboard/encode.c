/*
 * See encode.h: numbers, cities, units and text of CSV; readings and windows have files of their own. Written by hand
 * rather than with a JSON tree: a snapshot of 10,000 cities is then one pass over memory without an allocation per
 * value. Text from outside goes through encode_string or encode_csv_text only.
 */
#include "encode.h"

#include "quality.h"
#include "quantity.h"
#include "scaled.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define DEGREE_SCALE 100000
#define REPLACEMENT  "\xef\xbf\xbd" /* U+FFFD */

int encode_decimals(int32_t scale)
{
    return scaled_decimals(scale);
}

void encode_scaled(struct buf *out, int64_t value, int32_t scale)
{
    scaled_text(out, value, scale);
}

void encode_real(struct buf *out, double value, int decimals)
{
    if (isfinite(value))
        buf_printf(out, "%.*f", decimals, value);
    else
        buf_text(out, "null");
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

/* "name":"unit", with a comma when it is not the first. */
static void encode_unit(struct buf *out, const char *name, const char *unit)
{
    if (out->data[out->size - 1] != '{')
        buf_byte(out, ',');
    buf_printf(out, "\"%s\":", name);
    text_json(out, unit);
}

void encode_metric_units(struct buf *out, const struct custom_set *custom)
{
    struct label label;
    buf_text(out, "\"units\":{");
    for (int metric = 0; metric < QUANTITY_COUNT; metric++) {
        bool ours = metric < QUANTITY_CUSTOM || custom_get(custom, metric - QUANTITY_CUSTOM);
        if (ours && custom_metric_label(custom, metric, &label))
            encode_unit(out, label.name, label.unit);
    }
    buf_byte(out, '}');
}

void encode_value_units(struct buf *out, const struct custom_set *custom)
{
    struct label label;
    buf_text(out, "\"units\":{");
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        bool ours = bit < OBSERVATION_CUSTOM || custom_get(custom, bit - OBSERVATION_CUSTOM);
        if (bit != ISOBAR__V1__VALUE__CONDITION && ours && custom_value_label(custom, bit, &label))
            encode_unit(out, label.name, label.unit);
    }
    encode_unit(out, "feels_like", "degC");
    encode_unit(out, "vapour_pressure", "hPa");
    encode_unit(out, "humidex", "degC");
    encode_unit(out, "tendency_3h", "hPa");
    buf_byte(out, '}');
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
