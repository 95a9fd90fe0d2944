/*
 * Alerts of a partition: which rows and ticks change them, what is queued for the commit, that it is kept until that
 * was executed, and that a partition which changes hands at any moment tells the same as one that does not.
 */
#include "worker_kit.h"

#include "alert.pb-c.h"

static struct kit kit;

#define RULE(name, ...) kit_rule(&kit, name, (const char *const[]){__VA_ARGS__, NULL})

static int begin(void **state)
{
    (void)state;
    kit_init(&kit);
    RULE("heat", "metric", "temperature", "above", "30", "clear", "28", "for", "10m");
    return 0;
}

static int end(void **state)
{
    (void)state;
    kit_release(&kit);
    return 0;
}

/* A reading so many minutes after noon, by a record of a minute later. */
static void feed(int64_t minute, int32_t centi_c)
{
    kit_one(&kit, kit_row(CITY, NOON + minute * MINUTE, centi_c), NOON + (minute + 1) * MINUTE);
}

static struct alert_event event_at(size_t i)
{
    struct alert_event event;
    assert_true(i < kit.state.alerts.count);
    assert_int_equal(alert_event_decode(&event, kit.state.alerts.events[i].data, kit.state.alerts.events[i].size), 0);
    return event;
}

static void assert_told(size_t i, int32_t change, int64_t onset_minute)
{
    struct alert_event event = event_at(i);
    assert_int_equal(event.change, change);
    assert_int_equal(event.onset_ms, NOON + onset_minute * MINUTE);
}

#define RAISED  ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_RAISED
#define CLEARED ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_CLEARED
#define STALE   ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_STALE

static void an_event_says_what_happened(void **state)
{
    (void)state;
    feed(0, 3100);
    feed(10, 3205);
    assert_int_equal(kit.state.alerts.count, 1);
    assert_int_equal(kit.metrics.alert_events_total, 1);
    struct alert_event event = event_at(0);
    assert_string_equal(event.rule, "heat");
    assert_int_equal(event.city_id, CITY);
    assert_int_equal(event.change, RAISED);
    assert_int_equal(event.onset_ms, NOON);
    assert_int_equal(event.value, 3205);
    assert_int_equal(event.threshold, 3000);
    assert_int_equal(event.clear, 2800);
    assert_int_equal(event.at_ms, NOON + 10 * MINUTE);
    assert_int_equal(event.clock_ms, NOON + 11 * MINUTE);
    assert_int_equal(event.offset, 1);
}

/* Late rows change no alert, but one that is the newest does: its pane was closed by the clock. */
static void rows_for_closed_panes(void **state)
{
    (void)state;
    feed(0, 3100);
    kit_tick(&kit, NOON + 60 * MINUTE);
    assert_true(kit_city(&kit, CITY)->closed_through_ms >= NOON + 30 * MINUTE);
    kit_one(&kit, kit_row(CITY, NOON - 5 * MINUTE, -9000), NOON + 61 * MINUTE);
    assert_int_equal(kit_city(&kit, CITY)->alerts.states[0].phase, ISOBAR__V1__ALERT_PHASE__ALERT_PENDING);
    kit_one(&kit, kit_row(CITY, NOON + 10 * MINUTE, 3100), NOON + 61 * MINUTE);
    kit_one(&kit, kit_row(CITY, NOON + 10 * MINUTE, 3100), NOON + 61 * MINUTE); /* again: not newer any more */
    assert_int_equal(kit.state.late_count, 3);
    assert_int_equal(kit.state.alerts.count, 1);
    assert_told(0, RAISED, 0);
    kit_commit(&kit);
    assert_int_equal(kit.state.alerts.count, 0);
}

static void duplicates_and_other_metrics_change_nothing(void **state)
{
    (void)state;
    feed(0, 3100);
    struct alert_state before = kit_city(&kit, CITY)->alerts.states[0];
    feed(0, 3100);
    struct observation row = {
        .city_id = CITY, .observed_at_ms = NOON + 20 * MINUTE, .provider = ISOBAR__V1__PROVIDER__SIMULATED};
    observation_set(&row, ISOBAR__V1__VALUE__HUMIDITY, 5000);
    kit_one(&kit, row, NOON + 21 * MINUTE);
    assert_memory_equal(&kit_city(&kit, CITY)->alerts.states[0], &before, sizeof before);
}

