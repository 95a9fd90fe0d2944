/* Operational metrics of isobar-coordinator. */
#ifndef COORDINATOR_METRICS_H
#define COORDINATOR_METRICS_H

#include "metric.h"

#define COORDINATOR_METRICS(X)                                                                                         \
    X(GAUGE, leader, "1 while this coordinator leads")                                                                 \
    X(GAUGE, term, "term of the leader, 0 for a standby")                                                              \
    X(GAUGE, workers, "workers that are live")                                                                         \
    X(GAUGE, fetchers, "fetchers that are live")                                                                       \
    X(GAUGE, partitions_unassigned, "partitions that no worker is to hold")                                            \
    X(GAUGE, shards_unassigned, "city shards that no fetcher is to hold")                                              \
    X(GAUGE, lag_records, "records behind the log's end, over all partitions with known lag")                          \
    X(COUNTER, rebalances_total, "changes of owner of partitions and shards")                                          \
    X(COUNTER, suspicions_total, "members that fell silent")                                                           \
    X(COUNTER, stalls_total, "partitions and workers that stood still while others got on")                            \
    X(COUNTER, messages_total, "messages from members")                                                                \
    X(COUNTER, rejected_total, "messages that were malformed, lied about their sender or were not for it to say")      \
    X(COUNTER, refused_total, "connections not let in: key not allowed, CURVE on one side only, other server key")     \
    X(COUNTER, redirects_total, "answers of a standby that tell members who leads")                                    \
    X(COUNTER, webhook_sent_total, "alert events that the webhook took")                                               \
    X(COUNTER, webhook_retries_total, "attempts to tell it that are made again")                                       \
    X(COUNTER, webhook_parked_total, "alert events that it refused for good")                                          \
    X(GAUGE, webhook_waiting, "alert events read and not told yet")

struct coordinator_metrics {
    METRIC_STRUCT(COORDINATOR_METRICS)
};

#endif
