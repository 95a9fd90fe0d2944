/*
 * What the files of the store share among themselves: the connection's state, the address, and the conversion
 * of hiredis' replies. Not for other modules.
 */
#ifndef ISOBAR_STORE_INTERNAL_H
#define ISOBAR_STORE_INTERNAL_H

#include "entropy.h"
#include "store.h"

#include <stdarg.h>
#include <sys/queue.h>

#define STORE_ARGUMENTS 64 /* most arguments of the functions that end with NULL */

struct redisContext;
struct redisReply;

/* Where Redis listens: either `path` or `host` is set. */
struct store_address {
    char *path;
    char *host;
    int port;
};

/* Parses host:port, [v6]:port or unix:/path; ERR_INVALID with text appended to `error`. Released in any case.
 */
int store_address_init(struct store_address *address, const char *text, struct buf *error)
    __attribute__((warn_unused_result));
/* Frees what it holds. */
void store_address_release(struct store_address *address);

/* See the picture in store.c. */
enum store_phase { STORE_WAITING, STORE_GREETING, STORE_UP };

struct request {
    STAILQ_ENTRY(request) next;
    store_reply_fn *fn;
    void *arg;
    int64_t deadline_ms;
    int status; /* of an ended one */
};
STAILQ_HEAD(request_queue, request);

struct subscription {
    SLIST_ENTRY(subscription) next;
    char *channel;
    store_message_fn *fn;
    void *arg;
};

struct store {
    struct loop *loop;
    struct store_address address;
    char *address_text, *user, *password, *name;
    int64_t timeout_ms;
    store_state_fn *state;
    void *arg;

    enum store_phase phase;
    struct redisContext *connection; /* NULL while waiting */
    struct loop_fd *source;
    bool writing;     /* bytes are left, LOOP_WRITE is watched */
    size_t greetings; /* not answered yet */
    int attempt;      /* failures in a row */
    struct jitter jitter;
    struct loop_timer *retry_timer, *deadline_timer, *ended_timer, *ping_timer;

    struct request_queue outstanding, ended;
    size_t outstanding_count;
    SLIST_HEAD(subscription_list, subscription) subscriptions;

    bool lost;         /* on_ended reports the loss and arms the retry */
    bool reported;     /* the state callback ran at least once */
    bool reported_up;  /* what it was told */
    struct buf reason; /* of the last loss */
    struct buf said;   /* the reason it was told */
    int callbacks;     /* on the stack: the store must not be freed now */
};

/* ---- store.c ---- */

/* Closes the connection and ends what is outstanding in the next round. `reason` may be the connection's
 * text. */
void store_lose(struct store *store, const char *reason);
/* Tells the owner when the state, or the reason of being down, is another than last time. */
void store_report(struct store *store, bool up);
/* A request for store_append, which frees it after its answer. */
struct request *store_request_new(store_reply_fn *fn, void *arg) __attribute__((warn_unused_result));
/* Puts one command into the connection's buffer, to be written when the socket is writable. */
void store_append(struct store *store, struct request *take_request, size_t argc, const char *const *argv,
                  const size_t *argv_sizes);
/* Whether the loop tells when the socket is writable. */
void store_watch_write(struct store *store, bool on);

/* ---- store_greet.c ---- */

/* Puts the greeting into the buffer of a new connection. */
void store_greet(struct store *store);
/* Timer of a subscribed connection, which is silent otherwise: asks for an answer in time. */
void store_ping(void *arg);
/* True when `reply` was a message of a channel: it answers no request. */
bool store_take_message(struct store *store, const struct store_reply *reply);
/* Forgets all subscriptions. */
void store_free_subscriptions(struct store *store);

/* ---- store_address.c, store_reply.c ---- */

/*
 * Our view of `take_raw`, which it owns from then on. One block holds all nodes; text stays where hiredis put
 * it. Freed with store_reply_free.
 */
struct store_reply *store_reply_take(struct redisReply *take_raw) __attribute__((warn_unused_result));
/* True for an error whose text starts with `prefix` ("NOSCRIPT"). */
bool store_reply_is_error(const struct store_reply *reply, const char *prefix);

/* Collects text arguments up to NULL into `argv` (STORE_ARGUMENTS); more is a broken invariant. Returns how
 * many. */
size_t store_collect(va_list args, const char **argv);

#endif
