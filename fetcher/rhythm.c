/* See rhythm.h. Integer arithmetic on a few numbers per city; it keeps no samples and has no clock. */
#include "rhythm.h"

#include <stdlib.h>

#define SPAN_MAX_MS     (INT64_C(7) * 24 * 3600 * 1000) /* of steps and delays; longer ones are no rhythm */
#define ALIKE_PARTS     4  /* steps that differ by less than this part are alike; so near its slot is a reading in it */
#define ALIKE_NEEDED    2  /* steps like the one before that make a period */
#define ALIKE_SWITCH    4  /* the same, where another period is known */
#define STRAYS_MAX      4  /* readings between slots in a row, after which all is learnt anew */
#define SET_BACK_POLLS  6  /* without news and a time older by more than a cadence: the source's clock was set back */
#define ALERT_POLLS     4  /* at the cadence, after something unexpected */
#define FOLLOWS_PERCENT 60 /* from so much on the source has something new at any time */
#define RESTS_MAX       8  /* long waits in a row without a poll in between */
#define PATIENCE_FIRST  4  /* hits before a poll aims lower, at first */
#define PATIENCE_LAST   64 /* and at most */
#define BOUND_PATIENCE  4  /* times as many where that leaves a reading out */
#define LOWER_PARTS     4  /* of what is not known of the delay: by so much a poll aims lower */
#define RAISED_MAX      3  /* doublings of the step by which `good` is raised */
/* Parts of a cadence. */
#define FINE_PARTS    60 /* so well is the delay known at best */
#define RAISE_PARTS   16 /* the first step by which `good` is raised */
#define FORGET_PARTS  8  /* `bad` is forgotten until it is so far from `good` */
#define DEAR_PARTS    6  /* so much unknown of a delay is worth a reading */
#define MOVE_PARTS    4  /* a poll is moved towards the next slot by so much at most */
#define BEHIND_PARTS  2  /* so long after a reading can be fetched is good enough where polls cannot come earlier */
#define SETTLED_PARTS 5  /* of that: the same, after PATIENCE_LAST hits */
#define BEHIND_MIN_MS 2000

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static void count(uint8_t *counter)
{
    *counter = *counter == UINT8_MAX ? UINT8_MAX : (uint8_t)(*counter + 1);
}

static bool alike(int64_t step, int64_t other)
{
    int64_t longer = step > other ? step : other;
    return llabs(step - other) <= longer / ALIKE_PARTS;
}

bool rhythm_known(const struct rhythm *rhythm)
{
    return rhythm->period_ms > 0;
}

/* ---- when in a slot to ask ---- */

static int64_t fine_ms(const struct rhythm_limits *limits)
{
    return limits->cadence_ms / FINE_PARTS;
}

/* So long after a reading can be fetched is good enough. */
static int64_t near_ms(const struct rhythm_limits *limits)
{
    int64_t part = limits->cadence_ms / BEHIND_PARTS;
    return part > BEHIND_MIN_MS ? part : BEHIND_MIN_MS;
}

/* True when a poll can come earlier in its slot only by leaving a reading out: the cadence is about the period. */
static bool bound(const struct rhythm *rhythm, const struct rhythm_limits *limits)
{
    return rhythm->period_ms < limits->cadence_ms + limits->cadence_ms / MOVE_PARTS &&
           rhythm->good_ms - rhythm->bad_ms > limits->cadence_ms / DEAR_PARTS;
}

/*
 * By how much the next poll aims lower than what was enough; 0: not at all. Where that costs a reading it is tried less
 * often, and then it halves what is not known.
 */
static int64_t lower_ms(const struct rhythm *rhythm, const struct rhythm_limits *limits)
{
    int64_t unknown = rhythm->good_ms - rhythm->bad_ms, part = unknown / LOWER_PARTS, patience = rhythm->patience;
    if (unknown <= 2 * fine_ms(limits))
        return 0;
    if (bound(rhythm, limits)) {
        patience = patience * BOUND_PATIENCE < PATIENCE_LAST ? patience * BOUND_PATIENCE : PATIENCE_LAST;
        part = unknown / 2;
    }
    part = part > fine_ms(limits) ? part : fine_ms(limits);
    return rhythm->hits >= patience ? part : 0;
}

