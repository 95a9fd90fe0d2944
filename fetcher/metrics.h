/* Operational metrics of isobar-fetcher; answers by outcome are a labelled family (fetcher.c). */
#ifndef FETCHER_METRICS_H
#define FETCHER_METRICS_H

#include "metric.h"

#define FETCHER_METRICS(X)                                                                                             \
    X(COUNTER, calls_total, "calls sent to the source")                                                                \
    X(COUNTER, places_asked_total, "places that these calls asked for")                                                \
    X(COUNTER, cost_milli_total, "weight of these calls as the source counts them, 1/1000 call")                       \
    X(COUNTER, calls_narrowed_total, "calls for several places that failed and are made again in halves")              \
    X(COUNTER, places_empty_total, "places of answers of which nothing was known")                                     \
    X(COUNTER, calls_aborted_total, "calls given up because the process ended")                                        \
    X(COUNTER, call_milliseconds_total, "time from the start of a call to its end, summed")                            \
    X(COUNTER, body_bytes_total, "bytes of answers, decompressed")                                                     \
    X(COUNTER, observations_total, "readings made from answers")                                                       \
    X(COUNTER, rhythm_hits_total, "first polls after the expected time of a reading that found it")                    \
    X(COUNTER, rhythm_misses_total, "first polls after the expected time of a reading that found nothing new")         \
    X(GAUGE, polls_saved, "polls that a fixed interval would have made besides, since the start")                      \
    X(COUNTER, checked_total, "answers with nothing new")                                                              \
    X(COUNTER, controls_total, "rows that say the zone, country and interval of a city")                               \
    X(COUNTER, history_rows_total, "readings made from histories")                                                     \
    X(COUNTER, values_left_out_total, "values in answers that could not be used")                                      \
    X(COUNTER, history_items_skipped_total, "history items that could not be used")                                    \
    X(COUNTER, catalogue_unusable_total, "catalogue entries with an impossible id or place")                           \
    X(COUNTER, records_total, "records that Kafka acknowledged")                                                       \
    X(COUNTER, rows_produced_total, "rows that Kafka acknowledged")                                                    \
    X(COUNTER, rows_lost_total, "rows that Kafka had not acknowledged when the process ended")                         \
    X(COUNTER, produce_failures_total, "records that were not delivered and are produced again")                       \
    X(COUNTER, held_back_milliseconds_total, "time without polls because Kafka did not take records")                  \
    X(COUNTER, stops_total, "how often calls were stopped: key refused, too many calls, host failing")                 \
    X(GAUGE, records_waiting, "records that wait for Kafka's acknowledgement")                                         \
    X(GAUGE, in_flight, "calls under way")                                                                             \
    X(GAUGE, shards, "shards held")                                                                                    \
    X(GAUGE, cities, "cities to poll")                                                                                 \
    X(GAUGE, cities_heard, "cities answered at least once")                                                            \
    X(GAUGE, cities_failing, "cities parked or failing three times in a row")                                          \
    X(GAUGE, cities_parked, "cities whose place the source does not know")                                             \
    X(GAUGE, cities_without_station, "cities that a source is not asked for, since they have no station")              \
    X(COUNTER, failovers_total, "times that a city's readings began to come from another source")                      \
    X(COUNTER, probes_total, "answers of sources that are only asked whether they are good again")                     \
    X(GAUGE, cities_failed_over, "cities whose readings do not come from the preferred source")                        \
    X(GAUGE, stopped, "first source: 0 calls allowed, 1 key refused, 2 too many calls, 3 host failing")                \
    X(GAUGE, stopped_milliseconds, "first source: time until calls are tried again")                                   \
    X(GAUGE, share_milli, "first source: calls a minute allowed, 1/1000; -1 without limit")                            \
    X(GAUGE, allowance_milli,                                                                                          \
      "first source: units of the account's limits of an hour and more that may be used now, 1/1000; -1 none")         \
    X(COUNTER, forgone_milli_total, "units granted and not used in time, 1/1000")                                      \
    X(GAUGE, catalogue_version, "oldest version of the catalogue among the shards held")                               \
    X(GAUGE, coordinator_up, "1 while a coordinator answers")                                                          \
    X(GAUGE, target_term, "term of the newest target")                                                                 \
    X(COUNTER, redirects_total, "times that a standby's or Redis' word about the leader was followed")                 \
    X(GAUGE, kafka_up, "0 while Kafka is known to be away")

struct fetcher_metrics {
    METRIC_STRUCT(FETCHER_METRICS)
};

#endif
