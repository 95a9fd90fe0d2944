/*
 * What sessions do to the world (struct session_io): scripts in Redis, the consumer, dead letters, rules, the journal.
 * A session is found again by its partition and the ticket, so an answer that comes after it has gone meets nobody.
 */
#include "worker.h"

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "mutant.h"

#include <stdlib.h>

#define CHECK_TIMEOUT_MS   5000
#define RECHECK_TIMEOUT_MS 1000 /* while it runs: it can wait, and what is taken over must not wait for it */

struct asked {
    struct worker *worker;
    int32_t partition;
    uint64_t ticket;
    struct asked *next; /* of the worker's checks */
};

static struct asked *asked_new(struct worker *worker, const struct session *session, uint64_t ticket)
{
    struct asked *asked = mem_alloc(sizeof *asked);
    *asked = (struct asked){worker, session->partition, ticket, NULL};
    return asked;
}

static struct session *session_of(const struct asked *asked)
{
    return asked->worker->sessions ? asked->worker->sessions[asked->partition] : NULL;
}

/* ---- Redis ---- */

static void note_commit(struct worker *worker, int64_t took_ms, int status)
{
    worker->metrics.commit_microseconds_total += took_ms * 1000;
    if (status == 0)
        commit_times_note(&worker->commit_times, took_ms);
}

static void on_eval(void *arg, int status, const struct store_reply *reply)
{
    struct asked *asked = arg;
    struct worker *worker = asked->worker;
    struct session *session = session_of(asked);
    int64_t now = clock_monotonic_ms();
    if (session && session->ticket == asked->ticket) {
        if (session->phase == SESSION_RUNNING || session->phase == SESSION_RELEASING)
            note_commit(worker, now - session->sent_ms, status);
        session_reply(session, asked->ticket, status, reply, now);
        worker_plan(worker);
    }
    mutant_answered(worker->store, asked->ticket, reply);
    free(asked);
}

static void io_eval(void *arg, struct session *session, enum session_script script, size_t keys, struct args *args,
                    uint64_t ticket)
{
    struct worker *worker = arg;
    const char *const *pointers = args_pointers(args);
    if (script == SCRIPT_COMMIT)
        mutant_commit(pointers, keys, args->count, ticket);
    store_eval(worker->store, &worker->scripts[script], keys, args->count, pointers, args->sizes, on_eval,
               asked_new(worker, session, ticket));
}

static void io_distrust(void *arg, const char *reason)
{
    struct worker *worker = arg;
    store_reconnect(worker->store, reason);
}

/* ---- Kafka ---- */

static void on_check(void *arg, const struct kafka_check *check)
{
    struct asked *asked = arg;
    struct worker *worker = asked->worker;
    struct asked **place = &worker->checks;
    while (*place != asked)
        place = &(*place)->next;
    *place = asked->next;
    struct session *session = session_of(asked);
    if (session) {
        session_checked(session, asked->ticket, check, clock_monotonic_ms());
        worker_plan(worker);
    }
    free(asked);
}

static void io_check(void *arg, struct session *session, const int64_t offsets[KAFKA_CHECK_RECORDS], uint64_t ticket)
{
    struct worker *worker = arg;
    struct asked *asked = asked_new(worker, session, ticket);
    asked->next = worker->checks;
    worker->checks = asked;
    int64_t timeout_ms = session->phase == SESSION_RUNNING ? RECHECK_TIMEOUT_MS : CHECK_TIMEOUT_MS;
    kafka_consumer_check(worker->consumer, session->partition, offsets, timeout_ms, on_check, asked);
}

static int io_assign(void *arg, int32_t partition, int64_t offset)
{
    struct worker *worker = arg;
    (void)worker_replay_unhold(worker, partition); /* it is read from here now */
    return kafka_consumer_assign(worker->consumer, partition, offset);
}

static void io_unassign(void *arg, int32_t partition)
{
    struct worker *worker = arg;
    if (!worker_replay_unhold(worker, partition) && kafka_consumer_unassign(worker->consumer, partition) != 0)
        log_warn("unassign_failed", LOG_INT("partition", partition));
}

static void io_resume(void *arg)
{
    struct worker *worker = arg;
    kafka_consumer_resume(worker->consumer);
}

static void io_note(void *arg, int32_t partition, int64_t offset)
{
    struct worker *worker = arg;
    if (worker->options->replay)
        return; /* the group's offsets are those of the workers that go on with the log */
    kafka_consumer_note_offset(worker->consumer, partition, offset);
}

/* ---- dead letters, journal, the end ---- */

static void io_letter(void *arg, struct session *session, const char *reason, const struct kafka_record *record,
                      int64_t row)
{
    struct worker *worker = arg;
    if (worker->options->replay)
        return; /* it was sent when the record was processed first */
    deadletters_send(worker->letters, reason, record, row, &session->letters);
}

static void io_forget(void *arg, struct session *session)
{
    struct worker *worker = arg;
    deadletters_forget(worker->letters, &session->letters);
}

static const struct rules *io_rules(void *arg, struct session *session, int64_t version)
{
    (void)session; /* all that wait for them are told */
    return worker_rules(arg, version);
}

static void io_journal(void *arg, const struct session *session, const char *what, const struct commit_ids *ids,
                       int64_t offset)
{
    struct worker *worker = arg;
    if (!worker->journal)
        return;
    fprintf(worker->journal, "%s %d %s %s %s %lld %lld\n", what, session->partition, worker->owner, ids->expected,
            ids->next, (long long)offset, (long long)clock_monotonic_ms());
    fflush(worker->journal);
}

/* Of cities that have changed again since, the next commit tells. */
static void io_committed(void *arg, struct session *session)
{
    struct worker *worker = arg;
    const struct sent *sent = &session->state.sent;
    int64_t now = clock_wall_ms();
    for (size_t i = 0; i < sent->city_count; i++) {
        struct city_entry *entry = sent->cities[i];
        const struct latest *latest = &entry->city.latest;
        if (!entry->fresh || entry->dirty)
            continue;
        entry->fresh = false;
        ages_note(
            &worker->ages, latest->provider,
            (const int64_t[AGES_STAGES]){latest->observed_at_ms, latest->fetched_at_ms, latest->produced_at_ms, now});
    }
}

static void io_released(void *arg, struct session *session)
{
    worker_session_gone(arg, session);
}

void worker_effects(struct worker *worker)
{
    worker->io = (struct session_io){.arg = worker,
                                     .eval = io_eval,
                                     .check = io_check,
                                     .assign = io_assign,
                                     .unassign = io_unassign,
                                     .note_offset = io_note,
                                     .letter = io_letter,
                                     .forget_letters = io_forget,
                                     .rules = io_rules,
                                     .journal = io_journal,
                                     .committed = io_committed,
                                     .released = io_released,
                                     .resume = io_resume,
                                     .distrust = io_distrust};
}

void worker_forget_checks(struct worker *worker)
{
    while (worker->checks) {
        struct asked *next = worker->checks->next;
        free(worker->checks);
        worker->checks = next;
    }
}