/* How long after a slot to ask. */
static int64_t aim_ms(const struct rhythm *rhythm, const struct rhythm_limits *limits)
{
    return rhythm->good_ms - lower_ms(rhythm, limits);
}

static void not_enough(struct rhythm *rhythm, int64_t delay_ms)
{
    if (delay_ms > rhythm->bad_ms)
        rhythm->bad_ms = (int32_t)clamp(delay_ms, -SPAN_MAX_MS, rhythm->good_ms - 1);
}

/* A reading was there so long after its slot, and was not at the poll before. */
static void enough(struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t delay_ms, int64_t before_ms)
{
    int64_t fine = fine_ms(limits), aim = aim_ms(rhythm, limits);
    if (before_ms >= rhythm->good_ms) {
        int64_t raised = rhythm->good_ms + ((limits->cadence_ms / RAISE_PARTS) << rhythm->raised);
        rhythm->good_ms = (int32_t)(delay_ms < raised ? delay_ms : raised);
        rhythm->raised = (uint8_t)(rhythm->raised < RAISED_MAX ? rhythm->raised + 1 : RAISED_MAX);
        rhythm->hits = 0;
    } else if (before_ms < aim) {
        if (delay_ms < rhythm->good_ms && delay_ms >= aim - fine) {
            rhythm->good_ms = (int32_t)delay_ms;
            rhythm->patience = (uint8_t)clamp(rhythm->patience / 2, PATIENCE_FIRST, PATIENCE_LAST);
            rhythm->hits = 0;
        }
        rhythm->raised = 0;
        count(&rhythm->hits);
        if (rhythm->good_ms - rhythm->bad_ms < limits->cadence_ms / FORGET_PARTS)
            rhythm->bad_ms -= (int32_t)(fine / PATIENCE_FIRST); /* forgotten slowly, and not altogether */
    }
    not_enough(rhythm, before_ms);
}

/* ---- readings ---- */

/* A period of which nothing but the last reading is known. */
static void adopt(struct rhythm *rhythm, int64_t observed_ms, int64_t asked_ms)
{
    int64_t delay = asked_ms - observed_ms, before = rhythm->asked_ms - observed_ms;
    rhythm->period_ms = rhythm->step_ms;
    rhythm->anchor_ms = observed_ms;
    rhythm->good_ms = (int32_t)delay;
    rhythm->bad_ms = (int32_t)clamp(before, delay - rhythm->period_ms, delay - 1);
    rhythm->patience = PATIENCE_FIRST;
    rhythm->strays = rhythm->raised = 0;
    rhythm->follows = 0;
    rhythm->hits = PATIENCE_LAST; /* nothing is known of the delay yet: it is looked for at once */
}

/* The step to a new reading; true when it made a period. */
static bool step(struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t step_ms)
{
    if (step_ms < limits->floor_ms / 2 || step_ms > SPAN_MAX_MS)
        return false; /* the same reading from another of the source's servers, or the end of a silence */
    if (alike(step_ms, rhythm->step_ms)) {
        count(&rhythm->alike);
        rhythm->step_ms += (int32_t)((step_ms - rhythm->step_ms) / 2);
    } else {
        rhythm->alike = 0;
        rhythm->step_ms = (int32_t)step_ms;
    }
    if (!rhythm_known(rhythm))
        return rhythm->alike >= ALIKE_NEEDED;
    return rhythm->alike >= ALIKE_SWITCH && !alike(rhythm->step_ms, rhythm->period_ms);
}

/*
 * Learns whether readings follow the polls: where a poll came at another time than a period after the last, a source
 * with slots says the slot's time all the same; one that has something new at any time says as much more.
 */
static void follow(struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t error_ms, int64_t asked_ms)
{
    int64_t moved = asked_ms - rhythm->asked_ms - rhythm->period_ms, percent = rhythm->follows * 63 / 64;
    if (llabs(moved) > limits->cadence_ms / RAISE_PARTS)
        percent = rhythm->follows + (clamp(100 * error_ms / moved, -100, 200) - rhythm->follows) / 4;
    rhythm->follows = (int8_t)clamp(percent, -100, 100);
}

