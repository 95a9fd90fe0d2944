/*
 * The redis-server of a test program and a connection to it that waits, for what tests put there and look up. Static
 * functions, because each unit test is one source file.
 */
#ifndef ISOBAR_TEST_REDIS_CLIENT_H
#define ISOBAR_TEST_REDIS_CLIENT_H

#include "log.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct redis_server server;
static struct store_sync *redis;

/* Runs one command; the caller frees the reply. */
static inline struct store_reply *redis_call(size_t argc, const char *const *argv, const size_t *sizes)
{
    struct buf error = BUF_EMPTY;
    struct store_reply *reply = store_sync_command(redis, argc, argv, sizes, &error);
    if (!reply)
        fail_msg("redis: %s", error.data);
    buf_release(&error);
    return reply;
}

/* The same for a command whose answer does not matter, but that must not be refused. */
static inline void redis_do(size_t argc, const char *const *argv, const size_t *sizes)
{
    struct store_reply *reply = redis_call(argc, argv, sizes);
    if (reply->type == STORE_ERROR)
        fail_msg("redis: %s", reply->text);
    store_reply_free(reply);
}

#define REDIS_WORDS(...) ((const char *const[]){__VA_ARGS__})
#define REDIS_COUNT(...) (sizeof(REDIS_WORDS(__VA_ARGS__)) / sizeof(char *))
#define REDIS_CALL(...)  redis_call(REDIS_COUNT(__VA_ARGS__), REDIS_WORDS(__VA_ARGS__), NULL)
#define REDIS_DO(...)    redis_do(REDIS_COUNT(__VA_ARGS__), REDIS_WORDS(__VA_ARGS__), NULL)

/* Sets up, and ends, a group of tests. The log is silent. */
static inline int redis_client_start(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    log_setup("test", LOG_ERROR + 1, false);
    if (!redis_server_start(&server, NULL))
        return -1;
    redis = redis_server_connect(&server);
    return redis ? 0 : -1;
}

static inline int redis_client_stop(void **state)
{
    (void)state;
    store_sync_free(redis);
    redis_server_stop(&server);
    return 0;
}

#endif
