/* See netlist.h. The table is text, as the registries have it; it is asked once per connection. */
#include "netlist.h"

#include "error.h"
#include "text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define V4_BITS 96 /* of the prefix ::ffff:0:0 */

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* IANA, IPv4 and IPv6 Special-Purpose Address Registries; the first that fits counts. */
static const struct {
    const char *net, *kind;
} special[] = {
    {"169.254.169.254", "metadata"}, /* most clouds */
    {"100.100.100.200", "metadata"}, /* Alibaba Cloud */
    {"192.0.0.192", "metadata"},     /* Oracle Cloud, classic */
    {"fd00:ec2::254", "metadata"},   /* AWS */
    {"10.0.0.0/8", "private"},        {"172.16.0.0/12", "private"},
    {"192.168.0.0/16", "private"},    {"127.0.0.0/8", "loopback"},
    {"169.254.0.0/16", "link-local"}, {"100.64.0.0/10", "shared"},
    {"224.0.0.0/4", "multicast"},     {"0.0.0.0/8", "reserved"},
    {"192.0.0.0/24", "reserved"},     {"192.0.2.0/24", "reserved"},
    {"192.88.99.0/24", "reserved"},   {"198.18.0.0/15", "reserved"},
    {"198.51.100.0/24", "reserved"},  {"203.0.113.0/24", "reserved"},
    {"240.0.0.0/4", "reserved"},      {"::1", "loopback"},
    {"fc00::/7", "private"},          {"fe80::/10", "link-local"},
    {"fec0::/10", "private"},         {"ff00::/8", "multicast"},
    {"64:ff9b:1::/48", "private"},    {"2001::/23", "reserved"}, /* Teredo, ORCHID, benchmarking, … */
    {"2001:db8::/32", "reserved"},    {"3fff::/20", "reserved"},
};
#define SPECIALS (sizeof special / sizeof *special)

/* One address as text, with or without a prefix length; false when it is none. */
static bool parse_net(const char *text, struct net *net)
{
    char host[NETLIST_TEXT_BYTES];
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    char *end = NULL;
    bool v4;
    if (size >= sizeof host)
        return false;
    memcpy(host, text, size);
    host[size] = '\0';
    memcpy(net->address, v4_prefix, sizeof v4_prefix);
    v4 = inet_pton(AF_INET, host, net->address + sizeof v4_prefix) == 1;
    if (!v4 && inet_pton(AF_INET6, host, net->address) != 1)
        return false;
    net->bits = 128;
    if (!slash)
        return true;
    if (slash[1] < '0' || slash[1] > '9')
        return false;
    long bits = strtol(slash + 1, &end, 10);
    net->bits = (int)(bits <= 128 ? bits : 129) + (v4 ? V4_BITS : 0);
    return *end == '\0' && net->bits <= 128;
}

static bool covers(const struct net *net, const uint8_t address[16])
{
    size_t whole = (size_t)net->bits / 8;
    unsigned rest = (unsigned)net->bits % 8;
    if (memcmp(net->address, address, whole) != 0)
        return false;
    return rest == 0 || (net->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

/* True when nothing is set after the prefix. */
static bool clean(const struct net *net)
{
    for (int bit = net->bits; bit < 128; bit++) {
        if (net->address[bit / 8] >> (7 - bit % 8) & 1)
            return false;
    }
    return true;
}

static void add(struct netlist *list, const struct net *net)
{
    if (list->count < NETLIST_MAX)
        list->nets[list->count++] = *net;
}

int netlist_parse(struct netlist *list, const char *text, struct buf *error)
{
    for (const char *at = text; *at;) {
        char word[NETLIST_TEXT_BYTES];
        size_t size = strcspn(at, ",");
        struct net net;
        size_t kept = size < sizeof word ? size : sizeof word - 1;
        memcpy(word, at, kept);
        word[kept] = '\0';
        const char *problem = kept < size || !parse_net(word, &net) ? "is no network like 10.1.0.0/16 or fd00::/8"
                              : !clean(&net)                        ? "has bits set after its prefix"
                              : list->count == NETLIST_MAX          ? "is one too many: 32 are possible"
                                                                    : NULL;
        if (problem) {
            size_t from = error->size;
            buf_printf(error, "'%s' %s", word, problem);
            text_tame(error, from);
            return ERR_INVALID;
        }
        add(list, &net);
        at += size;
        at += *at == ',';
    }
    return 0;
}

void netlist_add_host(struct netlist *list, const char *host)
{
    static const char local[] = "localhost";
    char word[NETLIST_TEXT_BYTES];
    struct net net;
    size_t size = strlen(host), tail = sizeof local - 1;
    if (size > 0 && host[size - 1] == '.')
        size--;
    if (size >= tail && strncasecmp(host + size - tail, local, tail) == 0 &&
        (size == tail || host[size - tail - 1] == '.')) {
        if (parse_net("127.0.0.0/8", &net))
            add(list, &net);
        if (parse_net("::1", &net))
            add(list, &net);
        return;
    }
    bool brackets = size > 2 && host[0] == '[' && host[size - 1] == ']';
    size -= brackets ? 2 : 0;
    if (size >= sizeof word || memchr(host, '/', size))
        return;
    memcpy(word, host + brackets, size);
    word[size] = '\0';
    if (parse_net(word, &net))
        add(list, &net);
}

/* The 16 bytes of an address; false for another family. */
static bool bytes_of(const struct sockaddr *address, uint8_t out[16])
{
    if (address->sa_family == AF_INET) {
        memcpy(out, v4_prefix, sizeof v4_prefix);
        memcpy(out + sizeof v4_prefix, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    }
    return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

bool netlist_has(const struct netlist *list, const struct sockaddr *address)
{
    uint8_t bytes[16];
    if (!bytes_of(address, bytes))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (covers(&list->nets[i], bytes))
            return true;
    }
    return false;
}

/* Puts the IPv4 address that an IPv6 one carries in its place, if it carries one. */
static void unwrap(uint8_t bytes[16])
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    uint8_t v4[4];
    if (memcmp(bytes, nat64, sizeof nat64) == 0)
        memcpy(v4, bytes + 12, 4);
    else if (bytes[0] == 0x20 && bytes[1] == 0x02) /* 6to4 */
        memcpy(v4, bytes + 2, 4);
    else
        return;
    memcpy(bytes, v4_prefix, sizeof v4_prefix);
    memcpy(bytes + sizeof v4_prefix, v4, 4);
}

const char *net_kind(const struct sockaddr *address)
{
    uint8_t bytes[16];
    struct net net;
    if (!bytes_of(address, bytes))
        return "unknown";
    unwrap(bytes);
    for (size_t i = 0; i < SPECIALS; i++) {
        if (parse_net(special[i].net, &net) && covers(&net, bytes))
            return special[i].kind;
    }
    if (memcmp(bytes, v4_prefix, sizeof v4_prefix) == 0 || bytes[0] >> 5 == 1)
        return NULL; /* IPv4, or global unicast 2000::/3 */
    return "reserved";
}

const char *net_text(const struct sockaddr *address, char out[NETLIST_TEXT_BYTES])
{
    uint8_t bytes[16];
    bool known = bytes_of(address, bytes);
    if (!known)
        memcpy(out, "?", sizeof "?");
    else if (memcmp(bytes, v4_prefix, sizeof v4_prefix) == 0)
        inet_ntop(AF_INET, bytes + sizeof v4_prefix, out, NETLIST_TEXT_BYTES);
    else
        inet_ntop(AF_INET6, bytes, out, NETLIST_TEXT_BYTES);
    return out;
}
