/*
 * One line of input as cells: a line of CSV, or of NDJSON a flat object. A line stands for itself, so that a broken one
 * costs itself only; a quoted cell of CSV therefore holds no line end, which no value here has. Numbers keep their
 * text, so that decimal digits stay what they are. Pure.
 */
#ifndef CTL_CELLS_H
#define CTL_CELLS_H

#include "buf.h"

#include <stddef.h>

#define CELLS_MAX      128         /* of one line */
#define CELLS_LINE_MAX (64 * 1024) /* bytes of one line */

struct cell {
    const char *name; /* NDJSON: the key; CSV: "" */
    const char *text; /* UTF-8; "": not known, in NDJSON null */
    int at;           /* where it begins: byte of the line, from 1 */
};

struct cells {
    struct cell list[CELLS_MAX];
    size_t count;
    struct buf text; /* what the cells point into */
};

/* Where a line is wrong, and why. */
struct cells_fault {
    int at;             /* byte of the line, from 1 */
    const char *reason; /* static */
};

/* No cells. */
void cells_init(struct cells *cells);
/* Frees the text. */
void cells_release(struct cells *cells);
/*
 * Splits a line (without its end) as RFC 4180 has it, at `separator`: cells in quotes, "" for a quote in them. Blanks
 * around plain cells are taken off. ERR_INVALID with `fault`: not UTF-8, a control character, quotes that do not fit,
 * or too many cells. Cells are valid until the next call.
 */
int cells_csv(struct cells *cells, const char *line, size_t size, char separator, struct cells_fault *fault)
    __attribute__((warn_unused_result));
/*
 * Reads a line of NDJSON (RFC 8259): an object whose values are numbers, strings or null. ERR_INVALID with `fault` for
 * anything else: a key that comes twice, true, false, an array or object inside, U+0000. As above.
 */
int cells_json(struct cells *cells, const char *line, size_t size, struct cells_fault *fault)
    __attribute__((warn_unused_result));

#endif
