/*
 * Parses and checks alert rules (alert_rule.h), and says which are for a city. One table of keys, each with the
 * function that takes its value. Levels are kept in millionths of the API's unit until the metric, and so its scale, is
 * known. What rules do is in alert_state.c.
 */
#include "alert_rule.h"

#include "duration.h"
#include "error.h"
#include "quantity.h"
#include "text.h"

#include "alert.pb-c.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MILLION   INT64_C(1000000)
#define LEVEL_MAX INT64_C(1000000000) /* in the unit of the API */

enum key {
    KEY_METRIC,
    KEY_WINDOW,
    KEY_STATISTIC,
    KEY_ABOVE,
    KEY_BELOW,
    KEY_CLEAR,
    KEY_FOR,
    KEY_STALE,
    KEY_AFTER,
    KEY_CITIES,
    KEY_COUNTRY,
    KEY_COUNT
};

static const char *const statistics[] = {"unknown", "mean", "minimum", "maximum", "last"};
#define STATISTICS ((int32_t)(sizeof statistics / sizeof *statistics))

static bool given(const struct alert_rule *rule, enum key key)
{
    return rule->given >> key & 1;
}

/* ---- values ---- */

/* A decimal number with at most six digits behind the point, in millionths. */
static bool parse_level(const char *text, int64_t *millionths)
{
    bool negative = *text == '-', digits = false;
    int64_t number = 0;
    int places = -1;
    for (text += negative; *text; text++) {
        if (*text == '.' && places < 0 && digits) {
            places = 0;
            continue;
        }
        if (!isdigit((unsigned char)*text) || places == 6 || number > LEVEL_MAX * MILLION / 10)
            return false;
        number = number * 10 + (*text - '0');
        digits = true;
        places += places >= 0;
    }
    if (!digits || places == 0)
        return false;
    for (int i = places < 0 ? 0 : places; i < 6; i++) {
        if (number > LEVEL_MAX * MILLION / 10)
            return false;
        number *= 10;
    }
    *millionths = negative ? -number : number;
    return number <= LEVEL_MAX * MILLION;
}

static bool parse_time(const char *text, int64_t low_ms, int64_t *ms)
{
    return duration_parse(text, strlen(text), low_ms, DURATION_YEAR, ms);
}

static bool take_word(char *out, size_t size, const char *value)
{
    size_t length = strlen(value);
    if (length == 0 || length >= size)
        return false;
    memcpy(out, value, length + 1);
    return true;
}

static bool take_window(struct alert_rule *rule, const char *value)
{
    if (strcmp(value, "latest") == 0)
        return true;
    return take_word(rule->window, sizeof rule->window, value);
}

static bool take_statistic(struct alert_rule *rule, const char *value)
{
    for (int32_t i = ISOBAR__V1__ALERT_STATISTIC__ALERT_STATISTIC_MEAN; i < STATISTICS; i++) {
        if (strcmp(value, statistics[i]) == 0)
            rule->statistic = i;
    }
    return rule->statistic != 0;
}

static const char *const stale_words[] = {"keep", "clear", "raise"};

static bool take_stale(struct alert_rule *rule, const char *value)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(value, stale_words[i]) == 0) {
            rule->stale = (enum alert_stale)i;
            return true;
        }
    }
    return false;
}

/* The next element of a list of commas, without blanks around it; false at its end. `*size` 0: an empty one. */
static bool next_item(const char **list, const char **item, size_t *size)
{
    if (!*list)
        return false;
    const char *end = strchr(*list, ','), *from = *list, *to = end ? end : from + strlen(from);
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    *item = from;
    *size = (size_t)(to - from);
    *list = end ? end + 1 : NULL;
    return true;
}

static bool take_cities(struct alert_rule *rule, const char *value)
{
    const char *item;
    size_t size;
    while (next_item(&value, &item, &size)) {
        int64_t id = 0;
        if (size == 0 || size > 18 || rule->city_count == ALERT_CITIES_MAX)
            return false;
        for (size_t i = 0; i < size; i++) {
            if (!isdigit((unsigned char)item[i]))
                return false;
            id = id * 10 + (item[i] - '0');
        }
        if (id == 0)
            return false;
        rule->cities[rule->city_count++] = id;
    }
    return true;
}

static bool take_countries(struct alert_rule *rule, const char *value)
{
    const char *item;
    size_t size;
    while (next_item(&value, &item, &size)) {
        if (size != 2 || item[0] < 'A' || item[0] > 'Z' || item[1] < 'A' || item[1] > 'Z' ||
            rule->country_count == ALERT_COUNTRIES_MAX)
            return false;
        memcpy(rule->countries[rule->country_count++], item, 2);
    }
    return true;
}

static bool take_metric(struct alert_rule *rule, const char *value)
{
    return take_word(rule->metric_name, sizeof rule->metric_name, value);
}

static bool take_above(struct alert_rule *rule, const char *value)
{
    return parse_level(value, &rule->threshold_millionths);
}

static bool take_below(struct alert_rule *rule, const char *value)
{
    rule->below = true;
    return parse_level(value, &rule->threshold_millionths);
}

