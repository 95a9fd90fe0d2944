/* Topics against mock brokers (which cannot make any: they make a topic of four partitions when asked about
 * it). */
#include "test_kafka_mock.h"

#include "clock.h"
#include "error.h"

static void a_topic_with_the_right_count_is_accepted(void **state)
{
    struct mock *mock = *state;
    struct kafka_topic topic = {MOCK_TOPIC, MOCK_PARTITIONS, 0, -1, true};
    struct buf error = BUF_EMPTY;
    int32_t existing = 0;

    assert_int_equal(kafka_topic_ensure(mock->brokers, &topic, MOCK_DEADLINE_MS, &existing, &error), 0);
    assert_int_equal(existing, MOCK_PARTITIONS);
    assert_int_equal(error.size, 0);
    buf_release(&error);
}

static void another_count_is_refused_with_the_numbers(void **state)
{
    struct mock *mock = *state;
    struct kafka_topic topic = {MOCK_TOPIC, 24, 0, -1, true};
    struct buf error = BUF_EMPTY;
    int32_t existing = 0;

    assert_int_equal(kafka_topic_ensure(mock->brokers, &topic, MOCK_DEADLINE_MS, &existing, &error), ERR_REFUSED);
    assert_int_equal(existing, MOCK_PARTITIONS);
    assert_non_null(strstr(error.data, "has 4 partitions, not 24"));
    buf_release(&error);
}

static void watermarks_are_told_for_as_many_as_fit(void **state)
{
    struct mock *mock = *state;
    struct buf error = BUF_EMPTY;
    char cluster[64] = "";
    int32_t partitions = 2;
    int64_t low[MOCK_PARTITIONS] = {-5, -5, -5, -5}, high[MOCK_PARTITIONS] = {-5, -5, -5, -5};

    mock_fill(mock, 1, 30, 10);
    assert_int_equal(
        kafka_topic_describe(mock->brokers, MOCK_TOPIC, MOCK_DEADLINE_MS, cluster, &partitions, low, high, &error), 0);
    assert_int_equal(partitions, MOCK_PARTITIONS);
    assert_true(strlen(cluster) > 0);
    assert_int_equal(low[1], 0);
    assert_int_equal(high[0], 0);
    assert_int_equal(high[1], 30);
    assert_int_equal(high[2], -5);
    partitions = 0;
    assert_int_equal(
        kafka_topic_describe(mock->brokers, MOCK_TOPIC, MOCK_DEADLINE_MS, cluster, &partitions, NULL, NULL, &error), 0);
    assert_int_equal(partitions, MOCK_PARTITIONS);
    buf_release(&error);
}

static void without_a_broker_it_fails_in_time_and_says_why(void **state)
{
    struct mock *mock = *state;
    struct kafka_topic topic = {MOCK_TOPIC, MOCK_PARTITIONS, 0, -1, true};
    struct buf error = BUF_EMPTY;
    char cluster[64] = "";
    int32_t partitions = 0;
    int64_t before = clock_monotonic_ms();
    int status;

    mock_power(mock, false);
    status = kafka_topic_ensure(mock->brokers, &topic, 300, &partitions, &error);
    assert_true(status == ERR_UNAVAILABLE || status == ERR_TIMEOUT);
    assert_non_null(strstr(error.data, mock->brokers));
    buf_reset(&error);
    status = kafka_topic_describe(mock->brokers, MOCK_TOPIC, 300, cluster, &partitions, NULL, NULL, &error);
    assert_true(status == ERR_UNAVAILABLE || status == ERR_TIMEOUT);
    assert_true(error.size > 0);
    assert_true(clock_monotonic_ms() - before < 5000);
    buf_release(&error);
}

static void wrong_arguments_are_refused(void **state)
{
    struct mock *mock = *state;
    struct kafka_topic topic = {MOCK_TOPIC, 0, 0, -1, true};
    struct buf error = BUF_EMPTY;
    int32_t existing = 0;

    assert_int_equal(kafka_topic_ensure(mock->brokers, &topic, 300, &existing, &error), ERR_INVALID);
    buf_reset(&error);
    topic.partitions = 4;
    assert_int_equal(kafka_topic_ensure("", &topic, 300, &existing, &error), ERR_INVALID);
    assert_non_null(strstr(error.data, "no broker"));
    buf_release(&error);
}

#define MOCK_TEST(name) cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(a_topic_with_the_right_count_is_accepted),
        MOCK_TEST(another_count_is_refused_with_the_numbers),
        MOCK_TEST(watermarks_are_told_for_as_many_as_fit),
        MOCK_TEST(without_a_broker_it_fails_in_time_and_says_why),
        MOCK_TEST(wrong_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
