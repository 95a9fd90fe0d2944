/* Alert rules: what parses, what does not and why, and which cities they are for. */
#include "alert_rule.h"
#include "error.h"

#include "alert.pb-c.h"
#include "window.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct alert_rules rules;
static struct windowset windows;
static struct buf error;

static int begin(void **state)
{
    (void)state;
    memset(&rules, 0, sizeof rules);
    buf_reset(&error);
    return windowset_parse(&windows, "10m:2d,1h:30d,1d:2y", &error);
}

/* Sets "key=value" texts of one section. */
static int section(const char *name, const char *const *lines)
{
    struct alert_rule *rule = alert_rules_section(&rules, name, &error);
    int status = rule ? 0 : ERR_INVALID;
    for (; status == 0 && *lines; lines++) {
        char key[64];
        const char *equals = strchr(*lines, '=');
        memcpy(key, *lines, (size_t)(equals - *lines));
        key[equals - *lines] = '\0';
        status = alert_rule_set(rule, key, equals + 1, &error);
    }
    return status;
}

#define SECTION(name, ...) section(name, (const char *const[]){__VA_ARGS__, NULL})

/* A rule that gives every key. */
static void add_frost(void)
{
    assert_int_equal(SECTION("frost", "clear=1.505", "window=1h", "below=-0.5", "statistic=minimum",
                             "metric=temperature", "for=90m", "stale=raise", "stale_after=3h", "cities=5809844 , 7",
                             "country=ES,FR"),
                     0);
}

static void a_rule_with_everything(void **state)
{
    (void)state;
    add_frost();
    assert_int_equal(alert_rules_finish(&rules, &windows, NULL, &error), 0);
    const struct alert_rule *rule = &rules.rules[0];
    assert_string_equal(rule->name, "frost");
    assert_int_equal(rule->metric, ISOBAR__V1__METRIC__METRIC_TEMPERATURE);
    assert_int_equal(rule->statistic, ISOBAR__V1__ALERT_STATISTIC__ALERT_STATISTIC_MINIMUM);
    assert_int_equal(rule->size, 1);
    assert_int_equal(rule->size_ms, 3600000);
    assert_true(rule->below);
    assert_int_equal(rule->threshold, -50);
    assert_int_equal(rule->clear, 151); /* half away from zero */
    assert_int_equal(rule->for_ms, 5400000);
    assert_int_equal(rule->stale, ALERT_RAISE);
    assert_int_equal(rule->stale_after_ms, 10800000);
    assert_int_equal(rule->city_count, 2);
    assert_int_equal(rule->cities[1], 7);
    assert_string_equal(rule->countries[1], "FR");
}

static void what_a_rule_need_not_say(void **state)
{
    (void)state;
    assert_int_equal(SECTION("gale", "metric=wind_gust", "above=25"), 0);
    assert_int_equal(alert_rules_finish(&rules, &windows, NULL, &error), 0);
    const struct alert_rule *rule = &rules.rules[0];
    assert_int_equal(rule->size, ALERT_LATEST);
    assert_int_equal(rule->size_ms, 0);
    assert_int_equal(rule->statistic, ISOBAR__V1__ALERT_STATISTIC__ALERT_STATISTIC_LAST);
    assert_false(rule->below);
    assert_int_equal(rule->threshold, 2500);
    assert_int_equal(rule->clear, 2500);
    assert_int_equal(rule->for_ms, 0);
    assert_int_equal(rule->stale, ALERT_KEEP);
    assert_true(alert_rule_matches(rule, 1, ""));
}

static void levels(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t level;
    } good[] = {{"0", 0},       {"-0", 0},       {"35", 3500},          {"35.1", 3510}, {"0.005", 1},
                {"-0.005", -1}, {"0.004999", 0}, {"-12.345678", -1235}, {"007.50", 750}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        begin(NULL);
        struct alert_rule *rule = alert_rules_section(&rules, "r", &error);
        assert_non_null(rule);
        assert_int_equal(alert_rule_set(rule, "metric", "temperature", &error), 0);
        assert_int_equal(alert_rule_set(rule, "above", good[i].text, &error), 0);
        assert_int_equal(alert_rules_finish(&rules, &windows, NULL, &error), 0);
        assert_int_equal(rule->threshold, good[i].level);
    }
    static const char *const bad[] = {
        "",   "-",     "x",    "1e3", "1.",  ".5",        "+1",         " 1",
        "1 ", "1.2.3", "0x10", "nan", "--1", "0.0000001", "1000000001", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        begin(NULL);
        assert_int_equal(SECTION("r", "metric=temperature", "clear=1"), 0);
        assert_int_equal(alert_rule_set(&rules.rules[0], "above", bad[i], &error), ERR_INVALID);
        assert_non_null(strstr(error.data, "alert r: above = "));
    }
}

