/* See live.h: what is said in events and asked in requests, without a stream. */
#include "live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_BYTES 24

void live_event(struct buf *out, const char *event, const char *id, const struct buf *data)
{
    buf_printf(out, "event: %s\nid: %s\ndata: ", event, id);
    buf_append(out, data->data, data->size);
    buf_text(out, "\n\n");
}

bool live_id_version(const char *id, int64_t started_ms, uint64_t *version)
{
    char start[START_BYTES], *end = NULL;
    int size = snprintf(start, sizeof start, "%llx-", (unsigned long long)started_ms);
    if (strncmp(id, start, (size_t)size) != 0 || id[size] < '0' || id[size] > '9')
        return false;
    errno = 0;
    *version = strtoull(id + size, &end, 10);
    return errno == 0 && *end == '\0';
}

bool live_resolve(struct window_size *size, const char *windows)
{
    struct windowset set;
    struct buf error = BUF_EMPTY;
    bool good = windowset_parse(&set, windows, &error) == 0 && set.count > 0;
    const struct window_size *found = NULL;
    if (good)
        found = size->name[0] ? windowset_find(&set, size->name) : &set.sizes[0];
    if (found)
        *size = *found;
    buf_release(&error);
    return found != NULL;
}
