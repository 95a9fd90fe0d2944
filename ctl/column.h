/*
 * What a column of somebody's data is: the head of a CSV column or a key of NDJSON, "name" or "name[unit]". Names are
 * those of the API, the operator's own metrics included. Pure.
 */
#ifndef CTL_COLUMN_H
#define CTL_COLUMN_H

#include "buf.h"
#include "custom.h"
#include "unit.h"

#include <stdbool.h>
#include <stdint.h>

#define COLUMN_HEAD_BYTES 64

enum column_kind {
    COLUMN_LEFT_OUT,
    COLUMN_CITY,         /* id, or a name that only one city has */
    COLUMN_TIME,         /* of the reading */
    COLUMN_ACCUMULATION, /* time before it that rain and snow fell in */
    COLUMN_VALUE
};

struct column {
    enum column_kind kind;
    char head[COLUMN_HEAD_BYTES]; /* as it was given */
    /* of a value */
    int bit; /* isobar.v1.Value */
    struct label label;
    const struct unit *unit;
    bool rate; /* rain or snow per hour */
    /* of a time: what a number counts, 0: as its size says (stamp.h) */
    int32_t time_unit_ms;
};

/*
 * Reads `head`. ERR_INVALID with what is wrong, and what is allowed, appended to `error`. The column borrows from
 * `customs`.
 */
int column_parse(struct column *column, const char *head, const struct custom_set *customs, struct buf *error)
    __attribute__((warn_unused_result));

#endif
