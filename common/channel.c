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
#include "channel_internal.h"

#include "allow.h"
#include "error.h"
#include "mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define DRAIN_MESSAGES 64
#define FRAMES_MAX     2 /* identity and message on a ROUTER */
#define SAY_EVERY_MS   5000

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

/* With CURVE: whether the owner of the connection's key may say this. */
static bool may_say(struct channel *channel, zmq_msg_t *body, const Isobar__V1__Envelope *envelope)
{
    if (channel->server == NULL)
        return true;
    const char *user = zmq_msg_gets(body, "User-Id"), *key = zmq_msg_gets(body, ZAP_KEY_PROPERTY);
    if (user != NULL && key != NULL && strcmp(user, envelope->member) == 0 &&
        allow_message(channel->server->allow, key, envelope))
        return true;
    if (log_limit_pass(&channel->member_limit, loop_now_ms(channel->loop), SAY_EVERY_MS, NULL))
        log_warn("member_refused", LOG_TEXT("owner", user != NULL ? user : ""), LOG_TEXT("claims", envelope->member),
                 LOG_TEXT("reason", "the allow file does not let the key's owner say this"));
    return false;
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
    if (envelope == NULL || !may_say(channel, body, envelope)) {
        channel->rejected++;
        channel_envelope_free(envelope);
        return;
    }
    channel->callbacks++;
    channel->fn(channel->arg, envelope);
    channel->callbacks--;
    channel_envelope_free(envelope);
}

/* A callback may redial: then the rest is read from the new socket. */
void channel_drain(void *arg)
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

