/*
 * What the parts of a session share: session.c (phases, orders, life), session_takeover.c (acquire, load),
 * session_check.c (the log), session_commit.c (records, commits) and session_rules.c (rules). Every change of phase
 * goes through session_enter, every failure through one of the five ends below it.
 */
#ifndef WORKER_SESSION_INTERNAL_H
#define WORKER_SESSION_INTERNAL_H

#include "session.h"

#define SESSION_NEVER      INT64_MAX
#define SESSION_REFUSED_MS 1000 /* before a number that was refused is tried again, or a newer one looked for */

/* The one door for changes of phase; keeps the gauges. */
void session_enter(struct session *session, enum session_phase phase);
/* Stops reading the partition, and lets records be offered again that it held up. */
void session_let_go(struct session *session);
/* Drops what is in memory; answers on the way meet nobody any more. */
void session_drop(struct session *session);

/* It holds nothing any more and says so. */
void session_gone(struct session *session);
/* Drops what is in memory and waits for an operator, with the formatted alarm. */
void session_stop(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Acquires again after a jittered back-off. What is in memory stays; the acquire tells whether it is still valid. */
void session_retry(struct session *session, const char *reason, int64_t now_ms);
/* The same without what is in memory: another owner has written. */
void session_mismatch(struct session *session, const char *what, int64_t now_ms);
/* The same after an answer that no script gives: the connection may be out of step and is closed, memory is dropped. */
void session_distrust(struct session *session, const char *what, const struct store_reply *reply, int64_t now_ms);

/* Sends what is in config->args to a script. */
void session_send(struct session *session, enum session_script script, size_t keys, int64_t now_ms);
/* A ticket unique in the process, so that an answer cannot meet a later request. */
uint64_t session_ticket(void);
/* Prefix and commit ids for commit.h. */
struct commit_ids session_ids(const struct session *session);

/* True when the answer of a script is a list of at least one element that begins with `word`. */
bool reply_is(const struct store_reply *reply, const char *word);
/* The text at that place of a list, "" when there is none. */
const char *reply_word(const struct store_reply *reply, size_t at);

/* ---- session_takeover.c ---- */

/* Sends the acquire. */
void session_acquire(struct session *session, int64_t now_ms);
/* Takes its answer. */
void session_on_acquire(struct session *session, const struct store_reply *reply, int64_t now_ms);
/* Takes an answer of load.lua that is {'ok', page}: a page of the cities. */
void session_on_page(struct session *session, const struct store_reply *reply, int64_t now_ms);

/* ---- session_rules.c ---- */

/* The session waits for rules that it asked for; it is due again when they do not come. */
void session_await_rules(struct session *session, int64_t version, int64_t now_ms);
/* True when the next record waits for rules, and all before it is stored. */
bool session_may_change_rules(const struct session *session);
/* Gets the rules that the next record puts in force, and has it offered again. */
void session_change_rules(struct session *session, int64_t now_ms);

/* ---- session_check.c ---- */

/* Asks Kafka whether the log is the one that the ledger is about; when it is, the session runs. */
void session_check(struct session *session, int64_t now_ms);
/* The record was applied, the first of a run. */
void session_note_anchor(struct session *session, const struct kafka_record *record);

/* ---- session_commit.c ---- */

/* Sets when the next commit is due: at once when much changed, else after the least interval, which stretches when
 * busy. */
void session_plan(struct session *session, int64_t now_ms);
/* Does a step of a tick under way, then commits, or first loads what the commit needs. */
void session_work(struct session *session, int64_t now_ms);
/* Takes an answer of load.lua that is {'ok', …}: records that the commit needs. */
void session_on_records(struct session *session, const struct store_reply *reply, int64_t now_ms);
/* Takes the answer of commit.lua. */
void session_on_commit(struct session *session, const struct store_reply *reply, int64_t now_ms);

#endif
