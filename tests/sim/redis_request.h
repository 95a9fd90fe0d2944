/* Requests on their way between a connection (store.c) and the simulated Redis, for the files that make and end them.
 */
#ifndef SIM_REDIS_REQUEST_H
#define SIM_REDIS_REQUEST_H

#include "process.h"
#include "redis.h"

struct request {
    struct event answer; /* at the client; first, so that the event is the request */
    struct event arrival;
    struct store *store; /* NULL: nobody waits for the answer any more */
    store_reply_fn *fn;
    void *arg;
    int status;
    int64_t sent_ms;
    bool ending, executed, again;
    struct redis_command command;
    struct arena arena;
    const struct store_reply *reply;
    struct request *prev, *next; /* of the store, in the order of sending */
};

struct store {
    struct node *node;
    store_state_fn *state;
    void *arg;
    int64_t timeout_ms;
    bool up, mute;
    int attempt;
    int64_t last_arrival_ms, last_answer_ms;
    struct request *requests;
    struct event deadline, connect, told;
    const char *reason;
};

/* A request that is not on its way yet, with a copy of the command. It is not in the store's list. */
struct request *request_make(struct store *store, const struct redis_command *command, store_reply_fn *fn, void *arg);
/* Sends it: it reaches Redis at `at_ms`, and never before those sent earlier. */
void request_send(struct request *request, int64_t at_ms);
/* Takes it off the store's list and calls its owner, with its status or reply. Freed when it is not on the way to
 * Redis. */
void request_finish(struct request *request);
/*
 * The connection breaks while the request is on the way to Redis: it may be lost, as are all behind one that is
 * (`lost`), or arrive later than it would have (`later_ms`, of all behind it too).
 */
void request_strand(struct request *request, bool *lost, int64_t *later_ms);
/* The mutant's second copy of a commit, which Redis takes as it comes. */
void request_send_again(struct store *store, const struct request *request);

#endif
