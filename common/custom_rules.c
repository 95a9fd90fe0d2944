/* See custom_rules.h. */
#include "custom_rules.h"

#include "error.h"
#include "scaled.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum key { NUMBER, UNIT, SCALE, COMBINE, MINIMUM, MAXIMUM, KEYS };
static const char *const keys[KEYS] = {[NUMBER] = "number",   [UNIT] = "unit",       [SCALE] = "scale",
                                       [COMBINE] = "combine", [MINIMUM] = "minimum", [MAXIMUM] = "maximum"};

#define SHOWN 64 /* bytes of a value that an error quotes */

static enum key find_key(const char *name)
{
    enum key key = NUMBER;
    while (key < KEYS && strcmp(keys[key], name) != 0)
        key++;
    return key;
}

static bool copy(const char *text, char *out, size_t size)
{
    size_t length = strlen(text);
    if (length >= size)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

/* Digits alone, up to `most`. */
static bool whole(const char *text, int32_t most, int32_t *out)
{
    size_t size = strlen(text);
    if (size == 0 || size > 7 || strspn(text, "0123456789") != size)
        return false;
    int32_t number = (int32_t)strtol(text, NULL, 10);
    if (number > most)
        return false; /* `*out` is an index later on, whatever else is wrong */
    *out = number;
    return true;
}

static struct custom_rule *find(struct custom_rules *rules, const char *metric)
{
    for (size_t i = 0; i < rules->count; i++)
        if (strcmp(rules->list[i].custom.name, metric) == 0)
            return &rules->list[i];
    return NULL;
}

int custom_rules_begin(struct custom_rules *rules, const char *metric, int line, struct buf *error)
{
    if (find(rules, metric))
        return 0;
    if (rules->count == CUSTOM_COUNT) {
        buf_printf(error, "[metric %.*s]: there are %d already, and no more can be", SHOWN, metric, CUSTOM_COUNT);
        return ERR_INVALID;
    }
    struct custom_rule *rule = &rules->list[rules->count];
    *rule = (struct custom_rule){.number = -1, .custom = {.scale = 1}, .line = line};
    if (!copy(metric, rule->custom.name, sizeof rule->custom.name) || *metric == '\0') {
        buf_printf(error, "[metric %.*s]: a name of 1 to %d characters wanted", SHOWN, metric, CUSTOM_NAME_BYTES - 1);
        return ERR_INVALID;
    }
    rules->count++;
    return 0;
}

static bool set(struct custom_rule *rule, enum key key, const char *value)
{
    switch (key) {
    case NUMBER:
        return whole(value, CUSTOM_COUNT - 1, &rule->number);
    case UNIT:
        return copy(value, rule->custom.unit, sizeof rule->custom.unit);
    case SCALE:
        return whole(value, CUSTOM_SCALE_MAX, &rule->custom.scale);
    case COMBINE:
        return custom_combine_parse(value, &rule->custom.combine);
    case MINIMUM:
        return *value && copy(value, rule->minimum, sizeof rule->minimum);
    case MAXIMUM:
        return *value && copy(value, rule->maximum, sizeof rule->maximum);
    case KEYS:
        break;
    }
    return false;
}

int custom_rules_set(struct custom_rules *rules, const char *metric, const char *key, const char *value,
                     struct buf *error)
{
    static const char *const wanted[KEYS] = {[NUMBER] = "a number from 0 to 15",
                                             [UNIT] = "at most 15 bytes",
                                             [SCALE] = "a power of ten up to 1000000",
                                             [COMBINE] = "mean, sum, minimum, maximum or last",
                                             [MINIMUM] = "a number",
                                             [MAXIMUM] = "a number"};
    struct custom_rule *rule = find(rules, metric);
    enum key which = find_key(key);
    if (!rule)
        return 0;
    if (which == KEYS)
        buf_printf(error, "unknown key \"%.*s\" in [metric %s]", SHOWN, key, metric);
    else if (rule->given >> which & 1)
        buf_printf(error, "%s is there twice in [metric %s]", key, metric);
    else if (!set(rule, which, value))
        buf_printf(error, "%s is \"%.*s\": %s wanted", key, SHOWN, value, wanted[which]);
    else {
        rule->given |= 1u << which;
        return 0;
    }
    rule->wrong = true;
    return ERR_INVALID;
}

/* ---- what a section says ---- */

static bool take_bound(const struct custom_rule *rule, const char *text, bool *has, int32_t *out, struct buf *error)
{
    *has = *text != '\0';
    if (!*has || scaled_parse(text, strlen(text), rule->custom.scale, out))
        return true;
    buf_printf(error, "metric %s: %s is no number that its scale of %d can hold", rule->custom.name, text,
               rule->custom.scale);
    return false;
}

static bool take_range(const struct custom_rule *rule, struct custom *custom, struct buf *error)
{
    return take_bound(rule, rule->minimum, &custom->has_minimum, &custom->minimum, error) &&
           take_bound(rule, rule->maximum, &custom->has_maximum, &custom->maximum, error);
}

static bool faultless(const struct custom_rule *rule, const struct custom_set *set, struct buf *error)
{
    const char *fault = custom_fault(set, rule->number);
    if (fault)
        buf_printf(error, "metric %s: %s", rule->custom.name, fault);
    return !fault;
}

int custom_rules_take(const struct custom_rules *rules, size_t index, struct custom_set *set,
                      struct quality_limits *limits, struct buf *error)
{
    const struct custom_rule *rule = &rules->list[index];
    if (rule->wrong)
        return 0;
    if (rule->number < 0 || custom_get(set, rule->number)) {
        buf_printf(error, "metric %s: %s", rule->custom.name,
                   rule->number < 0 ? "number is missing: which of custom_0 to custom_15 it is"
                                    : "another metric has the same number");
        return ERR_INVALID;
    }
    struct custom *custom = &set->list[rule->number];
    *custom = rule->custom;
    /* All but the range first: it is read by the scale. */
    if (!faultless(rule, set, error) || !take_range(rule, custom, error) || !faultless(rule, set, error))
        return ERR_INVALID;
    if (custom->has_minimum || custom->has_maximum)
        quality_set_range(limits, OBSERVATION_CUSTOM + rule->number, custom->has_minimum ? custom->minimum : INT32_MIN,
                          custom->has_maximum ? custom->maximum : INT32_MAX);
    return 0;
}

static void print_bound(const char *key, bool has, int32_t value, int32_t scale, struct buf *out)
{
    if (!has)
        return;
    buf_printf(out, "%s = ", key);
    scaled_trimmed(out, value, scale);
    buf_byte(out, '\n');
}

void custom_rules_print(const struct custom_set *set, struct buf *out)
{
    for (int number = 0; number < CUSTOM_COUNT; number++) {
        const struct custom *custom = custom_get(set, number);
        if (!custom)
            continue;
        buf_printf(out, "\n[metric %s]\nnumber = %d\n", custom->name, number);
        if (*custom->unit)
            buf_printf(out, "unit = %s\n", custom->unit);
        buf_printf(out, "scale = %d\ncombine = %s\n", custom->scale, custom_combine_name(custom->combine));
        print_bound("minimum", custom->has_minimum, custom->minimum, custom->scale, out);
        print_bound("maximum", custom->has_maximum, custom->maximum, custom->scale, out);
    }
}
