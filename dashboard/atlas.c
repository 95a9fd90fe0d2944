/* See atlas.h. What it does not do: talk to Redis (part.c), or decide when to read. */
#include "atlas.h"

#include "mem.h"
#include "shard.h"
#include "tendency.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT          1
#define ENTRY_MAX_BYTES 4096
#define NAME_MAX_BYTES  200
#define ZONE_MAX_BYTES  64
#define COUNTRY_BYTES   8
#define LATITUDE_MAX    9000000 /* 1e-5 degrees */
#define LONGITUDE_MAX   18000000

void atlas_init(struct atlas *atlas, int32_t partitions)
{
    *atlas = (struct atlas){.partitions = partitions};
}

static void second_drop(struct city *city)
{
    if (city->second)
        latest_release(&city->second->latest);
    free(city->second);
    city->second = NULL;
}

void atlas_release(struct atlas *atlas)
{
    struct city *city = atlas->table, *next;
    alarms_release(&atlas->alarms);
    HASH_CLEAR(hh, atlas->table); /* the cities stay linked */
    for (; city; city = next) {
        next = city->hh.next;
        isobar__v1__city__free_unpacked(city->entry, NULL);
        buf_release(&city->entry_bytes);
        latest_release(&city->latest);
        second_drop(city);
        quality_tally_release(&city->flagged);
        free(city);
    }
    atlas_init(atlas, atlas->partitions);
}

uint64_t atlas_scan_begin(struct atlas *atlas)
{
    return ++atlas->scan;
}

void atlas_count_from(struct atlas *atlas, uint64_t first)
{
    atlas->catalogue = atlas->catalogue_first = first;
}

/* The city is another one for whoever lists cities. */
static void stamp(struct atlas *atlas, struct city *city)
{
    city->catalogue = ++atlas->catalogue;
}

static void drop_entry(struct atlas *atlas, struct city *city)
{
    isobar__v1__city__free_unpacked(city->entry, NULL);
    city->entry = NULL;
    buf_reset(&city->entry_bytes);
    atlas->cities--;
    stamp(atlas, city);
}

void atlas_scan_end(struct atlas *atlas, enum atlas_records records, int32_t partition, uint64_t scan)
{
    if (records == ATLAS_STATES)
        alarms_scan_end(&atlas->alarms, partition, scan);
    for (struct city *city = atlas->table; city; city = city->hh.next) {
        if (city->partition != partition)
            continue;
        if (records == ATLAS_ENTRIES && city->entry && city->entry_scan < scan)
            drop_entry(atlas, city);
        if (records == ATLAS_STATES && city->has_latest && city->state_scan < scan) {
            city->has_latest = false;
            stamp(atlas, city);
        }
        if (records == ATLAS_STATES && city->second && city->second->scan < scan)
            second_drop(city);
    }
}

/* The city, made when there is room; NULL when the table is full. */
static struct city *city_get(struct atlas *atlas, int64_t id)
{
    struct city *city;
    HASH_FIND(hh, atlas->table, &id, sizeof id, city);
    if (city || HASH_COUNT(atlas->table) >= ATLAS_MAX)
        return city;
    city = mem_alloc(sizeof *city);
    city->id = id;
    city->partition = shard_of_city(id, atlas->partitions);
    buf_init(&city->entry_bytes);
    HASH_ADD(hh, atlas->table, id, sizeof city->id, city);
    return city;
}

static bool entry_valid(const Isobar__V1__City *entry)
{
    return entry->format == FORMAT && entry->city_id > 0 && *entry->name && strlen(entry->name) <= NAME_MAX_BYTES &&
           strlen(entry->ascii_name) <= NAME_MAX_BYTES && strlen(entry->country) <= COUNTRY_BYTES &&
           strlen(entry->zone) <= ZONE_MAX_BYTES && abs(entry->latitude_e5) <= LATITUDE_MAX &&
           abs(entry->longitude_e5) <= LONGITUDE_MAX && entry->population >= 0;
}

