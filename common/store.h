/*
 * The wrapper of hiredis: one asynchronous connection to Redis on the loop, which reconnects by itself with
 * jittered back-off, and a blocking variant for tools.
 *
 * A request whose answer does not come in time closes the connection, since a late answer would otherwise be
 * taken for the next request's; everything outstanding then ends with ERR_TIMEOUT or ERR_UNAVAILABLE.
 * Requests are never sent again by this module: the owner knows what is safe (commit protocol, step 9).
 *
 * Rules for callbacks: every one runs on the loop, never inside store_command, store_send, store_eval,
 * store_subscribe or store_reconnect, so the owner may call those from any callback. store_free must not be
 * called from a callback of the same store. The process must ignore SIGPIPE (a daemon does).
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
    const char *text; /* TEXT, STATUS, ERROR; binary safe with `size`, also '\0'-terminated; else "" */
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
/*
 * The connection came (`up`: authenticated, answering, and subscribed to all channels), or it is not there;
 * then `reason` is English text that starts with the address. Also called, with `up` false, when the first
 * attempt fails and whenever the reason changes, so several times in a row. Answers to what was outstanding
 * come first.
 */
typedef void store_state_fn(void *arg, bool up, const char *reason);
/* A message on a subscribed channel. */
typedef void store_message_fn(void *arg, const char *channel, const char *text, size_t size);

struct store_config {
    const char *address;  /* host:port, or unix:/path */
    const char *user;     /* NULL or "": default user */
    const char *password; /* NULL or "": none */
    int64_t timeout_ms;   /* per request, and to connect; above 0 */
    const char *name;     /* shown by CLIENT LIST, without spaces; NULL: isobar */
};

/*
 * A store that connects as soon as the loop runs; NULL with text in `error` for a malformed address. Copies
 * `config`; `state` may be NULL. A host name is looked up with a blocking call at each connect.
 */
struct store *store_new(struct loop *loop, const struct store_config *config, store_state_fn *state, void *arg,
                        struct buf *error) __attribute__((warn_unused_result));
/*
 * Ends outstanding requests with ERR_UNAVAILABLE (their callbacks run, the state callback does not), then
 * frees. Requests made by those callbacks end the same way. NULL allowed.
 */
void store_free(struct store *store);
/* True while requests are sent. */
bool store_up(const struct store *store);
/*
 * Closes the connection now and connects again; what is outstanding ends with ERR_UNAVAILABLE in the next
 * round. Without effect while there is no connection, since the next one is under way already.
 */
void store_reconnect(struct store *store, const char *reason);

/*
 * Sends a command of `argc` binary-safe arguments (copied). `fn` is called exactly once, on the loop; with
 * ERR_UNAVAILABLE from a later round when there is no connection.
 */
void store_command(struct store *store, size_t argc, const char *const *argv, const size_t *argv_sizes,
                   store_reply_fn *fn, void *arg);
/* The same for text arguments, ended by NULL. */
void store_send(struct store *store, store_reply_fn *fn, void *arg, ...) __attribute__((sentinel));
/* Requests made on the present connection and not yet answered. */
size_t store_outstanding(const struct store *store);
/*
 * SUBSCRIBEs on this store, which then can be used for nothing else; subscribes again after each reconnect,
 * before the store is up: what is read after `up` misses no message. A PING every few seconds tells a dead
 * peer from a quiet channel. Several channels are possible.
 */
void store_subscribe(struct store *store, const char *channel, store_message_fn *fn, void *arg);

/* ---- scripts ---- */
struct store_script {
    const char *name;   /* commit; borrowed */
    const char *source; /* Lua; borrowed */
    char sha[41];       /* filled by store_script_init */
};
/* Computes the SHA-1 that EVALSHA wants. */
void store_script_init(struct store_script *script, const char *name, const char *source);
/* Loads the script before it is wanted, so that the first store_eval after a connect finds it. Its failure shows there.
 */
void store_script_load(struct store *store, const struct store_script *script);
/*
 * EVALSHA with `argc` arguments after the key count, the first `keys` of which are keys. When Redis does not
 * know the script it is loaded, and then `fn` gets ERR_REFUSED: nothing was executed, the owner acquires
 * again. When it cannot be loaded, `fn` gets Redis' error as its reply. `script` must outlive the request.
 */
void store_eval(struct store *store, struct store_script *script, size_t keys, size_t argc, const char *const *argv,
                const size_t *argv_sizes, store_reply_fn *fn, void *arg);

/* ---- blocking, for tools ---- */
struct store_sync;
/* Connects (and authenticates), within the time-out each; NULL with text in `error`. */
struct store_sync *store_sync_new(const struct store_config *config, struct buf *error)
    __attribute__((warn_unused_result));
/* Closes and frees. NULL allowed. */
void store_sync_free(struct store_sync *store);
/*
 * Runs one command; the caller frees the reply with store_reply_free. NULL when the connection failed
 * (`error` tells; the store is then of no further use). A STORE_ERROR reply is returned as such.
 */
struct store_reply *store_sync_command(struct store_sync *store, size_t argc, const char *const *argv,
                                       const size_t *argv_sizes, struct buf *error) __attribute__((warn_unused_result));
/* The same for text arguments, ended by NULL. */
struct store_reply *store_sync_send(struct store_sync *store, struct buf *error, ...)
    __attribute__((sentinel, warn_unused_result));
/* Frees a reply of the blocking variant. NULL allowed. */
void store_reply_free(struct store_reply *reply);

#endif
