/*
 * Whether the log in Kafka is the one that the ledger is about (session.h). A topic can be deleted, made anew and
 * filled beyond our offset between two fetches, and librdkafka 2.0.2, which knows no topic ids, reads on.
 *
 * The hash of the record applied last does not tell that from the past when records of the new log were applied
 * before it is looked at. So each check looks for the *anchor*, a record that a check before has vouched for. What is
 * deleted never comes back: if the log still has the anchor, everything that was read before the question was sent is
 * of that log, and the record applied last at that moment is the next anchor. It is kept in the ledger, so that
 * neither a crash nor a change of owner loses it.
 *
 * While it runs, the log is checked every check_ms, and at once when something happened to the topic (session_doubt).
 * Then commits are held, since a topic made anew shows in that way before its first record does; for HOLD_MS at most
 * and, when no answer came, not again for CALM_MS, lest a broker that stays away slows down what others lead. No answer
 * is no mismatch.
 * Not taken as evidence: timestamps (those of a log made anew go on rising), watermarks that went back (replicas lag
 * after an election) but for an end below what was delivered.
 */
#include "session_internal.h"

#include "error.h"
#include "failpoint.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

#define HOLD_MS  3000  /* a check takes some tens of milliseconds, but they come one after the other */
#define CALM_MS  10000 /* after a hold without an answer, until the next */
#define AGAIN_MS 1000  /* between two checks, when something happens all the time or there was no answer */

/* ---- marks ---- */

static struct mark last_record(const struct session *session)
{
    const struct ledger *ledger = &session->state.ledger;
    return (struct mark){ledger->record_offset, ledger->record_hash};
}

static void set_anchor(struct session *session, struct mark mark)
{
    session->state.ledger.anchor_offset = mark.offset;
    session->state.ledger.anchor_hash = mark.hash;
}

void session_note_anchor(struct session *session, const struct kafka_record *record)
{
    if (session->state.ledger.anchor_offset < 0)
        set_anchor(session, (struct mark){record->offset, kafka_record_hash(record)});
}

/* Notes what the answer is to be compared with. */
static void note_question(struct session *session, int64_t now_ms)
{
    const struct ledger *ledger = &session->state.ledger;
    session->asked_log = (struct asked_log){.offset = ledger->offset,
                                            .record = last_record(session),
                                            .anchor = {ledger->anchor_offset, ledger->anchor_hash},
                                            .at_ms = now_ms};
}

/*
 * The log is ours: what was applied when it was asked about is the new anchor. Also when it has aged out by now, for a
 * log made anew begins at 0 and has another record there.
 */
static void vouch(struct session *session)
{
    set_anchor(session, session->asked_log.record);
}

/* ---- the verdict ---- */

/* True when Kafka did not say what was asked for. */
static bool unanswered(const struct kafka_check *check)
{
    bool missing = check->status != 0;
    for (int i = 0; i < KAFKA_CHECK_RECORDS; i++)
        missing |= check->records[i].status == ERR_TIMEOUT || check->records[i].status == ERR_UNAVAILABLE;
    return missing;
}

static bool is_other(const struct mark *mark, const struct kafka_found *found)
{
    return mark->offset >= 0 && found->status == 0 && found->hash != mark->hash;
}

/* Writes that the log does not reach from what was read to what is to be read next; nothing when it does. */
static void out_of_range(const struct session *session, const struct kafka_check *check, char *why, size_t size)
{
    int64_t offset = session->asked_log.offset;
    int32_t p = session->partition;
    /* A partition that runs may read on what was fetched; the consumer tells when records are missing. */
    if (session->phase == SESSION_CHECKING && offset < check->low)
        snprintf(why, size,
                 "offset %lld was deleted from the log of partition %d, which begins at %lld: records are lost; to "
                 "go on there, isobarctl partition reset %d --to low",
                 (long long)offset, p, (long long)check->low, p);
    else if (offset > check->high)
        snprintf(why, size,
                 "offset %lld is beyond the log's end %lld of partition %d: the topic was truncated or made anew; to "
                 "take all that is in it, isobarctl partition reset %d --to low",
                 (long long)offset, (long long)check->high, p, p);
}

