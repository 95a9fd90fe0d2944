/*
 * The control plane's sockets: a ROUTER that listens or a DEALER that dials, one ZeroMQ context each (its I/O
 * thread is the only thread here, and no code of ours runs on it).
 *
 * ZMQ_FD tells only that ZMQ_EVENTS may have changed, and using the socket in any way can swallow that hint.
 * So the socket is drained when the descriptor is readable and again in the round after every send and
 * redial; a drain takes a bounded number of messages and, if more are there, goes on in the next round.
 *
 * It does not repeat or order anything and does not know who is alive: heartbeats of the owners do.
 */
#include "channel.h"

#include "channel_envelope.h"
#include "error.h"
#include "mem.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define DRAIN_MESSAGES 64
#define FRAMES_MAX     2 /* identity and message on a ROUTER */
#define ENDPOINT_MAX   256
#define ENDPOINTS_MAX  16

struct channel {
    struct loop *loop;
    channel_message_fn *fn;
    void *arg;
    void *context, *socket;
    struct loop_fd *source;
    struct loop_timer *drain_timer;
    bool listening;
    char identity[CHANNEL_IDENTITY_BYTES]; /* of a dialled channel */
    char *endpoints[ENDPOINTS_MAX];
    size_t endpoint_count, endpoint; /* the one in use */
    char bound[ENDPOINT_MAX];
    int64_t rejected;
    int callbacks;
};

/* ---- the socket ---- */

struct setting {
    int option, value;
};

/* For both sides. Heartbeats of ZMTP close half-open connections; those of the owners tell who is well. */
static const struct setting common_settings[] = {
    {ZMQ_LINGER, 0},
    {ZMQ_SNDHWM, 256},
    {ZMQ_RCVHWM, 256},
    {ZMQ_IPV6, 0},
    {ZMQ_HANDSHAKE_IVL, 5000},
    {ZMQ_HEARTBEAT_IVL, 2000},
    {ZMQ_HEARTBEAT_TIMEOUT, 6000},
    {ZMQ_TCP_KEEPALIVE, 1},
    {ZMQ_TCP_KEEPALIVE_IDLE, 15},
    {ZMQ_TCP_KEEPALIVE_INTVL, 5},
    {ZMQ_TCP_KEEPALIVE_CNT, 3},
};
/* A second peer of the same identity is refused rather than handed the first one's place. */
static const struct setting router_settings[] = {
    {ZMQ_ROUTER_MANDATORY, 1},
    {ZMQ_ROUTER_HANDOVER, 0},
};
/* Nothing is queued before the connection stands: it would be stale when it does. */
static const struct setting dealer_settings[] = {
    {ZMQ_IMMEDIATE, 1},
    {ZMQ_CONNECT_TIMEOUT, 2000},
    {ZMQ_RECONNECT_IVL, 100},
    {ZMQ_RECONNECT_IVL_MAX, 2000},
};

static bool apply(void *socket, const struct setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (zmq_setsockopt(socket, settings[i].option, &settings[i].value, sizeof(int)) != 0)
            return false;
    return true;
}

static bool configure(const struct channel *channel)
{
    int64_t max_bytes = CHANNEL_MAX_BYTES;
    void *socket = channel->socket;
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof(max_bytes)) != 0 ||
        !apply(socket, common_settings, sizeof(common_settings) / sizeof(*common_settings)))
        return false;
    if (channel->listening)
        return apply(socket, router_settings, sizeof(router_settings) / sizeof(*router_settings));
    return zmq_setsockopt(socket, ZMQ_ROUTING_ID, channel->identity, strlen(channel->identity)) == 0 &&
           apply(socket, dealer_settings, sizeof(dealer_settings) / sizeof(*dealer_settings));
}

static void close_socket(struct channel *channel)
{
    loop_fd_remove(channel->source);
    channel->source = NULL;
    if (channel->socket != NULL)
        (void)zmq_close(channel->socket);
    channel->socket = NULL;
}

static void on_readable(void *arg, unsigned events);

/* Makes the socket and watches it; what it does with the endpoint is `use`. False with errno. */
static bool open_socket(struct channel *channel, int (*use)(void *socket, const char *endpoint))
{
    channel->socket = zmq_socket(channel->context, channel->listening ? ZMQ_ROUTER : ZMQ_DEALER);
    int fd;
    size_t size = sizeof(fd);
    if (channel->socket != NULL && configure(channel) &&
        use(channel->socket, channel->endpoints[channel->endpoint]) == 0 &&
        zmq_getsockopt(channel->socket, ZMQ_FD, &fd, &size) == 0 &&
        (channel->source = loop_fd_add(channel->loop, fd, LOOP_READ, on_readable, channel)) != NULL) {
        loop_timer_set(channel->drain_timer, 0, 0);
        return true;
    }
    int saved_errno = errno;
    close_socket(channel);
    errno = saved_errno;
    return false;
}

