/* Rules that change at a record (worker/rulechange.c): where, what it waits for, and what becomes of cursors. */
#include "worker_fixture.h"

/* The record that puts a version in force, in a batch of `shard`. */
static bool put_in_force(int64_t version, int64_t clock_ms, int32_t shard)
{
    struct buf bytes = BUF_EMPTY;
    batch_encode_version(version, clock_ms, shard, &bytes);
    struct kafka_record record = {.topic = "weather.observations",
                                  .offset = kit.next_offset,
                                  .timestamp_ms = clock_ms,
                                  .value = bytes.data,
                                  .size = bytes.size};
    struct ledger before = kit.state.ledger;
    bool applied = state_apply(&kit.state, &record);
    if (applied)
        kit.next_offset++;
    else
        assert_memory_equal(&kit.state.ledger, &before, sizeof before); /* nothing has changed */
    buf_release(&bytes);
    return applied;
}

/* Commits what there is and changes to `rules`, as a session does. */
static void change(const struct rules *rules, int64_t clock_ms)
{
    assert_false(put_in_force(rules->version, clock_ms, 0));
    assert_true(state_waits(&kit.state));
    if (!state_settled(&kit.state) || kit.state.changed)
        kit_commit(&kit);
    assert_true(state_settled(&kit.state));
    state_offer(&kit.state, rules);
    assert_false(state_waits(&kit.state));
    assert_true(put_in_force(rules->version, clock_ms, 0));
}

static struct rules other_rules(int64_t version, const char *windows)
{
    struct rules rules;
    kit_rules(&rules, windows);
    rules.version = version;
    rules.windows.pane_ms = kit.rules.windows.pane_ms;
    return rules;
}

static void a_later_version_is_put_in_force_at_its_record(void **state)
{
    (void)state;
    struct rules later = other_rules(2, "10m:2d,1h:30d,1d:2y");
    later.allowed_delay_ms = 0;
    kit_one(&kit, kit_row(CITY, NOON, 1000), NOON);
    kit_one(&kit, kit_row(CITY, NOON + PANE, 1000), NOON + PANE); /* 5 minutes of delay: nothing closes */
    assert_int_equal(kit_city(&kit, CITY)->open_count, 2);
    change(&later, NOON + PANE + SECOND);
    assert_int_equal(kit.state.ledger.config_version, 2);
    assert_ptr_equal(kit.state.rules, &later);
    assert_int_equal(kit.state.ledger.rows_control, 1);
    assert_int_equal(kit_city(&kit, CITY)->open_count, 2); /* it changes what comes, not what was */
    kit_one(&kit, kit_row(CITY, NOON + PANE + MINUTE, 1000), NOON + PANE + MINUTE);
    assert_int_equal(kit_city(&kit, CITY)->open_count, 1);
}

static void versions_that_are_not_later_say_nothing(void **state)
{
    (void)state;
    kit.state.ledger.config_version = 5;
    assert_true(put_in_force(5, NOON, 0));
    assert_true(put_in_force(4, NOON, 0));
    assert_int_equal(kit.state.ledger.config_version, 5);
    assert_int_equal(kit.state.ledger.rows_control, 2);
    assert_false(state_waits(&kit.state));
}

static void another_partitions_rules_say_nothing(void **state)
{
    (void)state;
    assert_true(put_in_force(9, NOON, 3));
    assert_int_equal(kit.state.ledger.config_version, 1);
    assert_int_equal(kit.state.ledger.rows_control, 1);
}

/* A producer may repeat it; and another record may come in its place, when the log was made anew meanwhile. */
static void a_record_that_waits_can_be_another_one_later(void **state)
{
    (void)state;
    assert_false(put_in_force(2, NOON, 0));
    assert_int_equal(kit.state.wanted_version, 2);
    assert_false(put_in_force(2, NOON, 0));
    assert_false(put_in_force(3, NOON, 0));
    assert_int_equal(kit.state.wanted_version, 3);
    kit_one(&kit, kit_row(CITY, NOON, 1000), NOON);
    assert_false(state_waits(&kit.state));
}

static void what_is_not_stored_is_not_settled(void **state)
{
    (void)state;
    kit_one(&kit, kit_kind(ISOBAR__V1__ROW_KIND__CHECKED, CITY, NOON), NOON);
    assert_true(state_settled(&kit.state)); /* a city alone names no size */
    kit_one(&kit, kit_row(CITY, NOON, 1000), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1000), NOON + HOUR);
    assert_false(state_settled(&kit.state)); /* panes were folded */
    (void)!kit_send(&kit);
    assert_false(state_settled(&kit.state)); /* on the way */
    state_uncommitted(&kit.state);
    assert_false(state_settled(&kit.state));
    kit_commit(&kit);
    assert_true(state_settled(&kit.state));
    kit_one(&kit, kit_row(CITY, NOON + MINUTE, 1000), NOON + HOUR);
    assert_false(state_settled(&kit.state)); /* a late row is not decided */
    kit_commit(&kit);
}

