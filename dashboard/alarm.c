/* See alarm.h. A table by field, since a state is read whole: what is not in it any more is over. */
#include "alarm.h"

#include "alert_event.h"
#include "mem.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define IDLE    ISOBAR__V1__ALERT_PHASE__ALERT_IDLE
#define PENDING ISOBAR__V1__ALERT_PHASE__ALERT_PENDING

static void drop(struct alarms *alarms, struct alarm *alarm)
{
    HASH_DEL(alarms->table, alarm); // NOLINT(clang-analyzer-unix.Malloc): each is dropped once
    alert_states_release(&alarm->states);
    free(alarm);
    alarms->version++;
}

/* A copy without what is idle. */
static struct alert_states awake(const struct alert_states *from)
{
    struct alert_states out = {0};
    if (from->count > 0)
        out.states = mem_calloc((size_t)from->count, sizeof *out.states);
    for (int32_t i = 0; i < from->count; i++) {
        if (from->states[i].phase != IDLE)
            out.states[out.count++] = from->states[i];
    }
    if (out.count == 0)
        alert_states_release(&out);
    return out;
}

static bool same(const struct alert_states *a, const struct alert_states *b)
{
    bool equal = a->count == b->count;
    for (int32_t i = 0; equal && i < a->count; i++)
        equal = a->states[i].phase == b->states[i].phase && a->states[i].since_ms == b->states[i].since_ms &&
                strcmp(a->states[i].rule, b->states[i].rule) == 0;
    return equal;
}

static struct alarm *make(struct alarms *alarms, const char *field, const struct citystate *state)
{
    struct alarm *alarm = mem_alloc(sizeof *alarm);
    memcpy(alarm->field, field, CITY_FIELD_BYTES);
    alarm->city_id = state->city_id;
    alarm->series = state->series;
    HASH_ADD_STR(alarms->table, field, alarm);
    alarms->version++;
    return alarm;
}

void alarms_take(struct alarms *alarms, int32_t partition, uint64_t scan, const struct citystate *state)
{
    char field[CITY_FIELD_BYTES] = "";
    struct alarm *alarm;
    struct alert_states states = awake(&state->alerts);
    citystate_field(state->city_id, state->series, field);
    HASH_FIND_STR(alarms->table, field, alarm);
    if (states.count == 0) {
        if (alarm)
            drop(alarms, alarm);
        return;
    }
    if (!alarm)
        alarm = make(alarms, field, state);
    alarms->version += !same(&alarm->states, &states);
    alert_states_release(&alarm->states);
    alarm->states = states;
    alarm->partition = partition;
    alarm->scan = scan;
}

void alarms_scan_end(struct alarms *alarms, int32_t partition, uint64_t scan)
{
    for (struct alarm *alarm = alarms->table, *next; alarm; alarm = next) {
        next = alarm->hh.next;
        if (alarm->partition == partition && alarm->scan < scan)
            drop(alarms, alarm);
    }
}

void alarms_release(struct alarms *alarms)
{
    struct alarm *alarm = alarms->table, *next;
    HASH_CLEAR(hh, alarms->table); /* the alarms stay linked */
    for (; alarm; alarm = next) {
        next = alarm->hh.next;
        alert_states_release(&alarm->states);
        free(alarm);
    }
}

/* ---- to JSON ---- */

struct entry {
    const struct alarm *alarm;
    const struct alert_state *state;
};

static int by_urgency(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int pending = (x->state->phase == PENDING) - (y->state->phase == PENDING);
    if (pending)
        return pending;
    if (x->state->since_ms != y->state->since_ms)
        return x->state->since_ms > y->state->since_ms ? -1 : 1;
    int rule = strcmp(x->state->rule, y->state->rule);
    return rule ? rule : strcmp(x->alarm->field, y->alarm->field);
}

static bool fits(const struct alarm_filter *filter, const struct alarm *alarm, const struct alert_state *state)
{
    return (filter->city_id == 0 || filter->city_id == alarm->city_id) &&
           (filter->phase == ALARM_FILTER_ANY || filter->phase == state->phase);
}

/* Those that fit, owned by the caller. */
static struct entry *collect(const struct alarms *alarms, const struct alarm_filter *filter, size_t *count)
{
    struct entry *entries = NULL;
    size_t capacity = 0;
    *count = 0;
    for (const struct alarm *alarm = alarms->table; alarm; alarm = alarm->hh.next) {
        for (int32_t i = 0; i < alarm->states.count; i++) {
            if (!fits(filter, alarm, &alarm->states.states[i]))
                continue;
            if (*count == capacity) {
                capacity = capacity ? capacity * 2 : 64;
                entries = mem_grow(entries, capacity, sizeof *entries);
            }
            entries[(*count)++] = (struct entry){alarm, &alarm->states.states[i]};
        }
    }
    return entries;
}

static void encode(const struct entry *entry, const struct custom_set *custom, struct buf *out)
{
    const struct alert_state *state = entry->state;
    struct label label;
    bool known = custom_metric_label(custom, state->metric, &label);
    struct alert_event event = {
        .city_id = entry->alarm->city_id, .series = entry->alarm->series, .onset_ms = state->since_ms};
    char id[ALERT_ID_BYTES];
    memcpy(event.rule, state->rule, sizeof event.rule);
    buf_printf(out,
               "{\"id\":\"%s\",\"rule\":\"%s\",\"city\":%lld,\"series\":%d,\"state\":\"%s\",\"onset\":%lld,"
               "\"at\":%lld,",
               alert_event_id(&event, id), state->rule, (long long)event.city_id, event.series,
               alert_phase_name(state->phase), (long long)state->since_ms, (long long)state->seen_ms);
    if (known) {
        buf_printf(out, "\"metric\":\"%s\",\"unit\":", label.name);
        text_json(out, label.unit);
        buf_byte(out, ',');
    }
    buf_printf(out, "\"statistic\":\"%s\",\"value\":", alert_statistic_name(state->statistic));
    alert_value_json(out, known ? label.scale : 1, state->value);
    buf_byte(out, '}');
}

void alarms_encode(const struct alarms *alarms, const struct alarm_filter *filter, const struct custom_set *custom,
                   struct buf *out)
{
    size_t count;
    struct entry *entries = collect(alarms, filter, &count);
    if (count > 1)
        qsort(entries, count, sizeof *entries, by_urgency);
    buf_text(out, "\"alerts\":[");
    for (size_t i = 0; i < count && i < filter->limit; i++) {
        if (i)
            buf_byte(out, ',');
        encode(&entries[i], custom, out);
    }
    buf_printf(out, "],\"alerts_total\":%zu", count);
    free(entries);
}
