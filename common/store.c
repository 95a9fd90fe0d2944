/*
 * The asynchronous connection to Redis.
 *
 * Design. hiredis' plain non-blocking context does the protocol and the buffers; the queue of requests, the
 * deadlines and the reconnecting are ours. (Its own asynchronous layer has no time-outs in 0.14, loses the
 * error that refuses a SUBSCRIBE, and calls back from inside its free function.) Redis answers in order, so
 * the head of `outstanding` owns the next reply, and since all requests wait equally long, its deadline is
 * the earliest.
 *
 *     WAITING --timer--> GREETING --AUTH, CLIENT SETNAME, SUBSCRIBE, PING answered--> UP
 *        ^------- store_lose: any failure, time-out or store_reconnect --------------|
 *
 * store_lose only moves what is outstanding to `ended`; on_ended calls back in the next round, so that no
 * owner is called from inside its own call. What is said first on a connection is in store_greet.c.
 *
 * It does not send anything twice, does not bound what the owner queues, and does not do TLS.
 */
#include "store.h"

#include "entropy.h"
#include "error.h"
#include "mem.h"
#include "store_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_BASE_MS 50
/* Commits are to resume within 2 s of the answer of a Redis that was away, however long. */
#define BACKOFF_CAP_MS 1000

/* ---- ending requests, reporting the state ---- */

static void answer(struct store *store, struct request *request, const struct store_reply *reply)
{
    store->callbacks++;
    request->fn(request->arg, request->status, reply);
    store->callbacks--;
    free(request);
}

void store_report(struct store *store, bool up)
{
    bool news =
        !store->reported || up != store->reported_up || (!up && strcmp(store->reason.data, store->said.data) != 0);
    if (!news || store->state == NULL)
        return;
    store->reported = true;
    store->reported_up = up;
    buf_reset(&store->said);
    buf_text(&store->said, up ? "" : store->reason.data);
    store->callbacks++;
    store->state(store->arg, up, up ? NULL : store->said.data);
    store->callbacks--;
}

/* Ends request by request what lies in `ended` now; what callbacks add meanwhile waits for the next round. */
static void end_requests(struct store *store)
{
    struct request_queue batch = STAILQ_HEAD_INITIALIZER(batch);
    STAILQ_CONCAT(&batch, &store->ended);
    for (struct request *request; (request = STAILQ_FIRST(&batch)) != NULL;) {
        STAILQ_REMOVE_HEAD(&batch, next);
        answer(store, request, NULL);
    }
}

static void on_ended(void *arg)
{
    struct store *store = arg;
    bool lost = store->lost;
    store->lost = false;
    end_requests(store);
    if (!lost)
        return;
    loop_timer_set(store->retry_timer,
                   jitter_backoff_ms(&store->jitter, store->attempt, BACKOFF_BASE_MS, BACKOFF_CAP_MS), 0);
    store->attempt++;
    store_report(store, false);
}

static void close_connection(struct store *store)
{
    loop_fd_remove(store->source);
    store->source = NULL;
    if (store->connection != NULL)
        redisFree(store->connection);
    store->connection = NULL;
    store->phase = STORE_WAITING;
    store->writing = false;
    store->greetings = 0;
    loop_timer_cancel(store->deadline_timer);
    loop_timer_cancel(store->ping_timer);
}

/* Everything outstanding is ended: with ERR_TIMEOUT when its time had come, else with ERR_UNAVAILABLE. */
static void end_outstanding(struct store *store, int64_t now_ms)
{
    struct request *request;
    for (request = STAILQ_FIRST(&store->outstanding); request != NULL; request = STAILQ_NEXT(request, next))
        request->status = request->deadline_ms <= now_ms ? ERR_TIMEOUT : ERR_UNAVAILABLE;
    STAILQ_CONCAT(&store->ended, &store->outstanding);
    store->outstanding_count = 0;
}

