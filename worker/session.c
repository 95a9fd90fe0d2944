/* See session.h. Every change of phase goes through set_phase; every failure through retry or stop. */
#include "session.h"

#include "commit.h"
#include "error.h"
#include "log.h"
#include "mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_VERSION   1
#define RETRY_BASE_MS    50
#define RETRY_CAP_MS     1000
#define REFUSED_MS       1000 /* a refused acquire waits for a newer number */
#define NEVER            INT64_MAX
#define DIRTY_FACTOR     4    /* times commit_fields: above it no more records are taken while a commit is on the way */

static const char *const phase_names[] = {"acquiring", "loading", "checking", "running", "releasing", "stopped", "gone"};

const char *session_phase_name(enum session_phase phase)
{
    return phase_names[phase];
}

static void set_phase(struct session *session, enum session_phase phase)
{
    struct worker_metrics *metrics = session->config->metrics;
    metrics->partitions_running += (phase == SESSION_RUNNING) - (session->phase == SESSION_RUNNING);
    metrics->partitions_stopped += (phase == SESSION_STOPPED) - (session->phase == SESSION_STOPPED);
    session->phase = phase;
}

static void let_go(struct session *session)
{
    if (session->assigned)
        session->config->io->unassign(session->config->io->arg, session->partition);
    session->assigned = false;
}

static void drop_state(struct session *session)
{
    let_go(session);
    session->config->io->forget_letters(session->config->io->arg, session);
    session->letters = 0;
    if (session->has_state)
        state_release(&session->state);
    session->has_state = false;
    session->resolving = false;
    session->ticket = 0; /* whatever answers now is outdated */
}

static void gone(struct session *session)
{
    drop_state(session);
    set_phase(session, SESSION_GONE);
    session->due_ms = NEVER;
    session->config->io->released(session->config->io->arg, session);
}

__attribute__((format(printf, 2, 3))) static void stop(struct session *session, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(session->alarm, sizeof session->alarm, format, args);
    va_end(args);
    log_error("partition_stopped", LOG_INT("partition", session->partition), LOG_TEXT("alarm", session->alarm));
    drop_state(session);
    if (session->releasing) {
        gone(session);
        return;
    }
    set_phase(session, SESSION_STOPPED);
    session->due_ms = NEVER;
}

/* Drops what is in memory and acquires again after a jittered back-off. */
static void retry(struct session *session, const char *reason, int64_t now_ms)
{
    drop_state(session);
    if (session->releasing) {
        gone(session); /* what was not committed is read again by the next owner */
        return;
    }
    int64_t wait = jitter_backoff_ms(&session->jitter, session->attempt, RETRY_BASE_MS, RETRY_CAP_MS);
    if (session->attempt == 0 || session->attempt % 20 == 0)
        log_warn("partition_dropped", LOG_INT("partition", session->partition), LOG_TEXT("reason", reason), LOG_INT("attempt", session->attempt),
                 LOG_INT("retry_ms", wait));
    session->attempt++;
    set_phase(session, SESSION_ACQUIRING);
    session->due_ms = now_ms + wait;
}

static void mismatch(struct session *session, const char *what, int64_t now_ms)
{
    session->config->metrics->commit_mismatches_total++;
    retry(session, what, now_ms);
}

/* Unique in the process, so that an answer cannot meet a later request. */
static uint64_t next_ticket(void)
{
    static uint64_t tickets;
    return ++tickets;
}

static void send(struct session *session, enum session_script script, size_t keys)
{
    session->ticket = next_ticket();
    session->config->io->eval(session->config->io->arg, session, script, keys, &session->args, session->ticket);
}

static struct commit_ids ids_of(const struct session *session)
{
    return (struct commit_ids){.prefix = session->config->prefix, .expected = session->cid, .next = session->next};
}

/* ---- acquire ---- */

static void acquire(struct session *session, int64_t now_ms)
{
    struct args *args = &session->args;
    entropy_id(session->next);
    args_reset(args);
    ledger_key(session->config->prefix, session->partition, args_open(args));
    args_close(args);
    args_integer(args, session->number);
    args_text(args, session->config->owner);
    args_text(args, session->next);
    args_integer(args, FORMAT_VERSION);
    args_integer(args, session->config->config_version);
    session->due_ms = NEVER;
    session->sent_ms = now_ms;
    send(session, SCRIPT_ACQUIRE, 1);
}

