/*
 * The channel's socket: its settings, CURVE, and what is told when a handshake fails. It is made anew at each redial.
 */
#include "channel_internal.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <zmq.h>

#define SAY_EVERY_MS  5000
#define KEYS_AGAIN_MS 250

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
/*
 * A member that dials anew takes its place over from a connection that is half open, and would hold it until heartbeats
 * have failed. An identity has the random incarnation in it, so nobody takes another's place by accident. Who does so
 * on purpose needs a key of the allow list where there is CURVE: it is heard as itself only, and the member whose
 * messages it gets dials anew.
 */
static const struct setting router_settings[] = {
    {ZMQ_ROUTER_MANDATORY, 1},
    {ZMQ_ROUTER_HANDOVER, 1},
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

static bool set_text(void *socket, int option, const char *text)
{
    return zmq_setsockopt(socket, option, text, strlen(text)) == 0;
}

/* The keys of the coordinator at the endpoint in use: those of all, or of its place in the list. */
static const struct curve_keys *server_keys(const struct channel *channel)
{
    const struct curve_client *client = channel->client;
    return &client->servers[client->server_count == 1 ? 0 : channel->endpoint];
}

static const char *server_key(const struct channel *channel)
{
    const struct curve_keys *keys = server_keys(channel);
    return keys->list[channel->key % keys->count];
}

static bool configure_curve(const struct channel *channel)
{
    int one = 1;
    if (channel->server != NULL)
        return zmq_setsockopt(channel->socket, ZMQ_CURVE_SERVER, &one, sizeof(one)) == 0 &&
               set_text(channel->socket, ZMQ_CURVE_SECRETKEY, channel->server->pair.secret_key) &&
               set_text(channel->socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN);
    if (channel->client != NULL)
        return set_text(channel->socket, ZMQ_CURVE_SERVERKEY, server_key(channel)) &&
               set_text(channel->socket, ZMQ_CURVE_PUBLICKEY, channel->client->pair.public_key) &&
               set_text(channel->socket, ZMQ_CURVE_SECRETKEY, channel->client->pair.secret_key);
    return true;
}

static bool configure(const struct channel *channel)
{
    int64_t max_bytes = CHANNEL_MAX_BYTES;
    void *socket = channel->socket;
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof(max_bytes)) != 0 ||
        !apply(socket, common_settings, sizeof(common_settings) / sizeof(*common_settings)) ||
        !configure_curve(channel))
        return false;
    if (channel->listening)
        return apply(socket, router_settings, sizeof(router_settings) / sizeof(*router_settings));
    return zmq_setsockopt(socket, ZMQ_ROUTING_ID, channel->identity, strlen(channel->identity)) == 0 &&
           apply(socket, dealer_settings, sizeof(dealer_settings) / sizeof(*dealer_settings));
}

/* ---- handshakes ---- */

static void say_failed(struct channel *channel, enum handshake handshake)
{
    static const char *const reasons[] = {
        [HANDSHAKE_MECHANISM] = "one side uses CURVE and the other does not",
        [HANDSHAKE_CUT] = "the peer hung up: only one side uses CURVE, another key, or no peer of ours",
        [HANDSHAKE_BROKEN] = "the peer has another server key, or does not speak our protocol",
    };
    if (log_limit_pass(&channel->handshake_limit, loop_now_ms(channel->loop), SAY_EVERY_MS, NULL))
        log_warn("handshake_refused", LOG_TEXT("endpoint", channel->bound), LOG_TEXT("reason", reasons[handshake]));
}

/*
 * A server with another key hangs up. It may have one of several while its key is replaced: the others are tried at
 * once, and then all of them again after a while. Not from here, for the monitor would be freed inside its callback.
 */
static void judge_key(struct channel *channel, enum handshake handshake)
{
    if (handshake == HANDSHAKE_DONE || handshake == HANDSHAKE_KEY) {
        channel->keys_failed = 0;
        return;
    }
    channel->keys_failed++;
    loop_timer_set(channel->key_timer, channel->keys_failed % server_keys(channel)->count ? 0 : KEYS_AGAIN_MS, 0);
}

void channel_next_key(void *arg)
{
    struct channel *channel = arg;
    enum handshake handshake = channel->handshake;
    bool changed = curve_client_refresh(channel->client);
    if (!changed && server_keys(channel)->count == 1)
        return; /* libzmq dials again by itself */
    channel->key = changed ? 0 : channel->key + 1;
    channel_socket_close(channel);
    (void)channel_socket_open(channel); /* without it the owner redials, as for silence */
    channel->handshake = handshake;     /* what channel_trouble tells until there is another */
}

/*
 * The keys that we refuse are counted and told by zap. Where one side uses CURVE only, the other may see it first, and
 * hang up.
 */
static void on_handshake(void *arg, enum handshake handshake)
{
    struct channel *channel = arg;
    channel->handshake = handshake;
    if (channel->client != NULL)
        judge_key(channel, handshake);
    if (!channel->listening || handshake == HANDSHAKE_DONE || handshake == HANDSHAKE_KEY)
        return;
    channel->refused++;
    say_failed(channel, handshake);
}

/* ---- life ---- */

static void on_readable(void *arg, unsigned events)
{
    (void)events;
    channel_drain(arg);
}

static bool use_endpoint(const struct channel *channel)
{
    const char *endpoint =
        channel->endpoint == NOT_LISTED ? channel->other : channel->endpoints.list[channel->endpoint];
    return (channel->listening ? zmq_bind(channel->socket, endpoint) : zmq_connect(channel->socket, endpoint)) == 0;
}

bool channel_socket_open(struct channel *channel)
{
    int fd;
    size_t size = sizeof(fd);
    channel->handshake = HANDSHAKE_DONE;
    channel->socket = zmq_socket(channel->context, channel->listening ? ZMQ_ROUTER : ZMQ_DEALER);
    if (channel->socket != NULL && configure(channel) &&
        (channel->monitor =
             channel_monitor_new(channel->loop, channel->context, channel->socket, on_handshake, channel)) != NULL &&
        use_endpoint(channel) && zmq_getsockopt(channel->socket, ZMQ_FD, &fd, &size) == 0 &&
        (channel->source = loop_fd_add(channel->loop, fd, LOOP_READ, on_readable, channel)) != NULL) {
        loop_timer_set(channel->drain_timer, 0, 0);
        return true;
    }
    int saved_errno = errno;
    channel_socket_close(channel);
    errno = saved_errno;
    return false;
}

void channel_socket_close(struct channel *channel)
{
    loop_timer_cancel(channel->key_timer);
    loop_fd_remove(channel->source);
    channel->source = NULL;
    channel_monitor_free(channel->monitor);
    channel->monitor = NULL;
    if (channel->socket != NULL)
        (void)zmq_close(channel->socket);
    channel->socket = NULL;
}
