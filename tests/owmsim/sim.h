/*
 * The state of the simulator, and what all of its endpoints do: counting, reading numbers, answering with a fault.
 */
#ifndef OWMSIM_SIM_H
#define OWMSIM_SIM_H

#include "account.h"
#include "answer.h"
#include "daemon.h"
#include "fault.h"
#include "httpd.h"
#include "metric.h"
#include "option.h"
#include "series.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_OPTIONS(X)                                                                                                 \
    OPTION_COMMON(X)                                                                                                   \
    X(INT, port, "0", 0, 65535, "port on 127.0.0.1; 0 takes a free one and logs it")                                   \
    X(TEXT, data, "data", 0, 0, "folder with seattle_normals.csv and weather_daily.csv")                               \
    X(TEXT, key, "", 0, 0, "the only API key accepted; empty accepts any")                                             \
    X(INT, update_s, "1", 1, 86400, "seconds between two values of dt: answers in between repeat")                     \
    X(INT, time_factor, "1", 1, 100000, "seconds of the series that pass in a second, counted from the start")         \
    X(INT, calls_per_minute, "0", 0, 1000000, "calls in any 60 s above which 429 is answered; 0: no limit")            \
    X(TEXT, limits, "unlimited", 0, 0, "of Open-Meteo's endpoints, weighed: 600/m,5000/h,10000/d")                     \
    X(TEXT, faults, "", 0, 0, "faults from the start: kind[:percent],…")                                               \
    X(INT, seed, "1", 0, 1000000000, "of the dice that faults throw; 0 is random")

struct sim_options {
    OPTION_STRUCT(SIM_OPTIONS)
};

#define SIM_METRICS(X)                                                                                                 \
    X(COUNTER, calls_total, "API calls received")                                                                      \
    X(COUNTER, refused_total, "API calls answered with 429 by a limit")                                                \
    X(COUNTER, faults_total, "API calls answered with a fault")
struct sim_metrics {
    METRIC_STRUCT(SIM_METRICS)
};

#define CALL_RING 65536 /* calls remembered for the rolling minute */

struct sim {
    struct sim_options options;
    struct sim_metrics metrics;
    struct series *series;
    struct faults faults;
    struct jitter dice;
    int64_t frozen_s;         /* dt of answers that stand still */
    int64_t origin_s;         /* from here the series runs time_factor times as fast */
    int64_t calls[CALL_RING]; /* monotonic ms, a ring */
    uint64_t call_count;      /* ever */
    uint64_t window_start;    /* index of the oldest call inside the last minute */
    int64_t busiest_minute;
    int64_t answers[600]; /* by status */
    struct account account;
    int64_t places, air; /* asked of Open-Meteo for weather; calls for the air of either */
    int64_t stations;    /* asked for reports */
};

/* Makes an error of a good body; answer.h and openmeteo.h have such. */
typedef void fault_fn(const struct fault_rule *rule, const struct buf *good, struct answer *answer);

/* Wall time, s. */
int64_t sim_now_s(void);
/* Counts the call; false when it is over the limit. Refused calls count too, as they do at the real service. */
bool sim_within_rate(struct sim *sim);
/* Answers, and counts the answer. */
void sim_reply(struct sim *sim, struct httpd_request *request, const struct answer *answer);
/* Answers with what `fill` makes of the good body by the rule, with the headers that belong to it; or never. */
void sim_reply_fault(struct sim *sim, struct httpd_request *request, const struct fault_rule *rule,
                     const struct buf *good, fault_fn *fill);
/* A number in a query parameter, within bounds; false when there is none, `out` is undefined then. */
bool query_number(const struct httpd_request *request, const char *key, double low, double high, double *out);

#endif
