/* Dead letters and ticks against mock brokers: what arrives, when nobody waits any more, and while no broker answers.
 */
#include "test_kafka_mock.h"

#include "../../worker/deadletter.h"
#include "loop_kit.h"
#include "observation.h"

#include "deadletter.pb-c.h"

struct box {
    struct worker_metrics metrics;
    struct deadletters *letters;
    int64_t pending, others;
    int settled;
    int64_t *last;
    bool done;
};

static void on_settled(void *arg, int64_t *pending)
{
    struct box *box = arg;
    box->settled++;
    box->last = pending;
    assert_int_equal(*pending, 0);
    box->done = true;
}

static void on_fatal(void *arg, const char *reason)
{
    (void)arg;
    fail_msg("%s", reason);
}

static void box_open(struct box *box, struct mock *mock, const char *topic)
{
    struct buf error = BUF_EMPTY;
    *box = (struct box){.done = false};
    struct deadletter_config config = {.loop = mock->loop,
                                       .brokers = mock->brokers,
                                       .client_id = "test",
                                       .topic = topic,
                                       .metrics = &box->metrics,
                                       .settled = on_settled,
                                       .fatal = on_fatal,
                                       .arg = box};
    box->letters = deadletters_new(&config, &error);
    assert_non_null(box->letters);
}

static void box_wait(struct box *box, struct mock *mock)
{
    box->done = false;
    assert_int_equal(loop_run_until(mock->loop, &box->done, MOCK_DEADLINE_MS), 0);
}

static struct kafka_record record_of(const void *value, size_t size)
{
    return (struct kafka_record){.topic = "weather.observations",
                                 .partition = 7,
                                 .offset = 1234,
                                 .timestamp_ms = 1790000000000,
                                 .key = "key",
                                 .key_size = 3,
                                 .value = value,
                                 .size = size};
}

/* The next message of the partition, for the caller to destroy. */
static rd_kafka_message_t *read_next(rd_kafka_t *reader)
{
    int64_t deadline_ms = clock_monotonic_ms() + MOCK_DEADLINE_MS;
    while (clock_monotonic_ms() < deadline_ms) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 100);
        if (message && message->err == 0)
            return message;
        if (message)
            rd_kafka_message_destroy(message);
    }
    fail_msg("nothing came");
    return NULL;
}

