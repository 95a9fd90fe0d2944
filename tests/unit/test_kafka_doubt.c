/* That something happened to the topic is told, before what was fetched after it; and nothing when nothing did. */
#include "test_kafka_mock.h"

#include "error.h"

#define API_FETCH 1

static int doubts_before; /* until the first record of the second lot came */

static void note_doubts(struct sink *sink, const struct kafka_record *record)
{
    if (record->offset == 20)
        doubts_before = sink->doubts;
}

/* A sink that has read 20 records of partition 0, and whose client has nothing more to learn. */
static void read_some(struct mock *mock, struct sink *sink)
{
    bool never = false;

    doubts_before = -1;
    sink->each = note_doubts;
    rd_kafka_mock_partition_set_leader(mock->cluster, MOCK_TOPIC, 0, 1);
    mock_fill(mock, 0, 20, 10);
    sink_open(sink, mock);
    sink_assign(sink, 0, 0);
    sink_wait(sink, mock, 20);
    for (int seen = -1; seen != sink->doubts;) {
        seen = sink->doubts;
        assert_int_equal(loop_run_until(mock->loop, &never, 300), ERR_TIMEOUT);
    }
}

static void while_nothing_happens_there_is_no_doubt(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    int before;

    read_some(mock, &sink);
    before = sink.doubts;
    mock_fill(mock, 0, 30, 3);
    sink_wait(&sink, mock, 50);
    assert_int_equal(sink.doubts, before);
    kafka_consumer_free(sink.consumer);
}

static void a_leader_that_moves_is_told_before_its_records(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    int before;

    read_some(mock, &sink);
    before = sink.doubts;
    rd_kafka_mock_partition_set_leader(mock->cluster, MOCK_TOPIC, 0, 2);
    mock_fill(mock, 0, 5, 5);
    sink_wait(&sink, mock, 25);
    assert_true(doubts_before > before);
    assert_int_equal(sink.errors, 0);
    kafka_consumer_free(sink.consumer);
}

/* What a broker answers when the topic was deleted, and made anew before anybody asked. */
static void a_fetch_that_is_refused_is_told_before_the_next(void **state)
{
    struct mock *mock = *state;
    struct sink sink = {0};
    int before;

    read_some(mock, &sink);
    before = sink.doubts;
    rd_kafka_mock_push_request_errors(mock->cluster, API_FETCH, 1, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    mock_fill(mock, 0, 5, 5);
    sink_wait(&sink, mock, 25);
    assert_true(doubts_before > before);
    assert_int_equal(sink.errors, 0);
    kafka_consumer_free(sink.consumer);
}

#define MOCK_TEST(name) cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(while_nothing_happens_there_is_no_doubt),
        MOCK_TEST(a_leader_that_moves_is_told_before_its_records),
        MOCK_TEST(a_fetch_that_is_refused_is_told_before_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