/* ---- receiving ---- */

/* One whole message: fills up to FRAMES_MAX `frames` and returns how many frames it had, 0 when none is
 * there. */
static size_t receive(struct channel *channel, zmq_msg_t *frames)
{
    size_t count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t frame;
        (void)zmq_msg_init(&frame);
        int result;
        do
            result = zmq_msg_recv(&frame, channel->socket, ZMQ_DONTWAIT);
        while (result < 0 && errno == EINTR);
        if (result < 0)
            return 0; /* only before the first frame: messages are atomic */
        more = zmq_msg_more(&frame) != 0;
        if (count < FRAMES_MAX)
            (void)zmq_msg_move(&frames[count], &frame);
        (void)zmq_msg_close(&frame);
        count++;
    }
    return count;
}

static void deliver(struct channel *channel, zmq_msg_t *frames, size_t count)
{
    const void *identity = channel->identity;
    size_t identity_size = strlen(channel->identity);
    zmq_msg_t *body = &frames[0];
    if (channel->listening) {
        identity = zmq_msg_data(&frames[0]);
        identity_size = zmq_msg_size(&frames[0]);
        body = &frames[1];
    }
    Isobar__V1__Envelope *envelope = NULL;
    if (count == (channel->listening ? 2u : 1u))
        envelope = channel_envelope_unpack(zmq_msg_data(body), zmq_msg_size(body), identity, identity_size);
    if (envelope == NULL) {
        channel->rejected++;
        return;
    }
    channel->callbacks++;
    channel->fn(channel->arg, envelope);
    channel->callbacks--;
    channel_envelope_free(envelope);
}

/* A callback may redial: then the rest is read from the new socket. */
static void drain(void *arg)
{
    struct channel *channel = arg;
    size_t count = 1;
    for (int i = 0; i < DRAIN_MESSAGES && count > 0 && channel->socket != NULL; i++) {
        zmq_msg_t frames[FRAMES_MAX];
        for (size_t k = 0; k < FRAMES_MAX; k++)
            (void)zmq_msg_init(&frames[k]);
        count = receive(channel, frames);
        if (count > 0)
            deliver(channel, frames, count);
        for (size_t k = 0; k < FRAMES_MAX; k++)
            (void)zmq_msg_close(&frames[k]);
    }
    if (count > 0 && channel->socket != NULL)
        loop_timer_set(channel->drain_timer, 0, 0);
}

static void on_readable(void *arg, unsigned events)
{
    (void)events;
    drain(arg);
}

/* ---- sending ---- */

static int send_frame(struct channel *channel, zmq_msg_t *take_frame, int flags)
{
    int result;
    do
        result = zmq_msg_send(take_frame, channel->socket, flags | ZMQ_DONTWAIT);
    while (result < 0 && errno == EINTR);
    if (result >= 0)
        return 0;
    (void)zmq_msg_close(take_frame);
    return ERR_UNAVAILABLE; /* EAGAIN: no peer, or its queue is full; EHOSTUNREACH: no such member */
}

static int send_identity(struct channel *channel, const Isobar__V1__Envelope *envelope)
{
    char identity[CHANNEL_IDENTITY_BYTES];
    channel_identity(envelope->member, envelope->incarnation, identity);
    zmq_msg_t frame;
    if (zmq_msg_init_size(&frame, strlen(identity)) != 0)
        abort(); /* out of memory, see mem.h */
    memcpy(zmq_msg_data(&frame), identity, strlen(identity));
    return send_frame(channel, &frame, ZMQ_SNDMORE);
}

int channel_send(struct channel *channel, const Isobar__V1__Envelope *envelope)
{
    assert(envelope->format != 0 && channel_member_valid(envelope->member));
    size_t size = isobar__v1__envelope__get_packed_size(envelope);
    if (size > CHANNEL_MAX_BYTES)
        return ERR_TOO_LARGE;
    if (channel->socket == NULL)
        return ERR_UNAVAILABLE;
    loop_timer_set(channel->drain_timer, 0, 0);
    int status = channel->listening ? send_identity(channel, envelope) : 0;
    if (status != 0)
        return status;
    zmq_msg_t body;
    if (zmq_msg_init_size(&body, size) != 0)
        abort(); /* out of memory, see mem.h */
    (void)isobar__v1__envelope__pack(envelope, zmq_msg_data(&body));
    return send_frame(channel, &body, 0);
}

/* ---- life ---- */

/*
 * True for tcp://host:port and ipc://path. libzmq finds a malformed endpoint only when it is used, and a
 * wrong port never; the second of a list would be found when the first has failed.
 */
