/* See channel_endpoint.h. */
#include "channel_endpoint.h"

#include "daemon.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool endpoint_valid(const char *endpoint, bool listening)
{
    if (strlen(endpoint) >= ENDPOINT_BYTES)
        return false;
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return endpoint[6] != '\0';
    if (strncmp(endpoint, "tcp://", 6) != 0 || strpbrk(endpoint + 6, "/; ,") != NULL)
        return false;
    const char *colon = strrchr(endpoint, ':');
    if (colon < endpoint + 7) /* that of tcp:, or no host */
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0')
        return false;
    long port = strtol(colon + 1, NULL, 10);
    return port <= 65535 && (port > 0 || listening);
}

bool endpoint_is_loopback(const char *endpoint)
{
    return strncmp(endpoint, "ipc://", 6) == 0 ||
           (strncmp(endpoint, "tcp://", 6) == 0 && daemon_is_loopback(endpoint + 6));
}

bool endpoints_split(struct endpoints *endpoints, const char *list, bool listening)
{
    for (const char *at = list; at != NULL;) {
        at += strspn(at, " ");
        const char *comma = strchr(at, ',');
        size_t size = comma != NULL ? (size_t)(comma - at) : strlen(at);
        while (size > 0 && at[size - 1] == ' ')
            size--;
        if (size >= ENDPOINT_BYTES || endpoints->count == ENDPOINTS_MAX)
            return false;
        char *endpoint = mem_alloc(size + 1);
        (void)snprintf(endpoint, size + 1, "%.*s", (int)size, at);
        endpoints->list[endpoints->count++] = endpoint;
        if (!endpoint_valid(endpoint, listening))
            return false;
        at = comma != NULL ? comma + 1 : NULL;
    }
    return true;
}

int endpoints_find(const struct endpoints *endpoints, const char *endpoint)
{
    for (size_t i = 0; i < endpoints->count; i++)
        if (strcmp(endpoints->list[i], endpoint) == 0)
            return (int)i;
    return -1;
}

void endpoints_release(struct endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->count; i++)
        free(endpoints->list[i]);
    *endpoints = (struct endpoints){.count = 0};
}
