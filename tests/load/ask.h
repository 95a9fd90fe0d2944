/* One question asked again and again over a few connections that stay open, and how long the answers took. */
#ifndef LOAD_ASK_H
#define LOAD_ASK_H

#include "ticks.h"

struct question {
    int port;
    const char *path, *headers; /* headers: whole lines with CR LF; may be empty */
    int connections, count;     /* requests in all */
};

struct answers {
    struct samples took; /* from the request's first byte to the answer's last one; released by the caller */
    int failed;          /* no answer, or another status than the first one's */
    int status;          /* of the first one */
    int64_t bytes;       /* of bodies */
    int64_t elapsed_us;
};

/* Blocks until all are answered, or have failed. */
struct answers ask_all(const struct question *question);

#endif
