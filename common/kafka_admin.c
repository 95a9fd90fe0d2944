/*
 * Makes and describes a topic. Blocks: for isobarctl and tests only. CreateTopics is asked for only when the
 * topic is not there, so a broker without it (the development broker) does when it made the topics itself.
 *
 * It changes nothing about a topic that exists.
 */
#include "kafka_internal.h"

#include "clock.h"
#include "error.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TRY_MS   250 /* one question whether a new topic has its leaders */
#define PAUSE_MS 20  /* before the next one */

static int64_t remaining(int64_t end_ms)
{
    int64_t left = end_ms - clock_monotonic_ms();

    return left > 1 ? left : 1;
}

/* Completes the reason of a failure that has none yet; returns `status`. */
static int say(struct buf *error, const char *topic, const char *brokers, int status)
{
    if (status != 0 && error->size == 0) {
        buf_printf(error, "topic %s at %s: %s", topic, brokers, error_name(status));
    }
    return status;
}

/* ---- making ---- */

static void set_config(rd_kafka_NewTopic_t *wanted, const char *name, const char *value)
{
    /* Only a NULL argument fails here; what the broker thinks of it is in its answer. */
    (void)rd_kafka_NewTopic_set_config(wanted, name, value);
}

static rd_kafka_NewTopic_t *describe(const struct kafka_topic *topic, int32_t brokers, struct buf *error)
{
    int32_t replicas = topic->replicas > 0 ? topic->replicas : brokers < 3 ? brokers : 3;
    char reason[256], retention[24];
    rd_kafka_NewTopic_t *wanted =
        rd_kafka_NewTopic_new(topic->name, topic->partitions, replicas, reason, sizeof(reason));

    if (wanted == NULL) {
        buf_text(error, reason);
        return NULL;
    }
    (void)snprintf(retention, sizeof(retention), "%" PRId64, topic->retention_ms);
    set_config(wanted, "retention.ms", retention);
    set_config(wanted, "message.timestamp.type", topic->log_append_time ? "LogAppendTime" : "CreateTime");
    if (replicas >= 3) {
        set_config(wanted, "min.insync.replicas", "2");
    }
    return wanted;
}

/* The broker's answer to one CreateTopics; a topic that another made meanwhile is as good. */
static int judge(rd_kafka_event_t *event, struct buf *error)
{
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *reason = rd_kafka_event_error_string(event);
    size_t count = 0;

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && result != NULL) {
        const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);

        if (count == 1) {
            code = rd_kafka_topic_result_error(topics[0]);
            reason = rd_kafka_topic_result_error_string(topics[0]);
        }
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        return 0;
    }
    buf_printf(error, "making the topic: %s", reason ? reason : rd_kafka_err2str(code));
    int status = kafka_error_of(code);
    return status == ERR_UNAVAILABLE && count == 1 ? ERR_REFUSED : status;
}

static int create(rd_kafka_t *rk, rd_kafka_NewTopic_t *wanted, int64_t timeout_ms, struct buf *error)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_event_t *event;
    char reason[256];
    int status = ERR_TIMEOUT;

    (void)rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, reason, sizeof(reason));
    (void)rd_kafka_AdminOptions_set_operation_timeout(options, (int)timeout_ms, reason, sizeof(reason));
    rd_kafka_CreateTopics(rk, &wanted, 1, options, queue);
    event = rd_kafka_queue_poll(queue, (int)timeout_ms);
    if (event != NULL) {
        status = judge(event, error);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    return status;
}

/* Offsets of all partitions. A partition whose leader is just being elected, as after its topic was made, is asked
 * again. */
static int ask_offsets(rd_kafka_t *rk, const struct kafka_partitions *all, int64_t which, int64_t end_ms,
                       int64_t *offsets)
{
    int status;

    do {
        int64_t left = remaining(end_ms);

        status = kafka_ask_offsets(rk, all, which, left < TRY_MS ? left : TRY_MS, offsets);
        if (status != 0) {
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
        }
    } while (status != 0 && clock_monotonic_ms() < end_ms);
    return status;
}

