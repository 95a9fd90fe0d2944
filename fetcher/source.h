/*
 * A source of a fetcher: a provider with its addresses, its key, what its account leaves to this fetcher, and when its
 * cities are due. A fetcher has one or several, in the order in which they are preferred. Owned by the fetcher.
 */
#ifndef FETCHER_SOURCE_H
#define FETCHER_SOURCE_H

#include "buf.h"
#include "city.h"
#include "gate.h"
#include "log.h"
#include "meter.h"
#include "netlist.h"
#include "options.h"
#include "provider.h"
#include "schedule.h"
#include "source_health.h"

#define SOURCES_MAX       FAILOVER_SOURCES
#define SOURCE_NAME_BYTES 48

struct source {
    const struct provider *provider;
    int32_t index;  /* by preference */
    struct buf key; /* empty: it needs none. A secret */
    struct buf base_url, air_base_url;
    struct schedule schedules[PRODUCTS];
    struct gate gate;             /* of the account, and of the weather's host */
    struct gate air_gate;         /* of the air's host, when that is another one; else it stays open */
    int64_t running, air_running; /* calls under way, and those of them for the air */
    int64_t concurrency;          /* calls at a time */
    struct meter meter;
    int32_t told_minute_milli, told_second_milli; /* shares as the newest target has them */
    struct source_health health[PRODUCTS];
    int64_t asked;            /* cities that it was asked for a second ago */
    int64_t history_ms;       /* span of a history; 0: has none */
    int64_t closed_ms;        /* since when its gate is closed; 0: it is open */
    int64_t limited_until_ms; /* until when the API refuses calls, by its answer to one of ours; 0: it does not */
    int64_t calls, failed;    /* since the start */
    bool air;                 /* is asked for */
    bool key_worked;
    struct log_limit status_limits[FETCH_STATUS_COUNT];
};

/*
 * Fills the sources that the options name, 1 to SOURCES_MAX, with their addresses, keys and whether their air is asked
 * for, and adds the networks that given addresses mean to `allowed`. The number of them; 0 with what is wrong in
 * `error`. `sources` is zeroed before, and all SOURCES_MAX are ended in both cases.
 */
int32_t sources_choose(struct source sources[SOURCES_MAX], const struct fetcher_options *options,
                       struct netlist *allowed, struct buf *error) __attribute__((warn_unused_result));
/* Begins its schedules, gates, meter and health at `now_ms`; sets how many calls at a time it makes. */
void source_start(struct source *source, const struct fetcher_options *options, int64_t now_ms);
/* Frees what the two above made; its cities have left the schedules. */
void source_end(struct source *source);
/* "open-meteo-air" or, of the weather, "open-meteo", in `out`. */
const char *source_name(const struct source *source, enum product product, char out[SOURCE_NAME_BYTES]);
/* True when the air has a host of its own, whose failures say nothing about that of the weather. */
bool source_air_apart(const struct source *source);
/* The schedule of calls of that kind. */
struct schedule *source_schedule(struct source *source, enum fetch_call kind);
/*
 * What fails over by it: since when calls to it are made, or FAILOVER_SHUT while they are stopped for long, given what
 * that was before (once a second).
 */
int64_t source_open_ms(struct source *source, int64_t open_ms, int64_t now_ms);

#endif
