/* Alerts in the dashboard: what is active now, from states; what was told, from streams; and questions for both. */
#include "../../dashboard/atlas.h"
#include "../../dashboard/history.h"
#include "../../dashboard/query.h"
#include "dashboard_records.h"
#include "error.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define CITY    INT64_C(5809844)
#define IDLE    ISOBAR__V1__ALERT_PHASE__ALERT_IDLE
#define PENDING ISOBAR__V1__ALERT_PHASE__ALERT_PENDING
#define RAISED  ISOBAR__V1__ALERT_PHASE__ALERT_RAISED
#define STALE   ISOBAR__V1__ALERT_PHASE__ALERT_STALE

static struct atlas atlas;
static struct buf out;

static int begin(void **state)
{
    (void)state;
    atlas_init(&atlas, PARTS);
    buf_init(&out);
    return 0;
}

static int end(void **state)
{
    (void)state;
    atlas_release(&atlas);
    buf_release(&out);
    return 0;
}

struct given {
    const char *rule;
    int phase;
    int64_t since_ms;
    int32_t value;
};

/* Hands the atlas a city's state with these alerts, ascending by name; a rule of NULL ends them. */
static void take(int64_t id, int32_t series, uint64_t scan, const struct given *given)
{
    struct citystate state;
    struct buf bytes = BUF_EMPTY;
    citystate_init(&state, id, series);
    for (; given->rule; given++) {
        struct alert_rule rule = {
            .metric = ISOBAR__V1__METRIC__METRIC_TEMPERATURE,
            .statistic = ISOBAR__V1__ALERT_STATISTIC__ALERT_STATISTIC_LAST,
        };
        memcpy(rule.name, given->rule, strlen(given->rule));
        struct alert_state *alert = alert_states_add(&state.alerts, &rule);
        alert->phase = (int8_t)given->phase;
        alert->since_ms = given->since_ms;
        alert->seen_ms = AT + MINUTE;
        alert->count = 1;
        alert->sum = alert->value = given->value;
    }
    citystate_encode(&state, &bytes);
    assert_true(atlas_take_state(&atlas, shard_of_city(id, PARTS), scan, bytes.data, bytes.size, 0));
    buf_release(&bytes);
    citystate_release(&state);
}

#define TAKE(id, series, ...) take(id, series, 0, (const struct given[]){__VA_ARGS__, {0}})

static const char *show(int64_t city, int32_t phase, size_t limit)
{
    struct alarm_filter filter = {.city_id = city, .phase = phase, .limit = limit};
    buf_reset(&out);
    alarms_encode(&atlas.alarms, &filter, &atlas.custom, &out);
    return out.data;
}

static void one_alert_as_json(void **state)
{
    (void)state;
    assert_string_equal(show(0, ALARM_FILTER_ANY, 9), "\"alerts\":[],\"alerts_total\":0");
    TAKE(CITY, 0, {"heat", RAISED, AT, 3105}, {"idle", IDLE, 0, 1});
    assert_string_equal(
        show(0, ALARM_FILTER_ANY, 9),
        "\"alerts\":[{\"id\":\"heat/5809844/1790000400000\",\"rule\":\"heat\",\"city\":5809844,\"series\":0,"
        "\"state\":\"raised\",\"onset\":1790000400000,\"at\":1790000460000,\"metric\":\"temperature\","
        "\"unit\":\"degC\",\"statistic\":\"last\",\"value\":31.05}],\"alerts_total\":1");
}

static void a_metric_of_ones_own(void **state)
{
    (void)state;
    struct alert_rule rule = {.name = "dry", .metric = ISOBAR__V1__METRIC__METRIC_CUSTOM_0 + 2, .statistic = 4};
    struct citystate city;
    struct buf bytes = BUF_EMPTY;
    atlas.custom.list[2] = (struct custom){.name = "soil_moisture", .unit = "%", .scale = 1000};
    citystate_init(&city, CITY, 0);
    struct alert_state *alert = alert_states_add(&city.alerts, &rule);
    alert->phase = RAISED;
    alert->count = 1;
    alert->sum = alert->value = 12500;
    citystate_encode(&city, &bytes);
    assert_true(atlas_take_state(&atlas, shard_of_city(CITY, PARTS), 0, bytes.data, bytes.size, 0));
    assert_non_null(strstr(show(0, RAISED, 9),
                           "\"metric\":\"soil_moisture\",\"unit\":\"%\",\"statistic\":\"last\",\"value\":12.5"));
    buf_release(&bytes);
    citystate_release(&city);
}

