/*
 * A packed reading (latest.h). It is set once for each accepted row, mostly with as many values as the one before, so
 * that no memory moves.
 */
#include "latest.h"

#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int count_of(const struct latest *latest)
{
    return __builtin_popcountll(latest->present);
}

/* Makes room for the values of `present`, which it takes over; what they were is lost. */
static void reserve(struct latest *latest, uint64_t present)
{
    int before = count_of(latest), after = __builtin_popcountll(present);
    latest->present = present;
    if (before == after)
        return;
    free(latest->values);
    latest->values = after ? mem_calloc((size_t)after, sizeof *latest->values) : NULL;
}

void latest_set(struct latest *latest, const struct observation *row, int64_t produced_at_ms)
{
    reserve(latest, row->present);
    latest->observed_at_ms = row->observed_at_ms;
    latest->fetched_at_ms = row->fetched_at_ms;
    latest->produced_at_ms = produced_at_ms;
    latest->quality = row->quality;
    latest->provider = row->provider;
    latest->accumulation_s = row->accumulation_s;
    int32_t *next = latest->values;
    assert(next || !row->present);
    for (uint64_t left = row->present; left; left &= left - 1)
        *next++ = row->value[__builtin_ctzll(left)];
}

void latest_copy(struct latest *into, const struct latest *from)
{
    reserve(into, from->present);
    int32_t *values = into->values;
    *into = *from;
    into->values = values;
    if (values)
        memcpy(values, from->values, (size_t)count_of(from) * sizeof *values);
}

void latest_release(struct latest *latest)
{
    free(latest->values);
    *latest = (struct latest){0};
}

bool latest_value(const struct latest *latest, int bit, int32_t *value)
{
    uint64_t flag = UINT64_C(1) << bit;
    if (!(latest->present & flag))
        return false;
    *value = latest->values[__builtin_popcountll(latest->present & (flag - 1))];
    return true;
}

void latest_row(const struct latest *latest, struct observation *row)
{
    *row = (struct observation){.observed_at_ms = latest->observed_at_ms,
                                .fetched_at_ms = latest->fetched_at_ms,
                                .quality = latest->quality,
                                .kind = ISOBAR__V1__ROW_KIND__OBSERVATION,
                                .provider = latest->provider,
                                .accumulation_s = latest->accumulation_s};
    const int32_t *next = latest->values;
    for (uint64_t left = latest->present; left; left &= left - 1)
        observation_set(row, __builtin_ctzll(left), *next++);
}
