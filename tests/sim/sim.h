/*
 * A simulated world around the real components: coordinators, workers, fetchers and the link between them are linked
 * unchanged, and this directory implements what they stand on (loop.h, clock.h, entropy.h, log.h, daemon.h, channel.h,
 * store.h, kafka.h, transfer.h) on one virtual clock and one seeded generator. A seed decides everything, so it can be
 * played again.
 *
 *   life.c       processes: start, drain, crash, pause            edge.c     loop, clocks, ids, log, daemon
 *   event.c      the queue of events                              network.c  channels between processes
 *   chaos.c      what goes wrong, and when that ends              store.c    a connection to Redis
 *   outage.c     the same for Redis and Kafka                     redis*.c   Redis: data, commands, requests
 *   operator.c   an operator and the commands                     kafka.c    consumer and producer
 *   feed.c       what is in the log, and what it must add up to   reference.c  the alerts of the log
 *   api.c        the weather API, and the quota
 *   check.c      invariants of ledgers, at each step              settle.c   held = target, after the faults
 *   anew.c       another log in its place
 *
 * One world at a time, in the global `world`, since the interfaces implemented here have no place for a pointer to it.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "entropy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKERS_MAX      4
#define COORDINATORS_MAX 3
#define FETCHERS_MAX     3
#define NODES_MAX        (WORKERS_MAX + COORDINATORS_MAX + FETCHERS_MAX + 1)
#define PARTITIONS_MAX   6
#define WALL_START_MS    INT64_C(1790000000000)
#define PREFIX           "isobar:"
#define TOPIC            "weather.observations"
#define LETTER_TOPIC     "weather.deadletter"
#define CLUSTER          "simulated-cluster-id"
/* Version n of the rules, from 1 on: sizes come, and lateness shrinks and grows again. */
#define RULES_VERSIONS 3
#define RULES_WINDOWS                                                                                                  \
    (const char *const[RULES_VERSIONS])                                                                                \
    {                                                                                                                  \
        "", "30m = 6h\n2h/10m = sliding\n", "30m = 6h\n20m = 6h\n"                                                     \
    }
#define RULES_LATENESS                                                                                                 \
    (const int64_t[RULES_VERSIONS])                                                                                    \
    {                                                                                                                  \
        3600000, 2400000, 3600000                                                                                      \
    }
/* With windows and lateness in minutes. Temperatures are 0 to 19 degC. */
#define RULES                                                                                                          \
    "[windows]\n%s10m = 2h\n1h = 6h\n1d = 2y\n\n[time]\nlateness = %lldm\nallowed_delay = 5m\nidle = 15m\n"            \
    "[alert warm]\nmetric = temperature\nabove = 10\nclear = 8\n"                                                      \
    "[alert cool]\nmetric = temperature\nwindow = 1h\nstatistic = mean\nbelow = 9.5\nfor = 10m\n"                      \
    "stale = clear\nstale_after = 30m\n"                                                                               \
    "[alert gone]\nmetric = temperature\nabove = 50\nstale = raise\nstale_after = 20m\n"

/* Faults of the protocol itself, switched on to show that they are seen. */
enum mutant {
    MUTANT_NONE,
    MUTANT_CID,    /* commit does not compare the commit id */
    MUTANT_LOAD,   /* load does not */
    MUTANT_RESEND, /* a commit whose connection breaks is sent again, and the store takes it by its offset */
    MUTANT_AFTER,  /* counters are written a moment after the rest of the commit */
    MUTANT_RESET,  /* the consumer begins at the log's end now and then, as with auto.offset.reset=latest */
    MUTANT_STALL,  /* the leader does not look at progress */
    MUTANT_SHARD,  /* the leader gives a fetcher a shard of another now and then */
    MUTANT_QUOTA   /* the leader takes each share that it sends for acknowledged */
};
#define MUTANTS 9

/* ---- event.c ---- */

struct node;
struct event;
typedef void event_fn(struct event *event);

/* Embedded in what it is about. */
struct event {
    int64_t at_ms;
    uint64_t number; /* events of one millisecond come in the order in which they were set */
    size_t place;    /* in the queue, from 1; 0: not set */
    event_fn *fn;
    event_fn *drop;    /* frees its owner when the world ends; NULL: that is somebody else's to do */
    struct node *node; /* whose process handles it: it waits while that is paused; NULL: nobody's */
    bool timer;
};

/* Sets it (anew) for `at_ms`, or for now when that is past. */
void event_at(struct event *event, int64_t at_ms);
/* Takes it off. */
void event_cancel(struct event *event);
/* Runs the next event; false when there is none. */
bool event_run(void);
/* A process goes on or has ended: what waited for it comes now, timers before or after the rest. */
void event_wake(struct node *node);
/* Drops all of them. */
void events_clear(void);

/* ---- the world ---- */

enum node_kind { NODE_COORDINATOR, NODE_WORKER, NODE_FETCHER, NODE_OPERATOR };

struct channel;
struct store;
struct kafka_consumer;

struct node {
    int index;
    enum node_kind kind;
    char id[24], endpoint[40];
    bool alive, paused, ending; /* ending: it has asked to stop */
    bool dead;                  /* being freed after a crash: nothing it does has an effect */
    int64_t cut_ms[NODES_MAX];  /* until when messages to that node do not arrive */
    int64_t redis_cut_ms;       /* the same for Redis */
    int64_t wall_ms;            /* its wall clock is ahead by that */
    uint32_t wedged;            /* partitions, by bit, that it holds and gets no record of, in this life */
    int64_t woken_ms;           /* when it started, went on, or got records again last */
    uint64_t lives;
    struct channel *channel;
    struct store *store;
    struct kafka_consumer *consumer;
    struct event life; /* next start, end of a pause or a drain */
    struct event **waiting;
    size_t waiting_count, waiting_capacity;
    void *process; /* as in process.h */
};

