/*
 * A world for sessions: a log, the real scripts on a real Redis, and hosts (one session each, as of one worker process)
 * whose requests are executed or not, answered or not, as the test says. Time is virtual.
 */
#ifndef ISOBAR_TEST_SESSION_WORLD_H
#define ISOBAR_TEST_SESSION_WORLD_H

#include "redis_kit.h"
#include "replies.h"
#include "worker_kit.h"

#define PREFIX      "x:"
#define LEDGER      PREFIX "{0}:ledger"
#define WORLD_RULES 3

/* What happens to a request. */
enum fate {
    ANSWERED, /* executed, and the answer comes */
    UNHEARD,  /* executed, the answer is lost */
    LOST,     /* never executed */
    LATE,     /* no answer; executed some time later */
};

struct request {
    bool any;
    enum session_script script;
    size_t keys;
    struct args args;
    uint64_t ticket;
};

struct host {
    struct session_config config;
    struct session_io io;
    struct worker_metrics metrics;
    struct args args;
    struct cache cache;
    char owner[32];
    struct session *session;
    struct request request, late; /* `late` waits to be executed */
    bool check;                   /* a question to Kafka is open */
    uint64_t check_ticket;
    int64_t check_offsets[KAFKA_CHECK_RECORDS];
    bool assigned, blocked;
    int assign_fails; /* times still */
    int64_t position; /* next record to offer */
    int64_t noted;
    int released, resumed, distrusted, letters_sent, forgotten;
    bool letters_hang;
    int64_t rules_asked; /* version that the session asked for last */
    bool rules_hang;     /* none are at hand */
};

struct world {
    struct rules rules[WORLD_RULES]; /* by version, from 1 on; version 0: none */
    struct batch *batch;
    struct kafka_record *log;
    size_t log_count;
    int64_t low;
    struct kafka_check check; /* of the next question; partitions 0: an honest answer */
    int64_t now_ms;
    char (*journal)[2][CID_BYTES]; /* before, after */
    size_t journal_count, journal_capacity;
    int64_t journal_offset; /* of the last line */
    char journal_what[16];
};

static struct world world;

/* ---- struct session_io ---- */

static void host_eval(void *arg, struct session *session, enum session_script script, size_t keys, struct args *args,
                      uint64_t ticket)
{
    struct host *host = arg;
    assert_ptr_equal(session, host->session);
    assert_false(host->request.any); /* one at a time */
    host->request.any = true;
    host->request.script = script;
    host->request.keys = keys;
    host->request.ticket = ticket;
    args_reset(&host->request.args);
    const char *const *pointers = args_pointers(args);
    for (size_t i = 0; i < args->count; i++)
        args_add(&host->request.args, pointers[i], args->sizes[i]);
}

static void host_check(void *arg, struct session *session, const int64_t offsets[KAFKA_CHECK_RECORDS], uint64_t ticket)
{
    struct host *host = arg;
    assert_ptr_equal(session, host->session);
    host->check = true;
    host->check_ticket = ticket;
    memcpy(host->check_offsets, offsets, sizeof host->check_offsets);
}

static int host_assign(void *arg, int32_t partition, int64_t offset)
{
    struct host *host = arg;
    assert_int_equal(partition, 0);
    assert_false(host->assigned);
    if (host->assign_fails > 0) {
        host->assign_fails--;
        return ERR_UNAVAILABLE;
    }
    host->assigned = true;
    host->position = offset;
    return 0;
}

static void host_unassign(void *arg, int32_t partition)
{
    struct host *host = arg;
    assert_int_equal(partition, 0);
    assert_true(host->assigned);
    host->assigned = false;
}

static void host_note(void *arg, int32_t partition, int64_t offset)
{
    struct host *host = arg;
    (void)partition;
    host->noted = offset;
}

static void host_letter(void *arg, struct session *session, const char *reason, const struct kafka_record *record,
                        int64_t row)
{
    struct host *host = arg;
    (void)reason, (void)record, (void)row;
    session->letters++;
    host->letters_sent++;
}

static void host_forget(void *arg, struct session *session)
{
    struct host *host = arg;
    (void)session;
    host->forgotten++;
}

static const struct rules *host_rules(void *arg, struct session *session, int64_t version)
{
    struct host *host = arg;
    assert_ptr_equal(session, host->session);
    host->rules_asked = version;
    for (size_t i = 0; i < WORLD_RULES && !host->rules_hang; i++) {
        if (world.rules[i].version == version)
            return &world.rules[i];
    }
    return NULL;
}