static void cities_and_series_of_their_own(void **state)
{
    (void)state;
    RULE("one", "metric", "temperature", "above", "30", "cities", "7");
    for (int64_t city = 6; city <= 7; city++)
        kit_one(&kit, kit_row(city, NOON, 3100), NOON);
    assert_int_equal(kit_city(&kit, 6)->alerts.count, 1);
    assert_int_equal(kit_city(&kit, 7)->alerts.count, 2);
    struct observation row = kit_row(7, NOON, 3100);
    row.series = 3;
    kit_one(&kit, row, NOON);
    assert_int_equal(kit.state.alerts.count, 2);
    assert_int_equal(event_at(0).series, 0);
    assert_int_equal(event_at(1).series, 3);
}

static void control(const char *zone, const char *country, int64_t clock_ms)
{
    struct observation row = {.kind = ISOBAR__V1__ROW_KIND__CONTROL, .city_id = CITY};
    struct control control = {.zone = zone, .country = country};
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(batch_encode_control(&row, &control, 0, &bytes), 0);
    kit_bytes(&kit, bytes.data, bytes.size, clock_ms);
    buf_release(&bytes);
}

static void a_country_is_what_control_rows_say(void **state)
{
    (void)state;
    RULE("spain", "metric", "temperature", "above", "40", "country", "ES");
    feed(0, 4100);
    assert_int_equal(kit_city(&kit, CITY)->alerts.count, 1);
    control("", "ES", NOON + MINUTE);
    feed(2, 4100);
    assert_told(0, RAISED, 2);
    control("", "FR", NOON + 4 * MINUTE);
    kit_tick(&kit, NOON + 5 * MINUTE);
    assert_told(1, CLEARED, 2);
    assert_int_equal(event_at(1).cause, ISOBAR__V1__ALERT_CAUSE__ALERT_CAUSE_RULE);
}

/* 22:00 to 02:00 in Los Angeles: two dates there, and one in UTC. */
static void days_are_those_of_the_city(void **state)
{
    (void)state;
    RULE("day", "metric", "temperature", "window", "1d", "statistic", "maximum", "above", "35");
    control("America/Los_Angeles", "", NOON);
    feed(18 * 60, 3600); /* 06:00 UTC, 23:00 there */
    assert_told(0, RAISED, 18 * 60);
    feed(20 * 60, 1000); /* 01:00 there */
    assert_told(1, CLEARED, 18 * 60);
}

static void windows_are_carried_in_the_state(void **state)
{
    (void)state;
    RULE("warm-hour", "metric", "temperature", "window", "1h", "statistic", "mean", "above", "20");
    feed(0, 1900);
    feed(10, 2201); /* a mean of 20.505 */
    assert_int_equal(kit.state.alerts.count, 1);
    assert_int_equal(event_at(0).value, 2051);
    assert_string_equal(event_at(0).window, "1h");
    feed(61, 2000); /* a new hour */
    assert_told(1, CLEARED, 10);
}

static void derived_metrics(void **state)
{
    (void)state;
    RULE("muggy", "metric", "dew_point", "above", "20");
    RULE("feels", "metric", "feels_like", "above", "40");
    RULE("custom", "metric", "custom_15", "below", "0");
    struct observation row = kit_row(CITY, NOON, 3500);
    observation_set(&row, ISOBAR__V1__VALUE__HUMIDITY, 7000);
    observation_set(&row, ISOBAR__V1__VALUE__CUSTOM_15, -1);
    kit_one(&kit, row, NOON);
    assert_int_equal(kit.state.alerts.count, 3);
    assert_string_equal(event_at(0).rule, "custom");
    assert_string_equal(event_at(1).rule, "feels");
    assert_in_range(event_at(1).value, 5000, 5100); /* 51 degC by the NWS */
    assert_string_equal(event_at(2).rule, "muggy");
    assert_in_range(event_at(2).value, 2850, 2900);
    assert_string_equal(event_at(2).name, "dew_point");
    assert_string_equal(event_at(2).unit, "degC");
    kit_one(&kit, kit_row(CITY, NOON + MINUTE, 3500), NOON + MINUTE); /* nothing follows without humidity */
    assert_int_equal(kit.state.alerts.count, 3);
}

