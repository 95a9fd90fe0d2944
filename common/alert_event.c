/* See alert_event.h. Bytes, the id, and the form in JSON that the API and webhooks share. */
#include "alert_event.h"

#include "error.h"
#include "observation.h"
#include "quantity.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FORMAT 1

typedef Isobar__V1__AlertEvent message_t;

/* Of a rule that is gone the table says what it says of everybody's metrics. */
static void label(struct alert_event *event, const struct alert_rule *rule)
{
    const struct quantity *quantity = quantity_get(event->metric);
    text_copy(event->name, sizeof event->name, rule ? rule->metric_name : quantity ? quantity->name : "unknown");
    text_copy(event->unit, sizeof event->unit, rule ? rule->unit : quantity ? quantity->unit : "");
    event->scale = rule ? rule->scale : quantity ? quantity->scale : 1;
}

void alert_event_fill(struct alert_event *event, const struct alert_state *state, const struct alert_rule *rule,
                      const struct alert_change *change)
{
    memcpy(event->rule, state->rule, sizeof event->rule);
    event->onset_ms = change->onset_ms;
    event->change = change->change;
    event->cause = change->cause;
    event->value = state->value;
    event->at_ms = state->seen_ms;
    event->metric = state->metric;
    event->statistic = state->statistic;
    label(event, rule);
    if (!rule)
        return;
    memcpy(event->window, rule->window, sizeof event->window);
    event->below = rule->below;
    event->threshold = rule->threshold;
    event->clear = rule->clear;
}

/* ---- bytes ---- */

void alert_event_encode(const struct alert_event *event, struct buf *out)
{
    message_t message;
    struct alert_event copy = *event; /* protobuf-c wants texts that may be written */
    isobar__v1__alert_event__init(&message);
    message.format = FORMAT;
    message.rule = copy.rule;
    message.city_id = event->city_id;
    message.series = event->series;
    message.onset_ms = event->onset_ms;
    message.change = (Isobar__V1__AlertChange)event->change;
    message.cause = (Isobar__V1__AlertCause)event->cause;
    message.metric = event->metric;
    message.statistic = (Isobar__V1__AlertStatistic)event->statistic;
    message.window = copy.window;
    message.below = event->below;
    message.value = event->value;
    message.threshold = event->threshold;
    message.clear = event->clear;
    message.at_ms = event->at_ms;
    message.clock_ms = event->clock_ms;
    message.offset = event->offset;
    message.name = copy.name;
    message.unit = copy.unit;
    message.scale = event->scale;
    size_t size = isobar__v1__alert_event__get_packed_size(&message);
    buf_advance(out, isobar__v1__alert_event__pack(&message, (uint8_t *)buf_reserve(out, size)));
}

static bool is_time(int64_t ms)
{
    return ms >= 0 && ms <= TIME_MAX_MS;
}

/* Of texts that go into ids, headers and JSON as they are. */
static bool plain(const char *text, size_t size)
{
    return strlen(text) < size && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(text);
}

static bool is_scale(int32_t scale)
{
    for (; scale > 1 && scale % 10 == 0; scale /= 10)
        ;
    return scale == 1;
}

static bool valid(const message_t *m)
{
    return m->format == FORMAT && *m->rule && plain(m->rule, ALERT_NAME_BYTES) &&
           plain(m->window, sizeof((struct alert_event *)0)->window) && m->city_id > 0 && m->series >= 0 &&
           m->change >= ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_RAISED &&
           m->change <= ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_STALE &&
           m->cause >= ISOBAR__V1__ALERT_CAUSE__ALERT_CAUSE_READING &&
           m->cause <= ISOBAR__V1__ALERT_CAUSE__ALERT_CAUSE_RULE && m->metric > 0 && m->statistic >= 0 && *m->name &&
           plain(m->name, CUSTOM_NAME_BYTES) && strlen(m->unit) < CUSTOM_UNIT_BYTES && is_scale(m->scale) &&
           is_time(m->onset_ms) && is_time(m->at_ms) && is_time(m->clock_ms) && m->offset >= 0;
}

