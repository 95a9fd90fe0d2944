/*
 * A fetcher process around its parts: the coordinator's orders (orders.c) say which shards and how many calls; the
 * schedule, the gate and the meter of each source (source.h) say when its next call may start; calls.c makes it, rows.c
 * hands what was read to the outbox, outcome.c says what follows, choice.c which source a city's readings come from.
 * Owned by main.c.
 */
#ifndef FETCHER_FETCHER_H
#define FETCHER_FETCHER_H

#include "cities.h"
#include "daemon.h"
#include "link.h"
#include "log.h"
#include "metrics.h"
#include "options.h"
#include "outbox.h"
#include "provider.h"
#include "source.h"
#include "transfer.h"

#define WATCH_TEXT_BYTES 512
#define WATCH_ALARMS     (SOURCES_MAX * PRODUCTS * SOURCE_ALARMS)

/* Alarms as the last heartbeat told them. */
struct watch_alarms {
    Isobar__V1__SourceAlarm list[WATCH_ALARMS], *pointers[WATCH_ALARMS];
    char source[WATCH_ALARMS][SOURCE_NAME_BYTES], text[WATCH_ALARMS][WATCH_TEXT_BYTES];
};

/* What the heartbeat about to be sent says of accounts. */
struct fetcher_asks {
    Isobar__V1__QuotaAsk asks[SOURCES_MAX], *ask_list[SOURCES_MAX];
    Isobar__V1__QuotaShare shares[SOURCES_MAX], *share_list[SOURCES_MAX];
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
    struct source sources[SOURCES_MAX]; /* by preference */
    int32_t source_count;
    struct cities cities;
    struct watch_alarms alarms;
    struct fetcher_asks asks;
    struct provider_rows rows;
    struct buf url;
    struct netlist allowed; /* networks, beside public ones, that sources may be in */
    int64_t held_back_ms;   /* since when polling is held back, 0 not */
    int64_t incarnation, catalogue_said;
    bool has_target, draining, partitions_differ, history_said, stations_said;
    Isobar__V1__ShardStatus *statuses;
    Isobar__V1__ShardStatus **status_list;
    struct log_limit held_limit, failover_limit;
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
/* sources.c: appends a line per source whose calls are stopped. */
void sources_missing(const struct fetcher *fetcher, struct buf *out);
/* sources.c: writes the metric families with labels. */
void fetcher_families(const struct fetcher *fetcher, struct buf *out);

/* Starts the calls that may start now, and sets the timer for the next. */
void fetcher_pump(struct fetcher *fetcher);

/* A call under way: a product of one or several cities, of one source. */
struct call {
    struct source *source;
    enum fetch_call kind;
    int64_t begun_ms;
    int64_t weight; /* 1/1000 */
    size_t count, capacity;
    struct provider_place *places; /* as they were asked for */
    struct city_polls **polls;     /* of the places; NULL once the city has left the catalogue and the call has ended */
};

/* calls.c: when the source has a city due that its gate lets be asked for; INT64_MAX: not by time alone. */
int64_t calls_due_ms(const struct source *source, int64_t now_ms);
/* calls.c: when its meter allows a call for the city that is due next; now, later, or INT64_MAX: not by time alone. */
int64_t calls_start_ms(struct source *source, int64_t now_ms);
/* calls.c: least weight of a call for the city that is due next, or of any; 1/1000. */
int64_t calls_next_milli(const struct source *source, int64_t now_ms);
/* calls.c: starts a call for the city that is due, which may start now, and for others that go with it. */
void calls_begin(struct fetcher *fetcher, struct source *source, int64_t now_ms);
/* calls.c: a transfer_done_fn; `arg` is the fetcher, `opaque` the call. */
void calls_done(void *arg, void *opaque, const struct transfer_result *result);
/* calls.c: takes every call under way off. */
void calls_abort(struct fetcher *fetcher);
/* rows.c: hands every city of a good call its rows in fetcher->rows, to be produced. */
void rows_send(struct fetcher *fetcher, const struct call *call);
/* outcome.c: what the end of a call means. */
void outcome_of_call(struct fetcher *fetcher, const struct call *call, enum fetch_status status,
                     const struct transfer_result *result, int64_t now_ms);
/* outcome.c: true when one of its places may be the reason, so that they are asked again in parts at once. */
bool outcome_narrows(const struct call *call, enum fetch_status status);
/* choice.c: what it means for the source of each city, while the call has not ended, and before its rows are sent. */
void choice_of_call(struct fetcher *fetcher, const struct call *call, enum fetch_status status, int64_t now_ms);
/* choice.c: the rules of failing over, for the cities; once at the start. */
void choice_init(struct fetcher *fetcher);
/* choice.c: once a second: which sources are shut, and what follows for the cities. */
void choice_second(struct fetcher *fetcher, int64_t now_ms);

/* watch.c: nothing is wrong with the source yet; it was started. */
void watch_begin(struct source *source, int64_t now_ms);
/* watch.c: a call ended so; `fetcher->rows` have what was read when that is FETCH_OK. */
void watch_answer(struct fetcher *fetcher, const struct call *call, enum fetch_status status, int64_t now_ms);
/* watch.c: raises and clears alarms, once a second. `counts` is of all cities. */
void watch_second(struct fetcher *fetcher, const struct cities_counts *counts, int64_t now_ms);
/* watch.c: fills in the alarms that are raised. They are valid until the next heartbeat. */
void watch_heartbeat(struct fetcher *fetcher, Isobar__V1__Heartbeat *heartbeat, int64_t now_ms);
/* watch.c: writes the metric families of the sources. */
void watch_families(const struct fetcher *fetcher, int64_t now_ms, struct buf *out);

/* orders.c: what the link reports. */
extern const struct link_events fetcher_link_events;

#endif
