/*
 * For the tests of kafka_*.c: a cluster of librdkafka's mock brokers on loopback, and a plain producer that
 * fills it. The value of each record is "<partition>:<offset>", so a reader can check every one of them.
 */
#ifndef ISOBAR_TEST_KAFKA_MOCK_H
#define ISOBAR_TEST_KAFKA_MOCK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka.h"
#include "log.h"
#include "loop_kit.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOCK_TOPIC       "weather"
#define MOCK_PARTITIONS  4
#define MOCK_BROKERS     3
#define MOCK_DEADLINE_MS 30000
#define MOCK_IDLE_MS     1100 /* librdkafka looks for unknown topics every second: after one, and well before the next */
#define MOCK_STALL_MS    700  /* what waits for the next is at least so late */

struct mock {
    struct loop *loop;
    rd_kafka_t *rk; /* owns the cluster, and produces */
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers;
    int64_t end[MOCK_PARTITIONS];
};

static inline rd_kafka_t *mock_handle(rd_kafka_type_t type, const char *brokers, const char *group)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[256];

    rd_kafka_conf_set(conf, "log_level", "0", reason, sizeof(reason));
    rd_kafka_conf_set(conf, "linger.ms", "0", reason, sizeof(reason));
    if (brokers != NULL) {
        rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof(reason));
    }
    if (group != NULL) {
        rd_kafka_conf_set(conf, "group.id", group, reason, sizeof(reason));
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, reason, sizeof(reason));
    assert_non_null(rk);
    return rk;
}

static inline int mock_setup(void **state)
{
    struct mock *mock = calloc(1, sizeof(*mock));

    log_setup("test", LOG_ERROR, false);
    mock->loop = loop_new();
    mock->rk = mock_handle(RD_KAFKA_PRODUCER, NULL, NULL);
    mock->cluster = rd_kafka_mock_cluster_new(mock->rk, MOCK_BROKERS);
    assert_non_null(mock->loop);
    assert_non_null(mock->cluster);
    mock->brokers = rd_kafka_mock_cluster_bootstraps(mock->cluster);
    assert_int_equal(rd_kafka_brokers_add(mock->rk, mock->brokers), MOCK_BROKERS);
    assert_int_equal(rd_kafka_mock_topic_create(mock->cluster, MOCK_TOPIC, MOCK_PARTITIONS, MOCK_BROKERS), 0);
    *state = mock;
    return 0;
}

static inline int mock_teardown(void **state)
{
    struct mock *mock = *state;

    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rk);
    loop_free(mock->loop);
    free(mock);
    return 0;
}

/* Adds `count` records to `partition`, in batches of at most `batch`, and waits until they are there. */
static inline void mock_fill(struct mock *mock, int32_t partition, int count, int batch)
{
    for (int i = 0; i < count; i++) {
        char value[32];
        int size = snprintf(value, sizeof(value), "%d:%lld", (int)partition, (long long)mock->end[partition]);

        assert_int_equal(rd_kafka_producev(mock->rk, RD_KAFKA_V_TOPIC(MOCK_TOPIC), RD_KAFKA_V_PARTITION(partition),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_VALUE(value, (size_t)size), RD_KAFKA_V_KEY("key", 3),
                                           RD_KAFKA_V_TIMESTAMP(1000 + mock->end[partition]), RD_KAFKA_V_END),
                         0);
        mock->end[partition]++;
        if (i % batch == batch - 1) {
            assert_int_equal(rd_kafka_flush(mock->rk, MOCK_DEADLINE_MS), 0);
        }
    }
    assert_int_equal(rd_kafka_flush(mock->rk, MOCK_DEADLINE_MS), 0);
}

/* All brokers stop or start answering. */
static inline void mock_power(struct mock *mock, bool up)
{
    for (int32_t id = 1; id <= MOCK_BROKERS; id++) {
        if (up) {
            rd_kafka_mock_broker_set_up(mock->cluster, id);
        } else {
            rd_kafka_mock_broker_set_down(mock->cluster, id);
        }
    }
}

/* ---- readers ---- */

static inline void fail_partition(void *arg, int32_t partition, const char *reason)
{
    (void)arg;
    fail_msg("partition %d: %s", partition, reason);
}

static inline void pass_over_error(void *arg, bool fatal, const char *reason)
{
    (void)arg, (void)fatal, (void)reason;
}

