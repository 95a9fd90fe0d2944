/* Operators' commands at the leader: drains, resumes, each once, and what becomes of them with the next leader. */
#include "leader_kit.h"

static void command(struct world *world, Isobar__V1__CommandWhat what, int64_t id, const char *member,
                    int32_t partition)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Command message = ISOBAR__V1__COMMAND__INIT;
    message.id = id;
    message.what = what;
    message.member = (char *)member;
    message.partition = partition;
    message.who = (char *)"ann@desk";
    message.detail = (char *)"offset 7 to 0";
    envelope.format = 1;
    envelope.member = (char *)"isobarctl-1";
    envelope.incarnation = 77;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_COMMAND;
    envelope.command = &message;
    leader_message(world->leader, &envelope);
    hand_out(world);
}

/* As when Redis has taken it. */
static void drain(struct world *world, const struct person *person, bool drained)
{
    struct drained_member member = {.incarnation = person->incarnation, .at_ms = 5};
    text_copy(member.id, sizeof member.id, person->id);
    text_copy(member.who, sizeof member.who, "ann@desk");
    operator_drained(world->leader, &member, drained);
    run(world, 2000);
}

static void who_is_drained_is_given_nothing(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = worker(world, 1), *three = fetcher(world, 2),
                  *four = fetcher(world, 3);
    run(world, 4000);
    drain(world, one, true);
    assert_true(held(one) == 0 && held(two) == PARTITIONS);
    command(world, ISOBAR__V1__COMMAND_WHAT__DRAIN, 5, "worker-0", 0);
    assert_true(world->answer_ok && world->answer_id == 5 && world->answer_number == 0);
    json_t *view = view_of(world);
    for (size_t i = 0; i < 4; i++) {
        const json_t *member = json_array_get(json_object_get(view, "members"), i);
        bool drained = strcmp(json_string_value(json_object_get(member, "id")), one->id) == 0;
        assert_string_equal(json_string_value(json_object_get(member, "drained_by")), drained ? "ann@desk" : "");
        assert_string_equal(json_string_value(json_object_get(member, "state")), drained ? "draining" : "live");
    }
    json_decref(view);
    drain(world, three, true);
    assert_true(held(three) == 0 && held(four) == PARTITIONS && three->share == 0 && four->share == 60000);
    drain(world, one, false);
    drain(world, three, false);
    assert_true(held(one) == 12 && held(two) == 12 && held(three) == 12 && three->share == 30000);
}

static void a_silence_does_not_end_a_drain_and_an_end_does(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = worker(world, 1);
    run(world, 3000);
    drain(world, one, true);
    one->mute = true;
    run(world, 5000);
    one->mute = false;
    run(world, 3000);
    assert_true(held(one) == 0 && held(two) == PARTITIONS);
    assert_true(drained_holds(&world->leader->drained, one->id, one->incarnation));
    one->here = false; /* killed, and started again */
    run(world, 3000);
    one = worker(world, 0);
    run(world, 3000);
    assert_true(held(one) == 12 && world->leader->drained.count == 0);
    drain(world, one, true);
    say_bye(world, one);
    assert_int_equal(world->leader->drained.count, 0);
}

/* Nor is it told what it had before, when it is heard again. */
static void who_is_drained_while_silent_is_given_nothing_when_it_is_back(void **state)
{
    struct world *world = *state;
    struct person *one = fetcher(world, 0);
    run(world, 3000);
    one->mute = true;
    run(world, 3000);
    drain(world, one, true);
    one->mute = false;
    int targets = one->targets;
    run(world, 2000); /* on_target looks at each one */
    assert_true(one->targets > targets && one->share == 0 && held(one) == 0);
}

static void the_next_leader_goes_on_with_it(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = worker(world, 1);
    run(world, 3000);
    drain(world, one, true);
    struct drained_member member = *drained_find(&world->leader->drained, one->id);
    char *view = view_text(world);
    drop_leader(world);
    take_lead(world, "c-2", 2, view);
    free(view);
    drained_put(&world->leader->drained, &member); /* read from Redis */
    run(world, 6000);
    assert_true(held(one) == 0 && held(two) == PARTITIONS);
}

/* A worker that has stopped on partition 3. */
static struct person *stopped_worker(struct world *world)
{
    struct person *one = worker(world, 0);
    run(world, 3000);
    one->stopped[3] = true;
    one->alarm = "damaged";
    run(world, 1000);
    return one;
}

