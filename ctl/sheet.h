/*
 * Rows of somebody's data as observations: which columns there are, and what a line of cells says. Every value is
 * judged: what its column cannot mean, such as a humidity of 300 %, is refused here, where its source can still be
 * asked; what is only implausible is for the quality control of workers. Pure.
 */
#ifndef CTL_SHEET_H
#define CTL_SHEET_H

#include "cells.h"
#include "column.h"
#include "observation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHEET_ACCUMULATION_MAX_S 86400

struct sheet_terms {
    const struct custom_set *customs; /* borrowed */
    const char *left_out;             /* comma-separated names of columns to pass over */
    bool has_city;                    /* the city is known without a column */
    int32_t accumulation_s;           /* of rain and snow without a column that says it; 0: not known */
};

struct sheet {
    struct sheet_terms terms;
    struct column columns[CELLS_MAX];
    size_t count;
    bool named; /* cells have names: NDJSON */
};

/* What a line says. */
struct sheet_row {
    struct observation row; /* without city, provider, series and fetched-at */
    const char *city;       /* id or name, in the cells; "" with terms.has_city */
    const char *city_head;  /* its column, for errors */
};

/* Starts without columns: those of NDJSON are found as they come. */
void sheet_init(struct sheet *sheet, const struct sheet_terms *terms, bool named);
/*
 * Takes the cells as the heads of all columns: CSV. ERR_INVALID with the reason appended to `error`: an unknown column
 * or unit, one that is there twice, one that is missing.
 */
int sheet_head(struct sheet *sheet, const struct cells *cells, struct buf *error) __attribute__((warn_unused_result));
/*
 * Reads a line into `out`. ERR_INVALID with the reason appended to `error`, which names the column, the value and what
 * is allowed. Observed-at must lie within [oldest_ms, newest_ms].
 */
int sheet_row(struct sheet *sheet, const struct cells *cells, int64_t oldest_ms, int64_t newest_ms,
              struct sheet_row *out, struct buf *error) __attribute__((warn_unused_result));

#endif