void store_lose(struct store *store, const char *reason)
{
    buf_reset(&store->reason);
    buf_printf(&store->reason, "%s: %s", store->address_text, reason); /* before the context goes, it may be its text */
    close_connection(store);
    end_outstanding(store, loop_now_ms(store->loop));
    store->lost = true;
    loop_timer_set(store->ended_timer, 0, 0);
}

static void on_deadline(void *arg)
{
    struct store *store = arg;
    const struct request *oldest = STAILQ_FIRST(&store->outstanding);
    if (oldest == NULL)
        return;
    int64_t left_ms = oldest->deadline_ms - loop_now_ms(store->loop);
    if (left_ms > 0) {
        loop_timer_set(store->deadline_timer, left_ms, 0);
        return;
    }
    struct buf reason;
    buf_init(&reason);
    buf_printf(&reason, "no answer within %lld ms", (long long)store->timeout_ms);
    store_lose(store, reason.data);
    buf_release(&reason);
}

/* ---- sending ---- */

void store_watch_write(struct store *store, bool on)
{
    if (on == store->writing)
        return;
    store->writing = on;
    loop_fd_set(store->source, LOOP_READ | (on ? LOOP_WRITE : 0u));
}

/*
 * Writes at once when nothing waits already: one system call, no round in between. An error is left to the
 * next event (hiredis keeps it in the context), so that no callback runs in here.
 */
static void write_now(struct store *store)
{
    int done = 0;
    if (redisBufferWrite(store->connection, &done) != REDIS_OK || !done)
        store_watch_write(store, true);
}

/* Queues one command on the connection. */
void store_append(struct store *store, struct request *request, size_t argc, const char *const *argv,
                  const size_t *argv_sizes)
{
    if (redisAppendCommandArgv(store->connection, (int)argc, (const char **)argv, argv_sizes) != REDIS_OK)
        abort(); /* out of memory, see mem.h */
    request->deadline_ms = loop_now_ms(store->loop) + store->timeout_ms;
    STAILQ_INSERT_TAIL(&store->outstanding, request, next);
    store->outstanding_count++;
    if (!loop_timer_armed(store->deadline_timer))
        loop_timer_set(store->deadline_timer, store->timeout_ms, 0);
}

struct request *store_request_new(store_reply_fn *fn, void *arg)
{
    struct request *request = mem_alloc(sizeof(*request));
    request->fn = fn;
    request->arg = arg;
    return request;
}

void store_command(struct store *store, size_t argc, const char *const *argv, const size_t *argv_sizes,
                   store_reply_fn *fn, void *arg)
{
    struct request *request = store_request_new(fn, arg);
    if (store->phase != STORE_UP) {
        request->status = ERR_UNAVAILABLE;
        STAILQ_INSERT_TAIL(&store->ended, request, next);
        loop_timer_set(store->ended_timer, 0, 0);
        return;
    }
    store_append(store, request, argc, argv, argv_sizes);
    if (!store->writing)
        write_now(store);
}

void store_send(struct store *store, store_reply_fn *fn, void *arg, ...)
{
    const char *argv[STORE_ARGUMENTS];
    va_list args;
    va_start(args, arg);
    size_t argc = store_collect(args, argv);
    va_end(args);
    store_command(store, argc, argv, NULL, fn, arg);
}

/* ---- the connection ---- */

static void deliver(struct store *store, const struct store_reply *reply)
{
    if (store_take_message(store, reply))
        return;
    struct request *request = STAILQ_FIRST(&store->outstanding);
    if (request == NULL) {
        store_lose(store, reply->type == STORE_ERROR ? reply->text : "an answer without a question");
        return;
    }
    STAILQ_REMOVE_HEAD(&store->outstanding, next);
    store->outstanding_count--;
    answer(store, request, reply);
}

