/*
 * What callers have used of an API whose calls weigh differently: at most so much in any span of each length. Pure;
 * times are monotonic ms.
 */
#ifndef OWMSIM_ACCOUNT_H
#define OWMSIM_ACCOUNT_H

#include "limit.h"

#include <stddef.h>
#include <stdint.h>

struct account_call {
    int64_t at_ms, milli;
};

struct account {
    struct limits limits;
    struct account_call *calls; /* in order of time; those of the longest limited span are kept */
    size_t count, capacity;
    int64_t used_milli; /* since the start */
};

/* An account without limits that keeps no calls. Released by account_release. */
void account_init(struct account *account);
/* Frees the calls. */
void account_release(struct account *account);
/*
 * Takes a call of that weight. LIMIT_WINDOWS when it was within all limits, else the shortest length whose limit it
 * would exceed; then it is not taken.
 */
enum limit_window account_take(struct account *account, int64_t milli, int64_t now_ms);

#endif
