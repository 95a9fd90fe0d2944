/* The ledger: what is written is what is parsed, and whatever is damaged is named. */
#include "../../worker/ledger.h"
#include "error.h"
#include "replies.h"

#include <setjmp.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct windowset windows;

static int start(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY;
    return windowset_parse(&windows, "10m:2d,1h:30d,1d:2y", &error);
}

static int end(void **state)
{
    (void)state;
    replies_free();
    return 0;
}

/* What ledger_fields emits, as texts. */
struct pairs {
    const char *texts[128];
    size_t count;
};

static void collect(void *arg, const char *field, const char *text)
{
    struct pairs *pairs = arg;
    pairs->texts[pairs->count++] = replies_keep(mem_strdup(field));
    pairs->texts[pairs->count++] = replies_keep(mem_strdup(text));
}

static struct ledger sample(void)
{
    return (struct ledger){.first_offset = 7,
                           .offset = 1020,
                           .applied = 1000,
                           .gaps = 13,
                           .record_offset = 1019,
                           .record_hash = UINT64_C(0xfedcba9876543210),
                           .anchor_offset = 1003,
                           .anchor_hash = UINT64_C(0x0123456789abcdef),
                           .clock_ms = 1790000000123,
                           .tick_clock_ms = 1790000000000,
                           .tick_after = "5809844/1",
                           .rows = 45,
                           .rows_in = 1,
                           .rows_late = 2,
                           .rows_duplicate = 3,
                           .rows_correction = 9,
                           .rows_bad = 4,
                           .rows_checked = 5,
                           .rows_tick = 6,
                           .rows_control = 7,
                           .rows_retired = 8,
                           .commits = 99,
                           .config_version = 3,
                           .pane_floor_ms = 200000,
                           .pane_cursor_ms = 300000,
                           .window_cursor_ms = {600000, 3600000, 86400000}};
}

static struct pairs fields_of(const struct ledger *ledger)
{
    struct pairs pairs = {.count = 0};
    ledger_fields(ledger, &windows, collect, &pairs);
    return pairs;
}

/* Sets a field to a text; NULL takes it away. */
static void set(struct pairs *pairs, const char *field, const char *text)
{
    for (size_t i = 0; i < pairs->count; i += 2) {
        if (strcmp(pairs->texts[i], field) != 0)
            continue;
        if (text)
            pairs->texts[i + 1] = text;
        else
            pairs->texts[i] = "nothing";
        return;
    }
    fail_msg("no field %s", field);
}

static int parse(const struct pairs *pairs, struct ledger *out, struct buf *error)
{
    return ledger_parse(out, reply_texts(pairs->texts), &windows, error);
}

static void what_is_written_is_parsed(void **state)
{
    (void)state;
    struct ledger ledger = sample(), again;
    struct buf error = BUF_EMPTY;
    struct pairs pairs = fields_of(&ledger);
    assert_int_equal(pairs.count / 2, 19 + 4 + 2 + 3);
    assert_int_equal(parse(&pairs, &again, &error), 0);
    assert_memory_equal(&again, &ledger, sizeof ledger);
    assert_int_equal(error.size, 0);
}

/* Days are stored as day numbers. Milliseconds in their place are of an older version, whose days were none of these.
 */
static void cursors_of_days(void **state)
{
    (void)state;
    struct ledger ledger = sample(), again;
    struct buf error = BUF_EMPTY;
    ledger.window_cursor_ms[2] = INT64_C(20787) * 86400000;
    struct pairs pairs = fields_of(&ledger);
    for (size_t i = 0; i < pairs.count; i += 2) {
        if (strcmp(pairs.texts[i], "w_cursor_1d") == 0)
            assert_string_equal(pairs.texts[i + 1], "20787");
        if (strcmp(pairs.texts[i], "w_cursor_1h") == 0)
            assert_string_equal(pairs.texts[i + 1], "3600000");
    }
    assert_int_equal(parse(&pairs, &again, &error), 0);
    assert_int_equal(again.window_cursor_ms[2], ledger.window_cursor_ms[2]);
    set(&pairs, "w_cursor_1d", "1796000400000");
    assert_int_equal(parse(&pairs, &again, &error), 0);
    assert_int_equal(again.window_cursor_ms[2], 0);
    assert_int_equal(again.window_cursor_ms[1], 3600000);
}

static void a_new_ledger(void **state)
{
    (void)state;
    struct ledger ledger = {.record_offset = -1, .anchor_offset = -1, .config_version = 1}, again;
    struct buf error = BUF_EMPTY;
    struct pairs pairs = fields_of(&ledger);
    set(&pairs, "record_hash", "0");
    set(&pairs, "anchor_offset", NULL);
    set(&pairs, "anchor_hash", NULL);
    set(&pairs, "tick_after", NULL);
    set(&pairs, "pane_floor_ms", NULL);
    set(&pairs, "pane_cursor_ms", NULL);
    set(&pairs, "w_cursor_10m", NULL);
    set(&pairs, "w_cursor_1d", NULL);
    assert_int_equal(parse(&pairs, &again, &error), 0);
    assert_memory_equal(&again, &ledger, sizeof ledger);
    assert_true(ledger_holds(&again));
}

