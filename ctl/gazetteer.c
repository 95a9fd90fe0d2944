/*
 * See gazetteer.h. Names cost as much memory as everything else, and most data name cities by their ids, so the table
 * of names is made when it is first needed.
 */
#include "gazetteer.h"

#include "city_records.h"
#include "city_table.h"
#include "mem.h"
#include "plain.h"
#include "shard.h"

#include <stdlib.h>
#include <string.h>

/* A name and one of the cities that have it; others follow. */
struct gazetteer_name {
    char *plain; /* owned by the first of a name */
    struct gazetteer_city *city;
    struct gazetteer_name *other;
    UT_hash_handle hh;
};

void gazetteer_init(struct gazetteer *gazetteer, int32_t partitions)
{
    *gazetteer = (struct gazetteer){.partitions = partitions};
}

static void forget_names(struct gazetteer *gazetteer)
{
    struct gazetteer_name *name = gazetteer->names, *next;
    HASH_CLEAR(hh, gazetteer->names);
    for (; name; name = next) {
        next = name->hh.next;
        free(name->plain);
        for (struct gazetteer_name *at = name, *other; at; at = other) {
            other = at->other;
            free(at);
        }
    }
}

static void free_texts(struct gazetteer_city *city)
{
    free(city->name);
    free(city->ascii_name);
    free(city->zone);
}

void gazetteer_release(struct gazetteer *gazetteer)
{
    struct gazetteer_city *city = gazetteer->cities, *next;
    forget_names(gazetteer);
    HASH_CLEAR(hh, gazetteer->cities);
    for (; city; city = next) {
        next = city->hh.next;
        free_texts(city);
        free(city);
    }
}

struct gazetteer_city *gazetteer_take(struct gazetteer *gazetteer, int64_t id)
{
    struct gazetteer_city *city;
    HASH_FIND(hh, gazetteer->cities, &id, sizeof id, city);
    if (!city) {
        city = mem_alloc(sizeof *city);
        city->id = id;
        city->shard = shard_of_city(id, gazetteer->partitions);
        city->name = mem_strdup("");
        city->ascii_name = mem_strdup("");
        city->zone = mem_strdup("");
        HASH_ADD(hh, gazetteer->cities, id, sizeof city->id, city);
    }
    return city;
}

void gazetteer_add(struct gazetteer *gazetteer, const Isobar__V1__City *entry)
{
    if (entry->city_id < 1 || entry->city_id > CITY_TABLE_ID_MAX)
        return;
    struct gazetteer_city *city = gazetteer_take(gazetteer, entry->city_id);
    bool same_facts = strcmp(city->zone, entry->zone) == 0 && strncmp(city->country, entry->country, 2) == 0;
    if (same_facts && strcmp(city->name, entry->name) == 0 && strcmp(city->ascii_name, entry->ascii_name) == 0)
        return;
    forget_names(gazetteer);
    free_texts(city);
    city->name = mem_strdup(entry->name);
    city->ascii_name = mem_strdup(entry->ascii_name);
    city->zone = mem_strdup(entry->zone);
    (void)strncpy(city->country, entry->country, 2);
    city->told &= same_facts;
}

static void add_record(void *arg, int32_t shard, const Isobar__V1__City *city)
{
    (void)shard;
    if (city)
        gazetteer_add(arg, city);
}

int gazetteer_load(struct gazetteer *gazetteer, struct context *context)
{
    return city_records_read(context, gazetteer->partitions, add_record, gazetteer);
}

/* ---- looking up ---- */

static void add_name(struct gazetteer *gazetteer, struct gazetteer_city *city, const char *text)
{
    char plain[PLAIN_BYTES];
    struct gazetteer_name *first, *name;
    size_t size = strlen(plain_text(text, plain));
    if (size == 0)
        return;
    HASH_FIND(hh, gazetteer->names, plain, size, first);
    for (name = first; name; name = name->other) {
        if (name->city == city)
            return;
    }
    name = mem_alloc(sizeof *name);
    name->city = city;
    if (first) {
        name->other = first->other;
        first->other = name;
        return;
    }
    name->plain = mem_strdup(plain);
    HASH_ADD_KEYPTR(hh, gazetteer->names, name->plain, size, name);
}

static void make_names(struct gazetteer *gazetteer)
{
    for (struct gazetteer_city *city = gazetteer->cities; city; city = city->hh.next) {
        add_name(gazetteer, city, city->name);
        add_name(gazetteer, city, city->ascii_name);
    }
}

/* Cuts ",US" off a plain name; "" when there is none. */
static void take_country(char *plain, char country[3])
{
    size_t size = strlen(plain);
    country[0] = '\0';
    if (size <= 3 || plain[size - 3] != ',')
        return;
    memcpy(country, plain + size - 2, 3);
    plain[size - 3] = '\0';
}

static enum gazetteer_result find_name(struct gazetteer *gazetteer, const char *text, struct gazetteer_city **city)
{
    char plain[PLAIN_BYTES], country[3], of[PLAIN_BYTES];
    struct gazetteer_name *name;
    int count = 0;
    if (!gazetteer->names)
        make_names(gazetteer);
    (void)plain_text(text, plain);
    take_country(plain, country);
    HASH_FIND(hh, gazetteer->names, plain, strlen(plain), name);
    if (!name && plain_undo_umlauts(plain))
        HASH_FIND(hh, gazetteer->names, plain, strlen(plain), name);
    for (; name; name = name->other) {
        if (*country && strcmp(plain_text(name->city->country, of), country) != 0)
            continue;
        if (count++ == 0)
            *city = name->city;
    }
    return count == 0 ? GAZETTEER_NONE : count == 1 ? GAZETTEER_FOUND : GAZETTEER_SEVERAL;
}

int64_t gazetteer_id(const char *text)
{
    int64_t id = 0;
    for (; *text >= '0' && *text <= '9' && id <= CITY_TABLE_ID_MAX; text++)
        id = id * 10 + (*text - '0');
    return *text || id > CITY_TABLE_ID_MAX ? 0 : id;
}

enum gazetteer_result gazetteer_find(struct gazetteer *gazetteer, const char *text, struct gazetteer_city **city)
{
    int64_t id = gazetteer_id(text);
    *city = NULL;
    if (id == 0)
        return find_name(gazetteer, text, city);
    HASH_FIND(hh, gazetteer->cities, &id, sizeof id, *city);
    return *city ? GAZETTEER_FOUND : GAZETTEER_NONE;
}
