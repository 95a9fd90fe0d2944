/*
 * What a fetcher may still use of an account's limits of an hour and more (coordinator/quota_ledger.h). The leader
 * grants units by their sum since the fetcher started, so that a grant that is lost, repeated or overtaken changes
 * nothing; and for a time only, so that a fetcher that nobody hears is done with soon. Units that were not used by then
 * are forgone: the leader counts them as used. Pure; times are this process' monotonic ms.
 */
#ifndef FETCHER_ALLOWANCE_H
#define FETCHER_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing may be used. Sums are in thousandths of a unit, since the start of the process. */
struct allowance {
    bool unlimited; /* the account has no such limit */
    int64_t granted_milli;
    int64_t used_milli;
    int64_t ended_milli; /* of that, by calls that have ended */
    int64_t forgone_milli;
    int64_t until_ms; /* when what is left lapses */
};

/* The account has no such limit now. */
void allowance_free(struct allowance *allowance);
/*
 * The leader has granted `granted_milli` in all, to be used before `until_ms`. An older grant (less in all, or an
 * earlier end) changes nothing of what a later one said.
 */
void allowance_grant(struct allowance *allowance, int64_t granted_milli, int64_t until_ms, int64_t now_ms);
/* What one call that starts now may weigh, 1/1000; INT64_MAX without a limit. */
int64_t allowance_room(struct allowance *allowance, int64_t now_ms);
/* A call of that weight starts (there was room). */
void allowance_take(struct allowance *allowance, int64_t milli);
/* A call of that weight has ended, however. */
void allowance_end(struct allowance *allowance, int64_t milli);
/* What will certainly not reach the API any more: used by calls that have ended, or forgone. */
int64_t allowance_settled(const struct allowance *allowance);

#endif
