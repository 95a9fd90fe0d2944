/*
 * One partition's life in a worker: acquire, load, check, process, commit, release (docs/architecture.md, commit
 * protocol). All effects go through struct session_io and time is a parameter, so that a simulator can drive the same
 * code.
 *
 *   ACQUIRING -> LOADING -> CHECKING -> RUNNING -> RELEASING -> GONE
 *        ^__________ any failure ________|            STOPPED: needs an operator, with an alarm
 *
 * Exactly once rests on this: every commit names the id of its predecessor, every load is checked against our id, one
 * request is on the way at a time, and nothing is ever sent again: when an answer is missing the partition is acquired
 * anew. The acquire tells the id before it. When that is the one we expected, or that of our own commit without an
 * answer, what is in memory is still what is stored, plus what was applied since, and it is kept; else it is dropped
 * and loaded.
 *
 * That the log is the one the ledger is about is checked before it is read, and again and again while it is
 * (session_check.c).
 */
#ifndef WORKER_SESSION_H
#define WORKER_SESSION_H

#include "args.h"
#include "commit.h"
#include "entropy.h"
#include "kafka.h"
#include "ledger.h"
#include "pace.h"
#include "state.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

enum session_phase {
    SESSION_ACQUIRING,
    SESSION_LOADING,
    SESSION_CHECKING,
    SESSION_RUNNING,
    SESSION_RELEASING,
    SESSION_STOPPED,
    SESSION_GONE
};
enum session_script { SCRIPT_ACQUIRE, SCRIPT_LOAD, SCRIPT_COMMIT };

struct session;

/* A record of the log that was applied; offset -1: none. */
struct mark {
    int64_t offset;
    uint64_t hash;
};

/* What the log is compared with when a check of it is answered: the session goes on while one is under way. */
struct asked_log {
    int64_t offset;     /* next to read */
    struct mark record; /* applied last */
    struct mark anchor; /* found in the log before, or the first applied since */
    int64_t at_ms;
};

/* What a session does to the world. Answers come back through session_reply and session_checked with the same ticket.
 */
struct session_io {
    void *arg;
    void (*eval)(void *arg, struct session *session, enum session_script script, size_t keys, struct args *args,
                 uint64_t ticket);
    void (*check)(void *arg, struct session *session, const int64_t offsets[KAFKA_CHECK_RECORDS], uint64_t ticket);
    int (*assign)(void *arg, int32_t partition, int64_t offset);
    void (*unassign)(void *arg, int32_t partition);
    void (*note_offset)(void *arg, int32_t partition, int64_t offset);
    void (*letter)(void *arg, struct session *session, const char *reason, const struct kafka_record *record,
                   int64_t row);
    void (*forget_letters)(void *arg, struct session *session);
    /* The rules of that version, kept as long as the session; NULL: they were asked for, session_rules brings them. */
    const struct rules *(*rules)(void *arg, struct session *session, int64_t version);
    /* "acquire" or "commit": from the expected to the next id; `offset` is what the ledger then has. */
    void (*journal)(void *arg, const struct session *session, const char *what, const struct commit_ids *ids,
                    int64_t offset);
    /* A commit was acknowledged: state.sent has what it stored. */
    void (*committed)(void *arg, struct session *session);
    void (*released)(void *arg,
                     struct session *session); /* it is GONE; the owner tells the coordinator and frees it later */
    void (*resume)(void *arg);                 /* records that were refused may be offered again */
    void (*distrust)(void *arg, const char *reason); /* the connection gave an answer that cannot be: close it */
};

struct session_config {
    const struct session_io *io;
    struct worker_metrics *metrics;
    const char *prefix, *owner, *cluster_id, *topic; /* owner: "<member>/<incarnation in hex>" */
    int32_t partitions;
    int64_t commit_ms, commit_max_ms, commit_fields;
    int64_t check_ms; /* between two checks of a running partition's log */
    struct batch
        *batch; /* decoder and arguments, shared by all sessions: each call is done with them when it returns */
    struct args *args;
    struct cache *cache;
    struct pace *pace; /* of acquires, shared by all sessions; NULL: no limit */
};

