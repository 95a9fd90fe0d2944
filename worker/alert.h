/*
 * Alerts of a partition (docs/semantics.md, "Alerts"): which rules a row or a tick concerns, and the events that wait
 * to be committed. An event is kept until the commit that has it was executed; when it was not, the next one has it
 * again, before newer ones.
 */
#ifndef WORKER_ALERT_H
#define WORKER_ALERT_H

#include "alert_event.h"

#include <stdbool.h>
#include <stdint.h>

struct alert_bytes {
    char *data; /* owned: an encoded isobar.v1.AlertEvent */
    size_t size;
};

/* In log order. */
struct alert_queue {
    struct alert_bytes *events;
    size_t count, capacity;
    size_t sent; /* the first so many are in the commit that has no answer yet */
};

/* Appends the encoded event. */
void alert_queue_add(struct alert_queue *queue, const struct alert_event *event);
/* All are in a commit on the way. */
void alert_queue_sent(struct alert_queue *queue);
/* That commit was executed: what it has is forgotten. */
void alert_queue_committed(struct alert_queue *queue);
/* That commit was not, and never will be. */
void alert_queue_uncommitted(struct alert_queue *queue);
/* Frees all. */
void alert_queue_release(struct alert_queue *queue);

struct state;
struct city_entry;
struct observation;

/*
 * A row of the city was accepted in time, or came for a closed pane and is newer than the watermark before it; values
 * that failed are not in it. Call once for each such row, in log order.
 */
void alert_row(struct state *state, struct city_entry *entry, const struct observation *row);
/* True when the tick under way changes an alert of the city. */
bool alert_due(struct state *state, struct city_entry *entry);
/* Does that. */
void alert_tick(struct state *state, struct city_entry *entry);

#endif