/* Writes why the log is not the one that the ledger is about; nothing when it is. */
static void misfit(const struct session *session, const struct kafka_check *check, char *why, size_t size)
{
    const struct session_config *config = session->config;
    const struct mark *record = &session->asked_log.record, *anchor = &session->asked_log.anchor;
    int32_t p = session->partition;
    why[0] = '\0';
    if (*config->cluster_id && strcmp(check->cluster_id, config->cluster_id) != 0)
        snprintf(why, size,
                 "this Kafka is cluster %.40s, the ledgers belong to %.40s; point the worker's --kafka at the right "
                 "one and start it again",
                 check->cluster_id, config->cluster_id);
    else if (check->partitions != config->partitions)
        snprintf(why, size,
                 "the topic has %d partitions, the ledgers were made for %d; to begin anew with this topic, run "
                 "isobarctl init with another --prefix",
                 check->partitions, config->partitions);
    else
        out_of_range(session, check, why, size);
    if (*why == '\0' && (is_other(record, &check->records[0]) || is_other(anchor, &check->records[1])))
        snprintf(why, size,
                 "record %lld of partition %d is not the one that was applied: the topic was made anew; to take all "
                 "that is in it, isobarctl partition reset %d --to low",
                 (long long)(is_other(record, &check->records[0]) ? record : anchor)->offset, p, p);
}

/*
 * The log does not fit. Between the acquire and now another owner may have gone on and the log been deleted behind it,
 * so it is acquired once more before an operator is called. Meanwhile nothing is read or committed.
 */
static void on_misfit(struct session *session, const char *why, int64_t now_ms)
{
    session->config->metrics->log_mismatches_total++;
    if (session->misfit_offset == session->state.ledger.offset && session->phase == SESSION_CHECKING) {
        session_stop(session, "%s", why);
        return;
    }
    session->misfit_offset = session->state.ledger.offset;
    session_retry(session, why, now_ms);
}

/* Counts the answer, and acts on one that is not good; true when it is. */
static bool fits(struct session *session, const struct kafka_check *check, int64_t now_ms)
{
    char why[sizeof session->alarm];
    session->config->metrics->log_checks_total++;
    session->config->metrics->log_check_microseconds_total += (now_ms - session->asked_log.at_ms) * 1000;
    misfit(session, check, why, sizeof why);
    if (*why)
        on_misfit(session, why, now_ms);
    return *why == '\0';
}

/* ---- before it runs ---- */

void session_check(struct session *session, int64_t now_ms)
{
    const struct session_io *io = session->config->io;
    session_enter(session, SESSION_CHECKING);
    session->due_ms = SESSION_NEVER;
    session->sent_ms = now_ms;
    session->ticket = session_ticket();
    note_question(session, now_ms);
    int64_t record = session->asked_log.record.offset, anchor = session->asked_log.anchor.offset;
    io->check(io->arg, session, (int64_t[]){record, anchor == record ? -1 : anchor}, session->ticket);
}

static void run(struct session *session, int64_t now_ms)
{
    const struct session_io *io = session->config->io;
    const struct ledger *ledger = &session->state.ledger;
    (void)FAILPOINT("run-before");
    if (io->assign(io->arg, session->partition, ledger->offset) != 0) {
        session_retry(session, "Kafka does not take the assignment", now_ms);
        return;
    }
    session->assigned = true;
    session->attempt = 0;
    session->misfit_offset = -1;
    session->progress_ms = session->tick_ms = now_ms;
    /* Spread, so that partitions which came together are not checked together. */
    session->check_ms = now_ms + 1 + jitter_below(&session->jitter, session->config->check_ms);
    session_enter(session, SESSION_RUNNING);
    log_debug("partition_running", LOG_INT("partition", session->partition), LOG_INT("number", session->number),
              LOG_INT("offset", ledger->offset), LOG_INT("cities", HASH_COUNT(session->state.cities)));
    session_plan(session, now_ms);
}