bool atlas_take_entry(struct atlas *atlas, int32_t partition, uint64_t scan, const char *bytes, size_t size)
{
    Isobar__V1__City *entry = NULL;
    if (size <= ENTRY_MAX_BYTES)
        entry = isobar__v1__city__unpack(NULL, size, (const uint8_t *)bytes);
    bool valid = entry && entry_valid(entry) && shard_of_city(entry->city_id, atlas->partitions) == partition;
    struct city *city = valid ? city_get(atlas, entry->city_id) : NULL;
    if (!city) {
        isobar__v1__city__free_unpacked(entry, NULL);
        return false;
    }
    city->entry_scan = scan ? scan : atlas->scan;
    if (city->entry && city->entry_bytes.size == size && memcmp(city->entry_bytes.data, bytes, size) == 0) {
        isobar__v1__city__free_unpacked(entry, NULL);
        return true;
    }
    atlas->cities += !city->entry;
    isobar__v1__city__free_unpacked(city->entry, NULL);
    city->entry = entry;
    buf_reset(&city->entry_bytes);
    buf_append(&city->entry_bytes, bytes, size);
    city->version = ++atlas->version;
    stamp(atlas, city);
    return true;
}

/* Takes over what is shown; the tally goes from `state` to the city. */
static void city_set(struct city *city, struct citystate *state, int64_t now_ms)
{
    bool same = city->has_latest && state->has_latest && state->latest.observed_at_ms == city->latest.observed_at_ms;
    if (!same)
        city->committed_at_ms = now_ms;
    city->has_latest = state->has_latest;
    latest_copy(&city->latest, &state->latest);
    city->has_tendency = state->has_latest && tendency_of(&state->latest, &state->history, &city->tendency_pa);
    city->checked_at_ms = state->checked_at_ms;
    city->watermark_ms = state->watermark_ms;
    city->closed_through_ms = state->closed_through_ms;
    city->rows_in = state->rows_in;
    city->rows_late = state->rows_late;
    city->rows_duplicate = state->rows_duplicate;
    city->rows_correction = state->rows_correction;
    city->rows_retired = state->rows_retired;
    city->rows_bad = state->rows_bad;
    quality_tally_move(&city->flagged, &state->flagged);
}

static void second_set(struct city *city, const struct citystate *state)
{
    if (!state->has_latest) {
        second_drop(city);
        return;
    }
    if (!city->second)
        city->second = mem_alloc(sizeof *city->second);
    latest_copy(&city->second->latest, &state->latest);
}

bool atlas_take_state(struct atlas *atlas, int32_t partition, uint64_t scan, const char *bytes, size_t size,
                      int64_t now_ms)
{
    struct citystate state;
    if (citystate_decode(&state, bytes, size) != 0)
        return false;
    bool valid = state.city_id > 0 && shard_of_city(state.city_id, atlas->partitions) == partition;
    uint64_t seen = scan ? scan : atlas->scan;
    struct city *city = valid && state.series <= 1 ? city_get(atlas, state.city_id) : NULL;
    if (city && state.series == 0) {
        city_set(city, &state, now_ms);
        city->state_scan = seen;
    } else if (city) {
        second_set(city, &state);
        if (city->second)
            city->second->scan = seen;
    }
    if (city)
        city->version = ++atlas->version;
    bool further = valid && state.series > 1;
    if (city || further)
        alarms_take(&atlas->alarms, partition, seen, &state);
    citystate_release(&state);
    return city != NULL || further;
}

const struct city *atlas_find(const struct atlas *atlas, int64_t id)
{
    struct city *city;
    HASH_FIND(hh, atlas->table, &id, sizeof id, city);
    return city && city->entry ? city : NULL;
}

size_t atlas_count(const struct atlas *atlas)
{
    return atlas->cities;
}

bool city_has_reading(const struct city *city)
{
    return city->entry && city->has_latest;
}