static void a_new_size_starts_at_its_first_whole_window(void **state)
{
    (void)state;
    struct rules later = other_rules(2, "10m:2d,30m:5d,1h:30d,1d:2y");
    kit_one(&kit, kit_row(CITY, NOON, 1000), NOON);
    int64_t ten = kit.state.ledger.window_cursor_ms[0], hour = kit.state.ledger.window_cursor_ms[1],
            day = kit.state.ledger.window_cursor_ms[2];
    change(&later, NOON + 24 * MINUTE); /* a reading may be five minutes ahead */
    const int64_t *cursors = kit.state.ledger.window_cursor_ms;
    assert_int_equal(cursors[0], ten);
    assert_int_equal(cursors[1], NOON + 30 * MINUTE);
    assert_int_equal(cursors[2], hour);
    assert_int_equal(cursors[3], day);

    kit_one(&kit, kit_row(CITY, NOON + 29 * MINUTE, 1000), NOON + 29 * MINUTE);
    kit_one(&kit, kit_row(CITY, NOON + 31 * MINUTE, 2000), NOON + 31 * MINUTE);
    kit_one(&kit, kit_row(CITY, NOON + 2 * HOUR, 3000), NOON + 2 * HOUR);
    kit_resolve(&kit);
    assert_null(kit_record(&kit, 2, CITY, NOON + 29 * MINUTE));
    assert_int_equal(kit_window(&kit, 2, CITY, NOON + 31 * MINUTE)->rows, 1);
    assert_int_equal(kit_window(&kit, 3, CITY, NOON)->rows, 3);
    kit_commit(&kit);
    /* A late row finds the windows of the new size that began before it untouched, too. */
    kit_one(&kit, kit_row(CITY, NOON + 28 * MINUTE, 1000), NOON + 2 * HOUR);
    kit_commit(&kit);
    assert_null(kit_record(&kit, 2, CITY, NOON + 28 * MINUTE));
    assert_int_equal(kit.state.ledger.rows_late, 1);
}

/* Ahead of the clock by less than five minutes, and folded already: the window that it lies in is not begun. */
static void readings_ahead_of_the_clock_are_not_missed(void **state)
{
    (void)state;
    struct rules now = other_rules(2, "10m:2d,1h:30d,1d:2y"), later = other_rules(3, "10m:2d,30m:5d,1h:30d,1d:2y");
    now.allowed_delay_ms = 0;
    change(&now, NOON + 20 * MINUTE);
    kit_one(&kit, kit_row(CITY, NOON + 30 * MINUTE, 1000), NOON + 26 * MINUTE);
    kit_one(&kit, kit_row(CITY, NOON + 35 * MINUTE, 1000), NOON + 30 * MINUTE);
    assert_int_equal(kit_city(&kit, CITY)->open_count, 1); /* the pane of the half hour was folded */
    kit.state.ledger.clock_ms = NOON + 30 * MINUTE;
    change(&later, NOON + 30 * MINUTE);
    assert_int_equal(kit.state.ledger.window_cursor_ms[1], NOON + HOUR);
}

static void a_size_that_is_gone_is_written_no_more(void **state)
{
    (void)state;
    struct rules fewer = other_rules(2, "1h:30d"), again = other_rules(3, "10m:2d,1h:30d");
    kit_one(&kit, kit_row(CITY, NOON, 1000), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1000), NOON + HOUR);
    kit_commit(&kit);
    int64_t hour = kit.state.ledger.window_cursor_ms[1];
    change(&fewer, NOON + HOUR);
    assert_int_equal(kit.state.ledger.window_cursor_ms[0], hour);
    assert_int_equal(kit.state.ledger.window_cursor_ms[1], 0);
    assert_null(kit.state.records); /* their kinds mean other sizes now */
    kit_one(&kit, kit_row(CITY, NOON + 2 * HOUR, 1000), NOON + 2 * HOUR);
    kit_resolve(&kit);
    assert_int_equal(kit_window(&kit, 1, CITY, NOON + HOUR)->end_ms, NOON + 2 * HOUR);
    for (const struct record *record = kit.state.records; record; record = record->hh.next)
        assert_in_range(record->key.kind, RECORD_PANE, 1);
    kit_commit(&kit);

    hour = kit.state.ledger.window_cursor_ms[0];
    change(&again, NOON + 2 * HOUR); /* it comes back: anew, at its next boundary */
    assert_int_equal(kit.state.ledger.window_cursor_ms[0], NOON + 2 * HOUR + 10 * MINUTE);
    assert_int_equal(kit.state.ledger.window_cursor_ms[1], hour);
}

