/* See quality_tally.h. Flags that are unknown here, set by newer software, are counted and kept like others. */
#include "quality_tally.h"

#include "error.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define FLAG_BITS 63 /* a row's flags are an int64 that is never negative */

void quality_tally_release(struct quality_tally *tally)
{
    free(tally->counts);
    *tally = (struct quality_tally){0};
}

static void count(struct quality_tally *tally, int32_t bit)
{
    int32_t at = 0;
    while (at < tally->count && tally->counts[at].bit < bit)
        at++;
    if (at == tally->count || tally->counts[at].bit != bit) {
        tally->counts = mem_grow(tally->counts, (size_t)tally->count + 1, sizeof *tally->counts);
        memmove(&tally->counts[at + 1], &tally->counts[at], (size_t)(tally->count - at) * sizeof *tally->counts);
        tally->counts[at] = (struct quality_count){.bit = bit};
        tally->count++;
    }
    tally->counts[at].rows++;
}

void quality_tally_add(struct quality_tally *tally, int64_t flags)
{
    for (uint64_t rest = (uint64_t)flags; rest; rest &= rest - 1)
        count(tally, __builtin_ctzll(rest));
}

void quality_tally_move(struct quality_tally *tally, struct quality_tally *from)
{
    quality_tally_release(tally);
    *tally = *from;
    *from = (struct quality_tally){0};
}

void quality_tally_message(const struct quality_tally *tally, Isobar__V1__CityState *message, struct arena *arena)
{
    size_t size = (size_t)tally->count;
    message->n_flag = message->n_flagged = size;
    message->flag = arena_calloc(arena, size, sizeof *message->flag);
    message->flagged = arena_calloc(arena, size, sizeof *message->flagged);
    for (size_t i = 0; i < size; i++) {
        message->flag[i] = tally->counts[i].bit;
        message->flagged[i] = tally->counts[i].rows;
    }
}

int quality_tally_take(struct quality_tally *tally, const Isobar__V1__CityState *message)
{
    size_t size = message->n_flag;
    *tally = (struct quality_tally){0};
    if (size > FLAG_BITS || message->n_flagged != size)
        return ERR_INVALID;
    for (size_t i = 0; i < size; i++) {
        if (message->flag[i] < 0 || message->flag[i] >= FLAG_BITS || message->flagged[i] < 0 ||
            (i > 0 && message->flag[i] <= message->flag[i - 1]))
            return ERR_INVALID;
    }
    if (size)
        tally->counts = mem_calloc(size, sizeof *tally->counts);
    tally->count = (int32_t)size;
    for (size_t i = 0; i < size; i++)
        tally->counts[i] = (struct quality_count){.rows = message->flagged[i], .bit = message->flag[i]};
    return 0;
}