static bool take_clear(struct alert_rule *rule, const char *value)
{
    return parse_level(value, &rule->clear_millionths);
}

static bool take_for(struct alert_rule *rule, const char *value)
{
    return parse_time(value, 0, &rule->for_ms);
}

static bool take_after(struct alert_rule *rule, const char *value)
{
    return parse_time(value, DURATION_SECOND, &rule->stale_after_ms);
}

static const struct {
    const char *name, *wanted;
    bool (*take)(struct alert_rule *rule, const char *value);
} keys[KEY_COUNT] = {
    [KEY_METRIC] = {"metric", "the name of a metric", take_metric},
    [KEY_WINDOW] = {"window", "a configured size or latest", take_window},
    [KEY_STATISTIC] = {"statistic", "mean, minimum, maximum or last", take_statistic},
    [KEY_ABOVE] = {"above", "a decimal number of at most 6 places", take_above},
    [KEY_BELOW] = {"below", "a decimal number of at most 6 places", take_below},
    [KEY_CLEAR] = {"clear", "a decimal number of at most 6 places", take_clear},
    [KEY_FOR] = {"for", "a time such as 10m or 0s, at most 1y", take_for},
    [KEY_STALE] = {"stale", "keep, clear or raise", take_stale},
    [KEY_AFTER] = {"stale_after", "a time such as 3h, at most 1y", take_after},
    [KEY_CITIES] = {"cities", "at most 64 city ids with commas between", take_cities},
    [KEY_COUNTRY] = {"country", "at most 32 countries of two capitals, with commas between", take_countries},
};

int alert_rule_set(struct alert_rule *rule, const char *key, const char *value, struct buf *error)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        if (strcmp(key, keys[i].name) != 0)
            continue;
        if (given(rule, (enum key)i))
            buf_printf(error, "alert %s: %s is given twice", rule->name, key);
        else if (!keys[i].take(rule, value))
            buf_printf(error, "alert %s: %s = %.80s: want %s", rule->name, key, value, keys[i].wanted);
        else {
            rule->given |= 1U << i;
            return 0;
        }
        return ERR_INVALID;
    }
    buf_printf(error, "alert %s: no key %.40s; want", rule->name, key);
    for (int i = 0; i < KEY_COUNT; i++)
        buf_printf(error, "%s %s", i ? "," : "", keys[i].name);
    return ERR_INVALID;
}

/* ---- rules ---- */

static bool good_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < ALERT_NAME_BYTES && *name >= 'a' && *name <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == size;
}

struct alert_rule *alert_rules_section(struct alert_rules *rules, const char *name, struct buf *error)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (strcmp(rules->rules[i].name, name) == 0)
            return &rules->rules[i];
    }
    if (!good_name(name)) {
        buf_printf(error, "alert %.40s: want a name of up to 32 of a-z, 0-9, '-' and '_', with a letter first", name);
        return NULL;
    }
    if (rules->count == ALERT_RULES_MAX) {
        buf_printf(error, "alert %s: there are %d already", name, ALERT_RULES_MAX);
        return NULL;
    }
    struct alert_rule *rule = &rules->rules[rules->count++];
    *rule = (struct alert_rule){.size = ALERT_LATEST};
    memcpy(rule->name, name, strlen(name) + 1);
    return rule;
}

/* Millionths of the API's unit as an integer of the metric's, rounded half away from zero. */
static bool scale_level(int64_t millionths, int32_t scale, int32_t *level)
{
    __int128 product = (__int128)millionths * scale, half = product < 0 ? -MILLION / 2 : MILLION / 2;
    product = (product + half) / MILLION;
    *level = (int32_t)product;
    return product >= INT32_MIN && product <= INT32_MAX;
}

/* Finds the metric, by the name that people gave it or by that of every installation. */
static bool find_metric(struct alert_rule *rule, const struct custom_set *customs)
{
    int number = customs ? custom_find(customs, rule->metric_name) : -1;
    const struct quantity *quantity = number < 0 ? quantity_by_name(rule->metric_name) : NULL;
    struct label label;
    if (number < 0 && !quantity)
        return false;
    rule->metric = quantity ? quantity->metric : QUANTITY_CUSTOM + number;
    if (quantity && (!customs || !custom_metric_label(customs, rule->metric, &label)))
        label = (struct label){.unit = quantity->unit, .scale = quantity->scale};
    else if (!quantity && !custom_metric_label(customs, rule->metric, &label))
        return false;
    text_copy(rule->unit, sizeof rule->unit, label.unit);
    rule->scale = label.scale;
    return true;
}

static const char *take_levels(struct alert_rule *rule, const struct custom_set *customs)
{
    if (!find_metric(rule, customs))
        return "there is no such metric";
    if (given(rule, KEY_ABOVE) == given(rule, KEY_BELOW))
        return "want one of above and below";
    if (!given(rule, KEY_CLEAR))
        rule->clear_millionths = rule->threshold_millionths;
    if (!scale_level(rule->threshold_millionths, rule->scale, &rule->threshold) ||
        !scale_level(rule->clear_millionths, rule->scale, &rule->clear))
        return "a level is beyond what the metric can be";
    if (rule->below ? rule->clear < rule->threshold : rule->clear > rule->threshold)
        return "the clear level is beyond the threshold";
    return NULL;
}

