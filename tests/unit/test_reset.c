/*
 * An operator's reset: the script against a real redis-server, every outcome, and that the plan shown to the operator
 * is what the script does. A refused reset writes nothing.
 */
#include "error.h"
#include "redis_kit.h"

#include "../../ctl/reset.h"

#define LEDGER "x:{3}:ledger"
#define CID_0  "00000000000000000000000000000000"
#define CID_1  "11111111111111111111111111111111"

static void make(const char *first, const char *offset, const char *applied, const char *gaps)
{
    REDIS_DO("FLUSHALL");
    REDIS_DO("HSET", LEDGER, "cid", CID_0, "number", "5", "owner", "w/1", "first_offset", first, "offset", offset,
             "applied", applied, "gaps", gaps, "record_offset", "41", "record_hash", "0123456789abcdef", "clock_ms",
             "1790000000000", "commits", "9");
}

static struct context context_of(void)
{
    return (struct context){.command = "partition", .redis = server.address, .prefix = "x:", .store = redis};
}

/* The word that the script answers with, and its first argument, as "word argument". */
static char *answer(const char *expected, const char *next, const char *offset)
{
    static char text[256];
    struct store_reply *reply = REDIS_CALL("EVAL", script_reset_lua, "1", LEDGER, expected, next, offset);
    assert_int_equal(reply->type, STORE_ARRAY);
    (void)snprintf(text, sizeof text, "%s %s", reply->elements[0]->text,
                   reply->count > 1 ? reply->elements[1]->text : "");
    store_reply_free(reply);
    return text;
}

static void check_invariants(void)
{
    assert_true(redis_number(LEDGER, "applied") + redis_number(LEDGER, "gaps") ==
                redis_number(LEDGER, "offset") - redis_number(LEDGER, "first_offset"));
    assert_true(redis_number(LEDGER, "record_offset") < redis_number(LEDGER, "offset"));
    assert_true(redis_number(LEDGER, "clock_ms") == INT64_C(1790000000000));
    assert_int_equal(redis_number(LEDGER, "commits"), 9);
    assert_int_equal(redis_number(LEDGER, "number"), 5);
}

static void plan_and_script_agree(void **state)
{
    (void)state;
    static const struct {
        const char *first, *offset, *applied, *gaps;
        int64_t to;
    } rows[] = {{"10", "100", "85", "5", 100},
                {"10", "100", "85", "5", 250},
                {"10", "100", "85", "5", 99},
                {"10", "100", "85", "5", 0},
                {"0", "0", "0", "0", 0},
                {"0", "0", "0", "0", 7},
                {"100000000000000", "999999999999998", "899999999999998", "0", 999999999999999},
                {"100000000000000", "999999999999998", "899999999999998", "0", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct context context = context_of();
        struct reset reset;
        make(rows[i].first, rows[i].offset, rows[i].applied, rows[i].gaps);
        assert_int_equal(reset_read(&context, 3, &reset), 0);
        assert_int_equal(reset.before.record_offset, 41);
        reset_plan(&reset, rows[i].to);
        if (reset_write(&context, &reset) != 0)
            fail_msg("row %zu", i);
        assert_true(redis_number(LEDGER, "offset") == rows[i].to);
        assert_true(redis_number(LEDGER, "first_offset") == reset.after.first_offset);
        assert_true(redis_number(LEDGER, "gaps") == reset.after.gaps);
        assert_int_equal(redis_number(LEDGER, "record_offset"), -1);
        check_invariants();
        struct store_reply *cid = REDIS_CALL("HGET", LEDGER, "cid");
        assert_true(cid->size == 32 && strcmp(cid->text, CID_0) != 0);
        store_reply_free(cid);
        assert_int_equal(reset_write(&context, &reset), EXIT_CODE_REFUSED); /* once: the id is another */
        assert_true(redis_number(LEDGER, "offset") == rows[i].to);
    }
}

static void refused_ones_write_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *next, *offset, *answer;
    } rows[] = {{CID_1, "22222222222222222222222222222222", "7", "mismatch " CID_0},
                {CID_0, CID_0, "7", "invalid new commit id"},
                {CID_0, "1", "7", "invalid new commit id"},
                {CID_0, CID_1, "", "invalid the new offset"},
                {CID_0, CID_1, "-1", "invalid the new offset"},
                {CID_0, CID_1, "07", "invalid the new offset"},
                {CID_0, CID_1, "7.5", "invalid the new offset"},
                {CID_0, CID_1, "1e3", "invalid the new offset"},
                {CID_0, CID_1, "1000000000000000", "invalid the new offset"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make("10", "100", "85", "5");
        struct store_reply *before = REDIS_CALL("DUMP", LEDGER);
        const char *text = answer(rows[i].expected, rows[i].next, rows[i].offset);
        if (strncmp(text, rows[i].answer, strlen(rows[i].answer)) != 0)
            fail_msg("row %zu: %s", i, text);
        struct store_reply *after = REDIS_CALL("DUMP", LEDGER);
        assert_true(before->size == after->size && memcmp(before->text, after->text, before->size) == 0);
        store_reply_free(before);
        store_reply_free(after);
    }
}

static void ledgers_that_are_none(void **state)
{
    (void)state;
    static const char *const fields[] = {"offset", "first_offset", "applied", "gaps"};
    struct context context = context_of();
    struct reset reset;
    REDIS_DO("FLUSHALL");
    assert_string_equal(answer(CID_0, CID_1, "7"), "missing ");
    assert_int_equal(reset_read(&context, 3, &reset), EXIT_CODE_REFUSED);
    struct store_reply *size = REDIS_CALL("DBSIZE");
    assert_int_equal(size->integer, 0); /* nothing is created */
    store_reply_free(size);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        make("10", "100", "85", "5");
        REDIS_DO("HSET", LEDGER, fields[i], "x");
        assert_non_null(strstr(answer(CID_0, CID_1, "7"), "the ledger lacks"));
        assert_int_equal(reset_read(&context, 3, &reset), EXIT_CODE_REFUSED);
        REDIS_DO("HDEL", LEDGER, fields[i]);
        assert_non_null(strstr(answer(CID_0, CID_1, "7"), "the ledger lacks"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plan_and_script_agree),
                                       cmocka_unit_test(refused_ones_write_nothing),
                                       cmocka_unit_test(ledgers_that_are_none)};
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
