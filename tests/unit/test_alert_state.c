/* What becomes of an alert, by the table of docs/semantics.md, on a virtual clock. */
#include "alert_state.h"
#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define MINUTE    INT64_C(60000)
#define HOUR      (60 * MINUTE)
#define NOON      (INT64_C(20000) * 24 * HOUR + 12 * HOUR)
#define PHASE(x)  ISOBAR__V1__ALERT_PHASE__ALERT_##x
#define CHANGE(x) ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_##x
#define CAUSE(x)  ISOBAR__V1__ALERT_CAUSE__ALERT_CAUSE_##x
#define STAT(x)   ISOBAR__V1__ALERT_STATISTIC__ALERT_STATISTIC_##x

static struct alert_rule rule;
static struct alert_state state;
static struct alert_change changes[ALERT_CHANGES];

/* Latest temperature above 30, clear at 28, for 10 minutes. */
static int begin(void **unused)
{
    (void)unused;
    rule = (struct alert_rule){.name = "heat",
                               .metric = 1,
                               .statistic = STAT(LAST),
                               .size = ALERT_LATEST,
                               .threshold = 3000,
                               .clear = 2800,
                               .for_ms = 10 * MINUTE};
    alert_state_init(&state, &rule);
    return 0;
}

/* A reading so many minutes after noon, whose record came a minute later. */
static int observe(int64_t minute, int32_t value)
{
    int64_t at = NOON + minute * MINUTE;
    struct alert_reading reading = {.value = value,
                                    .observed_at_ms = at,
                                    .start_ms = rule.size_ms ? at / rule.size_ms * rule.size_ms : 0,
                                    .clock_ms = at + MINUTE};
    return alert_state_observe(&state, &rule, &reading, changes);
}

static int tick(int64_t minute)
{
    bool due = alert_state_due(&state, &rule, NOON + minute * MINUTE);
    struct alert_state before = state;
    int count = alert_state_silent(&state, &rule, NOON + minute * MINUTE, &changes[0]);
    assert_int_equal(due, memcmp(&before, &state, sizeof state) != 0); // NOLINT(bugprone-suspicious-memory-comparison)
    return count;
}

static void assert_change(int i, int32_t change, int32_t cause, int64_t onset_minute)
{
    assert_int_equal(changes[i].change, change);
    assert_int_equal(changes[i].cause, cause);
    assert_int_equal(changes[i].onset_ms, NOON + onset_minute * MINUTE);
}

static void minimum_duration(void **unused)
{
    (void)unused;
    assert_int_equal(observe(0, 3000), 0); /* on the threshold is not beyond */
    assert_int_equal(state.phase, PHASE(IDLE));
    assert_int_equal(observe(1, 3001), 0);
    assert_int_equal(state.phase, PHASE(PENDING));
    assert_int_equal(observe(10, 3001), 0); /* 9 minutes */
    assert_int_equal(observe(11, 3001), 1);
    assert_change(0, CHANGE(RAISED), CAUSE(READING), 1);
    assert_int_equal(state.phase, PHASE(RAISED));
    assert_int_equal(observe(12, 9999), 0); /* told once */
}

static void pending_ends_between_the_levels(void **unused)
{
    (void)unused;
    assert_int_equal(observe(0, 3100), 0);
    assert_int_equal(observe(5, 2900), 0);
    assert_int_equal(state.phase, PHASE(IDLE));
    assert_int_equal(observe(9, 3100), 0);
    assert_int_equal(observe(12, 3100), 0); /* since the ninth minute */
    assert_int_equal(observe(19, 3100), 1);
    assert_change(0, CHANGE(RAISED), CAUSE(READING), 9);
}

