/* What a replay applies, and when (worker/replay.h). */
#include "../../worker/replay.h"

#include "error.h"
#include "replies.h"

#include <setjmp.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define MOST 16 /* records */

static struct replay two_partitions(const char *to_ms, const char *speed)
{
    struct replay replay;
    struct buf error = BUF_EMPTY;
    const char *const words[] = {"from_ms", "1000",  "to_ms", to_ms,    "speed_milli", speed, "end:0",
                                 "10",      "end:1", "0",     "source", "isobar:",     NULL};
    assert_int_equal(replay_parse(&replay, reply_texts(words), 2, &error), 0);
    buf_release(&error);
    return replay;
}

static void refused(const char *const *words, const char *reason)
{
    struct replay replay;
    struct buf error = BUF_EMPTY;
    assert_int_equal(replay_parse(&replay, reply_texts(words), 2, &error), ERR_INVALID);
    assert_string_equal(error.data, reason);
    replay_release(&replay);
    buf_release(&error);
}

static int end(void **state)
{
    (void)state;
    replies_free();
    return 0;
}

static void the_hash_is_read(void **state)
{
    (void)state;
    struct replay replay = two_partitions("5000", "2500");
    assert_int_equal(replay.from_ms, 1000);
    assert_int_equal(replay.to_ms, 5000);
    assert_int_equal(replay.speed_milli, 2500);
    assert_int_equal(replay.parts[0].end, 10);
    assert_int_equal(replay.parts[1].end, 0);
    replay_release(&replay);
    assert_null(replay.parts);
}

static void a_hash_that_is_not_there_or_wrong_is_refused(void **state)
{
    (void)state;
    struct replay replay;
    struct buf error = BUF_EMPTY;
    assert_int_equal(replay_parse(&replay, reply_texts((const char *const[]){NULL}), 2, &error), ERR_NOT_FOUND);
    replay_release(&replay);
    refused((const char *const[]){"to_ms", "0", NULL}, "the hash replay has no from_ms");
    refused((const char *const[]){"from_ms", "-1", NULL}, "the hash replay has a bad from_ms");
    refused((const char *const[]){"from_ms", "1x", NULL}, "the hash replay has a bad from_ms");
    refused((const char *const[]){"from_ms", "0", "to_ms", "253402300800000", NULL}, "the hash replay has a bad to_ms");
    refused((const char *const[]){"from_ms", "0", "to_ms", "0", "speed_milli", "1000000001", NULL},
            "the hash replay has a bad speed_milli");
    refused((const char *const[]){"from_ms", "0", "to_ms", "0", "speed_milli", "0", "end:0", "1", NULL},
            "the hash replay has no end:1");
    buf_release(&error);
}

static size_t admit(struct replay *replay, int64_t offset, int64_t timestamp_ms, size_t count, int64_t now_ms,
                    enum replay_next *next)
{
    struct kafka_record records[MOST];
    for (size_t i = 0; i < count; i++)
        records[i] =
            (struct kafka_record){.offset = offset + (int64_t)i, .timestamp_ms = timestamp_ms + 100 * (int64_t)i};
    return replay_admit(replay, records, count, now_ms, next);
}

static void without_a_speed_everything_up_to_the_end_is_applied(void **state)
{
    (void)state;
    struct replay replay = two_partitions("0", "0");
    enum replay_next next;
    assert_int_equal(admit(&replay, 0, 999000, 9, 1, &next), 9);
    assert_int_equal(next, REPLAY_MORE);
    assert_int_equal(admit(&replay, 9, 999900, 1, 1, &next), 1);
    assert_int_equal(next, REPLAY_DONE); /* with the last record, not with one after it that may never come */
    assert_int_equal(admit(&replay, 8, 999900, 4, 1, &next), 2);
    assert_int_equal(next, REPLAY_DONE);
    assert_int_equal(admit(&replay, 10, 999900, 1, 1, &next), 0);
    assert_int_equal(next, REPLAY_DONE);
    replay_release(&replay);
}

static void the_period_ends_before_the_first_record_of_its_end(void **state)
{
    (void)state;
    struct replay replay = two_partitions("5000", "0");
    enum replay_next next;
    assert_int_equal(admit(&replay, 0, 4800, 3, 1, &next), 2); /* 4800 4900 | 5000 */
    assert_int_equal(next, REPLAY_DONE);
    replay_release(&replay);
}

static void records_come_at_the_speed_asked_for(void **state)
{
    (void)state;
    struct replay replay = two_partitions("0", "2000"); /* twice as fast */
    enum replay_next next;
    assert_int_equal(replay_time_ms(&replay, 700), 1000); /* it has not begun */
    assert_int_equal(admit(&replay, 0, 1000, 4, 700, &next), 1);
    assert_int_equal(next, REPLAY_WAIT);
    assert_int_equal(replay_time_ms(&replay, 800), 1200);
    assert_int_equal(admit(&replay, 1, 1100, 3, 800, &next), 2);
    assert_int_equal(next, REPLAY_WAIT);
    assert_int_equal(admit(&replay, 3, 1300, 1, 849, &next), 0);
    assert_int_equal(admit(&replay, 3, 1300, 1, 850, &next), 1);
    assert_int_equal(next, REPLAY_MORE);
    replay_release(&replay);
}

static void a_period_without_a_beginning_begins_with_its_first_record(void **state)
{
    (void)state;
    struct replay replay = two_partitions("0", "1000");
    enum replay_next next;
    replay.from_ms = 0;
    assert_int_equal(admit(&replay, 0, 777000, 2, 50, &next), 1);
    assert_int_equal(replay.from_ms, 777000);
    replay_release(&replay);
}

static void a_speed_of_a_million_for_years_does_not_overflow(void **state)
{
    (void)state;
    struct replay replay = two_partitions("0", "1000000000");
    replay.begun_ms = 1;
    assert_true(replay_time_ms(&replay, INT64_C(1) << 50) == INT64_MAX);
    replay_release(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_read),
        cmocka_unit_test(a_hash_that_is_not_there_or_wrong_is_refused),
        cmocka_unit_test(without_a_speed_everything_up_to_the_end_is_applied),
        cmocka_unit_test(the_period_ends_before_the_first_record_of_its_end),
        cmocka_unit_test(records_come_at_the_speed_asked_for),
        cmocka_unit_test(a_period_without_a_beginning_begins_with_its_first_record),
        cmocka_unit_test(a_speed_of_a_million_for_years_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
