/*
 * What was told of alerts, from the partitions' streams on demand: the newest events first. Each partition's stream is
 * in log order; across partitions events are ordered by the partitions' clocks.
 */
#ifndef DASHBOARD_HISTORY_H
#define DASHBOARD_HISTORY_H

#include "alert_event.h"
#include "store.h"

#include <stddef.h>
#include <stdint.h>

#define HISTORY_LOOKED_AT 1000 /* newest entries of a partition, when not all fit the question */
#define HISTORY_LIMIT     1000

struct history_query {
    int32_t first, last; /* partitions, first <= last */
    int64_t city_id;     /* 0: any */
    int32_t change;      /* isobar.v1.AlertChange; 0: any */
    size_t limit;        /* 1..HISTORY_LIMIT */
};

struct history_event {
    struct alert_event event;
    int32_t partition;
    size_t order; /* in which they were read: of one partition the newest first */
};

struct history_answer {
    int status; /* 0, or the store's error */
    struct history_event *events;
    size_t count; /* freed after the callback */
};

typedef void history_fn(void *arg, const struct history_query *query, const struct history_answer *answer);

/* Reads; `fn` is called exactly once, from a later round of the loop. */
void history_read(struct store *store, const char *prefix, const struct history_query *query, history_fn *fn,
                  void *arg);
/* Takes the answer to XREVRANGE of one partition into `answer`, which grows; what cannot be decoded is left out. Pure.
 */
void history_take(const struct history_query *query, int32_t partition, const struct store_reply *reply,
                  struct history_answer *answer);
/* Puts the newest first and cuts to the limit. Pure. */
void history_sort(const struct history_query *query, struct history_answer *answer);
/* Appends "history":[…]. */
void history_encode(const struct history_answer *answer, struct buf *out);

#endif