static void hysteresis(void **unused)
{
    (void)unused;
    rule.for_ms = 0;
    assert_int_equal(observe(0, 3100), 1); /* at once */
    assert_change(0, CHANGE(RAISED), CAUSE(READING), 0);
    assert_int_equal(observe(1, 2801), 0);
    assert_int_equal(observe(2, 3100), 0);
    assert_int_equal(observe(3, 2800), 1);
    assert_change(0, CHANGE(CLEARED), CAUSE(READING), 0);
    assert_int_equal(observe(4, 2900), 0);
    assert_int_equal(observe(5, 3001), 1);
    assert_change(0, CHANGE(RAISED), CAUSE(READING), 5);
}

static void below(void **unused)
{
    (void)unused;
    rule.below = true;
    rule.threshold = -500;
    rule.clear = -300;
    rule.for_ms = 0;
    assert_int_equal(observe(0, -500), 0);
    assert_int_equal(observe(1, -501), 1);
    assert_int_equal(observe(2, -301), 0);
    assert_int_equal(observe(3, -300), 1);
    assert_change(0, CHANGE(CLEARED), CAUSE(READING), 1);
}

/* Without a window a row that is not the newest changes nothing, and one of the same time neither. */
static void rows_out_of_order(void **unused)
{
    (void)unused;
    rule.for_ms = 0;
    assert_int_equal(observe(5, 2000), 0);
    assert_int_equal(observe(4, 9000), 0);
    assert_int_equal(observe(5, 9000), 0);
    assert_int_equal(state.value, 2000);
    assert_int_equal(state.seen_ms, NOON + 5 * MINUTE);
    assert_int_equal(observe(6, 9000), 1);
}

static void windowed(int32_t statistic)
{
    begin(NULL);
    rule.statistic = statistic;
    rule.size_ms = HOUR;
    rule.for_ms = 0;
    alert_state_init(&state, &rule);
}

static void mean_of_a_window(void **unused)
{
    (void)unused;
    windowed(STAT(MEAN));
    assert_int_equal(observe(0, 2999), 0);
    assert_int_equal(observe(10, 3002), 1); /* 3000.5, rounded away from zero */
    assert_int_equal(state.value, 3001);
    /* Not the newest: it counts, and is judged with the next. */
    assert_int_equal(observe(5, 1000), 0);
    assert_int_equal(state.value, 2334);
    assert_int_equal(state.phase, PHASE(RAISED));
    assert_int_equal(observe(20, 2334), 1);
    assert_change(0, CHANGE(CLEARED), CAUSE(READING), 10);
    /* The next window begins anew, and what comes for the one before is passed over. */
    assert_int_equal(observe(60, 3100), 1);
    assert_int_equal(state.count, 1);
    assert_int_equal(observe(59, -9000), 0);
    assert_int_equal(state.value, 3100);
    assert_int_equal(state.start_ms, NOON + HOUR);
}

static void mean_below_zero(void **unused)
{
    (void)unused;
    windowed(STAT(MEAN));
    observe(0, -3);
    observe(1, -2);
    assert_int_equal(state.value, -3); /* -2.5 */
    observe(2, -2);
    assert_int_equal(state.value, -2); /* -2.33 */
}

static void other_statistics(void **unused)
{
    (void)unused;
    static const struct {
        int32_t statistic, wanted;
    } rows[] = {{STAT(MINIMUM), 100}, {STAT(MAXIMUM), 900}, {STAT(LAST), 200}};
    for (size_t i = 0; i < 3; i++) {
        windowed(rows[i].statistic);
        observe(1, 500);
        observe(3, 200);
        observe(2, 900);
        observe(0, 100);
        observe(3, 300); /* of another provider: the first one counts */
        if (rows[i].statistic == STAT(LAST))
            assert_int_equal(state.value, 200);
        assert_int_equal(state.value, rows[i].wanted);
    }
}

static void silence_keeps(void **unused)
{
    (void)unused;
    rule.for_ms = 0;
    assert_int_equal(observe(0, 3100), 1);
    assert_int_equal(tick(100000), 0);
    assert_int_equal(state.phase, PHASE(RAISED));
}

