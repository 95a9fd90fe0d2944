/* The producer against mock brokers. */
#include "test_kafka_mock.h"

#include "clock.h"
#include "error.h"

#define QUEUE_RECORDS 50000

struct ledger {
    struct kafka_producer *producer;
    int acknowledged, failed, want;
    bool done;
    bool fatal;
    int64_t last_offset;
    int32_t last_partition;
    char seen[QUEUE_RECORDS + 1]; /* opaque points in here: reported once */
};

static void on_delivered(void *arg, void *opaque, int32_t partition, int64_t offset, const char *error)
{
    struct ledger *ledger = arg;
    char *seen = opaque;

    assert_true(seen > ledger->seen && seen <= ledger->seen + QUEUE_RECORDS);
    assert_int_equal(*seen, 0);
    *seen = 1;
    if (error == NULL) {
        ledger->acknowledged++;
        ledger->last_offset = offset;
        ledger->last_partition = partition;
    } else {
        assert_true(strlen(error) > 0);
        ledger->failed++;
    }
    ledger->done = ledger->acknowledged + ledger->failed >= ledger->want;
}

static void on_failed(void *arg, bool fatal, const char *reason)
{
    struct ledger *ledger = arg;

    assert_true(strlen(reason) > 0);
    ledger->fatal |= fatal;
}

static struct ledger *ledger_open(struct mock *mock, const char *compression)
{
    struct kafka_config config = {
        .brokers = mock->brokers, .client_id = "test", .compression = compression, .topic = MOCK_TOPIC};
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    struct buf error = BUF_EMPTY;

    ledger->producer = kafka_producer_new(mock->loop, &config, on_delivered, on_failed, ledger, &error);
    assert_non_null(ledger->producer);
    return ledger;
}

static int put(struct ledger *ledger, int32_t partition, size_t id)
{
    return kafka_produce(ledger->producer, MOCK_TOPIC, partition, "key", 3, "value", 5, 0, &ledger->seen[id]);
}

static void ledger_wait(struct ledger *ledger, struct mock *mock, int want)
{
    ledger->want = want;
    ledger->done = ledger->acknowledged + ledger->failed >= want;
    assert_int_equal(loop_run_until(mock->loop, &ledger->done, MOCK_DEADLINE_MS), 0);
}

static void each_record_is_acknowledged_once(void **state)
{
    static const char *const codecs[] = {"none", "lz4", "zstd"};
    struct mock *mock = *state;

    for (size_t c = 0; c < 3; c++) {
        struct ledger *ledger = ledger_open(mock, codecs[c]);

        for (size_t id = 1; id <= 1000; id++) {
            assert_int_equal(put(ledger, 2, id), 0);
        }
        assert_int_equal(kafka_producer_pending(ledger->producer), 1000);
        ledger_wait(ledger, mock, 1000);
        assert_int_equal(ledger->acknowledged, 1000);
        assert_int_equal(ledger->last_partition, 2);
        assert_int_equal(ledger->last_offset, 1000 * (c + 1) - 1);
        assert_int_equal(kafka_producer_pending(ledger->producer), 0);
        kafka_producer_free(ledger->producer, 0);
        free(ledger);
    }
}

/* A commit that passes a dead letter waits for it. */
static void the_first_record_of_its_topic_goes_at_once(void **state)
{
    struct mock *mock = *state;
    struct ledger *ledger = ledger_open(mock, NULL);
    bool never = false;

    assert_int_equal(loop_run_until(mock->loop, &never, MOCK_IDLE_MS), ERR_TIMEOUT);
    int64_t before = clock_monotonic_ms();
    assert_int_equal(put(ledger, 0, 1), 0);
    ledger_wait(ledger, mock, 1);
    assert_int_equal(ledger->acknowledged, 1);
    assert_true(clock_monotonic_ms() - before < MOCK_STALL_MS);
    kafka_producer_free(ledger->producer, 0);
    free(ledger);
}

