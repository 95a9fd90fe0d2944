/*
 * The leader tells a webhook of alerts: each event of each partition's stream, in the order of that stream, at least
 * once. How far it is lies in Redis (hash `webhook`, partition -> id of the last entry that is done) and moves when the
 * receiver has answered 2xx, or has refused for good: then the entry is parked in the stream `webhook:parked` and
 * counted. So whoever leads next goes on there, and repeats what was under way at most.
 *
 * Bounded: WEBHOOK_READ events of a partition are in memory, one is on its way, and WEBHOOK_POSTS of all partitions.
 */
#ifndef COORDINATOR_WEBHOOK_H
#define COORDINATOR_WEBHOOK_H

#include "loop.h"
#include "metrics.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

#define WEBHOOK_READ   16
#define WEBHOOK_POSTS  8
#define WEBHOOK_PARKED "1000" /* entries kept, about */

struct webhook;

struct webhook_config {
    const char *url, *secret, *ca_file; /* borrowed */
    const char *allow_net;              /* networks that the URL's name may lead to; borrowed */
    const char *prefix;                 /* of all keys in Redis; borrowed */
    bool insecure;                      /* http is allowed */
    int64_t timeout_ms;
};

/*
 * NULL with text in `error` when URL or secret will not do. Freed by webhook_free; `store` goes before it, as the
 * answers that are missing then still come.
 */
struct webhook *webhook_new(struct loop *loop, struct store *store, const struct webhook_config *config,
                            struct coordinator_metrics *metrics, struct buf *error) __attribute__((warn_unused_result));
/* Frees. NULL allowed. */
void webhook_free(struct webhook *webhook);
/* Does what is due, while this coordinator leads so many partitions; 0: it does not lead, and what is under way ends.
 */
void webhook_tick(struct webhook *webhook, int32_t partitions);

#endif
