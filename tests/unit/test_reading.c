/* What a new leader reads from a real Redis, and what others read of it there. */
#include "coordinator_fixture.h"

static void make_installation(const char *number)
{
    REDIS_DO("HSET", "isobar:meta", "partitions", "3", "topic", "weather.observations", "catalogue_version", "4");
    REDIS_DO("HSET", "isobar:{0}:ledger", "number", "7");
    REDIS_DO("HSET", "isobar:{1}:ledger", "number", number);
    REDIS_DO("SET", "isobar:term", "11");
}

static void tick(struct fixture *fixture)
{
    coordinator_wake(fixture->coordinator);
    leader_tick(fixture->coordinator);
    run_for(fixture->loop, 20);
}

static void lead(struct fixture *fixture)
{
    coordinator_wake(fixture->coordinator);
    leader_changed(fixture->coordinator, true);
}

static void a_new_leader_reads_all_numbers(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("900");
    char view[256];
    snprintf(
        view, sizeof view,
        "{\"at_ms\":%lld,\"members\":[{\"id\":\"w\",\"role\":\"worker\",\"state\":\"live\",\"incarnation\":\"1f\"}]}",
        (long long)clock_wall_ms());
    REDIS_DO("SET", "isobar:cluster", view);
    lead(fixture);
    UNTIL(fixture->loop, coordinator->leading == LEAD_SETTLING);
    assert_int_equal(coordinator->term, 12);
    assert_int_equal(coordinator->partition_count, 3);
    assert_int_equal(coordinator->partitions.number, 900);
    assert_string_equal(coordinator->topic, "weather.observations");
    const struct member *member = member_find(&coordinator->members, "w");
    assert_true(member && member->expected && member->incarnation == 0x1f);
    UNTIL(fixture->loop, catalogue_version(coordinator->catalogue) == 4);
    coordinator_wake(coordinator);
    leader_changed(coordinator, false);
    assert_int_equal(coordinator->leading, LEAD_NOT);
    lead(fixture); /* and once more */
    UNTIL(fixture->loop, coordinator->leading == LEAD_SETTLING);
    assert_int_equal(coordinator->term, 13);
}

/* Of a Redis that may not be asked the time, the leader's own clock has to do. */
static void a_new_leader_reads_the_time(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("5");
    for (int may = 1; may >= 0; may--) {
        coordinator->redis_ahead_ms = 0;
        REDIS_DO("ACL", "SETUSER", "default", may ? "+time" : "-time");
        lead(fixture);
        UNTIL(fixture->loop, coordinator->leading == LEAD_SETTLING);
        coordinator_wake(coordinator);
        int64_t off_ms = coordinator->now_ms + coordinator->redis_ahead_ms - coordinator->wall_ms;
        assert_true(off_ms > -LIMIT_MS && off_ms < LIMIT_MS); /* one machine has one wall clock */
        leader_changed(coordinator, false);
    }
    REDIS_DO("ACL", "SETUSER", "default", "+time");
}

/* A number that could not be read must not be given again: all of it is asked anew. */
static void no_lead_without_every_number(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("not a number");
    lead(fixture);
    for (int i = 0; i < 10; i++)
        tick(fixture);
    UNTIL(fixture->loop, store_outstanding(fixture->store) == 0);
    assert_int_equal(coordinator->leading, LEAD_READING);
    REDIS_DO("SET", "isobar:{2}:ledger", "of another type");
    REDIS_DO("HSET", "isobar:{1}:ledger", "number", "41");
    for (int i = 0; i < 60; i++)
        tick(fixture);
    assert_int_equal(coordinator->leading, LEAD_READING);
    REDIS_DO("DEL", "isobar:{2}:ledger"); /* none is none: workers raise the alarm */
    for (int i = 0; i < 120 && coordinator->leading == LEAD_READING; i++)
        tick(fixture);
    assert_int_equal(coordinator->leading, LEAD_SETTLING);
    assert_int_equal(coordinator->partitions.number, 41);
}

static void a_connection_lost_while_reading_is_no_dead_end(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("5");
    lead(fixture);
    UNTIL(fixture->loop, coordinator->reading != NULL || coordinator->leading == LEAD_SETTLING);
    if (coordinator->reading)
        store_reconnect(fixture->store, "test");
    for (int i = 0; i < 200 && coordinator->leading == LEAD_READING; i++)
        tick(fixture);
    assert_int_equal(coordinator->leading, LEAD_SETTLING);
    assert_int_equal(coordinator->partitions.number, 7);
}

