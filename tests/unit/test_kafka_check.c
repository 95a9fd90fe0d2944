/* The questions asked before a partition is read. */
#include "test_kafka_mock.h"

#include "clock.h"
#include "error.h"
#include "kafka_internal.h"

#define QUESTIONS 24
#define API_FETCH 1
#define READS     25
#define STALL_MS  900 /* a thread of librdkafka that has nothing to do sleeps for a second */

struct answers {
    int count, want;
    bool done;
    struct kafka_check last;
};

static void on_check(void *arg, const struct kafka_check *check)
{
    struct answers *answers = arg;

    answers->last = *check;
    answers->done = ++answers->count >= answers->want;
}

static void ask(struct sink *sink, struct mock *mock, struct answers *answers, int32_t partition, int64_t offset)
{
    *answers = (struct answers){.want = 1};
    kafka_consumer_check(sink->consumer, partition, (int64_t[]){offset, -1}, MOCK_DEADLINE_MS, on_check, answers);
    assert_int_equal(loop_run_until(mock->loop, &answers->done, MOCK_DEADLINE_MS), 0);
}

static void watermarks_cluster_and_partitions_are_told(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    struct answers answers;

    mock_fill(mock, 1, 30, 10);
    sink_open(&sink, mock);
    ask(&sink, mock, &answers, 1, -1);
    assert_int_equal(answers.last.status, 0);
    assert_int_equal(answers.last.low, 0);
    assert_int_equal(answers.last.high, 30);
    assert_int_equal(answers.last.partitions, MOCK_PARTITIONS);
    assert_int_equal(answers.last.records[0].status, ERR_NOT_FOUND);
    assert_true(strlen(answers.last.cluster_id) > 0);
    kafka_consumer_free(sink.consumer);
}

static void the_record_has_the_hash_it_had_when_delivered(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    struct answers answers;

    mock_fill(mock, 0, 18, 10);
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 18);
    sink_unassign(&sink, 0);
    ask(&sink, mock, &answers, 0, 17);
    assert_int_equal(answers.last.status, 0);
    assert_int_equal(answers.last.records[0].status, 0);
    assert_true(answers.last.records[0].hash == sink.last_hash);
    ask(&sink, mock, &answers, 0, 16);
    assert_int_equal(answers.last.records[0].status, 0);
    assert_true(answers.last.records[0].hash != sink.last_hash);
    /* The same one twice in a row: the read is begun and ended each time. */
    ask(&sink, mock, &answers, 0, 17);
    assert_true(answers.last.records[0].hash == sink.last_hash);
    ask(&sink, mock, &answers, 0, 18);
    assert_int_equal(answers.last.status, 0);
    assert_int_equal(answers.last.records[0].status, ERR_NOT_FOUND);
    kafka_consumer_free(sink.consumer);
}

static void two_records_of_an_assigned_partition(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    struct answers answers = {.want = 1};

    mock_fill(mock, 0, 18, 10);
    sink_open(&sink, mock);
    sink_assign(&sink, 0, 0);
    sink_wait(&sink, mock, 10);
    kafka_consumer_check(sink.consumer, 0, (int64_t[]){17, 3}, MOCK_DEADLINE_MS, on_check, &answers);
    assert_int_equal(loop_run_until(mock->loop, &answers.done, MOCK_DEADLINE_MS), 0);
    assert_int_equal(answers.last.records[0].status, 0);
    assert_int_equal(answers.last.records[1].status, 0);
    assert_true(answers.last.records[0].hash != answers.last.records[1].hash);
    mock_fill(mock, 0, 5, 5);
    sink_wait(&sink, mock, 23); /* it is read on as if nothing had been asked */
    assert_int_equal(sink.errors, 0);
    kafka_consumer_free(sink.consumer);
}

/* Between the watermarks and the record the log may change: a record that is missing there is asked for twice. */
static void a_record_that_is_missing_is_asked_for_once_more(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    struct answers answers;
    const rd_kafka_resp_err_t gone = RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;

    mock_fill(mock, 0, 18, 10);
    sink_open(&sink, mock);
    rd_kafka_mock_push_request_errors(mock->cluster, API_FETCH, 1, gone);
    ask(&sink, mock, &answers, 0, 17);
    assert_int_equal(answers.last.status, 0);
    assert_int_equal(answers.last.records[0].status, 0);
    rd_kafka_mock_push_request_errors(mock->cluster, API_FETCH, 2, gone, gone);
    ask(&sink, mock, &answers, 0, 17);
    assert_int_equal(answers.last.status, 0);
    assert_int_equal(answers.last.records[0].status, ERR_NOT_FOUND);
    kafka_consumer_free(sink.consumer);
}

