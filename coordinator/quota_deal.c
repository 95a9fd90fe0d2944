/* See quota_deal.h. */
#include "quota_deal.h"

#include "mem.h"

#include <stdlib.h>

#define ROUNDS_MAX 64 /* in which one fetcher may have all that there is for it */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What one wants now, in a round. */
static int64_t wanted(const struct quota_ledger *ledger, const struct quota_ask *ask, int64_t part_milli,
                      int64_t given_milli)
{
    const struct quota_holder *holder = quota_ledger_holder(ledger, ask->incarnation);
    if (!holder)
        return 0;
    int64_t most = smaller(ask->want_milli, larger(part_milli, ask->call_milli));
    int64_t open = holder->granted_milli - holder->settled_milli + given_milli;
    int64_t rest = ask->call_milli > 0 ? ask->call_milli - open % ask->call_milli : 0; /* of a call begun before */
    return larger(0, smaller(most - open, larger(rest, part_milli / ROUNDS_MAX)));
}

/* Hands `left_milli` out; `given` per ask. Returns what is left over. */
static int64_t hand_out(const struct quota_ledger *ledger, const struct quota_ask *asks, size_t count, size_t *turn,
                        int64_t left_milli, int64_t *given)
{
    int64_t part_milli = quota_ledger_open_max(ledger) / (int64_t)count;
    for (size_t idle = 0; idle < count && left_milli > 0;) {
        size_t i = *turn % count;
        int64_t more = wanted(ledger, &asks[i], part_milli, given[i]);
        int64_t grant = smaller(more, left_milli);
        given[i] += grant;
        left_milli -= grant;
        if (grant < more)
            break; /* the rest of its call comes first the next time */
        idle = grant > 0 ? 0 : idle + 1;
        *turn = (i + 1) % count;
    }
    return left_milli;
}

/* What those that ask may be granted in all. What others have open, who are gone, holds nobody up. */
static int64_t room_for(const struct quota_ledger *ledger, const struct quota_ask *asks, size_t count)
{
    int64_t room = quota_ledger_open_max(ledger), open = 0;
    for (size_t i = 0; i < count; i++) {
        const struct quota_holder *holder = quota_ledger_holder(ledger, asks[i].incarnation);
        room = larger(room, smaller(asks[i].want_milli, asks[i].call_milli));
        open += holder ? holder->granted_milli - holder->settled_milli : 0;
    }
    return smaller(larger(room - open, 0), quota_ledger_available(ledger));
}

int64_t quota_deal(struct quota_ledger *ledger, const struct quota_ask *asks, size_t count, size_t *turn)
{
    if (count == 0 || ledger->line_count == 0)
        return 0;
    int64_t *given = mem_calloc(count, sizeof *given), room = room_for(ledger, asks, count);
    int64_t granted = room - hand_out(ledger, asks, count, turn, room, given);
    for (size_t i = 0; i < count; i++)
        quota_ledger_grant(ledger, asks[i].incarnation, given[i]);
    free(given);
    return granted;
}
