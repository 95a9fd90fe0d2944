/* rules.h: the text that processing depends on, parsed, refused, printed; and its documentation. */
#include "duration.h"
#include "error.h"
#include "mem.h"
#include "quality_rules.h"
#include "rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define CANONICAL "[windows]\n10m = 2d\n1h = 30d\n1d = 2y\n\n[time]\nlateness = 2d\nallowed_delay = 5m\nidle = 30m\n"

static struct rules rules;
static struct buf out;

/* What is printed before the alerts. */
static const char *canonical(void)
{
    static char text[4096];
    struct quality_limits limits;
    struct buf quality = BUF_EMPTY;
    quality_defaults(&limits);
    quality_rules_print(&limits, &quality);
    (void)snprintf(text, sizeof text, CANONICAL "\n[quality]\n%s", quality.data);
    buf_release(&quality);
    return text;
}

static int begin(void **state)
{
    (void)state;
    buf_init(&out);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

static int parse(const char *text)
{
    buf_reset(&out);
    return rules_parse(&rules, text, strlen(text), &out);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse("[windows]\n10m = 2d\n"), 0);
    assert_int_equal(out.size, 0);
    assert_int_equal(rules.version, 0);
    assert_int_equal(rules.partitions, 0);
    assert_int_equal(rules.windows.count, 1);
    assert_int_equal(rules.windows.pane_ms, 600000);
    assert_int_equal(rules.lateness_ms, 2 * DURATION_DAY);
    assert_int_equal(rules.allowed_delay_ms, 300000);
    assert_int_equal(rules.idle_ms, 1800000);
}

static void test_parses(void **state)
{
    static const char *const texts[] = {
        "[windows]\n10m=2d",                                   /* no blanks, no last newline */
        "; a comment\n# another\n\n[windows]\r\n10m = 2d\r\n", /* from another system */
        "  [windows]\n  10m = 2d ; of the page\n",             /* indented, with a comment behind */
        "[time]\nidle = 1s\n[windows]\n10m = 2d\n[time]\nlateness = 1m\nallowed_delay = 0s\n", /* in any order */
        "[windows]\n10m: 2d\n",
        "\xef\xbb\xbf[windows]\n10m = 2d\n", /* a byte order mark */
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (parse(texts[i]) != 0)
            fail_msg("%s: %s", texts[i], out.data);
        assert_string_equal(rules.windows.sizes[0].name, "10m");
    }
}

