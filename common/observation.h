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

#define OBSERVATION_VALUES 48 /* bits of enum Value, with a gap before the operator's own */
#define OBSERVATION_CUSTOM 32 /* bit of the first of CUSTOM_COUNT values of the operator's own */
#define CUSTOM_COUNT       16
/* The bits of enum Value that this version knows. */
#define OBSERVATION_KNOWN                                                                                              \
    (((UINT64_C(1) << (ISOBAR__V1__VALUE__NH3 + 1)) - 1) | ((UINT64_C(1) << CUSTOM_COUNT) - 1) << OBSERVATION_CUSTOM)
#define BATCH_MAX_ROWS  512
#define BATCH_MAX_BYTES (256 * 1024)
#define TIME_MAX_MS     INT64_C(253402300799999) /* end of the year 9999: adding spans to a time cannot overflow */

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
    bool of_air;                       /* observation_of_air of the values as they came; set by batch_row only */
    int32_t value[OBSERVATION_VALUES]; /* in the units of observation.proto, by Value */
};

/* Sets a value and its bit. `bit` is an isobar.v1.Value. */
void observation_set(struct observation *observation, int bit, int32_t value);
/* True when the value is known. */
bool observation_has(const struct observation *observation, int bit);
/*
 * True when known values, a bit each, are of the air alone: its quality index and components, at least one. A reading
 * of the air stands beside those of the weather: it is not one of the readings that a city should have.
 */
bool observation_of_air(uint64_t present);
/*
 * Hash of what the reading says, by which a repetition is told from a correction: Kafka's murmur2 over, for each known
 * value in ascending order of its bit, one byte with the bit and four with the value, little-endian, and then four with
 * accumulation_s. Never 0, which stands for "not known".
 */
uint32_t observation_body(const struct observation *observation);

/* What a row of kind CONTROL says (isobar.v1.Control). Text is never NULL; empty, and 0, say nothing. */
struct control {
    const char *zone;
    const char *country;
    int64_t config_version;
    int32_t interval_s;
};

/*
 * Appends the encoded batch of `rows` (1..BATCH_MAX_ROWS, else ERR_INVALID) of one shard to `out`. Cells of values
 * that are not known are written as 0, columns of zeros not at all. ERR_TOO_LARGE above the byte cap. Does not judge
 * the rows: batch_decode does.
 */
int batch_encode(const struct observation *rows, size_t count, int32_t shard, struct buf *out)
    __attribute__((warn_unused_result));

/* Appends the batch of one row of kind CONTROL, which says `control`. Errors as batch_encode. */
int batch_encode_control(const struct observation *row, const struct control *control, int32_t shard, struct buf *out)
    __attribute__((warn_unused_result));

struct batch; /* decoded; reusable */

/* An empty decoder with its arena; it costs up to 8 MiB only for hostile input. batch_free frees it. */
struct batch *batch_new(void) __attribute__((returns_nonnull, warn_unused_result));
/* Frees `batch`, which may be NULL. */
void batch_free(struct batch *batch);
/*
 * Decodes and validates `bytes`: size, format, 1..512 rows, every column 0 or rows long, kinds known, readings with a
 * city, times from 1970 to 9999. Any value passes, a humidity of 300 %, too: quality.h judges it, and until then nobody
 * may take it for what its column can mean. On failure ERR_TOO_LARGE (more than BATCH_MAX_BYTES) or ERR_INVALID with
 * `*reason` (static text), and the batch has no rows; on success `*reason` is NULL. What is decoded is valid until the
 * next decode.
 */
int batch_decode(struct batch *batch, const void *bytes, size_t size, const char **reason)
    __attribute__((warn_unused_result));
/*
 * Appends the record that puts a version of the rules (rules.h) in force from there on: one row of kind CONTROL without
 * a city. `version` is above 0.
 */
void batch_encode_version(int64_t version, int64_t at_ms, int32_t shard, struct buf *out);
/* Rows of the last decode (0 when it failed), and its shard (-1 when it failed). */
size_t batch_rows(const struct batch *batch);
int32_t batch_shard(const struct batch *batch);
/* The largest version of the rules that a control row without a city puts in force; 0: none does. */
int64_t batch_version(const struct batch *batch);
/* Copies row `index` (below batch_rows) into `out`: unknown bits of `present` are cleared, unknown values are 0. */
void batch_row(const struct batch *batch, size_t index, struct observation *out);

/*
 * What the row `index` of kind CONTROL says; when it has several controls, the last one of each fact. False when it has
 * none. Text is valid until the next decode.
 */
bool batch_control(const struct batch *batch, size_t index, struct control *out);

#endif
