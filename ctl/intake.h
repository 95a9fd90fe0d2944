/*
 * Lines as observations: finds out whether they are CSV or NDJSON, reads the header, passes over empty lines. Pure.
 */
#ifndef CTL_INTAKE_H
#define CTL_INTAKE_H

#include "cells.h"
#include "lines.h"
#include "sheet.h"

#include <stdbool.h>
#include <stdint.h>

enum intake_format { INTAKE_UNKNOWN, INTAKE_CSV, INTAKE_NDJSON };

enum intake_result {
    INTAKE_NOTHING, /* an empty line, or the header */
    INTAKE_ROW,
    INTAKE_BAD,   /* this line is refused */
    INTAKE_BROKEN /* the header is: nothing can be read */
};

struct intake {
    struct sheet_terms terms;
    enum intake_format format;
    char separator;
    bool begun, headed; /* a line was seen; the columns are known */
    struct buf header;  /* of CSV, as it came */
    struct sheet sheet;
    struct cells cells;
};

/* Starts; `format` may be INTAKE_UNKNOWN: then a first line that begins with { says NDJSON. */
void intake_init(struct intake *intake, const struct sheet_terms *terms, enum intake_format format);
/* Frees what was read. */
void intake_release(struct intake *intake);
/*
 * Takes a header that the data lack, "city,time,temperature[degF]"; they are CSV then. ERR_INVALID with the reason
 * appended to `error`.
 */
int intake_header(struct intake *intake, const char *text, struct buf *error) __attribute__((warn_unused_result));
/*
 * Reads a line. With INTAKE_ROW, `row` is valid until the next one; with INTAKE_BAD and INTAKE_BROKEN the reason is
 * appended to `error`. Times as sheet_row.
 */
enum intake_result intake_line(struct intake *intake, const struct line *line, int64_t oldest_ms, int64_t newest_ms,
                               struct sheet_row *row, struct buf *error) __attribute__((warn_unused_result));

/* Makes text that quotes input fit for a terminal: what is no printable UTF-8, or was cut in two, becomes '?'. */
void intake_fit(struct buf *text);

#endif
