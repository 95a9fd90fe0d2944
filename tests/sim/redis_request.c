/* See redis_request.h. Requests reach Redis and answers come back in order, each after a delay. */
#include "redis_request.h"

#include "error.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define LATE_MS 3000

/* ---- at Redis and back ---- */

static void request_free(struct request *request)
{
    event_cancel(&request->answer);
    event_cancel(&request->arrival);
    if (request->executed)
        arena_release(&request->arena);
    free((void *)(uintptr_t)request->command.argv);
    free(request);
}

void request_finish(struct request *request)
{
    struct store *store = request->store;
    DL_DELETE(store->requests, request);
    request->store = NULL;
    event_cancel(&request->answer);
    request->fn(request->arg, request->status, request->status ? NULL : request->reply);
    if (request->arrival.place == 0)
        request_free(request);
}

static void on_answer(struct event *event)
{
    struct request *request = (struct request *)(void *)event;
    const struct node *node = request->store->node;
    if (!request->ending && node->redis_cut_ms > world.now_ms) {
        request->store->last_answer_ms = node->redis_cut_ms;
        event_at(event, node->redis_cut_ms);
        return;
    }
    request->store->attempt = 0;
    request_finish(request);
}

static void drop_arrival(struct event *event)
{
    request_free((struct request *)(void *)((char *)event - offsetof(struct request, arrival)));
}

/* NOSCRIPT: it is loaded, and the owner acquires again. */
static bool unknown_script(const struct request *request)
{
    return request->command.script && request->reply->type == STORE_ERROR &&
           strncmp(request->reply->text, "NOSCRIPT", 8) == 0;
}

static void execute(struct request *request)
{
    struct store *store = request->store;
    arena_init(&request->arena, SIZE_MAX);
    request->executed = true;
    request->reply = redis_execute(&request->command, &request->arena);
    if (!store) {
        note("redis executes late: %s of %s",
             request->command.script ? request->command.script : request->command.argv[0],
             world.nodes[request->command.node].id);
        world.counters->late_commits += request->command.script && *request->command.script == 'c';
        request_free(request);
        return;
    }
    if (unknown_script(request)) {
        request->status = ERR_REFUSED;
        for (int i = 0; i < 3; i++)
            redis.scripts[i] = true;
    }
    if (!store->mute && fault(world.odds.answer_lost))
        store_mute(store);
    if (store->mute)
        return;
    int64_t at = world.now_ms + between(0, 1);
    store->last_answer_ms = at > store->last_answer_ms ? at : store->last_answer_ms;
    event_at(&request->answer, store->last_answer_ms);
}

static void on_arrival(struct event *event)
{
    struct request *request = (struct request *)(void *)((char *)event - offsetof(struct request, arrival));
    int64_t cut_ms = world.nodes[request->command.node].redis_cut_ms;
    int64_t until_ms = cut_ms > redis.stall_ms ? cut_ms : redis.stall_ms;
    if (redis.down_ms > world.now_ms) { /* its connections are gone */
        if (!request->store)
            request_free(request);
    } else if (until_ms > world.now_ms) {
        if (request->store)
            request->store->last_arrival_ms = until_ms;
        event_at(event, until_ms);
    } else {
        execute(request);
    }
}

/* Copies the arguments into one block behind their pointers. */
static void copy(struct redis_command *command, const char *const *argv, const size_t *sizes)
{
    size_t argc = command->argc, bytes = argc * (sizeof(char *) + sizeof(size_t));
    for (size_t i = 0; i < argc; i++)
        bytes += (sizes ? sizes[i] : strlen(argv[i])) + 1;
    char **pointers = mem_alloc(bytes);
    size_t *lengths = (size_t *)(void *)(pointers + argc);
    char *at = (char *)(lengths + argc);
    for (size_t i = 0; i < argc; i++) {
        lengths[i] = sizes ? sizes[i] : strlen(argv[i]);
        pointers[i] = at;
        memcpy(at, argv[i], lengths[i]);
        at += lengths[i] + 1;
    }
    command->argv = (const char *const *)pointers;
    command->sizes = lengths;
}

struct request *request_make(struct store *store, const struct redis_command *command, store_reply_fn *fn, void *arg)
{
    struct request *request = mem_alloc(sizeof *request);
    *request = (struct request){.answer = {.fn = on_answer, .node = store->node},
                                .arrival = {.fn = on_arrival, .drop = drop_arrival},
                                .store = store,
                                .fn = fn,
                                .arg = arg,
                                .sent_ms = world.now_ms,
                                .command = *command};
    copy(&request->command, command->argv, command->sizes);
    return request;
}

void request_send(struct request *request, int64_t at_ms)
{
    struct store *store = request->store;
    store->last_arrival_ms = at_ms > store->last_arrival_ms ? at_ms : store->last_arrival_ms;
    event_at(&request->arrival, store->last_arrival_ms);
}

/* ---- when the connection breaks ---- */

void request_send_again(struct store *store, const struct request *request)
{
    if (!request->command.script || strcmp(request->command.script, "commit") != 0)
        return;
    struct request *copied = request_make(store, &request->command, request->fn, NULL);
    copied->store = NULL;
    copied->command.unchecked = true;
    event_at(&copied->arrival, world.now_ms + between(1, 200));
}

void request_strand(struct request *request, bool *lost, int64_t *later_ms)
{
    *lost |= chance(300);
    if (*lost) {
        event_cancel(&request->arrival);
        return;
    }
    if (chance(200))
        *later_ms += between(0, LATE_MS);
    event_at(&request->arrival, request->arrival.at_ms + *later_ms);
}
