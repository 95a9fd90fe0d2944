/* See channel_monitor.h. An event is two frames: its kind and value in the host's order, and an endpoint. */
#include "channel_monitor.h"

#include "mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define EVENTS                                                                                                         \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |           \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
#define EVENT_BYTES 6 /* 16 bits of kind, 32 of value */

struct channel_monitor {
    void *watched, *socket;
    struct loop_fd *source;
    channel_monitor_fn *fn;
    void *arg;
};

static void report(const struct channel_monitor *monitor, const unsigned char *bytes)
{
    uint16_t kind;
    uint32_t value;
    memcpy(&kind, bytes, sizeof kind);
    memcpy(&value, bytes + sizeof kind, sizeof value);
    enum handshake handshake = HANDSHAKE_CUT;
    if (kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        handshake = HANDSHAKE_DONE;
    else if (kind == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        handshake = HANDSHAKE_KEY;
    else if (kind == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
        handshake = value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? HANDSHAKE_MECHANISM : HANDSHAKE_BROKEN;
    monitor->fn(monitor->arg, handshake);
}

/* The descriptor tells only once: all that is there is read. */
static void on_readable(void *arg, unsigned events)
{
    const struct channel_monitor *monitor = arg;
    int size = 0;
    (void)events;
    while (size >= 0 || errno == EINTR) {
        unsigned char bytes[EVENT_BYTES];
        int more = 0;
        size_t more_size = sizeof more;
        size = zmq_recv(monitor->socket, bytes, sizeof bytes, ZMQ_DONTWAIT);
        if (size < 0)
            continue;
        /* The endpoint is the second frame: shorter or longer, it is no event. */
        bool first = zmq_getsockopt(monitor->socket, ZMQ_RCVMORE, &more, &more_size) == 0 && more;
        if (first && size == EVENT_BYTES)
            report(monitor, bytes);
    }
}

struct channel_monitor *channel_monitor_new(struct loop *loop, void *context, void *socket, channel_monitor_fn *fn,
                                            void *arg)
{
    static unsigned serial; /* a name of its own for each, since old ones end late */
    struct channel_monitor *monitor = mem_alloc(sizeof *monitor);
    char endpoint[40];
    int fd, zero = 0;
    size_t size = sizeof fd;
    snprintf(endpoint, sizeof endpoint, "inproc://monitor.%u", serial++);
    *monitor = (struct channel_monitor){.watched = socket, .fn = fn, .arg = arg};
    if (zmq_socket_monitor(socket, endpoint, EVENTS) == 0 && (monitor->socket = zmq_socket(context, ZMQ_PAIR)) &&
        zmq_setsockopt(monitor->socket, ZMQ_LINGER, &zero, sizeof zero) == 0 &&
        zmq_connect(monitor->socket, endpoint) == 0 && zmq_getsockopt(monitor->socket, ZMQ_FD, &fd, &size) == 0)
        monitor->source = loop_fd_add(loop, fd, LOOP_READ, on_readable, monitor);
    if (monitor->source) {
        on_readable(monitor, 0); /* who has never read is not woken */
        return monitor;
    }
    int saved_errno = errno;
    channel_monitor_free(monitor);
    errno = saved_errno;
    return NULL;
}

void channel_monitor_free(struct channel_monitor *monitor)
{
    if (!monitor)
        return;
    loop_fd_remove(monitor->source);
    (void)zmq_socket_monitor(monitor->watched, NULL, 0);
    if (monitor->socket)
        (void)zmq_close(monitor->socket);
    free(monitor);
}
