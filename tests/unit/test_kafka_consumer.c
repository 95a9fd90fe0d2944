/* The consumer and its reader against mock brokers. */
#include "test_kafka_mock.h"

#include "clock.h"
#include "error.h"

static void every_record_is_delivered_once_and_in_order(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};

    for (int32_t p = 0; p < MOCK_PARTITIONS; p++) {
        mock_fill(mock, p, 500, 100);
    }
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    sink_assign(&sink, 1, 1);
    sink_assign(&sink, 2, 123); /* in the middle of a batch of the log */
    sink_assign(&sink, 3, 499);
    sink_wait(&sink, mock, 500 + 499 + 377 + 1);
    for (int32_t p = 0; p < MOCK_PARTITIONS; p++) {
        assert_int_equal(sink.next[p], 500);
        assert_int_equal(kafka_consumer_high(sink.consumer, p), 500);
    }
    assert_int_equal(kafka_consumer_dropped(sink.consumer), 0);
    kafka_consumer_free(sink.consumer);
}

/* A worker that joins reads its first partition when it gets it, not when librdkafka next looks for unknown topics. */
static void the_first_partition_is_read_at_once(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    bool never = false;

    mock_fill(mock, 0, 1, 1);
    sink_open(&sink, mock);
    assert_int_equal(loop_run_until(mock->loop, &never, MOCK_IDLE_MS), ERR_TIMEOUT);
    int64_t before = clock_monotonic_ms();
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 1);
    assert_true(clock_monotonic_ms() - before < MOCK_STALL_MS);
    kafka_consumer_free(sink.consumer);
}

static void new_records_arrive_at_the_end_of_the_log(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};

    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    for (size_t i = 1; i <= 5; i++) {
        mock_fill(mock, 0, 10, 10);
        sink_wait(&sink, mock, 10 * i);
    }
    assert_int_equal(sink.errors, 0);
    kafka_consumer_free(sink.consumer);
}

/* Reads on until `stop` records have come, then gives partition 0 away from inside the call. */
static size_t stop_at;
static void unassign_at(struct sink *sink, const struct kafka_record *record)
{
    if (record->partition == 0 && sink->got == stop_at) {
        sink_unassign(sink, 0);
        sink->done = true;
    }
}

static void nothing_is_delivered_after_unassign(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {.each = unassign_at};

    mock_fill(mock, 0, 2000, 100);
    mock_fill(mock, 1, 2000, 100);
    sink_open(&sink, mock);
    stop_at = 300;
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 300);
    assert_int_equal(sink.got, 300);
    /* next[0] is −1 now, so a record of partition 0 in a later call would not be counted: count calls
     * instead. */
    size_t calls = sink.calls;
    sink.each = NULL;
    sink_assign(&sink, 1, 0);
    sink_wait(&sink, mock, 2300);
    assert_true(sink.calls > calls);
    assert_int_equal(sink.next[1], 2000);
    kafka_consumer_free(sink.consumer);
}

/* Each time the new assignment must begin at exactly its offset, whatever is still queued of the last one. */
static void a_partition_can_be_moved_again_and_again(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {.each = unassign_at};
    static const int64_t starts[] = {0, 1500, 10, 700, 699, 0, 1999, 3, 1000, 1001, 42, 0};

    mock_fill(mock, 0, 2000, 100);
    sink_open(&sink, mock);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        stop_at = sink.got + (starts[i] == 1999 ? 1 : 137);
        sink_assign(&sink, 0, starts[i]);
        sink_wait(&sink, mock, stop_at);
        assert_int_equal(sink.got, stop_at);
        assert_int_equal(sink.errors, 0);
    }
    kafka_consumer_free(sink.consumer);
}

/* The same, but the change is made while records are kept back and the queue is full of more. */
static void kept_records_of_an_earlier_assignment_are_dropped(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {.take = 5};

    mock_fill(mock, 0, 2000, 100);
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 5);
    sink_unassign(&sink, 0);
    sink_assign(&sink, 0, 700);
    sink.take = 0;
    kafka_consumer_resume(sink.consumer);
    sink_wait(&sink, mock, sink.got + 1300);
    assert_int_equal(sink.next[0], 2000);
    kafka_consumer_free(sink.consumer);
}

static void on_timer_resume(void *arg)
{
    struct sink *sink = arg;

    kafka_consumer_resume(sink->consumer);
}

static void what_is_not_taken_is_offered_again_after_resume(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {.take = 7};
    struct loop_timer *timer = loop_timer_new(mock->loop, on_timer_resume, &sink);
    bool never = false;

    mock_fill(mock, 0, 300, 50);
    mock_fill(mock, 1, 300, 50);
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    sink_assign(&sink, 1, 0);
    assert_int_equal(loop_run_until(mock->loop, &sink.refused, MOCK_DEADLINE_MS), 0); /* the first calls may have few */
    size_t got = sink.got;
    assert_in_range(got, 7, 600 - 1);
    /* Without resume nothing comes. */
    assert_int_equal(loop_run_until(mock->loop, &never, 50), ERR_TIMEOUT);
    assert_int_equal(sink.got, got);
    loop_timer_set(timer, 0, 1);
    sink_wait(&sink, mock, 600);
    assert_int_equal(sink.got, 600);
    loop_timer_free(timer);
    kafka_consumer_free(sink.consumer);
}