static const char *take_span(struct alert_rule *rule, const struct windowset *windows)
{
    const struct window_size *size = *rule->window ? windowset_find(windows, rule->window) : NULL;
    if (*rule->window && !size)
        return "no window of that size is configured";
    if (size && !given(rule, KEY_STATISTIC))
        return "a window wants a statistic";
    if (!size && given(rule, KEY_STATISTIC))
        return "the latest reading has no statistic; want a window for it";
    rule->size = size ? (int32_t)(size - windows->sizes) : ALERT_LATEST;
    rule->size_ms = size ? size->size_ms : 0;
    if (!size)
        rule->statistic = ISOBAR__V1__ALERT_STATISTIC__ALERT_STATISTIC_LAST;
    return NULL;
}

static const char *finish(struct alert_rule *rule, const struct windowset *windows, const struct custom_set *customs)
{
    if (!given(rule, KEY_METRIC))
        return "it has no metric";
    const char *problem = take_levels(rule, customs);
    if (!problem)
        problem = take_span(rule, windows);
    if (!problem && (rule->stale != ALERT_KEEP) != given(rule, KEY_AFTER))
        problem = "stale = clear or raise and stale_after want each other";
    return problem;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct alert_rule *)a)->name, ((const struct alert_rule *)b)->name);
}

int alert_rules_finish(struct alert_rules *rules, const struct windowset *windows, const struct custom_set *customs,
                       struct buf *error)
{
    for (size_t i = 0; i < rules->count; i++) {
        const char *problem = finish(&rules->rules[i], windows, customs);
        if (problem) {
            buf_printf(error, "alert %s: %s", rules->rules[i].name, problem);
            return ERR_INVALID;
        }
    }
    qsort(rules->rules, rules->count, sizeof *rules->rules, by_name);
    return 0;
}

int alert_rules_find(const struct alert_rules *rules, const char *name)
{
    size_t low = 0, high = rules->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, rules->rules[middle].name);
        if (order == 0)
            return (int)middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

bool alert_rule_matches(const struct alert_rule *rule, int64_t city_id, const char *country)
{
    bool matches = rule->city_count == 0 && rule->country_count == 0;
    for (size_t i = 0; i < rule->city_count && !matches; i++)
        matches = rule->cities[i] == city_id;
    for (size_t i = 0; i < rule->country_count && !matches; i++)
        matches = strcmp(rule->countries[i], country) == 0;
    return matches;
}

uint64_t alert_rules_mask(const struct alert_rules *rules, int64_t city_id, const char *country)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < rules->count; i++)
        mask |= (uint64_t)alert_rule_matches(&rules->rules[i], city_id, country) << i;
    return mask;
}

const char *alert_statistic_name(int32_t statistic)
{
    return statistics[statistic > 0 && statistic < STATISTICS ? statistic : 0];
}

/* ---- printing ---- */

static void print_level(struct buf *out, const char *key, int64_t millionths)
{
    int64_t size = millionths < 0 ? -millionths : millionths, rest = size % MILLION;
    buf_printf(out, "%s = %s%lld", key, millionths < 0 ? "-" : "", (long long)(size / MILLION));
    if (rest)
        buf_byte(out, '.');
    for (; rest; rest = rest * 10 % MILLION)
        buf_byte(out, (char)('0' + rest * 10 / MILLION));
    buf_byte(out, '\n');
}

static void print_time(struct buf *out, const char *key, int64_t ms)
{
    buf_printf(out, "%s = ", key);
    duration_print(ms, out);
    buf_byte(out, '\n');
}

static void print_places(const struct alert_rule *rule, struct buf *out)
{
    for (size_t i = 0; i < rule->city_count; i++)
        buf_printf(out, "%s%lld", i ? "," : "cities = ", (long long)rule->cities[i]);
    buf_text(out, rule->city_count ? "\n" : "");
    for (size_t i = 0; i < rule->country_count; i++)
        buf_printf(out, "%s%s", i ? "," : "country = ", rule->countries[i]);
    buf_text(out, rule->country_count ? "\n" : "");
}

void alert_rules_print(const struct alert_rules *rules, struct buf *out)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct alert_rule *rule = &rules->rules[i];
        buf_printf(out, "\n[alert %s]\nmetric = %s\nwindow = %s\n", rule->name, rule->metric_name,
                   rule->size_ms ? rule->window : "latest");
        if (rule->size_ms)
            buf_printf(out, "statistic = %s\n", alert_statistic_name(rule->statistic));
        print_level(out, rule->below ? "below" : "above", rule->threshold_millionths);
        print_level(out, "clear", rule->clear_millionths);
        print_time(out, "for", rule->for_ms);
        buf_printf(out, "stale = %s\n", stale_words[rule->stale]);
        if (rule->stale != ALERT_KEEP)
            print_time(out, "stale_after", rule->stale_after_ms);
        print_places(rule, out);
    }
}
