/*
 * The producer: idempotent, acks=all, a bounded local queue. Delivery reports arrive on the loop as events of
 * librdkafka's main queue. Every record that was queued is reported exactly once, at the latest while the
 * producer is freed, so that an owner can hang memory on `opaque`.
 *
 * It does not choose partitions, and does not produce again what failed.
 */
#include "kafka_internal.h"

#include "clock.h"
#include "error.h"
#include "mem.h"

#include <stdlib.h>

#define EVENTS_PER_ROUND 64
#define PURGE_MS         1000 /* purged records are reported by librdkafka's threads: they need a moment */

struct kafka_producer {
    struct kafka_client client;
    rd_kafka_topic_t *handle; /* keeps what is known of the topic; NULL */
    kafka_delivered_fn *delivered;
    int pending;
};

static void report(struct kafka_producer *producer, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;

    while ((message = rd_kafka_event_message_next(event)) != NULL) {
        producer->pending--;
        producer->delivered(producer->client.arg, message->_private, message->partition, message->offset,
                            message->err ? rd_kafka_err2str(message->err) : NULL);
    }
}

/* Serves one event, waiting for it at most `wait_ms`; false when there is none. */
static bool serve_event(struct kafka_producer *producer, int wait_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(producer->client.main, wait_ms);

    if (event == NULL) {
        return false;
    }
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        report(producer, event);
    } else {
        kafka_client_event(&producer->client, event);
    }
    rd_kafka_event_destroy(event);
    return true;
}

static void on_wake(void *arg, unsigned events)
{
    struct kafka_producer *producer = arg;

    (void)events;
    kafka_client_awake(&producer->client);
    for (int i = 0; i < EVENTS_PER_ROUND; i++) {
        if (!serve_event(producer, 0)) {
            return;
        }
    }
    kafka_client_wake(&producer->client);
}

static rd_kafka_t *make_handle(const struct kafka_config *config, struct buf *error)
{
    struct kafka_conf conf;

    kafka_conf_begin(&conf, config->client_id, error);
    kafka_conf_text(&conf, "log.queue", "true");
    kafka_conf_text(&conf, "enable.idempotence", "true");
    kafka_conf_text(&conf, "acks", "all");
    kafka_conf_number(&conf, "linger.ms", 20);
    /* A consumer gets whole batches, whatever it asked for: they bound what a fetch takes of its memory. */
    kafka_conf_number(&conf, "batch.size", 131072);
    kafka_conf_text(&conf, "allow.auto.create.topics", "false");
    kafka_conf_text(&conf, "compression.codec", config->compression ? config->compression : "none");
    kafka_conf_number(&conf, "queue.buffering.max.messages", 50000);
    kafka_conf_number(&conf, "queue.buffering.max.kbytes", 32768);
    kafka_conf_number(&conf, "statistics.interval.ms", 0);
    rd_kafka_conf_set_events(conf.conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return kafka_conf_finish(&conf, RD_KAFKA_PRODUCER, config->brokers);
}

struct kafka_producer *kafka_producer_new(struct loop *loop, const struct kafka_config *config,
                                          kafka_delivered_fn *delivered, kafka_error_fn *failed, void *arg,
                                          struct buf *error)
{
    rd_kafka_t *rk = make_handle(config, error);
    struct kafka_producer *producer;

    if (rk == NULL) {
        return NULL;
    }
    producer = mem_alloc(sizeof(*producer));
    producer->delivered = delivered;
    producer->client.failed = failed;
    producer->client.arg = arg;
    if (kafka_client_init(&producer->client, loop, rk, on_wake, producer) != 0) {
        buf_text(error, "no descriptor left for the producer");
        kafka_producer_free(producer, 0);
        return NULL;
    }
    /* Asks for its leaders now. The first record of a topic would have them asked for up to a second later. */
    if (config->topic != NULL) {
        producer->handle = rd_kafka_topic_new(rk, config->topic, NULL);
    }
    return producer;
}

/* Serves reports until nothing is pending or time is up. */
static void drain(struct kafka_producer *producer, int64_t wait_ms)
{
    int64_t end_ms = clock_monotonic_ms() + wait_ms;
    int64_t left;

    while (producer->pending > 0 && (left = end_ms - clock_monotonic_ms()) > 0) {
        (void)serve_event(producer, (int)left);
    }
}

void kafka_producer_free(struct kafka_producer *producer, int64_t flush_ms)
{
    if (producer == NULL) {
        return;
    }
    drain(producer, flush_ms);
    if (producer->pending > 0) {
        rd_kafka_purge(producer->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        drain(producer, PURGE_MS);
    }
    if (producer->handle != NULL) {
        rd_kafka_topic_destroy(producer->handle);
    }
    kafka_client_release(&producer->client);
    free(producer);
}

int kafka_produce(struct kafka_producer *producer, const char *topic, int32_t partition, const void *key,
                  size_t key_size, const void *value, size_t size, int64_t timestamp_ms, void *opaque)
{
    /* librdkafka's parameters lack const; it copies key and value. */
    union {
        const void *from;
        void *to;
    } key_bytes = {key}, value_bytes = {value};
    rd_kafka_resp_err_t code =
        rd_kafka_producev(producer->client.rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key_bytes.to, key_size),
                          RD_KAFKA_V_VALUE(value_bytes.to, size), RD_KAFKA_V_TIMESTAMP(timestamp_ms),
                          RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        producer->pending++;
    }
    return kafka_error_of(code);
}

int kafka_producer_pending(const struct kafka_producer *producer)
{
    return producer->pending;
}
