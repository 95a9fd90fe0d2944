/* Operational metrics of isobar-worker. */
#ifndef WORKER_METRICS_H
#define WORKER_METRICS_H

#include "metric.h"
#include "quality.h"

#define WORKER_METRICS(X)                                                                                              \
    X(COUNTER, records_total, "Kafka records applied")                                                                 \
    X(COUNTER, rows_total, "rows applied")                                                                             \
    X(COUNTER, rows_in_total, "rows accepted in time")                                                                 \
    X(COUNTER, rows_late_total, "rows accepted into a closed pane")                                                    \
    X(COUNTER, rows_duplicate_total, "rows already counted")                                                           \
    X(COUNTER, rows_correction_total, "rows already counted that came again with other values")                        \
    X(COUNTER, rows_bad_total, "rows that could not be used")                                                          \
    X(COUNTER, rows_retired_total, "rows older than the lateness horizon")                                             \
    X(COUNTER, acquires_total, "partitions acquired")                                                                  \
    X(COUNTER, acquires_refused_total, "acquires that the ledger refused")                                             \
    X(COUNTER, commits_total, "commits that Redis accepted")                                                           \
    X(COUNTER, commit_microseconds_total, "time between sending a commit and its answer, summed")                      \
    X(COUNTER, commit_mismatches_total, "commits and loads refused because another owner had committed")               \
    X(COUNTER, commit_failures_total, "commits and loads without an answer")                                           \
    X(COUNTER, memory_kept_total, "acquires after a failure that found memory still valid")                            \
    X(COUNTER, records_aged_out_total, "last applied records that were no longer in the log when it was checked")      \
    X(COUNTER, log_checks_total, "checks of a partition's log that Kafka answered, at take-over and while it runs")    \
    X(COUNTER, log_check_microseconds_total, "time between asking for such a check and its answer, summed")            \
    X(COUNTER, log_checks_unanswered_total, "the same without an answer; they are made again")                         \
    X(COUNTER, log_mismatches_total, "checks that found another log than the ledger's, or a piece of it missing")      \
    X(COUNTER, log_doubts_total, "times that something happened to the topic or its brokers, and logs were checked")   \
    X(COUNTER, rollbacks_total, "partitions whose stored offset had gone back")                                        \
    X(COUNTER, deadletters_total, "records sent to the dead-letter topic")                                             \
    X(COUNTER, alert_events_total, "alerts raised, cleared or gone stale")                                             \
    X(COUNTER, ticks_total, "ticks produced")                                                                          \
    X(COUNTER, bad_states_total, "stored records that could not be decoded")                                           \
    X(GAUGE, partitions_running, "partitions that are processed")                                                      \
    X(GAUGE, partitions_stopped, "partitions stopped with an alarm")                                                   \
    X(GAUGE, cities, "cities with state in memory")                                                                    \
    X(GAUGE, window_cache_bytes, "bytes of folded windows in memory")                                                  \
    X(GAUGE, coordinator_up, "1 while a coordinator answers")                                                          \
    X(GAUGE, target_term, "term of the newest target")                                                                 \
    X(COUNTER, redirects_total, "times that a standby's or Redis' word about the leader was followed")                 \
    X(GAUGE, redis_up, "1 while Redis answers")

struct worker_metrics {
    METRIC_STRUCT(WORKER_METRICS)
    int64_t quality_flags[QUALITY_FLAGS]; /* accepted rows by flag: the family quality_flags_total{test,group} */
};

#endif