/* A value that fails is none: so a sensor that is broken is silent. */
static void values_that_fail(void **state)
{
    (void)state;
    feed(0, 3100);
    quality_defaults(&kit.rules.quality);
    feed(10, 9900); /* beyond what can be */
    assert_int_equal(kit.state.alerts.count, 0);
    assert_int_equal(kit_city(&kit, CITY)->alerts.states[0].seen_ms, NOON);
}

static void silence_is_seen_at_ticks(void **state)
{
    (void)state;
    RULE("gone", "metric", "temperature", "above", "60", "stale", "raise", "stale_after", "2h");
    feed(0, 2000);
    kit_commit(&kit);
    kit_tick(&kit, NOON + 120 * MINUTE);
    assert_int_equal(kit.state.alerts.count, 0);
    kit_commit(&kit);
    kit_tick(&kit, NOON + 121 * MINUTE);
    assert_told(0, STALE, 0);
    assert_int_equal(event_at(0).cause, ISOBAR__V1__ALERT_CAUSE__ALERT_CAUSE_SILENCE);
    assert_int_equal(kit.state.dirty_city_count, 1);
    kit_tick(&kit, NOON + 122 * MINUTE);
    assert_int_equal(kit.state.alerts.count, 1);
    feed(130, 2000);
    assert_told(1, CLEARED, 0);
}

/* More cities than a tick takes at once, each of them once. */
static void a_tick_over_many_cities(void **state)
{
    (void)state;
    RULE("gone", "metric", "temperature", "above", "60", "stale", "raise", "stale_after", "1s");
    int64_t cities = 2 * TICK_CITIES + 7;
    for (int64_t city = 1; city <= cities; city++)
        kit_one(&kit, kit_row(city, NOON, 2000), NOON);
    kit_tick(&kit, NOON + MINUTE);
    assert_int_equal(kit.state.alerts.count, TICK_CITIES);
    kit_commit(&kit);
    int steps = 1;
    for (; state_ticking(&kit.state); steps++) {
        state_tick_step(&kit.state);
        kit_commit(&kit);
    }
    assert_int_equal(steps, 3);
    assert_int_equal(kit.metrics.alert_events_total, cities);
}

/* What was raised by a rule that is gone ends at the next tick; of one that became another, too. */
static void rules_that_go(void **state)
{
    (void)state;
    struct rules others = kit.rules;
    feed(0, 3100);
    feed(10, 3100);
    others.alerts.count = 0;
    kit.state.rules = &others;
    feed(11, 2000); /* it does not clear */
    assert_int_equal(kit.state.alerts.count, 1);
    kit_tick(&kit, NOON + 12 * MINUTE);
    assert_told(1, CLEARED, 0);
    assert_int_equal(event_at(1).cause, ISOBAR__V1__ALERT_CAUSE__ALERT_CAUSE_RULE);
    assert_int_equal(kit_city(&kit, CITY)->alerts.count, 0);
    struct rules changed = kit.rules;
    kit.state.rules = &kit.rules;
    feed(13, 3100);
    changed.alerts.rules[0].metric = ISOBAR__V1__METRIC__METRIC_HUMIDITY;
    kit.state.rules = &changed;
    kit_tick(&kit, NOON + 15 * MINUTE);
    assert_int_equal(kit.state.alerts.count, 2); /* it was pending only */
    assert_int_equal(kit_city(&kit, CITY)->alerts.count, 0);
}

