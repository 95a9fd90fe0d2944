/*
 * The simple consumer of librdkafka over one partition at a time (kafka_scan.h). The end of the log is an event
 * (enable.partition.eof), so that a scan ends where the last offsets hold no record of ours: a log that was compacted,
 * or the markers of transactions.
 */
#include "kafka_scan.h"

#include "error.h"
#include "kafka_internal.h"
#include "mem.h"

#include <stdlib.h>

struct kafka_scan {
    rd_kafka_t *rk;
    rd_kafka_topic_t *handle;
    char *brokers, *topic;
    int64_t timeout_ms;
};

static rd_kafka_t *make_handle(const char *brokers, struct buf *error)
{
    struct kafka_conf conf;

    kafka_conf_begin(&conf, "isobar-scan", error);
    kafka_conf_number(&conf, "log_level", 0);
    kafka_conf_text(&conf, "auto.offset.reset", "error");
    kafka_conf_text(&conf, "enable.auto.commit", "false");
    kafka_conf_text(&conf, "enable.partition.eof", "true");
    kafka_conf_text(&conf, "check.crcs", "true");
    kafka_conf_number(&conf, "queued.max.messages.kbytes", KAFKA_SCAN_AHEAD_BYTES / 1024);
    kafka_conf_number(&conf, "fetch.message.max.bytes", KAFKA_SCAN_AHEAD_BYTES / 4);
    kafka_conf_number(&conf, "fetch.wait.max.ms", 10);
    kafka_conf_number(&conf, "fetch.error.backoff.ms", 50);
    return kafka_conf_finish(&conf, RD_KAFKA_CONSUMER, brokers);
}

struct kafka_scan *kafka_scan_new(const char *brokers, const char *topic, int64_t timeout_ms, struct buf *error)
{
    rd_kafka_t *rk = make_handle(brokers, error);
    struct kafka_scan *scan;

    if (rk == NULL) {
        return NULL;
    }
    scan = mem_alloc(sizeof(*scan));
    *scan = (struct kafka_scan){.rk = rk,
                                .handle = rd_kafka_topic_new(rk, topic, NULL),
                                .brokers = mem_strdup(brokers),
                                .topic = mem_strdup(topic),
                                .timeout_ms = timeout_ms};
    if (scan->handle == NULL) {
        buf_printf(error, "topic \"%s\": no such name can be", topic);
        kafka_scan_free(scan);
        return NULL;
    }
    return scan;
}

void kafka_scan_free(struct kafka_scan *scan)
{
    if (scan == NULL) {
        return;
    }
    if (scan->handle != NULL) {
        rd_kafka_topic_destroy(scan->handle);
    }
    kafka_handle_destroy(scan->rk);
    free(scan->brokers);
    free(scan->topic);
    free(scan);
}

/* Says what failed, unless it is nothing; returns `status`. */
static int say(const struct kafka_scan *scan, struct buf *error, int status)
{
    if (status != 0) {
        buf_printf(error, "topic %s at Kafka %s: %s", scan->topic, scan->brokers, error_name(status));
    }
    return status;
}

int kafka_scan_describe(struct kafka_scan *scan, struct kafka_scan_topic *out, struct buf *error)
{
    int status = kafka_ask_partitions(scan->rk, scan->topic, scan->timeout_ms, &out->partitions, NULL);

    if (status == 0) {
        status = kafka_ask_cluster(scan->rk, scan->timeout_ms, out->cluster_id);
    }
    return say(scan, error, status);
}

int kafka_scan_ends(struct kafka_scan *scan, int32_t partition, int64_t *low, int64_t *high, struct buf *error)
{
    struct kafka_partitions one = {scan->topic, &partition, 1};
    int status = kafka_ask_offsets(scan->rk, &one, RD_KAFKA_OFFSET_BEGINNING, scan->timeout_ms, low);

    if (status == 0) {
        status = kafka_ask_offsets(scan->rk, &one, RD_KAFKA_OFFSET_END, scan->timeout_ms, high);
    }
    return say(scan, error, status);
}

/* ---- seeking ---- */

struct last {
    int64_t timestamp_ms; /* of the last record; -1: there was none */
};

static bool take_last(void *arg, const struct kafka_record *record)
{
    struct last *last = arg;

    last->timestamp_ms = record->timestamp_ms;
    return true;
}

/* The broker's word on the first record at or after `at_ms`; −1: there is none, or it cannot tell. */
static int ask_index(struct kafka_scan *scan, int32_t partition, int64_t at_ms, int64_t *offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int status;

    rd_kafka_topic_partition_list_add(list, scan->topic, partition)->offset = at_ms > 0 ? at_ms : 0;
    status = kafka_error_of(rd_kafka_offsets_for_times(scan->rk, list, (int)scan->timeout_ms));
    if (status == 0 && list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = kafka_error_of(list->elems[0].err);
    }
    *offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

int kafka_scan_seek(struct kafka_scan *scan, int32_t partition, int64_t at_ms, int64_t *offset, struct buf *error)
{
    struct last last = {-1};
    int64_t low, high, found;
    int status = kafka_scan_ends(scan, partition, &low, &high, error);

    if (status != 0) {
        return status;
    }
    status = ask_index(scan, partition, at_ms, &found);
    if (status != 0) {
        return say(scan, error, status);
    }
    if (found >= low && found < high) {
        *offset = found;
        return 0;
    }
    *offset = high;
    if (high <= low) {
        return 0;
    }
    status = kafka_scan_run(scan, partition, high - 1, high, take_last, &last, error);
    if (status == 0 && (last.timestamp_ms < 0 || last.timestamp_ms >= at_ms)) {
        *offset = low;
    }
    return status;
}

/* ---- reading ---- */

/* One stretch that is being read. */
struct stretch {
    const char *topic;
    int64_t to;
    kafka_scan_fn *fn;
    void *arg;
    bool done;
};

/* Takes what the consumer gave: a record, the end of the log, or an error. */
static int take(struct stretch *stretch, const rd_kafka_message_t *message)
{
    struct kafka_record record;

    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        stretch->done = true;
        return 0;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error_of(message->err);
    }
    if (message->offset < stretch->to) {
        kafka_record_view(&record, message, stretch->topic);
        stretch->done = !stretch->fn(stretch->arg, &record);
    }
    stretch->done |= message->offset + 1 >= stretch->to;
    return 0;
}

static int read_stretch(struct kafka_scan *scan, int32_t partition, struct stretch *stretch)
{
    int status = 0;

    while (status == 0 && !stretch->done) {
        rd_kafka_message_t *message = rd_kafka_consume(scan->handle, partition, (int)scan->timeout_ms);

        if (message == NULL) {
            return ERR_TIMEOUT;
        }
        status = take(stretch, message);
        rd_kafka_message_destroy(message);
    }
    return status;
}

int kafka_scan_run(struct kafka_scan *scan, int32_t partition, int64_t from, int64_t to, kafka_scan_fn *fn, void *arg,
                   struct buf *error)
{
    struct stretch stretch = {.topic = scan->topic, .to = to, .fn = fn, .arg = arg};
    int64_t low, high;
    int status = kafka_scan_ends(scan, partition, &low, &high, error);

    if (status != 0) {
        return status;
    }
    from = from < low ? low : from;
    stretch.to = to < high ? to : high;
    if (from >= stretch.to) {
        return 0;
    }
    if (rd_kafka_consume_start(scan->handle, partition, from) != 0) {
        return say(scan, error, ERR_UNAVAILABLE);
    }
    status = read_stretch(scan, partition, &stretch);
    (void)rd_kafka_consume_stop(scan->handle, partition);
    return say(scan, error, status);
}
