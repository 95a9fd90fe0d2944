/* What a leader makes of what fetchers say of their accounts, and of what was noted of them (coordinator.h, grant.c).
 */
#include "../../coordinator/coordinator.h"

#include "mem.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define NOW   INT64_C(50000000)
#define AHEAD INT64_C(1790000000000)
#define CALL  INT64_C(1000)

struct world {
    struct coordinator leader;
    struct coordinator_options options;
    struct member members[2];
};

static struct account *account(struct world *world, size_t index)
{
    return &world->leader.accounts.list[index];
}

static int begin(void **state)
{
    struct world *world = mem_calloc(1, sizeof *world);
    struct buf error = BUF_EMPTY;
    log_setup("test", LOG_ERROR, false);
    world->options.prefix = "p:";
    world->options.calls_per_minute = 30;
    world->leader.options = &world->options;
    world->leader.now_ms = NOW;
    world->leader.redis_ahead_ms = AHEAD;
    assert_int_equal(accounts_parse(&world->leader.accounts, "openweathermap=60/m,1000000/mo;brief=5/m", &error), 0);
    for (int i = 0; i < 2; i++) {
        struct member *member = &world->members[i];
        *member = (struct member){.key = (uint32_t)i + 1, .incarnation = 100 + i, .state = MEMBER_LIVE, .beats = 1};
        member->role = ISOBAR__V1__ROLE__FETCHER;
        member->next = i == 0 ? &world->members[1] : NULL;
    }
    world->leader.members.first = world->members;
    world->leader.members.count = 2;
    for (size_t i = 0; i < 2; i++)
        grant_restore(&world->leader, account(world, i), NULL, 0, true);
    *state = world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    accounts_release(&world->leader.accounts);
    free(world);
    return 0;
}

/* A heartbeat of the fetcher about one account. */
static void say(struct world *world, int fetcher, const char *name, int64_t granted_milli, int64_t settled_milli,
                int64_t limited_ms)
{
    Isobar__V1__QuotaAsk ask = ISOBAR__V1__QUOTA_ASK__INIT, *asks[] = {&ask};
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    ask.account = (char *)(uintptr_t)name;
    ask.asked_ms = 777;
    ask.want_milli = 5 * CALL;
    ask.call_milli = CALL;
    ask.granted_milli = granted_milli;
    ask.settled_milli = settled_milli;
    ask.limited_ms = limited_ms;
    heartbeat.asks = asks;
    heartbeat.n_asks = 1;
    grant_heard(&world->leader, &world->members[fetcher], &heartbeat);
}

static void limits_are_of_the_account_or_of_all_others(void **state)
{
    struct world *world = *state;
    char key[64];
    assert_int_equal(grant_limits(&world->leader, "openweathermap").units[LIMIT_MONTH], 1000000);
    assert_int_equal(grant_limits(&world->leader, "unknown").units[LIMIT_MINUTE], 30);
    assert_int_equal(grant_limits(&world->leader, "unknown").units[LIMIT_MONTH], LIMIT_NONE);
    grant_key(&world->leader, account(world, 0), key, sizeof key);
    assert_string_equal(key, "p:quota:openweathermap");
}

static void what_a_fetcher_says_is_taken(void **state)
{
    struct world *world = *state;
    say(world, 0, "openweathermap", 0, 0, 0);
    const struct member_account *of = member_account(&world->members[0], "openweathermap");
    assert_non_null(of);
    assert_true(of->asked_ms == 777 && of->want_milli == 5 * CALL && of->call_milli == CALL);
    assert_true(world->leader.plan_due); /* who has a new account is to be given a share of it */
    const struct quota_holder *holder = quota_ledger_holder(&account(world, 0)->ledger, 100);
    assert_true(holder && holder->granted_milli == 0 && holder->heard_ms == NOW + AHEAD);
    say(world, 1, "unknown", -5, INT64_MAX, 0); /* nobody keeps its limits */
    assert_null(quota_ledger_holder(&account(world, 0)->ledger, 101));
}

