/*
 * A namespace: all keys of one installation under its prefix. What isobarctl replay does to the one it fills: the
 * catalogue and the cities' facts of another one are copied into it, and it is removed as a whole. Keys of other
 * prefixes are never touched, also not those that begin with this one.
 */
#ifndef CTL_NAMESPACE_H
#define CTL_NAMESPACE_H

#include "context.h"
#include "installation.h"

#include <stdbool.h>
#include <stdint.h>

/* Copies the catalogue and its version, shard by shard. Returns the exit code; what fails is said by `from`'s context.
 */
int namespace_copy_cities(struct context *from, struct context *into, const struct installation *installation)
    __attribute__((warn_unused_result));
/*
 * Makes states of cities in `into` that know of each city what control records said before the stretch that is
 * replayed: its zone, interval and country, as they are known now. Call before a worker reads it. Returns the exit
 * code.
 */
int namespace_copy_facts(struct context *from, struct context *into, const struct installation *installation)
    __attribute__((warn_unused_result));
/* True when `key` is one of an installation's under the prefix. Pure. */
bool namespace_has(const char *prefix, const char *key);
/* Removes all keys of the context's namespace; `*removed` counts them. Returns the exit code. */
int namespace_remove(struct context *context, int64_t *removed) __attribute__((warn_unused_result));

#endif
