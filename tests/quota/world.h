/*
 * A month of an account in virtual time: the modules that leader and fetchers really use (ledger, dealing, shares,
 * meter), 1 to 16 fetchers, and an API that counts. Leaders change, fetchers are killed and cut off, Redis goes back
 * and is lost, clocks are set. Messages take no time, but are lost. A seed decides everything.
 */
#ifndef ISOBAR_TEST_QUOTA_WORLD_H
#define ISOBAR_TEST_QUOTA_WORLD_H

#include "../../coordinator/quota.h"
#include "../../coordinator/quota_deal.h"
#include "../../fetcher/meter.h"
#include "api.h"
#include "entropy.h"

#include <stdbool.h>

#define FETCHERS   16
#define FORMER     48 /* processes that were killed in the last minute */
#define CALLS_MAX  8  /* at a time of one fetcher */
#define NOTES      64 /* of the ledger that Redis may go back to */
#define CITIES_MAX 1000
#define TICK_MS    INT64_C(10000) /* between two rounds of heartbeats, dealing, notes and targets */

struct config {
    const char *limits;
    int64_t call_milli; /* of a place */
    int64_t places_max; /* of a call */
    int fetchers;       /* at first; faults change how many there are */
    int cities;         /* each is asked each `interval_ms`; 0: there is always something to ask */
    int64_t interval_ms;
    int64_t days;
    int64_t fault_ms; /* mean time between two faults; 0: none */
    bool losses;      /* faults of Redis are among them */
    bool forgetful;   /* a mutant: a new leader begins with an empty ledger and all of the credit */
    uint64_t seed;
};

struct fetcher {
    bool alive;
    int64_t incarnation, ahead_ms; /* its clock */
    int64_t again_ms;              /* when it starts again */
    int64_t cut_ms;                /* until when nothing passes */
    struct meter meter;
    int32_t share_milli; /* in force */
    bool current;        /* it has seen the last target */
    int64_t ends_ms[CALLS_MAX], weights[CALLS_MAX];
    int running;
    /* as its leader knows it */
    struct quota_share share;
    int64_t asked_ms;
};

struct world {
    struct config config;
    struct jitter random;
    int64_t now_ms, next_fault_ms, leader_ms; /* leader_ms: when there is one again */
    int64_t redis_ahead_ms, leader_ahead_ms;  /* Redis' clock, and as the leader took it */
    struct fetcher fetchers[FETCHERS];
    int wanted; /* how many are to be there */
    struct quota_share former[FORMER];
    struct quota_ledger ledger;
    size_t turn, notes;
    struct buf note[NOTES]; /* a ring */
    struct api api;
    int64_t asked_ms[CITIES_MAX]; /* when it was asked last */
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
/* faults.c: something happens. */
void fault_any(struct world *world);
/* faults.c: a fetcher ends at once; all that it knew is lost. */
void fault_kill(struct world *world, struct fetcher *fetcher);

#endif