static void who_was_granted_more_than_is_known_shows_a_loss(void **state)
{
    struct world *world = *state;
    struct quota_ledger *ledger = &account(world, 0)->ledger;
    assert_true(quota_ledger_available(ledger) > 1000 * CALL);
    say(world, 0, "openweathermap", 7 * CALL, 2 * CALL, 0);
    assert_int_equal(ledger->losses, 1);
    assert_int_equal(quota_ledger_holder(ledger, 100)->granted_milli, 7 * CALL);
    assert_int_equal(quota_ledger_available(ledger), 0);
    say(world, 0, "openweathermap", 7 * CALL, 7 * CALL, 0);
    assert_int_equal(ledger->losses, 1);
}

static void a_refusal_is_told_to_all_of_the_account(void **state)
{
    struct world *world = *state;
    say(world, 0, "openweathermap", 0, 0, 0);
    say(world, 1, "brief", 0, 0, 0);
    world->members[0].target_changed = world->members[1].target_changed = false;
    say(world, 1, "openweathermap", 0, 0, 20000); /* it has another first account now */
    assert_true(world->members[0].target_changed && world->members[1].target_changed);
    assert_int_equal(grant_limited_ms(&world->leader, "openweathermap"), 20000);
    assert_int_equal(grant_limited_ms(&world->leader, "brief"), 0);
    world->members[0].target_changed = false;
    say(world, 1, "openweathermap", 0, 0, 20500); /* the same, heard a little later */
    assert_false(world->members[0].target_changed);
    world->leader.now_ms += 30000;
    assert_int_equal(grant_limited_ms(&world->leader, "openweathermap"), 0);
    say(world, 1, "openweathermap", 0, 0, INT64_MAX);
    assert_int_equal(grant_limited_ms(&world->leader, "openweathermap"), 24 * INT64_C(3600000)); /* a day at most */
}

static void only_what_is_noted_is_told(void **state)
{
    struct world *world = *state;
    Isobar__V1__QuotaGrant grant = ISOBAR__V1__QUOTA_GRANT__INIT;
    struct member_account of = {.name = "openweathermap", .noting_milli = 9 * CALL, .noted_milli = 4 * CALL};
    of.noted_ms = 1234;
    assert_true(grant_fill(&world->leader, &of, &grant));
    assert_string_equal(grant.account, "openweathermap");
    assert_true(grant.granted_milli == 4 * CALL && grant.until_ms == 1234);
    assert_true(of.told_milli == 4 * CALL && of.told_ms == 1234);
    struct member_account brief = {.name = "brief"}, unknown = {.name = "unknown"};
    assert_false(grant_fill(&world->leader, &brief, &grant)); /* no limit of an hour or more */
    assert_false(grant_fill(&world->leader, &unknown, &grant));
}

static void a_note_is_taken_over_and_a_bad_or_missing_one_is_a_loss(void **state)
{
    struct world *world = *state;
    struct account *first = account(world, 0);
    struct buf note = BUF_EMPTY;
    say(world, 0, "openweathermap", 0, 0, 0);
    quota_ledger_grant(&first->ledger, 100, 3 * CALL);
    quota_ledger_pack(&first->ledger, &note);
    grant_restore(&world->leader, first, note.data, note.size, false);
    assert_int_equal(first->ledger.losses, 0);
    assert_int_equal(quota_ledger_holder(&first->ledger, 100)->granted_milli, 3 * CALL);
    grant_restore(&world->leader, first, "\xff\xff", 2, false);
    assert_int_equal(first->ledger.losses, 1);
    grant_restore(&world->leader, first, NULL, 0, false);
    assert_true(first->ledger.losses == 1 && quota_ledger_available(&first->ledger) == 0);
    grant_restore(&world->leader, first, NULL, 0, true);
    assert_true(first->ledger.losses == 0 && quota_ledger_available(&first->ledger) > 0);
    buf_release(&note);
}

