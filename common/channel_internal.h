/* What the channel's files share: the struct, and its socket. */
#ifndef ISOBAR_CHANNEL_INTERNAL_H
#define ISOBAR_CHANNEL_INTERNAL_H

#include "channel.h"
#include "channel_endpoint.h"
#include "channel_envelope.h"
#include "channel_monitor.h"
#include "log.h"
#include "zap.h"

#include <stdbool.h>

#define NOT_LISTED (-1)

struct channel {
    struct loop *loop;
    channel_message_fn *fn;
    void *arg;
    void *context, *socket;
    struct loop_fd *source;
    struct loop_timer *drain_timer;
    struct channel_monitor *monitor;
    bool listening;
    const struct curve_server *server;     /* borrowed; NULL: plain */
    struct curve_client *client;           /* borrowed; NULL: plain */
    struct loop_timer *key_timer;          /* to try the next key of the server */
    size_t key, keys_failed;               /* the one in turn; how many in a row were wrong */
    struct zap *zap;                       /* of a listening channel with CURVE */
    char identity[CHANNEL_IDENTITY_BYTES]; /* of a dialled channel */
    struct endpoints endpoints;
    int endpoint;               /* the one in use; NOT_LISTED: `other` */
    size_t next;                /* in the list, for a redial */
    char other[ENDPOINT_BYTES]; /* dialled though it is not in the list */
    char bound[ENDPOINT_BYTES];
    enum handshake handshake; /* the last one's end, of a dialled channel */
    int64_t rejected, refused;
    struct log_limit handshake_limit, member_limit;
    int callbacks;
};

/* Makes the socket, watches it, and binds it to, or connects it with, the endpoint in use. False with errno. */
bool channel_socket_open(struct channel *channel);
/* The loop's: makes the socket anew with the server's next key, when there is another. */
void channel_next_key(void *arg);
/* Closes it; a socket that was not opened is no error. */
void channel_socket_close(struct channel *channel);
/* Called by the socket's descriptor: takes what has come (channel.c). */
void channel_drain(void *arg);

#endif
