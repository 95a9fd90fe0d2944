/*
 * Answers libzmq's question whether the owner of a public key may connect (ZAP, RFC 27), from an allow list. Without it
 * CURVE would let any key in, so it is there before a socket is bound and stays until that is closed. Runs on the
 * loop: libzmq's thread asks over inproc and waits.
 *
 * The answer gives the connection's messages the properties "User-Id", the member's id, and ZAP_KEY_PROPERTY, its
 * public key: so the owner can be looked up again with every message, after the list has changed, too.
 */
#ifndef ISOBAR_ZAP_H
#define ISOBAR_ZAP_H

#include "curve.h"
#include "loop.h"

#include <stdint.h>

#define ZAP_KEY_PROPERTY "Isobar-Key"
#define ZAP_DOMAIN       "isobar" /* of sockets that ask */

struct zap;

/* Begins to answer in `context` (libzmq's) from server->allow as it is at that time. Both are borrowed. NULL with
 * errno. */
struct zap *zap_new(struct loop *loop, void *context, const struct curve_server *server)
    __attribute__((warn_unused_result));
/* NULL allowed; after the sockets that ask, before the context is ended. */
void zap_free(struct zap *zap);
/* Connections refused so far. */
int64_t zap_refused(const struct zap *zap);

#endif