static void values_that_are_none(void **state)
{
    (void)state;
    static const char *const lines[] = {"metric=",
                                        "window=",
                                        "window=aaaaaaaaaaaaaaaaaaaa",
                                        "statistic=median",
                                        "statistic=unknown",
                                        "for=",
                                        "for=10",
                                        "for=m",
                                        "for=10 m",
                                        "for=01m",
                                        "for=-1s",
                                        "for=366d",
                                        "for=1.5h",
                                        "stale=never",
                                        "stale_after=0s",
                                        "cities=",
                                        "cities=1,",
                                        "cities=0",
                                        "cities=-1",
                                        "cities=x",
                                        "cities=1234567890123456789",
                                        "country=",
                                        "country=es",
                                        "country=ESP",
                                        "country=ES;FR",
                                        "colour=red",
                                        "metric=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        begin(NULL);
        assert_int_equal(section("r", (const char *const[]){lines[i], NULL}), ERR_INVALID);
        assert_true(error.size > 0);
    }
    begin(NULL);
    assert_int_equal(SECTION("r", "above=1", "above=2"), ERR_INVALID);
    assert_string_equal(error.data, "alert r: above is given twice");
    begin(NULL);
    struct buf many = BUF_EMPTY;
    for (int i = 0; i <= ALERT_CITIES_MAX; i++)
        buf_printf(&many, "%s%d", i ? "," : "", i + 1);
    assert_non_null(alert_rules_section(&rules, "r", &error));
    assert_int_equal(alert_rule_set(&rules.rules[0], "cities", many.data, &error), ERR_INVALID);
    buf_release(&many);
}

/* What only the whole tells. */
static void rules_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *const lines[6];
        const char *problem;
    } rows[] = {
        {{"above=1"}, "no metric"},
        {{"metric=happiness", "above=1"}, "no such metric"},
        {{"metric=temperature"}, "above and below"},
        {{"metric=temperature", "above=1", "below=1"}, "above and below"},
        {{"metric=temperature", "above=1", "clear=1.01"}, "clear level"},
        {{"metric=temperature", "below=1", "clear=0.99"}, "clear level"},
        {{"metric=rain_rate", "above=3000000"}, "beyond what"},
        {{"metric=temperature", "above=1", "window=2h", "statistic=mean"}, "no window"},
        {{"metric=temperature", "above=1", "window=1h"}, "wants a statistic"},
        {{"metric=temperature", "above=1", "statistic=mean"}, "no statistic"},
        {{"metric=temperature", "above=1", "window=latest", "statistic=last"}, "no statistic"},
        {{"metric=temperature", "above=1", "stale=raise"}, "want each other"},
        {{"metric=temperature", "above=1", "stale_after=1h"}, "want each other"},
        {{"metric=temperature", "above=1", "stale=keep", "stale_after=1h"}, "want each other"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(NULL);
        assert_int_equal(section("r", rows[i].lines), 0);
        assert_int_equal(alert_rules_finish(&rules, &windows, NULL, &error), ERR_INVALID);
        assert_memory_equal(error.data, "alert r: ", 9);
        assert_non_null(strstr(error.data, rows[i].problem));
    }
}