static void test_refuses(void **state)
{
    static const struct {
        const char *text, *errors;
    } rows[] = {
        {"", "[windows] has no size"},
        {"[time]\nidle = 30m\n", "[windows] has no size"},
        {"[windows]\n", "[windows] has no size"},
        {"10m = 2d\n", "line 1: \"10m\" stands before the first section"},
        {"[windows]\n10m\n", "line 2: not a line of the form key = value\n"},
        {"[windows\n10m = 2d\n", "line 1: not a line of the form key = value\n"},
        {"[windows]\n10m = \n", "line 2: window \"10m:\""},
        {"[windows]\n10m = 2w\n", "line 2: window \"10m:2w\": the retention"},
        {"[windows]\n010m = 2d\n", "line 2: window \"010m:2d\": the size"},
        {"[windows]\n1h = 2d\n24h/1h = 2d\n", "line 3: a sliding window is size/step = sliding"},
        {"[windows]\n1h = 2d\n24h/7m = sliding\n", "line 2: window \"24h/7m\": no window is there"},
        {"[windows]\n24h/1h = sliding\n", "[windows] has no size"},
        {"[windows]\n10m = 2d,1h:3d\n", "line 2: a window is size = retention"},
        {"[windows]\n10m = 2d\n60m = 3d\n1h = 2d\n", "line 2: window \"1h:2d\": this size is there twice"},
        {"[windows]\n10m = 2d\n[time]\nidle = 0s\n",
         "line 4: idle is \"0s\": a number with s, m, h, d or y wanted, 1s to 7d\n"},
        {"[windows]\n10m = 2d\n[time]\nlateness = 59s\n", "line 4: lateness is \"59s\""},
        {"[windows]\n10m = 2d\n[time]\nallowed_delay = 5\n", "line 4: allowed_delay is \"5\""},
        {"[windows]\n10m = 2d\n[time]\nidle = 1m\nidle = 1m\n", "line 5: idle is there twice\n"},
        {"[windows]\n10m = 2d\n[time]\nlatenes = 1m\n", "line 4: unknown key \"latenes\" in [time]\n"},
        {"[windows]\n10m = 2d\n[tme]\nidle = 1m\n", "line 4: unknown section [tme]\n"},
        {"[windows]\n10m = 2d\n[quality]\njump_wind = 1\n", "line 4: unknown key \"jump_wind\" in [quality]\n"},
        {"[windows]\n10m = 2d\n[quality]\njump_humidity = x\n", "line 4: jump_humidity is \"x\": a number above 0"},
        {"[windows]\n10m = 2d\n[quality]\nrange_rain = ..9\n\nrange_rain = none\n",
         "line 6: range_rain is there twice"},
        {"[windows]\n10m = 2d\n\xff\n", "the rules are no UTF-8 text\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(parse(rows[i].text), ERR_INVALID);
        if (!strstr(out.data, rows[i].errors))
            fail_msg("%s: %s", rows[i].text, out.data);
        assert_int_equal(out.data[out.size - 1], '\n');
    }
}

/* An operator mends all of them at once. */
static void test_lists_all_mistakes(void **state)
{
    (void)state;
    assert_int_equal(parse("[windows]\n10m 2d\nx = 1d\n1h = 30d\n\n[time]\nidle = never\nfoo = 1\n[bar]\nbaz = 1\n"),
                     ERR_INVALID);
    assert_string_equal(out.data, "line 2: not a line of the form key = value\n"
                                  "line 3: window \"x:1d\": the size is a number with s, m, h or d, at most 23d\n"
                                  "line 7: idle is \"never\": a number with s, m, h, d or y wanted, 1s to 7d\n"
                                  "line 8: unknown key \"foo\" in [time]\n"
                                  "line 10: unknown section [bar]\n");
}

static void test_many_mistakes_are_counted(void **state)
{
    struct buf text = BUF_EMPTY;
    size_t lines = 0;
    (void)state;
    for (int i = 0; i < RULES_ERRORS_MAX + 6; i++)
        buf_text(&text, "nonsense\n");
    assert_int_equal(parse(text.data), ERR_INVALID);
    for (const char *p = out.data; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, RULES_ERRORS_MAX + 1);
    assert_non_null(strstr(out.data, "and 7 more\n")); /* six, and that there are no windows */
    buf_release(&text);
}

static void test_sizes_are_bounded(void **state)
{
    struct buf text = BUF_EMPTY;
    (void)state;
    buf_text(&text, "[windows]\n10m = 2d ;");
    for (int i = 0; i < 300; i++)
        buf_byte(&text, '.');
    assert_int_equal(parse(text.data), ERR_INVALID);
    assert_non_null(strstr(out.data, "line 2: a line of more than 198 characters\n"));

    buf_reset(&text);
    buf_text(&text, CANONICAL);
    while (text.size < RULES_MAX_BYTES)
        buf_byte(&text, '\n');
    assert_int_equal(parse(text.data), 0);
    buf_byte(&text, '\n');
    assert_int_equal(parse(text.data), ERR_TOO_LARGE);
    assert_string_equal(out.data, "the rules have more than 65536 bytes\n");
    buf_release(&text);

    buf_reset(&out);
    assert_int_equal(rules_parse(&rules, "[windows]\n1h = 1d\n\0[", 20, &out), ERR_INVALID); /* a NUL byte */
}

static void test_prints_what_it_parses(void **state)
{
    struct buf again = BUF_EMPTY;
    (void)state;
    assert_int_equal(parse("[time]\nidle=1800s\n[windows]\n1d=730d\n1h=720h\n10m=48h\n"), 0);
    rules_print(&rules, &out);
    assert_string_equal(out.data, canonical());
    rules_windows(&rules, &again);
    assert_string_equal(again.data, "10m:2d,1h:30d,1d:2y");

    assert_int_equal(parse(canonical()), 0);
    buf_reset(&again);
    rules_print(&rules, &again);
    assert_string_equal(again.data, canonical());
    buf_release(&again);
}

static void test_alerts(void **state)
{
    static const char text[] = "[alert heat]\nmetric = temperature\nabove = 35\n" CANONICAL
                               "[alert frost]\nmetric = temperature\nwindow = 1h\nstatistic = minimum\nbelow = 0\n";
    (void)state;
    assert_int_equal(parse(text), 0);
    assert_int_equal(rules.alerts.count, 2);
    assert_string_equal(rules.alerts.rules[0].name, "frost");
    assert_int_equal(rules.alerts.rules[0].size, 1);
    rules_print(&rules, &out);
    char *printed = buf_take(&out);
    assert_int_equal(parse(printed), 0);
    rules_print(&rules, &out);
    assert_string_equal(out.data, printed);
    assert_non_null(strstr(printed, "\n[alert frost]\n"));
    free(printed);
    assert_int_equal(parse(CANONICAL "[alert heat]\nmetric = temperature\nabove = hot\n[alert Bad]\nmetric = x\n"),
                     ERR_INVALID);
    assert_non_null(strstr(out.data, "line 12: alert heat: above = hot"));
    assert_non_null(strstr(out.data, "line 13: alert Bad"));
    assert_int_equal(parse(CANONICAL "[alert heat]\nmetric = temperature\n"), ERR_INVALID);
    assert_string_equal(out.data, "alert heat: want one of above and below\n");
    assert_int_equal(parse("[alert heat]\nmetric = temperature\nabove = 1\nwindow = 1h\nstatistic = mean\n"
                           "[windows]\n10m = 2d\n"),
                     ERR_INVALID);
    assert_string_equal(out.data, "alert heat: no window of that size is configured\n");
}

static void test_pane_of_the_installation(void **state)
{
    (void)state;
    assert_int_equal(parse("[windows]\n10m = 2d\n"), 0);
    assert_int_equal(rules_set_pane(&rules, 300000, &out), 0);
    assert_int_equal(rules.windows.pane_ms, 300000);

    assert_int_equal(parse("[windows]\n15m = 2d\n"), 0);
    assert_int_equal(rules_set_pane(&rules, 600000, &out), ERR_INVALID);
    assert_non_null(strstr(out.data, "need panes of 15m, and the installation's are 10m for ever"));
    assert_non_null(strstr(out.data, "replay"));
    assert_int_equal(rules.windows.pane_ms, 900000);
    assert_int_equal(rules_set_pane(&rules, 0, &out), ERR_INVALID);
}

/* ---- docs/rules.md ---- */

/* The page as text, to be freed. Tests run in directories of their own: it is found from the program's path. */
static char *read_page(void)
{
    char path[4096], *text = mem_calloc(1, RULES_MAX_BYTES);
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 64);
    assert_true(size > 0);
    path[size] = '\0';
    for (int up = 0; up < 4; up++)  /* build/<kind>/unit/<name> */
        *strrchr(path, '/') = '\0'; // NOLINT(clang-analyzer-core.NonNullParamChecker): it is a path
    size = (ssize_t)strlen(path);
    snprintf(path + size, sizeof path - (size_t)size, "/docs/rules.md");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t got = fread(text, 1, RULES_MAX_BYTES - 1, file);
    assert_in_range(got, 1, RULES_MAX_BYTES - 2);
    (void)fclose(file);
    return text;
}

