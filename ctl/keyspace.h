/*
 * Finds the keys of closed panes and windows by SCAN, of all partitions in one pass: the cursor walks over
 * the whole Redis anyway.
 */
#ifndef CTL_KEYSPACE_H
#define CTL_KEYSPACE_H

#include "context.h"
#include "installation.h"

#include <stddef.h>
#include <stdint.h>

#define KEYSPACE_PANE    (-1)
#define KEYSPACE_UNKNOWN (-2) /* a window of a size that the installation has not */
#define KEYSPACE_FORMER  (-4) /* a window of a size that other rules had: nobody adds to it */
#define KEYSPACE_UTC_DAY (-3) /* a window of days by UTC, as made before there were civil ones: left aside */

struct keyspace_key {
    int32_t partition;
    int32_t size;     /* index into the installation's windows, or one of the above */
    int64_t start_ms; /* of a window: its key (windowset.h) */
};

struct keyspace {
    struct keyspace_key *keys; /* owned; ascending by partition, size, start; each once */
    size_t count;
};

/* Fills `keyspace`; returns the exit code. Keys that come or go meanwhile may be missing. keyspace_release in
 * every case. */
int keyspace_read(struct context *context, const struct installation *installation, struct keyspace *keyspace)
    __attribute__((warn_unused_result));
/* Frees the keys. */
void keyspace_release(struct keyspace *keyspace);
/* Writes the key's name into `out` (CONTEXT_KEY_BYTES); returns it. Only for panes and known
 * windows. */
const char *keyspace_name(const struct context *context, const struct installation *installation,
                          const struct keyspace_key *key, char *out);
/*
 * What a key is, by its name: false for keys of other kinds, of partitions that do not exist, or under
 * another prefix.
 */
bool keyspace_parse(const char *prefix, const struct installation *installation, const char *name,
                    struct keyspace_key *out);
/* Appends `text` as a pattern of SCAN that matches exactly it. */
void keyspace_escape(const char *text, struct buf *out);

#endif