static void host_journal(void *arg, const struct session *session, const char *what, const struct commit_ids *ids,
                         int64_t offset)
{
    (void)arg, (void)session;
    if (world.journal_count == world.journal_capacity) {
        world.journal_capacity = world.journal_capacity ? 2 * world.journal_capacity : 256;
        world.journal = mem_grow(world.journal, world.journal_capacity, sizeof *world.journal);
    }
    memcpy(world.journal[world.journal_count][0], ids->expected, CID_BYTES);
    memcpy(world.journal[world.journal_count++][1], ids->next, CID_BYTES);
    world.journal_offset = offset;
    (void)snprintf(world.journal_what, sizeof world.journal_what, "%s", what);
}

static void host_committed(void *arg, struct session *session)
{
    (void)arg;
    assert_true(session->state.sent.any);
}

static void host_released(void *arg, struct session *session)
{
    struct host *host = arg;
    assert_int_equal(session->phase, SESSION_GONE);
    assert_false(host->assigned);
    host->released++;
}

static void host_resume(void *arg)
{
    struct host *host = arg;
    host->resumed++;
    host->blocked = false;
}

static void host_distrust(void *arg, const char *reason)
{
    struct host *host = arg;
    (void)reason;
    host->distrusted++;
}

/* ---- hosts ---- */

static inline void host_init(struct host *host, const char *owner)
{
    memset(host, 0, sizeof *host);
    (void)snprintf(host->owner, sizeof host->owner, "%s", owner);
    args_init(&host->args);
    args_init(&host->request.args);
    args_init(&host->late.args);
    host->io = (struct session_io){.arg = host,
                                   .eval = host_eval,
                                   .check = host_check,
                                   .assign = host_assign,
                                   .unassign = host_unassign,
                                   .note_offset = host_note,
                                   .letter = host_letter,
                                   .forget_letters = host_forget,
                                   .rules = host_rules,
                                   .journal = host_journal,
                                   .committed = host_committed,
                                   .released = host_released,
                                   .resume = host_resume,
                                   .distrust = host_distrust};
    host->config = (struct session_config){.io = &host->io,
                                           .metrics = &host->metrics,
                                           .prefix = PREFIX,
                                           .owner = host->owner,
                                           .cluster_id = "C",
                                           .topic = "weather.observations",
                                           .partitions = 1,
                                           .commit_ms = 5,
                                           .commit_max_ms = 100,
                                           .commit_fields = 20,
                                           .check_ms = 10000,
                                           .batch = world.batch,
                                           .args = &host->args,
                                           .cache = &host->cache};
    host->cache.limit = 1 << 16;
    host->noted = -1;
}

/* The coordinator gives the partition under a number. */
static inline void host_give(struct host *host, int64_t number)
{
    if (host->session)
        session_renumber(host->session, number);
    else
        host->session = session_new(&host->config, 0, number, world.now_ms);
}

/* Frees a session that has gone, as the process does in a later round. */
static inline void host_bury(struct host *host)
{
    if (host->session && host->session->phase == SESSION_GONE) {
        session_free(host->session);
        host->session = NULL;
    }
}

static inline void host_release(struct host *host)
{
    if (host->session)
        session_free(host->session);
    args_release(&host->args);
    args_release(&host->request.args);
    args_release(&host->late.args);
    assert_int_equal(host->cache.bytes, 0);
    assert_int_equal(host->cache.pinned, 0);
    assert_int_equal(host->metrics.cities, 0);
    assert_int_equal(host->metrics.partitions_running, 0);
    assert_int_equal(host->metrics.partitions_stopped, 0);
}

/* Executes a request that was late, without anybody to hear the answer. */
static inline void host_late(struct host *host)
{
    if (host->late.any)
        store_reply_free(redis_eval(host->late.script, host->late.keys, &host->late.args));
    host->late.any = false;
}

static inline void request_move(struct request *to, struct request *from)
{
    struct args empty = to->args;
    *to = *from;
    from->args = empty;
    from->any = false;
}

/* Answers the request on the way with a reply made by the test, or a status. */
static inline void host_reply(struct host *host, int status, const struct store_reply *reply)
{
    assert_true(host->request.any);
    host->request.any = false;
    session_reply(host->session, host->request.ticket, status, reply, world.now_ms);
}

/* What becomes of the request on the way. */
static inline void host_answer(struct host *host, enum fate fate)
{
    assert_true(host->request.any);
    uint64_t ticket = host->request.ticket;
    struct store_reply *reply = NULL;
    if (fate == LATE) {
        host_late(host);
        request_move(&host->late, &host->request);
    }
    if (fate == ANSWERED || fate == UNHEARD)
        reply = redis_eval(host->request.script, host->request.keys, &host->request.args);
    host->request.any = false;
    session_reply(host->session, ticket, fate == ANSWERED ? 0 : ERR_TIMEOUT, fate == ANSWERED ? reply : NULL,
                  world.now_ms);
    store_reply_free(reply);
}