static void on_letter(void *arg, const char *reason, const struct kafka_record *record, int64_t row)
{
    struct session *session = arg;
    session->config->io->letter(session->config->io->arg, session, reason, record, row);
}

static void scan(struct session *session, const char *cursor)
{
    struct commit_ids ids = ids_of(session);
    send(session, SCRIPT_LOAD, scan_build(&session->state, &ids, cursor, &session->args));
}

static void acquired(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    const struct session_config *config = session->config;
    struct buf error = BUF_EMPTY;
    struct state_config state = {.rules = config->rules, .metrics = config->metrics, .partition = session->partition, .cache_bytes = config->cache_bytes,
                                 .cache_limit = config->cache_limit, .letter = on_letter, .letter_arg = session};
    assert(!session->has_state);
    state_init(&session->state, &state);
    session->has_state = true;
    memcpy(session->cid, session->next, CID_BYTES);
    config->metrics->acquires_total++;
    config->io->journal(config->io->arg, session, "acquire", reply->elements[1]->text, session->cid);
    if (ledger_parse(&session->state.ledger, reply->elements[2], &config->rules->windows, &error) != 0) {
        stop(session, "%s; repair it or restore Redis from a backup", error.data);
        buf_release(&error);
        return;
    }
    int64_t offset = session->state.ledger.offset;
    if (offset < session->last_offset) {
        config->metrics->rollbacks_total++;
        log_warn("rollback", LOG_INT("partition", session->partition), LOG_INT("had", session->last_offset), LOG_INT("now", offset),
                 LOG_TEXT("meaning", "Redis lost commits; they are replayed from Kafka"));
        session->last_offset = offset;
    }
    if (session->releasing) {
        gone(session);
        return;
    }
    session->progress_ms = now_ms;
    set_phase(session, SESSION_LOADING);
    scan(session, "0");
}

static bool is_word(const struct store_reply *reply, const char *word)
{
    return reply->type == STORE_ARRAY && reply->count > 0 && reply->elements[0]->type == STORE_TEXT && strcmp(reply->elements[0]->text, word) == 0;
}

static const char *word_at(const struct store_reply *reply, size_t at)
{
    return at < reply->count && reply->elements[at]->type == STORE_TEXT ? reply->elements[at]->text : "";
}

static void on_acquire(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    if (is_word(reply, "ok") && reply->count == 3 && reply->elements[1]->type == STORE_TEXT && reply->elements[2]->type == STORE_ARRAY) {
        acquired(session, reply, now_ms);
    } else if (is_word(reply, "refused")) {
        session->config->metrics->acquires_refused_total++;
        int64_t stored = strtoll(word_at(reply, 1), NULL, 10);
        log_info("acquire_refused", LOG_INT("partition", session->partition), LOG_INT("number", session->number), LOG_INT("stored", stored),
                 LOG_TEXT("owner", word_at(reply, 2)));
        session->number = stored > session->number ? -stored : session->number; /* remembered for the heartbeat */
        session->due_ms = now_ms + REFUSED_MS;
        if (session->releasing)
            gone(session);
    } else if (is_word(reply, "missing")) {
        stop(session, "partition %d has no ledger: Redis was emptied or is the wrong one; restore it, or run isobarctl init for a new installation",
             session->partition);
    } else if (is_word(reply, "version")) {
        stop(session, "the ledger was written by newer software or configuration (format %s, configuration %s); upgrade this worker", word_at(reply, 1),
             word_at(reply, 2));
    } else if (is_word(reply, "invalid")) {
        stop(session, "the ledger is damaged: %s; restore Redis from a backup", word_at(reply, 1));
    } else {
        retry(session, reply->type == STORE_ERROR ? reply->text : "unexpected answer to acquire", now_ms);
    }
}

/* ---- load and check ---- */