static rd_kafka_t *reader_of(struct mock *mock, int32_t partition)
{
    rd_kafka_t *reader = mock_handle(RD_KAFKA_CONSUMER, mock->brokers, "reader");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, MOCK_TOPIC, partition)->offset = 0;
    assert_int_equal(rd_kafka_assign(reader, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
    return reader;
}

static void a_letter_says_everything(void **state)
{
    struct mock *mock = *state;
    struct box box;
    box_open(&box, mock, MOCK_TOPIC);
    size_t size = DEADLETTER_ORIGINAL_MAX + 1000;
    char *value = calloc(size, 1);
    memset(value, 'v', size);
    struct kafka_record record = record_of(value, size);
    deadletters_send(box.letters, "foreign_partition", &record, 5, &box.pending);
    record = record_of("junk", 4);
    record.key = NULL;
    record.key_size = 0;
    deadletters_send(box.letters, "not a batch", &record, -1, &box.pending);
    assert_int_equal(box.pending, 2);
    memset(value, 'x', size); /* it has its own copy */
    box_wait(&box, mock);
    assert_int_equal(box.pending, 0);
    assert_int_equal(box.settled, 1); /* once, for the last */
    assert_ptr_equal(box.last, &box.pending);
    assert_int_equal(box.metrics.deadletters_total, 2);

    rd_kafka_t *reader = reader_of(mock, 0);
    rd_kafka_message_t *message = read_next(reader);
    assert_int_equal(message->key_len, strlen("weather.observations/7/1234/5"));
    assert_memory_equal(message->key, "weather.observations/7/1234/5", message->key_len);
    Isobar__V1__DeadLetter *letter = isobar__v1__dead_letter__unpack(NULL, message->len, message->payload);
    assert_non_null(letter);
    assert_string_equal(letter->reason, "foreign_partition");
    assert_string_equal(letter->topic, "weather.observations");
    assert_int_equal(letter->partition, 7);
    assert_int_equal(letter->offset, 1234);
    assert_int_equal(letter->row, 5);
    assert_int_equal(letter->timestamp_ms, 1790000000000);
    assert_int_equal(letter->original.len, DEADLETTER_ORIGINAL_MAX); /* cut, and its length told */
    assert_int_equal(letter->original.data[0], 'v');
    assert_int_equal(letter->original_bytes, size);
    assert_int_equal(letter->original_key.len, 3);
    isobar__v1__dead_letter__free_unpacked(letter, NULL);
    rd_kafka_message_destroy(message);
    message = read_next(reader);
    assert_memory_equal(message->key, "weather.observations/7/1234/-1", message->key_len);
    rd_kafka_message_destroy(message);
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
    deadletters_free(box.letters, 1000);
    free(value);
}

static void nobody_is_told_of_what_was_forgotten(void **state)
{
    struct mock *mock = *state;
    struct box box;
    box_open(&box, mock, MOCK_TOPIC);
    struct kafka_record record = record_of("junk", 4);
    deadletters_send(box.letters, "reason", &record, 0, &box.pending);
    deadletters_send(box.letters, "reason", &record, 1, &box.others);
    deadletters_forget(box.letters, &box.pending);
    box.pending = 99;
    box_wait(&box, mock);
    assert_ptr_equal(box.last, &box.others);
    UNTIL(mock->loop, box.metrics.deadletters_total >= 2); /* it is delivered all the same */
    assert_int_equal(box.settled, 1);
    assert_int_equal(box.pending, 99);
    deadletters_free(box.letters, 1000);
}

static void letters_wait_for_a_broker(void **state)
{
    struct mock *mock = *state;
    struct box box;
    box_open(&box, mock, MOCK_TOPIC);
    mock_power(mock, false);
    struct kafka_record record = record_of("junk", 4);
    for (int i = 0; i < 10; i++)
        deadletters_send(box.letters, "reason", &record, i, &box.pending);
    run_for(mock->loop, 300);
    assert_int_equal(box.pending, 10);
    mock_power(mock, true);
    box_wait(&box, mock);
    assert_int_equal(box.pending, 0);
    assert_int_equal(box.metrics.deadletters_total, 10);
    deadletters_free(box.letters, 1000);
}

static void what_cannot_be_delivered_is_freed_at_the_end(void **state)
{
    struct mock *mock = *state;
    struct box box;
    box_open(&box, mock, MOCK_TOPIC);
    mock_power(mock, false);
    struct kafka_record record = record_of("junk", 4);
    deadletters_send(box.letters, "reason", &record, 0, &box.pending);
    deadletters_forget(box.letters, &box.pending);
    int64_t began_ms = clock_monotonic_ms();
    deadletters_free(box.letters, 100);
    assert_true(clock_monotonic_ms() - began_ms < 5000);
    assert_int_equal(box.settled, 0);
    assert_int_equal(box.metrics.deadletters_total, 0);
    mock_power(mock, true);
    deadletters_free(NULL, 0);
}

static void a_tick_arrives(void **state)
{
    struct mock *mock = *state;
    struct box box;
    struct observation row;
    const char *reason = NULL;
    box_open(&box, mock, "weather.deadletter");
    deadletters_tick(box.letters, MOCK_TOPIC, 2, 1790000000123);
    assert_int_equal(box.metrics.ticks_total, 1);
    rd_kafka_t *reader = reader_of(mock, 2);
    rd_kafka_message_t *message = read_next(reader);
    struct batch *batch = batch_new();
    assert_int_equal(batch_decode(batch, message->payload, message->len, &reason), 0);
    assert_int_equal(batch_rows(batch), 1);
    assert_int_equal(batch_shard(batch), 2);
    batch_row(batch, 0, &row);
    assert_int_equal(row.kind, ISOBAR__V1__ROW_KIND__TICK);
    assert_int_equal(row.observed_at_ms, 1790000000123);
    batch_free(batch);
    rd_kafka_message_destroy(message);
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
    deadletters_free(box.letters, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_letter_says_everything, mock_setup, mock_teardown),
        cmocka_unit_test_setup_teardown(nobody_is_told_of_what_was_forgotten, mock_setup, mock_teardown),
        cmocka_unit_test_setup_teardown(letters_wait_for_a_broker, mock_setup, mock_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_delivered_is_freed_at_the_end, mock_setup, mock_teardown),
        cmocka_unit_test_setup_teardown(a_tick_arrives, mock_setup, mock_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
