/*
 * A city as an operator writes it down: the cells of a table, or options of a command, checked one by one and turned
 * into an entry of the catalogue. Pure but for the look at the time zones' files.
 */
#ifndef CTL_CITY_ROW_H
#define CTL_CITY_ROW_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CITY_TABLE_NAME_BYTES 200
#define CITY_TABLE_ID_MAX     INT64_C(9007199254740991) /* 2^53 - 1: what JSON readers hold exactly */
#define CITY_ROW_COLUMNS      10

struct city_row {
    int64_t id;
    char *name, *ascii_name; /* owned */
    char country[3];
    char zone[64];
    char station[5];                   /* ICAO location indicator; "": none */
    int32_t latitude_e5, longitude_e5; /* 1e-5 deg north, east */
    int32_t elevation_m;
    bool elevation_known;
    int64_t population;
    int line;
};

/*
 * Puts the cell of the column of that name into the row, as city_table_read does with cells of a table: a name that the
 * row has is freed. NULL, or what is wanted there. An unknown column is a broken invariant.
 */
const char *city_row_set(struct city_row *row, const char *column, const char *text)
    __attribute__((warn_unused_result));
/* Fills what may be left out: the ASCII form of the name. False when that has none. */
bool city_row_complete(struct city_row *row) __attribute__((warn_unused_result));
/* The name of a column, from 0, and whether a table may lack it; NULL: there are no more. */
const char *city_row_column(size_t column, bool *optional);
/* True when the row's zone is a file of compiled rules in the folder. */
bool city_zone_known(const char *zoneinfo, const char *zone);
/* Frees what the row holds. */
void city_row_release(struct city_row *row);
/* Appends the row as an encoded isobar.v1.City. */
void city_row_encode(const struct city_row *row, bool paused, struct buf *out);

#endif
