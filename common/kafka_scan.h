/*
 * Reads a stretch of a topic's partition, blocking: for tools that look at what is in the log. It is no member of a
 * group, commits nothing and disturbs nobody. Memory is bounded by what is fetched ahead (KAFKA_SCAN_AHEAD_BYTES).
 */
#ifndef ISOBAR_KAFKA_SCAN_H
#define ISOBAR_KAFKA_SCAN_H

#include "buf.h"
#include "kafka.h"

#include <stdbool.h>
#include <stdint.h>

#define KAFKA_SCAN_AHEAD_BYTES (4 * 1024 * 1024)

struct kafka_scan;

/* A scan of `topic` that has asked nothing yet; NULL with text in `error`. kafka_scan_free frees it. */
struct kafka_scan *kafka_scan_new(const char *brokers, const char *topic, int64_t timeout_ms, struct buf *error)
    __attribute__((warn_unused_result));
/* Closes and frees. NULL allowed. */
void kafka_scan_free(struct kafka_scan *scan);

/* What the broker says of the topic. */
struct kafka_scan_topic {
    char cluster_id[64]; /* "" when the broker has none */
    int32_t partitions;
};
/*
 * Asks for it. ERR_NOT_FOUND when there is no such topic, ERR_UNAVAILABLE, ERR_TIMEOUT; `error` gets a sentence that
 * names topic and brokers, here and below.
 */
int kafka_scan_describe(struct kafka_scan *scan, struct kafka_scan_topic *out, struct buf *error)
    __attribute__((warn_unused_result));
/* Watermarks of the partition: its records have offsets in [low, high). */
int kafka_scan_ends(struct kafka_scan *scan, int32_t partition, int64_t *low, int64_t *high, struct buf *error)
    __attribute__((warn_unused_result));
/*
 * Where to begin in [low, high) to see all from the first record with a Kafka timestamp of at least `at_ms` on: its
 * offset, or `high` when there is none, by the broker's index (ListOffsets). A broker that has no such index (the
 * development broker) answers as if there were no such record; it is found out by the last record, and then `low` is
 * the answer, which is right as well, and slower.
 */
int kafka_scan_seek(struct kafka_scan *scan, int32_t partition, int64_t at_ms, int64_t *offset, struct buf *error)
    __attribute__((warn_unused_result));

/* Takes one record, valid during the call. Returns false to end the scan. */
typedef bool kafka_scan_fn(void *arg, const struct kafka_record *record);
/*
 * Gives the records with offsets in [from, to) to `fn`, in order; what the log does not have any more is passed over.
 * 0; ERR_TIMEOUT when nothing came for the time-out, ERR_UNAVAILABLE when the broker refuses.
 */
int kafka_scan_run(struct kafka_scan *scan, int32_t partition, int64_t from, int64_t to, kafka_scan_fn *fn, void *arg,
                   struct buf *error) __attribute__((warn_unused_result));

#endif
