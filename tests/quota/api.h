/* An API that counts: units by when they arrive, in sliding windows of its limits, to the millisecond. */
#ifndef ISOBAR_TEST_QUOTA_API_H
#define ISOBAR_TEST_QUOTA_API_H

#include "limit.h"

#include <stddef.h>
#include <stdint.h>

struct arrival {
    int64_t at_ms, milli;
};

struct api {
    struct limits limits;
    struct arrival *log; /* all of them, in the order in which they arrived */
    size_t count, capacity;
    size_t first[LIMIT_WINDOWS]; /* of the window's, in the log */
    int64_t inside_milli[LIMIT_WINDOWS], most_milli[LIMIT_WINDOWS];
    int64_t over, total_milli; /* calls that exceeded a limit; units of all */
    struct arrival *pending;   /* not in order yet */
    size_t pending_count, pending_capacity;
};

void api_init(struct api *api, const struct limits *limits);
void api_release(struct api *api);
/* A call arrives then. */
void api_arrive(struct api *api, int64_t at_ms, int64_t milli);
/* Counts what has arrived before `now_ms`: no later call of api_arrive is for an earlier time. */
void api_count(struct api *api, int64_t now_ms);

#endif