static inline struct kafka_check honest_check(const int64_t offsets[KAFKA_CHECK_RECORDS])
{
    struct kafka_check check = {.low = world.low, .high = (int64_t)world.log_count, .partitions = 1, .cluster_id = "C"};
    for (int i = 0; i < KAFKA_CHECK_RECORDS; i++) {
        bool found = offsets[i] >= world.low && offsets[i] < check.high;
        check.records[i].status = found ? 0 : ERR_NOT_FOUND;
        check.records[i].hash = found ? kafka_record_hash(&world.log[offsets[i]]) : 0;
    }
    return check;
}

static inline void host_answer_check(struct host *host)
{
    assert_true(host->check);
    host->check = false;
    struct kafka_check check = world.check.partitions ? world.check : honest_check(host->check_offsets);
    session_checked(host->session, host->check_ticket, &check, world.now_ms);
}

/* Offers at most `most` records; returns how many were taken. */
static inline size_t host_offer(struct host *host, size_t most)
{
    if (!host->assigned || host->blocked || host->position >= (int64_t)world.log_count)
        return 0;
    size_t left = world.log_count - (size_t)host->position, count = left < most ? left : most;
    size_t taken = session_records(host->session, &world.log[host->position], count, world.now_ms);
    assert_true(taken <= count);
    host->position += (int64_t)taken;
    host->blocked = taken < count;
    return taken;
}

static inline void host_settle_letters(struct host *host)
{
    if (host->session->letters == 0 || host->letters_hang)
        return;
    host->session->letters = 0;
    session_letters_done(host->session, world.now_ms);
}

/* Time goes on until something is due, and that is done. */
static inline void host_due(struct host *host)
{
    struct session *session = host->session;
    if (session->ticket == 0 && session->due_ms != INT64_MAX && session->due_ms > world.now_ms)
        world.now_ms = session->due_ms;
    session_step(session, world.now_ms);
}

/* As host_due; what must be loaded first is, without taking time. */
static inline void host_commit(struct host *host)
{
    host_due(host);
    while (host->request.any && host->request.script == SCRIPT_LOAD)
        host_answer(host, ANSWERED);
}

/* One round without faults; true while anything happens. */
static inline bool host_round(struct host *host, size_t most)
{
    if (!host->session || host->session->phase == SESSION_GONE)
        return false;
    bool busy = host->request.any || host->check || host->session->due_ms != INT64_MAX;
    host_settle_letters(host);
    if (host->session->ticket == 0)
        host_due(host);
    if (host->request.any)
        host_answer(host, ANSWERED);
    else if (host->check)
        host_answer_check(host);
    if (host->session->phase == SESSION_RUNNING && host_offer(host, most) > 0)
        busy = true;
    return busy;
}

/* Works until nothing is left to do. */
static inline void host_run(struct host *host, size_t most)
{
    for (int i = 0; host_round(host, most); i++) {
        if (i > 100000)
            fail_msg("phase %s never rests", session_phase_name(host->session->phase));
    }
}

/* Goes on until the session has that phase. */
static inline void host_until(struct host *host, enum session_phase phase)
{
    for (int i = 0; host->session->phase != phase; i++) {
        if (i > 1000)
            fail_msg("still %s", session_phase_name(host->session->phase));
        host_due(host);
        if (host->session->phase == phase)
            return;
        if (host->request.any)
            host_answer(host, ANSWERED);
        else if (host->check)
            host_answer_check(host);
    }
}

/* ---- the log ---- */

static inline void log_add(const void *bytes, size_t size, int64_t clock_ms)
{
    world.log = mem_grow(world.log, world.log_count + 1, sizeof *world.log);
    char *copy = mem_alloc(size + 1);
    memcpy(copy, bytes, size);
    world.log[world.log_count] = (struct kafka_record){.topic = "weather.observations",
                                                       .offset = (int64_t)world.log_count,
                                                       .timestamp_ms = clock_ms,
                                                       .value = copy,
                                                       .size = size};
    world.log_count++;
}

static inline void log_rows(const struct observation *rows, size_t count, int64_t clock_ms)
{
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(batch_encode(rows, count, 0, &bytes), 0);
    log_add(bytes.data, bytes.size, clock_ms);
    buf_release(&bytes);
}

static inline void log_clear(void)
{
    for (size_t i = 0; i < world.log_count; i++)
        free((void *)(uintptr_t)world.log[i].value);
    free(world.log);
    world.log = NULL;
    world.log_count = 0;
}

static inline void world_begin(void)
{
    struct batch *batch = world.batch ? world.batch : batch_new();
    log_clear();
    free(world.journal);
    memset(&world, 0, sizeof world);
    world.batch = batch;
    world.now_ms = 1000;
    kit_rules(&world.rules[0], "10m:2d,1h:30d,1d:2y");
    redis_clear(PREFIX);
    redis_make_ledger(LEDGER);
}

static inline void world_end(void)
{
    log_clear();
    free(world.journal);
    batch_free(world.batch);
    memset(&world, 0, sizeof world);
    replies_free();
}

#endif
