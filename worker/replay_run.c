/*
 * A worker that replays (worker.h, replay.h): it takes every partition of the namespace itself, without a coordinator,
 * produces neither ticks nor dead letters, since those are in the log already, and ends when all partitions have.
 *
 * Speed is kept by partition: one whose next record is too early is not read until that time has come, so that others
 * go on.
 */
#include "worker.h"

#include "clock.h"
#include "error.h"
#include "log.h"

#include <stdio.h>

#define PACE_MS 50 /* between two looks at partitions that are held */

/* ---- pace ---- */

/* Does not read the partition until `next`'s time has come; NULL: never again. */
static void hold(struct worker *worker, int32_t partition, const struct kafka_record *next)
{
    struct replay_part *part = &worker->replay.parts[partition];
    if (kafka_consumer_unassign(worker->consumer, partition) != 0)
        return; /* the session has let go of it */
    part->held = true;
    part->done = !next;
    part->offset = next ? next->offset : -1;
    part->held_ms = next ? next->timestamp_ms : INT64_MAX;
    if (next && !loop_timer_armed(worker->replay_timer))
        loop_timer_set(worker->replay_timer, PACE_MS, 0);
}

bool worker_replay_unhold(struct worker *worker, int32_t partition)
{
    if (!worker->options->replay || !worker->replay.parts[partition].held)
        return false;
    worker->replay.parts[partition].held = worker->replay.parts[partition].done = false;
    return true;
}

static void on_pace(void *arg)
{
    struct worker *worker = arg;
    int64_t now = clock_monotonic_ms(), time_ms = replay_time_ms(&worker->replay, now);
    bool some = false;
    for (int32_t p = 0; p < worker->replay.partitions; p++) {
        struct replay_part *part = &worker->replay.parts[p];
        if (part->done || !part->held)
            continue;
        if (part->held_ms <= time_ms) {
            part->held = false;
            if (kafka_consumer_assign(worker->consumer, p, part->offset) != 0 && worker->sessions[p])
                session_failed(worker->sessions[p], "it could not be assigned again", now);
        }
        some |= part->held;
    }
    if (some)
        loop_timer_set(worker->replay_timer, PACE_MS, 0);
    worker_plan(worker);
}

size_t worker_replay_records(struct worker *worker, struct session *session, const struct kafka_record *records,
                             size_t count, int64_t now_ms)
{
    enum replay_next next = REPLAY_MORE;
    size_t admitted = replay_admit(&worker->replay, records, count, now_ms, &next);
    size_t used = admitted ? session_records(session, records, admitted, now_ms) : 0;
    if (used < admitted)
        return used;
    if (next != REPLAY_MORE)
        hold(worker, session->partition, next == REPLAY_WAIT ? &records[admitted] : NULL);
    return count;
}

/* ---- beginning and end ---- */

/* What came is committed, and nothing comes any more. Before that a failure makes the session read it again. */
static bool ended(const struct replay_part *part, const struct session *session)
{
    if (session->phase != SESSION_RUNNING)
        return false;
    int64_t offset = session->state.ledger.offset;
    return (part->done || offset >= part->end) && session->last_offset >= offset;
}

void worker_replay_step(struct worker *worker, int64_t now_ms)
{
    for (int32_t p = 0; p < worker->replay.partitions; p++) {
        struct session *session = worker->sessions[p];
        if (!session)
            continue;
        if (session->phase == SESSION_STOPPED) {
            log_error("replay_failed", LOG_INT("partition", p), LOG_TEXT("alarm", session->alarm));
            daemon_stop(worker->daemon, EXIT_CODE_FAILURE);
            return;
        }
        if (ended(&worker->replay.parts[p], session))
            session_release(session, now_ms);
        else if (session->number < 0)
            session_renumber(session, session_number(session)); /* a worker that was here before had that number */
    }
}

static void begin(struct worker *worker)
{
    int64_t now = clock_monotonic_ms();
    for (int32_t p = 0; p < worker->replay.partitions; p++) {
        worker->sessions[p] = session_new(&worker->session_config, p, 1, now);
        worker->session_count++;
    }
    worker->replay_timer = loop_timer_new(worker->loop, on_pace, worker);
    log_info("replay_began", LOG_INT("partitions", worker->replay.partitions),
             LOG_INT("from_ms", worker->replay.from_ms), LOG_INT("to_ms", worker->replay.to_ms),
             LOG_INT("speed_milli", worker->replay.speed_milli));
    worker_plan(worker);
}

static void on_replay(void *arg, int status, const struct store_reply *reply)
{
    struct worker *worker = arg;
    struct buf error = BUF_EMPTY;
    if (worker->replay.parts || worker->draining)
        return;
    if (status != 0) {
        worker->replay_asked = false; /* no answer: it is asked again */
        return;
    }
    status = replay_parse(&worker->replay, reply, worker->meta.partitions, &error);
    if (status == 0) {
        begin(worker);
    } else {
        replay_release(&worker->replay);
        log_error("bad_replay", LOG_TEXT("prefix", worker->options->prefix),
                  LOG_TEXT("reason", error.size ? error.data : "there is no hash replay: isobarctl replay makes it"));
        daemon_stop(worker->daemon, EXIT_CODE_CONFIG);
    }
    buf_release(&error);
}

void worker_replay_ask(struct worker *worker)
{
    char key[256];
    if (worker->replay_asked || !store_up(worker->store))
        return;
    worker->replay_asked = true;
    snprintf(key, sizeof key, "%sreplay", worker->options->prefix);
    store_send(worker->store, on_replay, worker, "HGETALL", key, NULL);
}