static void an_installation_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    lead(fixture);
    static const char *const bad[] = {"0", "-3", "4097", "24x", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REDIS_DO("HSET", "isobar:meta", "partitions", bad[i], "topic", "t", "catalogue_version", "1");
        coordinator->asked_ms = INT64_MIN / 2;
        for (int k = 0; k < 3; k++)
            tick(fixture);
        assert_int_equal(coordinator->leading, LEAD_READING);
        assert_null(coordinator->reading);
    }
    make_installation("1");
    for (int i = 0; i < 120 && coordinator->leading == LEAD_READING; i++)
        tick(fixture);
    assert_int_equal(coordinator->leading, LEAD_SETTLING);
}

/* Redis went back behind a term that we have had, and is told. */
static void a_term_that_was_lost_is_noted(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("1");
    coordinator->term = 50;
    lead(fixture);
    UNTIL(fixture->loop, coordinator->leading == LEAD_SETTLING);
    assert_int_equal(coordinator->term, 51);
    leader_raise(coordinator, 50);
    assert_int_equal(coordinator->term, 51);
    leader_raise(coordinator, 80);
    assert_int_equal(coordinator->term, 81);
    UNTIL(fixture->loop, store_outstanding(fixture->store) == 0);
    struct store_reply *reply = REDIS_CALL("GET", "isobar:term");
    assert_string_equal(reply->text, "81");
    store_reply_free(reply);
}

/* The view, the audit and the lead itself, as others find them in Redis. */
static void what_others_read(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("1");
    lead(fixture);
    UNTIL(fixture->loop, coordinator->leading == LEAD_SETTLING);
    for (int i = 0; i < 150 && coordinator->leading == LEAD_SETTLING; i++)
        tick(fixture);
    assert_int_equal(coordinator->leading, LEAD_ACTING);
    UNTIL(fixture->loop, store_outstanding(fixture->store) == 0);
    struct store_reply *reply = REDIS_CALL("GET", "isobar:cluster");
    assert_non_null(strstr(reply->text, "\"leader\":\"c-1\""));
    assert_non_null(strstr(reply->text, "\"term\":12"));
    store_reply_free(reply);
    reply = REDIS_CALL("XRANGE", "isobar:audit", "-", "+");
    assert_int_equal(reply->count, 1);
    assert_string_equal(reply->elements[0]->elements[1]->elements[1]->text, "leader");
    store_reply_free(reply);
}

/* A view that is executed late does not hide the newer one; a leader whose term Redis has lost goes on above it. */
static void an_older_view_is_not_written(void **state)
{
    static const char *const views[] = {"{\"leader\":\"c-2\",\"term\":12,\"at_ms\":9999999999999}",
                                        "{\"leader\":\"c-2\",\"term\":40,\"at_ms\":1}"};
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("1");
    lead(fixture);
    UNTIL(fixture->loop, (tick(fixture), coordinator->leading == LEAD_ACTING));
    UNTIL(fixture->loop, store_outstanding(fixture->store) == 0);
    for (int i = 0; i < 2; i++) {
        int64_t term = coordinator->term;
        REDIS_DO("SET", "isobar:cluster", views[i]);
        publish(coordinator);
        UNTIL(fixture->loop, store_outstanding(fixture->store) == 0);
        struct store_reply *reply = REDIS_CALL("GET", "isobar:cluster");
        assert_string_equal(reply->text, views[i]);
        store_reply_free(reply);
        assert_int_equal(coordinator->term, i == 0 ? term + 1 : 41);
        publish(coordinator);
        UNTIL(fixture->loop, store_outstanding(fixture->store) == 0);
        reply = REDIS_CALL("GET", "isobar:cluster");
        assert_non_null(strstr(reply->text, "\"leader\":\"c-1\""));
        store_reply_free(reply);
    }
    REDIS_DO("DEL", "isobar:cluster");
    REDIS_DO("LPUSH", "isobar:cluster", "of another type");
    publish(coordinator);
    UNTIL(fixture->loop, store_outstanding(fixture->store) == 0);
    struct store_reply *type = REDIS_CALL("TYPE", "isobar:cluster");
    assert_string_equal(type->text, "string");
    store_reply_free(type);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_leader_reads_all_numbers),
        T(a_new_leader_reads_the_time),
        T(no_lead_without_every_number),
        T(a_connection_lost_while_reading_is_no_dead_end),
        T(an_installation_is_waited_for),
        T(a_term_that_was_lost_is_noted),
        T(what_others_read),
        T(an_older_view_is_not_written),
    };
    return cmocka_run_group_tests(tests, redis_client_start, redis_client_stop);
}
