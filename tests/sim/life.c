/* Processes (sim.h): their options, how they start, and the ways in which they end or stand still. */
#include "process.h"

#include "error.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_TEXT(name, initial)                          options->name = (char *)(uintptr_t)(initial);
#define START_WORD(name, initial)                          START_TEXT(name, initial)
#define START_SECRET(name, initial)                        START_TEXT(name, initial)
#define START_INT(name, initial)                           options->name = strtoll(initial, NULL, 10);
#define START_FLAG(name, initial)                          options->name = false;
#define START_OPTION(type, name, initial, low, high, help) START_##type(name, initial)

#define STALL_MS 3000 /* so that it comes into play within a world's time */

static char endpoints[COORDINATORS_MAX * 40];

static void *text(const char *value)
{
    return (void *)(uintptr_t)value;
}

static void worker_options(const struct node *node, struct worker_options *options)
{
    WORKER_OPTIONS(START_OPTION)
    options->id = text(node->id);
    options->coordinator = endpoints;
    options->redis_timeout_ms = 1000;
    options->tick_s = 1;
    options->log_check_s = 2;
    options->commit_ms = 20;
}

static void coordinator_options(const struct node *node, struct coordinator_options *options)
{
    COORDINATOR_OPTIONS(START_OPTION)
    options->id = text(node->id);
    options->bind = text(node->endpoint);
    options->redis_timeout_ms = 1000;
    options->calls_per_minute = world.calls_per_hour < 0 ? world.calls_per_minute : 0;
    options->quota = world.quota;
    options->stall_ms = world.mutant == MUTANT_STALL ? 0 : STALL_MS;
}

static void fetcher_options(const struct node *node, struct fetcher_options *options)
{
    FETCHER_OPTIONS(START_OPTION)
    options->id = text(node->id);
    options->coordinator = endpoints;
    options->api_key = text("simulated");
    options->interval_s = 1;
    options->history_hours = 0;
}

struct worker *worker_of(const struct node *node)
{
    struct worker_process *process = node->kind == NODE_WORKER && node->alive ? node->process : NULL;
    return process ? &process->worker : NULL;
}

struct coordinator *coordinator_of(const struct node *node)
{
    struct coordinator_process *process = node->kind == NODE_COORDINATOR && node->alive ? node->process : NULL;
    return process ? &process->coordinator : NULL;
}

struct fetcher *fetcher_of(const struct node *node)
{
    struct fetcher_process *process = node->kind == NODE_FETCHER && node->alive ? node->process : NULL;
    return process ? &process->fetcher : NULL;
}

/* ---- the three kinds ---- */

static int start_worker(struct node *node)
{
    struct worker_process *process = node->process = mem_alloc(sizeof *process);
    process->daemon.loop.node = node;
    process->worker.options = &process->options;
    worker_options(node, &process->options);
    return worker_start(&process->worker, &process->daemon);
}

static int start_coordinator(struct node *node)
{
    struct coordinator_process *process = node->process = mem_alloc(sizeof *process);
    process->daemon.loop.node = node;
    process->coordinator.options = &process->options;
    coordinator_options(node, &process->options);
    return coordinator_start(&process->coordinator, &process->daemon);
}

static int start_fetcher(struct node *node)
{
    struct fetcher_process *process = node->process = mem_alloc(sizeof *process);
    process->daemon.loop.node = node;
    process->fetcher.options = &process->options;
    fetcher_options(node, &process->options);
    return fetcher_start(&process->fetcher, &process->daemon);
}

/* ---- life ---- */

static void start(struct node *node)
{
    int code = EXIT_CODE_OK;
    node->alive = true;
    node->ending = false;
    node->wedged = 0;
    node->woken_ms = world.now_ms;
    node->lives++;
    note("%s starts", node->id);
    world.current = node;
    if (node->kind == NODE_WORKER)
        code = start_worker(node);
    else if (node->kind == NODE_COORDINATOR)
        code = start_coordinator(node);
    else if (node->kind == NODE_FETCHER)
        code = start_fetcher(node);
    else
        operator_start(node);
    if (code != EXIT_CODE_OK)
        violation("%s does not start: %d", node->id, code);
}

static void stop(struct node *node)
{
    if (!node->alive)
        return;
    world.current = node;
    if (node->kind == NODE_WORKER)
        worker_release(worker_of(node));
    else if (node->kind == NODE_COORDINATOR)
        coordinator_release(coordinator_of(node));
    else if (node->kind == NODE_FETCHER)
        fetcher_release(fetcher_of(node));
    else
        operator_free(node);
    node->alive = node->ending = node->paused = false;
    free(node->process);
    node->process = NULL;
    event_wake(node); /* what is addressed to it finds nobody */
}

