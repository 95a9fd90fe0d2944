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

#include "city.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CITY_TABLE_MAX_ROWS   1000000
#define CITY_TABLE_NAME_BYTES 200
#define CITY_TABLE_ID_MAX     INT64_C(9007199254740991) /* 2^53 - 1: what JSON readers hold exactly */
#define CITY_TABLE_FAULTS     10

struct city_row {
    int64_t id;
    char *name, *ascii_name; /* owned */
    char country[3];
    char zone[64];
    int32_t latitude_e5, longitude_e5; /* 1e-5 deg north, east */
    int32_t elevation_m;
    bool elevation_known;
    int64_t population;
    int line;
};

struct city_table {
    struct city_row *rows; /* owned, in the order of the table */
    size_t count;
};

struct city_table_source {
    const char *name;     /* of the file, for errors */
    const char *zoneinfo; /* folder of the IANA zones: /usr/share/zoneinfo */
    size_t limit;         /* takes the first so many rows and reads no further; 0: all */
};

/*
 * Reads `stream` into an uninitialised `table`. ERR_INVALID with the faults, one a line, in `error`;
 * ERR_UNAVAILABLE when the machine has no time zones to check against; the table is empty then.
 */
int city_table_read(struct city_table *table, FILE *stream, const struct city_table_source *source, struct buf *error)
    __attribute__((warn_unused_result));
/* Frees the rows; the table is empty. */
void city_table_release(struct city_table *table);
/* Appends the row as an encoded isobar.v1.City. */
void city_row_encode(const struct city_row *row, bool paused, struct buf *out);

#endif
