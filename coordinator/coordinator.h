/*
 * A coordinator around its tables: the lease decides whether it leads; as the leader it hears members, plans, and sends whole
 * target states. Owned by main.c.
 */
#ifndef COORDINATOR_COORDINATOR_H
#define COORDINATOR_COORDINATOR_H

#include "assign.h"
#include "catalogue.h"
#include "channel.h"
#include "daemon.h"
#include "lease.h"
#include "log.h"
#include "member.h"
#include "metrics.h"
#include "options.h"
#include "store.h"

#define MOVES_KEPT 100

enum leading { LEAD_NOT, LEAD_READING, LEAD_SETTLING, LEAD_ACTING };

/* What a member last said of a slot it holds. */
struct slot_view {
    Isobar__V1__PartitionPhase phase;
    int64_t offset, lag, lag_ms, progress_age_ms, clock_ms, watermark_ms, rows;
    int64_t missed_ms;        /* monotonic, since when its owner does not report it; 0: it does */
    int32_t cities, failing;  /* shards */
    int64_t catalogue_version;
    char alarm[256];
};

struct slots {
    const char *kind; /* "partition" or "shard" */
    Isobar__V1__Role role;
    struct slot *slots;
    struct slot_view *views;
    int64_t number;   /* largest ever heard or given */
};

struct move {
    int64_t at_ms;
    const char *kind;
    int32_t index;
    char from[65], to[65], reason[96];
};

struct coordinator {
    const struct coordinator_options *options;
    struct coordinator_metrics metrics;
    struct daemon *daemon;
    struct loop *loop;
    struct store *store;
    struct lease *lease;
    struct channel *channel;
    struct loop_timer *timer;
    char id[80];
    enum leading leading;
    int64_t term, settle_ms;
    int32_t partition_count;
    char topic[256];
    struct members members;
    struct slots partitions, shards;
    struct catalogue *catalogue;
    struct move moves[MOVES_KEPT]; /* a ring */
    size_t move_count;             /* ever */
    char reason[96];               /* of the plan under way */
    bool plan_due;
    int64_t published_ms, asked_ms;
    struct log_limit redis_limit, meta_limit;
};

int coordinator_start(struct coordinator *coordinator, struct daemon *daemon);
void coordinator_drain(struct coordinator *coordinator);
void coordinator_release(struct coordinator *coordinator);
void coordinator_missing(const struct coordinator *coordinator, struct buf *out);

/* ---- leader.c: what a leader does ---- */

/* The lease came or went. */
void leader_changed(struct coordinator *coordinator, bool held);
/* Four times a second while leading: ages members, plans, sends, publishes. */
void leader_tick(struct coordinator *coordinator);
/* A message of a member. */
void leader_message(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope);
/* Remembers why the next plan is made. */
void leader_plan(struct coordinator *coordinator, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- orders.c: targets ---- */

/* Plans both kinds of slots and the quota, and sends what changed. */
void orders_plan(struct coordinator *coordinator);
/* Sends the member its target when it changed or was not acknowledged. */
void orders_send(struct coordinator *coordinator, struct member *member, int64_t now_ms);

/* ---- publish.c: the leader's view ---- */

/* Appends the JSON of docs/contracts.md. */
void publish_view(const struct coordinator *coordinator, int64_t wall_ms, int64_t now_ms, struct buf *out);
/* Writes it to Redis. */
void publish(struct coordinator *coordinator);
/* Adds an entry to the audit stream. */
void publish_audit(struct coordinator *coordinator, const char *what, const char *who, const char *detail);

#endif
