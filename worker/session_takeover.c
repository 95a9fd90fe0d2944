/*
 * How a session comes by its partition (session.h): the acquire, whether memory may be kept, and the load of the cities
 * page by page. The check of the log comes next (session_check.c).
 */
#include "session_internal.h"

#include "failpoint.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_VERSION 1

/* ---- acquire ---- */

void session_acquire(struct session *session, int64_t now_ms)
{
    const struct session_config *config = session->config;
    struct args *args = config->args;
    entropy_id(session->acquired);
    session->asked = session->number;
    args_reset(args);
    ledger_key(config->prefix, session->partition, args_open(args));
    args_close(args);
    args_integer(args, session->number);
    args_text(args, config->owner);
    args_text(args, session->acquired);
    args_integer(args, FORMAT_VERSION);
    (void)FAILPOINT("acquire-before");
    session_send(session, SCRIPT_ACQUIRE, 1, now_ms);
    (void)FAILPOINT("acquire-sent");
}

static void on_letter(void *arg, const char *reason, const struct kafka_record *record, int64_t row)
{
    struct session *session = arg;
    session->config->io->letter(session->config->io->arg, session, reason, record, row);
}

static void make_state(struct session *session, const struct rules *rules, const struct ledger *ledger)
{
    const struct session_config *config = session->config;
    struct state_config state = {.rules = rules,
                                 .metrics = config->metrics,
                                 .partition = session->partition,
                                 .topic = config->topic,
                                 .batch = config->batch,
                                 .cache = config->cache,
                                 .letter = on_letter,
                                 .letter_arg = session};
    state_init(&session->state, &state);
    session->state.ledger = *ledger;
    session->has_state = true;
}

/*
 * Settles the commit without an answer, and tells whether memory is what is stored plus what was applied since.
 * `before` is the id that the ledger had. Offset and count of commits must agree too: a ledger that a tool has changed
 * is loaded anew.
 */
static bool memory_holds(struct session *session, const char *before, const struct ledger *stored)
{
    if (!session->has_state)
        return false;
    struct state *state = &session->state;
    bool sent = state->sent.any;
    if (MUTANT("blind_resend") && sent) {
        state_uncommitted(state);
        return true;
    }
    if (sent && strcmp(before, session->next) == 0) {
        if (stored->offset != state->sent.offset || stored->commits != state->sent.commits)
            return false;
        struct commit_ids ids = session_ids(session);
        session->config->io->journal(session->config->io->arg, session, "commit", &ids, stored->offset);
        state_committed(state);
        return true;
    }
    if (strcmp(before, session->cid) != 0 || stored->offset != session->last_offset ||
        stored->commits != state->ledger.commits - sent)
        return false;
    if (sent)
        state_uncommitted(state);
    return true;
}

static void note_rollback(struct session *session, int64_t offset)
{
    if (offset < session->last_offset) {
        session->config->metrics->rollbacks_total++;
        log_warn("rollback", LOG_INT("partition", session->partition), LOG_INT("had", session->last_offset),
                 LOG_INT("now", offset), LOG_TEXT("meaning", "Redis lost commits; they are replayed from Kafka"));
    }
    session->last_offset = offset;
}

static void scan(struct session *session, const char *cursor, int64_t now_ms)
{
    struct commit_ids ids = session_ids(session);
    session_send(session, SCRIPT_LOAD, scan_build(&session->state, &ids, cursor, session->config->args), now_ms);
}

static void note_acquire(struct session *session, const char *before, int64_t offset)
{
    const struct session_config *config = session->config;
    struct commit_ids ids = {.prefix = config->prefix, .expected = before, .next = session->acquired};
    config->io->journal(config->io->arg, session, "acquire", &ids, offset);
    note_rollback(session, offset);
}

/*
 * The ledger is ours, but nobody can read it before the rules in force are at hand, which this process sees for the
 * first time. It is acquired once more then: what the answer says is not kept. Nor is what is in memory, as that was
 * stored under rules that were at hand.
 */
static void await_rules(struct session *session, const struct ledger *stored, const char *before, int64_t now_ms)
{
    session_drop(session);
    note_acquire(session, before, stored->offset);
    if (session->releasing)
        session_gone(session);
    else
        session_await_rules(session, stored->config_version, now_ms);
}

static void damaged(struct session *session, struct buf *error)
{
    session_stop(session, "%.120s; restore Redis from a backup, then isobarctl partition resume %d", error->data,
                 session->partition);
    buf_release(error);
}

