/*
 * A coordinator around its tables. The lease decides whether it leads; as the leader it reads what Redis knows, listens
 * to what members hold, and then plans and sends whole target states. Owned by main.c.
 *
 * Time is `now_ms` and `wall_ms`, which whoever wakes the coordinator sets before (coordinator_wake), so that the rules
 * read no clock; the way to members is `post`, so that they need no socket.
 */
#ifndef COORDINATOR_COORDINATOR_H
#define COORDINATOR_COORDINATOR_H

#include "account.h"
#include "assign.h"
#include "backlog.h"
#include "catalogue.h"
#include "channel.h"
#include "daemon.h"
#include "drained.h"
#include "lease.h"
#include "load.h"
#include "log.h"
#include "member.h"
#include "metrics.h"
#include "options.h"
#include "post.h"
#include "progress.h"
#include "store.h"
#include "webhook.h"

#define MOVES_KEPT   100
#define ANSWERS_KEPT 32
#define COUNTER_LIMIT                                                                                                  \
    (INT64_C(1) << 52) /* terms, versions and assignment numbers stay below: JSON and Lua know no larger */

/* NOT -> READING (Redis) -> SETTLING (listening to members) -> ACTING; from all of them to NOT. */
enum leading { LEAD_NOT, LEAD_READING, LEAD_SETTLING, LEAD_ACTING };

/* What a member last said of a slot it holds. */
struct slot_view {
    Isobar__V1__PartitionPhase phase;
    int64_t offset, lag, lag_ms, progress_age_ms, clock_ms, watermark_ms, rows;
    int64_t heartbeat;       /* serial of the last one that reported the slot */
    int64_t missed_ms;       /* monotonic, since when its owner does not report it; 0: it does */
    int32_t cities, failing; /* shards */
    int64_t catalogue_version;
    int64_t served_ms;      /* monotonic, when the catalogue was sent last */
    int64_t served_version; /* of that */
    int served;             /* times that it was sent without being taken */
    char alarm[256];
    /* Why it has its owner, or is leaving it; these stay when the owner changes. */
    char reason[192];
    int64_t since_ms;      /* Unix time of that; 0: not known */
    int64_t reason_number; /* assignment number under which that is so */
    enum assign_cause cause;
};

struct slots {
    const char *kind; /* "partition" or "shard" */
    Isobar__V1__Role role;
    struct slot *slots;
    struct slot_view *views;
    struct load *loads;
    int64_t number;   /* largest ever heard or given */
    int64_t level_ms; /* monotonic, when anything was moved last */
};

struct move {
    int64_t at_ms;
    const char *kind;
    int32_t index;
    char from[65], to[65], reason[192];
};

/* What an operator's command was answered; id 0: unused. */
struct answered {
    int64_t id;
    bool pending; /* Redis is asked */
    bool ok;
    int64_t number;
    char text[192];
};

struct reading;

struct coordinator {
    const struct coordinator_options *options;
    struct coordinator_metrics metrics;
    struct daemon *daemon;
    struct loop *loop;
    struct store *store;
    struct lease *lease;
    struct channel *channel;
    struct curve_server *curve; /* NULL: plain */
    struct webhook *webhook;    /* NULL: none */
    struct loop_timer *timer;
    struct post post;
    char id[80];
    const char *endpoint;
    int64_t now_ms, wall_ms; /* monotonic and Unix time of what is being handled */
    int64_t redis_ahead_ms;  /* Redis' Unix time, by which views are dated, minus our monotonic time */
    enum leading leading;
    struct reading *reading; /* under way; NULL: none */
    int64_t term;
    int64_t settle_ms, settle_limit_ms;
    int32_t partition_count; /* 0 until it is read */
    char topic[256];
    struct members members;
    struct slots partitions, shards;
    struct progress *progress; /* of partitions */
    struct drained drained;
    struct answered answers[ANSWERS_KEPT]; /* a ring */
    size_t answer_count;                   /* ever */
    struct backlog backlog;                /* of audit and moves */
    struct accounts accounts;
    int64_t dealt_ms; /* monotonic, when grants were dealt last */
    struct catalogue *catalogue;
    int64_t catalogue_told; /* version in the last targets of fetchers */
    int64_t every_ms;       /* time between polls that limits must suffice for; 0: as the provider has it */
    int64_t started_ms;
    int64_t heartbeats;            /* heard so far, their serial number */
    struct move moves[MOVES_KEPT]; /* a ring */
    size_t move_count;             /* ever */
    int64_t causes[CAUSE_COUNT];   /* changes of owner by cause, ever */
    char reason[96];               /* of the plan under way */
    bool plan_due, reason_noted;   /* noted: the audit has it */
    int64_t published_ms, planned_ms, asked_ms;
    int notes;           /* views on their way to Redis */
    struct buf standbys; /* "<id> <endpoint>" a line, as Redis said last */
    bool standbys_asked; /* the answer is on its way */
    int64_t standbys_ms; /* monotonic, when they are asked for next */
    int64_t refused;     /* messages that the rules refused; the channel counts others */
    struct log_limit redis_limit, meta_limit, duplicate_limit;
};

