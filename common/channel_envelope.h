/*
 * Envelopes as bytes, and the wire identity that goes with them. The part of the channel that knows no
 * socket.
 */
#ifndef ISOBAR_CHANNEL_ENVELOPE_H
#define ISOBAR_CHANNEL_ENVELOPE_H

#include "control.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_MEMBER_MAX     64
#define CHANNEL_IDENTITY_BYTES (CHANNEL_MEMBER_MAX + 1 + 16 + 1)

/* True for [A-Za-z0-9._-]{1,64}. */
bool channel_member_valid(const char *member);
/* Writes "<member>/<incarnation hex>" into `out` (CHANNEL_IDENTITY_BYTES) and returns it. `member` is valid.
 */
const char *channel_identity(const char *member, int64_t incarnation, char *out);
/* True when all strings in the message and its submessages are UTF-8: a peer drops the whole envelope otherwise. */
bool channel_strings_valid(const ProtobufCMessage *message);
/*
 * Unpacks and checks one message that came from, or is addressed to, the wire identity given. NULL when it
 * breaks a rule. At most 16 MiB are allocated, however the bytes were made. Freed with channel_envelope_free.
 */
Isobar__V1__Envelope *channel_envelope_unpack(const void *bytes, size_t size, const void *identity,
                                              size_t identity_size) __attribute__((warn_unused_result));
/* Frees what channel_envelope_unpack returned. NULL allowed. */
void channel_envelope_free(Isobar__V1__Envelope *envelope);

#endif
