/* Operational metrics of isobar-dashboard. */
#ifndef DASHBOARD_METRICS_H
#define DASHBOARD_METRICS_H

#include "metric.h"

#define DASHBOARD_METRICS(X)                                                                                           \
    X(COUNTER, requests_total, "HTTP requests answered, live streams included")                                        \
    X(COUNTER, errors_total, "HTTP requests answered with a status of 400 or more")                                    \
    X(COUNTER, commands_total, "commands of operators that were passed on")                                            \
    X(COUNTER, denied_total, "requests refused: a wrong token, too little right, or maybe another site's")             \
    X(GAUGE, streams, "live streams open")                                                                             \
    X(COUNTER, events_total, "events sent, counted once per stream")                                                   \
    X(COUNTER, skipped_total, "events not sent to streams whose client reads too slowly")                              \
    X(COUNTER, updates_total, "commit hints received from Redis")                                                      \
    X(COUNTER, gaps_total, "partitions read again because a commit hint was missed")                                   \
    X(COUNTER, bad_records_total, "records in Redis that could not be read")                                           \
    X(GAUGE, cities, "cities in the catalogue")                                                                        \
    X(GAUGE, redis_up, "1 while Redis answers")

struct dashboard_metrics {
    METRIC_STRUCT(DASHBOARD_METRICS)
};

#endif
