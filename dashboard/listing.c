/* See listing.h. Each is a pass over all cities. */
#include "listing.h"

#include "encode.h"

static void add_city(struct buf *out, const struct city *city, const char **comma)
{
    buf_printf(out, "%s{", *comma);
    encode_city(out, city);
    buf_byte(out, '}');
    *comma = ",";
}

void listing_cities(const struct atlas *atlas, struct buf *out)
{
    const char *comma = "";
    buf_text(out, "{\"cities\":[");
    for (const struct city *city = atlas->table; city; city = city->hh.next) {
        if (city->entry)
            add_city(out, city, &comma);
    }
    buf_printf(out, "],\"catalogue\":%llu}", (unsigned long long)atlas->catalogue);
}

void listing_changed(const struct atlas *atlas, uint64_t since, struct buf *out)
{
    const char *comma = "";
    buf_printf(out, "{\"since\":%llu,\"cities\":[", (unsigned long long)since);
    for (const struct city *city = atlas->table; city; city = city->hh.next) {
        if (city->entry && city->catalogue > since)
            add_city(out, city, &comma);
    }
    buf_text(out, "],\"gone\":[");
    comma = "";
    for (const struct city *city = atlas->table; city; city = city->hh.next) {
        if (city->entry || city->catalogue <= since)
            continue;
        buf_printf(out, "%s%lld", comma, (long long)city->id);
        comma = ",";
    }
    buf_printf(out, "],\"catalogue\":%llu}", (unsigned long long)atlas->catalogue);
}

void listing_latest(const struct atlas *atlas, struct buf *out)
{
    const char *comma = "";
    buf_byte(out, '{');
    encode_value_units(out, &atlas->custom);
    buf_text(out, ",\"latest\":[");
    for (const struct city *city = atlas->table; city; city = city->hh.next) {
        if (!city_has_reading(city))
            continue;
        buf_text(out, comma);
        encode_latest(out, city, &atlas->custom);
        comma = ",";
    }
    buf_text(out, "]}");
}
