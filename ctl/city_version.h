/*
 * The versions of the catalogue in meta (docs/contracts.md): `catalogue_version` goes up with every change that is
 * published, `catalogue_of_<shard>` is the one in which a shard changed last, and `catalogue_shards` the one for which
 * these are complete. `catalogue_pending` remembers, across a crash, that shards were written whose version was not
 * raised yet. The caller holds the lock (provision.h).
 */
#ifndef CTL_CITY_VERSION_H
#define CTL_CITY_VERSION_H

#include "context.h"
#include "installation.h"

#include <stdbool.h>
#include <stdint.h>

struct city_version {
    struct context *context; /* borrowed, as is the next */
    const struct installation *installation;
    bool pending;  /* said in meta */
    bool unknown;  /* an earlier run ended half way: any shard may have changed */
    bool *changed; /* by shard; owned */
    int32_t count; /* of changed shards */
};

/* Before the first shard is written. Returns the exit code; city_version_release in every case. */
int city_version_begin(struct city_version *version, struct context *context, const struct installation *installation)
    __attribute__((warn_unused_result));
/* The shard is about to be written. Returns the exit code. */
int city_version_touch(struct city_version *version, int32_t shard) __attribute__((warn_unused_result));
/*
 * Raises the versions, so that all read what was written; when nothing was, they stay. `number` is the version that the
 * catalogue has then. Returns the exit code.
 */
int city_version_publish(const struct city_version *version, int64_t *number) __attribute__((warn_unused_result));
/* Frees what it holds. */
void city_version_release(struct city_version *version);

#endif