/* Where the ids of alerts stand in what was shown last. */
static void assert_order(const char *const *ids)
{
    for (const char *at = out.data; *ids; ids++) {
        const char *found = strstr(at, *ids);
        if (!found)
            fail_msg("%s is not where it should be in %s", *ids, out.data);
        else
            at = found;
    }
}

static void urgent_ones_first(void **state)
{
    (void)state;
    TAKE(1, 0, {"a", PENDING, AT + 9, 1}, {"b", RAISED, AT, 1});
    TAKE(2, 3, {"a", RAISED, AT + 5, 1}, {"c", STALE, AT + 7, 1});
    show(0, ALARM_FILTER_ANY, 9);
    assert_order((const char *const[]){"\"c/2/3/", "\"a/2/3/", "\"b/1/", "\"a/1/", "\"alerts_total\":4", NULL});
    show(0, ALARM_FILTER_ANY, 2);
    assert_order((const char *const[]){"\"c/2/3/", "\"a/2/3/", "\"alerts_total\":4", NULL});
    assert_null(strstr(out.data, "\"b/1/"));
    show(1, ALARM_FILTER_ANY, 9);
    assert_order((const char *const[]){"\"b/1/", "\"a/1/", "\"alerts_total\":2", NULL});
    show(0, RAISED, 9);
    assert_order((const char *const[]){"\"a/2/3/", "\"b/1/", "\"alerts_total\":2", NULL});
}

static void the_version_tells_changes(void **state)
{
    (void)state;
    uint64_t version = atlas.alarms.version;
    TAKE(1, 0, {"a", IDLE, 0, 1});
    assert_int_equal(atlas.alarms.version, version);
    TAKE(1, 0, {"a", PENDING, AT, 1});
    assert_true(atlas.alarms.version > version);
    version = atlas.alarms.version;
    TAKE(1, 0, {"a", PENDING, AT, 2});
    assert_int_equal(atlas.alarms.version, version); /* a value alone */
    assert_non_null(strstr(show(0, ALARM_FILTER_ANY, 9), "\"value\":0.02"));
    TAKE(1, 0, {"a", RAISED, AT, 2});
    assert_true(atlas.alarms.version > version);
    version = atlas.alarms.version;
    TAKE(1, 0, {"a", IDLE, 0, 2});
    assert_true(atlas.alarms.version > version);
    assert_null(atlas.alarms.table);
}

static void what_a_scan_does_not_see_is_gone(void **state)
{
    (void)state;
    const struct given raised[] = {{"a", RAISED, AT, 1}, {0}};
    int64_t other = 1;
    while (shard_of_city(other, PARTS) == shard_of_city(CITY, PARTS))
        other++;
    take(CITY, 0, 0, raised);
    take(CITY, 7, 0, raised);
    take(other, 0, 0, raised);
    uint64_t scan = atlas_scan_begin(&atlas);
    take(CITY, 0, scan, raised);
    atlas_scan_end(&atlas, ATLAS_STATES, shard_of_city(CITY, PARTS), scan);
    assert_int_equal(HASH_COUNT(atlas.alarms.table), 2);
    assert_null(strstr(show(0, ALARM_FILTER_ANY, 9), "\"series\":7"));
}

/* ---- history ---- */

static struct alert_event event_of(int64_t city, int32_t change, int64_t clock_ms, int64_t offset)
{
    return (struct alert_event){.rule = "heat",
                                .city_id = city,
                                .onset_ms = AT,
                                .change = change,
                                .metric = 1,
                                .name = "temperature",
                                .scale = 100,
                                .statistic = 1,
                                .clock_ms = clock_ms,
                                .offset = offset};
}

/* An answer to XREVRANGE: the last event first; `broken` entries beside them. */
struct made {
    struct buf bytes[8];
    struct store_reply texts[8], fields[8], entries[8], all;
    const struct store_reply *pairs[8][2], *halves[8][2], *elements[9];
};

static void make(struct made *made, const struct alert_event *events, size_t count)
{
    static const struct store_reply id = {.type = STORE_TEXT, .text = "1-0", .size = 3};
    memset(made, 0, sizeof *made);
    for (size_t i = 0; i < count; i++) {
        buf_init(&made->bytes[i]);
        alert_event_encode(&events[count - 1 - i], &made->bytes[i]);
        made->texts[i] =
            (struct store_reply){.type = STORE_TEXT, .text = made->bytes[i].data, .size = made->bytes[i].size};
        made->pairs[i][0] = &id;
        made->pairs[i][1] = &made->texts[i];
        made->fields[i] = (struct store_reply){.type = STORE_ARRAY, .elements = made->pairs[i], .count = 2};
        made->halves[i][0] = &id;
        made->halves[i][1] = &made->fields[i];
        made->entries[i] = (struct store_reply){.type = STORE_ARRAY, .elements = made->halves[i], .count = 2};
        made->elements[i] = &made->entries[i];
    }
    made->elements[count] = &id; /* no entry */
    made->all = (struct store_reply){.type = STORE_ARRAY, .elements = made->elements, .count = count + 1};
}

