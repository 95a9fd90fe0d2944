/* A member's side of the control plane: greeting, beating, terms, silence, and its end. */
#include "link_fixture.h"

static void says_hello_until_welcomed_then_beats(void **state)
{
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    fixture->mute = true;
    dial(fixture, false);
    UNTIL(fixture->loop, heard->hellos >= 3);
    assert_int_equal(heard->heartbeats, 0);
    assert_int_equal(fixture->asked, 0);
    assert_false(link_up(fixture->link));
    fixture->mute = false;
    int64_t welcomed_ms = clock_monotonic_ms();
    UNTIL(fixture->loop, heard->heartbeats >= 5);
    int64_t took_ms = clock_monotonic_ms() - welcomed_ms;
    assert_in_range(took_ms, 3 * LINK_HEARTBEAT_MS,
                    12 * LINK_HEARTBEAT_MS); /* the first at once, then one every 500 ms */
    assert_true(link_up(fixture->link));
    assert_int_equal(fixture->welcomes, 1);
    assert_int_equal(fixture->ups, 1);
    assert_int_equal(heard->term, 3);
    assert_int_equal(heard->target_version, 0);
    assert_int_equal(heard->share, 0);
}

static void the_first_hello_does_not_wait_for_the_next_beat(void **state)
{
    struct fixture *fixture = *state;
    int64_t dialled_ms = clock_monotonic_ms();
    dial_and_meet(fixture);
    assert_true(clock_monotonic_ms() - dialled_ms < LINK_HEARTBEAT_MS);
}

static void older_terms_and_versions_are_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct channel *channel = fixture->coordinators[0];
    struct heard *heard = &fixture->heard[0];
    dial_and_meet(fixture);
    fixture->mute = true;
    static const struct {
        int64_t term, version;
        bool taken;
    } rows[] = {{3, 5, true}, {3, 5, false}, {3, 4, false}, {2, 9, false}, {3, 6, true},
                {4, 1, true}, {3, 7, false}, {4, 1, false}, {4, 2, true}};
    int taken = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        say_target(channel, rows[i].term, rows[i].version);
        say_catalogue(channel); /* comes after it: then the target has been looked at */
        UNTIL(fixture->loop, fixture->messages == (int)i + 1);
        taken += rows[i].taken;
        assert_int_equal(fixture->targets, taken);
    }
    UNTIL(fixture->loop, heard->target_version == 2);
    assert_int_equal(heard->term, 4);
    assert_int_equal(heard->share, 4002);
    say_welcome(channel, 3);
    say_heartbeat(channel, 3, true);
    say_catalogue(channel);
    int hellos = heard->hellos;
    UNTIL(fixture->loop, fixture->messages == (int)(sizeof rows / sizeof *rows) + 1);
    run_for(fixture->loop, LINK_HEARTBEAT_MS + 100);
    assert_int_equal(fixture->welcomes, 1);
    assert_int_equal(heard->hellos, hellos);
}

/* The version of a former term is no acknowledgement of a target of this one. */
static void a_version_belongs_to_its_term(void **state)
{
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    dial_and_meet(fixture);
    say_target(fixture->coordinators[0], 3, 9);
    UNTIL(fixture->loop, heard->target_version == 9);
    fixture->answer_term = 5; /* its answers make the member say HELLO */
    UNTIL(fixture->loop, heard->term == 5);
    assert_int_equal(heard->hello_term, 3);
    assert_int_equal(fixture->welcomes, 2);
    assert_int_equal(heard->target_version, 0);
    assert_int_equal(heard->share, 3009); /* the last share holds */
    say_target(fixture->coordinators[0], 5, 1);
    UNTIL(fixture->loop, heard->target_version == 1);
    assert_int_equal(heard->share, 5001);
}

static void greets_when_asked(void **state)
{
    struct fixture *fixture = *state;
    dial_and_meet(fixture);
    int hellos = fixture->heard[0].hellos;
    int64_t asked_ms = clock_monotonic_ms();
    say_heartbeat(fixture->coordinators[0], 3, true);
    UNTIL(fixture->loop, fixture->heard[0].hellos == hellos + 1 && fixture->welcomes == 2);
    assert_true(clock_monotonic_ms() - asked_ms < LINK_HEARTBEAT_MS);
    assert_int_equal(fixture->ups, 1);
}

/* A leader whose Redis went back: it learns from HELLO which term it has to pass. */
static void a_lower_term_is_told_the_higher(void **state)
{
    struct fixture *fixture = *state;
    dial_and_meet(fixture);
    fixture->answer_term = 2; /* dropped; after the silence the member says HELLO to it */
    UNTIL(fixture->loop, fixture->heard[0].hello_term == 3);
    assert_int_equal(fixture->downs, 1);
    assert_false(link_up(fixture->link));
    int welcomes = fixture->welcomes;
    fixture->answer_term = 4;
    UNTIL(fixture->loop, fixture->welcomes == welcomes + 1);
    assert_int_equal(fixture->last_term, 4);
    assert_true(link_up(fixture->link));
}

