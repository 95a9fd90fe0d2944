/*
 * The table of cities as CSV (data/README.md has the columns): read, checked, and turned into catalogue
 * entries. Pure but for the stream and the look at the time zones' files.
 *
 * Every row is checked whole, and every fault is said as "name:line: what is wrong", so that one run shows
 * what is to be repaired (at most CITY_TABLE_FAULTS lines).
 */
#ifndef CTL_CITY_TABLE_H
#define CTL_CITY_TABLE_H

#include "buf.h"
#include "city_row.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CITY_TABLE_MAX_ROWS 1000000
#define CITY_TABLE_FAULTS   10

struct city_table {
    struct city_row *rows; /* owned, in the order of the table */
    size_t count;
    size_t skipped; /* rows left out, with skip_bad */
};

struct city_table_source {
    const char *name;     /* of the file, for errors */
    const char *zoneinfo; /* folder of the IANA zones: /usr/share/zoneinfo */
    size_t limit;         /* takes the first so many rows and reads no further; 0: all */
    bool skip_bad;        /* a row with a fault is left out, and all others are taken */
};

/*
 * Reads `stream` into an uninitialised `table`. ERR_INVALID with the faults, one a line, in `error`;
 * ERR_UNAVAILABLE when the machine has no time zones to check against; the table is empty then. With skip_bad only a
 * header that is wrong, and what is no CSV, are such; the faults of rows left out are in `error` all the same.
 */
int city_table_read(struct city_table *table, FILE *stream, const struct city_table_source *source, struct buf *error)
    __attribute__((warn_unused_result));
/* Frees the rows; the table is empty. */
void city_table_release(struct city_table *table);
#endif
