/*
 * Alert rules (docs/semantics.md, "Alerts"): what is watched, from which value on for how long, and where. Made from
 * the sections [alert NAME] of the configuration, key by key in any order; alert_rules_finish checks what only the
 * whole tells and turns levels into integers of the metric's unit. Bounded and without pointers, so it can be copied.
 *
 *   [alert frost]
 *   metric = temperature
 *   window = 1h            ; a configured size, or latest (default)
 *   statistic = minimum    ; mean, minimum, maximum or last; not with latest
 *   below = 0              ; or above; in the unit of the API
 *   clear = 1.5            ; default: the threshold
 *   for = 10m              ; default 0s
 *   stale = raise          ; keep (default), clear or raise, when silent for
 *   stale_after = 3h
 *   country = ES,FR        ; and/or cities = 2950159,5809844; default: everywhere
 */
#ifndef ISOBAR_ALERT_RULE_H
#define ISOBAR_ALERT_RULE_H

#include "buf.h"
#include "custom.h"
#include "windowset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALERT_RULES_MAX     64
#define ALERT_NAME_BYTES    33 /* [a-z][a-z0-9_-]{0,31} */
#define ALERT_CITIES_MAX    64
#define ALERT_COUNTRIES_MAX 32
#define ALERT_LATEST        (-1)

enum alert_stale { ALERT_KEEP, ALERT_CLEAR, ALERT_RAISE };

struct alert_rule {
    char name[ALERT_NAME_BYTES];
    char metric_name[33], window[16]; /* window empty: the latest reading */
    int32_t metric;                   /* isobar.v1.Metric */
    char unit[CUSTOM_UNIT_BYTES];
    int32_t scale;            /* of the metric: stored integer = value * scale */
    int32_t statistic;        /* isobar.v1.AlertStatistic */
    int32_t size;             /* index of `window` in the windowset, or ALERT_LATEST */
    int64_t size_ms;          /* of it; 0: the latest reading */
    bool below;               /* else above */
    int32_t threshold, clear; /* in the metric's stored unit */
    int64_t for_ms;
    enum alert_stale stale;
    int64_t stale_after_ms;
    int64_t cities[ALERT_CITIES_MAX];
    char countries[ALERT_COUNTRIES_MAX][3];
    size_t city_count, country_count; /* both 0: everywhere */
    /* As written. */
    unsigned given; /* bit per key */
    int64_t threshold_millionths, clear_millionths;
};

struct alert_rules {
    struct alert_rule rules[ALERT_RULES_MAX];
    size_t count;
};

/* The rule called `name`, added when there is none; NULL with text in `error` for a bad name or one too many. */
struct alert_rule *alert_rules_section(struct alert_rules *rules, const char *name, struct buf *error)
    __attribute__((warn_unused_result));
/* Takes one key of the section. ERR_INVALID with text in `error`: unknown key, given twice, or a value it cannot be. */
int alert_rule_set(struct alert_rule *rule, const char *key, const char *value, struct buf *error)
    __attribute__((warn_unused_result));
/*
 * Checks that the rules are whole and fit the configured windows, sorts them by name, and fills what follows from the
 * metric, which may be one of `customs` (NULL: none), and the window. ERR_INVALID with text in `error` that names the
 * rule.
 */
int alert_rules_finish(struct alert_rules *rules, const struct windowset *windows, const struct custom_set *customs,
                       struct buf *error) __attribute__((warn_unused_result));
/* Appends the sections as they would be written, with every key. After alert_rules_finish. */
void alert_rules_print(const struct alert_rules *rules, struct buf *out);
/* Index of the rule called `name`, -1 when there is none. After alert_rules_finish. */
int alert_rules_find(const struct alert_rules *rules, const char *name);
/* True when the rule is one for the city; `country` may be empty. */
bool alert_rule_matches(const struct alert_rule *rule, int64_t city_id, const char *country);
/* Bit i is set when rule i matches the city. */
uint64_t alert_rules_mask(const struct alert_rules *rules, int64_t city_id, const char *country);
/* API names: "mean", "raised", … ; never NULL. Codes of isobar.v1.AlertStatistic. */
const char *alert_statistic_name(int32_t statistic);

#endif
