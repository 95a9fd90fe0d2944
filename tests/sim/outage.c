/* What goes wrong with Redis and Kafka (sim.h), which all processes have in common. */
#include "feed.h"
#include "process.h"
#include "redis.h"

#include <string.h>

#define CALM_MS 3000 /* within that a worker that nothing disturbs has noticed that Redis is not the right one */

static struct event restored, unacquire[PARTITIONS_MAX];

void outage_stall(void)
{
    redis.stall_ms = chaos_until(20, 4000);
    world.counters->stalls++;
    note("redis hangs until %lld", (long long)redis.stall_ms);
}

static void restart(int64_t lost_ms)
{
    redis.down_ms = chaos_until(10, 2500);
    redis.stall_ms = 0;
    note("redis restarts until %lld, %lld ms lost", (long long)redis.down_ms, (long long)lost_ms);
    for (int i = 0; i < world.node_count; i++) {
        if (world.nodes[i].store)
            store_cut(world.nodes[i].store, "redis: connection closed");
    }
    for (int i = 0; i < 3; i++)
        redis.scripts[i] = false;
    if (lost_ms == 0)
        return;
    int64_t at_ms = world.now_ms - lost_ms;
    if (redis.wrong)
        return;
    redis_rollback(at_ms > redis_settled_ms() ? at_ms : redis_settled_ms());
    world.counters->rollbacks++;
}

void outage_restart(void)
{
    restart(0);
}

void outage_rollback(void)
{
    restart(chance(500) ? between(1, 200) : between(200, 4000));
}

/*
 * Redis goes back to before the partition changed hands, as when a replica takes over that is behind, and which the new
 * owner cannot reach for a while.
 */
static void on_unacquire(struct event *event)
{
    int32_t partition = (int32_t)(event - unacquire);
    if (!world.faults || redis.down_ms > world.now_ms || redis.wrong)
        return;
    world.nodes[redis.acquired_by[partition]].redis_cut_ms = chaos_until(0, 1500);
    restart(world.now_ms - redis.acquired_ms[partition] + 1);
    redis.down_ms = chaos_until(5, 100);
}

void outage_outdated(const struct node *node, int32_t partition)
{
    const struct redis_key *ledger = redis_ledger(partition);
    const struct worker *worker = worker_of(node);
    bool written = redis_integer(ledger, "offset") > redis.acquired_offset[partition];
    if (!worker || !written || strcmp(worker->owner, redis_get(ledger, "owner")->bytes) == 0)
        return;
    note("%s reads what another has written to partition %d", node->id, partition);
    if (fault(world.odds.unacquire) && unacquire[partition].place == 0)
        event_at(&unacquire[partition], world.now_ms + between(0, 2));
}

void outage_flush(void)
{
    note("redis forgets its scripts");
    for (int i = 0; i < 3; i++)
        redis.scripts[i] = false;
}

void outage_broker(void)
{
    world.broker_down_ms = chaos_until(50, 3000);
    note("kafka is away until %lld", (long long)world.broker_down_ms);
}

void outage_retention(void)
{
    if (!redis.wrong)
        feed_retention();
}

/* ---- another Redis ---- */

/* Whether nothing but Redis itself kept the worker from noticing. */
static bool undisturbed(const struct node *node)
{
    int64_t since_ms = world.now_ms - CALM_MS;
    return worker_of(node) && !node->paused && !node->ending && node->wedged == 0 && node->woken_ms < since_ms &&
           node->redis_cut_ms < since_ms && redis.wrong_ms < since_ms && redis.stall_ms < since_ms &&
           redis.down_ms < since_ms && world.broker_down_ms < since_ms && store_up(node->store);
}

/* On a Redis without a ledger no partition runs, and whose session has noticed has an alarm. */
static void check_stopped(void)
{
    for (int i = 0; i < world.node_count; i++) {
        const struct worker *worker = worker_of(&world.nodes[i]);
        for (int32_t p = 0; worker && worker->sessions && p < world.partitions; p++) {
            const struct session *session = worker->sessions[p];
            if (session && session->phase == SESSION_RUNNING && undisturbed(&world.nodes[i]))
                violation("partition %d runs at %s, though Redis has no ledger of it", p, worker->id);
            if (session && session->phase == SESSION_STOPPED && *session->alarm == '\0')
                violation("partition %d is stopped at %s without an alarm", p, worker->id);
            world.counters->stops += session && session->phase == SESSION_STOPPED;
        }
    }
}

static void on_restored(struct event *event)
{
    (void)event;
    check_stopped();
    note("the right redis is back");
    redis_restore();
    restart(0);
}

void outage_replace(void)
{
    if (redis.wrong)
        return;
    world.counters->emptied++;
    redis_replace();
    if (chance(500)) {
        note("redis is emptied");
    } else {
        note("redis is another one");
        restart(0);
    }
    event_at(&restored, chaos_until(200, 7000));
}

void outage_catalogue(void)
{
    if (redis.wrong || redis.down_ms > world.now_ms)
        return;
    note("there is a new catalogue");
    redis_catalogue();
}

void outages_begin(void)
{
    restored = (struct event){.fn = on_restored};
    for (int32_t p = 0; p < PARTITIONS_MAX; p++)
        unacquire[p] = (struct event){.fn = on_unacquire};
}
