/*
 * The only file that includes librdkafka. A consumer that moves by incremental assign and unassign only, a
 * producer, and the questions asked of a broker. Events arrive on the loop through queue io-events; but for
 * one that sets a flag (kafka_doubt.c) no callback of ours runs on a librdkafka thread.
 *
 * Rules kept here (PROTOCOL.md, pitfalls): no subscribe, no pause or seek; auto.offset.reset=error; a fatal
 * client error is reported to the owner, who must end the process; CRC is checked; nagle is off; the fetch
 * queue is bounded in bytes over all partitions, and before librdkafka 2.2 the fetcher is woken from its
 * one-second back-off.
 */
#ifndef ISOBAR_KAFKA_H
#define ISOBAR_KAFKA_H

#include "buf.h"
#include "loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed view of one record; valid until the batch callback returns. */
struct kafka_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* broker's LogAppendTime (or CreateTime); -1 unknown */
    const void *key;
    size_t key_size;
    const void *value;
    size_t size;
};

struct kafka_config {
    const char *brokers; /* host:port,... */
    const char *client_id;
    const char *group;       /* consumer: group of the informational commits; NULL for a producer */
    int64_t fetch_memory;    /* consumer: bytes for the fetch queue over all partitions */
    int32_t partitions;      /* consumer: partitions the budget is divided by (all of the topic) */
    const char *compression; /* producer: lz4, zstd, none */
    const char *topic;       /* producer: whose first record shall not wait for the topic's leaders; NULL none */
};

/* ---- consumer ---- */
struct kafka_consumer;

/*
 * Called with 1..count records in the order of the queue; records of one partition come in offset order.
 * Return how many records were taken (<= count); the rest is kept and offered again after
 * kafka_consumer_resume (until then nothing is read from librdkafka: that is the back-pressure).
 */
typedef size_t kafka_records_fn(void *arg, const struct kafka_record *records, size_t count);
/* A partition failed for good (offset out of range, unknown partition ...): `reason` is English text. */
typedef void kafka_partition_error_fn(void *arg, int32_t partition, const char *reason);
/* The client failed (`fatal`) or no broker answers (not fatal; librdkafka goes on trying). */
typedef void kafka_error_fn(void *arg, bool fatal, const char *reason);
/*
 * Something happened to the topic or its brokers: a leader moved, a broker went away, or the topic was deleted or made
 * anew. Called before any record that was fetched after it is offered. Which partitions it concerns is not known, and
 * mostly nothing is wrong.
 */
typedef void kafka_doubt_fn(void *arg);

struct kafka_consumer_events {
    kafka_records_fn *records;
    kafka_partition_error_fn *partition_error;
    kafka_doubt_fn *doubt; /* NULL: does not matter */
    kafka_error_fn *error;
    void *arg;
};

/* A consumer of `topic` that holds nothing yet; NULL with text in `error`. Freed by kafka_consumer_free. */
struct kafka_consumer *kafka_consumer_new(struct loop *loop, const struct kafka_config *config, const char *topic,
                                          const struct kafka_consumer_events *events, struct buf *error)
    __attribute__((warn_unused_result));
/* Closes and frees. NULL allowed. Not from inside one of its callbacks. */
void kafka_consumer_free(struct kafka_consumer *consumer);
/* Starts reading `partition` at `offset`. */
int kafka_consumer_assign(struct kafka_consumer *consumer, int32_t partition, int64_t offset)
    __attribute__((warn_unused_result));
/* Stops reading it; no record of it is delivered after this call, kept ones included. */
int kafka_consumer_unassign(struct kafka_consumer *consumer, int32_t partition) __attribute__((warn_unused_result));
/* Takes the back-pressure off. */
void kafka_consumer_resume(struct kafka_consumer *consumer);
/* Writes offset (the next to read) for the group, asynchronously, for lag tools only. */
void kafka_consumer_note_offset(struct kafka_consumer *consumer, int32_t partition, int64_t offset);
/* Last known high watermark of an assigned partition, -1 unknown; does not block. */
int64_t kafka_consumer_high(struct kafka_consumer *consumer, int32_t partition);

/* Records dropped since the start because they came from an earlier assignment, out of order or after a
 * failure. */
int64_t kafka_consumer_dropped(const struct kafka_consumer *consumer);