static void what_is_damaged_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *field, *text;
    } rows[] = {
        {"offset", NULL},         {"offset", ""},
        {"offset", "x"},          {"offset", "12x"},
        {"offset", " 12"},        {"offset", "+12"},
        {"offset", "-1"},         {"offset", "9223372036854775808"},
        {"offset", "1.0"},        {"offset", "(nil)"},
        {"rows_in", "-1"},        {"rows_retired", NULL},
        {"commits", NULL},        {"record_offset", "-2"},
        {"record_offset", "-"},   {"anchor_offset", "-2"},
        {"anchor_offset", "x"},   {"anchor_hash", NULL},
        {"anchor_hash", "0x12"},  {"record_hash", NULL},
        {"record_hash", ""},      {"record_hash", "0x12"},
        {"record_hash", "ABC"},   {"record_hash", "00112233445566778"},
        {"record_hash", "(nil)"}, {"tick_after", "5809844/5809844/5809844/5809844/5809844/5809844/"},
        {"tick_after", "(nil)"},  {"tick_after", "5809844\x1b"},
        {"pane_cursor_ms", "x"},  {"pane_cursor_ms", "-300000"},
        {"w_cursor_1h", ""},      {"clock_ms", "1e3"},
        {"config_version", NULL}, {"config_version", "0"},
        {"pane_floor_ms", "-1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger ledger = sample(), again;
        struct buf error = BUF_EMPTY;
        struct pairs pairs = fields_of(&ledger);
        set(&pairs, rows[i].field, rows[i].text);
        if (parse(&pairs, &again, &error) != ERR_INVALID)
            fail_msg("%s=%s was taken", rows[i].field, rows[i].text ? rows[i].text : "(absent)");
        assert_non_null(strstr(error.data, rows[i].field));
        buf_release(&error);
        replies_free();
    }
}

static void an_odd_number_of_elements_is_not_read_beyond(void **state)
{
    (void)state;
    struct ledger again;
    struct buf error = BUF_EMPTY;
    assert_int_equal(ledger_parse(&again, REPLY("first_offset"), &windows, &error), ERR_INVALID);
    assert_int_equal(ledger_parse(&again, reply_array(0), &windows, &error), ERR_INVALID);
    buf_release(&error);
}

/* The rules that tell which cursors there are can be looked for before the rest is read. */
static void the_version_comes_first(void **state)
{
    (void)state;
    struct ledger ledger = sample(), again;
    struct buf error = BUF_EMPTY;
    struct pairs pairs = fields_of(&ledger);
    assert_int_equal(ledger_version(reply_texts(pairs.texts)), 3);
    assert_int_equal(ledger_parse(&again, reply_texts(pairs.texts), NULL, &error), 0);
    assert_int_equal(again.pane_cursor_ms, 300000);
    assert_int_equal(again.window_cursor_ms[0], 0);
    set(&pairs, "config_version", "x");
    assert_int_equal(ledger_version(reply_texts(pairs.texts)), -1);
    set(&pairs, "config_version", "0");
    assert_int_equal(ledger_version(reply_texts(pairs.texts)), -1);
    assert_int_equal(ledger_version(reply_array(0)), -1);
}

static void invariants(void **state)
{
    (void)state;
    struct ledger ledger = sample();
    assert_true(ledger_holds(&ledger));
    int64_t *const counters[] = {&ledger.first_offset, &ledger.offset,         &ledger.applied,
                                 &ledger.gaps,         &ledger.rows,           &ledger.rows_in,
                                 &ledger.rows_late,    &ledger.rows_duplicate, &ledger.rows_correction,
                                 &ledger.rows_bad,     &ledger.rows_checked,   &ledger.rows_tick,
                                 &ledger.rows_control, &ledger.rows_retired};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        ++*counters[i];
        assert_false(ledger_holds(&ledger));
        --*counters[i];
    }
    ledger.commits = 5; /* not part of them */
    assert_true(ledger_holds(&ledger));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_written_is_parsed, end),
        cmocka_unit_test_teardown(cursors_of_days, end),
        cmocka_unit_test_teardown(a_new_ledger, end),
        cmocka_unit_test_teardown(what_is_damaged_is_named, end),
        cmocka_unit_test_teardown(an_odd_number_of_elements_is_not_read_beyond, end),
        cmocka_unit_test_teardown(the_version_comes_first, end),
        cmocka_unit_test_teardown(invariants, end),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
