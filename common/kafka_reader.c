/*
 * Reads the consumer's queue: takes batches from it, judges each record and offers them to the owner. What
 * the owner does not take is kept, and nothing more is read until it asks: the queue fills up, librdkafka
 * stops fetching, and that is the back-pressure.
 *
 * Back-off: when the queue is full at the moment librdkafka decides whether to fetch, it sleeps for a second.
 * From 2.2 on fetch.queue.backoff.ms shortens that. Before, the broker threads must be woken once the queue
 * has been read down: rd_kafka_sasl_set_credentials does just that, without blocking and without a request to
 * the broker (the credentials are those of a mechanism that is not in use). It is called after each quarter
 * of a full queue that was read, so never while idle. Rejected: a thread that asks for watermarks every 10
 * ms, which has the same effect for a request to the broker each time.
 *
 * It knows nothing about what is in a record.
 */
#include "kafka_internal.h"

#include "error.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_RECORDS    2048 /* per round of the loop, so that other sources get their turn */
#define ROUND_BYTES      (4 * 1024 * 1024)
#define EVENTS_PER_ROUND 64
#define LOG_EVERY_MS     5000

static void fail_part(struct kafka_consumer *consumer, struct kafka_part *part, const char *reason)
{
    if (part->failed) {
        return;
    }
    part->failed = true;
    part->position.failed = true;
    part->error = mem_strdup(reason);
    consumer->has_errors = true;
}

/* Errors that librdkafka reports and then either skips records or stays silent. */
static bool ends_partition(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return true;
    default:
        return false;
    }
}

static void take_error(struct kafka_consumer *consumer, const rd_kafka_message_t *message)
{
    struct kafka_part *part = message->rkt == NULL ? NULL : kafka_consumer_part(consumer, message->partition);
    const char *reason = rd_kafka_message_errstr(message);
    char text[512];
    int64_t suppressed;

    if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t code = rd_kafka_fatal_error(consumer->client.rk, text, sizeof(text));
        consumer->events.error(consumer->events.arg, true, code ? text : reason);
        return;
    }
    if (part != NULL && ends_partition(message->err)) {
        /* An out-of-range error carries no version: one of an earlier assignment is told by its offset. */
        bool stale = message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET &&
                     !kafka_position_concerns(&part->position, message->offset);
        if (part->assigned && !stale) {
            fail_part(consumer, part, reason);
        }
        return;
    }
    if (log_limit_pass(&consumer->client.limit, loop_now_ms(consumer->client.loop), LOG_EVERY_MS, &suppressed)) {
        log_warn("kafka_consumer", LOG_INT("partition", message->partition), LOG_TEXT("reason", reason),
                 LOG_INT("suppressed", suppressed));
    }
}

/* The partition in "<topic> [<partition>]: …", −1 when the text is not of that form. */
static int32_t named_partition(const char *topic, const char *text)
{
    size_t size = strlen(topic);
    char *end = NULL;
    long partition;

    if (strncmp(text, topic, size) != 0 || strncmp(text + size, " [", 2) != 0) {
        return -1;
    }
    partition = strtol(text + size + 2, &end, 10);
    return *end == ']' && partition >= 0 && partition < KAFKA_PARTITIONS_MAX ? (int32_t)partition : -1;
}

void kafka_reader_error(rd_kafka_t *rk, int code, const char *reason, void *arg)
{
    struct kafka_consumer *consumer = arg;
    struct kafka_part *part = kafka_consumer_part(consumer, named_partition(consumer->topic, reason));

    (void)rk;
    if (part == NULL || !ends_partition((rd_kafka_resp_err_t)code)) {
        log_warn("kafka_consumer", LOG_TEXT("reason", reason));
    } else if (part->assigned) {
        fail_part(consumer, part, reason);
    }
}

static void rewind_part(struct kafka_consumer *consumer, struct kafka_part *part, int32_t partition)
{
    part->rewound = consumer->pulls;
    log_debug("kafka_rewind", LOG_INT("partition", partition), LOG_INT("offset", part->position.next),
              LOG_INT("seen", part->position.confirm));
    if (kafka_consumer_rewind(consumer, partition, part->position.next) != 0) {
        fail_part(consumer, part, "cannot be read again from its offset");
    }
}

/* True when the record is to be delivered. */
static bool admit(struct kafka_consumer *consumer, const rd_kafka_message_t *message)
{
    struct kafka_part *part = kafka_consumer_part(consumer, message->partition);

    if (part != NULL && part->assigned && part->rewound != consumer->pulls) {
        switch (kafka_position_admit(&part->position, message->offset)) {
        case KAFKA_DELIVER:
            return true;
        case KAFKA_REWIND:
            rewind_part(consumer, part, message->partition);
            break;
        case KAFKA_DISORDER:
            fail_part(consumer, part, "offsets do not rise");
            break;
        case KAFKA_STALE:
            break;
        }
    }
    consumer->dropped++;
    return false;
}

static void keep(struct kafka_consumer *consumer, rd_kafka_message_t *message)
{
    size_t at = consumer->count++;

    consumer->messages[at] = message;
    consumer->generations[at] = consumer->parts[message->partition].generation;
    kafka_record_view(&consumer->records[at], message, consumer->topic);
}