/* ---- the view ---- */

static const json_t *window_of(const json_t *view, size_t index, const char *name)
{
    const json_t *windows = json_object_get(json_array_get(json_object_get(view, "accounts"), index), "windows");
    for (size_t i = 0; i < json_array_size(windows); i++) {
        const json_t *window = json_array_get(windows, i);
        if (strcmp(json_string_value(json_object_get(window, "window")), name) == 0)
            return window;
    }
    return NULL;
}

static void the_view_has_what_counts(void **state)
{
    struct world *world = *state;
    say(world, 0, "openweathermap", 0, 0, 0);
    say(world, 1, "brief", 0, 0, 4000);
    world->members[0].accounts[0].minute = (struct quota_share){.live = true, .may_milli = 40000};
    quota_ledger_grant(&account(world, 0)->ledger, 100, 3 * CALL);
    json_t *view = account_view(&world->leader);
    const json_t *first = json_array_get(json_object_get(view, "accounts"), 0);
    const json_t *second = json_array_get(json_object_get(view, "accounts"), 1);
    assert_int_equal(json_integer_value(json_object_get(view, "fetchers")), 2);
    assert_int_equal(json_integer_value(json_object_get(view, "calls_per_minute")), 30); /* two accounts: the option */
    assert_int_equal(json_integer_value(json_object_get(first, "fetchers")), 1);
    assert_string_equal(json_string_value(json_object_get(first, "limits")), "60/m,1000000/mo");
    assert_int_equal(json_integer_value(json_object_get(first, "limited_ms")), 0);
    assert_int_equal(json_integer_value(json_object_get(second, "limited_ms")), 4000);
    const json_t *minute = window_of(view, 0, "m"), *month = window_of(view, 0, "mo");
    assert_float_equal(json_number_value(json_object_get(minute, "spent")), 40, 1e-9);
    assert_float_equal(json_number_value(json_object_get(month, "spent")), 3, 1e-9);
    assert_float_equal(json_number_value(json_object_get(month, "open")), 3, 1e-9);
    assert_null(window_of(view, 1, "mo"));
    json_decref(view);
}

static void metrics_are_the_leader_s(void **state)
{
    struct world *world = *state;
    struct buf out = BUF_EMPTY;
    world->leader.leading = LEAD_NOT;
    account_metrics(&world->leader, &out);
    assert_int_equal(out.size, 0);
    world->leader.leading = LEAD_ACTING;
    say(world, 0, "openweathermap", 0, 0, 0);
    quota_ledger_grant(&account(world, 0)->ledger, 100, 3 * CALL);
    account_metrics(&world->leader, &out);
    assert_non_null(
        strstr(out.data, "isobar_coordinator_quota_limit{account=\"openweathermap\",window=\"mo\"} 1000000\n"));
    assert_non_null(strstr(out.data, "isobar_coordinator_quota_open{account=\"openweathermap\",window=\"mo\"} 3\n"));
    assert_non_null(strstr(out.data, "isobar_coordinator_quota_limit{account=\"brief\",window=\"m\"} 5\n"));
    assert_null(strstr(out.data, "account=\"brief\",window=\"mo\""));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(limits_are_of_the_account_or_of_all_others, begin, end),
        cmocka_unit_test_setup_teardown(what_a_fetcher_says_is_taken, begin, end),
        cmocka_unit_test_setup_teardown(who_was_granted_more_than_is_known_shows_a_loss, begin, end),
        cmocka_unit_test_setup_teardown(a_refusal_is_told_to_all_of_the_account, begin, end),
        cmocka_unit_test_setup_teardown(only_what_is_noted_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_note_is_taken_over_and_a_bad_or_missing_one_is_a_loss, begin, end),
        cmocka_unit_test_setup_teardown(the_view_has_what_counts, begin, end),
        cmocka_unit_test_setup_teardown(metrics_are_the_leader_s, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
