/*
 * One observation as a struct, and the columnar batch on the wire (proto/observation.proto). Writers: fetcher,
 * tick of the worker, isobarctl produce. Reader: worker. A value that is not known has its bit in `present`
 * clear and is 0 in `value`.
 */
#ifndef ISOBAR_OBSERVATION_H
#define ISOBAR_OBSERVATION_H

#include "buf.h"

#include "observation.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBSERVATION_VALUES 24 /* bits of enum Value */
#define BATCH_MAX_ROWS     512
#define BATCH_MAX_BYTES    (256 * 1024)

struct observation {
    int64_t city_id;
    int64_t observed_at_ms;
    int64_t fetched_at_ms;
    uint64_t present; /* bit per isobar.v1.Value */
    int64_t quality;
    int32_t kind;     /* isobar.v1.RowKind */
    int32_t provider; /* isobar.v1.Provider */
    int32_t series;
    int32_t accumulation_s;
    int32_t value[OBSERVATION_VALUES]; /* in the units of observation.proto, by Value */
};

/* Sets a value and its bit. `bit` is an isobar.v1.Value. */
void observation_set(struct observation *observation, int bit, int32_t value);
/* True when the value is known. */
bool observation_has(const struct observation *observation, int bit);

/* Appends the encoded batch of `rows` (1..BATCH_MAX_ROWS) of one shard to `out`. ERR_TOO_LARGE above the byte cap. */
int batch_encode(const struct observation *rows, size_t count, int32_t shard, struct buf *out)
    __attribute__((warn_unused_result));

struct batch; /* decoded; reusable */

/* An empty decoder with its arena. */
struct batch *batch_new(void);
void batch_free(struct batch *batch);
/*
 * Decodes and validates `bytes`: size, format, 1..512 rows, every column 0 or rows long, kinds known, times >= 0, values
 * inside their type's sane range (wind direction 0..35999 ...). On failure ERR_INVALID or ERR_TOO_LARGE with `*reason`
 * (static text). What is decoded is valid until the next decode.
 */
int batch_decode(struct batch *batch, const void *bytes, size_t size, const char **reason)
    __attribute__((warn_unused_result));
/* Rows of the last decode, and its shard. */
size_t batch_rows(const struct batch *batch);
int32_t batch_shard(const struct batch *batch);
/* Copies row `index` into `out`. */
void batch_row(const struct batch *batch, size_t index, struct observation *out);

#endif