static void crash(struct node *node)
{
    node->dead = true;
    stop(node);
    node->dead = false;
}

/* The next change of the node: a start, the end of a pause, or the end of a process that wanted it. */
static void on_life(struct event *event)
{
    struct node *node = (struct node *)(void *)((char *)event - offsetof(struct node, life));
    if (!node->alive) {
        start(node);
    } else if (node->ending) {
        note("%s has ended", node->id);
        stop(node);
        event_at(&node->life, world.now_ms + between(50, 2000));
    } else if (node->paused) {
        note("%s goes on", node->id);
        node->paused = false;
        node->woken_ms = world.now_ms;
        event_wake(node);
    } else { /* it did not finish its drain in time */
        note("%s is killed", node->id);
        crash(node);
        event_at(&node->life, world.now_ms + between(50, 1000));
    }
}

void life_crash(struct node *node, int64_t again_ms)
{
    note("%s crashes", node->id);
    crash(node);
    event_at(&node->life, again_ms);
}

void life_pause(struct node *node, int64_t until_ms)
{
    note("%s is paused until %lld", node->id, (long long)until_ms);
    node->paused = true;
    event_at(&node->life, until_ms);
}

void life_drain(struct node *node)
{
    note("%s drains", node->id);
    event_at(&node->life, world.now_ms + 8000);
    world.current = node;
    if (node->kind == NODE_WORKER)
        worker_drain(worker_of(node));
    else if (node->kind == NODE_COORDINATOR)
        coordinator_drain(coordinator_of(node));
    else
        fetcher_drain(fetcher_of(node));
}

void life_ending(struct node *node, int code)
{
    note("%s ends with %d", node->id, code);
    if (code == EXIT_CODE_CONFIG)
        violation("%s ends with %d", node->id, code);
    if (node->dead)
        return;
    node->ending = true;
    event_at(&node->life, world.now_ms);
}

static void node_init(struct node *node, enum node_kind kind, int number)
{
    static const char *const names[] = {"coordinator", "worker", "fetcher", "operator"};
    node->index = (int)(node - world.nodes);
    node->kind = kind;
    node->life = (struct event){.fn = on_life};
    snprintf(node->id, sizeof node->id, "%s-%d", names[kind], number);
    snprintf(node->endpoint, sizeof node->endpoint, "tcp://127.0.0.1:%d", 7070 + node->index);
}

static void make_nodes(enum node_kind kind, int count)
{
    for (int i = 0; i < count; i++) {
        struct node *node = &world.nodes[world.node_count++];
        node_init(node, kind, i + 1);
        event_at(&node->life, between(0, 500));
    }
}

void life_begin(void)
{
    endpoints[0] = '\0';
    world.coordinators = (int)between(1, COORDINATORS_MAX);
    world.workers = (int)between(1, WORKERS_MAX);
    world.fetchers = (int)between(0, FETCHERS_MAX);
    world.partitions = (int32_t)between(2, PARTITIONS_MAX);
    world.calls_per_minute = chance(100) ? -1 : between(60, 1200);
    world.calls_per_hour = chance(500) ? between(600, 7200) : -1;
    if (world.calls_per_hour >= 0 && world.calls_per_minute >= 0)
        snprintf(world.quota, sizeof world.quota, "openweathermap=%lld/m,%lld/h", (long long)world.calls_per_minute,
                 (long long)world.calls_per_hour);
    else if (world.calls_per_hour >= 0)
        snprintf(world.quota, sizeof world.quota, "openweathermap=%lld/h", (long long)world.calls_per_hour);
    make_nodes(NODE_COORDINATOR, world.coordinators);
    make_nodes(NODE_WORKER, world.workers);
    make_nodes(NODE_FETCHER, world.fetchers);
    make_nodes(NODE_OPERATOR, 1);
    for (int i = 0; i < world.coordinators; i++) {
        size_t used = strlen(endpoints);
        snprintf(endpoints + used, sizeof endpoints - used, "%s%s", used ? "," : "", world.nodes[i].endpoint);
    }
}

void life_end(void)
{
    for (int i = 0; i < world.node_count; i++) {
        struct node *node = &world.nodes[i];
        crash(node);
        event_cancel(&node->life);
        free(node->waiting);
    }
}
