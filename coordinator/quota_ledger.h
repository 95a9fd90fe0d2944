/*
 * What an account has used of its limits of an hour and more, and what may still be granted. Pure. A limit of so many
 * units in any hour, day or month is kept as a sliding window: a ring of buckets, each with the units that were settled
 * in it, and beside it what is granted to fetchers and not settled yet, which counts until it is.
 *
 *  - A grant counts from when it is made. It is never given back: what a fetcher does not use it forgoes, and that is
 * settled like use. What a silent fetcher has open is settled when its grant has lapsed.
 *  - Units are settled in the bucket of the moment when they are heard to be: calls had ended by then. So whatever was
 * used in a window of real time counts at its end, and the sum never exceeds the limit.
 *  - Units are granted at an even pace, with a small credit for what was not used lately (an hour of a month, 6 minutes
 * of a day, 15 s of an hour), so that demand above the limit does not end in days without any call.
 *
 * The pace also bounds what can have happened that is not known. After a restart the time since the last note counts as
 * used at the even pace, and the credit as spent; when Redis is seen to have lost notes, or there is none, all of the
 * window does. A new ledger has no credit. So a Redis that goes back or is lost, clocks that are set, and leaders that
 * change cost units, and never a limit.
 *
 * Times are one clock's ms that does not go back during the life of a ledger: Redis' Unix time for a leader.
 */
#ifndef COORDINATOR_QUOTA_LEDGER_H
#define COORDINATOR_QUOTA_LEDGER_H

#include "buf.h"
#include "limit.h"
#include "quota.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUOTA_LINES       3   /* hour, day, month */
#define QUOTA_BUCKETS     745 /* most buckets of a line, the one under way included */
#define QUOTA_HOLDERS_MAX 2048
#define QUOTA_CALL_MS     120000  /* longest time that a call may be under way (the fetchers' --timeout-ms) */
#define QUOTA_VALID_MS    30000   /* of a grant: a silent fetcher is done before its share goes to others */
#define QUOTA_KEEP_MS     7200000 /* after which a silent fetcher is forgotten */
#define QUOTA_FENCE_MS    10000   /* in which a former leader may still have noted a grant after a ledger was read */

/* One limit. */
struct quota_line {
    enum limit_window window;
    int64_t limit_milli;
    int64_t bucket_ms, buckets;   /* length, and how many besides the one under way */
    int64_t period_ms;            /* in which the even pace grants the limit: a little longer than the window */
    int64_t credit;               /* thousandths of units, times period_ms */
    int64_t newest;               /* number of the bucket under way */
    int64_t spent_milli;          /* of all buckets */
    int64_t spent[QUOTA_BUCKETS]; /* by number modulo buckets + 1 */
};

/* A fetcher's process. */
struct quota_holder {
    int64_t incarnation;
    int64_t granted_milli, settled_milli; /* since it started */
    int64_t until_ms;                     /* when what is open has certainly lapsed */
    int64_t heard_ms;
};

struct quota_ledger {
    struct quota_line lines[QUOTA_LINES];
    size_t line_count; /* 0: no limit of an hour and more */
    struct quota_holder *holders;
    size_t holder_count, holder_capacity;
    int64_t open_milli; /* granted and not settled */
    int64_t now_ms;
    int64_t losses; /* times that all of the window was taken for used */
};

/* An empty ledger of the limits that are an hour and more, without credit. Released with quota_ledger_release. */
void quota_ledger_init(struct quota_ledger *ledger, const struct limits *limits, int64_t now_ms);
void quota_ledger_release(struct quota_ledger *ledger);
/* Nobody has ever used the account here: all of the credit is there. */
void quota_ledger_fresh(struct quota_ledger *ledger);
/* What is known may be too little: in every span up to now the even pace was used at least, and the credit is spent. */
void quota_ledger_lose(struct quota_ledger *ledger);
/* Time passes: windows slide, credit grows, open grants of silent fetchers lapse. Before each of the following. */
void quota_ledger_advance(struct quota_ledger *ledger, int64_t now_ms);

/*
 * A fetcher says what it was granted and what of that is settled, since it started. One that knows of more than the
 * ledger does shows that notes were lost.
 */
void quota_ledger_report(struct quota_ledger *ledger, int64_t incarnation, int64_t granted_milli,
                         int64_t settled_milli);
/* What may be granted now, to all together; INT64_MAX without a limit. */
int64_t quota_ledger_available(const struct quota_ledger *ledger);
/*
 * Grants the fetcher `milli` more (0: none, at most what is available), and makes all that it has open good for
 * QUOTA_VALID_MS from when it was heard last. Does nothing for one that was never heard.
 */
void quota_ledger_grant(struct quota_ledger *ledger, int64_t incarnation, int64_t milli);
/* The fetcher's entry; NULL when it was not heard lately. Valid until the next report. */
struct quota_holder *quota_ledger_holder(const struct quota_ledger *ledger, int64_t incarnation);
/* What all fetchers that are there may have open together: what the even pace grants while a grant is good. */
int64_t quota_ledger_open_max(const struct quota_ledger *ledger);
/* So much may have been granted that is not known: it counts as open until it has lapsed. */
void quota_ledger_suppose(struct quota_ledger *ledger, int64_t open_milli);
/* Units of the line that count now, open ones included. */
int64_t quota_line_counted(const struct quota_ledger *ledger, const struct quota_line *line);
/* When the first units that count now stop to; the ledger's time when there are none. */
int64_t quota_line_eases_ms(const struct quota_line *line, int64_t now_ms);

/* quota_ledger_codec.c: appends a QuotaLedger. */
void quota_ledger_pack(const struct quota_ledger *ledger, struct buf *out);
/*
 * Takes over what a former leader noted, into a ledger that was just made; what happened since is counted as above. A
 * limit that the note does not have counts as lost. 0; ERR_INVALID when it is no note: all counts as lost then.
 */
int quota_ledger_unpack(struct quota_ledger *ledger, const char *bytes, size_t size)
    __attribute__((warn_unused_result));
/* Since a moment up to now, the even pace was used besides what is known. */
void quota_line_assume(struct quota_line *line, int64_t since_ms, int64_t now_ms);
/* Most of the credit. */
int64_t quota_line_credit_max(const struct quota_line *line);
/* What the even pace grants in `ms`, rounded up; at most the limit. */
int64_t quota_line_pace(const struct quota_line *line, int64_t ms);
/* A bucket's place in the ring. */
int64_t *quota_line_bucket(struct quota_line *line, int64_t number);

#endif
