/* The hash of a record, against values computed apart from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka.h"

static struct kafka_record sample(void)
{
    return (struct kafka_record){
        .topic = "weather",
        .partition = 3,
        .offset = 117,
        .timestamp_ms = 1790000000000,
        .key = "5809844",
        .key_size = 7,
        .value = "observation",
        .size = 11,
    };
}

static void hash_is_fnv_1a_of_offset_time_key_and_value(void **state)
{
    struct kafka_record record = sample();

    (void)state;
    assert_true(kafka_record_hash(&record) == UINT64_C(0x212965102ea73e23));
}

static void hash_of_an_empty_record_is_that_of_sixteen_zero_bytes(void **state)
{
    struct kafka_record record = {0};

    (void)state;
    assert_true(kafka_record_hash(&record) == UINT64_C(0x88201fb960ff6465));
}

static void every_part_counts(void **state)
{
    struct kafka_record record = sample();
    uint64_t hash = kafka_record_hash(&record);

    (void)state;
    record.offset++;
    assert_true(kafka_record_hash(&record) != hash);
    record = sample();
    record.timestamp_ms = -1;
    assert_true(kafka_record_hash(&record) != hash);
    record = sample();
    record.key = "5809845";
    assert_true(kafka_record_hash(&record) != hash);
    record = sample();
    record.size--;
    assert_true(kafka_record_hash(&record) != hash);
}

static void partition_and_topic_do_not_count(void **state)
{
    struct kafka_record record = sample();
    uint64_t hash = kafka_record_hash(&record);

    (void)state;
    record.partition = 4;
    record.topic = "other";
    assert_true(kafka_record_hash(&record) == hash);
}

static void the_library_has_a_version(void **state)
{
    (void)state;
    assert_true(kafka_library_version()[0] >= '2');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_fnv_1a_of_offset_time_key_and_value),
        cmocka_unit_test(hash_of_an_empty_record_is_that_of_sixteen_zero_bytes),
        cmocka_unit_test(every_part_counts),
        cmocka_unit_test(partition_and_topic_do_not_count),
        cmocka_unit_test(the_library_has_a_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
