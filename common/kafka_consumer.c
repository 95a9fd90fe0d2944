/*
 * The consumer. librdkafka's threads fetch into one queue over all partitions; an eventfd wakes the loop,
 * which reads the queue in kafka_reader.c. Here are its making, its partitions, and the informational
 * commits.
 *
 * Memory: the limits of the fetch queue count over all assigned partitions, because librdkafka forwards their
 * queues into the consumer's (only the legacy consumer counts per partition). They are two, bytes of payload
 * and number of records, since librdkafka spends about 330 bytes more on each record; on top come the fetches
 * under way, one per broker: at least a whole batch of the log, unpacked, however large the producer made it.
 * `divide` shares `fetch_memory` out so that 80-byte and 20-KB records both fit.
 *
 * It does not decode, and does not decide which partitions to read.
 */
#include "kafka_internal.h"

#include "error.h"
#include "failpoint.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>

#define NOTE_MS          1000 /* an informational commit per partition and second is plenty */
#define FETCH_MEMORY_MIN (1024 * 1024)

/* ---- making ---- */

static struct kafka_budget divide(int64_t memory)
{
    if (memory < FETCH_MEMORY_MIN) {
        memory = FETCH_MEMORY_MIN;
    }
    return (struct kafka_budget){
        .records = memory / 1024,
        .queue_bytes = memory / 8 * 3,
        .fetch_bytes = memory / 64,
        .batch_bytes = memory / 32,
    };
}

