/*
 * The state of an alert rule in one city, and its changes (docs/semantics.md, "Alerts"): a pure function of the state
 * before and a reading or a tick, so that replay gives the same events. It carries the sums of the window it looks at,
 * hence needs no stored window. Its bytes are isobar.v1.AlertState in a CityState.
 */
#ifndef ISOBAR_ALERT_STATE_H
#define ISOBAR_ALERT_STATE_H

#include "alert_rule.h"
#include "arena.h"

#include "alert.pb-c.h"

#define ALERT_CHANGES 2 /* at most, of one reading */

struct alert_state {
    int64_t since_ms; /* event time of the onset; 0 while idle */
    int64_t seen_ms;  /* event time of the newest reading that took part */
    int64_t heard_ms; /* partition clock then */
    int64_t start_ms; /* of the window */
    int64_t size_ms;  /* of the window as configured; 0: the latest reading */
    int64_t sum;      /* of the readings in the window */
    int32_t count;    /* of them; 0: none took part yet */
    int32_t value;    /* the statistic */
    int32_t metric;
    uint8_t statistic; /* isobar.v1.AlertStatistic */
    int8_t phase;      /* isobar.v1.AlertPhase */
    char rule[ALERT_NAME_BYTES];
};

/* The states of a city, ascending by rule; without spare room, since few cities have many. */
struct alert_states {
    struct alert_state *states; /* owned */
    int32_t count;
};

/* A reading of the rule's metric. */
struct alert_reading {
    int32_t value;
    int64_t observed_at_ms;
    int64_t start_ms; /* of the rule's window that holds it; 0 for the latest reading */
    int64_t clock_ms; /* of the partition */
};

/* What became of an alert. */
struct alert_change {
    int32_t change, cause; /* isobar.v1.AlertChange, AlertCause */
    int64_t onset_ms;
};

/* An idle state of the rule that nothing took part in. */
void alert_state_init(struct alert_state *state, const struct alert_rule *rule);
/* True when the state is one of this rule: of its name, metric, window and statistic. */
bool alert_state_is_of(const struct alert_state *state, const struct alert_rule *rule);
/* Takes a reading in; returns how many changes it made, in order. */
int alert_state_observe(struct alert_state *state, const struct alert_rule *rule, const struct alert_reading *reading,
                        struct alert_change changes[ALERT_CHANGES]);
/* True when alert_state_silent would change something. */
bool alert_state_due(const struct alert_state *state, const struct alert_rule *rule, int64_t clock_ms);
/* A tick of that clock: returns how many changes it made, 0 or 1. */
int alert_state_silent(struct alert_state *state, const struct alert_rule *rule, int64_t clock_ms,
                       struct alert_change *change);
/* Its rule is gone: returns how many changes that makes, 0 or 1. The owner then drops it. */
int alert_state_end(const struct alert_state *state, struct alert_change *change);
/* "idle", "pending", "raised" or "stale"; never NULL. */
const char *alert_phase_name(int32_t phase);

/* The state of the rule called `name`, or NULL. */
struct alert_state *alert_states_find(const struct alert_states *states, const char *name);
/* A state of the rule, which has none, in its place. Pointers to states move. */
struct alert_state *alert_states_add(struct alert_states *states, const struct alert_rule *rule)
    __attribute__((returns_nonnull));
/* Drops the state at that place. */
void alert_states_drop(struct alert_states *states, int32_t at);
/* Frees what it holds; it is empty. */
void alert_states_release(struct alert_states *states);
/* The messages of all states, valid as long as the arena; `*count` of them. */
Isobar__V1__AlertState **alert_states_message(const struct alert_states *states, struct arena *arena, size_t *count)
    __attribute__((returns_nonnull, warn_unused_result));
/* Copies and validates into empty `states`: known codes, times, names ascending. ERR_INVALID leaves it empty. */
int alert_states_unpack(struct alert_states *states, Isobar__V1__AlertState *const *messages, size_t count)
    __attribute__((warn_unused_result));

#endif
