/*
 * A month of an account in virtual time: the modules that leader and fetchers really use (ledger, dealing, shares,
 * meter, schedule), 1 to 16 fetchers, and an API that counts. Leaders change, fetchers are killed and cut off, Redis
 * goes back and is lost, clocks are set. Messages take no time, but are lost. A seed decides everything.
 *
 * With cities they are dealt by shards, and who gets one knows nothing of when its cities were asked before. The age of
 * a city counts from the last answer of a fetcher that is not cut off.
 */
#ifndef ISOBAR_TEST_QUOTA_WORLD_H
#define ISOBAR_TEST_QUOTA_WORLD_H

#include "../../coordinator/quota.h"
#include "../../coordinator/quota_deal.h"
#include "../../fetcher/meter.h"
#include "../../fetcher/schedule.h"
#include "api.h"
#include "entropy.h"

#include <stdbool.h>

#define FETCHERS   16
#define FORMER     48 /* processes that were killed in the last minute */
#define CALLS_MAX  8  /* at a time of one fetcher */
#define NOTES      64 /* of the ledger that Redis may go back to */
#define CITIES_MAX 1000
#define SHARDS     24
#define PLACES_MAX 50
#define TICK_MS    INT64_C(10000) /* between two rounds of heartbeats, dealing, notes and targets */
#define BRISK_MS   INT64_C(1000)  /* the same with cities, for a while after a fault */
#define SILENT     3              /* rounds without a heartbeat: the others get its cities */

struct config {
    const char *limits;
    int64_t call_milli; /* of a place */
    int64_t places_max; /* of a call */
    int fetchers;       /* at first; faults change how many there are */
    int cities;         /* each is asked each `interval_ms`; 0: there is always something to ask */
    int64_t interval_ms;
    int64_t settled_ms; /* ages count from then on */
    int64_t days;
    int64_t fault_ms; /* mean time between two faults; 0: none */
    bool restarts;    /* Redis is killed, too: it loses its last notes, or all */
    bool losses;      /* all kinds of faults, and long ones */
    bool forgetful;   /* a mutant: a new leader begins with an empty ledger and all of the credit */
    uint64_t seed;
};

/* A call under way. */
struct flight {
    int64_t ends_ms, weight;
    int cities[PLACES_MAX], count;
};

/* A city as a fetcher knows it. */
struct poll {
    struct schedule_item item; /* first: items of a schedule are polls */
    bool held, in_call;
};

struct fetcher {
    bool alive;
    int64_t incarnation, ahead_ms; /* its clock */
    int64_t again_ms;              /* when it starts again */
    int64_t cut_ms;                /* until when nothing passes */
    struct meter meter;
    int32_t share_milli; /* in force */
    bool current;        /* it has seen the last target */
    struct flight flights[CALLS_MAX];
    int running;
    struct schedule schedule;
    struct poll *polls; /* by city; NULL without cities */
    /* as its leader knows it */
    struct quota_share share;
    int64_t asked_ms;
    int missed; /* heartbeats */
};

/* Whose cities they are: the leader's view. */
struct owner {
    int fetcher; /* -1: nobody's */
    int64_t incarnation;
    int64_t free_ms; /* from when on it can be given */
};

struct world {
    struct config config;
    struct jitter random;
    int64_t now_ms, next_fault_ms, leader_ms; /* leader_ms: when there is one again */
    int64_t step_ms, brisk_until_ms;          /* of the round under way; until when rounds are brisk */
    int64_t redis_ahead_ms, leader_ahead_ms;  /* Redis' clock, and as the leader took it */
    struct fetcher fetchers[FETCHERS];
    int wanted; /* how many are to be there */
    struct quota_share former[FORMER];
    struct quota_ledger ledger;
    size_t turn, notes;
    struct quota_ledger note[NOTES]; /* a ring: what is noted is packed only when somebody reads it */
    struct api api;
    struct owner owners[SHARDS];
    int64_t seen_ms[CITIES_MAX]; /* when the last reading of a city came; 0: none did */
    int64_t stalest_ms, faults, incarnations;
};

/* Plays a month. */
void world_play(struct world *world, const struct config *config);
void world_release(struct world *world);

/* Uniform in [low, high]. */
int64_t world_between(struct world *world, int64_t low, int64_t high);
/* lead.c: heartbeats, dealing, the note, and what is told. */
void lead_tick(struct world *world);
/* lead.c: another leader, who has the note before the last `back` ones; -1: Redis has none. */
void lead_anew(struct world *world, int64_t back);
/* cities.c: deals the shards among the fetchers that are heard. */
void cities_deal(struct world *world);
/* cities.c: the fetcher hears which shards it has, or that it has none. */
void cities_tell(struct world *world, int fetcher);
/* cities.c: a call is over. */
void cities_answered(struct world *world, struct fetcher *fetcher, const struct flight *flight);
/* cities.c: takes the cities of the next call, of at most `most` places. */
void cities_gather(struct world *world, struct fetcher *fetcher, struct flight *flight, int64_t most, int64_t at_ms);
/* cities.c: the oldest reading at the end counts as well. */
void cities_end(struct world *world);
/* faults.c: something happens. */
void fault_any(struct world *world);
/* faults.c: a fetcher ends at once; all that it knew is lost. */
void fault_kill(struct world *world, struct fetcher *fetcher);

#endif