/* See the head of the file. */
static void wake_fetcher(struct kafka_consumer *consumer)
{
    const struct kafka_budget *budget = &consumer->budget;

    if (rd_kafka_version() >= KAFKA_VERSION_QUEUE_BACKOFF ||
        (consumer->read_records < budget->records / 4 && consumer->read_bytes < budget->queue_bytes / 4) ||
        rd_kafka_queue_length(consumer->queue) >= (size_t)budget->records) {
        return;
    }
    consumer->read_records = 0;
    consumer->read_bytes = 0;
    rd_kafka_error_t *error = rd_kafka_sasl_set_credentials(consumer->client.rk, "", "");
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
}

/* Records to take at once, so that a batch of large ones stays within its bytes. */
static size_t batch_size(const struct kafka_consumer *consumer)
{
    int64_t fit = consumer->budget.batch_bytes / consumer->batch_average;

    return fit < 8 ? 8 : fit > KAFKA_BATCH_RECORDS ? KAFKA_BATCH_RECORDS : (size_t)fit;
}

/* Takes the next batch from the queue. Returns the bytes read, −1 when the queue is empty. */
static int64_t pull(struct kafka_consumer *consumer)
{
    rd_kafka_message_t *batch[KAFKA_BATCH_RECORDS];
    ssize_t got = rd_kafka_consume_batch_queue(consumer->queue, 0, batch, batch_size(consumer));
    int64_t bytes = 0;

    if (got <= 0) {
        return -1;
    }
    consumer->pulls++;
    consumer->first = consumer->count = 0;
    for (ssize_t i = 0; i < got; i++) {
        rd_kafka_message_t *message = batch[i];

        bytes += (int64_t)(message->len + message->key_len);
        if (message->err == 0 && admit(consumer, message)) {
            keep(consumer, message);
            continue;
        }
        if (message->err) {
            take_error(consumer, message);
        }
        rd_kafka_message_destroy(message);
    }
    consumer->client.down = false;
    consumer->batch_average = bytes / got + 1;
    consumer->read_records += got;
    consumer->read_bytes += bytes;
    wake_fetcher(consumer);
    return bytes;
}

/* Drops kept records of partitions that were unassigned since. */
static void sweep(struct kafka_consumer *consumer)
{
    size_t to = consumer->first;

    for (size_t i = consumer->first; i < consumer->count; i++) {
        int32_t partition = consumer->records[i].partition;

        if (consumer->generations[i] != consumer->parts[partition].generation) {
            rd_kafka_message_destroy(consumer->messages[i]);
            continue;
        }
        consumer->messages[to] = consumer->messages[i];
        consumer->records[to] = consumer->records[i];
        consumer->generations[to] = consumer->generations[i];
        to++;
    }
    consumer->count = to;
}

/* Offers what is kept. The owner may assign, unassign and resume meanwhile, so nothing moves before it
 * returns. */
static void offer(struct kafka_consumer *consumer)
{
    size_t offered, taken;

    sweep(consumer);
    offered = consumer->count - consumer->first;
    if (offered == 0) {
        return;
    }
    consumer->blocked = true;
    taken = consumer->events.records(consumer->events.arg, &consumer->records[consumer->first], offered);
    assert(taken <= offered);
    for (size_t i = 0; i < taken; i++) {
        rd_kafka_message_destroy(consumer->messages[consumer->first++]);
    }
    if (taken == offered) {
        consumer->blocked = false;
    }
}

/* After records were taken from the queue and before they are offered: what set it came before they were fetched. */
static void report_doubt(struct kafka_consumer *consumer)
{
    if (atomic_exchange(&consumer->doubt, false) && consumer->events.doubt != NULL) {
        consumer->events.doubt(consumer->events.arg);
    }
}

static void report_errors(struct kafka_consumer *consumer)
{
    if (!consumer->has_errors) {
        return;
    }
    consumer->has_errors = false;
    for (int32_t p = 0; p < consumer->part_count; p++) {
        char *error = consumer->parts[p].error;

        if (error != NULL) {
            consumer->parts[p].error = NULL;
            consumer->events.partition_error(consumer->events.arg, p, error);
            free(error);
        }
    }
}

static void serve_events(struct kafka_consumer *consumer)
{
    rd_kafka_event_t *event;

    for (int i = 0; i < EVENTS_PER_ROUND; i++) {
        event = rd_kafka_queue_poll(consumer->client.main, 0);
        if (event == NULL) {
            return;
        }
        kafka_client_event(&consumer->client, event);
        rd_kafka_event_destroy(event);
    }
    kafka_client_wake(&consumer->client);
}

void kafka_reader_serve(void *arg, unsigned events)
{
    struct kafka_consumer *consumer = arg;
    int64_t bytes_left = ROUND_BYTES;
    int64_t records_left = ROUND_RECORDS;

    (void)events;
    kafka_client_awake(&consumer->client);
    serve_events(consumer);
    while (!consumer->blocked && bytes_left > 0 && records_left > 0) {
        if (consumer->first == consumer->count) {
            int64_t read = pull(consumer);

            report_doubt(consumer);
            if (read < 0) {
                report_errors(consumer);
                return;
            }
            bytes_left -= read;
        }
        records_left -= (int64_t)(consumer->count - consumer->first) + 1;
        offer(consumer);
        report_errors(consumer);
    }
    if (!consumer->blocked) {
        kafka_client_wake(&consumer->client);
    }
}

void kafka_consumer_resume(struct kafka_consumer *consumer)
{
    if (consumer->blocked) {
        consumer->blocked = false;
        kafka_client_wake(&consumer->client);
    }
}