static void configure(struct kafka_conf *conf, const struct kafka_config *config, const struct kafka_budget *budget)
{
    kafka_conf_text(conf, "group.id", config->group ? config->group : "isobar");
    kafka_conf_text(conf, "auto.offset.reset", MUTANT("offset_reset") ? "latest" : "error");
    kafka_conf_text(conf, "enable.auto.commit", "false");
    kafka_conf_text(conf, "enable.auto.offset.store", "false");
    kafka_conf_text(conf, "enable.partition.eof", "false");
    kafka_conf_text(conf, "check.crcs", "true");
    kafka_conf_text(conf, "log.queue", "true");
    kafka_conf_number(conf, "max.poll.interval.ms", 86400000);
    kafka_conf_number(conf, "queued.min.messages", budget->records);
    kafka_conf_number(conf, "queued.max.messages.kbytes", budget->queue_bytes / 1024);
    /* fetch.max.bytes is raised to message.max.bytes; records larger than either still arrive, one at a time.
     */
    kafka_conf_number(conf, "message.max.bytes", budget->fetch_bytes);
    kafka_conf_number(conf, "fetch.max.bytes", budget->fetch_bytes);
    kafka_conf_number(conf, "fetch.message.max.bytes", budget->fetch_bytes);
    kafka_conf_number(conf, "fetch.min.bytes", 1);
    /*
     * A new partition waits for the fetch under way, so this bounds the latency of an assign. Its price is that of the
     * fetches of an idle worker: compared with 100 ms, 0.3 % of a core of the broker; with 20 ms it was 1.5 %.
     */
    kafka_conf_number(conf, "fetch.wait.max.ms", 50);
    /* A refused fetch is repeated after the backoff; by then the topic's metadata must be there: kafka_doubt.c. */
    kafka_conf_number(conf, "fetch.error.backoff.ms", 500);
    if (rd_kafka_version() >= KAFKA_VERSION_QUEUE_BACKOFF) {
        kafka_conf_number(conf, "fetch.queue.backoff.ms", 5);
    }
    /*
     * We are no member of the group, whose offsets are for tools of Kafka to see. One that is noted while no broker
     * answers waits so long, and the end of the consumer with it; the default is 45 s.
     */
    kafka_conf_number(conf, "session.timeout.ms", 250);
    kafka_conf_number(conf, "heartbeat.interval.ms", 50);
    rd_kafka_conf_set_events(conf->conf, RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
}

static void on_note(void *arg);

static int start(struct kafka_consumer *consumer, struct loop *loop, const struct kafka_config *config,
                 struct buf *error)
{
    static const uint64_t one = 1;
    struct kafka_conf conf;
    rd_kafka_t *rk;

    kafka_conf_begin(&conf, config->client_id, error);
    configure(&conf, config, &consumer->budget);
    rd_kafka_conf_set_opaque(conf.conf, consumer);
    rd_kafka_conf_set_error_cb(conf.conf, kafka_reader_error);
    kafka_doubt_watch(&conf, &consumer->doubt);
    rk = kafka_conf_finish(&conf, RD_KAFKA_CONSUMER, config->brokers);
    if (rk == NULL) {
        return ERR_INVALID;
    }
    consumer->note_timer = loop_timer_new(loop, on_note, consumer);
    consumer->checker = kafka_checker_new(loop, config->brokers, consumer->topic);
    if (kafka_client_init(&consumer->client, loop, rk, kafka_reader_serve, consumer) != 0 ||
        consumer->note_timer == NULL || consumer->checker == NULL) {
        buf_text(error, "no descriptor left for the consumer");
        return ERR_SYSTEM;
    }
    /* Asks for the topic's leaders now. Else that would come with the first assign, up to a second later. */
    consumer->handle = rd_kafka_topic_new(rk, consumer->topic, NULL);
    consumer->queue = rd_kafka_queue_get_consumer(rk);
    assert(consumer->queue != NULL);
    rd_kafka_queue_io_event_enable(consumer->queue, consumer->client.fd, &one, sizeof(one));
    kafka_client_wake(&consumer->client); /* see kafka_client_init */
    return 0;
}

struct kafka_consumer *kafka_consumer_new(struct loop *loop, const struct kafka_config *config, const char *topic,
                                          const struct kafka_consumer_events *events, struct buf *error)
{
    struct kafka_consumer *consumer;

    if (config->partitions < 1 || config->partitions > KAFKA_PARTITIONS_MAX) {
        buf_printf(error, "a topic of %d partitions", config->partitions);
        return NULL;
    }
    consumer = mem_alloc(sizeof(*consumer));
    consumer->client.fd = -1;
    consumer->client.failed = events->error;
    consumer->client.arg = events->arg;
    consumer->events = *events;
    consumer->topic = mem_strdup(topic);
    consumer->part_count = config->partitions;
    consumer->parts = mem_calloc((size_t)config->partitions, sizeof(*consumer->parts));
    for (int32_t p = 0; p < consumer->part_count; p++) {
        consumer->parts[p].noted = -1;
    }
    consumer->budget = divide(config->fetch_memory);
    consumer->batch_average = 1;
    if (start(consumer, loop, config, error) != 0) {
        kafka_consumer_free(consumer);
        return NULL;
    }
    return consumer;
}

void kafka_consumer_free(struct kafka_consumer *consumer)
{
    if (consumer == NULL) {
        return;
    }
    kafka_checker_free(consumer->checker);
    loop_timer_free(consumer->note_timer);
    for (size_t i = consumer->first; i < consumer->count; i++) {
        rd_kafka_message_destroy(consumer->messages[i]);
    }
    if (consumer->queue != NULL) {
        rd_kafka_queue_io_event_enable(consumer->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(consumer->queue);
    }
    if (consumer->handle != NULL) {
        rd_kafka_topic_destroy(consumer->handle);
    }
    kafka_client_release(&consumer->client);
    for (int32_t p = 0; p < consumer->part_count; p++) {
        free(consumer->parts[p].error);
    }
    free(consumer->parts);
    free(consumer->topic);
    free(consumer);
}

/* ---- assignment ---- */

struct kafka_part *kafka_consumer_part(struct kafka_consumer *consumer, int32_t partition)
{
    return partition >= 0 && partition < consumer->part_count ? &consumer->parts[partition] : NULL;
}

typedef rd_kafka_error_t *assign_fn(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list);

/* Both are answered by librdkafka's main thread at once; the broker is not asked. */
static int move(struct kafka_consumer *consumer, int32_t partition, int64_t offset, assign_fn *change)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_error_t *error;

    rd_kafka_topic_partition_list_add(list, consumer->topic, partition)->offset = offset;
    error = change(consumer->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error == NULL) {
        return 0;
    }
    log_warn("kafka_assign_failed", LOG_INT("partition", partition), LOG_TEXT("reason", rd_kafka_error_string(error)));
    rd_kafka_error_destroy(error);
    return ERR_UNAVAILABLE;
}

int kafka_consumer_assign(struct kafka_consumer *consumer, int32_t partition, int64_t offset)
{
    struct kafka_part *part = kafka_consumer_part(consumer, partition);

    if (part == NULL || part->assigned || offset < 0) {
        return ERR_INVALID;
    }
    if (move(consumer, partition, offset, rd_kafka_incremental_assign) != 0) {
        return ERR_UNAVAILABLE;
    }
    kafka_position_start(&part->position, offset);
    part->generation++;
    part->assigned = true;
    part->failed = false;
    return 0;
}

int kafka_consumer_rewind(struct kafka_consumer *consumer, int32_t partition, int64_t offset)
{
    int status = move(consumer, partition, RD_KAFKA_OFFSET_INVALID, rd_kafka_incremental_unassign);

    return status ? status : move(consumer, partition, offset, rd_kafka_incremental_assign);
}

static void commit_noted(struct kafka_consumer *consumer, int32_t from, int32_t to)
{
    if (consumer->client.down) {
        return; /* it would wait for a broker, see configure() */
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

    for (int32_t p = from; p < to; p++) {
        struct kafka_part *part = &consumer->parts[p];

        if (part->noted >= 0) {
            rd_kafka_topic_partition_list_add(list, consumer->topic, p)->offset = part->noted;
            part->noted = -1;
        }
    }
    if (list->cnt > 0) {
        rd_kafka_resp_err_t code = rd_kafka_commit(consumer->client.rk, list, 1);

        if (code) {
            log_debug("kafka_note_failed", LOG_TEXT("reason", rd_kafka_err2str(code)));
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
}

int kafka_consumer_unassign(struct kafka_consumer *consumer, int32_t partition)
{
    struct kafka_part *part = kafka_consumer_part(consumer, partition);

    if (part == NULL || !part->assigned) {
        return ERR_NOT_FOUND;
    }
    part->assigned = false;
    part->generation++;
    free(part->error);
    part->error = NULL;
    commit_noted(consumer, partition, partition + 1);
    return move(consumer, partition, RD_KAFKA_OFFSET_INVALID, rd_kafka_incremental_unassign);
}

static void on_note(void *arg)
{
    struct kafka_consumer *consumer = arg;

    commit_noted(consumer, 0, consumer->part_count);
}

void kafka_consumer_note_offset(struct kafka_consumer *consumer, int32_t partition, int64_t offset)
{
    struct kafka_part *part = kafka_consumer_part(consumer, partition);

    if (part == NULL || offset < 0) {
        return;
    }
    part->noted = offset;
    if (!loop_timer_armed(consumer->note_timer)) {
        loop_timer_set(consumer->note_timer, NOTE_MS, 0);
    }
}

int64_t kafka_consumer_high(struct kafka_consumer *consumer, int32_t partition)
{
    int64_t low = -1, high = -1;

    if (kafka_consumer_part(consumer, partition) == NULL ||
        rd_kafka_get_watermark_offsets(consumer->client.rk, consumer->topic, partition, &low, &high)) {
        return -1;
    }
    return high < 0 ? -1 : high;
}

int64_t kafka_consumer_dropped(const struct kafka_consumer *consumer)
{
    return consumer->dropped;
}

void kafka_consumer_check(struct kafka_consumer *consumer, int32_t partition,
                          const int64_t offsets[KAFKA_CHECK_RECORDS], int64_t timeout_ms, kafka_check_fn *done,
                          void *arg)
{
    kafka_checker_ask(consumer->checker, partition, offsets, timeout_ms, done, arg);
}
