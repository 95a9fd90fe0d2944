/*
 * What commands share: the connection to Redis, keys under the prefix, and how errors are said. An error is
 * one line on stderr, "isobarctl <command>: <text>"; the functions that fail have said why, and `exit_code`
 * tells how to end.
 */
#ifndef CTL_CONTEXT_H
#define CTL_CONTEXT_H

#include "buf.h"
#include "store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTEXT_KEY_BYTES  256
#define CONTEXT_PREFIX_MAX 128 /* bytes; keys fit CONTEXT_KEY_BYTES with it */

struct context {
    const char *command; /* init; borrowed */
    const char *redis;   /* address; borrowed */
    const char *prefix;  /* borrowed */
    int64_t timeout_ms;
    struct store_sync *store; /* NULL until context_connect */
    int exit_code;            /* of the failure said last; 0: none */
    /* For who does what commands do and is no terminal; NULL in isobarctl. Borrowed. */
    struct buf *answers, *errors; /* what would go to stdout, and to stderr, there without the command's name */
    const char *who;              /* in whose name it is done; NULL: the user of this process */
};

/* Where Redis is, as every command's options have it. */
#define CONTEXT_OF(name_, options_)                                                                                    \
    ((struct context){.command = (name_),                                                                              \
                      .redis = (options_)->redis,                                                                      \
                      .prefix = (options_)->prefix,                                                                    \
                      .timeout_ms = (options_)->timeout_ms})

/*
 * Checks the prefix and connects. Returns the exit code: 0, 69 when Redis does not answer, 78 when address or
 * prefix cannot be one. context_close in every case.
 */
int context_connect(struct context *context, const char *user, const char *password)
    __attribute__((warn_unused_result));
/* The same, with the reason appended to `error` instead of said; the exit code is returned only. */
int context_try(struct context *context, const char *user, const char *password, struct buf *error)
    __attribute__((warn_unused_result));
/* Closes the connection. */
void context_close(struct context *context);
/* Says an error, keeps `exit_code` and returns it. */
int context_fail(struct context *context, int exit_code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Gives what the command prints: to stdout with an end of line, or to `answers`. */
void context_answer(const struct context *context, const char *text);
/* Says something that needs attention and is no error. */
void context_warn(const struct context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * One command to Redis. NULL when there is no answer or it is an error: said, with 69 or 1 as the exit code.
 * The caller frees the reply with store_reply_free.
 */
struct store_reply *context_ask(struct context *context, size_t argc, const char *const *argv, const size_t *sizes)
    __attribute__((warn_unused_result));
/* The same for text arguments. */
#define CONTEXT_ASK(context_, ...)                                                                                     \
    context_ask(context_, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *),                           \
                (const char *const[]){__VA_ARGS__}, NULL)

/* "<prefix><name>" into `out` (CONTEXT_KEY_BYTES); returns it. */
const char *context_key(const struct context *context, const char *name, char *out);
/* "<prefix>{<partition>}:<name>" likewise. */
const char *context_partition_key(const struct context *context, int32_t partition, const char *name, char *out);

/* The reply's text as a whole number within [low, high]; false when it is none. */
bool context_integer(const struct store_reply *reply, int64_t low, int64_t high, int64_t *out)
    __attribute__((warn_unused_result));

#endif
