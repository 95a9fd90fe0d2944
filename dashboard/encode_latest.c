/* LATEST of encode.h: the values of a reading, and what follows from them. */
#include "encode.h"

#include "derive.h"
#include "quality.h"
#include "quantity.h"

#define V(value)     ISOBAR__V1__VALUE__##value
#define DERIVED_UNIT 100 /* all of them are shown in hundredths */
#define HPA_SCALE    100
#define SECOND_MS    INT64_C(7200000) /* the second opinion is of about the same time: sources may come hourly */

static void member_time(struct buf *out, const char *name, int64_t at_ms)
{
    if (at_ms > 0)
        buf_printf(out, ",\"%s\":%lld", name, (long long)at_ms);
}

static void encode_value(struct buf *out, const char *name, int32_t value, int32_t scale)
{
    if (out->data[out->size - 1] != '{')
        buf_byte(out, ',');
    buf_printf(out, "\"%s\":", name);
    encode_scaled(out, value, scale);
}

/* Takes out the values of groups that failed, as far as flags tell: the limits are the worker's. */
static void clear_failed(struct observation *row)
{
    static const struct {
        int bit, group;
    } used[] = {{V(TEMPERATURE), ISOBAR__V1__QUALITY_GROUP__GROUP_TEMPERATURE},
                {V(HUMIDITY), ISOBAR__V1__QUALITY_GROUP__GROUP_HUMIDITY},
                {V(DEW_POINT), ISOBAR__V1__QUALITY_GROUP__GROUP_DEW_POINT},
                {V(WIND_SPEED), ISOBAR__V1__QUALITY_GROUP__GROUP_WIND}};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        if (quality_failed(row->quality, used[i].group))
            row->present &= ~(UINT64_C(1) << used[i].bit);
}

static void encode_derived(struct buf *out, const struct observation *reading)
{
    struct observation sound = *reading, *row = &sound;
    struct derived derived;
    int32_t humidex;
    clear_failed(row);
    derive_row(row, &derived);
    if (derived.has_dew_point && !observation_has(reading, V(DEW_POINT)))
        encode_value(out, "dew_point", derived.dew_point_centi_c, DERIVED_UNIT);
    if (derived.has_feels_like)
        encode_value(out, "feels_like", derived.feels_like_centi_c, DERIVED_UNIT);
    if (derived.has_vapour_pressure)
        encode_value(out, "vapour_pressure", derived.vapour_pressure_pa, DERIVED_UNIT);
    if (derived.has_dew_point && observation_has(row, V(TEMPERATURE)) &&
        derive_humidex(row->value[V(TEMPERATURE)], derived.dew_point_centi_c, &humidex))
        encode_value(out, "humidex", humidex, DERIVED_UNIT);
}

static void encode_values(struct buf *out, const struct observation *row, const struct custom_set *custom)
{
    struct label label;
    buf_text(out, "\"values\":{");
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        if (bit != V(CONDITION) && observation_has(row, bit) && custom_value_label(custom, bit, &label))
            encode_value(out, label.name, row->value[bit], label.scale);
    encode_derived(out, row);
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

/*
 * What another source says of about the same time; of one that is asked no more, or is the first opinion now, nothing.
 */
static void encode_second(struct buf *out, const struct city *city, const struct custom_set *custom)
{
    struct observation row;
    const struct latest *second = city->second ? &city->second->latest : NULL;
    if (!second || second->provider == city->latest.provider ||
        second->observed_at_ms < city->latest.observed_at_ms - SECOND_MS)
        return;
    latest_row(second, &row);
    buf_printf(out, ",\"second_opinion\":{\"observed_at\":%lld", (long long)second->observed_at_ms);
    member_time(out, "fetched_at", second->fetched_at_ms);
    buf_printf(out, ",\"provider\":\"%s\",\"series\":1,", provider_name(second->provider));
    encode_values(out, &row, custom);
    encode_flags(out, second->quality);
    buf_byte(out, '}');
}

void encode_latest(struct buf *out, const struct city *city, const struct custom_set *custom)
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
    encode_values(out, &row, custom);
    encode_flags(out, latest->quality);
    if (city->has_tendency) {
        buf_text(out, ",\"tendency_3h\":");
        encode_scaled(out, city->tendency_pa, HPA_SCALE);
    }
    if (latest_value(latest, V(CONDITION), &condition))
        buf_printf(out, ",\"condition\":%d", condition);
    if (latest->accumulation_s > 0)
        buf_printf(out, ",\"accumulation_s\":%d", latest->accumulation_s);
    encode_second(out, city, custom);
    buf_byte(out, '}');
}
