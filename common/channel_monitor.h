/*
 * Tells how the handshakes of a channel's socket end: libzmq keeps to itself why nobody answers. One per socket, on the
 * loop; libzmq's thread reports over inproc.
 */
#ifndef ISOBAR_CHANNEL_MONITOR_H
#define ISOBAR_CHANNEL_MONITOR_H

#include "loop.h"

enum handshake {
    HANDSHAKE_DONE,      /* the peer is who it has to be */
    HANDSHAKE_KEY,       /* our key was refused (seen by who dials), or we refused one (who listens) */
    HANDSHAKE_MECHANISM, /* one side wants CURVE, the other does not */
    HANDSHAKE_BROKEN,    /* the peer has another server key in mind, or does not speak ZMTP */
    HANDSHAKE_CUT,       /* the peer hung up in the middle, or took too long */
};

struct channel_monitor;

typedef void channel_monitor_fn(void *arg, enum handshake handshake);

/* Watches libzmq's `socket`, which is not bound or connected yet. NULL with errno. */
struct channel_monitor *channel_monitor_new(struct loop *loop, void *context, void *socket, channel_monitor_fn *fn,
                                            void *arg) __attribute__((warn_unused_result));
/* NULL allowed; before the socket is closed. Not from its callback. */
void channel_monitor_free(struct channel_monitor *monitor);

#endif
