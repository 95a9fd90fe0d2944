/* Endpoints of the control plane as text. Pure. */
#ifndef ISOBAR_CHANNEL_ENDPOINT_H
#define ISOBAR_CHANNEL_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#define ENDPOINT_BYTES 256
#define ENDPOINTS_MAX  16

struct endpoints {
    char *list[ENDPOINTS_MAX];
    size_t count;
};

/*
 * True for tcp://host:port and ipc://path. libzmq finds a malformed endpoint only when it is used, and a wrong port
 * never; the second of a list would be found when the first has failed. Port 0 is for who listens.
 */
bool endpoint_valid(const char *endpoint, bool listening);
/*
 * True when nothing but the machine itself can be at, or come to, the endpoint: a loopback address, "localhost", or
 * ipc. Only there messages travel in clear without the operator's word.
 */
bool endpoint_is_loopback(const char *endpoint);
/* Splits a comma list into `endpoints` (zeroed); false when an item is malformed, too long, or one too many. */
bool endpoints_split(struct endpoints *endpoints, const char *list, bool listening);
/* The place of `endpoint` in the list; -1: it is not there. */
int endpoints_find(const struct endpoints *endpoints, const char *endpoint);
/* Frees the texts. */
void endpoints_release(struct endpoints *endpoints);

#endif
