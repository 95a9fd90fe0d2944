/* Every outcome of the script that loads state. */
#include "script_calls.h"

static void load_reads_with_the_commit_id(void **state)
{
    (void)state;
    REDIS("HSET", CITY, "1", "one", "2", "two");
    REDIS("HSET", PANE, "1", "pane");
    const struct store_reply *reply = RUN(SCRIPT_LOAD, 4, LEDGER, CITY, PANE, WINDOW, CID_0, "fields", "3", "2", "9",
                                          "1", "fields", "1", "1", "fields", "1", "1");
    assert_string_equal(outcome(reply), "ok");
    assert_int_equal(reply->count, 4);
    assert_string_equal(reply->elements[1]->elements[0]->text, "two");
    assert_int_equal(reply->elements[1]->elements[1]->type, STORE_NIL);
    assert_string_equal(reply->elements[1]->elements[2]->text, "one");
    assert_string_equal(reply->elements[2]->elements[0]->text, "pane");
    assert_int_equal(reply->elements[3]->elements[0]->type, STORE_NIL);
}

static void load_needs_the_commit_id(void **state)
{
    (void)state;
    const struct store_reply *reply = RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_1, "fields", "1", "1");
    assert_string_equal(outcome(reply), "mismatch");
    assert_string_equal(reply->elements[1]->text, CID_0);
    assert_string_equal(outcome(RUN(SCRIPT_LOAD, 2, "isobar:{4}:ledger", CITY, CID_1, "fields", "1", "1")), "missing");
}

static void load_many_fields(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct words set = {0}, get = {0};
    add(&set, "HSET");
    add(&set, CITY);
    add(&get, LEDGER);
    add(&get, CITY);
    add(&get, CID_0);
    add(&get, "fields");
    add_number(&get, MANY);
    for (int i = 0; i < MANY; i++) {
        add_number(&set, i);
        add_number(&set, i * 7);
        add_number(&get, MANY - 1 - i);
    }
    command(set.count, (const char *const *)set.argv, NULL);
    words_release(&set);
    const struct store_reply *reply = run_words(SCRIPT_LOAD, 2, &get);
    assert_string_equal(outcome(reply), "ok");
    assert_int_equal(reply->elements[1]->count, MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(strtol(reply->elements[1]->elements[i]->text, NULL, 10), (MANY - 1 - i) * 7);
}

static void load_scans_everything(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    char name[16], cursor[32] = "0";
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        REDIS("HSET", CITY, name, "value");
    }
    bool seen[MANY] = {false};
    int calls = 0;
    do {
        const struct store_reply *reply = RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_0, "scan", cursor, "100");
        assert_string_equal(outcome(reply), "ok");
        const struct store_reply *part = reply->elements[1];
        for (size_t i = 0; i < part->elements[1]->count; i += 2)
            seen[strtol(part->elements[1]->elements[i]->text, NULL, 10)] = true;
        (void)snprintf(cursor, sizeof(cursor), "%s", part->elements[0]->text);
        calls++;
    } while (strcmp(cursor, "0") != 0);
    assert_true(calls > 1);
    for (int i = 0; i < MANY; i++)
        assert_true(seen[i]);
}

static void load_checks_its_arguments(void **state)
{
    (void)state;
    assert_string_equal(outcome(RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_0)), "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_0, "fields")), "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_0, "fields", "0")), "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_0, "fields", "2", "1")), "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_0, "fields", "-1", "1")), "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_0, "fields", "1", "1", "2")), "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_0, "scan", "0")), "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_0, "keys", "0", "1")), "invalid");
    REDIS("SET", CITY, "text");
    assert_string_equal(outcome(RUN(SCRIPT_LOAD, 2, LEDGER, CITY, CID_0, "fields", "1", "1")), "invalid");
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(load_reads_with_the_commit_id), T(load_needs_the_commit_id),  T(load_many_fields),
        T(load_scans_everything),         T(load_checks_its_arguments),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, stop);
}