static struct channel *channel_new(struct loop *loop, channel_message_fn *fn, void *arg)
{
    struct channel *channel = mem_alloc(sizeof(*channel));
    channel->loop = loop;
    channel->fn = fn;
    channel->arg = arg;
    channel->drain_timer = loop_timer_new(loop, channel_drain, channel);
    channel->key_timer = loop_timer_new(loop, channel_next_key, channel);
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

struct channel *channel_listen_curve(struct loop *loop, const char *endpoint, const struct curve_server *server,
                                     channel_message_fn *fn, void *arg, struct buf *error)
{
    struct channel *channel = channel_new(loop, fn, arg);
    channel->listening = true;
    channel->server = server;
    if (!endpoints_split(&channel->endpoints, endpoint, true) || channel->endpoints.count != 1)
        return refuse(channel, endpoint, "one endpoint like tcp://127.0.0.1:7070 wanted", error);
    if (server != NULL && (channel->zap = zap_new(loop, channel->context, server)) == NULL)
        return refuse(channel, endpoint, zmq_strerror(errno), error);
    if (!channel_socket_open(channel))
        return refuse(channel, endpoint, zmq_strerror(errno), error);
    size_t size = sizeof(channel->bound);
    if (zmq_getsockopt(channel->socket, ZMQ_LAST_ENDPOINT, channel->bound, &size) != 0)
        return refuse(channel, endpoint, zmq_strerror(errno), error);
    return channel;
}

struct channel *channel_listen(struct loop *loop, const char *endpoint, channel_message_fn *fn, void *arg,
                               struct buf *error)
{
    return channel_listen_curve(loop, endpoint, NULL, fn, arg, error);
}

struct channel *channel_dial_as(struct loop *loop, const char *endpoints, const struct channel_member *member,
                                channel_message_fn *fn, void *arg, struct buf *error)
{
    struct channel *channel = channel_new(loop, fn, arg);
    channel->client = member->curve;
    if (!channel_member_valid(member->id))
        return refuse(channel, member->id, "a member's id is 1 to 64 of A-Z a-z 0-9 . _ -", error);
    channel_identity(member->id, member->incarnation, channel->identity);
    if (!endpoints_split(&channel->endpoints, endpoints, false))
        return refuse(channel, endpoints, "endpoints like tcp://127.0.0.1:7070 wanted, with commas between", error);
    if (member->curve != NULL && member->curve->server_count != 1 &&
        member->curve->server_count != channel->endpoints.count)
        return refuse(channel, endpoints, "one server key for all endpoints, or one for each, wanted", error);
    channel->next = 1 % channel->endpoints.count;
    if (!channel_socket_open(channel))
        return refuse(channel, channel->endpoints.list[0], zmq_strerror(errno), error);
    return channel;
}

struct channel *channel_dial(struct loop *loop, const char *endpoints, const char *id, int64_t incarnation,
                             channel_message_fn *fn, void *arg, struct buf *error)
{
    const struct channel_member member = {.id = id, .incarnation = incarnation};
    return channel_dial_as(loop, endpoints, &member, fn, arg, error);
}

void channel_free(struct channel *channel)
{
    if (channel == NULL)
        return;
    assert(channel->callbacks == 0);
    channel_socket_close(channel);
    zap_free(channel->zap);
    loop_timer_free(channel->drain_timer);
    loop_timer_free(channel->key_timer);
    while (zmq_ctx_term(channel->context) != 0 && errno == EINTR)
        ;
    endpoints_release(&channel->endpoints);
    free(channel);
}

const char *channel_endpoint(const struct channel *channel)
{
    if (channel->listening)
        return channel->bound;
    return channel->endpoint == NOT_LISTED ? channel->other : channel->endpoints.list[channel->endpoint];
}

void channel_redial(struct channel *channel)
{
    if (channel->listening)
        return;
    channel_socket_close(channel);
    /* Once round at most: all endpoints are well-formed, so failing means no descriptors, or no such
     * interface. */
    for (size_t i = 0; i < channel->endpoints.count && channel->socket == NULL; i++) {
        channel->endpoint = (int)channel->next;
        channel->next = (channel->next + 1) % channel->endpoints.count;
        (void)channel_socket_open(channel);
    }
}

bool channel_may_dial(const struct channel *channel, const char *endpoint, bool insecure)
{
    if (endpoints_find(&channel->endpoints, endpoint) >= 0)
        return true;
    if (channel->listening || !endpoint_valid(endpoint, false) || strncmp(endpoint, "tcp://", 6) != 0)
        return false;
    return channel->client != NULL ? channel->client->server_count == 1 : insecure || endpoint_is_loopback(endpoint);
}

int channel_redial_to(struct channel *channel, const char *endpoint)
{
    int place = endpoints_find(&channel->endpoints, endpoint);
    char other[ENDPOINT_BYTES];
    if (!channel_may_dial(channel, endpoint, true))
        return ERR_INVALID;
    channel_socket_close(channel);
    channel->endpoint = place;
    if (place >= 0) {
        channel->next = ((size_t)place + 1) % channel->endpoints.count;
    } else { /* it may lie in channel->other */
        memcpy(other, endpoint, strlen(endpoint) + 1);
        memcpy(channel->other, other, strlen(other) + 1);
    }
    return channel_socket_open(channel) ? 0 : ERR_SYSTEM;
}

const char *channel_trouble(const struct channel *channel)
{
    switch (channel->handshake) {
    case HANDSHAKE_KEY:
        return "the coordinator refuses the key: is it in its allow file?";
    case HANDSHAKE_MECHANISM:
        return channel->client != NULL ? "the coordinator does not use CURVE"
                                       : "the coordinator uses CURVE: give --curve-key-file and --curve-server-key";
    case HANDSHAKE_BROKEN:
    case HANDSHAKE_CUT:
        return channel->client != NULL
                   ? "the coordinator breaks the handshake off: is --curve-server-key its public "
                     "key, and does it use CURVE?"
                   : "what listens there is no coordinator, or one that uses CURVE: give --curve-key-file and "
                     "--curve-server-key";
    default:
        return NULL;
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

int64_t channel_refused(const struct channel *channel)
{
    return channel->refused + (channel->zap != NULL ? zap_refused(channel->zap) : 0);
}
