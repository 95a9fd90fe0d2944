/*
 * A fetcher process around its parts: the coordinator's orders (orders.c) say which shards and how many calls; the
 * schedule, the gate and the bucket say when the next call may start; calls.c makes it and hands what was read to the
 * outbox; outcome.c says what follows; source.c says whom to ask. Owned by main.c.
 */
#ifndef FETCHER_FETCHER_H
#define FETCHER_FETCHER_H

#include "cities.h"
#include "daemon.h"
#include "gate.h"
#include "link.h"
#include "log.h"
#include "meter.h"
#include "metrics.h"
#include "options.h"
#include "outbox.h"
#include "provider.h"
#include "schedule.h"
#include "source_health.h"
#include "transfer.h"

#define WATCH_SOURCES    2 /* products that are watched: current weather and air */
#define WATCH_NAME_BYTES 48
#define WATCH_TEXT_BYTES 512

/* Alarms as the last heartbeat told them. */
struct watch_alarms {
    Isobar__V1__SourceAlarm list[WATCH_SOURCES * SOURCE_ALARMS], *pointers[WATCH_SOURCES * SOURCE_ALARMS];
    char source[WATCH_SOURCES * SOURCE_ALARMS][WATCH_NAME_BYTES], text[WATCH_SOURCES * SOURCE_ALARMS][WATCH_TEXT_BYTES];
};

struct fetcher {
    const struct fetcher_options *options;
    struct fetcher_metrics metrics;
    int64_t answers[FETCH_STATUS_COUNT]; /* by enum fetch_status */
    struct daemon *daemon;
    struct loop *loop;
    struct link *link;
    struct curve_client *curve; /* NULL: plain */
    struct outbox *outbox;
    struct transfers *transfers;
    struct loop_timer *timer, *second_timer, *drain_timer;
    const struct provider *provider;
    struct schedule schedule, air_schedule; /* of the weather, and of the air when it is asked for */
    struct cities cities;
    struct gate gate;     /* of the account, and of the weather's host */
    struct gate air_gate; /* of the air's host, when that is another one; else it stays open */
    int64_t air_running;  /* calls for the air under way */
    struct meter meter;
    struct source_health health[WATCH_SOURCES];
    struct watch_alarms alarms;
    struct provider_rows rows;
    struct buf base_url, air_base_url, url;
    int64_t concurrency;              /* calls at a time */
    struct netlist allowed;           /* networks, beside public ones, that the source may be in */
    int64_t history_ms, held_back_ms; /* span of a history; since when polling is held back, 0 not */
    int64_t incarnation, catalogue_said;
    bool air;                 /* is asked for */
    int64_t limited_until_ms; /* until when the API refuses calls, by its answer to one of ours; 0: it does not */
    bool has_target, draining, key_worked, partitions_differ, history_said;
    Isobar__V1__ShardStatus *statuses;
    Isobar__V1__QuotaAsk ask, *ask_list[1]; /* of the heartbeat about to be sent */
    Isobar__V1__ShardStatus **status_list;
    struct log_limit status_limits[FETCH_STATUS_COUNT];
    struct log_limit held_limit;
    char id[80];
};

/* Starts the parts; an exit code, 0 when they run. Logs what is wrong. */
int fetcher_start(struct fetcher *fetcher, struct daemon *daemon) __attribute__((warn_unused_result));
/* SIGTERM: aborts calls, waits a moment for Kafka, says BYE and stops the daemon. */
void fetcher_drain(struct fetcher *fetcher);
/* Frees the parts, in any state of fetcher_start. */
void fetcher_release(struct fetcher *fetcher);
/* Appends a line per missing dependency, for /readyz. */
void fetcher_missing(const struct fetcher *fetcher, struct buf *out);
/* Writes the metric families with labels. */
void fetcher_families(const struct fetcher *fetcher, struct buf *out);

/* source.c: sets the provider, its addresses and whether its air is asked for; what is wrong goes into `error`. */
void fetcher_choose_source(struct fetcher *fetcher, struct buf *error);
/* Starts the calls that may start now, and sets the timer for the next. */
void fetcher_pump(struct fetcher *fetcher);

/* A call under way: a product of one or several cities. */
struct call {
    enum fetch_call kind;
    int64_t begun_ms;
    int64_t weight; /* 1/1000 */
    size_t count, capacity;
    struct provider_place *places; /* as they were asked for */
    struct city **cities;          /* of the places; NULL once they have left the catalogue and the call has ended */
};

/* True when the air has a host of its own, whose failures say nothing about that of the weather. */
bool fetcher_air_apart(const struct fetcher *fetcher);
/* calls.c: when a city is due that its gate lets be asked for; INT64_MAX: not by time alone. */
int64_t calls_due_ms(const struct fetcher *fetcher, int64_t now_ms);
/* calls.c: when the meter allows a call for the city that is due next; now, later, or INT64_MAX: not by time alone. */
int64_t calls_start_ms(struct fetcher *fetcher, int64_t now_ms);
/* calls.c: least weight of a call for the city that is due next, or of any; 1/1000. */
int64_t calls_next_milli(const struct fetcher *fetcher);
/* calls.c: starts a call for the city that is due, which may start now, and for others that go with it. */
void calls_begin(struct fetcher *fetcher, int64_t now_ms);
/* outcome.c: what the end of a call means. Rows of a good one are in fetcher->rows, and sent. */
void outcome_of_call(struct fetcher *fetcher, const struct call *call, enum fetch_status status,
                     const struct transfer_result *result, int64_t now_ms);
/* calls.c: a transfer_done_fn; `arg` is the fetcher, `opaque` the call. */
void calls_done(void *arg, void *opaque, const struct transfer_result *result);
/* calls.c: takes every call under way off. */
void calls_abort(struct fetcher *fetcher);

/* watch.c: nothing is wrong with the sources yet; their provider is chosen. */
void watch_init(struct fetcher *fetcher, int64_t now_ms);
/* watch.c: a call ended so; `fetcher->rows` have what was read when that is FETCH_OK. */
void watch_answer(struct fetcher *fetcher, const struct call *call, enum fetch_status status, int64_t now_ms);
/* watch.c: raises and clears alarms, once a second, of sources that are asked for so many cities. */
void watch_second(struct fetcher *fetcher, int64_t cities, int64_t now_ms);
/* watch.c: fills in the alarms that are raised. They are valid until the next heartbeat. */
void watch_heartbeat(struct fetcher *fetcher, Isobar__V1__Heartbeat *heartbeat, int64_t now_ms);
/* watch.c: writes the metric families of the sources. */
void watch_families(const struct fetcher *fetcher, int64_t now_ms, struct buf *out);

/* orders.c: what the link reports. */
extern const struct link_events fetcher_link_events;

#endif
