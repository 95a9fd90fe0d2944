/*
 * The control plane's messages: protobuf Envelopes over ZeroMQ. The coordinator listens on a ROUTER, each
 * member dials with a DEALER that keeps nothing for a peer that is not there (IMMEDIATE, LINGER 0, small high
 * watermark, MAXMSGSIZE 1 MiB) and is made anew at each redial. The wire identity is "<member>/<incarnation
 * hex>".
 *
 * Callbacks run on the loop, never inside channel_send. They may send and redial; channel_free must not be
 * called from a callback of the same channel. Envelopes say who sends; that nobody lies is checked against the wire
 * identity, which anybody may choose, and with CURVE against the owner of the connection's key (allow.h), too: only
 * then it is a security boundary.
 */
#ifndef ISOBAR_CHANNEL_H
#define ISOBAR_CHANNEL_H

#include "buf.h"
#include "curve.h"
#include "loop.h"

#include "control.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_MAX_BYTES (1024 * 1024)

struct channel;

/*
 * A message that unpacked, is of format 1, has valid UTF-8 in all its strings, and whose member and
 * incarnation match the wire identity (others are counted and dropped). Its body may be of a kind not known
 * yet (NOT_SET). `envelope` is borrowed until the callback returns.
 */
typedef void channel_message_fn(void *arg, const Isobar__V1__Envelope *envelope);

/* Listens on `endpoint` (tcp://127.0.0.1:0 takes a free port). NULL with text in `error`. */
struct channel *channel_listen(struct loop *loop, const char *endpoint, channel_message_fn *fn, void *arg,
                               struct buf *error) __attribute__((warn_unused_result));
/*
 * The same with CURVE when `server` (borrowed; its allow list may be replaced meanwhile) is not NULL: who has no key of
 * the list is not let in, and who has one is heard as its owner, in the owner's roles, only.
 */
struct channel *channel_listen_curve(struct loop *loop, const char *endpoint, const struct curve_server *server,
                                     channel_message_fn *fn, void *arg, struct buf *error)
    __attribute__((warn_unused_result));

struct channel_member {
    const char *id;
    int64_t incarnation;
    struct curve_client *curve; /* borrowed; NULL: plain */
};

/*
 * Dials the first of `endpoints` (a comma list of tcp://host:port) as member `id` ([A-Za-z0-9._-]{1,64}) with
 * `incarnation`. NULL with text in `error`. That nobody listens is no error.
 */
struct channel *channel_dial(struct loop *loop, const char *endpoints, const char *id, int64_t incarnation,
                             channel_message_fn *fn, void *arg, struct buf *error) __attribute__((warn_unused_result));
/*
 * The same with CURVE when member->curve is not NULL. There are the keys of one server, or of as many as endpoints.
 * When a server has several they are tried in turn, and their files are read again, whenever a handshake fails.
 */
struct channel *channel_dial_as(struct loop *loop, const char *endpoints, const struct channel_member *member,
                                channel_message_fn *fn, void *arg, struct buf *error)
    __attribute__((warn_unused_result));
/* Closes and frees. NULL allowed. */
void channel_free(struct channel *channel);
/* The endpoint bound, with the real port, or the one dialled. Borrowed until the next redial. */
const char *channel_endpoint(const struct channel *channel);
/*
 * Sends `envelope`; format, member and incarnation must be set: they address the member on a listening
 * channel and name the sender on a dialled one. ERR_UNAVAILABLE when the peer is not there or its queue is
 * full: state is sent again with the next heartbeat anyway. ERR_TOO_LARGE above CHANNEL_MAX_BYTES.
 */
int channel_send(struct channel *channel, const Isobar__V1__Envelope *envelope) __attribute__((warn_unused_result));
/* A dialled channel drops its socket and dials again, to the next endpoint; for a coordinator that fell
 * silent. */
void channel_redial(struct channel *channel);
/*
 * Whether somebody else's word may lead a dialled channel to `endpoint`: it is in the list; or it is tcp and whoever
 * answers there has to have the one key of all coordinators; or, without CURVE, it is loopback or `insecure`.
 */
bool channel_may_dial(const struct channel *channel, const char *endpoint, bool insecure);
/*
 * Drops the socket and dials `endpoint`; channel_redial goes on in the list. ERR_INVALID, with the socket kept, when
 * channel_may_dial does not let it even for `insecure`; ERR_SYSTEM when it could not be dialled.
 */
int channel_redial_to(struct channel *channel, const char *endpoint) __attribute__((warn_unused_result));
/* Why the handshake with the endpoint in use failed last, with what to do; NULL: it did not. */
const char *channel_trouble(const struct channel *channel);
/* Lets channel_free wait up to `linger_ms` until what a connected peer was sent has gone out; 0 at first. */
void channel_linger(struct channel *channel, int linger_ms);
/*
 * Messages dropped because they had a wrong number of frames, did not unpack within the memory allowed, or
 * lied about their sender, or were not for the key's owner to say. A frame above CHANNEL_MAX_BYTES is not counted:
 * libzmq hangs up on who sends it.
 */
int64_t channel_rejected(const struct channel *channel);
/* Connections to a listening channel that were not let in: a key that is not allowed, CURVE on one side only, or
 * another server key. */
int64_t channel_refused(const struct channel *channel);

#endif
