/*
 * Consumer and producer (kafka.h) on the simulated log. Records are offered in batches over the partitions assigned,
 * some milliseconds after they were appended; a broker that is away answers nothing and fails what is asked of it.
 */
#include "feed.h"
#include "process.h"

#include "error.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BATCH 16

struct check {
    struct event event;
    struct kafka_consumer *consumer;
    kafka_check_fn *done;
    void *arg;
    int32_t partition;
    int64_t offsets[KAFKA_CHECK_RECORDS];
    struct check *prev, *next;
};

struct kafka_consumer {
    struct node *node;
    struct kafka_consumer_events events;
    bool assigned[PARTITIONS_MAX], blocked;
    bool doubt; /* told of before the next records */
    int64_t positions[PARTITIONS_MAX];
    int64_t failed[PARTITIONS_MAX]; /* offset for which it failed; it fails there once */
    struct event poll;
    struct check *checks;
};

/* The simulated consumer of the life before does not fail a second time where that one did. */
static int64_t failed_before[NODES_MAX][PARTITIONS_MAX];

static bool broker_away(void)
{
    return world.broker_down_ms > world.now_ms;
}

/* ---- consumer ---- */

static void want(struct kafka_consumer *consumer)
{
    if (consumer->poll.place == 0 && !consumer->blocked)
        event_at(&consumer->poll, world.now_ms + between(0, 8));
}

/* Puts up to BATCH records of the partitions, from `first` on and around, into `out`. */
static size_t gather(const struct kafka_consumer *consumer, int32_t first, struct kafka_record *out)
{
    size_t count = 0;
    for (int32_t i = 0; i < world.partitions; i++) {
        int32_t p = (first + i) % world.partitions;
        const struct feed *feed = &feeds[p];
        bool offered = consumer->assigned[p] && !(consumer->node->wedged >> p & 1);
        size_t at = offered ? feed_find(feed, consumer->positions[p]) : feed->count;
        size_t limit = (size_t)between(1, BATCH);
        for (size_t n = 0; n < limit && count < BATCH && at + n < feed->count; n++) {
            const struct feed_record *record = &feed->records[at + n];
            out[count++] = (struct kafka_record){.topic = TOPIC,
                                                 .partition = p,
                                                 .offset = record->offset,
                                                 .timestamp_ms = record->timestamp_ms,
                                                 .value = record->value,
                                                 .size = record->size};
        }
    }
    return count;
}

/* What another owner has passed may have been deleted meanwhile, and a log made anew may be shorter. */
static void report_out_of_range(struct kafka_consumer *consumer)
{
    for (int32_t p = 0; p < world.partitions; p++) {
        if (!consumer->assigned[p] ||
            (consumer->positions[p] >= feeds[p].low && consumer->positions[p] <= feeds[p].high))
            continue;
        consumer->assigned[p] = false;
        consumer->events.partition_error(consumer->events.arg, p, "offset out of range");
    }
}

static void on_poll(struct event *event)
{
    struct kafka_consumer *consumer =
        (struct kafka_consumer *)(void *)((char *)event - offsetof(struct kafka_consumer, poll));
    struct kafka_record records[BATCH];
    if (broker_away()) {
        consumer->doubt = true;
        event_at(event, world.broker_down_ms);
        return;
    }
    if (consumer->doubt) {
        consumer->doubt = false;
        consumer->events.doubt(consumer->events.arg);
    }
    report_out_of_range(consumer);
    size_t count = gather(consumer, (int32_t)between(0, world.partitions - 1), records);
    if (count == 0)
        return;
    size_t taken = consumer->events.records(consumer->events.arg, records, count);
    for (size_t i = 0; i < taken; i++) {
        if (consumer->assigned[records[i].partition] && consumer->positions[records[i].partition] <= records[i].offset)
            consumer->positions[records[i].partition] = records[i].offset + 1;
    }
    consumer->blocked = taken < count;
    want(consumer);
}

void consumer_doubt(struct kafka_consumer *consumer)
{
    consumer->doubt = true;
    want(consumer);
}

void consumer_hint(struct kafka_consumer *consumer, int32_t partition)
{
    if (partition < 0 || consumer->assigned[partition])
        want(consumer);
}

