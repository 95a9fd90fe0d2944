/*
 * How many wrong tokens an address may show: five at once, then one every ten seconds. A fixed number of places,
 * which addresses share by a hash that nobody outside knows, so memory does not grow with the number of addresses; an
 * IPv6 address counts as its /64. Pure: time is given.
 */
#ifndef DASHBOARD_THROTTLE_H
#define DASHBOARD_THROTTLE_H

#include <stdint.h>
#include <sys/socket.h>

#define THROTTLE_PLACES   1024
#define THROTTLE_BURST    5
#define THROTTLE_EVERY_MS 10000

struct throttle {
    uint64_t seed;                    /* any number that is not known outside */
    int64_t even_ms[THROTTLE_PLACES]; /* when all that was used up has come back */
};

/* How long this address has to wait before its next token is looked at, ms; 0: not at all. */
int64_t throttle_wait_ms(const struct throttle *throttle, const struct sockaddr *address, int64_t now_ms);
/* The address has shown a wrong token. */
void throttle_wrong(struct throttle *throttle, const struct sockaddr *address, int64_t now_ms);

#endif
