/* What the readers of CSV and NDJSON share (cells.h). */
#ifndef CTL_CELLS_INTERNAL_H
#define CTL_CELLS_INTERNAL_H

#include "cells.h"

struct scan {
    const char *line, *at, *end;
    char *out; /* where the next byte of a cell goes */
};

/* Begins a line: no cells, room for all of them. ERR_INVALID with `fault` when it has bytes that no line may have. */
int cells_begin(struct cells *cells, struct scan *scan, const char *line, size_t size, struct cells_fault *fault)
    __attribute__((warn_unused_result));
/* Says that the line is wrong where the scan is. Returns ERR_INVALID. */
int cells_refuse(const struct scan *scan, struct cells_fault *fault, const char *reason);

#endif
