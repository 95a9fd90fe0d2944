/* See session.h. Phases, orders from the coordinator, and what failures do; the rest is in session_takeover,
 * session_check and session_commit. */
#include "session_internal.h"

#include "error.h"
#include "failpoint.h"
#include "log.h"
#include "mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_BASE_MS 50
#define RETRY_CAP_MS  1000

static const char *const phase_names[] = {"acquiring", "loading", "checking", "running",
                                          "releasing", "stopped", "gone"};

const char *session_phase_name(enum session_phase phase)
{
    return phase_names[phase];
}

void session_enter(struct session *session, enum session_phase phase)
{
    struct worker_metrics *metrics = session->config->metrics;
    metrics->partitions_running += (phase == SESSION_RUNNING) - (session->phase == SESSION_RUNNING);
    metrics->partitions_stopped += (phase == SESSION_STOPPED) - (session->phase == SESSION_STOPPED);
    session->phase = phase;
}

/* ---- ends ---- */

void session_let_go(struct session *session)
{
    const struct session_io *io = session->config->io;
    if (session->assigned)
        io->unassign(io->arg, session->partition);
    session->assigned = false;
    session->check_ticket = 0; /* an answer on the way is about what is not read any more */
    session->held_ms = 0;
    if (session->full) {
        session->full = false;
        io->resume(io->arg); /* what it held up are other partitions' records too */
    }
}

void session_drop(struct session *session)
{
    const struct session_io *io = session->config->io;
    session_let_go(session);
    io->forget_letters(io->arg, session);
    session->letters = 0;
    if (session->has_state)
        state_release(&session->state);
    session->has_state = false;
    session->resolving = false;
    session->rules_version = 0;
    session->ticket = 0;
}

void session_gone(struct session *session)
{
    session_drop(session);
    session_enter(session, SESSION_GONE);
    session->due_ms = SESSION_NEVER;
    session->config->io->released(session->config->io->arg, session);
}

void session_stop(struct session *session, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(session->alarm, sizeof session->alarm, format,
              args); // NOLINT(clang-analyzer-valist.Uninitialized): it is
    va_end(args);
    log_error("partition_stopped", LOG_INT("partition", session->partition), LOG_TEXT("alarm", session->alarm));
    session_drop(session);
    if (session->releasing) {
        session_gone(session);
        return;
    }
    session_enter(session, SESSION_STOPPED);
    session->due_ms = SESSION_NEVER;
}

void session_retry(struct session *session, const char *reason, int64_t now_ms)
{
    if (session->releasing) {
        session_gone(session); /* what was not committed is read again by the next owner */
        return;
    }
    if (session->phase == SESSION_LOADING)
        session_drop(session); /* half of the cities are no state */
    session_let_go(session);
    session->resolving = false;
    session->ticket = 0;
    int64_t wait = jitter_backoff_ms(&session->jitter, session->attempt, RETRY_BASE_MS, RETRY_CAP_MS);
    if (session->attempt % 20 == 0)
        log_warn("partition_interrupted", LOG_INT("partition", session->partition), LOG_TEXT("reason", reason),
                 LOG_INT("attempt", session->attempt), LOG_INT("retry_ms", wait));
    session->attempt++;
    session_enter(session, SESSION_ACQUIRING);
    session->due_ms = now_ms + wait;
}

void session_mismatch(struct session *session, const char *what, int64_t now_ms)
{
    session->config->metrics->commit_mismatches_total++;
    session_drop(session);
    session_retry(session, what, now_ms);
}

void session_distrust(struct session *session, const char *what, const struct store_reply *reply, int64_t now_ms)
{
    const struct session_io *io = session->config->io;
    if (reply->type == STORE_ERROR) { /* Redis said no, and a script that fails has written nothing */
        session_retry(session, reply->text, now_ms);
        return;
    }
    session_drop(session);
    session_retry(session, what, now_ms);
    io->distrust(io->arg, what);
}

/* ---- requests and answers ---- */

uint64_t session_ticket(void)
{
    static uint64_t tickets;
    return ++tickets;
}

void session_send(struct session *session, enum session_script script, size_t keys, int64_t now_ms)
{
    const struct session_config *config = session->config;
    session->due_ms = SESSION_NEVER;
    session->sent_ms = now_ms;
    session->ticket = session_ticket();
    config->io->eval(config->io->arg, session, script, keys, config->args, session->ticket);
}

struct commit_ids session_ids(const struct session *session)
{
    return (struct commit_ids){.prefix = session->config->prefix, .expected = session->cid, .next = session->next};
}

bool reply_is(const struct store_reply *reply, const char *word)
{
    return reply->type == STORE_ARRAY && reply->count > 0 && reply->elements[0]->type == STORE_TEXT &&
           strcmp(reply->elements[0]->text, word) == 0;
}

const char *reply_word(const struct store_reply *reply, size_t at)
{
    return at < reply->count && reply->elements[at]->type == STORE_TEXT ? reply->elements[at]->text : "";
}

