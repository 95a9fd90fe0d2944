/*
 * Questions to a broker that block for at most the time given: partitions, watermarks, cluster id, one
 * record. They serve the tools and the checker's thread, on a handle of their own that logs nothing: every
 * outcome is returned.
 *
 * A record is read with the simple consumer, one partition at a time; the handle fetches little, since one
 * record is all that is wanted.
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
    kafka_conf_number(&conf, "queued.min.messages", 1);
    kafka_conf_number(&conf, "message.max.bytes", ASK_FETCH_BYTES);
    kafka_conf_number(&conf, "fetch.max.bytes", ASK_FETCH_BYTES);
    kafka_conf_number(&conf, "fetch.message.max.bytes", ASK_FETCH_BYTES);
    kafka_conf_number(&conf, "fetch.wait.max.ms", 50);
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

int kafka_ask_offsets(rd_kafka_t *rk, const struct kafka_range *range, int64_t which, int64_t timeout_ms,
                      int64_t *offsets)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(range->count);
    int status;

    for (int32_t i = 0; i < range->count; i++) {
        rd_kafka_topic_partition_list_add(list, range->topic, range->first + i)->offset = which;
    }
    status = kafka_error_of(rd_kafka_offsets_for_times(rk, list, (int)timeout_ms));
    for (int i = 0; i < list->cnt && status == 0; i++) {
        const rd_kafka_topic_partition_t *answer = &list->elems[i];

        status = kafka_error_of(answer->err);
        if (status == 0 && answer->offset < 0) {
            status = ERR_UNAVAILABLE;
        }
        offsets[answer->partition - range->first] = answer->offset;
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

/* What a message of the simple consumer says about the record at `offset`. */
static int judge(const rd_kafka_message_t *message, int64_t offset, const char *topic, uint64_t *hash)
{
    struct kafka_record record;

    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        return ERR_NOT_FOUND;
    }
    if (message->err) {
        return ERR_UNAVAILABLE;
    }
    if (message->offset != offset) {
        return ERR_NOT_FOUND;
    }
    kafka_record_view(&record, message, topic);
    *hash = kafka_record_hash(&record);
    return 0;
}

int kafka_ask_record(rd_kafka_t *rk, const struct kafka_range *range, int64_t offset, int64_t timeout_ms,
                     uint64_t *hash)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, range->topic, NULL);
    int status = ERR_UNAVAILABLE;

    if (handle == NULL) {
        return ERR_INVALID;
    }
    if (rd_kafka_consume_start(handle, range->first, offset) == 0) {
        rd_kafka_message_t *message = rd_kafka_consume(handle, range->first, (int)timeout_ms);

        status = ERR_TIMEOUT;
        if (message != NULL) {
            status = judge(message, offset, range->topic, hash);
            rd_kafka_message_destroy(message);
        }
        (void)rd_kafka_consume_stop(handle, range->first);
    }
    rd_kafka_topic_destroy(handle);
    return status;
}
