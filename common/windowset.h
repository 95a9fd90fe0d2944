/*
 * The configured windows: sizes with their retention, and the pane that they are all folded from (ARCHITECTURE D6).
 * Text form: 10m:2d,1h:30d,1d:2y (size:retention; units s, m, h, d, y = 365 d).
 */
#ifndef ISOBAR_WINDOWSET_H
#define ISOBAR_WINDOWSET_H

#include "buf.h"

#include <stddef.h>
#include <stdint.h>

#define WINDOWSET_MAX 16

struct window_size {
    char name[16];        /* as written: 10m */
    int64_t size_ms;      /* at most 24 days */
    int64_t retention_ms; /* after the window's end */
};

struct windowset {
    struct window_size sizes[WINDOWSET_MAX]; /* ascending by size */
    size_t count;
    int64_t pane_ms; /* gcd of all sizes and of 15 min when a window of a day or more is there; >= 1 min */
};

/* Parses `text`; ERR_INVALID with the reason appended to `error`. */
int windowset_parse(struct windowset *set, const char *text, struct buf *error) __attribute__((warn_unused_result));
/* Start of the tumbling window of `size_ms` that holds `at_ms` (floor, also for negative times). */
int64_t window_start(int64_t at_ms, int64_t size_ms);
/* The size with that name, or NULL. */
const struct window_size *windowset_find(const struct windowset *set, const char *name);

#endif
