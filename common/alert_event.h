/*
 * What is told of an alert: the in-memory form of isobar.v1.AlertEvent, an entry of a partition's stream {p}:alerts.
 * Workers write it, the dashboard shows it, and the leader posts it to a webhook.
 */
#ifndef ISOBAR_ALERT_EVENT_H
#define ISOBAR_ALERT_EVENT_H

#include "alert_state.h"

#define ALERT_EVENT_MAX_BYTES 1024 /* encoded; more is not decoded */
#define ALERT_ID_BYTES        128

struct alert_event {
    char rule[ALERT_NAME_BYTES];
    int64_t city_id;
    int32_t series;
    int64_t onset_ms;
    int32_t change, cause;                                 /* isobar.v1.AlertChange, AlertCause */
    int32_t metric;                                        /* isobar.v1.Metric */
    char name[CUSTOM_NAME_BYTES], unit[CUSTOM_UNIT_BYTES]; /* of the metric in the API */
    int32_t scale;                                         /* stored integer = value * scale */
    int32_t statistic;                                     /* isobar.v1.AlertStatistic */
    char window[16];                                       /* empty: the latest reading */
    bool below;
    int32_t value, threshold, clear; /* in the metric's stored unit */
    int64_t at_ms;                   /* event time of the newest reading that took part */
    int64_t clock_ms;                /* of the partition */
    int64_t offset;                  /* of the record that caused it */
};

/* Fills what state, rule (NULL: gone) and change tell; place and record are the caller's. */
void alert_event_fill(struct alert_event *event, const struct alert_state *state, const struct alert_rule *rule,
                      const struct alert_change *change);
/* Appends the encoded isobar.v1.AlertEvent. */
void alert_event_encode(const struct alert_event *event, struct buf *out);
/* Decodes and validates: size, format, texts, codes, times. ERR_INVALID leaves `event` undefined. */
int alert_event_decode(struct alert_event *event, const void *bytes, size_t size) __attribute__((warn_unused_result));
/* The alert's id "rule/city/onset" or "rule/city/series/onset"; returns `out`. */
const char *alert_event_id(const struct alert_event *event, char out[ALERT_ID_BYTES]);
/* "raised", "cleared", "stale"; never NULL. */
const char *alert_change_name(int32_t change);
/* "reading", "silence", "rule"; never NULL. */
const char *alert_cause_name(int32_t cause);
/* Appends the event as a JSON object (docs/contracts.md, ALERT); values in the unit of the API. */
void alert_event_json(const struct alert_event *event, int32_t partition, struct buf *out);
/* Appends value / scale as exact decimal text; `scale` is a power of ten. */
void alert_value_json(struct buf *out, int32_t scale, int32_t value);

#endif
