/*
 * The catalogue in memory, for commands that look up a city per row: by id, and by name where only one city has it.
 */
#ifndef CTL_GAZETTEER_H
#define CTL_GAZETTEER_H

#include "context.h"
#include "installation.h"

#include "city.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct gazetteer_city {
    int64_t id;
    int32_t shard;
    char *name, *ascii_name, *zone; /* owned */
    char country[3];
    bool told; /* free for the owner: what is known of it was said */
    UT_hash_handle hh;
};

struct gazetteer_name;

struct gazetteer {
    int32_t partitions;
    struct gazetteer_city *cities; /* by id */
    struct gazetteer_name *names;  /* by plain name; made when a name is looked up */
};

enum gazetteer_result { GAZETTEER_FOUND, GAZETTEER_NONE, GAZETTEER_SEVERAL };

/* Starts empty; cities are of that many shards. */
void gazetteer_init(struct gazetteer *gazetteer, int32_t partitions);
/* Frees the cities. */
void gazetteer_release(struct gazetteer *gazetteer);
/* Adds a city, or takes what has changed of one; such a one is not told any more. */
void gazetteer_add(struct gazetteer *gazetteer, const Isobar__V1__City *city);
/* Reads the catalogue of the installation. Returns the exit code; what is wrong is said. */
int gazetteer_load(struct gazetteer *gazetteer, struct context *context) __attribute__((warn_unused_result));
/*
 * Finds the city of `text`: a decimal id, or a name as city_find.h has it ("Zürich", "zurich", "zuerich",
 * "Portland,US"). `city` is the first of several.
 */
enum gazetteer_result gazetteer_find(struct gazetteer *gazetteer, const char *text, struct gazetteer_city **city);
/* The city with that id, added without anything known of it when there is none. */
struct gazetteer_city *gazetteer_take(struct gazetteer *gazetteer, int64_t id) __attribute__((returns_nonnull));
/* The text as an id of a city; 0 when it is none. Pure. */
int64_t gazetteer_id(const char *text);

#endif