/* Reads every partition of the topic from its beginning, on any loop; the caller frees the consumer. */
static inline struct kafka_consumer *mock_read(struct mock *mock, struct loop *loop, kafka_records_fn *records,
                                               void *arg)
{
    struct kafka_config config = {.brokers = mock->brokers,
                                  .client_id = "reader",
                                  .group = "g",
                                  .fetch_memory = 1 << 20,
                                  .partitions = MOCK_PARTITIONS};
    struct kafka_consumer_events events = {
        .records = records, .partition_error = fail_partition, .error = pass_over_error, .arg = arg};
    struct buf error = BUF_EMPTY;
    struct kafka_consumer *consumer = kafka_consumer_new(loop, &config, MOCK_TOPIC, &events, &error);
    assert_non_null(consumer);
    for (int32_t p = 0; p < MOCK_PARTITIONS; p++)
        assert_int_equal(kafka_consumer_assign(consumer, p, 0), 0);
    return consumer;
}

/* A reader that checks what it gets and stops the loop when it has what was wanted. */
struct sink {
    struct kafka_consumer *consumer;
    int64_t next[MOCK_PARTITIONS]; /* offset that must come next; -1: none may come */
    size_t got, want;
    size_t take; /* at most per call; 0: all */
    size_t calls;
    bool done, refused; /* `refused`: not all of a call was taken */
    uint64_t last_hash;
    int errors; /* of partitions */
    int32_t error_partition;
    int client_errors;
    int doubts;
    bool fatal;
    int64_t fetch_memory; /* 0: 16 MiB */
    void (*each)(struct sink *sink, const struct kafka_record *record);
};

static inline void sink_check(struct sink *sink, const struct kafka_record *record)
{
    char value[32];
    int size = snprintf(value, sizeof(value), "%d:%lld", (int)record->partition, (long long)record->offset);

    assert_in_range(record->partition, 0, MOCK_PARTITIONS - 1);
    assert_int_equal(record->offset, sink->next[record->partition]);
    assert_int_equal(record->size, size);
    assert_memory_equal(record->value, value, (size_t)size);
    assert_int_equal(record->key_size, 3);
    assert_int_equal(record->timestamp_ms, 1000 + record->offset);
    assert_string_equal(record->topic, MOCK_TOPIC);
    sink->next[record->partition]++;
    sink->last_hash = kafka_record_hash(record);
    sink->got++;
    if (sink->got >= sink->want) {
        sink->done = true;
    }
}

static inline size_t sink_records(void *arg, const struct kafka_record *records, size_t count)
{
    struct sink *sink = arg;
    size_t take = sink->take > 0 && sink->take < count ? sink->take : count;

    sink->calls++;
    sink->refused |= take < count;
    assert_true(count > 0);
    for (size_t i = 0; i < take; i++) {
        /* What is unassigned during a call may still be in it: the owner knows. */
        if (sink->next[records[i].partition] < 0) {
            continue;
        }
        sink_check(sink, &records[i]);
        if (sink->each != NULL) {
            sink->each(sink, &records[i]);
        }
    }
    return take;
}

static inline void sink_partition_error(void *arg, int32_t partition, const char *reason)
{
    struct sink *sink = arg;

    assert_true(strlen(reason) > 0);
    sink->errors++;
    sink->error_partition = partition;
    sink->done = true;
}

static inline void sink_doubt(void *arg)
{
    struct sink *sink = arg;

    sink->doubts++;
}

static inline void sink_error(void *arg, bool fatal, const char *reason)
{
    struct sink *sink = arg;

    assert_true(strlen(reason) > 0);
    sink->client_errors++;
    sink->fatal = fatal;
    sink->done = true;
}

static inline void sink_open(struct sink *sink, struct mock *mock)
{
    struct kafka_config config = {
        .brokers = mock->brokers,
        .client_id = "test",
        .group = "group",
        .fetch_memory = sink->fetch_memory ? sink->fetch_memory : 16 << 20,
        .partitions = 2 * MOCK_PARTITIONS,
    };
    struct kafka_consumer_events events = {sink_records, sink_partition_error, sink_doubt, sink_error, sink};
    struct buf error = BUF_EMPTY;

    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        sink->next[i] = -1;
    }
    sink->consumer = kafka_consumer_new(mock->loop, &config, MOCK_TOPIC, &events, &error);
    assert_non_null(sink->consumer);
    assert_int_equal(error.size, 0);
}

static inline void sink_assign(struct sink *sink, int32_t partition, int64_t offset)
{
    sink->next[partition] = offset;
    assert_int_equal(kafka_consumer_assign(sink->consumer, partition, offset), 0);
}

static inline void sink_unassign(struct sink *sink, int32_t partition)
{
    sink->next[partition] = -1;
    assert_int_equal(kafka_consumer_unassign(sink->consumer, partition), 0);
}

/* Runs the loop until `want` records in all have come (or an error). */
static inline void sink_wait(struct sink *sink, struct mock *mock, size_t want)
{
    sink->want = want;
    sink->done = sink->got >= want;
    assert_int_equal(loop_run_until(mock->loop, &sink->done, MOCK_DEADLINE_MS), 0);
}

#endif