static void dials_the_next_after_a_silence(void **state)
{
    struct fixture *fixture = *state;
    dial(fixture, true);
    UNTIL(fixture->loop, fixture->heard[0].heartbeats > 0);
    channel_free(fixture->coordinators[0]);
    fixture->coordinators[0] = NULL;
    int64_t gone_ms = clock_monotonic_ms();
    UNTIL(fixture->loop, fixture->heard[1].hellos > 0);
    assert_in_range(clock_monotonic_ms() - gone_ms, LINK_SILENCE_MS - LINK_HEARTBEAT_MS - 100,
                    LINK_SILENCE_MS + 4 * LINK_HEARTBEAT_MS);
    UNTIL(fixture->loop, fixture->heard[1].heartbeats > 0);
    assert_int_equal(fixture->downs, 1);
    assert_int_equal(fixture->ups, 2);
}

static void plain_beyond_this_machine_wants_a_word(void **state)
{
    struct fixture *fixture = *state;
    struct link_events events = {.heartbeat = on_heartbeat, .welcome = on_welcome, .target = on_target, .arg = fixture};
    struct link_config config = {.endpoints = "tcp://127.0.0.1:1,tcp://192.0.2.1:1",
                                 .id = ME,
                                 .incarnation = SELF,
                                 .role = ISOBAR__V1__ROLE__WORKER,
                                 .capacity = 1,
                                 .zone = ""};
    struct buf error = BUF_EMPTY;
    assert_null(link_new(fixture->loop, &config, &events, &error));
    assert_non_null(strstr(error.data, "--insecure"));
    buf_reset(&error);
    config.insecure = true;
    fixture->link = link_new(fixture->loop, &config, &events, &error);
    assert_non_null(fixture->link);
    buf_release(&error);
}

static void released_and_bye(void **state)
{
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    dial_and_meet(fixture);
    link_released(fixture->link, 17, 12345);
    UNTIL(fixture->loop, heard->released == 1);
    assert_int_equal(heard->partition, 17);
    assert_int_equal(heard->number, 12345);
    link_bye(fixture->link, "drained");
    UNTIL(fixture->loop, heard->byes == 1);
    assert_string_equal(heard->reason, "drained");
    int heartbeats = heard->heartbeats;
    link_beat(fixture->link);
    link_released(fixture->link, 18, 1);
    link_bye(fixture->link, "again");
    run_for(fixture->loop, 2 * LINK_HEARTBEAT_MS);
    assert_int_equal(heard->heartbeats, heartbeats);
    assert_int_equal(heard->released, 1);
    assert_int_equal(heard->byes, 1);
}

/* A process ends right after its BYE, which must not die with the socket. */
static void the_bye_outlives_the_link(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 1; i <= 20; i++) {
        int heartbeats = fixture->heard[0].heartbeats;
        dial(fixture, false);
        UNTIL(fixture->loop, fixture->heard[0].heartbeats > heartbeats);
        fixture->large = true;
        for (int k = 0; k < 8; k++)
            link_beat(fixture->link); /* so that it is not out already when the socket closes */
        fixture->large = false;
        link_bye(fixture->link, "drained");
        link_free(fixture->link);
        fixture->link = NULL;
        UNTIL(fixture->loop, fixture->heard[0].byes == i);
    }
}

static void nothing_is_released_before_the_welcome(void **state)
{
    struct fixture *fixture = *state;
    fixture->mute = true;
    dial(fixture, false);
    UNTIL(fixture->loop, fixture->heard[0].hellos > 0);
    link_released(fixture->link, 1, 1);
    UNTIL(fixture->loop, fixture->heard[0].hellos > 1);
    assert_int_equal(fixture->heard[0].released, 0);
}

static void what_cannot_be_dialled_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct link_events events = {.heartbeat = on_heartbeat, .welcome = on_welcome, .target = on_target, .arg = fixture};
    static const char *const endpoints[] = {"", "127.0.0.1:7070", "tcp://127.0.0.1:70000", "tcp://127.0.0.1:1,"};
    for (size_t i = 0; i <= sizeof endpoints / sizeof *endpoints; i++) {
        struct buf error = BUF_EMPTY;
        bool bad_id = i == sizeof endpoints / sizeof *endpoints;
        struct link_config config = {.endpoints = bad_id ? "tcp://127.0.0.1:1" : endpoints[i],
                                     .id = bad_id ? "a/b" : ME,
                                     .incarnation = SELF,
                                     .role = ISOBAR__V1__ROLE__WORKER,
                                     .capacity = 1,
                                     .zone = ""};
        assert_null(link_new(fixture->loop, &config, &events, &error));
        assert_true(error.size > 0);
        buf_release(&error);
    }
}

static void ids(void **state)
{
    (void)state;
    char id[80];
    assert_true(link_valid_id("a") && link_valid_id("Worker-1.rack_2"));
    assert_false(link_valid_id("") || link_valid_id("a b") || link_valid_id("a/b") || link_valid_id("\xc3\xa4"));
    char text[66];
    memset(text, 'x', sizeof text);
    text[64] = '\0';
    assert_true(link_valid_id(text));
    text[64] = 'x';
    text[65] = '\0';
    assert_false(link_valid_id(text));
    link_default_id(id, sizeof id);
    assert_true(link_valid_id(id));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(says_hello_until_welcomed_then_beats),
        T(the_first_hello_does_not_wait_for_the_next_beat),
        T(older_terms_and_versions_are_dropped),
        T(a_version_belongs_to_its_term),
        T(greets_when_asked),
        T(a_lower_term_is_told_the_higher),
        T(dials_the_next_after_a_silence),
        T(plain_beyond_this_machine_wants_a_word),
        T(released_and_bye),
        T(the_bye_outlives_the_link),
        T(nothing_is_released_before_the_welcome),
        T(what_cannot_be_dialled_is_refused),
        cmocka_unit_test(ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
