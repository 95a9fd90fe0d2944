/*
 * See alert.h. The rules that match a city are looked for once and kept as a bit mask. A row costs a look at each of
 * those rules, and a tick at each state: no windows, no other cities. Rules and states are both ascending by name.
 */
#include "alert.h"

#include "derive.h"
#include "quantity.h"
#include "state.h"

#include <assert.h>
#include <string.h>

/* ---- rules and the city ---- */

static uint64_t mask_of(const struct state *state, struct city_entry *entry)
{
    if (entry->alert_rules != state->rules) {
        entry->alert_mask = alert_rules_mask(&state->rules->alerts, entry->city.city_id, entry->city.country);
        entry->alert_rules = state->rules;
    }
    return entry->alert_mask;
}

/* The rule that the state is of and that matches the city, or NULL. */
static const struct alert_rule *rule_of(const struct state *state, struct city_entry *entry,
                                        const struct alert_state *alert)
{
    const struct alert_rules *rules = &state->rules->alerts;
    int at = alert_rules_find(rules, alert->rule);
    bool matches = at >= 0 && (mask_of(state, entry) >> at & 1);
    return matches && alert_state_is_of(alert, &rules->rules[at]) ? &rules->rules[at] : NULL;
}

static void tell(struct state *state, const struct city_entry *entry, const struct alert_state *alert,
                 const struct alert_rule *rule, const struct alert_change *change)
{
    struct alert_event event = {.city_id = entry->city.city_id,
                                .series = entry->city.series,
                                .clock_ms = state->ledger.clock_ms,
                                .offset = state->ledger.record_offset};
    alert_event_fill(&event, alert, rule, change);
    alert_queue_add(&state->alerts, &event);
    state->metrics->alert_events_total++;
}

/* ---- rows ---- */

/* A row with what is derived from it, once a rule asks for that. */
struct evaluated {
    const struct observation *row;
    bool has_derived;
    struct derived derived;
};

static bool derived_of(struct evaluated *of, int32_t metric, int32_t *value)
{
    if (!of->has_derived)
        derive_row(of->row, &of->derived);
    of->has_derived = true;
    switch (metric) {
    case ISOBAR__V1__METRIC__METRIC_DEW_POINT:
        *value = of->derived.dew_point_centi_c;
        return of->derived.has_dew_point;
    case ISOBAR__V1__METRIC__METRIC_VAPOUR_PRESSURE:
        *value = of->derived.vapour_pressure_pa;
        return of->derived.has_vapour_pressure;
    case ISOBAR__V1__METRIC__METRIC_FEELS_LIKE:
        *value = of->derived.feels_like_centi_c;
        return of->derived.has_feels_like;
    default:
        return false;
    }
}

static bool value_of(struct evaluated *of, int32_t metric, int32_t *value)
{
    const struct quantity *quantity = quantity_get(metric);
    if (!quantity)
        return false;
    if (quantity->value_bit < 0 || metric == ISOBAR__V1__METRIC__METRIC_DEW_POINT)
        return derived_of(of, metric, value);
    *value = of->row->value[quantity->value_bit];
    return observation_has(of->row, quantity->value_bit);
}

/* Of a day the date, so that it stays one window when the zone changes. */
static int64_t start_of(const struct state *state, const struct city_entry *entry, const struct alert_rule *rule,
                        int64_t at_ms)
{
    if (rule->size == ALERT_LATEST)
        return 0;
    return window_span_at(&state->rules->windows.sizes[rule->size], entry->city.zone, at_ms).key_ms;
}

static void evaluate(struct state *state, struct city_entry *entry, const struct alert_rule *rule, struct evaluated *of)
{
    struct alert_change changes[ALERT_CHANGES];
    struct alert_reading reading = {.observed_at_ms = of->row->observed_at_ms, .clock_ms = state->ledger.clock_ms};
    if (!value_of(of, rule->metric, &reading.value))
        return;
    reading.start_ms = start_of(state, entry, rule, of->row->observed_at_ms);
    struct alert_state *alert = alert_states_find(&entry->city.alerts, rule->name);
    if (!alert)
        alert = alert_states_add(&entry->city.alerts, rule);
    else if (!alert_state_is_of(alert, rule))
        return; /* the next tick ends it */
    int count = alert_state_observe(alert, rule, &reading, changes);
    for (int i = 0; i < count; i++)
        tell(state, entry, alert, rule, &changes[i]);
}

void alert_row(struct state *state, struct city_entry *entry, const struct observation *row)
{
    const struct alert_rules *rules = &state->rules->alerts;
    struct evaluated of = {.row = row};
    for (uint64_t mask = rules->count ? mask_of(state, entry) : 0; mask; mask &= mask - 1)
        evaluate(state, entry, &rules->rules[__builtin_ctzll(mask)], &of);
}

/* ---- ticks ---- */

bool alert_due(struct state *state, struct city_entry *entry)
{
    const struct alert_states *alerts = &entry->city.alerts;
    for (int32_t i = 0; i < alerts->count; i++) {
        const struct alert_rule *rule = rule_of(state, entry, &alerts->states[i]);
        if (!rule || alert_state_due(&alerts->states[i], rule, state->ledger.tick_clock_ms))
            return true;
    }
    return false;
}

void alert_tick(struct state *state, struct city_entry *entry)
{
    struct alert_states *alerts = &entry->city.alerts;
    for (int32_t i = 0; i < alerts->count;) {
        struct alert_state *alert = &alerts->states[i];
        const struct alert_rule *rule = rule_of(state, entry, alert);
        struct alert_change change;
        int count = rule ? alert_state_silent(alert, rule, state->ledger.tick_clock_ms, &change)
                         : alert_state_end(alert, &change);
        if (count)
            tell(state, entry, alert, rule, &change);
        if (rule)
            i++;
        else
            alert_states_drop(alerts, i);
    }
}
