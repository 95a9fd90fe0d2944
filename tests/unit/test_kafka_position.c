/* The judgement of offsets, without a broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka_internal.h"

static void rising_offsets_are_delivered(void **state)
{
    struct kafka_position position;

    (void)state;
    kafka_position_start(&position, 7);
    for (int64_t offset = 7; offset < 20; offset++) {
        assert_int_equal(kafka_position_admit(&position, offset), KAFKA_DELIVER);
    }
    assert_int_equal(position.next, 20);
}

static void a_later_gap_is_accepted(void **state)
{
    struct kafka_position position;

    (void)state;
    kafka_position_start(&position, 0);
    assert_int_equal(kafka_position_admit(&position, 0), KAFKA_DELIVER);
    assert_int_equal(kafka_position_admit(&position, 5), KAFKA_DELIVER);
    assert_int_equal(position.next, 6);
}

static void an_offset_that_was_delivered_fails_the_partition(void **state)
{
    struct kafka_position position;

    (void)state;
    kafka_position_start(&position, 3);
    assert_int_equal(kafka_position_admit(&position, 3), KAFKA_DELIVER);
    assert_int_equal(kafka_position_admit(&position, 3), KAFKA_DISORDER);
    assert_int_equal(kafka_position_admit(&position, 4), KAFKA_STALE);
    kafka_position_start(&position, 4);
    assert_int_equal(kafka_position_admit(&position, 4), KAFKA_DELIVER);
}

static void what_lies_before_the_start_is_stale(void **state)
{
    struct kafka_position position;

    (void)state;
    kafka_position_start(&position, 50);
    assert_int_equal(kafka_position_admit(&position, 20), KAFKA_STALE);
    assert_int_equal(kafka_position_admit(&position, 49), KAFKA_STALE);
    assert_int_equal(kafka_position_admit(&position, 50), KAFKA_DELIVER);
}

/* A left-over of an earlier assignment: it must not make the records from 120 on look like a gap. */
static void a_left_over_beyond_the_start_is_not_delivered(void **state)
{
    struct kafka_position position;

    (void)state;
    kafka_position_start(&position, 120);
    for (int64_t offset = 150; offset < 160; offset++) {
        assert_int_equal(kafka_position_admit(&position, offset), KAFKA_REWIND);
    }
    assert_int_equal(position.next, 120);
    assert_int_equal(kafka_position_admit(&position, 120), KAFKA_DELIVER);
    assert_int_equal(kafka_position_admit(&position, 121), KAFKA_DELIVER);
}

static void a_true_gap_at_the_start_shows_twice(void **state)
{
    struct kafka_position position;

    (void)state;
    kafka_position_start(&position, 10);
    assert_int_equal(kafka_position_admit(&position, 12), KAFKA_REWIND);
    assert_int_equal(kafka_position_admit(&position, 12), KAFKA_DELIVER);
    assert_int_equal(kafka_position_admit(&position, 13), KAFKA_DELIVER);
}

static void an_error_of_another_assignment_does_not_concern_this_one(void **state)
{
    struct kafka_position position;

    (void)state;
    kafka_position_start(&position, 10);
    assert_false(kafka_position_concerns(&position, 999));
    assert_true(kafka_position_concerns(&position, 10));
    assert_int_equal(kafka_position_admit(&position, 10), KAFKA_DELIVER);
    assert_false(kafka_position_concerns(&position, 10));
    assert_true(kafka_position_concerns(&position, 11));
    assert_true(kafka_position_concerns(&position, 13)); /* behind transaction markers */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rising_offsets_are_delivered),
        cmocka_unit_test(a_later_gap_is_accepted),
        cmocka_unit_test(an_offset_that_was_delivered_fails_the_partition),
        cmocka_unit_test(what_lies_before_the_start_is_stale),
        cmocka_unit_test(a_left_over_beyond_the_start_is_not_delivered),
        cmocka_unit_test(a_true_gap_at_the_start_shows_twice),
        cmocka_unit_test(an_error_of_another_assignment_does_not_concern_this_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