/* ---- coordinator.c: the process ---- */

/* Connects, listens and begins to try for the lease; the exit code tells what was wrong (EXIT_CODE_OK: nothing). */
int coordinator_start(struct coordinator *coordinator, struct daemon *daemon);
/* Gives the lease back, so that a standby takes over at once, then stops the daemon. */
void coordinator_drain(struct coordinator *coordinator);
/* Frees what coordinator_start made. */
void coordinator_release(struct coordinator *coordinator);
/* Appends what is missing for readiness. */
void coordinator_missing(const struct coordinator *coordinator, struct buf *out);

/* Takes the time; before everything below, by whoever was called by the loop. */
void coordinator_wake(struct coordinator *coordinator);

/* ---- security.c: who may connect ---- */

/* Checks bind and advertise, and reads the keys. False with text in `error`. */
bool security_start(struct coordinator *coordinator, struct buf *error) __attribute__((warn_unused_result));
/* The loop's: reads the allow list again. A list that cannot be used leaves the old one. */
void security_reload(void *arg, int signo);

/* ---- redirect.c: a standby's answers ---- */

/* Tells a member that says HELLO or HEARTBEAT who leads as Redis has it; silent while that is not known. */
void redirect_answer(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope);

/* ---- reading.c: what Redis knows ---- */

/* Once a second: begins or repeats the reading of a new leader; later looks for a new version of the catalogue. */
void reading_tick(struct coordinator *coordinator);
/* Forgets a reading under way; its answers meet nobody. */
void reading_abandon(struct coordinator *coordinator);

/* ---- grant.c: limits of an hour and more ---- */

/* Name of the key in Redis with what is noted of an account. */
void grant_key(const struct coordinator *coordinator, const struct account *account, char *key, size_t size);
/*
 * Begins the account's ledger anew with what was read of a former leader's note; `note` NULL: there is none. `fresh`:
 * nobody has ever led here.
 */
void grant_restore(struct coordinator *coordinator, struct account *account, const char *note, size_t size, bool fresh);
/* Takes what a fetcher's heartbeat says of its accounts. */
void grant_heard(struct coordinator *coordinator, struct member *member, const Isobar__V1__Heartbeat *heartbeat);
/* With each tick of a leader that acts: deals out what may be used, and notes it in Redis before it is told. */
void grant_tick(struct coordinator *coordinator);
/* Fills the grant that the fetcher may be told now; false when its account has no such limit. */
bool grant_fill(const struct coordinator *coordinator, struct member_account *of, Isobar__V1__QuotaGrant *grant);
/* For how much longer the API refuses calls on the account of that name, by what any fetcher said, ms; 0: not. */
int64_t grant_limited_ms(const struct coordinator *coordinator, const char *name);
/* The limits of the account of that name: its own, or those of accounts that quota does not name. */
struct limits grant_limits(const struct coordinator *coordinator, const char *name);

/* ---- share.c: limits of a second and of a minute ---- */

/* Takes the shares that a fetcher's heartbeat says are in force. `current`: it has seen the last target. */
void share_heard(struct coordinator *coordinator, struct member *member, const Isobar__V1__Heartbeat *heartbeat,
                 bool current);
/* Divides every account's limits among those that call it; true when a share waits for a note. */
bool share_divide(struct coordinator *coordinator);
/* A note of all shares goes to Redis; share_noted: it is there, and no later one is on its way. */
void share_note(struct coordinator *coordinator);
void share_noted(struct coordinator *coordinator);

/* A fetcher's part of a target. Zero-initialise; the target borrows it. */
struct share_orders {
    Isobar__V1__QuotaGrant grants[MEMBER_ACCOUNTS], *grant_list[MEMBER_ACCOUNTS];
    Isobar__V1__QuotaShare shares[MEMBER_ACCOUNTS], *share_list[MEMBER_ACCOUNTS];
};
/* Fills shares and grants of the target of a fetcher. */
void share_fill(const struct coordinator *coordinator, struct member *member, struct share_orders *orders,
                Isobar__V1__Target *target);

/* ---- account_view.c: the quota, for people ---- */

struct json_t;
/* The object `quota` of the leader's view; the caller owns it. */
struct json_t *account_view(const struct coordinator *coordinator);
/* Appends the metric families with labels; nothing for who does not lead. */
void account_metrics(const struct coordinator *coordinator, struct buf *out);

/* ---- former.c: the former leader ---- */

