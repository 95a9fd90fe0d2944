/*
 * Whether calls may be made at all: closed for a while when the API refuses the key, says that there were too many
 * calls, or fails for place after place. Pure; times are monotonic ms.
 *
 * When the time is over, one call at a time goes through; its answer opens the gate or closes it for longer. Answers to
 * calls that were under way when it closed do neither.
 */
#ifndef FETCHER_GATE_H
#define FETCHER_GATE_H

#include "entropy.h"

#include <stdbool.h>
#include <stdint.h>

enum gate_state { GATE_OPEN, GATE_KEY_REFUSED, GATE_RATE_LIMITED, GATE_HOST_FAILING };

/* Failures in a row, of at least so many places: one bad place must not stop the others. */
#define GATE_HOST_FAILURES 5
#define GATE_HOST_PLACES   3

struct gate {
    enum gate_state state;
    int64_t until_ms;  /* closed at least until then */
    int64_t closed_ms; /* when it closed last */
    int attempt;       /* how often in a row */
    int failures;
    int64_t places[GATE_HOST_PLACES]; /* distinct places of these failures */
    int place_count;
    struct jitter jitter;
};

/* An open gate; `seed` as for jitter_init. */
void gate_init(struct gate *gate, uint64_t seed);
/* True when a call may start, with `in_flight` others under way. */
bool gate_allows(const struct gate *gate, int64_t now_ms, int64_t in_flight);
/* The API answered a call begun at `begun_ms` and takes the key. True when that opened the gate. */
bool gate_answered(struct gate *gate, int64_t begun_ms);
/*
 * Close the gate; each returns true when it was open before, or closed for another reason.
 * The key was refused: 15 to 30 s at first, later up to 10 min, since a new key takes up to two hours to work.
 */
bool gate_key_refused(struct gate *gate, int64_t begun_ms, int64_t now_ms);
/* Too many calls: for `retry_after_ms`, or, when that is negative, 1 to 2 min at first, later up to an hour. */
bool gate_rate_limited(struct gate *gate, int64_t begun_ms, int64_t now_ms, int64_t retry_after_ms);
/*
 * A call for `place` failed in the network or in the server. Closes after GATE_HOST_FAILURES, or at once when the
 * server said for how long (`retry_after_ms` >= 0); up to 1 s at first, later up to a minute.
 */
bool gate_host_failed(struct gate *gate, int64_t place, int64_t begun_ms, int64_t now_ms, int64_t retry_after_ms);
/*
 * Another fetcher's call was refused for too many on this account: closes for `limited_ms`, a moment more or less. True
 * when it was open before.
 */
bool gate_told(struct gate *gate, int64_t now_ms, int64_t limited_ms);
/* "open", "key_refused", "rate_limited" or "host_failing". */
const char *gate_state_name(enum gate_state state);

#endif