static void a_passing_refusal_is_tried_again_without_a_duplicate(void **state)
{
    struct mock *mock = *state;
    struct ledger *ledger = ledger_open(mock, NULL);

    rd_kafka_mock_push_request_errors(mock->cluster, 0 /* Produce */, 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    for (size_t id = 1; id <= 10; id++) {
        assert_int_equal(put(ledger, 0, id), 0);
    }
    ledger_wait(ledger, mock, 10);
    assert_int_equal(ledger->acknowledged, 10);
    assert_int_equal(ledger->last_offset, 9);
    kafka_producer_free(ledger->producer, 0);
    free(ledger);
}

static void a_final_refusal_is_reported_with_its_reason(void **state)
{
    struct mock *mock = *state;
    struct ledger *ledger = ledger_open(mock, NULL);

    rd_kafka_mock_push_request_errors(mock->cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(put(ledger, 0, 1), 0);
    ledger_wait(ledger, mock, 1);
    assert_int_equal(ledger->failed, 1);
    kafka_producer_free(ledger->producer, 0);
    free(ledger);
}

static void a_partition_the_topic_lacks_is_refused(void **state)
{
    struct mock *mock = *state;
    struct ledger *ledger = ledger_open(mock, NULL);

    /* Before the topic is known the report says it, afterwards the call. */
    assert_int_equal(put(ledger, MOCK_PARTITIONS, 1), 0);
    ledger_wait(ledger, mock, 1);
    assert_int_equal(ledger->failed, 1);
    assert_int_equal(put(ledger, MOCK_PARTITIONS, 2), ERR_NOT_FOUND);
    assert_int_equal(kafka_producer_pending(ledger->producer), 0);
    kafka_producer_free(ledger->producer, 0);
    free(ledger);
}

static void a_record_that_is_too_large_is_refused(void **state)
{
    struct mock *mock = *state;
    struct ledger *ledger = ledger_open(mock, NULL);
    char *value = calloc(1, 2 << 20);

    assert_int_equal(kafka_produce(ledger->producer, MOCK_TOPIC, 0, NULL, 0, value, 2 << 20, 0, NULL), ERR_TOO_LARGE);
    free(value);
    kafka_producer_free(ledger->producer, 0);
    free(ledger);
}

static void a_full_queue_says_so_and_every_record_is_accounted_for(void **state)
{
    struct mock *mock = *state;
    struct ledger *ledger = ledger_open(mock, NULL);
    size_t id = 1;

    mock_power(mock, false);
    while (id <= QUEUE_RECORDS && put(ledger, 0, id) == 0) {
        id++;
    }
    assert_int_equal(id, QUEUE_RECORDS + 1);
    assert_int_equal(put(ledger, 0, 1), ERR_BUSY);
    assert_int_equal(kafka_producer_pending(ledger->producer), QUEUE_RECORDS);
    kafka_producer_free(ledger->producer, 0);
    assert_int_equal(ledger->failed, QUEUE_RECORDS);
    free(ledger);
}

static void freeing_flushes_first(void **state)
{
    struct mock *mock = *state;
    struct ledger *ledger = ledger_open(mock, NULL);

    for (size_t id = 1; id <= 100; id++) {
        assert_int_equal(put(ledger, 1, id), 0);
    }
    kafka_producer_free(ledger->producer, MOCK_DEADLINE_MS);
    assert_int_equal(ledger->acknowledged, 100);
    free(ledger);
    kafka_producer_free(NULL, 0);
}

static void a_fatal_error_is_told(void **state)
{
    struct mock *mock = *state;
    struct ledger *ledger = ledger_open(mock, NULL);

    assert_int_equal(put(ledger, 0, 1), 0);
    ledger_wait(ledger, mock, 1);
    rd_kafka_mock_push_request_errors(mock->cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_int_equal(put(ledger, 0, 2), 0);
    ledger_wait(ledger, mock, 2);
    assert_int_equal(loop_run_until(mock->loop, &ledger->fatal, MOCK_DEADLINE_MS), 0);
    kafka_producer_free(ledger->producer, 0);
    free(ledger);
}

static void a_wrong_codec_is_explained(void **state)
{
    struct mock *mock = *state;
    struct kafka_config config = {.brokers = mock->brokers, .compression = "brotli"};
    struct buf error = BUF_EMPTY;

    assert_null(kafka_producer_new(mock->loop, &config, on_delivered, on_failed, NULL, &error));
    assert_non_null(strstr(error.data, "brotli"));
    buf_release(&error);
}

#define MOCK_TEST(name) cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(each_record_is_acknowledged_once),
        MOCK_TEST(the_first_record_of_its_topic_goes_at_once),
        MOCK_TEST(a_passing_refusal_is_tried_again_without_a_duplicate),
        MOCK_TEST(a_final_refusal_is_reported_with_its_reason),
        MOCK_TEST(a_partition_the_topic_lacks_is_refused),
        MOCK_TEST(a_record_that_is_too_large_is_refused),
        MOCK_TEST(a_full_queue_says_so_and_every_record_is_accounted_for),
        MOCK_TEST(freeing_flushes_first),
        MOCK_TEST(a_fatal_error_is_told),
        MOCK_TEST(a_wrong_codec_is_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