static void test_every_key_is_documented(void **state)
{
    size_t count = 0, rows = 0;
    const struct rules_key *keys = rules_keys(&count);
    char *page = read_page(), line[1024];
    (void)state;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(line, sizeof line, "\n## [%s]\n", keys[i].section);
        const char *section = strstr(page, line);
        if (!section) {
            fail_msg("docs/rules.md lacks%s", line);
            break;
        }
        const char *next = strstr(section + 1, "\n## ");
        (void)snprintf(line, sizeof line, "\n| `%s` | %s | `%s` | %s |\n", keys[i].name, keys[i].unit, keys[i].start,
                       keys[i].help);
        const char *row = strstr(section, line);
        if (!row || (next && row > next))
            fail_msg("docs/rules.md lacks, in [%s]:%s", keys[i].section, line);
    }
    const char *alerts = strstr(page, "\n## [alert NAME]\n"); /* whose keys are in alert_rule.c */
    assert_non_null(alerts);
    for (const char *p = page; (p = strstr(p, "\n| `")) && p < alerts; p++)
        rows++;
    assert_int_equal(rows, count); /* and no other */
    free(page);
}

static void test_same_rules_have_the_same_text(void **state)
{
    static struct rules other;
    (void)state;
    assert_int_equal(parse("[windows]\n10m = 2d\n"), 0);
    other = rules;
    other.version = 7;
    other.partitions = 16;
    other.windows.pane_ms = 60000;
    assert_true(rules_same(&rules, &other));
    assert_int_equal(parse("; written in another way\n[time]\nidle = 1800s\n[windows]\n10m: 2d\n"), 0);
    assert_true(rules_same(&rules, &other));
    assert_int_equal(parse("[windows]\n10m = 3d\n"), 0);
    assert_false(rules_same(&rules, &other));
    assert_int_equal(parse("[windows]\n10m = 2d\n[time]\nidle = 31m\n"), 0);
    assert_false(rules_same(&rules, &other));
}

static void test_sliding_windows(void **state)
{
    (void)state;
    struct buf text = BUF_EMPTY;
    assert_int_equal(parse("[windows]\n24h/1h = sliding\n1h = 30d\n1d = 2y\n7d/1d=sliding\n"), 0);
    assert_int_equal(rules.windows.slide_count, 2);
    rules_windows(&rules, &text);
    assert_string_equal(text.data, "1h:30d,1d:2y,24h/1h,7d/1d");
    buf_reset(&text);
    rules_print(&rules, &text);
    assert_non_null(strstr(text.data, "[windows]\n1h = 30d\n1d = 2y\n24h/1h = sliding\n7d/1d = sliding\n"));
    assert_int_equal(parse(text.data), 0);
    assert_int_equal(rules.windows.slide_count, 2);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_parses),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_lists_all_mistakes),
        cmocka_unit_test(test_same_rules_have_the_same_text),
        cmocka_unit_test(test_sliding_windows),
        cmocka_unit_test(test_many_mistakes_are_counted),
        cmocka_unit_test(test_sizes_are_bounded),
        cmocka_unit_test(test_prints_what_it_parses),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_pane_of_the_installation),
        cmocka_unit_test(test_every_key_is_documented),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
