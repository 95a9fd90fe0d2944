/*
 * The control plane's messages: protobuf Envelopes over ZeroMQ. The coordinator listens on a ROUTER, each
 * member dials with a DEALER that keeps nothing for a peer that is not there (IMMEDIATE, LINGER 0, small high
 * watermark, MAXMSGSIZE 1 MiB) and is made anew at each redial. The wire identity is "<member>/<incarnation
 * hex>".
 *
 * Callbacks run on the loop, never inside channel_send. They may send and redial; channel_free must not be
 * called from a callback of the same channel. Envelopes say who sends; that nobody lies is checked against
 * the wire identity only, which is no security boundary before CURVE.
 */
#ifndef ISOBAR_CHANNEL_H
#define ISOBAR_CHANNEL_H

#include "buf.h"
#include "loop.h"

#include "control.pb-c.h"

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
 * Dials the first of `endpoints` (a comma list of tcp://host:port) as member `id` ([A-Za-z0-9._-]{1,64}) with
 * `incarnation`. NULL with text in `error`. That nobody listens is no error.
 */
struct channel *channel_dial(struct loop *loop, const char *endpoints, const char *id, int64_t incarnation,
                             channel_message_fn *fn, void *arg, struct buf *error) __attribute__((warn_unused_result));
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
/* Lets channel_free wait up to `linger_ms` until what a connected peer was sent has gone out; 0 at first. */
void channel_linger(struct channel *channel, int linger_ms);
/*
 * Messages dropped because they had a wrong number of frames, did not unpack within the memory allowed, or
 * lied about their sender. A frame above CHANNEL_MAX_BYTES is not counted: libzmq hangs up on who sends it.
 */
int64_t channel_rejected(const struct channel *channel);

#endif