/* Work enough for the fetcher to be faster than the reader. */
static void work_a_while(struct sink *sink, const struct kafka_record *record)
{
    int64_t end_us = clock_monotonic_us() + 20;

    (void)sink;
    (void)record;
    while (clock_monotonic_us() < end_us) {
    }
}

/* About 40 queues full, 0.8 s of work: with the back-off of a second each this takes 20 s. */
static void a_queue_that_fills_up_does_not_stall(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {.fetch_memory = 1 << 20, .each = work_a_while}; /* a queue of 1024 records */
    int64_t before;

    for (int32_t p = 0; p < MOCK_PARTITIONS; p++) {
        mock_fill(mock, p, 10240, 512);
    }
    sink_open(&sink, mock);
    before = clock_monotonic_ms();
    for (int32_t p = 0; p < MOCK_PARTITIONS; p++) {
        sink_assign(&sink, p, 0);
    }
    sink_wait(&sink, mock, 4 * 10240);
    assert_true(clock_monotonic_ms() - before < 6000);
    kafka_consumer_free(sink.consumer);
}

static void resume_in_each(struct sink *sink, const struct kafka_record *record)
{
    (void)record;
    kafka_consumer_resume(sink->consumer);
}

static void resume_from_inside_the_call_is_heard(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {.take = 3, .each = resume_in_each};

    mock_fill(mock, 0, 100, 50);
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 100);
    assert_true(sink.calls >= 34);
    kafka_consumer_free(sink.consumer);
}

static void records_not_taken_are_freed_with_the_consumer(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {.take = 1};

    mock_fill(mock, 0, 1000, 100);
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 1);
    kafka_consumer_free(sink.consumer);
}

static void an_offset_beyond_the_log_is_an_error_of_its_partition(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};

    mock_fill(mock, 0, 10, 10);
    mock_fill(mock, 1, 10, 10);
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 1000);
    sink_wait(&sink, mock, 1);
    assert_int_equal(sink.errors, 1);
    assert_int_equal(sink.error_partition, 0);
    assert_int_equal(sink.got, 0);
    sink_assign(&sink, 1, 0);
    sink_wait(&sink, mock, 10);
    assert_int_equal(sink.next[1], 10);
    /* It can be read again from a good offset. */
    sink_unassign(&sink, 0);
    sink_assign(&sink, 0, 4);
    sink_wait(&sink, mock, 16);
    assert_int_equal(sink.next[0], 10);
    assert_int_equal(sink.errors, 1);
    kafka_consumer_free(sink.consumer);
}

static void a_partition_the_topic_lacks_is_an_error(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};

    sink_open(&sink, mock);
    assert_int_equal(kafka_consumer_assign(sink.consumer, MOCK_PARTITIONS + 1, 0), 0);
    sink_wait(&sink, mock, 1);
    assert_int_equal(sink.errors, 1);
    assert_int_equal(sink.error_partition, MOCK_PARTITIONS + 1);
    kafka_consumer_free(sink.consumer);
}

static void a_new_leader_makes_no_gap(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};

    mock_fill(mock, 0, 200, 50);
    rd_kafka_mock_partition_set_leader(mock->cluster, MOCK_TOPIC, 0, 1);
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 200);
    for (int32_t leader = 2; leader <= MOCK_BROKERS; leader++) {
        rd_kafka_mock_partition_set_leader(mock->cluster, MOCK_TOPIC, 0, leader);
        mock_fill(mock, 0, 200, 50);
        sink_wait(&sink, mock, 200 * (size_t)leader);
    }
    assert_int_equal(sink.next[0], 200 * MOCK_BROKERS);
    assert_int_equal(sink.errors, 0);
    kafka_consumer_free(sink.consumer);
}

static void refused_fetches_are_tried_again(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};

    mock_fill(mock, 0, 100, 50);
    rd_kafka_mock_push_request_errors(mock->cluster, 1 /* Fetch */, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 100);
    assert_int_equal(sink.errors, 0);
    kafka_consumer_free(sink.consumer);
}

static void brokers_that_go_away_are_reported_and_found_again(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};

    mock_fill(mock, 0, 10, 10);
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 10);
    mock_power(mock, false);
    sink_wait(&sink, mock, 11);
    assert_int_equal(sink.client_errors, 1);
    assert_false(sink.fatal);
    mock_power(mock, true);
    mock_fill(mock, 0, 10, 10);
    while (sink.got < 20) {
        sink_wait(&sink, mock, 20);
    }
    assert_int_equal(sink.errors, 0);
    kafka_consumer_free(sink.consumer);
}

