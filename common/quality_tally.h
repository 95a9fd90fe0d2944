/*
 * How many rows of a city had each quality flag (isobar.v1.CityState, flag and flagged): a sorted array of those that
 * occurred, since most cities have few or none.
 */
#ifndef ISOBAR_QUALITY_TALLY_H
#define ISOBAR_QUALITY_TALLY_H

#include "arena.h"

#include "city.pb-c.h"

#include <stdint.h>

struct quality_count {
    int64_t rows;
    int32_t bit; /* of `quality` */
} __attribute__((packed, aligned(4)));

struct quality_tally {
    struct quality_count *counts; /* ascending by bit, owned */
    int32_t count;
};

/* Frees what it holds: it is then as zeroed, which is empty. */
void quality_tally_release(struct quality_tally *tally);
/* Counts each flag of a row once. */
void quality_tally_add(struct quality_tally *tally, int64_t flags);
/* Takes all of `from` in the place of what there is; `from` is empty then. */
void quality_tally_move(struct quality_tally *tally, struct quality_tally *from);
/* Sets `flag` and `flagged` of the message, which live in the arena. */
void quality_tally_message(const struct quality_tally *tally, Isobar__V1__CityState *message, struct arena *arena);
/* Takes them, validated, into an uninitialised `tally`; ERR_INVALID leaves it empty. */
int quality_tally_take(struct quality_tally *tally, const Isobar__V1__CityState *message)
    __attribute__((warn_unused_result));

#endif
