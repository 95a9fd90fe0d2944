/* See throttle.h. The rate is kept as by the generic cell rate algorithm (ITU-T I.371): one time for each place. */
#include "throttle.h"

#include <netinet/in.h>
#include <string.h>

/* SplitMix64's finalizer (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static size_t place_of(const struct throttle *throttle, const struct sockaddr *address)
{
    uint64_t high = 0, low = 0;
    if (address->sa_family == AF_INET) {
        low = ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr;
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        uint32_t four;
        memcpy(&four, six->s6_addr + 12, sizeof four);
        memcpy(&high, six->s6_addr, sizeof high);
        high = IN6_IS_ADDR_V4MAPPED(six) ? 0 : high;
        low = IN6_IS_ADDR_V4MAPPED(six) ? four : 0;
    }
    return (size_t)(mix(mix(high ^ throttle->seed) ^ low) % THROTTLE_PLACES);
}

int64_t throttle_wait_ms(const struct throttle *throttle, const struct sockaddr *address, int64_t now_ms)
{
    int64_t early = throttle->even_ms[place_of(throttle, address)] - (THROTTLE_BURST - 1) * (int64_t)THROTTLE_EVERY_MS;
    return early > now_ms ? early - now_ms : 0;
}

void throttle_wrong(struct throttle *throttle, const struct sockaddr *address, int64_t now_ms)
{
    int64_t *even_ms = &throttle->even_ms[place_of(throttle, address)];
    *even_ms = (*even_ms > now_ms ? *even_ms : now_ms) + THROTTLE_EVERY_MS;
}
