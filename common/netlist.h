/*
 * Networks, and which addresses are of the public internet. Whoever calls a public API must not be led by its name
 * (a mistake in DNS, or an attack on it) to a machine of the operator's own network or to the cloud's metadata service:
 * addresses that the IANA registries of special-purpose addresses list as not globally reachable (RFC 6890) need a
 * network that the operator names. Pure.
 *
 * IPv4 is held as IPv4-mapped IPv6 (::ffff:a.b.c.d), so both ways to write or to connect to it are one address.
 */
#ifndef ISOBAR_NETLIST_H
#define ISOBAR_NETLIST_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NETLIST_MAX        32
#define NETLIST_TEXT_BYTES 64 /* of an address as text */

struct net {
    uint8_t address[16];
    int bits; /* leading ones that count, 0..128 */
};

/* Zero-initialise: empty. */
struct netlist {
    struct net nets[NETLIST_MAX];
    size_t count;
};

/*
 * Adds the networks of a comma-separated list: 10.1.0.0/16, fd00::/8, or an address alone. Bits after the prefix must
 * be 0, since 10.1.2.3/8 is rather a mistake. ERR_INVALID with the reason in `error`; then some may have been added.
 */
int netlist_parse(struct netlist *list, const char *text, struct buf *error) __attribute__((warn_unused_result));
/*
 * Adds what a host of a URL is by itself: an address (IPv6 with or without brackets), or loopback for localhost and
 * names below it. Another name adds nothing: where it leads is not known yet. Full: adds nothing.
 */
void netlist_add_host(struct netlist *list, const char *host);
/* True when the address (AF_INET or AF_INET6) lies in one of the networks. */
bool netlist_has(const struct netlist *list, const struct sockaddr *address);
/*
 * What kind of address it is when it is not a public one: "private", "loopback", "link-local", "metadata", "multicast",
 * "shared", "reserved" or "unknown" (another family); NULL when it is public. IPv4 inside of IPv6 (mapped, NAT64, 6to4)
 * counts as what it is by itself.
 */
const char *net_kind(const struct sockaddr *address);
/* The address as text, IPv4-mapped ones as IPv4; "?" for another family. Returns `out`. */
const char *net_text(const struct sockaddr *address, char out[NETLIST_TEXT_BYTES]);

#endif
