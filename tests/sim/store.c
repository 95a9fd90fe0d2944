/*
 * A connection to the simulated Redis (store.h). Requests reach it and answers come back in order, each after a delay.
 * When the connection breaks, what is on the way to Redis may be lost from some point on, or still be executed, at once
 * or seconds later. No request is ever sent again, but by a mutant.
 */
#include "redis_request.h"

#include "error.h"
#include "mem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BACKOFF_BASE_MS 50
#define BACKOFF_CAP_MS  2000
#define ARGUMENTS_MAX   32 /* of store_send */

static void submit(struct store *store, const struct redis_command *command, store_reply_fn *fn, void *arg)
{
    struct request *request = request_make(store, command, fn, arg);
    DL_APPEND(store->requests, request);
    if (!store->up || store->node->dead) {
        request->status = ERR_UNAVAILABLE;
        request->ending = true;
        event_at(&request->answer, world.now_ms);
        return;
    }
    request_send(request, world.now_ms + (fault(world.odds.request_late) ? between(2, 2500) : between(0, 1)));
    if (store->deadline.place == 0)
        event_at(&store->deadline, world.now_ms + store->timeout_ms);
}

/* ---- the connection ---- */

static void disconnect(struct store *store, const char *reason, int first_status)
{
    bool lost = redis.down_ms > world.now_ms, first = true;
    int64_t later_ms = 0;
    store->up = false;
    store->reason = reason;
    for (struct request *request = store->requests; request; request = request->next) {
        if (request->ending)
            continue;
        if (request->arrival.place != 0)
            request_strand(request, &lost, &later_ms);
        else
            note("%s does not hear what became of %s", store->node->id,
                 request->command.script ? request->command.script : request->command.argv[0]);
        if (world.mutant == MUTANT_RESEND)
            request_send_again(store, request);
        request->ending = true;
        request->status = first ? first_status : ERR_UNAVAILABLE;
        first = false;
        event_at(&request->answer, world.now_ms);
    }
    event_at(&store->told, world.now_ms);
    event_cancel(&store->deadline);
}

static void retry(struct store *store)
{
    event_at(&store->connect,
             world.now_ms + jitter_backoff_ms(&world.random, store->attempt++, BACKOFF_BASE_MS, BACKOFF_CAP_MS));
}

static void on_told(struct event *event)
{
    struct store *store = (struct store *)(void *)((char *)event - offsetof(struct store, told));
    retry(store);
    if (store->state)
        store->state(store->arg, false, store->reason);
}

static void on_deadline(struct event *event)
{
    struct store *store = (struct store *)(void *)((char *)event - offsetof(struct store, deadline));
    const struct request *oldest = store->requests;
    while (oldest && oldest->ending)
        oldest = oldest->next;
    if (oldest && oldest->sent_ms + store->timeout_ms <= world.now_ms) {
        note("%s waits no longer for redis", store->node->id);
        disconnect(store, "redis: no answer in time", ERR_TIMEOUT);
    } else if (oldest) {
        event_at(event, oldest->sent_ms + store->timeout_ms);
    }
}

static void on_connect(struct event *event)
{
    struct store *store = (struct store *)(void *)((char *)event - offsetof(struct store, connect));
    bool away = redis.down_ms > world.now_ms;
    if (away || redis.stall_ms > world.now_ms || store->node->redis_cut_ms > world.now_ms) {
        store->reason = away ? "redis: connection refused" : "redis: no answer in time";
        event_at(&store->told, away ? world.now_ms : world.now_ms + store->timeout_ms);
        return;
    }
    store->up = true;
    store->mute = false;
    store->last_arrival_ms = store->last_answer_ms = world.now_ms;
    if (store->state)
        store->state(store->arg, true, "");
}

void store_cut(struct store *store, const char *reason)
{
    if (store->up)
        disconnect(store, reason, ERR_UNAVAILABLE);
}

void store_mute(struct store *store)
{
    note("redis' answers to %s are lost", store->node->id);
    world.counters->answers_lost++;
    store->mute = true;
}

/* ---- store.h ---- */

struct store *store_new(struct loop *loop, const struct store_config *config, store_state_fn *state, void *arg,
                        struct buf *error)
{
    (void)error;
    struct store *store = mem_alloc(sizeof *store);
    *store = (struct store){.node = loop->node,
                            .state = state,
                            .arg = arg,
                            .timeout_ms = config->timeout_ms,
                            .deadline = {.fn = on_deadline, .node = loop->node, .timer = true},
                            .connect = {.fn = on_connect, .node = loop->node},
                            .told = {.fn = on_told, .node = loop->node}};
    loop->node->store = store;
    event_at(&store->connect, world.now_ms + between(0, 2));
    return store;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    bool lost = false;
    int64_t later_ms = 0;
    store->up = false;
    while (store->requests) {
        struct request *request = store->requests;
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed is off the list
        if (request->arrival.place != 0 && !request->ending)
            request_strand(request, &lost, &later_ms);
        request->status = ERR_UNAVAILABLE;
        request_finish(request);
    }
    event_cancel(&store->deadline);
    event_cancel(&store->connect);
    event_cancel(&store->told);
    store->node->store = NULL;
    free(store);
}

bool store_up(const struct store *store)
{
    return store->up;
}

void store_reconnect(struct store *store, const char *reason)
{
    store_cut(store, reason);
}

void store_command(struct store *store, size_t argc, const char *const *argv, const size_t *argv_sizes,
                   store_reply_fn *fn, void *arg)
{
    struct redis_command command = {
        .node = store->node->index, .life = store->node->lives, .argc = argc, .argv = argv, .sizes = argv_sizes};
    submit(store, &command, fn, arg);
}

void store_send(struct store *store, store_reply_fn *fn, void *arg, ...)
{
    const char *argv[ARGUMENTS_MAX];
    size_t argc = 0;
    va_list args;
    va_start(args, arg);
    for (const char *text; (text = va_arg(args, const char *)) != NULL; argc++) {
        if (argc == ARGUMENTS_MAX)
            violation("the simulator takes no more than %d arguments", ARGUMENTS_MAX);
        argv[argc] = text;
    }
    va_end(args);
    store_command(store, argc, argv, NULL, fn, arg);
}

void store_script_init(struct store_script *script, const char *name, const char *source)
{
    *script = (struct store_script){.name = name, .source = source};
}

static void on_loaded(void *arg, int status, const struct store_reply *reply)
{
    (void)arg, (void)status, (void)reply;
}

void store_script_load(struct store *store, const struct store_script *script)
{
    store_send(store, on_loaded, NULL, "SCRIPT", "LOAD", script->name, NULL);
}

void store_eval(struct store *store, struct store_script *script, size_t keys, size_t argc, const char *const *argv,
                const size_t *argv_sizes, store_reply_fn *fn, void *arg)
{
    struct redis_command command = {.node = store->node->index,
                                    .life = store->node->lives,
                                    .script = script->name,
                                    .keys = keys,
                                    .argc = argc,
                                    .argv = argv,
                                    .sizes = argv_sizes};
    submit(store, &command, fn, arg);
}