/* Odds per 1,000 while faults last, drawn per seed. */
struct odds {
    int64_t message_lost, message_twice, message_late, request_late, answer_lost, broker_error, scan_short;
    int64_t api_error;
    int64_t unacquire, zombie; /* outage_outdated, chaos_acquired */
    uint32_t kinds;            /* of chaos.c that occur */
    int64_t chaos_ms;          /* mean time between two of them */
};

struct counters {
    int64_t seeds, steps, records, commits, acquires, mismatches, crashes, pauses, drains, rollbacks, cuts, stalls;
    int64_t answers_lost, late_commits, messages, settle_ms_sum, settle_ms_max, kept;
    int64_t wedges, clocks, emptied, stops, orders, calls;
};

struct world {
    uint64_t seed;
    int64_t now_ms, faults_end_ms;
    uint64_t steps;
    struct jitter random;
    struct odds odds;
    enum mutant mutant;
    bool trace, faults; /* say what happens; faults still occur */
    bool only_clocks;   /* the only fault is that wall clocks are set */
    bool anew;          /* the topic was made anew: what is read of it must not matter */
    struct node nodes[NODES_MAX];
    int node_count, coordinators, workers, fetchers; /* in this order, and the operator at last */
    const struct node *current;                      /* whose code runs; NULL: nobody's */
    int32_t partitions;
    int64_t calls_per_minute; /* the quota; -1: none */
    int64_t calls_per_hour;   /* of the account; -1: none */
    char quota[64];           /* both, when there is a limit per hour */
    int64_t broker_down_ms;   /* until when Kafka does not answer */
    struct counters *counters;
};

extern struct world world;

/* Uniform in [low, high]. */
int64_t between(int64_t low, int64_t high);
/* True `permille` times of 1,000. */
bool chance(int64_t permille);
/* As chance, while faults last. */
bool fault(int64_t permille);
/* Notes what happens, for the account of a violation. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An invariant is broken: tells it, with what happened before, and ends the process. */
void violation(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- life.c ---- */

/* Makes the nodes and lets them start. */
void life_begin(void);
/* Frees them. */
void life_end(void);
/* Kills it: all memory is lost. It starts again at `again_ms` under the same id. */
void life_crash(struct node *node, int64_t again_ms);
/* Stops it until `until_ms`, as SIGSTOP does. */
void life_pause(struct node *node, int64_t until_ms);
/* SIGTERM; it starts again some time after it has ended. */
void life_drain(struct node *node);
/* The process has asked to end (daemon_stop). */
void life_ending(struct node *node, int code);

/* ---- outage.c: what goes wrong with Redis and Kafka ---- */

/* Faults, as chaos.c draws them. */
void outage_stall(void);
void outage_restart(void);
void outage_rollback(void);
void outage_replace(void); /* Redis is emptied, or another one is in its place; the right one comes back later */
void outage_flush(void);
void outage_broker(void);
void outage_retention(void);
void outage_catalogue(void); /* none of these, but as untimely: isobarctl init writes a new catalogue */
/* Nothing is planned. */
void outages_begin(void);
/* A process that does not know that another has acquired the partition reads it: the moment to go back before that. */
void outage_outdated(const struct node *node, int32_t partition);

/* ---- network.c, store.c, kafka.c: what faults do ---- */

/* Breaks the node's connection to Redis: what is on the way may still be executed, and late. */
void store_cut(struct store *store, const char *reason);
/* Answers on the present connection do not come any more. */
void store_mute(struct store *store);
/* Tells the consumer that it cannot read a partition, once per offset. */
void consumer_fail(struct kafka_consumer *consumer);
/* Something happened to the topic. */
void consumer_doubt(struct kafka_consumer *consumer);
/* Records were appended, or may be offered again (partition -1). */
void consumer_hint(struct kafka_consumer *consumer, int32_t partition);

/* ---- chaos.c ---- */

/* Draws the odds of this seed and lets faults come until world.faults_end_ms. */
void chaos_begin(void);
/* A time between the two, from now, that is not beyond the faults' end. */
int64_t chaos_until(int64_t low_ms, int64_t high_ms);
/* The process has acquired a partition: the moment to be stopped, before it reads. */
void chaos_acquired(struct node *node);

/* ---- operator.c ---- */

/* The operator's process. */
void operator_start(struct node *node);
void operator_free(struct node *node);
/* Gives a command at random, unless one is still without an answer. */
void operator_order(void);
/* Whether the operator wants the member drained after the faults. */
bool operator_drains(const struct node *node);

/* ---- api.c ---- */

/* No call was made yet. */
void api_begin(void);
/* The shares in force and the calls made are within the quota. */
void api_check(void);

/* ---- settle.c ---- */

/* True when held = target, all partitions run, and all is read. `why` (256 bytes) tells what is missing. */
bool settled(char *why);

/* ---- anew.c ---- */

/* In some settled worlds: the topic is made anew and filled. All partitions must stop, and none be read on. */
void anew_play(void);

/* ---- check.c ---- */

struct Isobar__V1__Envelope;
/* A leader sends a target. */
void check_target(const struct node *node, const struct Isobar__V1__Envelope *envelope);

/* After each step. */
void check_step(void);
/* Compares what is in Redis with what the log must add up to, and what leaders counted with what happened. */
void check_results(void);

#endif
