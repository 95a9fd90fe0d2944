/* See changes.h. */
#include "changes.h"

#include "log.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

void changes_init(struct changes *changes, int32_t count)
{
    *changes = (struct changes){.count = count};
    changes->now = mem_calloc((size_t)count, sizeof *changes->now);
    changes->said = mem_calloc((size_t)count, sizeof *changes->said);
}

void changes_release(struct changes *changes)
{
    free(changes->now);
    free(changes->said);
    *changes = (struct changes){0};
}

bool changes_put(struct changes *changes, int32_t partition, bool running)
{
    changes->now[partition] = running;
    return running != changes->said[partition];
}

static bool concerns(const struct changes *changes, int32_t partition, bool gained)
{
    return partition < changes->count && changes->now[partition] != changes->said[partition] &&
           changes->now[partition] == gained;
}

void changes_ranges(const struct changes *changes, bool gained, struct buf *out)
{
    size_t before = out->size;
    for (int32_t first = 0, end; first < changes->count; first = end) {
        for (end = first; concerns(changes, end, gained); end++)
            ;
        if (end == first) {
            end++;
            continue;
        }
        buf_printf(out, "%s%d", out->size > before ? "," : "", first);
        if (end - first > 1)
            buf_printf(out, "-%d", end - 1);
    }
    if (out->size == before)
        buf_text(out, "none");
}

void changes_say(struct changes *changes)
{
    struct buf gained = BUF_EMPTY, lost = BUF_EMPTY;
    int64_t running = 0;
    if (changes->count == 0 || memcmp(changes->now, changes->said, (size_t)changes->count * sizeof(bool)) == 0)
        return;
    changes_ranges(changes, true, &gained);
    changes_ranges(changes, false, &lost);
    for (int32_t p = 0; p < changes->count; p++) {
        changes->said[p] = changes->now[p];
        running += changes->now[p];
    }
    log_info("partitions", LOG_TEXT("gained", gained.data), LOG_TEXT("lost", lost.data), LOG_INT("running", running));
    buf_release(&gained);
    buf_release(&lost);
}
