/*
 * The way out to members: a function that sends one envelope, so that the leader's rules need no socket. All messages are
 * state: what is lost is said again.
 */
#ifndef COORDINATOR_OUTBOX_H
#define COORDINATOR_OUTBOX_H

#include "control.pb-c.h"

#include <stdint.h>

struct outbox {
    /* 0, or a negative enum error when it could not be sent now. */
    int (*send)(void *arg, const Isobar__V1__Envelope *envelope);
    void *arg;
};

/* Addresses `envelope`, whose body is set, to an incarnation of `member` and sends it. Returns what the function returns. */
int outbox_send(const struct outbox *outbox, Isobar__V1__Envelope *envelope, const char *member, int64_t incarnation);

#endif
