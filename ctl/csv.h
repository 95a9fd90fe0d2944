/*
 * A reader of CSV as in RFC 4180: records of fields separated by commas, quoted where they must be, "" for a
 * quote inside quotes. LF and CRLF end lines, a byte order mark at the start is skipped, the last line needs
 * no end. A quoted field may hold line ends. Sizes are bounded.
 */
#ifndef CTL_CSV_H
#define CTL_CSV_H

#include "buf.h"

#include <stddef.h>
#include <stdio.h>

#define CSV_MAX_FIELDS 64
#define CSV_MAX_BYTES  65536 /* of one record */

struct csv {
    FILE *stream; /* borrowed */
    int line;     /* on which the record starts, from 1 */
    int next_line;
    struct buf text; /* of all fields, each ended by '\0' */
    const char *fields[CSV_MAX_FIELDS];
    size_t count;
};

/* Starts at the beginning of `stream`. */
void csv_init(struct csv *csv, FILE *stream);
/* Frees what it holds; the stream stays open. */
void csv_release(struct csv *csv);
/*
 * Reads the next record into `fields` (valid until the next call): 1, or 0 at the end. ERR_INVALID with the
 * reason appended to `error`; `line` tells where, and nothing more can be read.
 */
int csv_next(struct csv *csv, struct buf *error) __attribute__((warn_unused_result));

#endif
