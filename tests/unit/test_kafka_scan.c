/* Stretches of a partition, against mock brokers, which have no index of times: that is found out. */
#include "test_kafka_mock.h"

#include "clock.h"
#include "error.h"
#include "kafka_scan.h"

struct seen {
    int64_t first, next;
    int count, stop_after;
};

static bool note(void *arg, const struct kafka_record *record)
{
    struct seen *seen = arg;
    char value[32];
    int size = snprintf(value, sizeof(value), "%d:%lld", (int)record->partition, (long long)record->offset);

    assert_int_equal(record->size, size);
    assert_memory_equal(record->value, value, (size_t)size);
    assert_string_equal(record->topic, MOCK_TOPIC);
    assert_int_equal(record->timestamp_ms, 1000 + record->offset);
    if (seen->count++ == 0) {
        seen->first = record->offset;
    } else {
        assert_int_equal(record->offset, seen->next);
    }
    seen->next = record->offset + 1;
    return seen->count != seen->stop_after;
}

static struct kafka_scan *open_scan(const struct mock *mock, const char *topic, int64_t timeout_ms)
{
    struct buf error = BUF_EMPTY;
    struct kafka_scan *scan = kafka_scan_new(mock->brokers, topic, timeout_ms, &error);

    assert_non_null(scan);
    assert_int_equal(error.size, 0);
    return scan;
}

static void check_run(struct kafka_scan *scan, int64_t from, int64_t to, int64_t first, int count)
{
    struct seen seen = {.first = -1};
    struct buf error = BUF_EMPTY;

    assert_int_equal(kafka_scan_run(scan, 1, from, to, note, &seen, &error), 0);
    assert_int_equal(error.size, 0);
    assert_int_equal(seen.first, first);
    assert_int_equal(seen.count, count);
}

static void a_stretch_is_read_and_nothing_else(void **state)
{
    struct mock *mock = *state;
    struct kafka_scan *scan = open_scan(mock, MOCK_TOPIC, MOCK_DEADLINE_MS);

    mock_fill(mock, 1, 50, 7);
    check_run(scan, 0, 50, 0, 50);
    check_run(scan, 13, 20, 13, 7);
    check_run(scan, 49, 50, 49, 1);
    check_run(scan, 40, 4000, 40, 10);
    check_run(scan, -5, 3, 0, 3);
    check_run(scan, 20, 20, -1, 0);
    check_run(scan, 60, 70, -1, 0);
    kafka_scan_free(scan);
}

static void the_reader_can_stop_and_begin_again(void **state)
{
    struct mock *mock = *state;
    struct kafka_scan *scan = open_scan(mock, MOCK_TOPIC, MOCK_DEADLINE_MS);
    struct seen seen = {.first = -1, .stop_after = 4};
    struct buf error = BUF_EMPTY;

    mock_fill(mock, 1, 20, 5);
    assert_int_equal(kafka_scan_run(scan, 1, 2, 20, note, &seen, &error), 0);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.next, 6);
    check_run(scan, 6, 20, 6, 14);
    kafka_scan_free(scan);
}

static void a_broker_without_an_index_of_times_is_found_out(void **state)
{
    struct mock *mock = *state;
    struct kafka_scan *scan = open_scan(mock, MOCK_TOPIC, MOCK_DEADLINE_MS);
    struct buf error = BUF_EMPTY;
    int64_t offset = -1;

    assert_int_equal(kafka_scan_seek(scan, 1, 1000, &offset, &error), 0);
    assert_int_equal(offset, 0); /* empty: high */
    mock_fill(mock, 1, 30, 10);
    assert_int_equal(kafka_scan_seek(scan, 1, 1020, &offset, &error), 0);
    assert_in_range(offset, 0, 20);
    assert_int_equal(kafka_scan_seek(scan, 1, 1030, &offset, &error), 0);
    assert_int_equal(offset, 30); /* the last record is older */
    kafka_scan_free(scan);
}

static void topic_and_ends_are_told(void **state)
{
    struct mock *mock = *state;
    struct kafka_scan *scan = open_scan(mock, MOCK_TOPIC, MOCK_DEADLINE_MS);
    struct kafka_scan_topic topic;
    struct buf error = BUF_EMPTY;
    int64_t low = -1, high = -1;

    mock_fill(mock, 2, 9, 4);
    assert_int_equal(kafka_scan_describe(scan, &topic, &error), 0);
    assert_int_equal(topic.partitions, MOCK_PARTITIONS);
    assert_true(strlen(topic.cluster_id) > 0);
    assert_int_equal(kafka_scan_ends(scan, 2, &low, &high, &error), 0);
    assert_int_equal(low, 0);
    assert_int_equal(high, 9);
    kafka_scan_free(scan);
}

static void without_a_broker_it_fails_in_time_and_names_what(void **state)
{
    struct mock *mock = *state;
    struct kafka_scan *scan = open_scan(mock, MOCK_TOPIC, 300);
    struct kafka_scan_topic topic;
    struct seen seen = {.first = -1};
    struct buf error = BUF_EMPTY;
    int64_t offset, before = clock_monotonic_ms();

    mock_power(mock, false);
    assert_true(kafka_scan_describe(scan, &topic, &error) < 0);
    assert_non_null(strstr(error.data, MOCK_TOPIC));
    assert_true(kafka_scan_run(scan, 1, 0, 9, note, &seen, &error) < 0);
    assert_true(kafka_scan_seek(scan, 1, 5, &offset, &error) < 0);
    assert_true(clock_monotonic_ms() - before < 10000);
    mock_power(mock, true);
    kafka_scan_free(scan);
    buf_release(&error);
}

static void no_broker_in_the_list_is_said(void **state)
{
    struct buf error = BUF_EMPTY;

    (void)state;
    assert_null(kafka_scan_new("", MOCK_TOPIC, 100, &error));
    assert_non_null(strstr(error.data, "no broker"));
    kafka_scan_free(NULL);
    buf_release(&error);
}

#define WITH_MOCK(test) cmocka_unit_test_setup_teardown(test, mock_setup, mock_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MOCK(a_stretch_is_read_and_nothing_else),
        WITH_MOCK(the_reader_can_stop_and_begin_again),
        WITH_MOCK(a_broker_without_an_index_of_times_is_found_out),
        WITH_MOCK(topic_and_ends_are_told),
        WITH_MOCK(without_a_broker_it_fails_in_time_and_names_what),
        cmocka_unit_test(no_broker_in_the_list_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
