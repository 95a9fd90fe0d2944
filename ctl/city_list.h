/*
 * The catalogue as it is in Redis, as a list; or a table of known places as one.
 */
#ifndef CTL_CITY_LIST_H
#define CTL_CITY_LIST_H

#include "city_table.h"
#include "context.h"
#include "installation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct city_entry {
    struct city_row row; /* owned; its `line` means nothing */
    int32_t shard;       /* -1: of a table */
    bool paused;
};

struct city_list {
    struct city_entry *entries; /* owned */
    size_t count, capacity;
    size_t unreadable; /* records that are left out */
};

/*
 * Decodes the record of a city into an uninitialised entry: false when it is damaged, or of a city that belongs to
 * another shard; nothing is to be freed then.
 */
bool city_entry_decode(struct city_entry *entry, const struct store_reply *record, int32_t shard, int32_t partitions);

/* Reads all cities into an empty list, shard by shard. Returns the exit code. */
int city_list_read(struct city_list *list, struct context *context, const struct installation *installation)
    __attribute__((warn_unused_result));
/* Moves the rows of a table into an empty list; the table is empty then. */
void city_list_take(struct city_list *list, struct city_table *table);
/* Sorts by id, as city_list_find wants it. */
void city_list_sort(struct city_list *list);
/* The city of that id in a sorted list; NULL when there is none. */
const struct city_entry *city_list_find(const struct city_list *list, int64_t id);
/* Frees what it holds; the list is empty. */
void city_list_release(struct city_list *list);

#endif
