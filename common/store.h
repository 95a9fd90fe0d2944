/*
 * The only file that includes hiredis: one asynchronous connection to Redis on the loop, which reconnects by
 * itself with jittered back-off, and a blocking variant for tools.
 *
 * A request whose answer does not come in time closes the connection, since a late answer would otherwise be
 * taken for the next request's; everything outstanding then ends with ERR_TIMEOUT or ERR_UNAVAILABLE. Requests
 * are never sent again by this module: the owner knows what is safe (PROTOCOL.md step 9).
 */
#ifndef ISOBAR_STORE_H
#define ISOBAR_STORE_H

#include "buf.h"
#include "loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum store_type { STORE_NIL, STORE_INT, STORE_TEXT, STORE_STATUS, STORE_ERROR, STORE_ARRAY };

/* A borrowed answer; valid until the callback returns (or store_reply_free for the blocking variant). */
struct store_reply {
    enum store_type type;
    int64_t integer;
    const char *text; /* TEXT, STATUS, ERROR; binary safe with `size`, also '\0'-terminated */
    size_t size;      /* bytes of text */
    size_t count;     /* elements of an array */
    const struct store_reply *const *elements;
};

struct store;

/*
 * `status` is 0 with `reply` (which may be of type STORE_ERROR: Redis answered with an error), or ERR_TIMEOUT
 * (may have been executed), or ERR_UNAVAILABLE (connection lost or not there; if it was sent it may have been
 * executed) with reply NULL.
 */
typedef void store_reply_fn(void *arg, int status, const struct store_reply *reply);
/* The connection came (`up`, after AUTH and SELECT) or went; `reason` is English text when it went. */
typedef void store_state_fn(void *arg, bool up, const char *reason);
/* A message on a subscribed channel. */
typedef void store_message_fn(void *arg, const char *channel, const char *text, size_t size);

struct store_config {
    const char *address;  /* host:port, or unix:/path */
    const char *user;     /* NULL or "": default user */
    const char *password; /* NULL or "": none */
    int64_t timeout_ms;   /* per request, and to connect */
};

/* A store that connects as soon as the loop runs; NULL with text in `error` for a malformed address. */
struct store *store_new(struct loop *loop, const struct store_config *config, store_state_fn *state, void *arg,
                        struct buf *error) __attribute__((warn_unused_result));
/* Ends outstanding requests with ERR_UNAVAILABLE (callbacks run), then frees. NULL allowed. */
void store_free(struct store *store);
bool store_up(const struct store *store);
/* Closes the connection now, ending what is outstanding with ERR_UNAVAILABLE, and connects again. */
void store_reconnect(struct store *store, const char *reason);

/*
 * Sends a command of `argc` binary-safe arguments (copied). `fn` is called exactly once, on the loop; with
 * ERR_UNAVAILABLE from a later round when there is no connection.
 */
void store_command(struct store *store, size_t argc, const char *const *argv, const size_t *argv_sizes,
                   store_reply_fn *fn, void *arg);
/* The same for text arguments, ended by NULL. */
void store_send(struct store *store, store_reply_fn *fn, void *arg, ...) __attribute__((sentinel));
/* Requests sent and not yet answered. */
size_t store_outstanding(const struct store *store);
/* SUBSCRIBEs on this store, which then can be used for nothing else; subscribes again after each reconnect. */
void store_subscribe(struct store *store, const char *channel, store_message_fn *fn, void *arg);

/* ---- scripts ---- */
struct store_script {
    const char *name;   /* commit */
    const char *source; /* Lua */
    char sha[41];       /* filled by store_script_init */
};
/* Computes the SHA-1 that EVALSHA wants. */
void store_script_init(struct store_script *script, const char *name, const char *source);
/*
 * EVALSHA with `argc` arguments after the key count. When Redis does not know the script it is loaded, and `fn` gets
 * ERR_REFUSED: nothing was executed, the owner acquires again (PROTOCOL.md, pitfalls).
 */
void store_eval(struct store *store, struct store_script *script, size_t keys, size_t argc,
                const char *const *argv, const size_t *argv_sizes, store_reply_fn *fn, void *arg);

/* ---- blocking, for tools ---- */
struct store_sync;
/* Connects (and authenticates); NULL with text in `error`. */
struct store_sync *store_sync_new(const struct store_config *config, struct buf *error)
    __attribute__((warn_unused_result));
void store_sync_free(struct store_sync *store);
/*
 * Runs one command; the caller frees the reply with store_reply_free. NULL when the connection failed
 * (`error` tells; the store is then of no further use). A STORE_ERROR reply is returned as such.
 */
struct store_reply *store_sync_command(struct store_sync *store, size_t argc, const char *const *argv,
                                       const size_t *argv_sizes, struct buf *error)
    __attribute__((warn_unused_result));
/* The same for text arguments, ended by NULL. */
struct store_reply *store_sync_send(struct store_sync *store, struct buf *error, ...)
    __attribute__((sentinel, warn_unused_result));
void store_reply_free(struct store_reply *reply);

#endif
