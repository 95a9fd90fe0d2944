/*
 * The cities of the shards that this fetcher holds, as the coordinator's catalogue lists them. Pure bookkeeping: what
 * is added to and taken from schedules happens here, calls happen elsewhere.
 *
 * A catalogue comes per shard, in parts that may be lost, repeated or reordered; it is taken over when all parts of one
 * version are there. An older version is taken only when the coordinator calls it the newest: Redis has gone back then.
 * A shard that is given away keeps what is known of its cities (when they were polled, what was read), so that its
 * return neither polls them too early nor asks for their history again. A city that is in a call is freed when the call
 * ends.
 */
#ifndef FETCHER_CITIES_H
#define FETCHER_CITIES_H

#include "city.h"
#include "control.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CITIES_PARTS_MAX 4096    /* of a shard's catalogue */
#define CITIES_SHARD_MAX 1000000 /* cities of one shard */

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
    /* Borrowed, NULL: it is not asked. Set between cities_init and the first shard. */
    struct schedule *schedules[FAILOVER_SOURCES][PRODUCTS];
    struct failover_rules rules; /* its number of sources is set by cities_init, the rest by the owner */
    uint32_t need_station; /* sources that are asked only for cities with a station, as bits; set with the rules */
    bool second_opinion, want_history;
    struct cities_shard *shards;
    int32_t shard_count;
    int64_t unusable; /* catalogue entries with impossible coordinates or ids, since the start */
};

/* An empty table of cities with so many sources, without schedules; shards come with cities_resize. */
void cities_init(struct cities *cities, int32_t sources, bool want_history);
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
/* The call that `polls` were in has ended; false when the city has left the catalogue meanwhile: it is gone, or will be
 * with its last call. */
bool cities_call_ended(struct city_polls *polls);
/* True when the city is to be polled: its shard is held and it is neither paused nor gone. */
bool cities_wanted(const struct cities *cities, const struct city *city);
/* True when the source is to be asked for that product of it. */
bool cities_asks(const struct cities *cities, const struct city *city, int32_t source, enum product product);
/*
 * Decides anew which source the city's readings come from, and which are asked, by `rules`. True when another one is
 * in use: workers are to be told again, and what it read before counts as new.
 */
bool cities_decide(struct cities *cities, struct city *city, int64_t now_ms);
/* The same for every city of held shards, as time passes. Calls fn(arg, city, former) for each whose source changed. */
typedef void cities_changed_fn(void *arg, const struct city *city, int32_t former);
void cities_review(struct cities *cities, int64_t now_ms, cities_changed_fn *fn, void *arg);

/* True when every shard held has its cities, of the version that the leader named last, or a newer one. */
bool cities_complete(const struct cities *cities);

struct cities_counts {
    int64_t shards, complete; /* held; of these with a catalogue */
    int64_t cities, failing, parked,
        heard;              /* cities of held shards without paused ones; `heard`: answered at least once */
    int64_t history_wanted; /* that have not had their history */
    int64_t stationless;    /* that a source is not asked for, since they have no station */
    int64_t used[FAILOVER_SOURCES],
        asked[FAILOVER_SOURCES]; /* whose source it is; that it is asked for the weather of */
};
/* Counts what is held. */
struct cities_counts cities_count(const struct cities *cities);
/* The same for one shard, for its status: cities and failing. */
struct cities_counts cities_count_shard(const struct cities *cities, int32_t shard);

#endif
