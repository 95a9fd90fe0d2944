/*
 * What the readings of a city stand for (docs/semantics.md, "Precipitation and covered time"): rain and snow are
 * trailing amounts over a period, so each row of a chain stands only for the stretch since the row before it, and for
 * its period at most. A trail is a city's rows in order of time; a walk over it tells, pane by pane, the parts of all
 * stretches that lie in a region. Pure.
 *
 * Parts over any cut of the time add up to the whole in integers: the amount of a stretch up to x is
 * F(x) = round(v (x - (t - P)) / P), half away from zero, and a span gets a difference of two F.
 */
#ifndef ISOBAR_TRAIL_H
#define ISOBAR_TRAIL_H

#include "parts.h"
#include "window.h"

#include <stdbool.h>
#include <stdint.h>

#define TRAIL_COVERED_S      3600  /* what a row stands for at most */
#define TRAIL_ACCUMULATION_S 86400 /* longest period of rain and snow that is believed */

/* Chains of rows; each has stretches of its own. */
enum { TRAIL_COVERED, TRAIL_RAIN, TRAIL_SNOW, TRAIL_CHAINS };

struct trail_row {
    int64_t at_ms;
    struct pane_entry entry;
};

struct trail {
    struct trail_row *rows; /* ascending by (at, provider) */
    int32_t count, capacity;
    int64_t last_ms[TRAIL_CHAINS]; /* newest row of each chain before them; 0: none */
};

/* Seconds that a reading covers in a chain; 0 when it is not in that chain. */
int32_t trail_period_s(const struct pane_entry *entry, int chain);
/* The longest period of rain and snow that the reading covers, in s; 0 when it is in neither chain. */
int32_t trail_accumulation_s(const struct pane_entry *entry);
/* Raises `last_ms` to the newest row of each chain in the pane. */
void trail_newest(const struct pane *pane, int64_t last_ms[TRAIL_CHAINS]);

/* Forgets all rows and keeps the room. */
void trail_clear(struct trail *trail);
/* Frees it; as after {0}, which is an empty trail. */
void trail_release(struct trail *trail);
/* Appends the readings of a pane that begins after all rows taken before. */
void trail_take(struct trail *trail, const struct pane *pane);
/* Place of the row with that time and provider; -1 when there is none. */
int32_t trail_find(const struct trail *trail, int64_t at_ms, int32_t provider);
/* Takes the row at that place out. */
void trail_drop(struct trail *trail, int32_t at);

/* ---- walking ---- */

struct trail_region {
    int64_t from_ms, to_ms; /* only parts between them are told */
    int64_t pane_ms;        /* length of the slots, which begin at multiples of it */
};

/* The rest of a stretch of one chain. */
struct trail_stretch {
    int64_t from_ms, to_ms; /* not told yet; from == to: there are none left */
    int64_t start_ms;       /* of the period: t - P */
    int64_t period_ms;
    int64_t amount_um;
    int64_t last_ms; /* the chain's newest row so far */
    int32_t next;    /* row to go on with */
};

struct trail_walk {
    const struct trail *trail; /* borrowed; must not change meanwhile */
    struct trail_region region;
    int32_t without;
    struct trail_stretch chains[TRAIL_CHAINS];
};

/* Begins a walk over the region as if the row at place `without` were not there; -1: with all rows. */
void trail_walk(struct trail_walk *walk, const struct trail *trail, const struct trail_region *region, int32_t without);
/* The parts in the next slot that has any, in ascending order, and its start. False at the end. */
bool trail_next(struct trail_walk *walk, int64_t *slot_ms, struct parts *parts);

#endif