/* A new reading while a period is known. */
static enum rhythm_outcome place(struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t observed_ms,
                                 int64_t asked_ms)
{
    int64_t period = rhythm->period_ms, slots = (observed_ms - rhythm->anchor_ms + period / 2) / period;
    int64_t slot = rhythm->anchor_ms + slots * period, error = observed_ms - slot, aim = aim_ms(rhythm, limits);
    int64_t tolerance = period / ALIKE_PARTS; /* nothing comes between slots that are hardly a cadence apart */
    tolerance = tolerance > limits->cadence_ms / 2 ? tolerance : limits->cadence_ms / 2;
    if (llabs(error) > tolerance) {
        rhythm->alert = ALERT_POLLS;
        count(&rhythm->strays);
        if (rhythm->strays >= STRAYS_MAX)
            rhythm->period_ms = rhythm->alike = 0;
        return RHYTHM_UNTOLD;
    }
    if (slots < 1)
        return RHYTHM_UNTOLD; /* the last one again, corrected */
    int64_t before = clamp(rhythm->asked_ms - slot, -SPAN_MAX_MS, SPAN_MAX_MS);
    int64_t delay = clamp(asked_ms - slot, -SPAN_MAX_MS, SPAN_MAX_MS);
    enough(rhythm, limits, delay, before);
    follow(rhythm, limits, error, asked_ms);
    rhythm->strays = 0;
    rhythm->anchor_ms = slot + error / 2;
    rhythm->period_ms += (int32_t)(error / (8 * slots));
    return delay >= aim && before < aim ? RHYTHM_HIT : RHYTHM_UNTOLD;
}

static enum rhythm_outcome news(struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t observed_ms,
                                int64_t asked_ms)
{
    enum rhythm_outcome outcome = RHYTHM_UNTOLD;
    bool first = rhythm->newest_ms == 0, made = !first && step(rhythm, limits, observed_ms - rhythm->newest_ms);
    if (made && llabs(asked_ms - observed_ms) <= SPAN_MAX_MS)
        adopt(rhythm, observed_ms, asked_ms);
    else if (rhythm_known(rhythm))
        outcome = place(rhythm, limits, observed_ms, asked_ms);
    if (rhythm->quiet >= RHYTHM_QUIET)
        rhythm->alert = ALERT_POLLS;
    rhythm->quiet = 0;
    rhythm->newest_ms = observed_ms;
    return outcome;
}

static enum rhythm_outcome nothing_new(struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t observed_ms,
                                       int64_t asked_ms)
{
    count(&rhythm->quiet);
    if (rhythm->quiet >= SET_BACK_POLLS && rhythm->newest_ms - observed_ms > limits->cadence_ms) {
        *rhythm = (struct rhythm){.newest_ms = observed_ms};
        return RHYTHM_UNTOLD;
    }
    int64_t aim = aim_ms(rhythm, limits), since = asked_ms - rhythm->anchor_ms - aim;
    if (!rhythm_known(rhythm) || since < rhythm->period_ms)
        return RHYTHM_UNTOLD;
    int64_t slot = rhythm->anchor_ms + since / rhythm->period_ms * rhythm->period_ms;
    if (rhythm->asked_ms - slot >= aim)
        return RHYTHM_UNTOLD; /* that was known */
    if (lower_ms(rhythm, limits) > 0) {
        not_enough(rhythm, asked_ms - slot);
        rhythm->patience = (uint8_t)clamp(rhythm->patience * 2, PATIENCE_FIRST, PATIENCE_LAST);
    }
    rhythm->hits = 0;
    return RHYTHM_MISS;
}

