/*
 * Questions to a broker that block for at most the time given: partitions, watermarks, cluster id, one
 * record. They serve the tools and the checker's thread, on a handle of their own that logs nothing: every
 * outcome is returned.
 *
 * Records are read with the simple consumer, those of several partitions at once; the handle fetches little, since one
 * record of each is all that is wanted.
 */
#include "kafka_internal.h"

#include "clock.h"
#include "error.h"

#include <stdio.h>
#include <stdlib.h>

#define ASK_FETCH_BYTES 65536

rd_kafka_t *kafka_ask_new(const char *brokers, struct buf *error)
{
    struct kafka_conf conf;

    kafka_conf_begin(&conf, "isobar-ask", error);
    kafka_conf_number(&conf, "log_level", 0);
    kafka_conf_text(&conf, "auto.offset.reset", "error");
    kafka_conf_text(&conf, "enable.auto.commit", "false");
    kafka_conf_text(&conf, "check.crcs", "true");
    /*
     * The fetch queue must never be full, though one record is enough: a thread of librdkafka that finds it full sleeps
     * for up to a second, and what tells of the start of a partition lies in it, too. So queued.min.messages is the
     * default.
     */
    kafka_conf_number(&conf, "message.max.bytes", ASK_FETCH_BYTES);
    kafka_conf_number(&conf, "fetch.max.bytes", ASK_FETCH_BYTES);
    kafka_conf_number(&conf, "fetch.message.max.bytes", ASK_FETCH_BYTES);
    /* What is asked for is there. What is fetched beyond it holds up the next question, which a broker answers after
     * it. */
    kafka_conf_number(&conf, "fetch.wait.max.ms", 2);
    kafka_conf_number(&conf, "fetch.error.backoff.ms", 50);
    return kafka_conf_finish(&conf, RD_KAFKA_CONSUMER, brokers);
}

static int topic_partitions(const rd_kafka_metadata_topic_t *topic, int32_t *partitions)
{
    if (topic->err && topic->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        return kafka_error_of(topic->err);
    }
    *partitions = topic->partition_cnt;
    return topic->partition_cnt > 0 ? 0 : ERR_UNAVAILABLE;
}

int kafka_ask_partitions(rd_kafka_t *rk, const char *topic, int64_t timeout_ms, int32_t *partitions, int32_t *brokers)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    int status;

    if (handle == NULL) {
        return ERR_INVALID;
    }
    status = kafka_error_of(rd_kafka_metadata(rk, 0, handle, &metadata, (int)timeout_ms));
    if (status == 0) {
        if (brokers != NULL) {
            *brokers = metadata->broker_cnt;
        }
        status = metadata->topic_cnt == 1 ? topic_partitions(&metadata->topics[0], partitions) : ERR_NOT_FOUND;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    return status;
}

/* Where the answer about a partition belongs. */
static int32_t place(const struct kafka_partitions *of, int32_t partition)
{
    int32_t i = 0;

    if (of->list == NULL) {
        return partition;
    }
    while (i < of->count - 1 && of->list[i] != partition) {
        i++;
    }
    return i;
}

int kafka_ask_offsets(rd_kafka_t *rk, const struct kafka_partitions *of, int64_t which, int64_t timeout_ms,
                      int64_t *offsets)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(of->count);
    int status;

    for (int32_t i = 0; i < of->count; i++) {
        rd_kafka_topic_partition_list_add(list, of->topic, of->list ? of->list[i] : i)->offset = which;
    }
    status = kafka_error_of(rd_kafka_offsets_for_times(rk, list, (int)timeout_ms));
    for (int i = 0; i < list->cnt && status == 0; i++) {
        const rd_kafka_topic_partition_t *answer = &list->elems[i];

        status = kafka_error_of(answer->err);
        if (status == 0 && answer->offset < 0) {
            status = ERR_UNAVAILABLE;
        }
        offsets[place(of, answer->partition)] = answer->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

int kafka_ask_cluster(rd_kafka_t *rk, int64_t timeout_ms, char cluster_id[64])
{
    char *id = rd_kafka_clusterid(rk, (int)timeout_ms);

    cluster_id[0] = '\0';
    if (id == NULL) {
        return rd_kafka_controllerid(rk, 0) >= 0 ? 0 : ERR_TIMEOUT;
    }
    (void)snprintf(cluster_id, 64, "%s", id);
    rd_kafka_mem_free(rk, id);
    return 0;
}

/* ---- records ---- */

/* What a message of the simple consumer says about the record that is sought. */
static void judge(const rd_kafka_message_t *message, const char *topic, struct kafka_sought *sought)
{
    struct kafka_record record;

    if (message->err == 0 && message->offset == sought->offset) {
        kafka_record_view(&record, message, topic);
        sought->hash = kafka_record_hash(&record);
        sought->status = 0;
    } else {
        bool beyond = message->err == 0 || message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
        sought->status = beyond ? ERR_NOT_FOUND : ERR_UNAVAILABLE;
    }
}

/* The one of that partition that is still being read; NULL. */
static struct kafka_sought *reading(struct kafka_sought *sought, size_t count, int32_t partition)
{
    for (size_t i = 0; i < count; i++) {
        if (sought[i].partition == partition && sought[i].status == ERR_TIMEOUT) {
            return &sought[i];
        }
    }
    return NULL;
}

/* Starts to read all of them into the queue; returns how many. */
static size_t start(rd_kafka_topic_t *handle, rd_kafka_queue_t *queue, struct kafka_sought *sought, size_t count)
{
    size_t started = 0;

    for (size_t i = 0; i < count; i++) {
        bool good = rd_kafka_consume_start_queue(handle, sought[i].partition, sought[i].offset, queue) == 0;

        sought[i].status = good ? ERR_TIMEOUT : ERR_UNAVAILABLE;
        started += good;
    }
    return started;
}

void kafka_ask_records(rd_kafka_t *rk, const char *topic, struct kafka_sought *sought, size_t count, int64_t timeout_ms)
{
    int64_t end_ms = clock_monotonic_ms() + timeout_ms;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    size_t left = handle ? start(handle, queue, sought, count) : 0;

    for (int64_t now = end_ms - timeout_ms; left > 0 && now < end_ms; now = clock_monotonic_ms()) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, (int)(end_ms - now));
        struct kafka_sought *of = message ? reading(sought, count, message->partition) : NULL;

        if (of != NULL) {
            judge(message, topic, of);
            (void)rd_kafka_consume_stop(handle, of->partition);
            left--;
        }
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (sought[i].status == ERR_TIMEOUT) {
            (void)rd_kafka_consume_stop(handle, sought[i].partition);
        }
    }
    rd_kafka_queue_destroy(queue);
    if (handle != NULL) {
        rd_kafka_topic_destroy(handle);
    }
}
