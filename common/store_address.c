/*
 * Addresses of Redis as people write them, and the argument lists of the functions that end with NULL. It
 * only splits text: names are looked up when hiredis connects. A port is always wanted, because a default
 * would hide a typing error behind somebody else's Redis.
 */
#include "store_internal.h"

#include "error.h"
#include "mem.h"
#include "text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_PATH_MAX 107 /* sun_path without its '\0' */
#define HOST_MAX      253 /* longest domain name */

static int refuse(const char *text, const char *why, struct buf *error)
{
    size_t from = error->size;
    buf_printf(error, "Redis address \"%.200s\": %s", text, why);
    text_tame(error, from);
    return ERR_INVALID;
}

/* The port in decimal, or 0. */
static int parse_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return 0;
    long port = strtol(text, NULL, 10);
    return port <= 65535 ? (int)port : 0;
}

static int parse_tcp(struct store_address *address, const char *text, struct buf *error)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return refuse(text, "host:port or unix:/path wanted", error);
    address->port = parse_port(colon + 1);
    if (address->port == 0)
        return refuse(text, "the port is not a number from 1 to 65535", error);
    size_t size = (size_t)(colon - text);
    bool bracketed = size >= 2 && text[0] == '[' && colon[-1] == ']';
    if (bracketed) {
        text++;
        size -= 2;
    } else if (memchr(text, ':', size) != NULL) {
        return refuse(text, "an IPv6 address wants brackets", error);
    }
    if (size == 0 || size > HOST_MAX)
        return refuse(text, "the host is missing or too long", error);
    address->host = mem_alloc(size + 1);
    memcpy(address->host, text, size);
    return 0;
}

int store_address_init(struct store_address *address, const char *text, struct buf *error)
{
    *address = (struct store_address){0};
    if (text == NULL || *text == '\0')
        return refuse("", "host:port or unix:/path wanted", error);
    if (strncmp(text, "unix:", 5) != 0)
        return parse_tcp(address, text, error);
    size_t size = strlen(text + 5);
    if (size == 0 || size > UNIX_PATH_MAX)
        return refuse(text, "the path is missing or longer than 107 bytes", error);
    address->path = mem_strdup(text + 5);
    return 0;
}

void store_address_release(struct store_address *address)
{
    free(address->path);
    free(address->host);
    *address = (struct store_address){0};
}

size_t store_collect(va_list args, const char **argv)
{
    size_t count = 0;
    for (const char *text; (text = va_arg(args, const char *)) != NULL;) {
        assert(count < STORE_ARGUMENTS);
        argv[count++] = text;
    }
    assert(count > 0);
    return count;
}
