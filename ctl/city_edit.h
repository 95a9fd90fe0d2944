/*
 * Changes of single cities of the catalogue in Redis: they are written shard by shard, entered into the audit stream,
 * and take effect together when the versions go up (city_version.h). The caller holds the lock (provision.h).
 */
#ifndef CTL_CITY_EDIT_H
#define CTL_CITY_EDIT_H

#include "city_row.h"
#include "context.h"
#include "installation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct city_edit {
    int64_t id;
    const struct city_row *row; /* as it shall be, borrowed; NULL: the city goes */
    bool paused;
    int32_t shard; /* filled by city_edit_write */
};

/* What the audit stream is told. */
struct city_note {
    const char *what, *detail;
};

/*
 * Writes the edits, each of another city, which it sorts by shard. `version` is that of the catalogue afterwards.
 * Returns the exit code. When it ends half way nothing takes effect before the next call, which publishes that too,
 * even with no edits of its own.
 */
int city_edit_write(struct context *context, const struct installation *installation, struct city_edit *edits,
                    size_t count, const struct city_note *note, int64_t *version) __attribute__((warn_unused_result));

#endif
