/* See alert_state.h. The table of docs/semantics.md, row by row; nothing here knows cities, records or clocks. */
#include "alert_state.h"

#include "error.h"
#include "mem.h"
#include "observation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define IDLE      ISOBAR__V1__ALERT_PHASE__ALERT_IDLE
#define PENDING   ISOBAR__V1__ALERT_PHASE__ALERT_PENDING
#define RAISED    ISOBAR__V1__ALERT_PHASE__ALERT_RAISED
#define STALE     ISOBAR__V1__ALERT_PHASE__ALERT_STALE
#define CHANGE(x) ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_##x
#define CAUSE(x)  ISOBAR__V1__ALERT_CAUSE__ALERT_CAUSE_##x
#define STAT(x)   ISOBAR__V1__ALERT_STATISTIC__ALERT_STATISTIC_##x

void alert_state_init(struct alert_state *state, const struct alert_rule *rule)
{
    *state = (struct alert_state){
        .size_ms = rule->size_ms, .metric = rule->metric, .statistic = (uint8_t)rule->statistic, .phase = IDLE};
    memcpy(state->rule, rule->name, sizeof state->rule);
}

bool alert_state_is_of(const struct alert_state *state, const struct alert_rule *rule)
{
    return state->metric == rule->metric && state->statistic == rule->statistic && state->size_ms == rule->size_ms &&
           strcmp(state->rule, rule->name) == 0;
}

/* ---- the value ---- */

static int32_t mean_of(int64_t sum, int32_t count)
{
    int64_t half = sum < 0 ? -count / 2 : count / 2;
    return (int32_t)((sum + half) / count);
}

static void add(struct alert_state *state, int32_t value, bool newest)
{
    bool first = state->count == 0;
    state->sum += value;
    state->count += state->count < INT32_MAX;
    switch (state->statistic) {
    case STAT(MEAN):
        state->value = mean_of(state->sum, state->count);
        break;
    case STAT(MINIMUM):
        state->value = first || value < state->value ? value : state->value;
        break;
    case STAT(MAXIMUM):
        state->value = first || value > state->value ? value : state->value;
        break;
    default:
        state->value = first || newest ? value : state->value;
        break;
    }
}

/* Takes the reading into what the rule looks at; true when the rule is to be evaluated. */
static bool take(struct alert_state *state, const struct alert_reading *reading)
{
    bool newest = state->count == 0 || reading->observed_at_ms > state->seen_ms;
    if (state->size_ms == 0 && !newest)
        return false;
    if (state->size_ms != 0 && state->count != 0 && reading->start_ms < state->start_ms)
        return false;
    if (state->size_ms == 0 || reading->start_ms != state->start_ms) {
        state->start_ms = reading->start_ms;
        state->sum = state->count = 0;
    }
    add(state, reading->value, newest);
    if (newest) {
        state->seen_ms = reading->observed_at_ms;
        state->heard_ms = reading->clock_ms;
    }
    return newest;
}

/* ---- the phases ---- */

static bool beyond(const struct alert_rule *rule, int32_t value)
{
    return rule->below ? value < rule->threshold : value > rule->threshold;
}

static bool back(const struct alert_rule *rule, int32_t value)
{
    return rule->below ? value >= rule->clear : value <= rule->clear;
}

static void enter(struct alert_state *state, int phase, int64_t since_ms)
{
    state->phase = (int8_t)phase;
    state->since_ms = since_ms;
}

int alert_state_observe(struct alert_state *state, const struct alert_rule *rule, const struct alert_reading *reading,
                        struct alert_change changes[ALERT_CHANGES])
{
    int count = 0;
    if (!take(state, reading))
        return 0;
    if (state->phase == STALE || (state->phase == RAISED && back(rule, state->value))) {
        changes[count++] = (struct alert_change){CHANGE(CLEARED), CAUSE(READING), state->since_ms};
        bool was_raised = state->phase == RAISED;
        enter(state, IDLE, 0);
        if (was_raised)
            return count;
    }
    if (state->phase == IDLE && beyond(rule, state->value))
        enter(state, PENDING, state->seen_ms);
    else if (state->phase == PENDING && !beyond(rule, state->value))
        enter(state, IDLE, 0);
    if (state->phase == PENDING && state->seen_ms - state->since_ms >= rule->for_ms) {
        enter(state, RAISED, state->since_ms);
        changes[count++] = (struct alert_change){CHANGE(RAISED), CAUSE(READING), state->since_ms};
    }
    return count;
}

bool alert_state_due(const struct alert_state *state, const struct alert_rule *rule, int64_t clock_ms)
{
    if (rule->stale == ALERT_KEEP || state->count == 0 || clock_ms - state->heard_ms < rule->stale_after_ms)
        return false;
    bool raises = rule->stale == ALERT_RAISE;
    return state->phase == PENDING || (raises ? state->phase == IDLE : state->phase == RAISED);
}

int alert_state_silent(struct alert_state *state, const struct alert_rule *rule, int64_t clock_ms,
                       struct alert_change *change)
{
    if (!alert_state_due(state, rule, clock_ms))
        return 0;
    if (rule->stale == ALERT_RAISE) {
        enter(state, STALE, state->seen_ms);
        *change = (struct alert_change){CHANGE(STALE), CAUSE(SILENCE), state->since_ms};
        return 1;
    }
    bool was_raised = state->phase == RAISED;
    *change = (struct alert_change){CHANGE(CLEARED), CAUSE(SILENCE), state->since_ms};
    enter(state, IDLE, 0);
    return was_raised;
}