static void on_checked(struct session *session, const struct kafka_check *check, int64_t now_ms)
{
    session->ticket = 0;
    if (check->status == ERR_NOT_FOUND) {
        session_retry(session, "Kafka has no such topic or partition", now_ms);
    } else if (unanswered(check)) {
        session->config->metrics->log_checks_unanswered_total++;
        session_retry(session, "Kafka does not answer the check of the log", now_ms);
    } else if (fits(session, check, now_ms)) {
        int64_t record = session->asked_log.record.offset;
        if (record >= 0 && check->records[0].status == ERR_NOT_FOUND) {
            session->config->metrics->records_aged_out_total++;
            log_info("last_record_aged_out", LOG_INT("partition", session->partition), LOG_INT("offset", record));
        }
        vouch(session);
        run(session, now_ms);
    }
}

/* ---- while it runs ---- */

static void check_again(struct session *session, int64_t now_ms)
{
    const struct session_io *io = session->config->io;
    session->doubted = false;
    session->check_ms = SESSION_NEVER;
    session->check_ticket = session_ticket();
    note_question(session, now_ms);
    io->check(io->arg, session, (int64_t[]){-1, session->asked_log.anchor.offset}, session->check_ticket);
}

void session_watch(struct session *session, int64_t now_ms)
{
    if (session->phase == SESSION_RUNNING && session->check_ticket == 0 && now_ms >= session->check_ms)
        check_again(session, now_ms);
}

/* True when commits may be held (anew): not while they are, nor soon after a time in which Kafka did not answer. */
static bool may_hold(const struct session *session, int64_t now_ms)
{
    int64_t calm_ms = session->held_ms == 0 ? AGAIN_MS : CALM_MS;
    return session->held_ms <= now_ms && (session->doubt_ms == 0 || now_ms - session->doubt_ms >= calm_ms);
}

void session_doubt(struct session *session, int64_t now_ms)
{
    if (session->phase != SESSION_RUNNING)
        return;
    bool hold = may_hold(session, now_ms);
    if (hold) {
        session->doubt_ms = now_ms;
        session->held_ms = now_ms + HOLD_MS;
        if (session->ticket == 0)
            session_plan(session, now_ms);
    }
    session->doubted = session->check_ticket != 0; /* the answer on the way may be of before */
    if (session->check_ticket == 0 && (hold || session->check_ms > session->asked_log.at_ms + AGAIN_MS))
        session->check_ms = hold ? now_ms : session->asked_log.at_ms + AGAIN_MS;
    session_watch(session, now_ms);
}

static void on_checked_again(struct session *session, const struct kafka_check *check, int64_t now_ms)
{
    session->check_ticket = 0;
    if (check->status == ERR_NOT_FOUND) {
        session_retry(session, "Kafka has no such topic or partition any more", now_ms);
    } else if (unanswered(check)) {
        session->config->metrics->log_checks_unanswered_total++;
        session->check_ms = now_ms + AGAIN_MS;
    } else if (fits(session, check, now_ms)) {
        vouch(session);
        session->check_ms = session->asked_log.at_ms + (session->doubted ? AGAIN_MS : session->config->check_ms);
        if (session->doubted && session->held_ms > now_ms) {
            check_again(session, now_ms);
            return;
        }
        bool held = session->held_ms > now_ms;
        session->held_ms = 0;
        if (held && session->ticket == 0)
            session_plan(session, now_ms);
    }
}

void session_checked(struct session *session, uint64_t ticket, const struct kafka_check *check, int64_t now_ms)
{
    if (session->phase == SESSION_RUNNING && session->check_ticket != 0 && ticket == session->check_ticket)
        on_checked_again(session, check, now_ms);
    else if (session->phase == SESSION_CHECKING && ticket == session->ticket)
        on_checked(session, check, now_ms);
}
