/*
 * Rows on their way to Kafka. Every record is kept until it is acknowledged and produced again when librdkafka gives up
 * on it, so nothing is lost while the process lives; how much may wait is bounded by the owner, who stops polling.
 * Records that wait at the end are counted as lost. A record that is produced again may arrive twice: readings are
 * deduplicated downstream.
 */
#ifndef ISOBAR_OUTBOX_H
#define ISOBAR_OUTBOX_H

#include "buf.h"
#include "kafka.h"
#include "log.h"
#include "loop.h"
#include "observation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox;

struct outbox_events {
    void (*room)(void *arg);                        /* records were acknowledged */
    void (*fatal)(void *arg, const char *reason);   /* the producer is unusable: the process must end */
    void (*trouble)(void *arg, const char *reason); /* Kafka is away or refuses, at most every 5 s; NULL: logged */
    void *arg;
};

/* Where it counts what became of what was sent; borrowed. */
struct outbox_counts {
    int64_t *records, *rows; /* acknowledged */
    int64_t *failures;       /* records that were not delivered and are produced again */
    int64_t *rows_lost;      /* that Kafka had not acknowledged at the end */
};

struct outbox_config {
    const char *brokers, *client_id, *topic, *compression; /* borrowed */
    struct outbox_counts counts;
};

/* NULL with text in `error`. Freed by outbox_free. */
struct outbox *outbox_new(struct loop *loop, const struct outbox_config *config, const struct outbox_events *events,
                          struct buf *error) __attribute__((warn_unused_result));
/* Drops what waits, counting and logging it, and frees. NULL allowed. */
void outbox_free(struct outbox *outbox);
/* Sends `count` rows of one shard to its partition, as batches of at most BATCH_MAX_ROWS. */
void outbox_send(struct outbox *outbox, int32_t shard, const struct observation *rows, size_t count);
/* Sends one row of kind CONTROL, which says `control`. */
void outbox_send_control(struct outbox *outbox, int32_t shard, const struct observation *row,
                         const struct control *control);
/* Records that wait for their acknowledgement. */
int64_t outbox_waiting(const struct outbox *outbox);
/* True while Kafka is known to be away: it was reported, and nothing was acknowledged since. */
bool outbox_stuck(const struct outbox *outbox);

#endif
