/*
 * Parses the configured windows (windowset.h), finds the pane they are all folded from, and cuts time into them.
 * Strict, since the names are parts of Redis keys: no blanks, no leading zeros, no two names for one size.
 */
#include "windowset.h"

#include "civil.h"
#include "duration.h"
#include "error.h"
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SIZE_MAX_MS      (23 * DURATION_DAY) /* times inside a window are int32 ms; a zone adds a day or so */
#define SKETCHED_MS      DURATION_HOUR
#define RETENTION_MAX_MS (100 * DURATION_YEAR) /* far from overflow when added to a time */

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
    size_t from = error->size;
    buf_printf(error, "window \"%.*s\": %s", (int)(size > 64 ? 64 : size), item, reason);
    text_tame(error, from);
    return ERR_INVALID;
}

/* Whole days; 0 when it is none. */
static int32_t days_of(int64_t ms)
{
    return ms % DURATION_DAY == 0 ? (int32_t)(ms / DURATION_DAY) : 0;
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
        return refuse(error, item, size, "the size is a number with s, m, h or d, at most 23d");
    if (parsed.size_ms > DURATION_DAY && parsed.size_ms % DURATION_DAY != 0)
        return refuse(error, item, size, "a size above a day is whole days");
    if (!duration_parse(colon + 1, size - name_size - 1, 1, RETENTION_MAX_MS, &parsed.retention_ms))
        return refuse(error, item, size, "the retention is a number with s, m, h, d or y, at most 100y");
    if (set->count == WINDOWSET_MAX)
        return refuse(error, item, size, "too many sizes, at most 16");
    memcpy(parsed.name, item, name_size);
    parsed.days = days_of(parsed.size_ms);
    parsed.sketched = parsed.size_ms >= SKETCHED_MS;

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

/* The largest size that divides size and step, days from days; false when there is none. */
static bool find_part(const struct windowset *set, struct window_slide *slide)
{
    for (size_t i = set->count; i-- > 0;) {
        const struct window_size *size = &set->sizes[i];
        if ((size->days > 0) == (slide->days > 0) && slide->size_ms % size->size_ms == 0 &&
            slide->step_ms % size->size_ms == 0) {
            slide->part = i;
            return true;
        }
    }
    return false;
}

/* Appends one "size/step" of `size` bytes. */
static int parse_slide(struct windowset *set, const char *item, size_t size, struct buf *error)
{
    struct window_slide parsed = {0};
    const char *slash = memchr(item, '/', size);
    size_t name_size = (size_t)(slash - item);
    if (size >= sizeof parsed.name || !duration_parse(item, name_size, 1, SIZE_MAX_MS, &parsed.size_ms) ||
        !duration_parse(slash + 1, size - name_size - 1, 1, parsed.size_ms, &parsed.step_ms))
        return refuse(error, item, size, "size/step wanted, both with s, m, h or d, the step not above the size");
    memcpy(parsed.name, item, size);
    if (days_of(parsed.size_ms) && days_of(parsed.step_ms)) {
        parsed.days = days_of(parsed.size_ms);
        parsed.step_days = days_of(parsed.step_ms);
    }
    if (!find_part(set, &parsed))
        return refuse(error, item, size, "no window is there that divides size and step");
    if (set->slide_count == WINDOWSET_SLIDES_MAX)
        return refuse(error, item, size, "too many sliding windows, at most 16");
    for (size_t i = 0; i < set->slide_count; i++)
        if (set->slides[i].size_ms == parsed.size_ms && set->slides[i].step_ms == parsed.step_ms)
            return refuse(error, item, size, "this sliding window is there twice");
    set->sizes[parsed.part].sketched |= parsed.size_ms >= SKETCHED_MS;
    set->slides[set->slide_count++] = parsed;
    return 0;
}

/* The pane follows from the sizes. */
static void find_pane(struct windowset *set)
{
    int64_t pane = 0;
    for (size_t i = 0; i < set->count; i++)
        pane = gcd(pane, set->sizes[i].size_ms);
    if (set->sizes[set->count - 1].days)
        pane = gcd(pane, ZONE_QUARTER_MS);
    set->pane_ms = pane;
}

/* Parses the items of one sort: sliding ones need the sizes to be there. */
static int parse_items(struct windowset *set, const char *text, bool slides, struct buf *error)
{
    for (;; text++) {
        size_t size = strcspn(text, ",");
        if ((memchr(text, '/', size) != NULL) == slides) {
            int status = slides ? parse_slide(set, text, size, error) : parse_item(set, text, size, error);
            if (status)
                return status;
        }
        text += size;
        if (*text == '\0')
            return 0;
    }
}

int windowset_parse(struct windowset *set, const char *text, struct buf *error)
{
    memset(set, 0, sizeof *set);
    int status = parse_items(set, text, false, error);
    if (status == 0 && set->count == 0)
        status =
            refuse(error, text, strlen(text), "sliding windows are made of others: at least one size:retention wanted");
    if (status == 0) {
        find_pane(set);
        status = parse_items(set, text, true, error);
    }
    return status;
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

const struct window_slide *windowset_slide(const struct windowset *set, const char *name)
{
    for (size_t i = 0; i < set->slide_count; i++)
        if (strcmp(set->slides[i].name, name) == 0)
            return &set->slides[i];
    return NULL;
}

struct window_span window_span_of(const struct window_size *size, const struct zone *zone, int64_t key_ms)
{
    struct window_span span = {key_ms, key_ms, key_ms + size->size_ms};
    if (size->days) {
        int32_t date = (int32_t)(key_ms / DATE_DAY_MS);
        span.start_ms = civil_start_ms(zone, date);
        span.end_ms = civil_start_ms(zone, date + size->days);
    }
    return span;
}

struct window_span window_span_at(const struct window_size *size, const struct zone *zone, int64_t at_ms)
{
    int64_t local_ms = size->days ? civil_date(zone, at_ms) * DATE_DAY_MS : at_ms;
    return window_span_of(size, zone, window_start(local_ms, size->size_ms));
}

bool window_span_fits(const struct window_size *size, int64_t key_ms, int64_t start_ms, int64_t end_ms)
{
    if (!size->days)
        return start_ms == key_ms && end_ms == key_ms + size->size_ms;
    return end_ms - start_ms >= size->size_ms / 2 && start_ms >= key_ms - CIVIL_SLACK_MS &&
           end_ms <= key_ms + size->size_ms + CIVIL_SLACK_MS;
}

int64_t window_key_floor(const struct window_size *size, int64_t at_ms)
{
    return window_start(at_ms - (size->days ? CIVIL_SLACK_MS : 0), size->size_ms);
}

const char *window_key_text(const struct window_size *size, int64_t key_ms, char *out)
{
    char date[DATE_BYTES];
    if (size->days)
        snprintf(out, WINDOW_KEY_BYTES, "%s:%s", size->name, date_text((int32_t)(key_ms / DATE_DAY_MS), date));
    else
        snprintf(out, WINDOW_KEY_BYTES, "%s:%lld", size->name, (long long)key_ms);
    return out;
}
