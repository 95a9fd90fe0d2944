/* The simulator's fault rules (fault.h): parsing and choosing. What a fault looks like on the wire is answer.c's. */
#include "fault.h"

#include "error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FAULT_KINDS] = {
    [FAULT_NONE] = "none",
    [FAULT_INVALID_KEY] = "invalid_key",
    [FAULT_BAD_REQUEST] = "bad_request",
    [FAULT_NOT_FOUND] = "not_found",
    [FAULT_NOT_FOUND_EMPTY] = "not_found_empty",
    [FAULT_RATE_LIMITED] = "rate_limited",
    [FAULT_SERVER_ERROR] = "server_error",
    [FAULT_UNAVAILABLE] = "unavailable",
    [FAULT_TRUNCATED] = "truncated",
    [FAULT_NOT_JSON] = "not_json",
    [FAULT_WRONG_SHAPE] = "wrong_shape",
    [FAULT_HUGE] = "huge",
    [FAULT_REDIRECT] = "redirect",
    [FAULT_HANG] = "hang",
    [FAULT_SPARSE] = "sparse",
    [FAULT_BACKWARDS] = "backwards",
    [FAULT_FROZEN] = "frozen",
    [FAULT_RENAMED] = "renamed",
    [FAULT_MIDSTREAM] = "midstream",
    [FAULT_LIMITED_MINUTE] = "limited_minute",
    [FAULT_LIMITED_HOUR] = "limited_hour",
    [FAULT_LIMITED_DAY] = "limited_day",
    [FAULT_NULLS] = "nulls",
};

enum fault_kind fault_parse(const char *name)
{
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        if (strcmp(name, names[kind]) == 0)
            return (enum fault_kind)kind;
    }
    return FAULT_KINDS;
}

const char *fault_name(enum fault_kind kind)
{
    return kind >= 0 && kind < FAULT_KINDS ? names[kind] : "unknown";
}

int faults_add(struct faults *faults, const struct fault_rule *rule)
{
    if (faults->count == FAULT_RULES)
        return ERR_TOO_LARGE;
    faults->rules[faults->count++] = *rule;
    return 0;
}

static int one_parse(struct faults *faults, const char *text, size_t size, struct buf *error)
{
    char word[64];
    if (size == 0 || size >= sizeof word) {
        buf_printf(error, "faults: '%.*s' is not kind[:percent]", (int)size, text);
        return ERR_INVALID;
    }
    memcpy(word, text, size);
    word[size] = '\0';
    long percent = 100;
    char *colon = strchr(word, ':'), *end = NULL;
    if (colon) {
        *colon = '\0';
        percent = strtol(colon + 1, &end, 10);
        if (*end != '\0' || end == colon + 1)
            percent = -1;
    }
    enum fault_kind kind = fault_parse(word);
    if (kind == FAULT_KINDS || percent < 0 || percent > 100) {
        buf_printf(error, "faults: '%.*s' is not kind[:percent]", (int)size, text);
        return ERR_INVALID;
    }
    struct fault_rule rule = {.kind = kind, .percent = (int)percent, .remaining = -1, .everywhere = true};
    return faults_add(faults, &rule);
}

int faults_parse(struct faults *faults, const char *text, struct buf *error)
{
    while (*text) {
        size_t size = strcspn(text, ",");
        int status = one_parse(faults, text, size, error);
        if (status != 0)
            return status;
        text += size + (text[size] == ',');
    }
    return 0;
}

const struct fault_rule *faults_choose(struct faults *faults, double latitude, double longitude, struct jitter *dice)
{
    for (size_t i = 0; i < faults->count; i++) {
        struct fault_rule *rule = &faults->rules[i];
        bool here =
            rule->everywhere || (fabs(rule->latitude - latitude) < 0.01 && fabs(rule->longitude - longitude) < 0.01);
        if (rule->kind == FAULT_NONE || rule->remaining == 0 || !here || jitter_below(dice, 100) >= rule->percent)
            continue;
        if (rule->remaining > 0)
            rule->remaining--;
        return rule;
    }
    return NULL;
}
