/*
 * What is stored of a window at one moment: the window, the city's state and the ledger, read together, so that the
 * ledger's offset says of which records it is made.
 */
#ifndef CTL_STORED_H
#define CTL_STORED_H

#include "citystate.h"
#include "context.h"
#include "windowset.h"

#include <stdbool.h>
#include <stdint.h>

struct stored {
    int64_t offset, first_offset, config_version;
    bool has_city;
    struct citystate city; /* when has_city */
    bool has_window;
    struct window window; /* with the city's open panes; when has_window */
};

/* Reads the state of a city only; the rest is zero. Returns the exit code; what is wrong is said. */
int stored_city(struct context *context, int32_t partition, int64_t city_id, int32_t series, struct stored *out)
    __attribute__((warn_unused_result));
/* Reads all of it, of one window. `out` was released, or is zeroed. stored_release in every case. */
int stored_window(struct context *context, int32_t partition, int64_t city_id, int32_t series,
                  const struct window_size *size, const struct window_span *span, struct stored *out)
    __attribute__((warn_unused_result));
/* Frees what it holds; it is zeroed. */
void stored_release(struct stored *stored);

#endif