static void on_load(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    if (reply_is(reply, "mismatch"))
        session_mismatch(session, "another owner has acquired", now_ms);
    else if (reply_is(reply, "missing"))
        session_stop(
            session,
            "partition %d lost its ledger: Redis was emptied; restore it, then isobarctl partition resume %d; or run "
            "isobarctl init with another --prefix for a new installation",
            session->partition, session->partition);
    else if (reply_is(reply, "invalid"))
        session_stop(session,
                     "Redis refuses a load: %.120s; repair that or restore Redis, then isobarctl partition resume %d",
                     reply_word(reply, 1), session->partition);
    else if (!reply_is(reply, "ok"))
        session_distrust(session, "unexpected answer to a load", reply, now_ms);
    else if (session->phase == SESSION_LOADING)
        session_on_page(session, reply, now_ms);
    else
        session_on_records(session, reply, now_ms);
}

void session_reply(struct session *session, uint64_t ticket, int status, const struct store_reply *reply,
                   int64_t now_ms)
{
    if (ticket != session->ticket)
        return;
    session->ticket = 0;
    if (status != 0) {
        /* It may have been executed: never again with the same ids. */
        session->config->metrics->commit_failures_total +=
            session->phase == SESSION_RUNNING || session->phase == SESSION_RELEASING;
        session_retry(session, status == ERR_REFUSED ? "the script was not loaded" : error_name(status), now_ms);
    } else if (session->phase == SESSION_ACQUIRING) {
        session_on_acquire(session, reply, now_ms);
    } else if (session->phase == SESSION_LOADING || session->resolving) {
        on_load(session, reply, now_ms);
    } else {
        session_on_commit(session, reply, now_ms);
    }
}

/* ---- orders ---- */

int64_t session_number(const struct session *session)
{
    return session->number < 0 ? -session->number : session->number;
}

void session_renumber(struct session *session, int64_t number)
{
    int64_t least = session->number < 0 ? -session->number : session->number + 1;
    if (session->releasing || number < least)
        return;
    session->number = number;
    if (session->phase == SESSION_STOPPED) {
        session->alarm[0] = '\0';
        session->attempt = 0;
        session->failed_offset = -1; /* the operator says that it may work now */
        session_enter(session, SESSION_ACQUIRING);
    }
    if (session->phase == SESSION_ACQUIRING && session->ticket == 0)
        session->due_ms = 0; /* at once */
}

void session_release(struct session *session, int64_t now_ms)
{
    if (session->releasing || session->phase == SESSION_GONE)
        return;
    session->releasing = true;
    (void)FAILPOINT("release-before");
    if (session->phase != SESSION_RUNNING) {
        if (session->ticket == 0 || session->phase == SESSION_CHECKING)
            session_gone(session);
        return; /* the answer on the way ends it */
    }
    if (session->held_ms > now_ms) { /* it is not known of which log they are: the next owner checks, and reads them */
        session_gone(session);
        return;
    }
    session_let_go(session);
    session_enter(session, SESSION_RELEASING);
    if (session->ticket != 0)
        return;
    session_plan(session, now_ms);
    if (session->due_ms == SESSION_NEVER)
        session_gone(session);
}

void session_failed(struct session *session, const char *reason, int64_t now_ms)
{
    if (!session->assigned)
        return;
    int64_t offset = session->state.ledger.offset;
    if (session->failed_offset == offset) {
        session_stop(session,
                     "Kafka: %.120s at offset %lld of partition %d; when that is repaired, isobarctl partition resume "
                     "%d",
                     reason, (long long)offset, session->partition, session->partition);
        return;
    }
    session->failed_offset = offset; /* the check tells whether the log has what we want */
    session_retry(session, reason, now_ms);
}

/* True when the session may acquire; else it is due when its turn comes. Waiting for a turn is no lack of progress. */
static bool has_turn(struct session *session, int64_t now_ms)
{
    struct pace *pace = session->config->pace;
    if (pace && session->paced_ms == 0)
        session->paced_ms = pace_reserve(pace, now_ms);
    if (now_ms < session->paced_ms) {
        session->due_ms = session->paced_ms;
        session->progress_ms = now_ms;
        return false;
    }
    session->paced_ms = 0;
    return true;
}

void session_step(struct session *session, int64_t now_ms)
{
    if (now_ms < session->due_ms || session->ticket != 0)
        return;
    if (session->phase == SESSION_ACQUIRING) {
        if (session->number > 0 && has_turn(session, now_ms))
            session_acquire(session, now_ms);
        else if (session->number <= 0)
            session->due_ms = now_ms + SESSION_REFUSED_MS; /* waits for a newer number */
    } else if (session->phase == SESSION_RUNNING || session->phase == SESSION_RELEASING) {
        session_work(session, now_ms);
    }
}

/* ---- life ---- */

struct session *session_new(const struct session_config *config, int32_t partition, int64_t number, int64_t now_ms)
{
    struct session *session = mem_alloc(sizeof *session);
    session->config = config;
    session->partition = partition;
    session->number = number;
    session->last_offset = session->failed_offset = session->misfit_offset = -1;
    session->due_ms = session->progress_ms = now_ms;
    jitter_init(&session->jitter, 0);
    return session;
}

void session_free(struct session *session)
{
    session_drop(session);
    session_enter(session, SESSION_GONE);
    free(session);
}
