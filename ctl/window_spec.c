/* See window_spec.h. */
#include "window_spec.h"

#include "error.h"
#include "moment.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

/* The size of `length` bytes of text; the count when there is none. */
static size_t size_of(const struct windowset *windows, const char *text, size_t length)
{
    size_t i = 0;
    while (i < windows->count &&
           (strlen(windows->sizes[i].name) != length || strncmp(windows->sizes[i].name, text, length) != 0))
        i++;
    return i;
}

static int no_size(const char *text, size_t length, const struct windowset *windows, struct buf *error)
{
    size_t from = error->size;
    buf_printf(error, "\"%.*s\" is no window of this installation: it has", (int)(length > 40 ? 40 : length), text);
    for (size_t i = 0; i < windows->count; i++)
        buf_printf(error, "%s %s", i ? "," : "", windows->sizes[i].name);
    text_tame(error, from);
    return ERR_INVALID;
}

int window_spec_parse(struct window_spec *spec, const char *text, const struct windowset *windows,
                      const struct zone *zone, int64_t newest_ms, struct buf *error)
{
    size_t length = strcspn(text, "@");
    const char *when = text[length] ? text + length + 1 : NULL;
    int64_t at_ms = newest_ms, days;
    spec->size = size_of(windows, text, length);
    if (spec->size == windows->count)
        return no_size(text, length, windows, error);
    const struct window_size *size = &windows->sizes[spec->size];
    if (when && size->days > 0 && moment_date(when, &days) == 0) {
        int64_t key_ms = window_start(days * DAY_MS, size->days * DAY_MS);
        spec->span = window_span_of(size, zone, key_ms);
        return 0;
    }
    if (when && (strchr("0123456789", *when) == NULL || strlen(when) < 10 || moment_parse(when, 0, &at_ms) != 0)) {
        size_t from = error->size;
        buf_printf(error, "\"%.40s\": a time in the window wanted, such as %s@2026-11-30%s", when, size->name,
                   size->days > 0 ? "" : "T12:00Z");
        text_tame(error, from);
        return ERR_INVALID;
    }
    spec->span = window_span_at(size, zone, at_ms);
    return 0;
}
