/*
 * The rules that a worker has read (worker.h), by version. They never change once they are written, and few versions
 * are in use at a time, so they are kept as long as the process: partitions of different versions share them.
 */
#include "worker.h"

#include "clock.h"
#include "error.h"
#include "log.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>

struct rulebook {
    struct worker *worker;
    struct rules rules;
    bool known; /* else it is on the way from Redis */
    struct rulebook *next;
};

static struct rulebook *find(const struct worker *worker, int64_t version)
{
    struct rulebook *entry = worker->rulebook;
    while (entry && entry->rules.version != version)
        entry = entry->next;
    return entry;
}

static void forget(struct rulebook *entry)
{
    struct rulebook **place = &entry->worker->rulebook;
    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;
    free(entry);
}

/* Takes the text; false, with the reason in `error`, when these are no rules that this worker can work by. */
static bool take(struct rulebook *entry, const struct store_reply *reply, struct buf *error)
{
    const struct worker *worker = entry->worker;
    int64_t version = entry->rules.version;
    if (reply->type != STORE_TEXT) {
        buf_printf(error, "are not in Redis: %sconfig has no field %lld", worker->options->prefix, (long long)version);
        return false;
    }
    buf_text(error, "cannot be used by this worker: ");
    if (rules_parse(&entry->rules, reply->text, reply->size, error) != 0 ||
        rules_set_pane(&entry->rules, worker->meta.pane_ms, error) != 0) {
        entry->rules.version = version; /* by which it is found */
        return false;
    }
    entry->rules.version = version;
    entry->rules.partitions = worker->meta.partitions;
    entry->known = true;
    return true;
}

static void tell_sessions(struct worker *worker, int64_t version, const char *reason)
{
    int64_t now = clock_monotonic_ms();
    for (int32_t p = 0; worker->sessions && p < worker->meta.partitions; p++) {
        if (worker->sessions[p])
            session_rules(worker->sessions[p], version, reason, now);
    }
    worker_plan(worker);
}

static void on_text(void *arg, int status, const struct store_reply *reply)
{
    struct rulebook *entry = arg;
    struct worker *worker = entry->worker;
    int64_t version = entry->rules.version;
    struct buf error = BUF_EMPTY;
    if (status != 0 || reply->type == STORE_ERROR) {
        forget(entry); /* sessions ask again */
        return;
    }
    bool good = take(entry, reply, &error);
    if (good)
        log_info("rules_read", LOG_INT("version", version));
    else
        forget(entry);
    for (char *p = error.data; *p; p++)
        *p = *p == '\n' ? ' ' : *p;
    tell_sessions(worker, version, good ? NULL : error.data);
    buf_release(&error);
}

const struct rules *worker_rules(struct worker *worker, int64_t version)
{
    struct rulebook *entry = find(worker, version);
    char key[256], field[24];
    if (entry || !store_up(worker->store))
        return entry && entry->known ? &entry->rules : NULL;
    entry = mem_alloc(sizeof *entry);
    entry->worker = worker;
    entry->rules.version = version;
    entry->next = worker->rulebook;
    worker->rulebook = entry;
    snprintf(key, sizeof key, "%sconfig", worker->options->prefix);
    snprintf(field, sizeof field, "%lld", (long long)version);
    store_send(worker->store, on_text, entry, "HGET", key, field, NULL);
    return NULL;
}

void worker_forget_rules(struct worker *worker)
{
    while (worker->rulebook)
        forget(worker->rulebook); // NOLINT(clang-analyzer-unix.Malloc): it takes itself off the list
}