static void unmake(struct made *made)
{
    for (size_t i = 0; i < 8; i++) {
        if (made->bytes[i].data)
            buf_release(&made->bytes[i]);
    }
}

static void the_newest_events_first(void **state)
{
    (void)state;
    const struct alert_event left[] = {event_of(1, 1, AT, 5), event_of(1, 2, AT + 9, 6), event_of(1, 1, AT + 9, 6)};
    const struct alert_event right[] = {event_of(2, 1, AT + 8, 50), event_of(2, 2, AT + 10, 51)};
    struct history_query query = {.limit = 4};
    struct history_answer answer = {0};
    struct made made;
    make(&made, left, 3);
    history_take(&query, 3, &made.all, &answer);
    unmake(&made);
    make(&made, right, 2);
    history_take(&query, 4, &made.all, &answer);
    unmake(&made);
    assert_int_equal(answer.count, 5);
    history_sort(&query, &answer);
    assert_int_equal(answer.count, 4);
    static const struct {
        int64_t clock_ms;
        int32_t change;
    } wanted[] = {{AT + 10, 2}, {AT + 9, 1}, {AT + 9, 2}, {AT + 8, 1}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(answer.events[i].event.clock_ms, wanted[i].clock_ms);
        assert_int_equal(answer.events[i].event.change, wanted[i].change);
    }
    history_encode(&answer, &out);
    assert_memory_equal(out.data, "\"history\":[{\"id\":\"heat/2/", 25);
    assert_non_null(strstr(out.data, "\"partition\":3"));
    free(answer.events);
}

static void only_what_is_asked_for(void **state)
{
    (void)state;
    const struct alert_event events[] = {event_of(1, 1, AT, 5), event_of(2, 2, AT, 6), event_of(1, 3, AT, 7)};
    struct history_answer answer = {0};
    struct made made;
    make(&made, events, 3);
    history_take(&(struct history_query){.city_id = 1, .limit = 9}, 0, &made.all, &answer);
    assert_int_equal(answer.count, 2);
    history_take(&(struct history_query){.change = 2, .limit = 9}, 0, &made.all, &answer);
    assert_int_equal(answer.count, 3);
    unmake(&made);
    assert_int_equal(answer.status, 0);
    history_take(&(struct history_query){.limit = 9}, 0, &(struct store_reply){.type = STORE_ERROR, .text = "x"},
                 &answer);
    assert_int_equal(answer.status, ERR_UNAVAILABLE);
    free(answer.events);
}

static void questions(void **state)
{
    (void)state;
    struct alarm_filter now;
    struct history_query history;
    struct alerts_text text = {0};
    assert_int_equal(query_alerts(&text, &now, &history, &out), 0);
    assert_int_equal(now.limit, 100);
    assert_int_equal(now.phase, ALARM_FILTER_ANY);
    assert_int_equal(history.limit, 100);
    assert_int_equal(history.change, 0);
    text = (struct alerts_text){.state = "raised", .city = "7", .limit = "5"};
    assert_int_equal(query_alerts(&text, &now, &history, &out), 0);
    assert_int_equal(now.phase, RAISED);
    assert_int_equal(now.city_id, 7);
    assert_int_equal(history.change, ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_RAISED);
    assert_int_equal(history.limit, 5);
    text.state = "pending";
    assert_int_equal(query_alerts(&text, &now, &history, &out), 0);
    assert_int_equal(history.limit, 0);
    text.state = "cleared";
    assert_int_equal(query_alerts(&text, &now, &history, &out), 0);
    assert_int_equal(now.limit, 0);
    static const struct alerts_text bad[] = {{.state = "red"}, {.state = ""},     {.city = "0"},   {.city = "x"},
                                             {.limit = "0"},   {.limit = "1001"}, {.limit = "1e2"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_reset(&out);
        assert_int_equal(query_alerts(&bad[i], &now, &history, &out), ERR_INVALID);
        assert_true(out.size > 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_alert_as_json),
        TEST(a_metric_of_ones_own),
        TEST(urgent_ones_first),
        TEST(the_version_tells_changes),
        TEST(what_a_scan_does_not_see_is_gone),
        TEST(the_newest_events_first),
        TEST(only_what_is_asked_for),
        TEST(questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
