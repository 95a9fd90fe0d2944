/*
 * How often a city's readings really change and how long after that they can be fetched, learnt from the answers. Pure:
 * times are parameters, in ms of one clock that runs evenly; `observed` is by the source's clock, which may be off by
 * any amount as long as it stays so: the difference is part of the delay.
 *
 * A reading is expected at slots, `period` apart, and can be fetched `delay` later. Three alike steps of observed-at
 * make a period; where one is known five must be alike to make another. Of the delay two bounds are known: `good` was
 * enough lately, `bad` was not. Polls aim at a slot plus `good`; after a number of hits in a row one aims lower,
 * between the two, and each time that is too low the number doubles, so that exploring costs little. A miss at `good`
 * raises it by a step that doubles. A reading between slots (a METAR special) leaves the slots alone and makes the next
 * polls come at the cadence; four of them in a row, and everything is learnt anew, at the cadence.
 *
 * Promises of rhythm_next(), whatever a source does:
 * - two polls are never nearer than `floor`, and in the long run not more often than one per cadence: nearer ones are
 *   paid by time that was saved before, RHYTHM_CREDIT cadences at most;
 * - two polls are at most a cadence and a quarter apart while something may have come: nothing is known, a reading is
 *   overdue, or something came unexpectedly. They are further apart only while the source has nothing by its rhythm, or
 *   has been silent for RHYTHM_QUIET polls (two cadences then, three after as many polls twice more), and
 *   never more than RHYTHM_REST cadences.
 */
#ifndef FETCHER_RHYTHM_H
#define FETCHER_RHYTHM_H

#include <stdbool.h>
#include <stdint.h>

#define RHYTHM_REST   3  /* cadences between two polls, at most */
#define RHYTHM_CREDIT 2  /* cadences that can be saved up */
#define RHYTHM_QUIET  72 /* answers in a row without anything new, after which polls come rarer */

/* What polls of a source must keep to. */
struct rhythm_limits {
    int64_t floor_ms;   /* > 0: the source has nothing new more often */
    int64_t cadence_ms; /* >= floor_ms: time between two polls without a rhythm */
};

/* What is known of a city. Zero-initialise; zero again forgets. One per city: keep it small. */
struct rhythm {
    int64_t newest_ms; /* observed-at of the newest reading; 0 none yet */
    int64_t anchor_ms; /* the last slot in which a reading came */
    int64_t asked_ms;  /* the last poll that was answered */
    int32_t period_ms; /* between two slots; 0: not known */
    int32_t step_ms;   /* between the last readings, smoothed while they are alike */
    int32_t good_ms, bad_ms;
    int32_t credit_ms; /* time saved by polls that came later than the cadence */
    uint8_t alike;     /* steps in a row that were like the one before */
    uint8_t strays;    /* readings in a row outside all slots */
    uint8_t quiet;     /* answers in a row without a new reading */
    uint8_t alert;     /* polls that still come at the cadence, since something unexpected came */
    uint8_t hits;      /* since a poll last aimed lower than `good` */
    uint8_t patience;  /* hits before the next that does */
    uint8_t raised;    /* slots in a row in which `good` was not enough */
    int8_t follows;    /* how much of a shift of polls was found in the readings' times, percent */
    uint8_t rests;     /* long waits since the last poll in the middle of one */
};

_Static_assert(sizeof(struct rhythm) <= 64, "10,000 of these are held");

enum rhythm_outcome {
    RHYTHM_UNTOLD, /* nothing was expected at this poll */
    RHYTHM_HIT,    /* a new reading, at the first poll after the expected time */
    RHYTHM_MISS,   /* nothing new though it was expected */
    RHYTHM_OUTCOMES
};

/*
 * An answer to a poll that began at `asked_ms` has `observed_ms` as the time of its newest reading; one that is not
 * newer than all before says that there was nothing new. Polls are told in the order in which they began.
 */
enum rhythm_outcome rhythm_saw(struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t observed_ms,
                               int64_t asked_ms);
/* True when a period is known, so that rhythm_next() says more than the cadence does. */
bool rhythm_known(const struct rhythm *rhythm);
/*
 * When to poll next after the poll that began at `begun_ms`. `late`: that poll began much later than it was due, for
 * want of calls; then nothing is moved for the sake of its place between the slots. Meant for a rhythm that is known;
 * otherwise the cadence, or more for a source that is silent.
 */
int64_t rhythm_next(const struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t begun_ms, bool late);

#endif