struct session {
    const struct session_config *config;
    int32_t partition;
    int64_t number; /* assignment number; negative: refused, its absolute value is the least that helps */
    int64_t asked;  /* number of the last acquire */
    enum session_phase phase;
    struct state state;
    bool has_state;
    char cid[CID_BYTES];      /* of the ledger, as far as we know */
    char next[CID_BYTES];     /* of the commit that has no answer (state.sent.any) */
    char acquired[CID_BYTES]; /* of the acquire on the way */
    uint64_t ticket;          /* of the request on the way; 0: none */
    bool resolving;           /* the load on the way is of folded records */
    bool assigned;
    bool releasing;        /* wanted back by the coordinator */
    int64_t letters;       /* dead letters on the way */
    int64_t rules_version; /* of the rules it waits for; 0: none */
    int64_t due_ms;        /* next thing to do by the clock; INT64_MAX: nothing */
    int64_t paced_ms;      /* when the next acquire may be sent; 0: not asked yet */
    int64_t sent_ms, committed_ms;
    int64_t progress_ms; /* monotonic, when the committed offset last moved or there was nothing to read */
    int64_t last_offset; /* largest committed offset seen by this process; -1 none */
    struct asked_log asked_log;
    uint64_t check_ticket; /* of a check while it runs; 0: none is under way */
    int64_t check_ms;      /* when the next one is due */
    int64_t held_ms;       /* no commit is sent before; 0: the log was found to be the same */
    int64_t doubt_ms;      /* when commits were last held; 0 never */
    bool doubted;          /* since the check under way was sent */
    int64_t misfit_offset; /* next to read when the log did not fit the ledger; -1: it does */
    int64_t failed_offset; /* next to read when the consumer last failed; -1 never */
    int64_t tick_ms;       /* monotonic, when the last tick was produced */
    int attempt;
    bool full; /* refused records; asked to resume when it can take more */
    struct jitter jitter;
    char alarm[512];
    struct session *next_gone; /* the owner's */
};

/* A session that begins to acquire. `config` is borrowed. */
struct session *session_new(const struct session_config *config, int32_t partition, int64_t number, int64_t now_ms)
    __attribute__((returns_nonnull, warn_unused_result));
/* Drops what it holds, unassigns the partition, and frees it. */
void session_free(struct session *session);
/*
 * The coordinator's target names another number: it is taken for the next acquire, and a session that was refused or
 * has STOPPED tries again at once. Without effect while it is being released.
 */
void session_renumber(struct session *session, int64_t number);
/* The largest assignment number seen for the partition, or one more when that belongs to somebody else. */
int64_t session_number(const struct session *session);
/* Finishes what was applied, commits and lets go. */
void session_release(struct session *session, int64_t now_ms);
/* Does what is due. Call when due_ms has passed. */
void session_step(struct session *session, int64_t now_ms);
/* Offers `count` records of this partition in offset order; returns how many were taken. */
size_t session_records(struct session *session, const struct kafka_record *records, size_t count, int64_t now_ms);
/* The answer to a script; `ticket` tells an outdated one. */
void session_reply(struct session *session, uint64_t ticket, int status, const struct store_reply *reply,
                   int64_t now_ms);
/*
 * Checks, when that is due, that the log of a running partition is still the one that was read. What is applied and
 * committed meanwhile goes on. Call about once a second.
 */
void session_watch(struct session *session, int64_t now_ms);
/*
 * Something happened to the topic or its brokers (kafka_doubt_fn): the log of a running partition is checked at once,
 * and no commit sent before it is known to be the same, for three seconds at most.
 */
void session_doubt(struct session *session, int64_t now_ms);
/* The answer to `check`; as session_reply. */
void session_checked(struct session *session, uint64_t ticket, const struct kafka_check *check, int64_t now_ms);
/*
 * The consumer cannot go on with this partition: it is acquired and its log checked again; when the same offset fails
 * once more, the partition stops with an alarm.
 */
void session_failed(struct session *session, const char *reason, int64_t now_ms);
/*
 * The rules of `version` are at hand (struct session_io), or they cannot be had, for `reason`: a session that waits for
 * them goes on, or stops.
 */
void session_rules(struct session *session, int64_t version, const char *reason, int64_t now_ms);
/* The last dead letter on the way was acknowledged. */
void session_letters_done(struct session *session, int64_t now_ms);
/* Name of a phase for logs, e.g. "running". */
const char *session_phase_name(enum session_phase phase);

#endif