static void on_acquired(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    const struct session_config *config = session->config;
    const char *before = reply->elements[1]->text;
    struct buf error = BUF_EMPTY;
    struct ledger stored;
    config->metrics->acquires_total++;
    (void)FAILPOINT("acquire-after");
    int64_t version = ledger_version(reply->elements[2]);
    const struct rules *rules = version > 0 ? config->io->rules(config->io->arg, session, version) : NULL;
    if (ledger_parse(&stored, reply->elements[2], rules ? &rules->windows : NULL, &error) != 0) {
        damaged(session, &error);
        return;
    }
    if (!rules) {
        await_rules(session, &stored, before, now_ms);
        return;
    }
    bool kept = memory_holds(session, before, &stored);
    if (!kept) {
        session_drop(session);
        make_state(session, rules, &stored);
    }
    config->metrics->memory_kept_total += kept;
    memcpy(session->cid, session->acquired, CID_BYTES);
    note_acquire(session, before, stored.offset);
    session->progress_ms = now_ms;
    if (session->releasing) {
        session_gone(session);
    } else if (kept) {
        session_check(session, now_ms);
    } else {
        session_enter(session, SESSION_LOADING);
        scan(session, "0", now_ms);
    }
}

static void on_refused(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    int64_t stored = strtoll(reply_word(reply, 1), NULL, 10);
    session->config->metrics->acquires_refused_total++;
    log_info("acquire_refused", LOG_INT("partition", session->partition), LOG_INT("number", session->asked),
             LOG_INT("stored", stored), LOG_TEXT("owner", reply_word(reply, 2)));
    session_drop(session); /* another owner has it */
    if (session->releasing) {
        session_gone(session);
        return;
    }
    session->due_ms = session->number > session->asked ? now_ms : now_ms + SESSION_REFUSED_MS;
    if (stored >= session->number)
        session->number = -(stored + 1); /* remembered for the heartbeat: the least that helps */
}

void session_on_acquire(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    if (reply_is(reply, "ok") && reply->count == 3 && reply->elements[1]->type == STORE_TEXT &&
        reply->elements[2]->type == STORE_ARRAY)
        on_acquired(session, reply, now_ms);
    else if (reply_is(reply, "refused"))
        on_refused(session, reply, now_ms);
    else if (reply_is(reply, "missing"))
        session_stop(session,
                     "partition %d has no ledger: Redis was emptied or is the wrong one; restore it, then isobarctl "
                     "partition resume %d; or run isobarctl init with another --prefix for a new installation",
                     session->partition, session->partition);
    else if (reply_is(reply, "version"))
        session_stop(session,
                     "the ledger was written by newer software (format %.20s); upgrade this worker, or isobarctl drain "
                     "it and then isobarctl partition resume %d",
                     reply_word(reply, 1), session->partition);
    else if (reply_is(reply, "invalid"))
        session_stop(session, "the ledger is damaged: %.120s; restore Redis, then isobarctl partition resume %d",
                     reply_word(reply, 1), session->partition);
    else
        session_distrust(session, "unexpected answer to an acquire", reply, now_ms);
}

/* ---- load ---- */

void session_on_page(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    const struct store_reply *page =
        reply->count == 2 && reply->elements[1]->type == STORE_ARRAY ? reply->elements[1] : NULL;
    if (!page || page->count != 2 || page->elements[1]->type != STORE_ARRAY || page->elements[1]->count % 2 != 0) {
        session_distrust(session, "unexpected answer to a scan", reply, now_ms);
        return;
    }
    if (session->releasing) {
        session_gone(session);
        return;
    }
    const struct store_reply *items = page->elements[1];
    for (size_t i = 0; i < items->count; i += 2) {
        const struct store_reply *value = items->elements[i + 1];
        if (value->type != STORE_TEXT ||
            state_take_city(&session->state, reply_word(items, i), value->text, value->size) != 0) {
            session_stop(session,
                         "the state of city %.40s cannot be decoded; restore Redis from a backup, then isobarctl "
                         "partition resume %d",
                         reply_word(items, i), session->partition);
            return;
        }
    }
    (void)FAILPOINT("load-page");
    if (strcmp(reply_word(page, 0), "0") != 0)
        scan(session, reply_word(page, 0), now_ms);
    else
        session_check(session, now_ms);
}
