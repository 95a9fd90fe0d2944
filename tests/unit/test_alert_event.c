/* Alert events: bytes and back, what is refused, the id, and the JSON that others are sent. */
#include "alert_event.h"
#include "error.h"

#include "window.pb-c.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const struct alert_event heat = {.rule = "heat",
                                        .city_id = 5809844,
                                        .onset_ms = 1700000000000,
                                        .change = ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_RAISED,
                                        .metric = ISOBAR__V1__METRIC__METRIC_TEMPERATURE,
                                        .statistic = ISOBAR__V1__ALERT_STATISTIC__ALERT_STATISTIC_MEAN,
                                        .name = "temperature",
                                        .unit = "degC",
                                        .scale = 100,
                                        .window = "1h",
                                        .value = 3105,
                                        .threshold = 3000,
                                        .clear = -50,
                                        .at_ms = 1700000600000,
                                        .clock_ms = 1700000601000,
                                        .offset = 77};

static void bytes_and_back(void **state)
{
    (void)state;
    struct buf bytes = BUF_EMPTY;
    struct alert_event other;
    alert_event_encode(&heat, &bytes);
    memset(&other, 0xff, sizeof other);
    assert_int_equal(alert_event_decode(&other, bytes.data, bytes.size), 0);
    assert_memory_equal(&other, &heat, sizeof heat);
    for (size_t size = 0; size < bytes.size; size++) /* cut short: refused, or another event, never a crash */
        (void)!alert_event_decode(&other, bytes.data, size);
    buf_release(&bytes);
}

static int status_of(const struct alert_event *event)
{
    struct buf bytes = BUF_EMPTY;
    struct alert_event other;
    alert_event_encode(event, &bytes);
    int status = alert_event_decode(&other, bytes.data, bytes.size);
    buf_release(&bytes);
    return status;
}

static void what_is_refused(void **state)
{
    (void)state;
    struct alert_event event;
    char large[ALERT_EVENT_MAX_BYTES + 1] = {0};
    assert_int_equal(alert_event_decode(&event, "", 0), ERR_INVALID);
    assert_int_equal(alert_event_decode(&event, large, sizeof large), ERR_INVALID);
#define REFUSED(...)                                                                                                   \
    do {                                                                                                               \
        event = heat;                                                                                                  \
        __VA_ARGS__;                                                                                                   \
        assert_int_equal(status_of(&event), ERR_INVALID);                                                              \
    } while (0)
    REFUSED(event.rule[0] = '\0');
    REFUSED(event.rule[0] = '"');
    REFUSED(event.window[0] = '<');
    REFUSED(event.city_id = 0);
    REFUSED(event.series = -1);
    REFUSED(event.change = 0);
    REFUSED(event.change = 4);
    REFUSED(event.cause = 3);
    REFUSED(event.metric = 0);
    REFUSED(event.name[0] = '\0');
    REFUSED(event.name[0] = '"');
    REFUSED(event.scale = 0);
    REFUSED(event.scale = 20);
    REFUSED(event.scale = -10);
    REFUSED(event.onset_ms = -1);
    REFUSED(event.at_ms = INT64_MAX);
    REFUSED(event.clock_ms = -1);
    REFUSED(event.offset = -1);
}

static void ids(void **state)
{
    (void)state;
    char id[ALERT_ID_BYTES];
    struct alert_event event = heat;
    assert_string_equal(alert_event_id(&event, id), "heat/5809844/1700000000000");
    event.series = 12;
    assert_string_equal(alert_event_id(&event, id), "heat/5809844/12/1700000000000");
    assert_string_equal(alert_change_name(0), "unknown");
    assert_string_equal(alert_change_name(3), "stale");
    assert_string_equal(alert_cause_name(9), "unknown");
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        int32_t scale, value;
        const char *text;
    } rows[] = {{100, 3105, "31.05"}, {100, -5, "-0.05"},  {100, 3000, "30"},       {100, INT32_MIN, "-21474836.48"},
                {1000, 1020, "1.02"}, {1, 10000, "10000"}, {1000000, 1, "0.000001"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = BUF_EMPTY;
        alert_value_json(&out, rows[i].scale, rows[i].value);
        assert_string_equal(out.data, rows[i].text);
        buf_release(&out);
    }
}

static void json(void **state)
{
    (void)state;
    struct buf out = BUF_EMPTY;
    alert_event_json(&heat, 3, &out);
    assert_string_equal(out.data,
                        "{\"id\":\"heat/5809844/1700000000000\",\"rule\":\"heat\",\"city\":5809844,\"series\":0,"
                        "\"state\":\"raised\",\"cause\":\"reading\",\"onset\":1700000000000,\"at\":1700000600000,"
                        "\"metric\":\"temperature\",\"unit\":\"degC\",\"window\":\"1h\",\"statistic\":\"mean\","
                        "\"direction\":\"above\",\"value\":31.05,\"threshold\":30,\"clear\":-0.5,"
                        "\"clock\":1700000601000,\"partition\":3,\"offset\":77}");
    buf_reset(&out);
    struct alert_event event = heat;
    event.cause = ISOBAR__V1__ALERT_CAUSE__ALERT_CAUSE_RULE;
    event.change = ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_CLEARED;
    alert_event_json(&event, 3, &out);
    json_t *root = json_loads(out.data, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "cause")), "rule");
    assert_null(json_object_get(root, "threshold"));
    json_decref(root);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_back),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(ids),
        cmocka_unit_test(numbers),
        cmocka_unit_test(json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
