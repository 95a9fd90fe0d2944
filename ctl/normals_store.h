/*
 * Normals in Redis: {p}:normals, field <city>/<metric name>. Changes happen in one transaction that also raises
 * `normals_version` in meta, so that readers see all of them or none and know that there are new ones.
 */
#ifndef CTL_NORMALS_STORE_H
#define CTL_NORMALS_STORE_H

#include "context.h"
#include "installation.h"
#include "normals_table.h"

#include <stdint.h>

#define NORMALS_FIELD_BYTES 64

/* "<city>/<metric name>" into `out`; returns it. */
const char *normals_field(int64_t city_id, int32_t metric, char out[NORMALS_FIELD_BYTES]);

/* Writes all of the table over what is there of its cities and metrics. Returns the exit code. */
int normals_write(struct context *context, const struct installation *installation, const struct normals_table *table)
    __attribute__((warn_unused_result));
/*
 * Removes those of a city (0: all of them) and a metric (0: all of the city), and writes into `*removed` how many there
 * were. Returns the exit code.
 */
int normals_remove(struct context *context, const struct installation *installation, int64_t city_id, int32_t metric,
                   int64_t *removed) __attribute__((warn_unused_result));

/* Takes one that is stored, of `size` bytes; `normals` NULL: it is damaged, and only its field is known. */
typedef void normals_fn(void *arg, const char *field, const struct normals *normals, size_t size);
/* Gives all of a city (0: all of them) to `fn`, by partition. Returns the exit code. */
int normals_each(struct context *context, const struct installation *installation, int64_t city_id, normals_fn *fn,
                 void *arg) __attribute__((warn_unused_result));

#endif
