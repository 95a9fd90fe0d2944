/* Rows on their way to Kafka, against librdkafka's mock brokers: nothing is lost while the process lives. */
#include "outbox.h"

#include "test_kafka_mock.h"

#define ROWS_MAX 2000

struct tray {
    struct mock *mock;
    struct outbox *outbox;
    int64_t records, rows, failures, rows_lost;
    int rooms, fatals;
    int64_t want; /* rows acknowledged that end a wait */
    bool done;
};

static void on_room(void *arg)
{
    struct tray *tray = arg;
    tray->rooms++;
    tray->done = tray->rows >= tray->want;
}

static void on_fatal(void *arg, const char *reason)
{
    struct tray *tray = arg;
    assert_true(strlen(reason) > 0);
    tray->fatals++;
}

static struct tray *open_tray(struct mock *mock)
{
    struct tray *tray = calloc(1, sizeof *tray);
    struct outbox_config config = {.brokers = mock->brokers,
                                   .client_id = "test",
                                   .topic = MOCK_TOPIC,
                                   .compression = "lz4",
                                   .counts = {.records = &tray->records,
                                              .rows = &tray->rows,
                                              .failures = &tray->failures,
                                              .rows_lost = &tray->rows_lost}};
    struct outbox_events events = {.room = on_room, .fatal = on_fatal, .arg = tray};
    struct buf error = BUF_EMPTY;
    assert_non_null(tray);
    tray->mock = mock;
    tray->outbox = outbox_new(mock->loop, &config, &events, &error);
    assert_non_null(tray->outbox);
    return tray;
}

static void wait_rows(struct tray *tray, int64_t rows)
{
    tray->want = rows;
    tray->done = tray->rows >= rows;
    assert_int_equal(loop_run_until(tray->mock->loop, &tray->done, MOCK_DEADLINE_MS), 0);
}

static void send_rows(struct tray *tray, int32_t shard, int64_t first, size_t count)
{
    static struct observation rows[ROWS_MAX];
    assert_true(count <= ROWS_MAX);
    memset(rows, 0, sizeof rows);
    for (size_t i = 0; i < count; i++) {
        rows[i].city_id = 7;
        rows[i].observed_at_ms = first + (int64_t)i;
        observation_set(&rows[i], ISOBAR__V1__VALUE__TEMPERATURE, (int32_t)i);
    }
    outbox_send(tray->outbox, shard, rows, count);
}

/* ---- reading back ---- */

struct reader {
    struct batch *batch;
    int64_t rows[MOCK_PARTITIONS], records, want;
    int64_t next; /* observed-at expected next in partition 1 */
    bool done;
};

static size_t on_records(void *arg, const struct kafka_record *records, size_t count)
{
    struct reader *reader = arg;
    for (size_t i = 0; i < count; i++) {
        const char *reason = NULL;
        struct observation row;
        if (batch_decode(reader->batch, records[i].value, records[i].size, &reason) != 0)
            fail_msg("not a batch: %s", reason);
        assert_int_equal(batch_shard(reader->batch), records[i].partition);
        for (size_t r = 0; r < batch_rows(reader->batch); r++) {
            batch_row(reader->batch, r, &row);
            if (records[i].partition == 1)
                assert_int_equal(row.observed_at_ms, reader->next++);
        }
        reader->rows[records[i].partition] += (int64_t)batch_rows(reader->batch);
        reader->records++;
    }
    reader->done = reader->records >= reader->want;
    return count;
}

static void test_rows_arrive_in_their_partition_in_batches_that_a_worker_takes(void **state)
{
    struct mock *mock = *state;
    struct tray *tray = open_tray(mock);
    struct reader reader = {.batch = batch_new(), .next = 1000, .want = 5};
    send_rows(tray, 1, 1000, 1300); /* 512 + 512 + 276 */
    send_rows(tray, 1, 2300, 1);
    send_rows(tray, 3, 1, 512);
    send_rows(tray, 0, 1, 0); /* nothing is no record */
    assert_int_equal(outbox_waiting(tray->outbox), 5);
    wait_rows(tray, 1813);
    assert_int_equal(outbox_waiting(tray->outbox), 0);
    assert_int_equal(tray->records, 5);
    assert_int_equal(tray->rooms, 5);
    assert_false(outbox_stuck(tray->outbox));
    struct kafka_consumer *consumer = mock_read(mock, mock->loop, on_records, &reader);
    assert_int_equal(loop_run_until(mock->loop, &reader.done, MOCK_DEADLINE_MS), 0);
    assert_int_equal(reader.rows[1], 1301);
    assert_int_equal(reader.rows[3], 512);
    assert_int_equal(reader.rows[0], 0);
    kafka_consumer_free(consumer);
    batch_free(reader.batch);
    outbox_free(tray->outbox);
    assert_int_equal(tray->rows_lost, 0);
    free(tray);
}

/* librdkafka gives up on a record for good: it is produced again, not lost. */
static void test_what_was_not_delivered_is_produced_again(void **state)
{
    struct mock *mock = *state;
    struct tray *tray = open_tray(mock);
    rd_kafka_mock_push_request_errors(mock->cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    send_rows(tray, 2, 1, 3);
    wait_rows(tray, 3);
    assert_int_equal(tray->failures, 1);
    assert_int_equal(tray->records, 1);
    assert_int_equal(outbox_waiting(tray->outbox), 0);
    assert_int_equal(tray->fatals, 0);
    outbox_free(tray->outbox);
    free(tray);
}

static void test_an_outage_is_noticed_and_nothing_is_lost(void **state)
{
    struct mock *mock = *state;
    struct tray *tray = open_tray(mock);
    send_rows(tray, 0, 1, 1);
    wait_rows(tray, 1);
    mock_power(mock, false);
    for (int i = 0; i < 50; i++)
        send_rows(tray, i % MOCK_PARTITIONS, i, 2);
    UNTIL(mock->loop, outbox_stuck(tray->outbox));
    assert_int_equal(outbox_waiting(tray->outbox), 50);
    mock_power(mock, true);
    wait_rows(tray, 101);
    assert_false(outbox_stuck(tray->outbox));
    assert_int_equal(outbox_waiting(tray->outbox), 0);
    outbox_free(tray->outbox);
    assert_int_equal(tray->rows_lost, 0);
    free(tray);
}

static void test_what_waits_at_the_end_is_counted_as_lost(void **state)
{
    struct mock *mock = *state;
    struct tray *tray = open_tray(mock);
    mock_power(mock, false);
    send_rows(tray, 0, 1, 5);
    send_rows(tray, 1, 1, 6);
    outbox_free(tray->outbox);
    assert_int_equal(tray->rows_lost, 11);
    assert_int_equal(tray->rows, 0);
    mock_power(mock, true);
    free(tray);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_rows_arrive_in_their_partition_in_batches_that_a_worker_takes),
        TEST(test_what_was_not_delivered_is_produced_again),
        TEST(test_an_outage_is_noticed_and_nothing_is_lost),
        TEST(test_what_waits_at_the_end_is_counted_as_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
