/*
 * What goes wrong. Each seed draws which kinds of faults occur and how often, so that some seeds show one kind alone
 * and others all at once. Nothing lasts beyond world.faults_end_ms.
 */
#include "process.h"
#include "redis.h"

#include <string.h>

typedef void fault_fn(void);

static struct event chaos;

int64_t chaos_until(int64_t low_ms, int64_t high_ms)
{
    int64_t at = world.now_ms + between(low_ms, high_ms);
    return at < world.faults_end_ms ? at : world.faults_end_ms;
}

/* A process that runs; NULL when the one drawn does not. */
static struct node *victim(void)
{
    struct node *node = &world.nodes[between(0, world.node_count - 1)];
    return node->alive && !node->paused && !node->ending && node->kind != NODE_OPERATOR ? node : NULL;
}

static void do_crash(void)
{
    struct node *node = victim();
    if (!node)
        return;
    world.counters->crashes++;
    life_crash(node, chaos_until(20, 3000));
}

static void do_pause(void)
{
    struct node *node = victim();
    if (!node)
        return;
    world.counters->pauses++;
    life_pause(node, chance(500) ? chaos_until(50, 2500) : chaos_until(2500, 6000));
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
    int64_t until_ms = chaos_until(100, 6000);
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
    node->redis_cut_ms = chaos_until(50, 5000);
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

void chaos_acquired(struct node *node)
{
    if (!fault(world.odds.zombie) || !node->alive || node->paused || node->ending || node->life.place != 0)
        return;
    int64_t until_ms = chaos_until(2000, 6000), deaf_ms = until_ms + between(0, 2000);
    life_pause(node, until_ms);
    for (int i = 0; i < world.coordinators; i++)
        world.nodes[i].cut_ms[node->index] = deaf_ms < world.faults_end_ms ? deaf_ms : world.faults_end_ms;
}

static void do_fail(void)
{
    struct node *node = victim();
    if (node && node->consumer)
        consumer_fail(node->consumer);
}

/* ---- members ---- */

/* The worker's loop goes round, but it gets no records: of all partitions, or of one. */
static void do_wedge(void)
{
    struct node *node = victim();
    bool other = false;
    for (int i = 0; i < world.node_count; i++)
        other |= world.nodes[i].wedged != 0;
    if (!node || node->kind != NODE_WORKER || other || world.workers < 2)
        return; /* there must be somebody who gets on */
    node->wedged = chance(600) ? UINT32_MAX : 1u << between(0, world.partitions - 1);
    world.counters->wedges++;
    note("%s gets no records any more, partitions %x", node->id, node->wedged);
}

static void do_unwedge(void)
{
    for (int i = 0; i < world.node_count; i++) {
        if (world.nodes[i].wedged == 0)
            continue;
        note("%s gets records again", world.nodes[i].id);
        world.nodes[i].wedged = 0;
        world.nodes[i].woken_ms = world.now_ms;
        if (world.nodes[i].consumer)
            consumer_hint(world.nodes[i].consumer, -1);
    }
}

/* Somebody sets the wall clock. */
static void do_clock(void)
{
    struct node *node = &world.nodes[between(0, world.node_count - 1)];
    node->wall_ms = chance(300) ? 0 : chance(500) ? between(-90000, 90000) : between(-7200000, 7200000);
    world.counters->clocks++;
    note("the wall clock of %s is %lld ms ahead", node->id, (long long)node->wall_ms);
}

/* The leader does not hear from Redis for about as long as its lease lasts. */
static void do_lease(void)
{
    for (int i = 0; i < world.coordinators; i++) {
        struct node *node = &world.nodes[i];
        const struct coordinator *coordinator = coordinator_of(node);
        if (!coordinator || !lease_held(coordinator->lease))
            continue;
        node->redis_cut_ms = chaos_until(800, 3500);
        world.counters->cuts++;
        note("%s, which leads, and redis are cut until %lld", node->id, (long long)node->redis_cut_ms);
    }
}

static fault_fn *const faults[] = {
    do_crash,       do_pause,         do_drain,        do_cut,       do_cut_redis,  do_reset, do_mute,
    outage_stall,   outage_restart,   outage_rollback, outage_flush, outage_broker, do_fail,  outage_retention,
    outage_replace, outage_catalogue, do_wedge,        do_unwedge,   do_clock,      do_lease, operator_order};
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

/* Nothing happens but that wall clocks are set: then nobody may be thought dead, or stalled. */
static void only_clocks(void)
{
    world.only_clocks = true;
    world.odds = (struct odds){.chaos_ms = world.odds.chaos_ms};
    for (size_t i = 0; i < FAULTS; i++)
        world.odds.kinds |= (uint32_t)(faults[i] == do_clock) << i;
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
                               .api_error = chance(500) ? between(0, 300) : 0,
                               .unacquire = chance(600) ? 700 : 0,
                               .zombie = chance(500) ? between(0, 300) : 0,
                               .scan_short = chance(500) ? 500 : 0,
                               .chaos_ms = between(50, 500)};
    for (size_t i = 0; i < FAULTS; i++)
        world.odds.kinds |= (uint32_t)chance(density) << i;
    if (chance(20))
        only_clocks();
    outages_begin();
    chaos = (struct event){.fn = on_chaos};
    event_at(&chaos, between(500, 2500));
}