static void take(struct alert_event *event, const message_t *message)
{
    *event = (struct alert_event){.city_id = message->city_id,
                                  .series = message->series,
                                  .onset_ms = message->onset_ms,
                                  .change = (int32_t)message->change,
                                  .cause = (int32_t)message->cause,
                                  .metric = message->metric,
                                  .statistic = (int32_t)message->statistic,
                                  .below = message->below,
                                  .value = message->value,
                                  .threshold = message->threshold,
                                  .clear = message->clear,
                                  .at_ms = message->at_ms,
                                  .clock_ms = message->clock_ms,
                                  .offset = message->offset,
                                  .scale = message->scale};
    memcpy(event->name, message->name, strlen(message->name) + 1);
    memcpy(event->unit, message->unit, strlen(message->unit) + 1);
    memcpy(event->rule, message->rule, strlen(message->rule) + 1);
    memcpy(event->window, message->window, strlen(message->window) + 1);
}

int alert_event_decode(struct alert_event *event, const void *bytes, size_t size)
{
    if (size > ALERT_EVENT_MAX_BYTES)
        return ERR_INVALID;
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES);
    message_t *message = isobar__v1__alert_event__unpack(&arena.protobuf, size, bytes);
    bool good = message && valid(message);
    if (good)
        take(event, message);
    arena_release(&arena);
    return good ? 0 : ERR_INVALID;
}

/* ---- text ---- */

const char *alert_event_id(const struct alert_event *event, char out[ALERT_ID_BYTES])
{
    char series[16] = "";
    if (event->series)
        snprintf(series, sizeof series, "/%" PRId32, event->series);
    snprintf(out, ALERT_ID_BYTES, "%s/%" PRId64 "%s/%" PRId64, event->rule, event->city_id, series, event->onset_ms);
    return out;
}

const char *alert_change_name(int32_t change)
{
    static const char *const names[] = {"unknown", "raised", "cleared", "stale"};
    return names[change > 0 && change < 4 ? change : 0];
}

const char *alert_cause_name(int32_t cause)
{
    static const char *const names[] = {"reading", "silence", "rule"};
    return cause >= 0 && cause < 3 ? names[cause] : "unknown";
}

void alert_value_json(struct buf *out, int32_t scale, int32_t value)
{
    int64_t size = value < 0 ? -(int64_t)value : value;
    buf_printf(out, "%s%" PRId64, value < 0 ? "-" : "", size / scale);
    int64_t rest = size % scale;
    if (rest)
        buf_byte(out, '.');
    for (; rest; rest = rest * 10 % scale)
        buf_byte(out, (char)('0' + rest * 10 / scale));
}

static void level(struct buf *out, const char *name, int32_t scale, int32_t value)
{
    buf_printf(out, ",\"%s\":", name);
    alert_value_json(out, scale, value);
}

void alert_event_json(const struct alert_event *event, int32_t partition, struct buf *out)
{
    char id[ALERT_ID_BYTES];
    bool has_rule = event->cause != ISOBAR__V1__ALERT_CAUSE__ALERT_CAUSE_RULE;
    buf_printf(out,
               "{\"id\":\"%s\",\"rule\":\"%s\",\"city\":%" PRId64 ",\"series\":%" PRId32
               ",\"state\":\"%s\",\"cause\":\"%s\",\"onset\":%" PRId64 ",\"at\":%" PRId64,
               alert_event_id(event, id), event->rule, event->city_id, event->series, alert_change_name(event->change),
               alert_cause_name(event->cause), event->onset_ms, event->at_ms);
    buf_printf(out, ",\"metric\":\"%s\",\"unit\":", event->name);
    text_json(out, event->unit);
    if (has_rule)
        buf_printf(out, ",\"window\":\"%s\",\"statistic\":\"%s\",\"direction\":\"%s\"",
                   *event->window ? event->window : "latest", alert_statistic_name(event->statistic),
                   event->below ? "below" : "above");
    level(out, "value", event->scale, event->value);
    if (has_rule) {
        level(out, "threshold", event->scale, event->threshold);
        level(out, "clear", event->scale, event->clear);
    }
    buf_printf(out, ",\"clock\":%" PRId64 ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 "}", event->clock_ms,
               partition, event->offset);
}