static void a_partition_the_topic_lacks_is_not_found(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    struct answers answers;

    sink_open(&sink, mock);
    ask(&sink, mock, &answers, MOCK_PARTITIONS, -1);
    assert_int_equal(answers.last.status, ERR_NOT_FOUND);
    assert_int_equal(answers.last.partitions, MOCK_PARTITIONS);
    kafka_consumer_free(sink.consumer);
}

static void many_questions_are_all_answered(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    struct answers answers = {.want = QUESTIONS};

    for (int32_t p = 0; p < MOCK_PARTITIONS; p++) {
        mock_fill(mock, p, 5, 5);
    }
    sink_open(&sink, mock);
    for (int i = 0; i < QUESTIONS; i++) {
        kafka_consumer_check(sink.consumer, i % MOCK_PARTITIONS, (int64_t[]){4, -1}, MOCK_DEADLINE_MS, on_check,
                             &answers);
    }
    assert_int_equal(loop_run_until(mock->loop, &answers.done, MOCK_DEADLINE_MS), 0);
    assert_int_equal(answers.count, QUESTIONS);
    assert_int_equal(answers.last.records[0].status, 0);
    kafka_consumer_free(sink.consumer);
}

/* What one partition is asked does not come out for another. */
static void partitions_asked_together_have_their_own_answers(void **state)
{
    static const struct {
        int32_t partition;
        int64_t offset;
        int status, record_status;
    } rows[] = {
        {0, 3, 0, 0},
        {MOCK_PARTITIONS, -1, ERR_NOT_FOUND, ERR_NOT_FOUND},
        {3, 9, 0, 0},
        {1, -1, 0, ERR_NOT_FOUND},
        {2, 7, 0, ERR_NOT_FOUND}, /* it has 7 records */
        {2, 6, 0, 0},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    struct mock *mock = *state;
    struct sink sink = {0};
    struct answers alone[ROWS], together[ROWS];

    for (int32_t p = 0; p < MOCK_PARTITIONS; p++) {
        mock_fill(mock, p, 5 + p, 2);
    }
    mock_fill(mock, 3, 5, 5);
    sink_open(&sink, mock);
    for (int i = 0; i < ROWS; i++) {
        ask(&sink, mock, &alone[i], rows[i].partition, rows[i].offset);
        assert_int_equal(alone[i].last.status, rows[i].status);
        assert_int_equal(alone[i].last.records[0].status, rows[i].record_status);
    }
    for (int i = 0; i < ROWS; i++) {
        together[i] = (struct answers){.want = 1};
        kafka_consumer_check(sink.consumer, rows[i].partition, (int64_t[]){rows[i].offset, -1}, MOCK_DEADLINE_MS,
                             on_check, &together[i]);
    }
    for (int i = 0; i < ROWS; i++) {
        const struct kafka_check *a = &alone[i].last, *b = &together[i].last;
        assert_int_equal(loop_run_until(mock->loop, &together[i].done, MOCK_DEADLINE_MS), 0);
        assert_int_equal(together[i].count, 1);
        assert_true(a->status == b->status && a->records[0].status == b->records[0].status && a->low == b->low &&
                    a->high == b->high && a->partitions == b->partitions && a->records[0].hash == b->records[0].hash);
        assert_string_equal(a->cluster_id, b->cluster_id);
    }
    kafka_consumer_free(sink.consumer);
}

/* However the threads of librdkafka meet: a fetch queue that counts as full makes one of them sleep. */
static void records_are_read_without_a_stall(void **state)
{
    struct mock *mock = *state;
    struct buf error = BUF_EMPTY;
    rd_kafka_t *rk = kafka_ask_new(mock->brokers, &error);

    assert_non_null(rk);
    for (int32_t p = 0; p < MOCK_PARTITIONS; p++) {
        mock_fill(mock, p, 30, 30);
    }
    for (int i = 0; i < READS; i++) {
        struct kafka_sought sought[MOCK_PARTITIONS];
        int64_t before = clock_monotonic_ms();

        for (int32_t p = 0; p < MOCK_PARTITIONS; p++) {
            sought[p] = (struct kafka_sought){.partition = p, .offset = i + p};
        }
        kafka_ask_records(rk, MOCK_TOPIC, sought, MOCK_PARTITIONS, MOCK_DEADLINE_MS);
        assert_true(clock_monotonic_ms() - before < STALL_MS);
        for (int32_t p = 0; p < MOCK_PARTITIONS; p++) {
            assert_int_equal(sought[p].status, 0);
        }
    }
    rd_kafka_destroy(rk);
    buf_release(&error);
}

static void a_leader_that_is_away_does_not_hold_up_the_others(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    struct answers bad = {.want = 1}, good = {.want = 1};

    rd_kafka_mock_partition_set_leader(mock->cluster, MOCK_TOPIC, 0, 1);
    rd_kafka_mock_partition_set_leader(mock->cluster, MOCK_TOPIC, 1, 2);
    rd_kafka_mock_broker_set_down(mock->cluster, 1);
    sink_open(&sink, mock);
    kafka_consumer_check(sink.consumer, 0, (int64_t[]){-1, -1}, MOCK_DEADLINE_MS, on_check, &bad);
    kafka_consumer_check(sink.consumer, 1, (int64_t[]){-1, -1}, MOCK_DEADLINE_MS, on_check, &good);
    assert_int_equal(loop_run_until(mock->loop, &good.done, MOCK_DEADLINE_MS), 0);
    assert_int_equal(good.last.status, 0);
    assert_false(bad.done);
    rd_kafka_mock_broker_set_up(mock->cluster, 1);
    assert_int_equal(loop_run_until(mock->loop, &bad.done, MOCK_DEADLINE_MS), 0);
    assert_int_equal(bad.last.status, 0);
    kafka_consumer_free(sink.consumer);
}

static void without_a_broker_the_answer_comes_in_time(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    struct answers answers = {.want = 1};
    int64_t before = clock_monotonic_ms();

    mock_power(mock, false);
    sink_open(&sink, mock);
    kafka_consumer_check(sink.consumer, 0, (int64_t[]){-1, -1}, 300, on_check, &answers);
    assert_int_equal(loop_run_until(mock->loop, &answers.done, MOCK_DEADLINE_MS), 0);
    assert_true(answers.last.status == ERR_UNAVAILABLE || answers.last.status == ERR_TIMEOUT);
    assert_true(clock_monotonic_ms() - before < 5000);
    kafka_consumer_free(sink.consumer);
}

/* Nothing may be called or leak afterwards; the sanitizers look. */
static void the_consumer_can_go_while_questions_are_open(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    struct answers answers = {.want = 1};
    bool never = false;

    mock_power(mock, false);
    sink_open(&sink, mock);
    for (int i = 0; i < QUESTIONS; i++) {
        kafka_consumer_check(sink.consumer, i % MOCK_PARTITIONS, (int64_t[]){4, -1}, MOCK_DEADLINE_MS, on_check,
                             &answers);
    }
    assert_int_equal(loop_run_until(mock->loop, &never, 20), ERR_TIMEOUT);
    kafka_consumer_free(sink.consumer);
    assert_int_equal(loop_run_until(mock->loop, &never, 20), ERR_TIMEOUT);
    assert_int_equal(answers.count, 0);
}

#define MOCK_TEST(name) cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(watermarks_cluster_and_partitions_are_told),
        MOCK_TEST(the_record_has_the_hash_it_had_when_delivered),
        MOCK_TEST(two_records_of_an_assigned_partition),
        MOCK_TEST(a_record_that_is_missing_is_asked_for_once_more),
        MOCK_TEST(a_partition_the_topic_lacks_is_not_found),
        MOCK_TEST(many_questions_are_all_answered),
        MOCK_TEST(partitions_asked_together_have_their_own_answers),
        MOCK_TEST(records_are_read_without_a_stall),
        MOCK_TEST(a_leader_that_is_away_does_not_hold_up_the_others),
        MOCK_TEST(without_a_broker_the_answer_comes_in_time),
        MOCK_TEST(the_consumer_can_go_while_questions_are_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
