/* See climate.h. Partitions are read one after the other, some fields at a time, so that a large import holds up
 * nobody. */
#include "climate.h"

#include "encode.h"
#include "log.h"
#include "mem.h"
#include "normals.h"
#include "quality.h"
#include "quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_COUNT "4" /* fields of up to 64 KiB */
#define KEY_BYTES  256

/* One metric's normals. */
struct one {
    int32_t metric;
    struct buf bytes;
    struct one *next; /* ascending by metric */
};

struct climate_city {
    int64_t id;
    struct one *list;
    UT_hash_handle hh;
};

static void free_cities(struct climate_city **cities)
{
    struct climate_city *city = *cities, *next;
    HASH_CLEAR(hh, *cities); /* they stay linked */
    for (; city; city = next) {
        next = city->hh.next;
        while (city->list) {
            struct one *one = city->list;
            city->list = one->next;
            buf_release(&one->bytes);
            free(one);
        }
        free(city);
    }
}

void climate_init(struct climate *climate, struct store *store, const char *prefix, struct dashboard_metrics *metrics)
{
    *climate = (struct climate){.store = store, .prefix = prefix, .metrics = metrics, .version = -1};
}

void climate_release(struct climate *climate)
{
    free_cities(&climate->cities);
    free_cities(&climate->next);
}

void climate_expire(struct climate *climate)
{
    climate->version = -1;
}

/* ---- reading ---- */

static struct climate_city *city_of(struct climate *climate, int64_t id)
{
    struct climate_city *city;
    HASH_FIND(hh, climate->next, &id, sizeof id, city);
    if (!city) {
        city = mem_alloc(sizeof *city);
        city->id = id;
        HASH_ADD(hh, climate->next, id, sizeof city->id, city);
    }
    return city;
}

/* The entry of the metric, made when there is none. */
static struct one *one_of(struct climate_city *city, int32_t metric)
{
    struct one **place = &city->list;
    while (*place && (*place)->metric < metric)
        place = &(*place)->next;
    if (!*place || (*place)->metric != metric) {
        struct one *one = mem_alloc(sizeof *one);
        one->metric = metric;
        one->next = *place;
        buf_init(&one->bytes);
        *place = one;
    }
    return *place;
}

bool climate_take(struct climate *climate, const char *field, const void *bytes, size_t size)
{
    struct normals normals;
    char own[64];
    if (normals_decode(&normals, bytes, size) != 0)
        return false;
    const struct quantity *quantity = quantity_get(normals.metric);
    snprintf(own, sizeof own, "%" PRId64 "/%s", normals.city_id, quantity ? quantity->name : "");
    bool good = quantity && strcmp(own, field) == 0;
    bool full = climate->bytes + size > CLIMATE_MAX_BYTES;
    if (good && full && !climate->full)
        log_warn("normals_too_large", LOG_INT("bytes_most", CLIMATE_MAX_BYTES), LOG_TEXT("first_left_out", own));
    climate->full |= good && full;
    if (good && !full) {
        struct one *one = one_of(city_of(climate, normals.city_id), normals.metric);
        climate->bytes += size - one->bytes.size; /* HSCAN may return a field twice */
        buf_reset(&one->bytes);
        buf_append(&one->bytes, bytes, size);
    }
    normals_release(&normals);
    return good;
}

void climate_swap(struct climate *climate)
{
    free_cities(&climate->cities);
    climate->cities = climate->next;
    climate->next = NULL;
    climate->version = climate->next_version;
    climate->reading = false;
}

static void scan_step(struct climate *climate, const char *cursor);

static void take_page(struct climate *climate, const struct store_reply *items)
{
    for (size_t i = 0; i + 1 < items->count; i += 2) {
        const struct store_reply *value = items->elements[i + 1];
        if (value->type != STORE_TEXT || !climate_take(climate, items->elements[i]->text, value->text, value->size))
            climate->metrics->bad_records_total++;
    }
}

static void on_page(void *arg, int status, const struct store_reply *reply)
{
    struct climate *climate = arg;
    if (status != 0 || reply->type != STORE_ARRAY || reply->count != 2 || reply->elements[1]->type != STORE_ARRAY) {
        climate->reading = false; /* what was held stays; tried again at the next update */
        return;
    }
    take_page(climate, reply->elements[1]);
    const char *cursor = reply->elements[0]->text;
    if (strcmp(cursor, "0") == 0)
        climate->partition++;
    if (climate->partition < climate->partitions)
        scan_step(climate, cursor);
    else
        climate_swap(climate);
}

static void scan_step(struct climate *climate, const char *cursor)
{
    char key[KEY_BYTES];
    snprintf(key, sizeof key, "%s{%d}:normals", climate->prefix, climate->partition);
    store_send(climate->store, on_page, climate, "HSCAN", key, cursor, "COUNT", SCAN_COUNT, NULL);
}

void climate_update(struct climate *climate, int32_t partitions, int64_t version)
{
    if (climate->reading || version == climate->version)
        return;
    free_cities(&climate->next);
    climate->reading = true;
    climate->full = false;
    climate->bytes = 0;
    climate->partition = 0;
    climate->partitions = partitions;
    climate->next_version = version;
    scan_step(climate, "0");
}

/* ---- showing ---- */

/* Appends the metric's member, with a comma when there was one before; nothing when no normal is known. */
static void encode_one(const struct one *one, const struct city *city, const struct zone *zone, struct buf *out)
{
    const struct quantity *quantity = quantity_get(one->metric);
    const struct normal *normal;
    struct normals normals;
    int32_t value;
    double percentile;
    if (quantity->value_bit < 0 || quality_failed_value(city->latest.quality, quantity->value_bit) ||
        !latest_value(&city->latest, quantity->value_bit, &value) ||
        normals_decode(&normals, one->bytes.data, one->bytes.size) != 0)
        return;
    normal = normals_at(&normals, zone, city->latest.observed_at_ms);
    if (normal) {
        buf_printf(out, "%s\"%s\":{\"normal\":", out->size ? "," : "", quantity->name);
        encode_scaled(out, normal->mean, quantity->scale);
        buf_text(out, ",\"departure\":");
        encode_scaled(out, (int64_t)value - normal->mean, quantity->scale);
        if (normal_percentile(normal, value, &percentile)) {
            buf_text(out, ",\"percentile\":");
            encode_real(out, percentile, 1);
        }
        buf_byte(out, '}');
    }
    normals_release(&normals);
}

bool climate_encode(const struct climate *climate, const struct city *city, struct buf *out)
{
    struct climate_city *entry;
    struct buf list = BUF_EMPTY;
    HASH_FIND(hh, climate->cities, &city->id, sizeof city->id, entry);
    if (!entry || !city->entry || !city->has_latest)
        return false;
    const struct zone *zone = zone_get(city->entry->zone);
    for (const struct one *one = entry->list; one; one = one->next) {
        encode_one(one, city, zone, &list);
    }
    bool any = list.size > 0;
    if (any)
        buf_printf(out, "\"climate\":{%s}", list.data);
    buf_release(&list);
    return any;
}
