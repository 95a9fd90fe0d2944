/* The table of members, on a virtual clock. */
#include "../../coordinator/member.h"

#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct members members;
static uint32_t former;

static enum member_greeting hello(const char *id, int64_t incarnation, int64_t now_ms, const Isobar__V1__Hello *like)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Hello message = ISOBAR__V1__HELLO__INIT;
    if (like)
        message = *like;
    else
        message.role = ISOBAR__V1__ROLE__WORKER;
    envelope.member = (char *)id;
    envelope.incarnation = incarnation;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
    envelope.hello = &message;
    former = 0;
    return member_greet(&members, &envelope, now_ms, &former);
}

static int clear(void **state)
{
    (void)state;
    members_clear(&members);
    assert_int_equal(members.count, 0);
    return 0;
}

static void count_silent(void *arg, struct member *member)
{
    assert_int_equal(member->state, MEMBER_SUSPECT);
    ++*(int *)arg;
}

static void a_hello_again_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(hello("a", 1, 1000, NULL), GREETING_NEW);
    struct member *member = member_find(&members, "a");
    assert_true(member->heard_ms == 1000 && member->state == MEMBER_LIVE && member->target_changed);
    assert_true(member_reachable(member) && !member_usable(member)); /* before a heartbeat came */
    member->beats = true;
    assert_true(member_usable(member));
    assert_int_equal(hello("a", 1, 2000, NULL), GREETING_KNOWN);
    assert_int_equal(member->heard_ms, 2000);
    assert_int_equal(members.count, 1);
    assert_null(member_find(&members, "b"));
    assert_ptr_equal(member_by_key(&members, member->key), member);
}

static void a_second_process_waits_for_the_silence_of_the_first(void **state)
{
    (void)state;
    (void)hello("a", 1, 1000, NULL);
    uint32_t key = member_find(&members, "a")->key;
    assert_int_equal(hello("a", 2, 1000 + MEMBER_SILENT_MS, NULL), GREETING_DUPLICATE);
    assert_int_equal(member_find(&members, "a")->incarnation, 1);
    assert_int_equal(hello("a", 2, 1001 + MEMBER_SILENT_MS, NULL), GREETING_REPLACED);
    assert_int_equal(former, key);
    assert_int_equal(member_by_key(&members, key)->state, MEMBER_GONE);
    assert_int_equal(member_find(&members, "a")->incarnation, 2);
    assert_true(member_find(&members, "a")->key > key);
    assert_int_equal(members.count, 2);
}

static void silence_then_oblivion(void **state)
{
    (void)state;
    int silent = 0;
    (void)hello("a", 1, 0, NULL);
    (void)hello("b", 1, 1000, NULL);
    member_find(&members, "b")->state = MEMBER_DRAINING;
    members_age(&members, MEMBER_SILENT_MS, count_silent, &silent);
    assert_int_equal(silent, 0);
    members_age(&members, MEMBER_SILENT_MS + 1, count_silent, &silent);
    assert_int_equal(silent, 1);
    assert_false(member_usable(member_find(&members, "a")) || member_reachable(member_find(&members, "a")));
    members_age(&members, MEMBER_SILENT_MS + 1001, count_silent, &silent);
    members_age(&members, MEMBER_KEEP_MS, count_silent, &silent);
    assert_int_equal(silent, 2); /* each once */
    members_age(&members, MEMBER_KEEP_MS + 1, count_silent, &silent);
    assert_null(member_find(&members, "a"));
    assert_non_null(member_find(&members, "b"));
    members_age(&members, MEMBER_KEEP_MS + 1001, count_silent, &silent);
    assert_int_equal(members.count, 0);
}

static void what_members_say_is_bounded(void **state)
{
    (void)state;
    char host[256], zone[256];
    memset(host, 'h', sizeof host);
    host[255] = '\0';
    for (size_t i = 0; i < 254; i += 2)
        memcpy(zone + i, "\xc3\xa4", 2); /* a two-byte character across the limit */
    zone[254] = '\0';
    Isobar__V1__Hello like = ISOBAR__V1__HELLO__INIT;
    like.role = ISOBAR__V1__ROLE__FETCHER;
    like.host = host;
    like.zone = zone;
    like.version = (char *)"\xff\xfe";
    static const struct {
        int32_t said, taken;
    } rows[] = {{-5, 1}, {0, 1}, {1, 1}, {100, 100}, {MEMBER_CAPACITY, MEMBER_CAPACITY}, {INT32_MAX, MEMBER_CAPACITY}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char id[16];
        snprintf(id, sizeof id, "m%zu", i);
        like.capacity = rows[i].said;
        assert_int_equal(hello(id, 1, 0, &like), GREETING_NEW);
        assert_int_equal(member_find(&members, id)->capacity, rows[i].taken);
    }
    const struct member *member = member_find(&members, "m0");
    assert_int_equal(strlen(member->host), sizeof member->host - 1);
    assert_int_equal(strlen(member->zone), sizeof member->zone - 1); /* 64 is even */
    assert_true(text_is_utf8(member->zone));
    assert_string_equal(member->version, "??");
    assert_int_equal(member->role, ISOBAR__V1__ROLE__FETCHER);
}

