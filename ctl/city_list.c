/* See city_list.h. */
#include "city_list.h"

#include "city_records.h"
#include "mem.h"
#include "shard.h"

#include <stdlib.h>
#include <string.h>

/* Fills an uninitialised entry: false when the city is of another shard, or says what no city can. */
static bool entry_of(struct city_entry *entry, const Isobar__V1__City *city, int32_t shard, int32_t partitions)
{
    if (!city || city->city_id <= 0 || shard_of_city(city->city_id, partitions) != shard ||
        strlen(city->country) >= sizeof entry->row.country || strlen(city->zone) >= sizeof entry->row.zone ||
        strlen(city->station) >= sizeof entry->row.station)
        return false;
    *entry = (struct city_entry){.shard = shard, .paused = city->paused};
    struct city_row *row = &entry->row;
    row->id = city->city_id;
    row->name = mem_strdup(city->name);
    row->ascii_name = mem_strdup(city->ascii_name);
    memcpy(row->country, city->country, strlen(city->country) + 1);
    memcpy(row->zone, city->zone, strlen(city->zone) + 1);
    memcpy(row->station, city->station, strlen(city->station) + 1);
    row->latitude_e5 = city->latitude_e5;
    row->longitude_e5 = city->longitude_e5;
    row->elevation_m = city->elevation_m;
    row->elevation_known = city->elevation_known;
    row->population = city->population;
    return true;
}

bool city_entry_decode(struct city_entry *entry, const struct store_reply *record, int32_t shard, int32_t partitions)
{
    Isobar__V1__City *city = city_record_unpack(record);
    bool good = entry_of(entry, city, shard, partitions);
    isobar__v1__city__free_unpacked(city, NULL);
    return good;
}

/* Room for one more, uninitialised. */
static struct city_entry *room(struct city_list *list)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->entries = mem_grow(list->entries, list->capacity, sizeof *list->entries);
    }
    return &list->entries[list->count];
}

/* A list that is being read. */
struct reading {
    struct city_list *list;
    int32_t partitions;
};

static void add_record(void *arg, int32_t shard, const Isobar__V1__City *city)
{
    const struct reading *reading = arg;
    if (entry_of(room(reading->list), city, shard, reading->partitions))
        reading->list->count++;
    else
        reading->list->unreadable++;
}

int city_list_read(struct city_list *list, struct context *context, const struct installation *installation)
{
    struct reading reading = {list, installation->partitions};
    return city_records_read(context, installation->partitions, add_record, &reading);
}

void city_list_take(struct city_list *list, struct city_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        *room(list) = (struct city_entry){.row = table->rows[i], .shard = -1};
        list->count++;
    }
    table->count = 0; /* the list has them */
    city_table_release(table);
}

static int by_id(const void *left, const void *right)
{
    int64_t a = ((const struct city_entry *)left)->row.id, b = ((const struct city_entry *)right)->row.id;
    return (a > b) - (a < b);
}

void city_list_sort(struct city_list *list)
{
    if (list->count)
        qsort(list->entries, list->count, sizeof *list->entries, by_id);
}

const struct city_entry *city_list_find(const struct city_list *list, int64_t id)
{
    struct city_entry wanted = {.row.id = id};
    return list->count ? bsearch(&wanted, list->entries, list->count, sizeof *list->entries, by_id) : NULL;
}

void city_list_release(struct city_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        city_row_release(&list->entries[i].row);
    free(list->entries);
    *list = (struct city_list){0};
}