/* Panes that shorter lateness gave up may be unlinked: longer lateness must not let their rows in. */
static void longer_lateness_does_not_reach_back(void **state)
{
    (void)state;
    struct rules shorter = other_rules(2, "10m:2d,1h:30d,1d:2y"), longer = other_rules(3, "10m:2d,1h:30d,1d:2y");
    shorter.lateness_ms = HOUR;
    longer.lateness_ms = DAY;
    kit_one(&kit, kit_row(CITY, NOON, 1000), NOON);
    change(&shorter, NOON);
    change(&longer, NOON + 4 * HOUR);
    assert_int_equal(kit.state.ledger.pane_floor_ms, NOON + 3 * HOUR - PANE);
    kit_one(&kit, kit_row(CITY, NOON + 2 * HOUR, 1000), NOON + 4 * HOUR);
    assert_int_equal(kit.state.ledger.rows_retired, 1);
    kit_one(&kit, kit_row(CITY, NOON + 3 * HOUR, 1000), NOON + 4 * HOUR);
    kit_commit(&kit);
    assert_int_equal(kit.state.ledger.rows_retired, 1);
    assert_int_equal(kit.state.ledger.rows_in + kit.state.ledger.rows_late, 2);
    kit_one(&kit, kit_row(CITY, NOON + 10 * HOUR, 1000), NOON + 10 * HOUR);
    kit_one(&kit, kit_row(CITY, NOON + 3 * HOUR + MINUTE, 1000), NOON + 20 * HOUR); /* within a day, and above it */
    kit_commit(&kit);
    assert_int_equal(kit.state.ledger.rows_retired, 1);
}

static void the_version_is_committed(void **state)
{
    (void)state;
    struct rules later = other_rules(2, "10m:2d");
    change(&later, NOON);
    kit_commit(&kit);
    bool found = false;
    const char *const *words = args_pointers(&kit.args);
    for (size_t i = 0; i + 1 < kit.args.count; i++) {
        found |= kit.args.sizes[i] == strlen("config_version") && memcmp(words[i], "config_version", 14) == 0 &&
                 kit.args.sizes[i + 1] == 1 && *words[i + 1] == '2';
    }
    assert_true(found);
}

/* Two partitions of one worker, of which one has changed already. */
static void partitions_can_have_different_versions(void **state)
{
    (void)state;
    static struct kit second;
    struct rules later = other_rules(2, "10m:2d,30m:5d,1h:30d,1d:2y");
    kit_init(&second);
    change(&later, NOON);
    kit_one(&kit, kit_row(CITY, NOON, 1000), NOON);
    kit_one(&second, kit_row(CITY, NOON, 1000), NOON);
    kit_one(&kit, kit_row(CITY, NOON + 2 * HOUR, 1000), NOON + 2 * HOUR);
    kit_one(&second, kit_row(CITY, NOON + 2 * HOUR, 1000), NOON + 2 * HOUR);
    kit_resolve(&kit);
    kit_resolve(&second);
    assert_int_equal(state_span(&kit.state, 2), 30 * MINUTE);
    assert_int_equal(state_span(&second.state, 2), HOUR);
    assert_int_equal(kit_window(&kit, 3, CITY, NOON)->rows, 1);
    assert_int_equal(kit_window(&second, 2, CITY, NOON)->rows, 1);
    kit_commit(&kit);
    kit_commit(&second);
    kit_release(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_later_version_is_put_in_force_at_its_record, begin, end),
        cmocka_unit_test_setup_teardown(versions_that_are_not_later_say_nothing, begin, end),
        cmocka_unit_test_setup_teardown(another_partitions_rules_say_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_record_that_waits_can_be_another_one_later, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_stored_is_not_settled, begin, end),
        cmocka_unit_test_setup_teardown(a_new_size_starts_at_its_first_whole_window, begin, end),
        cmocka_unit_test_setup_teardown(readings_ahead_of_the_clock_are_not_missed, begin, end),
        cmocka_unit_test_setup_teardown(a_size_that_is_gone_is_written_no_more, begin, end),
        cmocka_unit_test_setup_teardown(longer_lateness_does_not_reach_back, begin, end),
        cmocka_unit_test_setup_teardown(the_version_is_committed, begin, end),
        cmocka_unit_test_setup_teardown(partitions_can_have_different_versions, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