static void run(struct session *session, int64_t now_ms)
{
    const struct session_config *config = session->config;
    if (config->io->assign(config->io->arg, session->partition, session->state.ledger.offset) != 0) {
        retry(session, "Kafka does not take the assignment", now_ms);
        return;
    }
    session->assigned = true;
    session->attempt = 0;
    session->last_offset = session->state.ledger.offset;
    session->progress_ms = session->tick_ms = now_ms;
    set_phase(session, SESSION_RUNNING);
    log_info("partition_running", LOG_INT("partition", session->partition), LOG_INT("number", session->number),
             LOG_INT("offset", session->state.ledger.offset), LOG_INT("cities", HASH_COUNT(session->state.cities)));
    session->due_ms = state_ticking(&session->state) ? now_ms : NEVER;
}

static void check(struct session *session, int64_t now_ms)
{
    set_phase(session, SESSION_CHECKING);
    session->due_ms = NEVER;
    session->sent_ms = now_ms;
    session->ticket = next_ticket();
    session->config->io->check(session->config->io->arg, session, session->state.ledger.record_offset, session->ticket);
}

static void on_scan_page(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    const struct store_reply *page = reply->count == 2 && reply->elements[1]->type == STORE_ARRAY ? reply->elements[1] : NULL;
    if (!page || page->count != 2 || page->elements[1]->type != STORE_ARRAY) {
        retry(session, "unexpected answer to a scan", now_ms);
        return;
    }
    const struct store_reply *items = page->elements[1];
    for (size_t i = 1; i < items->count; i += 2) {
        if (items->elements[i]->type != STORE_TEXT || state_take_city(&session->state, items->elements[i]->text, items->elements[i]->size) != 0) {
            stop(session, "the state of city %s cannot be decoded; restore Redis from a backup", word_at(items, i - 1));
            return;
        }
    }
    if (strcmp(word_at(page, 0), "0") != 0)
        scan(session, word_at(page, 0));
    else
        check(session, now_ms);
}

void session_checked(struct session *session, uint64_t ticket, const struct kafka_check *check, int64_t now_ms)
{
    if (ticket != session->ticket || session->phase != SESSION_CHECKING)
        return;
    const struct ledger *ledger = &session->state.ledger;
    session->ticket = 0;
    if (session->releasing) {
        gone(session);
    } else if (check->status != 0 || check->record_status == ERR_TIMEOUT || check->record_status == ERR_UNAVAILABLE) {
        retry(session, "Kafka does not answer the check of the log", now_ms);
    } else if (*session->config->cluster_id && strcmp(check->cluster_id, session->config->cluster_id) != 0) {
        stop(session, "this Kafka is cluster %s, the ledgers belong to %s; point the worker at the right one", check->cluster_id, session->config->cluster_id);
    } else if (check->partitions != session->config->rules->partitions) {
        stop(session, "the topic has %d partitions, the ledgers were made for %d; use a new topic and prefix", check->partitions, session->config->rules->partitions);
    } else if (ledger->offset < check->low) {
        stop(session, "offset %lld of partition %d was deleted from the log, which begins at %lld: records are lost; isobarctl partition reset %d --to low accepts that",
             (long long)ledger->offset, session->partition, (long long)check->low, session->partition);
    } else if (ledger->offset > check->high) {
        stop(session, "offset %lld of partition %d is beyond the log's end %lld: the topic was truncated or made anew; isobarctl partition reset %d --to high accepts that",
             (long long)ledger->offset, session->partition, (long long)check->high, session->partition);
    } else if (ledger->record_offset >= 0 && check->record_status == 0 && check->record_hash != ledger->record_hash) {
        stop(session, "record %lld of partition %d is not the one that was applied: the topic was made anew; use a new prefix, or isobarctl partition reset %d --to low",
             (long long)ledger->record_offset, session->partition, session->partition);
    } else {
        if (ledger->record_offset >= 0 && check->record_status == ERR_NOT_FOUND)
            log_info("last_record_aged_out", LOG_INT("partition", session->partition), LOG_INT("offset", ledger->record_offset));
        run(session, now_ms);
    }
}

/* ---- commit ---- */

static void commit(struct session *session, int64_t now_ms)
{
    struct commit_ids ids = ids_of(session);
    entropy_id(session->next);
    session->due_ms = NEVER;
    session->sent_ms = now_ms;
    size_t keys = commit_build(&session->state, &ids, &session->args);
    state_evict(&session->state);
    send(session, SCRIPT_COMMIT, keys);
}