struct kafka_consumer *kafka_consumer_new(struct loop *loop, const struct kafka_config *config, const char *topic,
                                          const struct kafka_consumer_events *events, struct buf *error)
{
    (void)config, (void)topic, (void)error;
    struct kafka_consumer *consumer = mem_alloc(sizeof *consumer);
    consumer->node = loop->node;
    consumer->events = *events;
    consumer->poll = (struct event){.fn = on_poll, .node = loop->node};
    loop->node->consumer = consumer;
    if (loop->node->lives == 1)
        memset(failed_before[loop->node->index], -1, sizeof *failed_before);
    return consumer;
}

void kafka_consumer_free(struct kafka_consumer *consumer)
{
    if (!consumer)
        return;
    event_cancel(&consumer->poll);
    while (consumer->checks) {
        struct check *check = consumer->checks;
        DL_DELETE(consumer->checks, check);
        event_cancel(&check->event);
        free(check);
    }
    consumer->node->consumer = NULL;
    free(consumer);
}

int kafka_consumer_assign(struct kafka_consumer *consumer, int32_t partition, int64_t offset)
{
    consumer->assigned[partition] = true;
    consumer->positions[partition] = offset;
    if (world.mutant == MUTANT_RESET && chance(50))
        consumer->positions[partition] = feeds[partition].high;
    want(consumer);
    return 0;
}

int kafka_consumer_unassign(struct kafka_consumer *consumer, int32_t partition)
{
    consumer->assigned[partition] = false;
    return 0;
}

void kafka_consumer_resume(struct kafka_consumer *consumer)
{
    consumer->blocked = false;
    want(consumer);
}

void kafka_consumer_note_offset(struct kafka_consumer *consumer, int32_t partition, int64_t offset)
{
    (void)consumer, (void)partition, (void)offset;
}

int64_t kafka_consumer_high(struct kafka_consumer *consumer, int32_t partition)
{
    return consumer->assigned[partition] && !broker_away() ? feeds[partition].high : -1;
}

void consumer_fail(struct kafka_consumer *consumer)
{
    int32_t p = (int32_t)between(0, world.partitions - 1);
    int64_t *before = &failed_before[consumer->node->index][p];
    if (!consumer->assigned[p] || *before >= consumer->positions[p])
        return;
    *before = feeds[p].high; /* not twice at one offset: that would stop the partition for good */
    consumer->assigned[p] = false;
    note("%s cannot read partition %d", consumer->node->id, p);
    world.current = consumer->node;
    consumer->events.partition_error(consumer->events.arg, p, "simulated");
}

/* ---- check ---- */

static void find(int32_t partition, int64_t offset, struct kafka_found *found)
{
    const struct feed *feed = &feeds[partition];
    size_t at = offset >= feed->low ? feed_find(feed, offset) : feed->count;
    found->status = ERR_NOT_FOUND;
    if (at == feed->count || feed->records[at].offset != offset)
        return;
    struct kafka_record record = {.topic = TOPIC,
                                  .partition = partition,
                                  .offset = offset,
                                  .timestamp_ms = feed->records[at].timestamp_ms,
                                  .value = feed->records[at].value,
                                  .size = feed->records[at].size};
    found->status = 0;
    found->hash = kafka_record_hash(&record);
}

static void look_up(const struct check *check, struct kafka_check *answer)
{
    const struct feed *feed = &feeds[check->partition];
    answer->low = feed->low;
    answer->high = feed->high;
    answer->partitions = world.partitions;
    memcpy(answer->cluster_id, CLUSTER, sizeof CLUSTER);
    for (size_t i = 0; i < KAFKA_CHECK_RECORDS; i++)
        find(check->partition, check->offsets[i], &answer->records[i]);
}

static void on_check(struct event *event)
{
    struct check *check = (struct check *)(void *)event;
    struct kafka_consumer *consumer = check->consumer;
    struct kafka_check answer = {.status = broker_away() || fault(world.odds.broker_error) ? ERR_TIMEOUT : 0};
    if (answer.status == 0)
        look_up(check, &answer);
    DL_DELETE(consumer->checks, check);
    check->done(check->arg, &answer);
    free(check);
}

