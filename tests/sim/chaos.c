/*
 * What goes wrong. Each seed draws which kinds of faults occur and how often, so that some seeds show one kind alone
 * and others all at once. Nothing lasts beyond world.faults_end_ms.
 */
#include "feed.h"
#include "process.h"
#include "redis.h"

#include <string.h>

typedef void fault_fn(void);

static struct event chaos, unacquire[PARTITIONS_MAX];

static int64_t until(int64_t low_ms, int64_t high_ms)
{
    int64_t at = world.now_ms + between(low_ms, high_ms);
    return at < world.faults_end_ms ? at : world.faults_end_ms;
}

/* A process that runs; NULL when the one drawn does not. */
static struct node *victim(void)
{
    struct node *node = &world.nodes[between(0, world.node_count - 1)];
    return node->alive && !node->paused && !node->ending ? node : NULL;
}

static void do_crash(void)
{
    struct node *node = victim();
    if (!node)
        return;
    world.counters->crashes++;
    life_crash(node, until(20, 3000));
}

static void do_pause(void)
{
    struct node *node = victim();
    if (!node)
        return;
    world.counters->pauses++;
    life_pause(node, chance(500) ? until(50, 2500) : until(2500, 6000));
}

static void do_drain(void)
{
    struct node *node = victim();
    if (!node || node->life.place != 0)
        return;
    world.counters->drains++;
    life_drain(node);
}

static void cut(struct node *a, struct node *b, int64_t until_ms)
{
    a->cut_ms[b->index] = until_ms;
    if (chance(700)) /* else one way only */
        b->cut_ms[a->index] = until_ms;
}

static void do_cut(void)
{
    struct node *a = &world.nodes[between(0, world.coordinators - 1)];
    struct node *b = &world.nodes[between(world.coordinators, world.node_count - 1)];
    int64_t until_ms = until(100, 6000);
    world.counters->cuts++;
    if (chance(500)) {
        note("%s and %s are cut until %lld", a->id, b->id, (long long)until_ms);
        cut(a, b, until_ms);
        return;
    }
    note("%s is cut from all workers until %lld", a->id, (long long)until_ms);
    for (int i = world.coordinators; i < world.node_count; i++)
        cut(a, &world.nodes[i], until_ms);
}

static void do_cut_redis(void)
{
    struct node *node = &world.nodes[between(0, world.node_count - 1)];
    node->redis_cut_ms = until(50, 5000);
    world.counters->cuts++;
    note("%s and redis are cut until %lld", node->id, (long long)node->redis_cut_ms);
}

static void do_reset(void)
{
    struct node *node = victim();
    if (node && node->store)
        store_cut(node->store, "redis: connection reset");
}

static void do_mute(void)
{
    struct node *node = victim();
    if (node && node->store)
        store_mute(node->store);
}

static void do_stall(void)
{
    redis.stall_ms = until(20, 4000);
    world.counters->stalls++;
    note("redis hangs until %lld", (long long)redis.stall_ms);
}

static void restart(int64_t lost_ms)
{
    redis.down_ms = until(10, 2500);
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
    redis_rollback(at_ms > redis_settled_ms() ? at_ms : redis_settled_ms());
    world.counters->rollbacks++;
}

static void do_restart(void)
{
    restart(0);
}

static void do_rollback(void)
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
    if (!world.faults || redis.down_ms > world.now_ms)
        return;
    world.nodes[redis.acquired_by[partition]].redis_cut_ms = until(0, 1500);
    restart(world.now_ms - redis.acquired_ms[partition] + 1);
    redis.down_ms = until(5, 100);
}

void chaos_outdated(const struct node *node, int32_t partition)
{
    char name[96];
    const struct redis_key *ledger = redis_key(redis_name(partition, "ledger", name));
    const struct worker *worker = worker_of(node);
    bool written = redis_integer(ledger, "offset") > redis.acquired_offset[partition];
    if (!worker || !written || strcmp(worker->owner, redis_get(ledger, "owner")->bytes) == 0)
        return;
    note("%s reads what another has written to partition %d", node->id, partition);
    if (fault(world.odds.unacquire) && unacquire[partition].place == 0)
        event_at(&unacquire[partition], world.now_ms + between(0, 2));
}

void chaos_acquired(struct node *node)
{
    if (!fault(world.odds.zombie) || !node->alive || node->paused || node->ending || node->life.place != 0)
        return;
    int64_t until_ms = until(2000, 6000), deaf_ms = until_ms + between(0, 2000);
    life_pause(node, until_ms);
    for (int i = 0; i < world.coordinators; i++)
        world.nodes[i].cut_ms[node->index] = deaf_ms < world.faults_end_ms ? deaf_ms : world.faults_end_ms;
}

static void do_flush(void)
{
    note("redis forgets its scripts");
    for (int i = 0; i < 3; i++)
        redis.scripts[i] = false;
}

static void do_broker(void)
{
    world.broker_down_ms = until(50, 3000);
    note("kafka is away until %lld", (long long)world.broker_down_ms);
}

static void do_fail(void)
{
    struct node *node = victim();
    if (node && node->consumer)
        consumer_fail(node->consumer);
}

static void do_retention(void)
{
    feed_retention();
}

static fault_fn *const faults[] = {do_crash, do_pause,   do_drain,    do_cut,   do_cut_redis, do_reset, do_mute,
                                   do_stall, do_restart, do_rollback, do_flush, do_broker,    do_fail,  do_retention};
#define FAULTS (sizeof faults / sizeof *faults)

static void on_chaos(struct event *event)
{
    if (world.now_ms >= world.faults_end_ms) {
        note("no more faults");
        world.faults = false;
        return;
    }
    size_t kind = (size_t)between(0, FAULTS - 1);
    if (world.odds.kinds >> kind & 1)
        faults[kind]();
    int64_t next_ms = world.now_ms + between(1, 2 * world.odds.chaos_ms);
    event_at(event, next_ms < world.faults_end_ms ? next_ms : world.faults_end_ms);
}

void chaos_begin(void)
{
    int64_t density = between(150, 850);
    world.faults = true;
    world.faults_end_ms = between(6000, 14000);
    world.odds = (struct odds){.message_lost = chance(500) ? between(0, 150) : 0,
                               .message_twice = chance(500) ? between(0, 200) : 0,
                               .message_late = chance(500) ? between(0, 200) : 0,
                               .request_late = chance(400) ? between(0, 10) : 0,
                               .answer_lost = chance(300) ? between(0, 5) : 0,
                               .broker_error = chance(300) ? between(0, 100) : 0,
                               .unacquire = chance(600) ? 700 : 0,
                               .zombie = chance(500) ? between(0, 300) : 0,
                               .scan_short = chance(500) ? 500 : 0,
                               .chaos_ms = between(50, 500)};
    for (size_t i = 0; i < FAULTS; i++)
        world.odds.kinds |= (uint32_t)chance(density) << i;
    for (int32_t p = 0; p < PARTITIONS_MAX; p++)
        unacquire[p] = (struct event){.fn = on_unacquire};
    chaos = (struct event){.fn = on_chaos};
    event_at(&chaos, between(500, 2500));
}