/* Commits, or first loads what the commit needs. */
static void begin_commit(struct session *session, int64_t now_ms)
{
    if (session->letters > 0) {
        session->due_ms = NEVER; /* session_letters_done goes on */
        return;
    }
    if (session->state.missing_count > 0) {
        struct commit_ids ids = ids_of(session);
        session->due_ms = NEVER;
        session->sent_ms = now_ms;
        session->resolving = true;
        send(session, SCRIPT_LOAD, load_build(&session->state, &ids, &session->args));
        return;
    }
    state_resolve(&session->state);
    if (!ledger_holds(&session->state.ledger)) {
        stop(session, "the counters of partition %d do not add up (I1 or I2); please report this; isobarctl verify shows the numbers", session->partition);
        return;
    }
    commit(session, now_ms);
}

static void resume(struct session *session)
{
    if (session->full) {
        session->full = false;
        session->config->io->resume(session->config->io->arg);
    }
}

static void on_folded(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    struct buf error = BUF_EMPTY;
    session->resolving = false;
    if (load_take(&session->state, reply, &error) != 0)
        stop(session, "%s; restore Redis from a backup", error.data);
    else
        begin_commit(session, now_ms);
    buf_release(&error);
}

/* When the next commit is due: at once when much changed, else after the least interval, which stretches when busy. */
static void plan_commit(struct session *session, int64_t now_ms)
{
    const struct session_config *config = session->config;
    if (!session->state.changed && !state_ticking(&session->state)) {
        session->due_ms = NEVER;
        return;
    }
    int64_t took = session->committed_ms - session->sent_ms;
    int64_t wait = config->commit_ms + 2 * (took > 0 ? took : 0);
    wait = wait > config->commit_max_ms ? config->commit_max_ms : wait;
    bool many = state_dirty(&session->state) >= (size_t)config->commit_fields || state_ticking(&session->state) || session->releasing;
    session->due_ms = many ? now_ms : session->committed_ms + wait;
}

static void on_commit(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    const struct session_config *config = session->config;
    if (is_word(reply, "ok")) {
        config->io->journal(config->io->arg, session, "commit", session->cid, session->next);
        memcpy(session->cid, session->next, CID_BYTES);
        config->metrics->commits_total++;
        session->committed_ms = now_ms;
        session->last_offset = session->state.ledger.offset;
        session->progress_ms = now_ms;
        config->io->note_offset(config->io->arg, session->partition, session->last_offset);
        plan_commit(session, now_ms);
        if (session->releasing && session->due_ms == NEVER)
            gone(session);
        else
            resume(session);
    } else if (is_word(reply, "mismatch")) {
        mismatch(session, "another owner has committed", now_ms);
    } else if (is_word(reply, "missing")) {
        stop(session, "partition %d lost its ledger: Redis was emptied; restore it, or run isobarctl init for a new installation", session->partition);
    } else if (is_word(reply, "invalid")) {
        stop(session, "Redis refuses a commit: %s; restore Redis from a backup", word_at(reply, 1));
    } else {
        config->metrics->commit_failures_total++;
        retry(session, reply->type == STORE_ERROR ? reply->text : "unexpected answer to a commit", now_ms);
    }
}

static void on_load(struct session *session, const struct store_reply *reply, int64_t now_ms)
{
    if (is_word(reply, "mismatch"))
        mismatch(session, "another owner has acquired", now_ms);
    else if (is_word(reply, "missing"))
        stop(session, "partition %d lost its ledger: Redis was emptied; restore it, or run isobarctl init for a new installation", session->partition);
    else if (is_word(reply, "invalid"))
        stop(session, "Redis refuses a load: %s; restore Redis from a backup", word_at(reply, 1));
    else if (!is_word(reply, "ok"))
        retry(session, reply->type == STORE_ERROR ? reply->text : "unexpected answer to a load", now_ms);
    else if (session->phase == SESSION_LOADING)
        on_scan_page(session, reply, now_ms);
    else
        on_folded(session, reply, now_ms);
}

