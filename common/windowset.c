/*
 * Parses the configured windows (windowset.h) and finds the pane they are all folded from. Strict, since the names
 * are parts of Redis keys: no blanks, no leading zeros, no two names for one size. It knows nothing of civil days.
 */
#include "windowset.h"

#include "duration.h"
#include "error.h"

#include <stdbool.h>
#include <string.h>

#define SIZE_MAX_MS      (24 * DURATION_DAY)   /* times inside a window are int32 milliseconds */
#define RETENTION_MAX_MS (100 * DURATION_YEAR) /* far from overflow when added to a time */
#define PANE_MIN_MS      DURATION_MINUTE
#define CIVIL_MS         (15 * DURATION_MINUTE) /* UTC offsets of all zones are multiples of it */

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Appends the reason, which quotes the item of `size` bytes. */
static int refuse(struct buf *error, const char *item, size_t size, const char *reason)
{
    buf_printf(error, "window \"%.*s\": %s", (int)(size > 64 ? 64 : size), item, reason);
    return ERR_INVALID;
}

/* Puts one "size:retention" of `size` bytes in its place. */
static int parse_item(struct windowset *set, const char *item, size_t size, struct buf *error)
{
    const char *colon = memchr(item, ':', size);
    if (!colon)
        return refuse(error, item, size, "size:retention wanted, for example 10m:2d");
    size_t name_size = (size_t)(colon - item);
    struct window_size parsed = {0};
    if (name_size >= sizeof parsed.name || !duration_parse(item, name_size, 1, SIZE_MAX_MS, &parsed.size_ms))
        return refuse(error, item, size, "the size is a number with s, m, h or d, at most 24d");
    if (!duration_parse(colon + 1, size - name_size - 1, 1, RETENTION_MAX_MS, &parsed.retention_ms))
        return refuse(error, item, size, "the retention is a number with s, m, h, d or y, at most 100y");
    if (set->count == WINDOWSET_MAX)
        return refuse(error, item, size, "too many sizes, at most 16");
    memcpy(parsed.name, item, name_size);

    size_t at = set->count;
    while (at > 0 && set->sizes[at - 1].size_ms >= parsed.size_ms)
        at--;
    if (at < set->count && set->sizes[at].size_ms == parsed.size_ms)
        return refuse(error, item, size, "this size is there twice");
    memmove(&set->sizes[at + 1], &set->sizes[at], (set->count - at) * sizeof *set->sizes);
    set->sizes[at] = parsed;
    set->count++;
    return 0;
}

/* The pane follows from the sizes; false when it would be too short to be worth it. */
static bool find_pane(struct windowset *set)
{
    int64_t pane = 0;
    for (size_t i = 0; i < set->count; i++)
        pane = gcd(pane, set->sizes[i].size_ms);
    if (set->sizes[set->count - 1].size_ms >= DURATION_DAY)
        pane = gcd(pane, CIVIL_MS);
    set->pane_ms = pane;
    return pane >= PANE_MIN_MS;
}

int windowset_parse(struct windowset *set, const char *text, struct buf *error)
{
    memset(set, 0, sizeof *set);
    for (;;) {
        size_t size = strcspn(text, ",");
        int status = parse_item(set, text, size, error);
        if (status)
            return status;
        if (text[size] == '\0')
            break;
        text += size + 1;
    }
    if (!find_pane(set)) {
        buf_printf(error, "windows: the greatest common divisor of the sizes is %lld s, at least 60 s wanted",
                   (long long)(set->pane_ms / DURATION_SECOND));
        return ERR_INVALID;
    }
    return 0;
}

int64_t window_start(int64_t at_ms, int64_t size_ms)
{
    int64_t into = at_ms % size_ms;
    return at_ms - (into < 0 ? into + size_ms : into);
}

const struct window_size *windowset_find(const struct windowset *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->sizes[i].name, name) == 0)
            return &set->sizes[i];
    return NULL;
}
