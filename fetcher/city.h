/*
 * A city as a fetcher knows it: where it is, what each source is asked there, when it was asked and what was read, and
 * which source its readings come from now. Pure; times are monotonic ms unless said.
 *
 * With several sources in order one is in use (failover.h): its readings are series 0. With second opinions the first
 * other one that is good is asked, too: its readings are series 1. What a preferred source says that is only asked
 * whether it is good again goes nowhere.
 */
#ifndef FETCHER_CITY_H
#define FETCHER_CITY_H

#include "failover.h"
#include "provider.h"
#include "schedule.h"
#include "zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CITY_SEEN    4 /* times of readings remembered: some sources go back and forth between a few */
#define CITY_FAILING 3 /* failed polls in a row that make a city count as failing */

/* What a source is polled for. */
enum product { PRODUCT_WEATHER, PRODUCT_AIR, PRODUCTS }; /* the weather, and before that its history */

/* Polls of one product of one source. */
struct city_polls {
    struct schedule_item item; /* first: the schedule gives it back */
    struct city *city;
    int64_t seen[CITY_SEEN]; /* observed-at of the last readings produced, newest first; 0 none */
    int32_t places_max;      /* of a call that asks for it, when a larger one failed; 0: as the provider has it */
    bool in_call;
};

struct city {
    int64_t id;
    int32_t shard;
    int32_t latitude_e5, longitude_e5;
    bool history_done; /* or not wanted */
    bool paused, gone;
    bool told; /* its zone, country and interval were produced, since its shard is held */
    char country[4];
    char station[5];           /* ICAO location indicator; "": none */
    const struct zone *zone;   /* NULL: not known */
    char name[48];             /* for logs; UTF-8, cut between characters */
    struct failover *failover; /* NULL: there is one source */
    int32_t sources;           /* how many there are */
    uint32_t asked[PRODUCTS];  /* the sources that are asked, as bits */
    struct city_polls polls[]; /* of each source its products */
};

/* A zeroed city of so many sources, 1 to FAILOVER_SOURCES; freed with city_free. */
struct city *city_new(int32_t sources);
void city_free(struct city *city);
/* The product that calls of that kind ask for. */
enum product product_of(enum fetch_call kind);
/* What the source is asked of that product. */
struct city_polls *city_polls(struct city *city, int32_t source, enum product product);
/* The polls that have this place in a schedule; NULL for NULL. */
struct city_polls *polls_of_item(struct schedule_item *item);
/* The source in use. */
int32_t city_source(const struct city *city);
/* The source of the second opinion; -1: none is good. */
int32_t city_second(const struct city *city, const struct failover_rules *rules, int64_t now_ms);
/* True while a call for it is under way. */
bool city_in_call(const struct city *city);
/* Another place: what was learnt of it there holds no more. Nothing of it may be in a schedule. */
void city_moved(struct city *city);
/* Another source is in use: what that read before was not produced. */
void city_forget_seen(struct city *city);
/* Remembers that a reading was produced. */
void city_saw(struct city_polls *polls, int64_t observed_at_ms);
/* True when a reading of that time was produced lately. */
bool city_has_seen(const struct city_polls *polls, int64_t observed_at_ms);
/* True when the weather of the source in use is parked or failed CITY_FAILING times in a row. */
bool city_failing(const struct city *city);
/* True when it is parked. */
bool city_parked(const struct city *city);
/* True when any source has answered with its weather. */
bool city_heard(const struct city *city);

#endif
