/*
 * The way out to members: a function that sends one envelope, so that the leader's rules need no socket. All messages
 * are state: what is lost is said again.
 */
#ifndef COORDINATOR_POST_H
#define COORDINATOR_POST_H

#include "control.pb-c.h"

#include <stdint.h>

struct post {
    /* 0, or a negative enum error when it could not be sent now. */
    int (*send)(void *arg, const Isobar__V1__Envelope *envelope);
    void *arg;
};

/* Addresses `envelope`, whose body is set, to an incarnation of `member` and sends it. Returns what the function
 * returns. */
int post_send(const struct post *post, Isobar__V1__Envelope *envelope, const char *member, int64_t incarnation);

#endif
