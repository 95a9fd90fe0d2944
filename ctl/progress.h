/*
 * How far a long run is, as one line: a bar where the whole is known. Pure.
 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include "buf.h"

#include <stdint.h>

struct progress {
    int64_t bytes, bytes_all; /* read, and of the file; 0: not known, a pipe */
    int64_t rows, rejected;   /* delivered, and lines that were refused */
    int64_t elapsed_ms;
};

/* Appends a number with commas: 1,234,567. */
void progress_number(struct buf *out, int64_t number);
/* Rows a second. */
int64_t progress_rate(const struct progress *progress);
/* Appends "[######----] 60 %  1,234,567 rows, 98,000/s, 3 lines rejected", without an end of line. */
void progress_text(const struct progress *progress, struct buf *out);

#endif