static bool well_formed(const char *endpoint, bool listening)
{
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return endpoint[6] != '\0';
    if (strncmp(endpoint, "tcp://", 6) != 0 || strpbrk(endpoint + 6, "/;") != NULL)
        return false;
    const char *colon = strrchr(endpoint, ':');
    if (colon < endpoint + 7) /* that of tcp:, or no host */
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0')
        return false;
    long port = strtol(colon + 1, NULL, 10);
    return port <= 65535 && (port > 0 || listening);
}

/* Splits a comma list; false when an item is malformed, too long, or one too many. */
static bool split_endpoints(struct channel *channel, const char *list)
{
    for (const char *at = list; at != NULL;) {
        at += strspn(at, " ");
        const char *comma = strchr(at, ',');
        size_t size = comma != NULL ? (size_t)(comma - at) : strlen(at);
        while (size > 0 && at[size - 1] == ' ')
            size--;
        if (size >= ENDPOINT_MAX || channel->endpoint_count == ENDPOINTS_MAX)
            return false;
        char *endpoint = mem_alloc(size + 1);
        (void)snprintf(endpoint, size + 1, "%.*s", (int)size, at);
        channel->endpoints[channel->endpoint_count++] = endpoint;
        if (!well_formed(endpoint, channel->listening))
            return false;
        at = comma != NULL ? comma + 1 : NULL;
    }
    return true;
}

static struct channel *channel_new(struct loop *loop, channel_message_fn *fn, void *arg)
{
    struct channel *channel = mem_alloc(sizeof(*channel));
    channel->loop = loop;
    channel->fn = fn;
    channel->arg = arg;
    channel->drain_timer = loop_timer_new(loop, drain, channel);
    channel->context = zmq_ctx_new();
    if (channel->context == NULL)
        abort(); /* out of memory, see mem.h */
    return channel;
}

/* Says why, frees the channel, and returns NULL. */
static struct channel *refuse(struct channel *channel, const char *what, const char *why, struct buf *error)
{
    buf_printf(error, "%s: %s", what, why);
    channel_free(channel);
    return NULL;
}

struct channel *channel_listen(struct loop *loop, const char *endpoint, channel_message_fn *fn, void *arg,
                               struct buf *error)
{
    struct channel *channel = channel_new(loop, fn, arg);
    channel->listening = true;
    if (!split_endpoints(channel, endpoint) || channel->endpoint_count != 1)
        return refuse(channel, endpoint, "one endpoint like tcp://127.0.0.1:7070 wanted", error);
    if (!open_socket(channel, zmq_bind))
        return refuse(channel, endpoint, zmq_strerror(errno), error);
    size_t size = sizeof(channel->bound);
    if (zmq_getsockopt(channel->socket, ZMQ_LAST_ENDPOINT, channel->bound, &size) != 0)
        return refuse(channel, endpoint, zmq_strerror(errno), error);
    return channel;
}

struct channel *channel_dial(struct loop *loop, const char *endpoints, const char *id, int64_t incarnation,
                             channel_message_fn *fn, void *arg, struct buf *error)
{
    struct channel *channel = channel_new(loop, fn, arg);
    if (!channel_member_valid(id))
        return refuse(channel, id, "a member's id is 1 to 64 of A-Z a-z 0-9 . _ -", error);
    channel_identity(id, incarnation, channel->identity);
    if (!split_endpoints(channel, endpoints))
        return refuse(channel, endpoints, "endpoints like tcp://127.0.0.1:7070 wanted, with commas between", error);
    if (!open_socket(channel, zmq_connect))
        return refuse(channel, channel->endpoints[0], zmq_strerror(errno), error);
    return channel;
}

void channel_free(struct channel *channel)
{
    if (channel == NULL)
        return;
    assert(channel->callbacks == 0);
    close_socket(channel);
    loop_timer_free(channel->drain_timer);
    while (zmq_ctx_term(channel->context) != 0 && errno == EINTR)
        ;
    for (size_t i = 0; i < channel->endpoint_count; i++)
        free(channel->endpoints[i]);
    free(channel);
}

const char *channel_endpoint(const struct channel *channel)
{
    return channel->listening ? channel->bound : channel->endpoints[channel->endpoint];
}

void channel_redial(struct channel *channel)
{
    if (channel->listening)
        return;
    close_socket(channel);
    /* Once round at most: all endpoints are well-formed, so failing means no descriptors, or no such
     * interface. */
    for (size_t i = 0; i < channel->endpoint_count && channel->socket == NULL; i++) {
        channel->endpoint = (channel->endpoint + 1) % channel->endpoint_count;
        (void)open_socket(channel, zmq_connect);
    }
}

void channel_linger(struct channel *channel, int linger_ms)
{
    if (channel->socket != NULL)
        (void)zmq_setsockopt(channel->socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
}

int64_t channel_rejected(const struct channel *channel)
{
    return channel->rejected;
}