/* Waits until every partition has a leader that answers. */
static int wait_leaders(rd_kafka_t *rk, const struct kafka_topic *topic, int64_t end_ms)
{
    struct kafka_partitions all = {topic->name, NULL, topic->partitions};
    int64_t *offsets = mem_calloc((size_t)topic->partitions, sizeof(*offsets));
    int status = ask_offsets(rk, &all, RD_KAFKA_OFFSET_END, end_ms, offsets);

    free(offsets);
    return status;
}

static int match_count(const struct kafka_topic *topic, int32_t existing, struct buf *error)
{
    if (existing == topic->partitions) {
        return 0;
    }
    buf_printf(error, "topic %s has %d partitions, not %d", topic->name, (int)existing, (int)topic->partitions);
    return ERR_REFUSED;
}

static int make(rd_kafka_t *rk, const struct kafka_topic *topic, int32_t brokers, int64_t end_ms, struct buf *error)
{
    rd_kafka_NewTopic_t *wanted = describe(topic, brokers, error);
    int status;

    if (wanted == NULL) {
        return ERR_INVALID;
    }
    status = create(rk, wanted, remaining(end_ms), error);
    rd_kafka_NewTopic_destroy(wanted);
    return status ? status : wait_leaders(rk, topic, end_ms);
}

static int ensure(rd_kafka_t *rk, const struct kafka_topic *topic, int64_t end_ms, int32_t *existing, struct buf *error)
{
    int32_t brokers = 0;
    int status = kafka_ask_partitions(rk, topic->name, remaining(end_ms), existing, &brokers);

    if (status == ERR_NOT_FOUND) {
        status = make(rk, topic, brokers, end_ms, error);
        if (status == 0) {
            status = kafka_ask_partitions(rk, topic->name, remaining(end_ms), existing, NULL);
        }
    }
    return status ? status : match_count(topic, *existing, error);
}

int kafka_topic_ensure(const char *brokers, const struct kafka_topic *topic, int64_t timeout_ms, int32_t *existing,
                       struct buf *error)
{
    rd_kafka_t *rk;
    int status;

    *existing = 0;
    if (topic->partitions < 1) {
        buf_text(error, "a topic needs at least one partition");
        return ERR_INVALID;
    }
    rk = kafka_ask_new(brokers, error);
    if (rk == NULL) {
        return ERR_INVALID;
    }
    status = ensure(rk, topic, clock_monotonic_ms() + timeout_ms, existing, error);
    rd_kafka_destroy(rk);
    return say(error, topic->name, brokers, status);
}

/* ---- describing ---- */

/* How many partitions there are and, when asked, the watermarks of the first `room` of them. */
static int survey(rd_kafka_t *rk, const char *topic, int64_t end_ms, int32_t *partitions, int64_t *low, int64_t *high)
{
    int32_t room = low != NULL && high != NULL ? *partitions : 0;
    struct kafka_partitions first = {topic, NULL, 0};
    int status;

    *partitions = 0;
    status = kafka_ask_partitions(rk, topic, remaining(end_ms), partitions, NULL);
    first.count = room < *partitions ? room : *partitions;
    if (status != 0 || first.count <= 0) {
        return status == ERR_NOT_FOUND ? 0 : status;
    }
    status = ask_offsets(rk, &first, RD_KAFKA_OFFSET_BEGINNING, end_ms, low);
    return status ? status : ask_offsets(rk, &first, RD_KAFKA_OFFSET_END, end_ms, high);
}

int kafka_topic_describe(const char *brokers, const char *topic, int64_t timeout_ms, char cluster_id[64],
                         int32_t *partitions, int64_t *low, int64_t *high, struct buf *error)
{
    int64_t end_ms = clock_monotonic_ms() + timeout_ms;
    rd_kafka_t *rk = kafka_ask_new(brokers, error);
    int status;

    if (rk == NULL) {
        *partitions = 0;
        return ERR_INVALID;
    }
    status = survey(rk, topic, end_ms, partitions, low, high);
    if (status == 0) {
        status = kafka_ask_cluster(rk, remaining(end_ms), cluster_id);
    }
    rd_kafka_destroy(rk);
    return say(error, topic, brokers, status);
}
