/*
 * The blocking variant of the store, for tools that do one thing after the other: connect, ask, print.
 * Time-outs are the socket's (SO_RCVTIMEO), so they bound each wait for more bytes. It does not reconnect: a
 * tool says what went wrong and ends. SIGPIPE is held off around each command, since a tool wants the default
 * for its stdout.
 */
#include "store_internal.h"

#include "mem.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct store_sync {
    redisContext *connection;
    char *address;
    int64_t timeout_ms;
};

/* Says why the connection is of no further use. `saved_errno` is errno right after the failure. */
static void explain(const struct store_sync *store, int saved_errno, struct buf *error)
{
    const redisContext *connection = store->connection;
    bool late = connection->err == REDIS_ERR_IO && (saved_errno == EAGAIN || saved_errno == ETIMEDOUT);
    if (late)
        buf_printf(error, "%s: no answer within %lld ms", store->address, (long long)store->timeout_ms);
    else
        buf_printf(error, "%s: %s", store->address, connection->errstr);
}

static redisContext *connect_to(const struct store_address *address, int64_t timeout_ms)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
    redisContext *connection = address->path != NULL ? redisConnectUnixWithTimeout(address->path, timeout)
                                                     : redisConnectWithTimeout(address->host, address->port, timeout);
    if (connection == NULL)
        abort(); /* out of memory, see mem.h */
    if (connection->err == 0)
        (void)redisSetTimeout(connection, timeout);
    return connection;
}

struct store_reply *store_sync_command(struct store_sync *store, size_t argc, const char *const *argv,
                                       const size_t *argv_sizes, struct buf *error)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    (void)sigaction(SIGPIPE, &ignore, &before);
    errno = 0;
    redisReply *raw = redisCommandArgv(store->connection, (int)argc, (const char **)argv, argv_sizes);
    int saved_errno = errno;
    (void)sigaction(SIGPIPE, &before, NULL);
    if (raw != NULL)
        return store_reply_take(raw);
    explain(store, saved_errno, error);
    return NULL;
}

struct store_reply *store_sync_send(struct store_sync *store, struct buf *error, ...)
{
    const char *argv[STORE_ARGUMENTS];
    va_list args;
    va_start(args, error);
    size_t argc = store_collect(args, argv);
    va_end(args);
    return store_sync_command(store, argc, argv, NULL, error);
}

/* AUTH, or PING to find out whether a password is missing. True when Redis agreed. */
static bool greet(struct store_sync *store, const struct store_config *config, struct buf *error)
{
    bool has_user = config->user != NULL && *config->user != '\0';
    bool has_password = config->password != NULL && *config->password != '\0';
    struct store_reply *reply;
    if (!has_password)
        reply = store_sync_send(store, error, "PING", NULL);
    else if (has_user)
        reply = store_sync_send(store, error, "AUTH", config->user, config->password, NULL);
    else
        reply = store_sync_send(store, error, "AUTH", config->password, NULL);
    if (reply == NULL)
        return false;
    bool refused = has_password ? reply->type == STORE_ERROR : store_reply_is_error(reply, "NOAUTH");
    if (refused)
        buf_printf(error, "%s: %s", store->address, reply->text);
    store_reply_free(reply);
    return !refused;
}

struct store_sync *store_sync_new(const struct store_config *config, struct buf *error)
{
    assert(config->timeout_ms > 0);
    struct store_address address;
    if (store_address_init(&address, config->address, error) != 0)
        return NULL;
    struct store_sync *store = mem_alloc(sizeof(*store));
    store->address = mem_strdup(config->address);
    store->timeout_ms = config->timeout_ms;
    store->connection = connect_to(&address, config->timeout_ms);
    int saved_errno = errno;
    store_address_release(&address);
    bool connected = store->connection->err == 0;
    if (!connected)
        explain(store, saved_errno, error);
    if (connected && greet(store, config, error))
        return store;
    store_sync_free(store);
    return NULL;
}

void store_sync_free(struct store_sync *store)
{
    if (store == NULL)
        return;
    redisFree(store->connection);
    free(store->address);
    free(store);
}
