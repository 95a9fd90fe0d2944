/* How a member finds the leader by the word of others: of coordinators that stand by, and of Redis. */
#include "link_fixture.h"

static void a_standby_leads_to_the_leader(void **state)
{
    struct fixture *fixture = *state;
    fixture->redirect[0] = channel_endpoint(fixture->coordinators[1]);
    int64_t dialled_ms = clock_monotonic_ms();
    dial(fixture, false); /* the second is in no list: loopback */
    UNTIL(fixture->loop, fixture->heard[1].heartbeats > 0);
    assert_true(clock_monotonic_ms() - dialled_ms < LINK_SILENCE_MS);
    assert_true(link_up(fixture->link));
    assert_int_equal(link_redirects(fixture->link), 1);
    /* The leader becomes a standby of the first. */
    fixture->redirect[0] = NULL;
    fixture->redirect[1] = channel_endpoint(fixture->coordinators[0]);
    fixture->answer_term = 4;
    UNTIL(fixture->loop, fixture->heard[0].heartbeats > 0);
    assert_int_equal(fixture->last_term, 4);
    assert_int_equal(fixture->downs, 1);
}

/* Two that name each other, and then one that leads after all. */
static void a_loop_of_words_ends(void **state)
{
    struct fixture *fixture = *state;
    fixture->redirect[0] = channel_endpoint(fixture->coordinators[1]);
    fixture->redirect[1] = channel_endpoint(fixture->coordinators[0]);
    dial(fixture, true);
    UNTIL(fixture->loop, link_redirects(fixture->link) == 3);
    run_for(fixture->loop, 1000);
    assert_int_equal(link_redirects(fixture->link), 3);
    assert_false(link_up(fixture->link));
    fixture->redirect[0] = fixture->redirect[1] = NULL;
    UNTIL(fixture->loop, link_up(fixture->link));
}

/* The endpoint of the leader that has just fallen silent, as Redis has it until the lease ends: it waits. */
static void a_word_does_not_lead_back(void **state)
{
    struct fixture *fixture = *state;
    char gone[64];
    dial(fixture, true);
    UNTIL(fixture->loop, fixture->heard[0].heartbeats > 0);
    snprintf(gone, sizeof gone, "%s", channel_endpoint(fixture->coordinators[0]));
    fixture->redirect[1] = gone;
    channel_free(fixture->coordinators[0]);
    fixture->coordinators[0] = NULL;
    UNTIL(fixture->loop, fixture->heard[1].hellos >= 4);
    assert_int_equal(link_redirects(fixture->link), 0);
    int64_t free_ms = clock_monotonic_ms();
    fixture->redirect[1] = NULL;
    fixture->answer_term = 4;
    UNTIL(fixture->loop, link_up(fixture->link));
    assert_true(clock_monotonic_ms() - free_ms < LINK_HEARTBEAT_MS + 200); /* it asks a standby more often */
}

static void words_that_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {"", "nonsense", "tcp://192.0.2.1:7070", "tcp://127.0.0.1:0"};
    dial_and_meet(fixture);
    fixture->mute = true;
    say_redirect(fixture->coordinators[0], channel_endpoint(fixture->coordinators[1]), 2); /* older than its welcome */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int hellos = fixture->heard[0].hellos;
        say_redirect(fixture->coordinators[0], bad[i], 0);
        UNTIL(fixture->loop, fixture->heard[0].hellos > hellos);
    }
    assert_int_equal(link_redirects(fixture->link), 0);
    assert_int_equal(fixture->heard[1].hellos, 0);
}

/* Redis has gone back: the leader's term is one that the member has left behind, and the leader learns that from it. */
static void a_leader_of_an_older_term_is_found(void **state)
{
    struct fixture *fixture = *state;
    dial_and_meet(fixture);
    fixture->redirect_term = 1;
    fixture->redirect[0] = channel_endpoint(fixture->coordinators[1]);
    UNTIL(fixture->loop, fixture->heard[1].hellos > 0);
    assert_int_equal(link_redirects(fixture->link), 1);
}

/* Without a list: what Redis says is the list. */
static void redis_names_the_first(void **state)
{
    struct fixture *fixture = *state;
    char leader[128];
    struct buf error = BUF_EMPTY;
    struct link_config config = {.endpoints = "",
                                 .id = ME,
                                 .incarnation = SELF,
                                 .role = ISOBAR__V1__ROLE__WORKER,
                                 .capacity = 250,
                                 .zone = "z",
                                 .told = true};
    struct link_events events = {
        .heartbeat = on_heartbeat, .welcome = on_welcome, .target = on_target, .state = on_state, .arg = fixture};
    fixture->link = link_new(fixture->loop, &config, &events, &error);
    assert_non_null(fixture->link);
    static const char *const bad[] = {"", "x", "nonce id", "nonce id tcp://", "nonce id tcp://192.0.2.1:1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        link_leader(fixture->link, bad[i]);
    link_released(fixture->link, 1, 1);
    link_beat(fixture->link);
    run_for(fixture->loop, 20);
    assert_int_equal(link_redirects(fixture->link), 0);
    snprintf(leader, sizeof leader, "nonce c-1 %s", channel_endpoint(fixture->coordinators[0]));
    link_leader(fixture->link, leader);
    UNTIL(fixture->loop, link_up(fixture->link));
    /* It is not asked while there is one; when that is gone, the word about the next is followed. */
    snprintf(leader, sizeof leader, "nonce c-2 %s", channel_endpoint(fixture->coordinators[1]));
    link_leader(fixture->link, leader);
    assert_true(link_up(fixture->link));
    channel_free(fixture->coordinators[0]);
    fixture->coordinators[0] = NULL;
    UNTIL(fixture->loop, !link_up(fixture->link));
    link_leader(fixture->link, leader);
    UNTIL(fixture->loop, link_up(fixture->link) && fixture->heard[1].heartbeats > 0);
    buf_release(&error);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_standby_leads_to_the_leader),      T(a_loop_of_words_ends),
        T(a_word_does_not_lead_back),          T(words_that_are_not_followed),
        T(a_leader_of_an_older_term_is_found), T(redis_names_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