static void silence_clears(void **unused)
{
    (void)unused;
    rule.stale = ALERT_CLEAR;
    rule.stale_after_ms = HOUR;
    assert_int_equal(tick(100000), 0); /* nothing was ever heard */
    assert_int_equal(observe(0, 3100), 0);
    assert_int_equal(tick(60), 0);
    assert_int_equal(state.phase, PHASE(PENDING));
    assert_int_equal(tick(61), 0); /* an hour of the clock: the record came at 12:01 */
    assert_int_equal(state.phase, PHASE(IDLE));
    assert_int_equal(observe(70, 3100), 0);
    assert_int_equal(observe(80, 3100), 1);
    assert_int_equal(tick(141), 1);
    assert_change(0, CHANGE(CLEARED), CAUSE(SILENCE), 70);
    assert_int_equal(tick(500), 0);
}

static void silence_raises(void **unused)
{
    (void)unused;
    rule.stale = ALERT_RAISE;
    rule.stale_after_ms = HOUR;
    rule.for_ms = 0;
    assert_int_equal(observe(0, 1000), 0);
    assert_int_equal(tick(61), 1);
    assert_change(0, CHANGE(STALE), CAUSE(SILENCE), 0);
    assert_int_equal(tick(62), 0);
    assert_int_equal(state.phase, PHASE(STALE));
    /* A reading ends it, and is judged like any other. */
    assert_int_equal(observe(100, 3100), 2);
    assert_change(0, CHANGE(CLEARED), CAUSE(READING), 0);
    assert_change(1, CHANGE(RAISED), CAUSE(READING), 100);
    assert_int_equal(tick(1000), 0); /* what is raised stays so */
    assert_int_equal(observe(1001, 1000), 1);
    assert_int_equal(tick(1061), 0);
    assert_int_equal(tick(1062), 1);
    assert_int_equal(observe(1063, 1000), 1);
    assert_int_equal(state.phase, PHASE(IDLE));
}

static void silence_raises_what_is_pending(void **unused)
{
    (void)unused;
    rule.stale = ALERT_RAISE;
    rule.stale_after_ms = HOUR;
    observe(0, 3100);
    observe(5, 3100);
    assert_int_equal(tick(66), 1);
    assert_change(0, CHANGE(STALE), CAUSE(SILENCE), 5);
    assert_int_equal(observe(90, 3100), 1); /* pending from here */
    assert_change(0, CHANGE(CLEARED), CAUSE(READING), 5);
    assert_int_equal(observe(100, 3100), 1);
    assert_change(0, CHANGE(RAISED), CAUSE(READING), 90);
}

static void a_rule_that_is_gone(void **unused)
{
    (void)unused;
    rule.for_ms = 0;
    assert_int_equal(alert_state_end(&state, &changes[0]), 0);
    observe(0, 3100);
    assert_int_equal(alert_state_end(&state, &changes[0]), 1);
    assert_change(0, CHANGE(CLEARED), CAUSE(RULE), 0);
    assert_true(alert_state_is_of(&state, &rule));
    rule.metric = 2;
    assert_false(alert_state_is_of(&state, &rule));
    rule.metric = 1;
    rule.size_ms = HOUR;
    assert_false(alert_state_is_of(&state, &rule));
}

