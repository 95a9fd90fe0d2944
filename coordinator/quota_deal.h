/*
 * Who of the fetchers is granted what a ledger has (quota_ledger.h): in turn, a call at a time, so that all of them get
 * on when there is too little for everybody, and that what all have open together stays small. Pure.
 */
#ifndef COORDINATOR_QUOTA_DEAL_H
#define COORDINATOR_QUOTA_DEAL_H

#include "quota_ledger.h"

/* What a fetcher that was reported to the ledger asks for. Thousandths of units. */
struct quota_ask {
    int64_t incarnation;
    int64_t want_milli; /* that it would like to have open */
    int64_t call_milli; /* least that is of use to it: the weight of a call */
};

/*
 * Grants what there is to those that want more, and makes everything that the others have open good for longer, too.
 * `turn` says who is first; it goes on with each call (0 at the start). Returns what was granted in all.
 */
int64_t quota_deal(struct quota_ledger *ledger, const struct quota_ask *asks, size_t count, size_t *turn);

#endif
