/*
 * Which of its sources a city's readings come from. Pure; times are monotonic ms.
 *
 * Sources are in order, the first is preferred. One is in use:
 *  - away from it, when it is bad: it failed FAILOVER_FAILURES polls in a row, does not know the place, has readings
 *    only that are too old, or is shut (its account or host is stopped for long). The next is the first in order that
 *    is not bad; when all are, nothing changes.
 *  - back to a preferred one, when that has been good for `back_ms` and FAILOVER_GOODS polls without a break, so that a
 *    source that comes and goes does not make the readings flap.
 * So a preferred source goes on being polled while another is in use; one behind it is not.
 *
 * Readings are never mixed: all values of a row are from one source, which the row names.
 */
#ifndef FETCHER_FAILOVER_H
#define FETCHER_FAILOVER_H

#include <stdbool.h>
#include <stdint.h>

#define FAILOVER_SOURCES  4 /* at most */
#define FAILOVER_FAILURES 3
#define FAILOVER_GOODS    3
#define FAILOVER_SHUT     INT64_MAX

/* What is the same for all cities. */
struct failover_rules {
    int32_t sources;                    /* 1..FAILOVER_SOURCES */
    int64_t stale_ms[FAILOVER_SOURCES]; /* age at which a reading of the source is too old */
    int64_t back_ms;                    /* how long a preferred source must have been good */
    int64_t open_ms[FAILOVER_SOURCES];  /* since when calls to it are made; FAILOVER_SHUT: they are stopped for long */
};

/* What is known of one source of a city. */
struct failover_source {
    int64_t stale_at_ms; /* when its newest reading is too old; 0: there is none */
    int64_t good_ms;     /* good since then; 0: it is not */
    int32_t failures;    /* polls in a row */
    int32_t goods;       /* polls in a row */
};

/* A city's. Zero-initialise: the first source is in use, and nothing is known of any. */
struct failover {
    struct failover_source of[FAILOVER_SOURCES];
    int64_t since_ms; /* when the one in use was chosen; 0: from the start */
    int32_t in_use;
};

/* The source answered; its newest reading was observed `age_ms` ago (negative: it has none). */
void failover_answered(struct failover *failover, const struct failover_rules *rules, int32_t source, int64_t age_ms,
                       int64_t now_ms);
/* A poll of the source failed. */
void failover_failed(struct failover *failover, int32_t source);
/* The source does not know the place. */
void failover_unknown(struct failover *failover, int32_t source);
/* True when the source cannot be used now. */
bool failover_bad(const struct failover *failover, const struct failover_rules *rules, int32_t source, int64_t now_ms);
/*
 * Decides anew; true when another source is in use from now on. What is known of sources behind it is forgotten: they
 * are not polled any more, and may be good when they are needed again.
 */
bool failover_decide(struct failover *failover, const struct failover_rules *rules, int64_t now_ms);
/* True when the source is to be polled: it is in use, or preferred to that. */
bool failover_polls(const struct failover *failover, int32_t source);

#endif