void session_reply(struct session *session, uint64_t ticket, int status, const struct store_reply *reply, int64_t now_ms)
{
    if (ticket != session->ticket)
        return;
    session->ticket = 0;
    if (status != 0) {
        /* It may have been executed: never again with the same ids. */
        session->config->metrics->commit_failures_total += session->phase == SESSION_RUNNING || session->phase == SESSION_RELEASING;
        retry(session, status == ERR_REFUSED ? "the script was not loaded" : error_name(status), now_ms);
    } else if (session->phase == SESSION_ACQUIRING) {
        on_acquire(session, reply, now_ms);
    } else if (session->phase == SESSION_LOADING || session->resolving) {
        on_load(session, reply, now_ms);
    } else {
        on_commit(session, reply, now_ms);
    }
}

/* ---- records ---- */

size_t session_records(struct session *session, const struct kafka_record *records, size_t count, int64_t now_ms)
{
    struct state *state = &session->state;
    if (session->phase != SESSION_RUNNING)
        return count; /* left over from before: the partition is unassigned */
    size_t most = (size_t)session->config->commit_fields * DIRTY_FACTOR, taken = 0;
    while (taken < count && !session->resolving && !state_ticking(state) && state_dirty(state) < most)
        state_apply(state, &records[taken++]);
    if (taken > 0) {
        state_note_hash(state, &records[taken - 1]);
        session->progress_ms = now_ms;
    }
    session->full = taken < count;
    if (session->ticket == 0 && session->letters == 0)
        plan_commit(session, now_ms);
    return taken;
}

void session_letters_done(struct session *session, int64_t now_ms)
{
    if (session->letters == 0 && session->ticket == 0 && session->has_state && (session->phase == SESSION_RUNNING || session->phase == SESSION_RELEASING))
        plan_commit(session, now_ms);
}

void session_failed(struct session *session, const char *reason)
{
    stop(session, "Kafka: %s; isobarctl partition resume %d tries again", reason, session->partition);
}

/* ---- orders ---- */

int64_t session_number(const struct session *session)
{
    return session->number < 0 ? -session->number : session->number;
}

void session_renumber(struct session *session, int64_t number)
{
    if (number <= session_number(session))
        return;
    session->number = number;
    if (session->phase == SESSION_ACQUIRING && session->ticket == 0)
        session->due_ms = 0; /* at once */
}

void session_release(struct session *session, int64_t now_ms)
{
    if (session->releasing || session->phase == SESSION_GONE)
        return;
    session->releasing = true;
    if (session->phase != SESSION_RUNNING) {
        if (session->ticket == 0 || session->phase == SESSION_CHECKING)
            gone(session);
        return; /* the answer on the way ends it */
    }
    let_go(session);
    session->full = false;
    set_phase(session, SESSION_RELEASING);
    if (session->ticket == 0)
        plan_commit(session, now_ms);
    if (session->ticket == 0 && session->due_ms == NEVER && session->letters == 0)
        gone(session);
}

void session_step(struct session *session, int64_t now_ms)
{
    if (now_ms < session->due_ms || session->ticket != 0)
        return;
    if (session->phase == SESSION_ACQUIRING) {
        if (session->number > 0)
            acquire(session, now_ms);
        else
            session->due_ms = now_ms + REFUSED_MS; /* waits for a newer number */
    } else if (session->phase == SESSION_RUNNING || session->phase == SESSION_RELEASING) {
        if (state_ticking(&session->state) && !session->resolving && state_dirty(&session->state) < (size_t)session->config->commit_fields)
            state_tick_step(&session->state);
        begin_commit(session, now_ms);
    }
}

/* ---- life ---- */

struct session *session_new(const struct session_config *config, int32_t partition, int64_t number, int64_t now_ms)
{
    struct session *session = mem_alloc(sizeof *session);
    session->config = config;
    session->partition = partition;
    session->number = number;
    session->last_offset = -1;
    session->due_ms = session->progress_ms = now_ms;
    args_init(&session->args);
    jitter_init(&session->jitter, 0);
    return session;
}

void session_free(struct session *session)
{
    drop_state(session);
    set_phase(session, SESSION_GONE);
    args_release(&session->args);
    free(session);
}