static void made_up_ids_fill_the_table_but_not_the_memory(void **state)
{
    (void)state;
    char id[32];
    int silent = 0;
    for (int i = 0; i < 3 * MEMBERS_MAX; i++) {
        snprintf(id, sizeof id, "made-up-%d", i);
        assert_int_equal(hello(id, 1, 0, NULL), i < MEMBERS_MAX ? GREETING_NEW : GREETING_FULL);
    }
    assert_int_equal(members.count, MEMBERS_MAX);
    assert_int_equal(hello("made-up-7", 1, 1, NULL), GREETING_KNOWN);
    members_age(&members, MEMBER_SILENT_MS + 1, count_silent, &silent);
    assert_int_equal(silent, MEMBERS_MAX - 1);
    /* A silent one makes room, but neither a live one nor one whose share of the quota is kept back. */
    for (struct member *member = members.first; member; member = member->next) {
        member->account_count = 2;
        member->accounts[member->key % 2].minute.may_milli = strcmp(member->id, "made-up-9") == 0 ? 0 : 5;
    }
    assert_int_equal(hello("real", 1, MEMBER_SILENT_MS + 1, NULL), GREETING_NEW);
    assert_null(member_find(&members, "made-up-9"));
    assert_int_equal(hello("real-2", 1, MEMBER_SILENT_MS + 1, NULL), GREETING_FULL);
    assert_int_equal(hello("made-up-3", 2, MEMBER_SILENT_MS + 1, NULL), GREETING_FULL);
    assert_int_equal(member_find(&members, "made-up-3")->state, MEMBER_SUSPECT); /* nothing changed */
    member_find(&members, "made-up-3")->account_count = 0;
    assert_int_equal(hello("made-up-3", 2, MEMBER_SILENT_MS + 1, NULL), GREETING_FULL); /* not at its own cost */
    member_find(&members, "made-up-4")->account_count = 0;
    assert_int_equal(hello("made-up-3", 2, MEMBER_SILENT_MS + 1, NULL), GREETING_REPLACED);
    assert_int_equal(members.count, MEMBERS_MAX);
}

static void the_former_leaders_members(void **state)
{
    (void)state;
    struct member like = {.incarnation = 5,
                          .role = ISOBAR__V1__ROLE__FETCHER,
                          .capacity = 50,
                          .expected = true,
                          .account_count = 1,
                          .accounts = {{.name = "open-meteo", .minute = {.may_milli = 30000}}}};
    text_copy(like.id, sizeof like.id, "a");
    struct member *member = member_restore(&members, &like, 100);
    assert_true(member->state == MEMBER_SUSPECT && member->expected && member->heard_ms == 100 &&
                member->accounts[0].minute.may_milli == 30000);
    assert_ptr_equal(member_account(member, "open-meteo"), &member->accounts[0]);
    assert_null(member_account(member, "openweathermap"));
    assert_null(member_restore(&members, &like, 100));
    assert_int_equal(hello("a", 5, 100, NULL), GREETING_KNOWN);
    assert_int_equal(hello("a", 6, 101 + MEMBER_SILENT_MS, NULL), GREETING_REPLACED);
    assert_false(member_by_key(&members, former)->expected);
    assert_int_equal(member_by_key(&members, former)->accounts[0].minute.may_milli, 30000); /* still kept back */
}

/* A key never means another member, not even after the table was emptied. */
static void keys_are_never_used_again(void **state)
{
    (void)state;
    (void)hello("a", 1, 0, NULL);
    uint32_t key = member_find(&members, "a")->key;
    members_clear(&members);
    (void)hello("b", 1, 0, NULL);
    assert_true(member_find(&members, "b")->key > key);
    assert_null(member_by_key(&members, key));
}

#define T(name) cmocka_unit_test_teardown(name, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_hello_again_changes_nothing),
        T(a_second_process_waits_for_the_silence_of_the_first),
        T(silence_then_oblivion),
        T(what_members_say_is_bounded),
        T(made_up_ids_fill_the_table_but_not_the_memory),
        T(the_former_leaders_members),
        T(keys_are_never_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