/* A record that a check asked for. */
struct kafka_found {
    int status;    /* 0, ERR_NOT_FOUND (not in the log, or none was asked for), ERR_UNAVAILABLE, ERR_TIMEOUT */
    uint64_t hash; /* kafka_record_hash of it */
};

#define KAFKA_CHECK_RECORDS 2

/* Answer of kafka_consumer_check. */
struct kafka_check {
    int status;         /* 0, ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_NOT_FOUND (no such topic or partition) */
    int64_t low, high;  /* watermarks */
    int32_t partitions; /* of the topic */
    char cluster_id[64];
    struct kafka_found records[KAFKA_CHECK_RECORDS]; /* in the order of the offsets asked for */
};
typedef void kafka_check_fn(void *arg, const struct kafka_check *check);
/*
 * Asks the broker for cluster id, watermarks and the records at `offsets` of `partition` (-1: none), without blocking
 * the loop: a helper thread asks, with a client of its own, so the partition may be assigned meanwhile. `done` is
 * called on the loop within `timeout_ms` and some, unless the consumer is freed before.
 */
void kafka_consumer_check(struct kafka_consumer *consumer, int32_t partition,
                          const int64_t offsets[KAFKA_CHECK_RECORDS], int64_t timeout_ms, kafka_check_fn *done,
                          void *arg);
/* 64-bit hash (FNV-1a) of offset, timestamp, key and value: tells a re-created log from the one applied. */
uint64_t kafka_record_hash(const struct kafka_record *record);

/* ---- producer ---- */
struct kafka_producer;

/* `error` is NULL when the record is acknowledged, else the reason. Called on the loop, in any order. */
typedef void kafka_delivered_fn(void *arg, void *opaque, int32_t partition, int64_t offset, const char *error);

/* An idempotent producer, acks=all. NULL with text in `error`. */
struct kafka_producer *kafka_producer_new(struct loop *loop, const struct kafka_config *config,
                                          kafka_delivered_fn *delivered, kafka_error_fn *failed, void *arg,
                                          struct buf *error) __attribute__((warn_unused_result));
/*
 * Flushes for at most `flush_ms` (0: drops), then frees; `delivered` is called for every record that is still
 * pending, with a reason for those that were dropped. NULL allowed. Not from inside one of its callbacks.
 */
void kafka_producer_free(struct kafka_producer *producer, int64_t flush_ms);
/*
 * Queues a record for an explicit partition; copies key (may be NULL) and value. `timestamp_ms` 0 takes now.
 * ERR_BUSY when the local queue is full, ERR_TOO_LARGE, ERR_NOT_FOUND for an unknown topic or partition.
 * `opaque` comes back in `delivered`.
 */
int kafka_produce(struct kafka_producer *producer, const char *topic, int32_t partition, const void *key,
                  size_t key_size, const void *value, size_t size, int64_t timestamp_ms, void *opaque)
    __attribute__((warn_unused_result));
/* Records queued and not yet acknowledged. */
int kafka_producer_pending(const struct kafka_producer *producer);

/* ---- administration: these block, so only tools call them ---- */
struct kafka_topic {
    const char *name;
    int32_t partitions;
    int32_t replicas;     /* 0: min(3, brokers) */
    int64_t retention_ms; /* -1: for ever */
    bool log_append_time;
};
/*
 * Makes the topic, or accepts it when it exists with that many partitions. ERR_REFUSED when it exists with
 * another count (`*existing` tells it), ERR_UNAVAILABLE, ERR_UNSUPPORTED when the broker cannot make topics.
 * `error` gets the reason.
 */
int kafka_topic_ensure(const char *brokers, const struct kafka_topic *topic, int64_t timeout_ms, int32_t *existing,
                       struct buf *error) __attribute__((warn_unused_result));
/*
 * Cluster id and number of partitions of `topic` (0 when it does not exist). When `low` and `high` are not
 * NULL,
 * `*partitions` says on entry how many entries they have; watermarks of the partitions that fit are written.
 */
int kafka_topic_describe(const char *brokers, const char *topic, int64_t timeout_ms, char cluster_id[64],
                         int32_t *partitions, int64_t *low, int64_t *high, struct buf *error)
    __attribute__((warn_unused_result));

/* Version of the linked library, e.g. "2.0.2". */
const char *kafka_library_version(void);

#endif
