/*
 * Channels (channel.h) between simulated processes. A message is bytes, as on the wire; it is lost, doubled, late and
 * overtaken as the seed has it, and arrives only at the socket to which it was sent. A dialled socket has a peer after
 * a moment, when that lives and the way is not cut.
 */
#include "process.h"

#include "channel_envelope.h"
#include "error.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct channel {
    struct node *node;
    channel_message_fn *fn;
    void *arg;
    bool listening;
    char identity[CHANNEL_IDENTITY_BYTES];
    int peer;         /* dialled: index of the coordinator in use */
    uint64_t socket;  /* a number for each socket ever made */
    int64_t ready_ms; /* dialled: when it is connected */
    int64_t rejected;
};

struct message {
    struct event event; /* its node is the receiver */
    uint64_t socket;    /* of the receiver */
    int sender;
    char identity[CHANNEL_IDENTITY_BYTES];
    size_t size;
    uint8_t bytes[];
};

static uint64_t sockets;

/* ---- on the way ---- */

static const char *body_name(const Isobar__V1__Envelope *envelope)
{
    static const char *const names[] = {"HELLO", "WELCOME",   "HEARTBEAT", "TARGET", "RELEASED",
                                        "BYE",   "CATALOGUE", "COMMAND",   "ANSWER", "REDIRECT"};
    unsigned at = (unsigned)envelope->body_case - ISOBAR__V1__ENVELOPE__BODY_HELLO;
    return at < sizeof names / sizeof *names ? names[at] : "?";
}

static void drop(struct event *event)
{
    free(event);
}

static void on_arrival(struct event *event)
{
    struct message *message = (struct message *)(void *)event;
    struct channel *channel = event->node->channel;
    if (event->node->alive && channel && channel->socket == message->socket) {
        Isobar__V1__Envelope *envelope =
            channel_envelope_unpack(message->bytes, message->size, message->identity, strlen(message->identity));
        if (!envelope)
            violation("a message of %s does not unpack", message->identity);
        if (envelope->body_case != ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT)
            note("%s hears %s of %s", event->node->id, body_name(envelope), world.nodes[message->sender].id);
        world.counters->messages++;
        channel->fn(channel->arg, envelope);
        channel_envelope_free(envelope);
    }
    free(message);
}

static void post_copy(const struct node *from, const struct channel *to, const Isobar__V1__Envelope *envelope)
{
    size_t size = isobar__v1__envelope__get_packed_size(envelope);
    struct message *message = mem_alloc(sizeof *message + size);
    message->event = (struct event){.fn = on_arrival, .drop = drop, .node = to->node};
    message->socket = to->socket;
    message->sender = from->index;
    message->size = size;
    isobar__v1__envelope__pack(envelope, message->bytes);
    (void)channel_identity(envelope->member, envelope->incarnation, message->identity);
    event_at(&message->event, world.now_ms + (fault(world.odds.message_late) ? between(5, 1500) : between(0, 2)));
}

/* ---- a mutant of the leader ---- */

struct mutation {
    Isobar__V1__Envelope envelope;
    Isobar__V1__Target target;
    Isobar__V1__Assignment shard;
    Isobar__V1__Assignment *shards[PARTITIONS_MAX + 1];
};

/* A target with a shard more than was decided, now and then. */
static const Isobar__V1__Envelope *mutated(const Isobar__V1__Envelope *envelope, struct mutation *mutation)
{
    mutation->envelope = *envelope;
    mutation->target = *envelope->target;
    mutation->envelope.target = &mutation->target;
    if (chance(50) && mutation->target.n_shards < (size_t)world.partitions) {
        for (size_t i = 0; i < mutation->target.n_shards; i++)
            mutation->shards[i] = mutation->target.shards[i];
        isobar__v1__assignment__init(&mutation->shard);
        mutation->shard.index = (int32_t)between(0, world.partitions - 1);
        mutation->shard.number = 1;
        mutation->shards[mutation->target.n_shards++] = &mutation->shard;
        mutation->target.shards = mutation->shards;
    }
    return &mutation->envelope;
}

