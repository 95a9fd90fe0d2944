/* See outbox.h. */
#include "outbox.h"

#include "error.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS     500
#define SAY_EVERY_MS 5000

struct record {
    struct outbox *owner;
    char *bytes;
    size_t size;
    int64_t rows;
    int32_t shard;
    bool idle; /* not with librdkafka: waits for the retry timer */
    struct record *previous, *next;
};

struct outbox {
    struct loop *loop;
    struct loop_timer *retry;
    struct kafka_producer *producer;
    struct outbox_config config;
    struct outbox_events events;
    struct record *first, *last; /* oldest and newest */
    int64_t waiting;
    struct buf batch;
    struct log_limit limit;
    bool stuck, freeing;
};

static void record_free(struct record *record)
{
    struct outbox *outbox = record->owner;
    if (record->previous)
        record->previous->next = record->next;
    else
        outbox->first = record->next;
    if (record->next)
        record->next->previous = record->previous;
    else
        outbox->last = record->previous;
    outbox->waiting--;
    free(record->bytes);
    free(record);
}

static void complain(struct outbox *outbox, const char *event, const char *reason)
{
    int64_t suppressed = 0;
    if (outbox->freeing || !log_limit_pass(&outbox->limit, loop_now_ms(outbox->loop), SAY_EVERY_MS, &suppressed))
        return;
    if (outbox->events.trouble)
        outbox->events.trouble(outbox->events.arg, reason);
    else
        log_warn(event, LOG_TEXT("brokers", outbox->config.brokers), LOG_TEXT("topic", outbox->config.topic),
                 LOG_TEXT("reason", reason), LOG_INT("waiting", outbox->waiting), LOG_INT("suppressed", suppressed));
}

static void produce(struct record *record)
{
    struct outbox *outbox = record->owner;
    int status = kafka_produce(outbox->producer, outbox->config.topic, record->shard, NULL, 0, record->bytes,
                               record->size, 0, record);
    record->idle = status != 0;
    if (status == 0)
        return;
    if (status != ERR_BUSY)
        complain(outbox, "not_produced", error_name(status));
    if (!loop_timer_armed(outbox->retry))
        loop_timer_set(outbox->retry, RETRY_MS, 0);
}

static void on_retry(void *arg)
{
    struct outbox *outbox = arg;
    for (struct record *record = outbox->first; record; record = record->next) {
        if (record->idle)
            produce(record);
    }
}

static void on_delivered(void *arg, void *opaque, int32_t partition, int64_t offset, const char *error)
{
    struct outbox *outbox = arg;
    struct record *record = opaque;
    (void)partition, (void)offset;
    if (error) {
        ++*outbox->config.counts.failures;
        complain(outbox, "not_delivered", error);
        record->idle = true;
        if (!outbox->freeing && !loop_timer_armed(outbox->retry))
            loop_timer_set(outbox->retry, RETRY_MS, 0);
        return;
    }
    ++*outbox->config.counts.records;
    *outbox->config.counts.rows += record->rows;
    record_free(record);
    if (outbox->stuck && !outbox->freeing && !outbox->events.trouble)
        log_info("kafka_up", LOG_TEXT("brokers", outbox->config.brokers), LOG_INT("waiting", outbox->waiting));
    outbox->stuck = false;
    if (!outbox->freeing)
        outbox->events.room(outbox->events.arg);
}

static void on_failed(void *arg, bool fatal, const char *reason)
{
    struct outbox *outbox = arg;
    if (outbox->freeing)
        return;
    outbox->stuck = true;
    if (fatal)
        outbox->events.fatal(outbox->events.arg, reason);
    else
        complain(outbox, "kafka_unavailable", reason);
}

struct outbox *outbox_new(struct loop *loop, const struct outbox_config *config, const struct outbox_events *events,
                          struct buf *error)
{
    struct outbox *outbox = mem_alloc(sizeof *outbox);
    struct kafka_config kafka = {.brokers = config->brokers,
                                 .client_id = config->client_id,
                                 .compression = config->compression,
                                 .topic = config->topic};
    outbox->loop = loop;
    outbox->config = *config;
    outbox->events = *events;
    buf_init(&outbox->batch);
    outbox->retry = loop_timer_new(loop, on_retry, outbox);
    outbox->producer = kafka_producer_new(loop, &kafka, on_delivered, on_failed, outbox, error);
    if (!outbox->producer) {
        outbox_free(outbox);
        return NULL;
    }
    return outbox;
}

void outbox_free(struct outbox *outbox)
{
    int64_t rows = 0;
    if (!outbox)
        return;
    outbox->freeing = true;
    kafka_producer_free(outbox->producer, 0);
    int64_t records = outbox->waiting;
    for (struct record *record = outbox->first, *next; record; record = next) {
        next = record->next;
        rows += record->rows;
        record_free(record);
    }
    *outbox->config.counts.rows_lost += rows;
    if (records > 0 && !outbox->events.trouble)
        log_error("rows_lost", LOG_INT("rows", rows), LOG_INT("records", records),
                  LOG_TEXT("brokers", outbox->config.brokers),
                  LOG_TEXT("reason", "Kafka did not acknowledge them before the end"));
    loop_timer_free(outbox->retry);
    buf_release(&outbox->batch);
    free(outbox);
}

/* Sends what was encoded, or tells that it could not be. */
static void send_encoded(struct outbox *outbox, int32_t shard, size_t count, int status)
{
    if (status != 0) {
        *outbox->config.counts.rows_lost += (int64_t)count; /* cannot be: 512 rows have at most 120 KiB */
        log_error("batch_not_encoded", LOG_INT("rows", count), LOG_INT("shard", shard));
        return;
    }
    struct record *record = mem_alloc(sizeof *record);
    record->owner = outbox;
    record->bytes = mem_dup(outbox->batch.data, outbox->batch.size);
    record->size = outbox->batch.size;
    record->rows = (int64_t)count;
    record->shard = shard;
    record->previous = outbox->last;
    if (outbox->last)
        outbox->last->next = record;
    else
        outbox->first = record;
    outbox->last = record;
    outbox->waiting++;
    produce(record);
}

void outbox_send(struct outbox *outbox, int32_t shard, const struct observation *rows, size_t count)
{
    for (size_t at = 0; at < count; at += BATCH_MAX_ROWS) {
        size_t some = count - at < BATCH_MAX_ROWS ? count - at : BATCH_MAX_ROWS;
        buf_reset(&outbox->batch);
        send_encoded(outbox, shard, some, batch_encode(rows + at, some, shard, &outbox->batch));
    }
}

void outbox_send_control(struct outbox *outbox, int32_t shard, const struct observation *row,
                         const struct control *control)
{
    buf_reset(&outbox->batch);
    send_encoded(outbox, shard, 1, batch_encode_control(row, control, shard, &outbox->batch));
}

int64_t outbox_waiting(const struct outbox *outbox)
{
    return outbox->waiting;
}

bool outbox_stuck(const struct outbox *outbox)
{
    return outbox->stuck;
}
