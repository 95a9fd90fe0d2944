/*
 * The cities of the shards that this fetcher holds, as the coordinator's catalogue lists them. Pure bookkeeping: what
 * is added to and taken from the schedule happens here, calls happen elsewhere.
 *
 * A catalogue comes per shard, in parts that may be lost, repeated or reordered; it is taken over when all parts of one
 * version are there. An older version is taken only when the coordinator calls it the newest: Redis has gone back then.
 * A shard that is given away keeps what is known of its cities (when they were polled, what was read), so that its
 * return neither polls them too early nor asks for their history again. A city that is in a call is freed when the call
 * ends.
 */
#ifndef FETCHER_CITIES_H
#define FETCHER_CITIES_H

#include "control.pb-c.h"
#include "provider.h"
#include "schedule.h"
#include "zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CITIES_SEEN      4    /* times of readings remembered per city: some sources go back and forth between a few */
#define CITIES_PARTS_MAX 4096 /* of a shard's catalogue */
#define CITIES_SHARD_MAX 1000000 /* cities of one shard */
#define CITY_FAILING     3       /* failed polls in a row that make a city count as failing */

/* What a city is polled for: its weather (and before that, its history), or its air. */
struct city_polls {
    struct schedule_item item; /* first: the schedule gives it back */
    int64_t seen[CITIES_SEEN]; /* observed-at of the last readings produced, newest first; 0 none */
    int32_t places_max;        /* of a call that asks for it, when a larger one failed; 0: as the provider has it */
    bool in_call;
};

struct city {
    struct city_polls weather, air;
    int64_t id;
    int32_t shard;
    int32_t latitude_e5, longitude_e5;
    bool history_done; /* or not wanted */
    bool paused, gone;
    bool told; /* its zone and country were produced, since its shard is held */
    char country[4];
    const struct zone *zone; /* NULL: not known */
    char name[48];           /* for logs; UTF-8, cut between characters */
};

struct cities_shard {
    int64_t number;  /* assignment number */
    int64_t version; /* of the catalogue taken over; 0 none */
    int64_t told;    /* newest version as the leader has it; 0: not known */
    bool held;
    struct city **cities; /* ascending by id */
    size_t count;
    struct cities_parts *parts; /* of a newer version, not all there; NULL none */
};

struct cities {
    struct schedule *schedule;     /* borrowed */
    struct schedule *air_schedule; /* borrowed; NULL: no air. Set after cities_init */
    bool want_history;
    struct cities_shard *shards;
    int32_t shard_count;
    int64_t unusable; /* catalogue entries with impossible coordinates or ids, since the start */
};

/* An empty table; shards come with cities_resize. `schedule` must outlive it. */
void cities_init(struct cities *cities, struct schedule *schedule, bool want_history);
/* Frees everything; nothing may be in a call. */
void cities_release(struct cities *cities);
/* Sets the number of shards, once; more than SHARD_MAX_PARTITIONS or another number than before: ERR_INVALID. */
int cities_resize(struct cities *cities, int32_t shard_count) __attribute__((warn_unused_result));
/* The shard is held from now on, under `number` (or renumbered). Out of range: ignored. */
void cities_hold(struct cities *cities, int32_t shard, int64_t number, int64_t now_ms);
/* The shard is not held any more: none of its cities is polled. */
void cities_drop(struct cities *cities, int32_t shard);
/*
 * One part of a shard's catalogue. True when it made the shard's catalogue complete, so that its cities changed. Parts
 * of shards not held, of versions that are neither newer nor the one that the leader named last, and impossible ones
 * are ignored.
 */
bool cities_part(struct cities *cities, const Isobar__V1__Catalogue *part, int64_t now_ms);
/*
 * The leader says which version of the shard's cities is the newest. When Redis has gone back that is lower than what
 * is held, and its parts are taken all the same. Out of range: ignored.
 */
void cities_told(struct cities *cities, int32_t shard, int64_t version);
/* What the city is polled for by calls of that kind. */
struct city_polls *city_polls(struct city *city, enum fetch_call kind);
/* The city whose weather or air it is; NULL for NULL. */
struct city *city_of_weather(struct schedule_item *item);
struct city *city_of_air(struct schedule_item *item);
/* A call for `city` has ended; false when it has left the catalogue meanwhile: it is gone, or will be with its other
 * call. */
bool cities_call_ended(struct city *city, enum fetch_call kind);
/* True when the city is to be polled: its shard is held and it is neither paused nor gone. */
bool cities_wanted(const struct cities *cities, const struct city *city);
/* Remembers that a reading was produced. */
void city_saw(struct city_polls *polls, int64_t observed_at_ms);
/* True when a reading of that time was produced lately. */
bool city_has_seen(const struct city_polls *polls, int64_t observed_at_ms);
/* True when its weather is parked or failed CITY_FAILING times in a row. */
bool city_failing(const struct city *city);

/* True when every shard held has its cities, of the version that the leader named last, or a newer one. */
bool cities_complete(const struct cities *cities);

struct cities_counts {
    int64_t shards, complete; /* held; of these with a catalogue */
    int64_t cities, failing, parked,
        heard;              /* cities of held shards without paused ones; `heard`: answered at least once */
    int64_t history_wanted; /* that have not had their history */
};
/* Counts what is held. */
struct cities_counts cities_count(const struct cities *cities);
/* The same for one shard, for its status: cities and failing. */
struct cities_counts cities_count_shard(const struct cities *cities, int32_t shard);

#endif
