/*
 * Rows and records that could not be used, sent to the dead-letter topic with the reason and the original bytes.
 * Delivery is at least once and comes before the commit that passes the record: a session commits only while none of
 * its letters is on the way. Tools deduplicate on the key topic/partition/offset/row.
 */
#ifndef WORKER_DEADLETTER_H
#define WORKER_DEADLETTER_H

#include "kafka.h"
#include "metrics.h"

#include <stdint.h>

#define DEADLETTER_ORIGINAL_MAX (64 * 1024) /* bytes of the original that are kept */

struct deadletters;

struct deadletter_config {
    struct loop *loop;
    const char *brokers, *client_id, *topic;
    struct worker_metrics *metrics;
    void (*settled)(void *arg, int64_t *pending); /* `*pending` has become 0 */
    void (*fatal)(void *arg, const char *reason); /* the producer will never work again: the process must end */
    void *arg;
};

/* Owns the worker's producer, which ticks use too. NULL with text in `error`. */
struct deadletters *deadletters_new(const struct deadletter_config *config, struct buf *error)
    __attribute__((warn_unused_result));
/* Flushes for at most `flush_ms`, then frees. NULL allowed. */
void deadletters_free(struct deadletters *letters, int64_t flush_ms);
/*
 * Sends one; `*pending` is raised now and lowered when the broker has acknowledged. It is tried again until then.
 * `pending` must outlive the delivery, or be given up with deadletters_forget.
 */
void deadletters_send(struct deadletters *letters, const char *reason, const struct kafka_record *record, int64_t row,
                      int64_t *pending);
/* Nobody waits for `pending` any more: it will not be touched. */
void deadletters_forget(struct deadletters *letters, const int64_t *pending);
/* Produces one tick for the partition. Not tried again: the next one comes anyway. */
void deadletters_tick(struct deadletters *letters, const char *topic, int32_t partition, int64_t now_ms);

#endif