/* Whatever comes, onsets of one kind of change never come twice, and each CLEARED follows what it clears. */
static void ids_are_unique(void **unused)
{
    (void)unused;
    uint32_t seed = 7;
    int64_t onset = -1, last_onset = -1;
    rule.stale = ALERT_RAISE;
    rule.stale_after_ms = 20 * MINUTE;
    rule.for_ms = 3 * MINUTE;
    rule.size_ms = HOUR;
    rule.statistic = STAT(MEAN);
    alert_state_init(&state, &rule);
    for (int64_t minute = 0; minute < 20000; minute += seed >> 28 & 1) {
        seed = seed * 1664525 + 1013904223;
        int count = seed >> 30 ? observe(minute - (int64_t)(seed >> 20 & 3), 2500 + (int32_t)(seed >> 8 & 1023))
                               : tick(minute + (int64_t)(seed >> 16 & 63));
        for (int i = 0; i < count; i++) {
            if (changes[i].change == CHANGE(CLEARED)) {
                assert_int_equal(changes[i].onset_ms, onset);
                onset = -1;
                continue;
            }
            assert_int_equal(onset, -1);
            onset = changes[i].onset_ms;
            assert_true(onset > last_onset);
            last_onset = onset;
        }
    }
    assert_true(last_onset > NOON);
}

/* ---- the states of a city ---- */

static struct alert_rule named(const char *name)
{
    struct alert_rule other = rule;
    memset(other.name, 0, sizeof other.name);
    memcpy(other.name, name, strlen(name));
    return other;
}

static void states_are_sorted(void **unused)
{
    (void)unused;
    struct alert_states states = {0};
    struct alert_rule b = named("b"), a = named("a"), c = named("c");
    alert_states_add(&states, &b)->value = 2;
    alert_states_add(&states, &a)->value = 1;
    alert_states_add(&states, &c)->value = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(states.states[i].value, i + 1);
    assert_int_equal(alert_states_find(&states, "b")->value, 2);
    assert_null(alert_states_find(&states, "bb"));
    alert_states_drop(&states, 1);
    assert_null(alert_states_find(&states, "b"));
    assert_int_equal(states.count, 2);
    alert_states_drop(&states, 0);
    alert_states_drop(&states, 0);
    assert_null(states.states);
}

static void bytes_and_back(void **unused)
{
    (void)unused;
    struct alert_states states = {0}, other = {0};
    struct arena arena;
    struct alert_rule b = named("b");
    size_t count;
    windowed(STAT(MEAN));
    observe(0, -40000);
    observe(3, 3100);
    *alert_states_add(&states, &rule) = state;
    (void)alert_states_add(&states, &b);
    arena_init(&arena, MESSAGE_ARENA_BYTES);
    Isobar__V1__AlertState **messages = alert_states_message(&states, &arena, &count);
    assert_int_equal(count, 2);
    assert_int_equal(alert_states_unpack(&other, messages, count), 0);
    assert_memory_equal(other.states, states.states, 2 * sizeof *states.states);
    alert_states_release(&other);
#define REFUSED(field, bad)                                                                                            \
    do {                                                                                                               \
        Isobar__V1__AlertState kept = *messages[1];                                                                    \
        messages[1]->field = bad;                                                                                      \
        assert_int_equal(alert_states_unpack(&other, messages, count), ERR_INVALID);                                   \
        assert_null(other.states);                                                                                     \
        *messages[1] = kept;                                                                                           \
    } while (0)
    REFUSED(rule, "");
    REFUSED(rule, "b");
    REFUSED(rule, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    REFUSED(phase, 4);
    REFUSED(since_ms, -1);
    REFUSED(seen_ms, INT64_MAX);
    REFUSED(heard_ms, -1);
    REFUSED(start_ms, -1);
    REFUSED(count, -1);
    REFUSED(count, INT64_C(1) << 31);
    REFUSED(sum, INT64_MAX);
    REFUSED(metric, 0);
    REFUSED(statistic, 0);
    REFUSED(statistic, 5);
    arena_release(&arena);
    alert_states_release(&states);
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(minimum_duration),  T(pending_ends_between_the_levels),
        T(hysteresis),        T(below),
        T(rows_out_of_order), T(mean_of_a_window),
        T(mean_below_zero),   T(other_statistics),
        T(silence_keeps),     T(silence_clears),
        T(silence_raises),    T(silence_raises_what_is_pending),
        T(ids_are_unique),    T(a_rule_that_is_gone),
        T(states_are_sorted), T(bytes_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
