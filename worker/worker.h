/*
 * A worker process around its sessions: the connections they share, the coordinator's orders, and the clockwork. Owned
 * by main.c.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "ages.h"
#include "changes.h"
#include "commit_times.h"
#include "daemon.h"
#include "deadletter.h"
#include "link.h"
#include "log.h"
#include "meta.h"
#include "metrics.h"
#include "options.h"
#include "replay.h"
#include "session.h"

#include <stdio.h>

struct worker {
    const struct worker_options *options;
    struct worker_metrics metrics;
    struct daemon *daemon;
    struct loop *loop;
    struct store *store;
    struct store_script scripts[3]; /* by enum session_script */
    struct kafka_consumer *consumer;
    struct deadletters *letters;
    struct link *link;
    struct curve_client *curve; /* NULL: plain */
    struct loop_timer *timer, *meta_timer, *news_timer, *changes_timer;
    struct changes changes; /* of the partitions that run, for the log */
    struct meta meta;
    bool has_meta, draining, finished;
    struct rulebook *rulebook; /* rules that were read or are on the way */
    struct session_io io;
    struct session_config session_config;
    struct batch *batch; /* scratch of all sessions */
    struct args args;
    struct session **sessions; /* by partition; NULL: not held */
    size_t session_count;
    struct session *gone; /* freed when none of their functions can be on the stack */
    struct asked *checks; /* on the way to Kafka */
    struct cache cache;
    struct pace pace;
    int64_t incarnation, assignment_max;
    int64_t second_ms;    /* monotonic, when the clockwork that comes each second last did */
    int64_t running_told; /* partitions that ran when a heartbeat was last sent or due */
    char id[80], owner[120];
    struct replay replay; /* of a worker that replays; parts NULL until it is known */
    struct loop_timer *replay_timer;
    bool replay_asked;
    FILE *journal;
    struct log_limit redis_limit, kafka_limit;
    struct commit_times commit_times;
    struct ages ages;                                     /* of what was committed */
    Isobar__V1__PartitionStatus *statuses, **status_list; /* of the last heartbeat */
    Isobar__V1__SourceAge age_list[AGES_PROVIDERS], *age_pointers[AGES_PROVIDERS];
};

/* Connects and begins to read meta; the exit code tells what was wrong (EXIT_CODE_OK: nothing). */
int worker_start(struct worker *worker, struct daemon *daemon);
/* Frees what worker_start made. */
void worker_release(struct worker *worker);
/* Appends what is missing for readiness. */
void worker_missing(const struct worker *worker, struct buf *out);
/* Arms the timer for what is due next; after everything that may have changed a session. */
void worker_plan(struct worker *worker);

/* ---- intake.c ---- */

/* Makes the consumer and the producer of dead letters; false with text in `error`. */
bool worker_start_kafka(struct worker *worker, struct buf *error) __attribute__((warn_unused_result));
/*
 * After more than PAUSE_MS in which the process stood still logs are in doubt: no fetch was on the way that would have
 * told that the topic was made anew. Call before records are applied.
 */
void worker_awake(struct worker *worker, int64_t now_ms);

/* ---- replay_run.c: with the option replay ---- */

/* Asks the namespace what to replay, once; sessions begin with the answer. */
void worker_replay_ask(struct worker *worker);
/* Offers records of one partition as session_records; what is beyond its end, or too early, is passed over. */
size_t worker_replay_records(struct worker *worker, struct session *session, const struct kafka_record *records,
                             size_t count, int64_t now_ms);
/* After anything that sessions did: lets go of partitions that have ended, and ends the process when one has stopped.
 */
void worker_replay_step(struct worker *worker, int64_t now_ms);
/* True when the partition was held, and so is not assigned though its session takes it to be; it is not held now. */
bool worker_replay_unhold(struct worker *worker, int32_t partition);

/* ---- rulebook.c ---- */

/* The rules of that version, valid until worker_forget_rules; NULL: Redis is asked, and sessions are told. */
const struct rules *worker_rules(struct worker *worker, int64_t version);
/* Frees all rules: no session is there any more, nor the connection to Redis. */
void worker_forget_rules(struct worker *worker);

/* ---- effects.c ---- */

/* Fills worker->io. */
void worker_effects(struct worker *worker);
/* Frees what waits for answers of the consumer, which is freed. */
void worker_forget_checks(struct worker *worker);

/* ---- orders.c: the coordinator's side ---- */
extern const struct link_events worker_link_events; /* without arg */
/* Once a second: asks Redis who leads while no coordinator answers. */
void worker_find_leader(struct worker *worker);
/* Commits and releases everything, says BYE and stops the daemon. */
void worker_drain(struct worker *worker);
/* A session is GONE: tells the coordinator and puts it on the list `gone`. */
void worker_session_gone(struct worker *worker, struct session *session);

#endif