/*
 * Takes the members of a leader's view (JSON of docs/contracts.md; anything else is ignored) into the table as silent
 * ones, when the view is not older than members are kept. Those that were live then are expected to say something soon.
 */
void former_restore(struct coordinator *coordinator, const char *view, size_t size);

/* ---- leader.c: the lead ---- */

/* The lease came or went. */
void leader_changed(struct coordinator *coordinator, bool held);
/* Redis was read: begins to listen under a term that is at least `term`. `topic` is copied. */
void leader_begin(struct coordinator *coordinator, int32_t partitions, const char *topic, int64_t term);
/* A member has seen a term that is not below ours: goes on above it, and notes that in Redis for those who lead later.
 */
void leader_raise(struct coordinator *coordinator, int64_t heard);
/* Four times a second: ages members, plans, sends, publishes. */
void leader_tick(struct coordinator *coordinator);
/*
 * Remembers why the next plan is made: for slots that nobody held before, and for the audit. Why a slot lost its owner
 * is told to leader_free_slots.
 */
void leader_plan(struct coordinator *coordinator, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Frees what the member holds; `happened` ends the sentence that begins with its id. */
void leader_free_slots(struct coordinator *coordinator, uint32_t key, const char *happened);
/* Sets the time and the reason of a slot's state. */
void leader_explain(struct coordinator *coordinator, struct slots *slots, size_t index, const char *reason);

/* ---- inbox.c: members' messages ---- */

/* A message of a member. */
void leader_message(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope);

/* ---- operator.c: operators' commands ---- */

/* A COMMAND; only a leader that acts carries it out and answers. */
void operator_command(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope);
/* Redis has it that the member is drained (`drain`), or no more: it is given nothing from now on, or is planned with.
 */
void operator_drained(struct coordinator *coordinator, const struct drained_member *like, bool drain);
/* A drain ends with the incarnation that it is about: it said BYE, or another came. */
void operator_forget(struct coordinator *coordinator, const char *id);

/* ---- report.c: what members hold ---- */

/* False when a number in the heartbeat is out of all reason. */
bool report_sane(const Isobar__V1__Heartbeat *heartbeat);
/*
 * Takes what a heartbeat says of the member's slots into the views. `current`: the member has seen its last target, so
 * what it does not mention it does not hold.
 */
void report_slots(struct coordinator *coordinator, struct member *member, const Isobar__V1__Heartbeat *heartbeat,
                  bool current);
/* Sends the shards that changed to their fetchers without waiting for heartbeats: for when a catalogue is new. */
void report_push(struct coordinator *coordinator);
/* Sends a fetcher the shards of which it has another version of the catalogue. */
void report_serve(struct coordinator *coordinator, const struct member *member, const Isobar__V1__Heartbeat *heartbeat);

/* ---- stall.c: suspicion by lack of progress ---- */

/* Takes what a worker reports of a partition of its own. */
void stall_report(struct coordinator *coordinator, const struct member *member,
                  const Isobar__V1__PartitionStatus *status);
/* With each tick of a leader that acts: moves what stands still, and ends pauses that are over. */
void stall_tick(struct coordinator *coordinator);

/* ---- orders.c: targets ---- */

/* Gives a partition to the member with that key, whoever has it now: the ledger fences that one. */
void orders_give(struct coordinator *coordinator, int32_t partition, uint32_t key);
/* Asks for a partition back, as the plan does. */
void orders_release(struct coordinator *coordinator, int32_t partition);

/* Plans both kinds of slots and the quota, and sends what changed. */
void orders_plan(struct coordinator *coordinator);
/* Divides the quota anew; members whose share changed get a target with the next orders_send. What is raised is noted
 * in Redis first. */
void orders_quota(struct coordinator *coordinator);
/* The view is in Redis: shares that waited for that are sent. */
void orders_noted(struct coordinator *coordinator);
/* Sends the member its target when it changed or was not acknowledged. */
void orders_send(struct coordinator *coordinator, struct member *member);

/* ---- publish.c: the leader's view ---- */

/* Appends the JSON of docs/contracts.md. */
void publish_view(const struct coordinator *coordinator, struct buf *out);
/* source_view.c: "alarms" and "sources" of the view (docs/contracts.md), for the caller to keep. */
struct json_t *source_alarms_json(const struct coordinator *coordinator);
struct json_t *source_ages_json(const struct coordinator *coordinator);
/* Writes it to Redis; then orders_noted. Nothing when Redis is away. */
void publish(struct coordinator *coordinator);
/* Adds an entry to the audit stream. */
void publish_audit(struct coordinator *coordinator, const char *what, const char *who, const char *detail);
/* Adds a move to the stream of moves, which outlives the leader. */
void publish_move(struct coordinator *coordinator, const struct move *move, int64_t number);
/* Writes what could not be written while Redis was away; leading or not, for it has happened. */
void publish_late(struct coordinator *coordinator);

#endif