/* The committed offset of partition 0 as a lag tool would ask for it; -1001 when there is none. */
static int64_t committed(struct mock *mock)
{
    rd_kafka_t *rk = mock_handle(RD_KAFKA_CONSUMER, mock->brokers, "group");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int64_t offset;

    rd_kafka_topic_partition_list_add(list, MOCK_TOPIC, 0);
    assert_int_equal(rd_kafka_committed(rk, list, MOCK_DEADLINE_MS), 0);
    offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset;
}

static void noted_offsets_reach_the_group(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};

    mock_fill(mock, 0, 10, 10);
    sink_open(&sink, mock);
    kafka_consumer_note_offset(sink.consumer, -1, 5);
    kafka_consumer_note_offset(sink.consumer, 2 * MOCK_PARTITIONS, 5);
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 10);
    kafka_consumer_note_offset(sink.consumer, 0, 3);
    kafka_consumer_note_offset(sink.consumer, 0, 7);
    assert_int_equal(committed(mock), RD_KAFKA_OFFSET_INVALID);
    for (int i = 0; i < 100 && committed(mock) != 7; i++) {
        bool never = false;
        assert_int_equal(loop_run_until(mock->loop, &never, 50), ERR_TIMEOUT);
    }
    assert_int_equal(committed(mock), 7);
    /* What is given away is written at once. */
    kafka_consumer_note_offset(sink.consumer, 0, 9);
    sink_unassign(&sink, 0);
    for (int i = 0; i < 100 && committed(mock) != 9; i++) {
    }
    assert_int_equal(committed(mock), 9);
    kafka_consumer_free(sink.consumer);
}

static void wrong_arguments_are_refused(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};

    sink_open(&sink, mock);
    assert_int_equal(kafka_consumer_assign(sink.consumer, -1, 0), ERR_INVALID);
    assert_int_equal(kafka_consumer_assign(sink.consumer, 2 * MOCK_PARTITIONS, 0), ERR_INVALID);
    assert_int_equal(kafka_consumer_assign(sink.consumer, 0, -1), ERR_INVALID);
    assert_int_equal(kafka_consumer_unassign(sink.consumer, 0), ERR_NOT_FOUND);
    assert_int_equal(kafka_consumer_unassign(sink.consumer, -1), ERR_NOT_FOUND);
    sink_assign(&sink, 0, 0);
    assert_int_equal(kafka_consumer_assign(sink.consumer, 0, 0), ERR_INVALID);
    assert_int_equal(kafka_consumer_high(sink.consumer, -1), -1);
    assert_int_equal(kafka_consumer_high(sink.consumer, 3), -1);
    kafka_consumer_free(sink.consumer);
    kafka_consumer_free(NULL);
}

static void a_wrong_configuration_is_explained(void **state)
{
    struct mock *mock = *state;
    struct kafka_consumer_events events = {sink_records, sink_partition_error, sink_doubt, sink_error, NULL};
    struct kafka_config config = {.client_id = "test", .group = "group", .partitions = 4};
    struct buf error = BUF_EMPTY;

    assert_null(kafka_consumer_new(mock->loop, &config, MOCK_TOPIC, &events, &error));
    assert_non_null(strstr(error.data, "no broker"));
    buf_reset(&error);
    config.brokers = mock->brokers;
    config.partitions = 0;
    assert_null(kafka_consumer_new(mock->loop, &config, MOCK_TOPIC, &events, &error));
    assert_non_null(strstr(error.data, "0 partitions"));
    buf_release(&error);
}

#define MOCK_TEST(name) cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(every_record_is_delivered_once_and_in_order),
        MOCK_TEST(the_first_partition_is_read_at_once),
        MOCK_TEST(new_records_arrive_at_the_end_of_the_log),
        MOCK_TEST(nothing_is_delivered_after_unassign),
        MOCK_TEST(a_partition_can_be_moved_again_and_again),
        MOCK_TEST(kept_records_of_an_earlier_assignment_are_dropped),
        MOCK_TEST(what_is_not_taken_is_offered_again_after_resume),
        MOCK_TEST(a_queue_that_fills_up_does_not_stall),
        MOCK_TEST(resume_from_inside_the_call_is_heard),
        MOCK_TEST(records_not_taken_are_freed_with_the_consumer),
        MOCK_TEST(an_offset_beyond_the_log_is_an_error_of_its_partition),
        MOCK_TEST(a_partition_the_topic_lacks_is_an_error),
        MOCK_TEST(a_new_leader_makes_no_gap),
        MOCK_TEST(refused_fetches_are_tried_again),
        MOCK_TEST(brokers_that_go_away_are_reported_and_found_again),
        MOCK_TEST(noted_offsets_reach_the_group),
        MOCK_TEST(wrong_arguments_are_refused),
        MOCK_TEST(a_wrong_configuration_is_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