void kafka_consumer_check(struct kafka_consumer *consumer, int32_t partition,
                          const int64_t offsets[KAFKA_CHECK_RECORDS], int64_t timeout_ms, kafka_check_fn *done,
                          void *arg)
{
    (void)timeout_ms;
    struct check *check = mem_alloc(sizeof *check);
    *check = (struct check){.event = {.fn = on_check, .node = consumer->node},
                            .consumer = consumer,
                            .done = done,
                            .arg = arg,
                            .partition = partition};
    memcpy(check->offsets, offsets, sizeof check->offsets);
    DL_APPEND(consumer->checks, check);
    event_at(&check->event, world.now_ms + between(1, 20));
}

/* ---- producer ---- */

struct delivery {
    struct event event;              /* at the broker (no node), then the report (the node's) */
    struct kafka_producer *producer; /* NULL: nobody waits for the report */
    void *opaque;
    bool letter, reported, appended;
    char key[320];
    int32_t partition;
    int64_t offset;
    char *value;
    size_t size;
    struct delivery *prev, *next;
};

struct kafka_producer {
    struct node *node;
    kafka_delivered_fn *delivered;
    void *arg;
    struct delivery *deliveries;
};

static void delivery_free(struct delivery *delivery)
{
    free(delivery->value);
    free(delivery);
}

static void drop_delivery(struct event *event)
{
    delivery_free((struct delivery *)(void *)event);
}

static void report(struct delivery *delivery, const char *error)
{
    struct kafka_producer *producer = delivery->producer;
    DL_DELETE(producer->deliveries, delivery);
    producer->delivered(producer->arg, delivery->opaque, delivery->partition, delivery->offset, error);
    delivery_free(delivery);
}

static void append(struct delivery *delivery)
{
    if (broker_away() || fault(world.odds.broker_error))
        return;
    delivery->appended = true;
    if (delivery->letter)
        feed_letter(delivery->key);
    else
        delivery->offset = feed_append(delivery->partition, delivery->value, delivery->size);
}

static void on_delivery(struct event *event)
{
    struct delivery *delivery = (struct delivery *)(void *)event;
    if (!delivery->reported) {
        delivery->reported = true;
        append(delivery);
        if (!delivery->producer) {
            delivery_free(delivery);
            return;
        }
        event->node = delivery->producer->node;
        event_at(event, world.now_ms + between(0, 3));
    } else {
        report(delivery, delivery->appended ? NULL : "simulated");
    }
}

struct kafka_producer *kafka_producer_new(struct loop *loop, const struct kafka_config *config,
                                          kafka_delivered_fn *delivered, kafka_error_fn *failed, void *arg,
                                          struct buf *error)
{
    (void)config, (void)failed, (void)error;
    struct kafka_producer *producer = mem_alloc(sizeof *producer);
    *producer = (struct kafka_producer){.node = loop->node, .delivered = delivered, .arg = arg};
    return producer;
}

void kafka_producer_free(struct kafka_producer *producer, int64_t flush_ms)
{
    (void)flush_ms;
    if (!producer)
        return;
    while (producer->deliveries) {
        struct delivery *delivery = producer->deliveries;
        if (delivery->reported || chance(500)) { // NOLINT(clang-analyzer-unix.Malloc): what was freed is off the list
            event_cancel(&delivery->event);
            report(delivery, "dropped");
            continue;
        }
        /* On its way to the broker: it may still get there. */
        DL_DELETE(producer->deliveries, delivery);
        delivery->producer = NULL;
        producer->delivered(producer->arg, delivery->opaque, delivery->partition, -1, "dropped");
    }
    free(producer);
}

int kafka_produce(struct kafka_producer *producer, const char *topic, int32_t partition, const void *key,
                  size_t key_size, const void *value, size_t size, int64_t timestamp_ms, void *opaque)
{
    (void)timestamp_ms;
    if (fault(world.odds.broker_error))
        return ERR_BUSY;
    struct delivery *delivery = mem_alloc(sizeof *delivery);
    *delivery = (struct delivery){.event = {.fn = on_delivery, .drop = drop_delivery},
                                  .producer = producer,
                                  .opaque = opaque,
                                  .letter = strcmp(topic, LETTER_TOPIC) == 0,
                                  .partition = partition,
                                  .offset = -1,
                                  .value = mem_dup(value, size),
                                  .size = size};
    if (key_size < sizeof delivery->key && key)
        memcpy(delivery->key, key, key_size);
    DL_APPEND(producer->deliveries, delivery);
    event_at(&delivery->event, world.now_ms + between(1, 5));
    return 0;
}
