/*
 * Climate normals as CSV (docs/normals.md has the columns): read, checked, and turned into tables of the metric's unit.
 * Pure but for the stream. Every fault is said as "name:line: what is wrong", NORMALS_TABLE_FAULTS lines at most.
 */
#ifndef CTL_NORMALS_TABLE_H
#define CTL_NORMALS_TABLE_H

#include "buf.h"
#include "normals.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NORMALS_TABLE_MAX    256 /* cities times metrics in one file: 70 MB of memory */
#define NORMALS_TABLE_FAULTS 10

struct normals_table {
    struct normals *list; /* owned; one per city and metric, in the order of the file */
    size_t count;
    size_t rows;
};

/*
 * Reads `stream` (called `name` in errors) into an uninitialised `table`. `city_id` above 0 is the city of all rows;
 * then the file has no column `city`. ERR_INVALID with the faults, one a line, in `error`; the table is empty then.
 */
int normals_table_read(struct normals_table *table, FILE *stream, const char *name, int64_t city_id, struct buf *error)
    __attribute__((warn_unused_result));
/* Frees it; the table is empty. */
void normals_table_release(struct normals_table *table);

#endif