static void post_message(const struct node *from, const struct channel *to, const Isobar__V1__Envelope *envelope)
{
    int copies = fault(world.odds.message_lost) ? 0 : 1 + fault(world.odds.message_twice);
    if (from->cut_ms[to->node->index] > world.now_ms)
        copies = 0;
    struct mutation mutation;
    if (world.mutant == MUTANT_SHARD && envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_TARGET &&
        to->node->kind == NODE_FETCHER)
        envelope = mutated(envelope, &mutation);
    for (int i = 0; i < copies; i++)
        post_copy(from, to, envelope);
}

/* ---- channel.h ---- */

static struct channel *make(struct loop *loop, channel_message_fn *fn, void *arg)
{
    struct channel *channel = mem_alloc(sizeof *channel);
    *channel = (struct channel){.node = loop->node, .fn = fn, .arg = arg, .socket = ++sockets};
    loop->node->channel = channel;
    return channel;
}

struct channel *channel_listen_curve(struct loop *loop, const char *endpoint, const struct curve_server *server,
                                     channel_message_fn *fn, void *arg, struct buf *error)
{
    (void)endpoint, (void)server, (void)error;
    struct channel *channel = make(loop, fn, arg);
    channel->listening = true;
    return channel;
}

static void dial(struct channel *channel, int peer)
{
    channel->peer = peer;
    channel->socket = ++sockets;
    channel->ready_ms = world.now_ms + between(0, 20);
}

struct channel *channel_dial_as(struct loop *loop, const char *dialled, const struct channel_member *member,
                                channel_message_fn *fn, void *arg, struct buf *error)
{
    (void)dialled, (void)error;
    struct channel *channel = make(loop, fn, arg);
    (void)channel_identity(member->id, member->incarnation, channel->identity);
    dial(channel, 0);
    return channel;
}

void channel_redial(struct channel *channel)
{
    dial(channel, (channel->peer + 1) % world.coordinators);
}

bool channel_may_dial(const struct channel *channel, const char *endpoint, bool insecure)
{
    (void)channel, (void)endpoint, (void)insecure;
    return true;
}

int channel_redial_to(struct channel *channel, const char *endpoint)
{
    int peer = 0;
    while (peer < world.coordinators && strcmp(world.nodes[peer].endpoint, endpoint) != 0)
        peer++;
    if (peer == world.coordinators)
        violation("%s is led to %s", channel->node->id, endpoint);
    dial(channel, peer);
    return 0;
}

const char *channel_trouble(const struct channel *channel)
{
    (void)channel;
    return NULL;
}

int64_t channel_refused(const struct channel *channel)
{
    (void)channel;
    return 0;
}

void channel_free(struct channel *channel)
{
    if (channel)
        channel->node->channel = NULL;
    free(channel);
}

const char *channel_endpoint(const struct channel *channel)
{
    return channel->listening ? channel->node->endpoint : world.nodes[channel->peer].endpoint;
}

void channel_linger(struct channel *channel, int linger_ms)
{
    (void)channel, (void)linger_ms; /* what was sent is on the way already */
}

int64_t channel_rejected(const struct channel *channel)
{
    return channel->rejected;
}

static const struct channel *dialled_by(const struct node *router, const Isobar__V1__Envelope *envelope)
{
    char identity[CHANNEL_IDENTITY_BYTES];
    (void)channel_identity(envelope->member, envelope->incarnation, identity);
    for (int i = 0; i < world.node_count; i++) {
        const struct channel *channel = world.nodes[i].channel;
        if (channel && !channel->listening && channel->peer == router->index && channel->ready_ms <= world.now_ms &&
            strcmp(channel->identity, identity) == 0)
            return channel;
    }
    return NULL;
}

int channel_send(struct channel *channel, const Isobar__V1__Envelope *envelope)
{
    const struct node *node = channel->node;
    if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_TARGET)
        check_target(node, envelope);
    const struct channel *to = channel->listening                  ? dialled_by(node, envelope)
                               : channel->ready_ms <= world.now_ms ? world.nodes[channel->peer].channel
                                                                   : NULL;
    if (node->dead || !to || (node->cut_ms[to->node->index] > world.now_ms && chance(500)))
        return ERR_UNAVAILABLE;
    post_message(node, to, envelope);
    return 0;
}