static void metrics_of_ones_own(void **state)
{
    (void)state;
    struct custom_set customs = {0};
    customs.list[3] = (struct custom){.name = "soil_moisture", .unit = "%", .scale = 1000};
    assert_int_equal(SECTION("dry", "metric=soil_moisture", "below=12.5"), 0);
    assert_int_equal(SECTION("too", "metric=custom_3", "below=12.5"), 0);
    assert_int_equal(SECTION("undefined", "metric=custom_4", "below=12.5"), 0);
    assert_int_equal(alert_rules_finish(&rules, &windows, &customs, &error), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rules.rules[i].metric, ISOBAR__V1__METRIC__METRIC_CUSTOM_0 + 3);
        assert_int_equal(rules.rules[i].threshold, 12500);
        assert_string_equal(rules.rules[i].unit, "%");
        assert_int_equal(rules.rules[i].scale, 1000);
    }
    assert_int_equal(rules.rules[2].threshold, 13); /* as stored: nothing is known of it */
    assert_int_equal(SECTION("dry2", "metric=soil_moistur", "below=12.5"), 0);
    assert_int_equal(alert_rules_finish(&rules, &windows, &customs, &error), ERR_INVALID);
}

static void names(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "Frost", "1st",       "-x",
                                      "a b", "a/b",   "a\xc3\xa4", "abcdefghijklmnopqrstuvwxyz0123456"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(alert_rules_section(&rules, bad[i], &error));
    struct alert_rule *rule = alert_rules_section(&rules, "abcdefghijklmnopqrstuvwxyz_-0123", &error);
    assert_non_null(rule);
    assert_ptr_equal(alert_rules_section(&rules, "abcdefghijklmnopqrstuvwxyz_-0123", &error), rule);
    assert_int_equal(rules.count, 1);
    for (int i = 1; i < ALERT_RULES_MAX; i++) {
        char name[8] = {'r', (char)('a' + i / 10), (char)('0' + i % 10)};
        assert_non_null(alert_rules_section(&rules, name, &error));
    }
    assert_null(alert_rules_section(&rules, "one-more", &error));
    assert_non_null(strstr(error.data, "64"));
}

static void rules_are_found_and_match(void **state)
{
    (void)state;
    assert_int_equal(SECTION("spain", "metric=temperature", "above=40", "country=ES"), 0);
    assert_int_equal(SECTION("all", "metric=temperature", "above=50"), 0);
    assert_int_equal(SECTION("one", "metric=temperature", "above=30", "cities=12", "country=FR"), 0);
    assert_int_equal(alert_rules_finish(&rules, &windows, NULL, &error), 0);
    assert_int_equal(alert_rules_find(&rules, "all"), 0);
    assert_int_equal(alert_rules_find(&rules, "one"), 1);
    assert_int_equal(alert_rules_find(&rules, "spain"), 2);
    assert_int_equal(alert_rules_find(&rules, "none"), -1);
    assert_int_equal(alert_rules_mask(&rules, 11, ""), 1);
    assert_int_equal(alert_rules_mask(&rules, 11, "ES"), 5);
    assert_int_equal(alert_rules_mask(&rules, 12, "ES"), 7);
    assert_int_equal(alert_rules_mask(&rules, 11, "FR"), 3);
    assert_string_equal(alert_statistic_name(ISOBAR__V1__ALERT_STATISTIC__ALERT_STATISTIC_LAST), "last");
    assert_string_equal(alert_statistic_name(99), "unknown");
}

static void rules_print_as_they_parse(void **state)
{
    (void)state;
    add_frost();
    assert_int_equal(SECTION("all", "metric=humidity", "above=99"), 0);
    assert_int_equal(alert_rules_finish(&rules, &windows, NULL, &error), 0);
    struct buf out = BUF_EMPTY;
    alert_rules_print(&rules, &out);
    assert_string_equal(out.data,
                        "\n[alert all]\nmetric = humidity\nwindow = latest\nabove = 99\nclear = 99\nfor = 0s\n"
                        "stale = keep\n"
                        "\n[alert frost]\nmetric = temperature\nwindow = 1h\nstatistic = minimum\n"
                        "below = -0.5\nclear = 1.505\nfor = 90m\nstale = raise\nstale_after = 3h\n"
                        "cities = 5809844,7\ncountry = ES,FR\n");
    buf_release(&out);
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_rule_with_everything),    T(what_a_rule_need_not_say), T(levels), T(values_that_are_none),
        T(rules_that_do_not_fit),     T(metrics_of_ones_own),      T(names),  T(rules_are_found_and_match),
        T(rules_print_as_they_parse),
    };
    buf_init(&error);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&error);
    return failed;
}