enum rhythm_outcome rhythm_saw(struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t observed_ms,
                               int64_t asked_ms)
{
    int64_t cadence = limits->cadence_ms, gap = rhythm->asked_ms ? asked_ms - rhythm->asked_ms : cadence;
    rhythm->credit_ms = (int32_t)clamp(rhythm->credit_ms + gap - cadence, 0, RHYTHM_CREDIT * cadence);
    rhythm->alert = (uint8_t)(rhythm->alert ? rhythm->alert - 1 : 0);
    bool probe = rhythm_known(rhythm) &&
                 asked_ms - rhythm->anchor_ms < rhythm->period_ms + aim_ms(rhythm, limits) - fine_ms(limits);
    if (probe)
        rhythm->rests = 0;
    else if (gap > cadence + cadence / MOVE_PARTS)
        count(&rhythm->rests);
    enum rhythm_outcome outcome = observed_ms > rhythm->newest_ms ? news(rhythm, limits, observed_ms, asked_ms)
                                                                  : nothing_new(rhythm, limits, observed_ms, asked_ms);
    rhythm->asked_ms = asked_ms;
    return outcome;
}

/* ---- the next poll ---- */

/*
 * True when a poll that can come only so long after what is aimed at is better moved to the next slot. A reading is
 * left out then, which must pay: the last one was older than need be by much, or by less for many polls.
 */
static bool worth_moving(const struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t behind_ms)
{
    int64_t older = rhythm->asked_ms - rhythm->newest_ms - rhythm->good_ms, lower = lower_ms(rhythm, limits);
    int64_t settled = near_ms(limits) / SETTLED_PARTS;
    if (lower > 0 && bound(rhythm, limits))
        return behind_ms > fine_ms(limits);
    return (behind_ms > near_ms(limits) && older > near_ms(limits)) ||
           (rhythm->hits >= PATIENCE_LAST && behind_ms - lower > settled && older > settled);
}

/* When the next slot's reading is to be there, if it can be asked for then, else as soon as it is worth it. */
static int64_t expected_ms(const struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t begun_ms, bool late)
{
    int64_t cadence = limits->cadence_ms, earliest = begun_ms + cadence - rhythm->credit_ms;
    earliest = earliest < begun_ms + limits->floor_ms ? begun_ms + limits->floor_ms : earliest;
    int64_t expected = rhythm->anchor_ms + rhythm->period_ms + aim_ms(rhythm, limits);
    if (expected >= earliest)
        return expected;
    int64_t behind = (earliest - expected) % rhythm->period_ms, wait = rhythm->period_ms - behind;
    if (late || !worth_moving(rhythm, limits, behind))
        return earliest;
    return earliest + (wait < cadence / MOVE_PARTS ? wait : cadence / MOVE_PARTS);
}

/* A poll before the expected one: while something unexpected may come, and when the wait would be too long. */
static int64_t between_ms(const struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t begun_ms,
                          int64_t due_ms)
{
    int64_t cadence = limits->cadence_ms, wait = due_ms - begun_ms;
    if (wait <= cadence + cadence / MOVE_PARTS)
        return due_ms;
    if (rhythm->alert > 0)
        return begun_ms + cadence;
    int64_t parts = (wait + RHYTHM_REST * cadence - 1) / (RHYTHM_REST * cadence);
    if (parts == 1 && rhythm->rests >= RESTS_MAX && wait >= 2 * limits->floor_ms)
        parts = 2;
    return begun_ms + wait / parts;
}

int64_t rhythm_next(const struct rhythm *rhythm, const struct rhythm_limits *limits, int64_t begun_ms, bool late)
{
    int64_t cadence = limits->cadence_ms, due = begun_ms + cadence, silent = 0;
    if (rhythm_known(rhythm) && rhythm->follows < FOLLOWS_PERCENT)
        due = between_ms(rhythm, limits, begun_ms, expected_ms(rhythm, limits, begun_ms, late));
    if (rhythm->quiet >= RHYTHM_QUIET)
        silent = begun_ms + (rhythm->quiet >= 3 * RHYTHM_QUIET ? RHYTHM_REST : RHYTHM_REST - 1) * cadence;
    due = due < silent ? silent : due;
    return clamp(due, begun_ms + limits->floor_ms, begun_ms + RHYTHM_REST * cadence);
}
