/*
 * What a delivery to the webhook is and what became of it (docs/operations.md, "Webhook"): pure parts of webhook.c.
 * An entry of an alert stream becomes a body, and three headers: whose id makes repetitions known, and whose signature
 * shows who sent it and when.
 */
#ifndef COORDINATOR_DELIVERY_H
#define COORDINATOR_DELIVERY_H

#include "buf.h"
#include "entropy.h"
#include "store.h"
#include "transfer.h"

#include <stdbool.h>
#include <stdint.h>

#define DELIVERY_ID_BYTES 48 /* of a stream's entry */
#define DELIVERY_HEADERS  4
#define DELIVERY_BASE_MS  1000
#define DELIVERY_CAP_MS   60000
#define DELIVERY_AFTER_MS 300000 /* the longest Retry-After that is heeded */

struct delivery {
    char id[DELIVERY_ID_BYTES]; /* of the entry */
    char event_id[160];         /* rule/city/onset/state */
    struct buf body;            /* JSON; empty: the entry is no event */
};

enum delivery_verdict {
    DELIVERY_DONE,   /* 2xx */
    DELIVERY_RETRY,  /* no answer, 408, 429, 5xx: later */
    DELIVERY_REFUSED /* anything else: would be refused again */
};

/* Takes an element of XRANGE's answer; false when it has another shape. Released by delivery_release. */
bool delivery_take(struct delivery *delivery, int32_t partition, const struct store_reply *entry)
    __attribute__((warn_unused_result));
/* Frees the body. */
void delivery_release(struct delivery *delivery);
/* Fills the headers "Name: value" of a delivery that is sent at `wall_ms`; each is released by the caller. */
void delivery_headers(const struct delivery *delivery, const char *secret, int64_t wall_ms,
                      struct buf headers[DELIVERY_HEADERS]);
/* What to do after that answer. */
enum delivery_verdict delivery_judge(const struct transfer_result *result);
/* How long to wait before the next attempt, after `attempt` failures (0: the first); not less than Retry-After. */
int64_t delivery_wait_ms(struct jitter *jitter, int attempt, const struct transfer_result *result);
/* The smallest id after `id`, so that a range begins behind it. False when `id` is none. */
bool delivery_next_id(const char *id, char out[DELIVERY_ID_BYTES]) __attribute__((warn_unused_result));

#endif
