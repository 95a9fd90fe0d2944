/*
 * The topic is deleted, made anew and filled, at once, under workers that read it: in most partitions beyond what was
 * read. Whether they notice that something happened is drawn. If they do, nothing of the new log may be committed; if
 * not, only until the next check. In the end every partition has stopped and stays so.
 */
#include "feed.h"
#include "process.h"
#include "redis.h"

#include <string.h>

#define ODDS     300
#define BOUND_MS (2000 + 1000 + 2000) /* log_check_s, the second of the clockwork, two checks and an acquire */
#define MOVE_MS  3000                 /* longer when it came to another worker meanwhile, who must look for himself */
#define STEP_MS  100
#define REST_MS  3000
#define CALM_MS  10000 /* so long doubt about the log does not hold commits again */

static int64_t ends[PARTITIONS_MAX];    /* of the log before */
static int64_t numbers[PARTITIONS_MAX]; /* of the assignments then */

static int64_t of_ledger(int32_t partition, const char *field)
{
    char name[96];
    return redis_integer(redis_key(redis_name(partition, "ledger", name)), field);
}

static void run_until(int64_t until_ms)
{
    while (world.now_ms < until_ms && event_run())
        world.steps++;
}

/* The session of the one worker that holds the partition. */
static const struct session *session_of(int32_t partition)
{
    const struct session *session = NULL;
    for (int i = world.coordinators; i < world.node_count; i++) {
        const struct worker *worker = worker_of(&world.nodes[i]);
        if (worker && worker->sessions && worker->sessions[partition])
            session = worker->sessions[partition];
    }
    return session;
}

/* Whether a partition has not stopped yet that is on its way to another worker, or was acquired by one since. */
static bool moves(void)
{
    for (int32_t p = 0; p < world.partitions; p++) {
        const struct session *session = session_of(p);
        bool moved = session && (of_ledger(p, "number") != numbers[p] || session->number != numbers[p]);
        if (!session || (moved && session->phase != SESSION_STOPPED))
            return true;
    }
    return false;
}

/* Runs for that time, and on while partitions move. */
static void run_out(int64_t duration_ms)
{
    run_until(world.now_ms + duration_ms);
    for (int64_t end_ms = world.now_ms + MOVE_MS; world.now_ms < end_ms && moves();)
        run_until(world.now_ms + STEP_MS);
}

static void check_stopped(int32_t partition, bool told)
{
    const struct session *session = session_of(partition);
    if (!session || session->phase != SESSION_STOPPED)
        violation("partition %d is %s in a topic made anew", partition,
                  session ? session_phase_name(session->phase) : "held by nobody");
    if (!strstr(session->alarm, "made anew"))
        violation("partition %d stops with \"%s\" in a topic made anew", partition, session->alarm);
    if (told && of_ledger(partition, "offset") > ends[partition])
        violation("partition %d was committed up to %lld, the topic made anew at %lld", partition,
                  (long long)of_ledger(partition, "offset"), (long long)ends[partition]);
}

/* Not when the operator has drained every worker. */
static bool all_held(void)
{
    for (int32_t p = 0; p < world.partitions; p++) {
        if (!session_of(p))
            return false;
    }
    return true;
}

static void make_anew(bool told)
{
    for (int32_t p = 0; p < world.partitions; p++) {
        ends[p] = feeds[p].high;
        numbers[p] = of_ledger(p, "number");
        feed_anew(p, chance(800) ? ends[p] + between(1, 40) : between(0, ends[p]));
    }
    for (int i = world.coordinators; i < world.node_count; i++) {
        if (told && world.nodes[i].consumer)
            consumer_doubt(world.nodes[i].consumer);
    }
}

void anew_play(void)
{
    bool told = chance(500);
    if (world.mutant != MUTANT_NONE || !chance(ODDS))
        return;
    world.anew = true;
    run_until(world.now_ms + CALM_MS);
    if (!all_held()) {
        world.anew = false;
        return;
    }
    note("the topic is made anew%s", told ? "" : ", and nobody is told");
    make_anew(told);
    run_out(BOUND_MS);
    for (int32_t p = 0; p < world.partitions; p++) {
        check_stopped(p, told);
        ends[p] = of_ledger(p, "offset");
    }
    for (int32_t p = 0; p < world.partitions; p++)
        feed_anew(p, ends[p] + 20);
    run_out(REST_MS);
    for (int32_t p = 0; p < world.partitions; p++)
        check_stopped(p, true);
}