static void what_was_not_executed_is_sent_again_first(void **state)
{
    (void)state;
    feed(0, 3100);
    feed(10, 3100);
    (void)!kit_send(&kit);
    assert_int_equal(kit.state.alerts.sent, 1);
    size_t dirty = state_dirty(&kit.state);
    feed(11, 2000);
    assert_int_equal(kit.state.alerts.count, 2);
    assert_true(state_dirty(&kit.state) > dirty);
    state_uncommitted(&kit.state);
    (void)!kit_send(&kit);
    assert_int_equal(kit.state.alerts.sent, 2);
    assert_told(0, RAISED, 0);
    assert_told(1, CLEARED, 0);
    feed(20, 3100);
    feed(30, 3100);
    state_committed(&kit.state);
    assert_int_equal(kit.state.alerts.count, 1);
    assert_told(0, RAISED, 20);
}

/* ---- hand-overs ---- */

#define MOMENTS 400

/* The i-th record of a fixed sequence of readings in disorder, of silences and ticks. */
static void moment(struct kit *one, int i)
{
    uint32_t random = (uint32_t)i * 2654435761U;
    int64_t now = NOON + (i + (i / 50) * 90) * 3 * MINUTE;
    int64_t city = 1 + (random >> 28) % 3, at = now - (int64_t)(random >> 24 & 7) * MINUTE;
    if (i % 9 == 8)
        kit_tick(one, now);
    else
        kit_one(one, kit_row(city, at, 2600 + (int32_t)(random >> 12 & 511) * 2), now);
}

/* All events in turn, as bytes with their sizes; after each record the partition may get another owner. */
static void run(struct buf *events, int every)
{
    struct kit *one = &kit;
    begin(NULL);
    RULE("hour", "metric", "temperature", "window", "1h", "statistic", "maximum", "above", "31", "for", "5m", "stale",
         "clear", "stale_after", "1h");
    RULE("gone", "metric", "temperature", "below", "26.5", "clear", "27", "stale", "raise", "stale_after", "2h");
    for (int i = 0; i < MOMENTS; i++) {
        moment(one, i);
        kit_resolve(one);
        for (size_t k = 0; k < one->state.alerts.count; k++) {
            buf_append(events, &one->state.alerts.events[k].size, sizeof(size_t));
            buf_append(events, one->state.alerts.events[k].data, one->state.alerts.events[k].size);
        }
        alert_queue_sent(&one->state.alerts);
        alert_queue_committed(&one->state.alerts);
        if (every == 0 || i % every != 0)
            continue;
        for (struct city_entry *entry = one->state.cities; entry; entry = entry->hh.next) {
            struct buf bytes = BUF_EMPTY;
            citystate_encode(&entry->city, &bytes);
            assert_int_equal(state_take_city(&one->state, entry->field, bytes.data, bytes.size), 0);
            buf_release(&bytes);
        }
    }
    end(NULL);
}

static void any_owner_tells_the_same(void **state)
{
    struct buf wanted = BUF_EMPTY, told = BUF_EMPTY;
    (void)state;
    end(NULL);
    run(&wanted, 0);
    assert_true(wanted.size > 1000);
    for (int every = 1; every < 12; every += 2) {
        buf_reset(&told);
        run(&told, every);
        assert_int_equal(told.size, wanted.size);
        assert_memory_equal(told.data, wanted.data, wanted.size);
    }
    buf_release(&wanted);
    buf_release(&told);
    begin(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_says_what_happened),
        TEST(rows_for_closed_panes),
        TEST(duplicates_and_other_metrics_change_nothing),
        TEST(cities_and_series_of_their_own),
        TEST(a_country_is_what_control_rows_say),
        TEST(days_are_those_of_the_city),
        TEST(windows_are_carried_in_the_state),
        TEST(derived_metrics),
        TEST(values_that_fail),
        TEST(silence_is_seen_at_ticks),
        TEST(a_tick_over_many_cities),
        TEST(rules_that_go),
        TEST(what_was_not_executed_is_sent_again_first),
        TEST(any_owner_tells_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