int alert_state_end(const struct alert_state *state, struct alert_change *change)
{
    *change = (struct alert_change){CHANGE(CLEARED), CAUSE(RULE), state->since_ms};
    return state->phase == RAISED || state->phase == STALE;
}

const char *alert_phase_name(int32_t phase)
{
    static const char *const names[] = {"idle", "pending", "raised", "stale"};
    assert(phase >= IDLE && phase <= STALE);
    return names[phase];
}

/* ---- the states of a city ---- */

static int32_t place_of(const struct alert_states *states, const char *name)
{
    int32_t at = 0;
    while (at < states->count && strcmp(states->states[at].rule, name) < 0)
        at++;
    return at;
}

struct alert_state *alert_states_find(const struct alert_states *states, const char *name)
{
    int32_t at = place_of(states, name);
    return at < states->count && strcmp(states->states[at].rule, name) == 0 ? &states->states[at] : NULL;
}

struct alert_state *alert_states_add(struct alert_states *states, const struct alert_rule *rule)
{
    int32_t at = place_of(states, rule->name);
    assert(at == states->count || strcmp(states->states[at].rule, rule->name) != 0);
    states->states = mem_grow(states->states, (size_t)states->count + 1, sizeof *states->states);
    memmove(&states->states[at + 1], &states->states[at], (size_t)(states->count - at) * sizeof *states->states);
    states->count++;
    alert_state_init(&states->states[at], rule);
    return &states->states[at];
}

void alert_states_drop(struct alert_states *states, int32_t at)
{
    assert(at >= 0 && at < states->count);
    states->count--;
    memmove(&states->states[at], &states->states[at + 1], (size_t)(states->count - at) * sizeof *states->states);
    if (states->count == 0)
        alert_states_release(states);
}

void alert_states_release(struct alert_states *states)
{
    free(states->states);
    *states = (struct alert_states){0};
}

/* ---- bytes ---- */

Isobar__V1__AlertState **alert_states_message(const struct alert_states *states, struct arena *arena, size_t *count)
{
    *count = (size_t)states->count;
    Isobar__V1__AlertState **messages = arena_calloc(arena, *count, sizeof(Isobar__V1__AlertState *));
    for (size_t i = 0; i < *count; i++) {
        struct alert_state *state = &states->states[i];
        Isobar__V1__AlertState *message = messages[i] = arena_calloc(arena, 1, sizeof *message);
        isobar__v1__alert_state__init(message);
        message->rule = state->rule;
        message->phase = (Isobar__V1__AlertPhase)state->phase;
        message->since_ms = state->since_ms;
        message->seen_ms = state->seen_ms;
        message->heard_ms = state->heard_ms;
        message->start_ms = state->start_ms;
        message->size_ms = state->size_ms;
        message->sum = state->sum;
        message->count = state->count;
        message->value = state->value;
        message->metric = state->metric;
        message->statistic = (Isobar__V1__AlertStatistic)state->statistic;
    }
    return messages;
}

static bool is_time(int64_t ms)
{
    return ms >= 0 && ms <= TIME_MAX_MS;
}

static bool valid(const Isobar__V1__AlertState *m)
{
    size_t size = strlen(m->rule);
    return size > 0 && size < ALERT_NAME_BYTES && m->phase >= IDLE && m->phase <= STALE && is_time(m->since_ms) &&
           is_time(m->seen_ms) && is_time(m->heard_ms) && is_time(m->start_ms) && is_time(m->size_ms) &&
           m->count >= 0 && m->count <= INT32_MAX && m->sum >= m->count * INT32_MIN && m->sum <= m->count * INT32_MAX &&
           m->metric > 0 && m->statistic >= STAT(MEAN) && m->statistic <= STAT(LAST);
}

static void unpack(struct alert_state *state, const Isobar__V1__AlertState *message)
{
    *state = (struct alert_state){.since_ms = message->since_ms,
                                  .seen_ms = message->seen_ms,
                                  .heard_ms = message->heard_ms,
                                  .start_ms = message->start_ms,
                                  .size_ms = message->size_ms,
                                  .sum = message->sum,
                                  .count = (int32_t)message->count,
                                  .value = message->value,
                                  .metric = message->metric,
                                  .statistic = (uint8_t)message->statistic,
                                  .phase = (int8_t)message->phase};
    memcpy(state->rule, message->rule, strlen(message->rule) + 1);
}

int alert_states_unpack(struct alert_states *states, Isobar__V1__AlertState *const *messages, size_t count)
{
    if (count > ALERT_RULES_MAX)
        return ERR_INVALID;
    if (count > 0)
        states->states = mem_calloc(count, sizeof *states->states);
    for (size_t i = 0; i < count; i++) {
        if (!valid(messages[i]) || (i > 0 && strcmp(messages[i - 1]->rule, messages[i]->rule) >= 0)) {
            alert_states_release(states);
            return ERR_INVALID;
        }
        unpack(&states->states[i], messages[i]);
        states->count++;
    }
    return 0;
}
