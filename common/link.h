/*
 * A member's side of the control plane: says HELLO until it is welcomed, a HEARTBEAT every 500 ms with everything the
 * member holds, hands TARGETs and other messages to the member, finds the leader, and says BYE. The member works on
 * while no coordinator is there. Messages of an older term, and targets of an older version, are dropped here.
 *
 * The leader is found by dialling the next endpoint of the list after 2 s of silence (1 s from one that has not
 * answered at all), and faster by what a standby (REDIRECT) or Redis (link_leader) says. Their word is followed to
 * endpoints of the list; to others when whoever answers there must have the coordinators' one key (CURVE); without
 * CURVE to loopback, or where the operator allows plain connections (`insecure`). It is not followed back to where the
 * member has just come from for silence, to a leader of an older term, nor more than three times without a welcome: so
 * two coordinators that name each other, or know old things, cost no more than a second.
 */
#ifndef ISOBAR_LINK_H
#define ISOBAR_LINK_H

#include "channel.h"
#include "loop.h"

#include <stdbool.h>
#include <stdint.h>

#define LINK_HEARTBEAT_MS 500
#define LINK_SILENCE_MS   2000

struct link;

struct link_events {
    /*
     * Fill everything but term, target_version and shares of calls of the heartbeat about to be sent; valid
     * until the next call. The share of the quota is that of the newest target, which is in force when `target`
     * returns.
     */
    void (*heartbeat)(void *arg, Isobar__V1__Heartbeat *heartbeat);
    void (*welcome)(void *arg, const Isobar__V1__Welcome *welcome);
    void (*target)(void *arg, const Isobar__V1__Target *target);
    void (*message)(void *arg, const Isobar__V1__Envelope *envelope); /* others, e.g. CATALOGUE; may be NULL */
    void (*state)(void *arg, bool up);                                /* a coordinator answers or does not */
    void *arg;
};

struct link_config {
    const char *endpoints; /* comma list; may be empty when `told` */
    const char *id;        /* member id */
    int64_t incarnation;
    Isobar__V1__Role role;
    int32_t capacity;
    const char *zone;
    struct curve_client *curve; /* borrowed; NULL: plain */
    bool told;                  /* link_leader will be called */
    bool insecure;              /* plain to other than loopback is allowed */
};

/*
 * Dials; NULL with text in `error` when an endpoint or the id is malformed, or an endpoint is plain and must not be.
 * Copies `config`.
 */
struct link *link_new(struct loop *loop, const struct link_config *config, const struct link_events *events,
                      struct buf *error) __attribute__((warn_unused_result));
/* NULL allowed. Not from one of its callbacks. */
void link_free(struct link *link);
/* Sends a heartbeat now, for a change that should be known soon. */
void link_beat(struct link *link);
/* RELEASED for one partition under its number. */
void link_released(struct link *link, int32_t partition, int64_t number);
/* BYE; nothing is sent afterwards. link_free then waits a moment until it has gone out. */
void link_bye(struct link *link, const char *reason);
bool link_up(const struct link *link);
/* Redis says who leads (the key `leader`: "<nonce> <id> <endpoint>"); of use while the link is not up. */
void link_leader(struct link *link, const char *leader);
/* How often another's word about the leader was followed. */
int64_t link_redirects(const struct link *link);
/* True when `id` is [A-Za-z0-9._-]{1,64}. */
bool link_valid_id(const char *id);
/* "<host>-<pid>" into `out`, with characters that an id may not have replaced by '-'. */
void link_default_id(char *out, size_t size);

#endif
