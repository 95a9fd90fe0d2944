/* What one client makes of the bytes of a live stream: answer's header, chunks, events. Pure: no socket, no clock. */
#ifndef LOAD_LISTENER_H
#define LOAD_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTENER_HEAD 40
#define LISTENER_TAIL 40

enum listener_part { LISTENER_HEADER, LISTENER_SIZE, LISTENER_DATA, LISTENER_BREAK };

struct listener {
    enum listener_part part;
    int32_t status;                                /* of the answer; 0: not yet known */
    uint32_t matched;                              /* header: of its last four bytes */
    uint32_t left;                                 /* of the chunk */
    uint32_t line;                                 /* bytes of the line so far */
    char head[LISTENER_HEAD], tail[LISTENER_TAIL]; /* of the line: its first bytes, and its last ones, as a ring */
    char event[16];
    uint64_t version; /* of the id line */
    int64_t at_ms;    /* of the data line */
};

struct heard {
    const char *event; /* its name */
    uint64_t version;  /* the number in its id */
    int64_t at_ms;     /* when the server made it; 0: it does not say */
};
typedef void listener_fn(void *arg, const struct heard *heard);

/*
 * Takes bytes as they came; `fn` is called for each event that has ended. False: the answer has ended, or is no chunked
 * one with status 200.
 */
bool listener_take(struct listener *listener, const char *bytes, size_t size, listener_fn *fn, void *arg);

#endif