static void commands_are_carried_out_once(void **state)
{
    struct world *world = *state;
    struct person *one = stopped_worker(world);
    assert_string_equal(world->leader->partitions.views[3].alarm, "damaged");
    int64_t number = one->number[3];
    one->alarm = NULL; /* with its next report */
    command(world, ISOBAR__V1__COMMAND_WHAT__RESUME, 9, "", 3);
    assert_true(world->answer_ok && strstr(world->answer_text, "is tried again by worker-0"));
    int64_t given = world->answer_number;
    assert_true(given > number && one->number[3] == given && !one->stopped[3]);
    assert_string_equal(world->leader->partitions.views[3].alarm, "");
    for (int i = 0; i < 3; i++)
        command(world, ISOBAR__V1__COMMAND_WHAT__RESUME, 9, "", 3); /* the same, which came late */
    assert_true(world->answers == 4 && world->answer_number == given && one->number[3] == given);
    command(world, ISOBAR__V1__COMMAND_WHAT__RESUME, 10, "", 3);
    assert_true(world->answer_ok && strstr(world->answer_text, "is not stopped"));
    assert_int_equal(one->number[3], given);
    command(world, ISOBAR__V1__COMMAND_WHAT__NOTE_RESET, 11, "", 3);
    assert_true(world->answer_ok && one->number[3] == given);
}

static void reports_from_before_a_resume_do_not_stop_it_again(void **state)
{
    struct world *world = *state;
    struct person *one = stopped_worker(world);
    one->deaf = true; /* the target is on its way */
    command(world, ISOBAR__V1__COMMAND_WHAT__RESUME, 9, "", 3);
    run(world, 1000);
    assert_int_equal(world->leader->partitions.views[3].phase, ISOBAR__V1__PARTITION_PHASE__ACQUIRING);
    assert_string_equal(world->leader->partitions.views[3].alarm, "");
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct world *world = *state;
    (void)worker(world, 0);
    command(world, ISOBAR__V1__COMMAND_WHAT__RESUME, 1, "", 0); /* it settles: too early */
    assert_int_equal(world->answers, 0);
    run(world, 3000);
    static const struct {
        const char *member;
        Isobar__V1__CommandWhat what;
        int32_t partition;
    } rows[] = {{"", ISOBAR__V1__COMMAND_WHAT__RESUME, -1},
                {"", ISOBAR__V1__COMMAND_WHAT__NOTE_RESET, PARTITIONS},
                {"a/b", ISOBAR__V1__COMMAND_WHAT__DRAIN, 0},
                {"worker-9", ISOBAR__V1__COMMAND_WHAT__DRAIN, 0},
                {"worker-0", ISOBAR__V1__COMMAND_WHAT__COMMAND_UNKNOWN, 0},
                {"worker-0", (Isobar__V1__CommandWhat)99, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        command(world, rows[i].what, 100 + (int64_t)i, rows[i].member, rows[i].partition);
        if (world->answers != (int)i + 1 || world->answer_ok)
            fail_msg("row %zu: %s", i, world->answer_text);
    }
    command(world, ISOBAR__V1__COMMAND_WHAT__UNDRAIN, 200, "worker-9", 0);
    assert_true(world->answer_ok && strstr(world->answer_text, "is not drained"));
    int answers = world->answers;
    command(world, ISOBAR__V1__COMMAND_WHAT__DRAIN, 0, "worker-0", 0);
    command(world, ISOBAR__V1__COMMAND_WHAT__DRAIN, -3, "worker-0", 0);
    command(world, ISOBAR__V1__COMMAND_WHAT__DRAIN, 300, "worker-0", 0); /* Redis is away: no answer before it has it */
    assert_int_equal(world->answers, answers);
    assert_int_equal(world->leader->drained.count, 0);
}

static void an_operator_is_no_member(void **state)
{
    struct world *world = *state;
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Hello hello = ISOBAR__V1__HELLO__INIT;
    hello.role = ISOBAR__V1__ROLE__OPERATOR;
    envelope.format = 1;
    envelope.member = (char *)"isobarctl-1";
    envelope.incarnation = 77;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
    envelope.hello = &hello;
    leader_message(world->leader, &envelope);
    assert_true(letters && letters->envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_WELCOME);
    assert_int_equal(world->leader->members.count, 0);
}

static void entries_of_the_hash(void **state)
{
    (void)state;
    struct drained_member member, again = {.incarnation = -5, .at_ms = 1790000000000};
    struct buf text = BUF_EMPTY;
    text_copy(again.id, sizeof again.id, "worker-1");
    text_copy(again.who, sizeof again.who, "ann lee@desk");
    drained_format(&again, &text);
    assert_string_equal(text.data, "fffffffffffffffb 1790000000000 ann lee@desk");
    assert_true(drained_parse("worker-1", text.data, &member));
    assert_memory_equal(&member, &again, sizeof member);
    buf_release(&text);
    static const char *const bad[] = {"", "x", "1f", "1f ", "1f x y", "1f 7", " 7 y", "1F 7 y", "-1 7 y"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (drained_parse("worker-1", bad[i], &member))
            fail_msg("row %zu", i);
    }
    assert_false(drained_parse("a b", "1f 7 y", &member));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {T(who_is_drained_is_given_nothing),
                                       T(a_silence_does_not_end_a_drain_and_an_end_does),
                                       T(who_is_drained_while_silent_is_given_nothing_when_it_is_back),
                                       T(the_next_leader_goes_on_with_it),
                                       T(commands_are_carried_out_once),
                                       T(reports_from_before_a_resume_do_not_stop_it_again),
                                       T(what_makes_no_sense_is_refused),
                                       T(an_operator_is_no_member),
                                       T(entries_of_the_hash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