/* A callback may lose the connection; a new one is only made in a later round. */
static void read_replies(struct store *store)
{
    redisContext *connection = store->connection;
    if (redisBufferRead(connection) != REDIS_OK) {
        store_lose(store, connection->errstr);
        return;
    }
    while (store->connection == connection) {
        void *raw = NULL;
        if (redisGetReplyFromReader(connection, &raw) != REDIS_OK) {
            store_lose(store, connection->errstr);
            return;
        }
        if (raw == NULL)
            return;
        struct store_reply *reply = store_reply_take(raw);
        deliver(store, reply);
        store_reply_free(reply);
    }
}

static void on_event(void *arg, unsigned events)
{
    struct store *store = arg;
    int done = 0;
    if (store->writing && (events & LOOP_WRITE) != 0) {
        if (redisBufferWrite(store->connection, &done) != REDIS_OK) {
            store_lose(store, store->connection->errstr);
            return;
        }
        store_watch_write(store, !done);
    }
    if ((events & LOOP_READ) != 0)
        read_replies(store);
}

static void on_retry(void *arg)
{
    struct store *store = arg;
    const struct store_address *address = &store->address;
    store->connection = address->path != NULL ? redisConnectUnixNonBlock(address->path)
                                              : redisConnectNonBlock(address->host, address->port);
    if (store->connection == NULL)
        abort(); /* out of memory, see mem.h */
    if (store->connection->err != 0) {
        store_lose(store, store->connection->errstr);
        return;
    }
    (void)fcntl(store->connection->fd, F_SETFD, FD_CLOEXEC);
    store->source = loop_fd_add(store->loop, store->connection->fd, LOOP_READ | LOOP_WRITE, on_event, store);
    if (store->source == NULL) {
        store_lose(store, strerror(errno));
        return;
    }
    store->phase = STORE_GREETING;
    store->writing = true;
    store_greet(store);
}

void store_reconnect(struct store *store, const char *reason)
{
    if (store->phase == STORE_UP)
        store_lose(store, reason);
}

/* ---- life ---- */

struct store *store_new(struct loop *loop, const struct store_config *config, store_state_fn *state, void *arg,
                        struct buf *error)
{
    assert(config->timeout_ms > 0);
    struct store_address address;
    if (store_address_init(&address, config->address, error) != 0)
        return NULL;
    struct store *store = mem_alloc(sizeof(*store));
    store->loop = loop;
    store->address = address;
    store->address_text = mem_strdup(config->address);
    store->user = mem_strdup(config->user != NULL ? config->user : "");
    store->password = mem_strdup(config->password != NULL ? config->password : "");
    store->name = mem_strdup(config->name != NULL ? config->name : "isobar");
    store->timeout_ms = config->timeout_ms;
    store->state = state;
    store->arg = arg;
    STAILQ_INIT(&store->outstanding);
    STAILQ_INIT(&store->ended);
    SLIST_INIT(&store->subscriptions);
    buf_init(&store->reason);
    buf_init(&store->said);
    jitter_init(&store->jitter, 0);
    store->retry_timer = loop_timer_new(loop, on_retry, store);
    store->deadline_timer = loop_timer_new(loop, on_deadline, store);
    store->ended_timer = loop_timer_new(loop, on_ended, store);
    store->ping_timer = loop_timer_new(loop, store_ping, store);
    loop_timer_set(store->retry_timer, 0, 0);
    return store;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    assert(store->callbacks == 0);
    close_connection(store);
    end_outstanding(store, INT64_MIN);
    while (!STAILQ_EMPTY(&store->ended))
        end_requests(store);
    store_free_subscriptions(store);
    loop_timer_free(store->retry_timer);
    loop_timer_free(store->deadline_timer);
    loop_timer_free(store->ended_timer);
    loop_timer_free(store->ping_timer);
    buf_release(&store->reason);
    buf_release(&store->said);
    explicit_bzero(store->password, strlen(store->password));
    free(store->password);
    free(store->address_text);
    free(store->user);
    free(store->name);
    store_address_release(&store->address);
    free(store);
}

bool store_up(const struct store *store)
{
    return store->phase == STORE_UP;
}

size_t store_outstanding(const struct store *store)
{
    return store->phase == STORE_UP ? store->outstanding_count : 0;
}
