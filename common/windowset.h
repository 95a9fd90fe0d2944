/*
 * The configured windows (docs/semantics.md, "Windows"): sizes with their retention, sliding windows, and the pane that
 * all are folded from. Text form: 10m:2d,1h:30d,1d:2y,24h/1h (size:retention or size/step; units s, m, h, d, y = 365
 * d).
 *
 * Sizes of whole days are civil: their windows begin and end with dates of the city's zone. Each window has a key: the
 * start in Unix ms, or of a civil one its first date, as the time at which that date begins in UTC. So keys of all
 * sizes are multiples of the size, ascend with time, and do not depend on a zone.
 */
#ifndef ISOBAR_WINDOWSET_H
#define ISOBAR_WINDOWSET_H

#include "buf.h"
#include "zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOWSET_MAX        16
#define WINDOWSET_SLIDES_MAX 16

struct window_size {
    char name[16];        /* as written: 10m */
    int64_t size_ms;      /* at most 23 days */
    int64_t retention_ms; /* after the window's end */
    int32_t days;         /* of a civil one; else 0 */
    bool sketched;        /* its windows keep sketches: of an hour or more, or parts of sliding ones that are */
};

/* A sliding window: the last `size`, at each multiple of `step`. Merged at read; it is in no key. */
struct window_slide {
    char name[32]; /* as written: 24h/1h */
    int64_t size_ms, step_ms;
    int32_t days, step_days; /* of a civil one; else 0 */
    size_t part;             /* index of the size that it is merged from */
};

/* A window of one city. */
struct window_span {
    int64_t key_ms, start_ms, end_ms;
};

struct windowset {
    struct window_size sizes[WINDOWSET_MAX]; /* ascending by size */
    size_t count;
    struct window_slide slides[WINDOWSET_SLIDES_MAX]; /* as written */
    size_t slide_count;
    int64_t pane_ms; /* gcd of all sizes, and of 15 min when a civil one is there; whole seconds */
};

/* Parses `text`; ERR_INVALID with the reason appended to `error`. */
int windowset_parse(struct windowset *set, const char *text, struct buf *error) __attribute__((warn_unused_result));
/* Start of the tumbling window of `size_ms` that holds `at_ms` (floor, also for negative times). */
int64_t window_start(int64_t at_ms, int64_t size_ms);
/* The size with that name, or NULL. */
const struct window_size *windowset_find(const struct windowset *set, const char *name);
/* The sliding window with that name, or NULL. */
const struct window_slide *windowset_slide(const struct windowset *set, const char *name);
/* The window that holds the instant, of a city in `zone` (NULL: UTC). */
struct window_span window_span_at(const struct window_size *size, const struct zone *zone, int64_t at_ms);
/* The window with that key. */
struct window_span window_span_of(const struct window_size *size, const struct zone *zone, int64_t key_ms);
/*
 * True when a stored span can be that of the window with that key: exactly it, or, of a civil one, near its date, since
 * the city's zone may have been another.
 */
bool window_span_fits(const struct window_size *size, int64_t key_ms, int64_t start_ms, int64_t end_ms);
/* Keys below it are of windows that have ended at `at_ms` in every zone. */
int64_t window_key_floor(const struct window_size *size, int64_t at_ms);
/* Writes "10m:1790000000000", or "1d:2026-11-30": what names the window in Redis, behind "w:". Returns `out`. */
#define WINDOW_KEY_BYTES 40
const char *window_key_text(const struct window_size *size, int64_t key_ms, char *out);

#endif
