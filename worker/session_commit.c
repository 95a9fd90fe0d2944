/*
 * The work of a session that holds its partition (session.h): records in, commits out, one request on the way at a
 * time. A commit waits for what it must load and for the dead letters that it passes.
 */
#include "session_internal.h"

#include "failpoint.h"

#include <string.h>

#define DIRTY_FACTOR 4  /* times commit_fields: above it no more records are taken while a commit is on the way */
#define LETTERS_MAX  64 /* on the way: each has a copy of its record */

/* ---- commits ---- */

void session_plan(struct session *session, int64_t now_ms)
{
    const struct session_config *config = session->config;
    const struct state *state = &session->state;
    bool ticking =
        state_ticking(state) && !session->releasing; /* its cursor is in the ledger: the next owner goes on */
    if (session_may_change_rules(session)) {
        session->due_ms = now_ms;
        return;
    }
    if (!state->changed && !ticking) {
        session->due_ms = SESSION_NEVER;
        return;
    }
    int64_t took = session->committed_ms - session->sent_ms;
    int64_t wait = config->commit_ms + 2 * (took > 0 ? took : 0);
    wait = wait > config->commit_max_ms ? config->commit_max_ms : wait;
    bool many = state_dirty(state) >= (size_t)config->commit_fields || ticking || session->full || session->releasing;
    session->due_ms = many ? now_ms : session->committed_ms + wait;
    if (session->held_ms > session->due_ms)
        session->due_ms = session->held_ms;
}

static void commit(struct session *session, int64_t now_ms)
{
    struct commit_ids ids = session_ids(session);
    entropy_id(session->next);
    size_t keys = commit_build(&session->state, &ids, session->config->args);
    state_evict(&session->state);
    (void)FAILPOINT("commit-before");
    session_send(session, SCRIPT_COMMIT, keys, now_ms);
    (void)FAILPOINT("commit-sent");
}

static void load(struct session *session, int64_t now_ms)
{
    struct commit_ids ids = session_ids(session);
    session->resolving = true;
    session_send(session, SCRIPT_LOAD, load_build(&session->state, &ids, session->config->args), now_ms);
}

/* Commits, or first loads what the commit needs, or waits: for letters (session_letters_done goes on), for the log. */
static void begin_commit(struct session *session, int64_t now_ms)
{
    struct state *state = &session->state;
    session->due_ms = session->held_ms > now_ms ? session->held_ms : SESSION_NEVER;
    if (session->letters > 0 || session->held_ms > now_ms)
        return;
    if (state->missing_count > 0) {
        load(session, now_ms);
        return;
    }
    state_resolve(state);
    if (session->letters > 0)
        return;
    if (state->missing_count > 0) { /* late rows change more windows than their own */
        load(session, now_ms);
        return;
    }
    if (ledger_holds(&state->ledger))
        commit(session, now_ms);
    else
        session_stop(
            session,
            "the counters of partition %d do not add up (I1 or I2) and nothing was stored; please report this with "
            "what isobarctl verify says; isobarctl partition resume %d goes on from what is stored",
            session->partition, session->partition);
}

void session_work(struct session *session, int64_t now_ms)
{
    struct state *state = &session->state;
    if (FAILPOINT("work")) {
        session->due_ms = now_ms + session->config->commit_max_ms;
        return;
    }
    if (session_may_change_rules(session)) {
        session_change_rules(session, now_ms);
        return;
    }
    if (state_ticking(state) && !session->releasing && state_dirty(state) < (size_t)session->config->commit_fields)
        state_tick_step(state);
    begin_commit(session, now_ms);
}

void session_on_records(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    struct buf error = BUF_EMPTY;
    session->resolving = false;
    (void)FAILPOINT("load-records");
    if (load_take(&session->state, reply, &error) != 0)
        session_stop(session, "%.120s; restore Redis from a backup, then isobarctl partition resume %d", error.data,
                     session->partition);
    else
        begin_commit(session, now_ms);
    buf_release(&error);
}

static void on_committed(struct session *session, int64_t now_ms)
{
    const struct session_config *config = session->config;
    struct commit_ids ids = session_ids(session);
    (void)FAILPOINT("commit-replied");
    config->io->journal(config->io->arg, session, "commit", &ids, session->state.sent.offset);
    memcpy(session->cid, session->next, CID_BYTES);
    session->last_offset = session->state.sent.offset;
    session->committed_ms = session->progress_ms = now_ms;
    config->io->committed(config->io->arg, session);
    state_committed(&session->state);
    state_evict(&session->state);
    config->metrics->commits_total++;
    config->io->note_offset(config->io->arg, session->partition, session->last_offset);
    (void)FAILPOINT("commit-after");
    bool was_full = session->full;
    session->full = false;
    session_plan(session, now_ms);
    if (session->releasing && session->due_ms == SESSION_NEVER)
        session_gone(session);
    else if (was_full)
        config->io->resume(config->io->arg);
}

void session_on_commit(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    if (reply_is(reply, "ok") && reply->count == 1) {
        on_committed(session, now_ms);
    } else if (reply_is(reply, "mismatch")) {
        session_mismatch(session, "another owner has committed", now_ms);
    } else if (reply_is(reply, "missing")) {
        session_stop(
            session,
            "partition %d lost its ledger: Redis was emptied; restore it, then isobarctl partition resume %d; or run "
            "isobarctl init with another --prefix for a new installation",
            session->partition, session->partition);
    } else if (reply_is(reply, "invalid")) {
        session_stop(session,
                     "Redis refuses a commit: %.120s; repair that or restore Redis, then isobarctl partition resume %d",
                     reply_word(reply, 1), session->partition);
    } else {
        session->config->metrics->commit_failures_total++;
        session_distrust(session, "unexpected answer to a commit", reply, now_ms);
    }
}

/* ---- records ---- */

/*
 * True when the next record has to wait. Changes cannot be forgotten before they are stored, so they are bounded: here,
 * and over all partitions, where each still takes a record at a time, lest one that must commit waits for others.
 */
static bool full(const struct session *session)
{
    const struct session_config *config = session->config;
    const struct state *state = &session->state;
    bool crowded = config->cache->pinned > config->cache->limit / 2 && (state->changed || state->sent.any);
    return crowded || session->resolving || state_ticking(state) || state_waits(state) ||
           session->letters >= LETTERS_MAX || state_dirty(state) >= (size_t)config->commit_fields * DIRTY_FACTOR;
}

size_t session_records(struct session *session, const struct kafka_record *records, size_t count, int64_t now_ms)
{
    struct state *state = &session->state;
    if (session->phase != SESSION_RUNNING)
        return count; /* left over from before: the partition is unassigned */
    size_t taken = 0;
    (void)FAILPOINT("records");
    while (taken < count && !full(session) && state_apply(state, &records[taken]))
        taken++;
    if (taken > 0) {
        session_note_anchor(session, &records[0]);
        state_note_hash(state, &records[taken - 1]);
    }
    session->full = taken < count;
    if (session->ticket == 0)
        session_plan(session, now_ms);
    return taken;
}

void session_letters_done(struct session *session, int64_t now_ms)
{
    if (session->letters == 0 && session->ticket == 0 &&
        (session->phase == SESSION_RUNNING || session->phase == SESSION_RELEASING))
        session_plan(session, now_ms);
}
