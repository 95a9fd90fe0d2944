/*
 * Whether a source (one product of a provider) still gives what it gave: three named alarms, of one fetcher's view.
 * Pure; times are monotonic ms, so that a clock that is set raises nothing.
 *
 *   source_stale    calls succeed, but the newest reading of all cities is old: data that looks live and is not
 *   schema_changed  answers have another shape, or lack values that most cities had
 *   source_failing  calls are made, and none succeeds
 *
 * They do not flap: an alarm is raised at one level and cleared at a better one that has held for a while. Of places of
 * which nothing is known, and of calls that are not made (no share, no Kafka), nothing is concluded.
 */
#ifndef FETCHER_SOURCE_HEALTH_H
#define FETCHER_SOURCE_HEALTH_H

#include "buf.h"
#include "observation.h"
#include "provider.h"

#include <stdbool.h>
#include <stdint.h>

enum source_alarm { SOURCE_STALE, SOURCE_CHANGED, SOURCE_FAILING, SOURCE_ALARMS };

#define SOURCE_STALE_INTERVALS 4  /* so old is the newest reading, or the last success, when an alarm is raised */
#define SOURCE_FRESH_INTERVALS 2  /* and so old at most when it is cleared */
#define SOURCE_STALE_HOLD      3  /* intervals for which it must be fresh: longer than a source that stutters is */
#define SOURCE_FAILURES        3  /* failed calls at least, before source_failing */
#define SOURCE_LEARN_ROWS      64 /* rows before it is known what is usual */
#define SOURCE_WINDOW_MIN      32 /* rows that "lately" means, or as many as there are cities */
#define SOURCE_USUAL_PERCENT   60 /* of the rows had a value: most cities do */
#define SOURCE_SHAPES_BAD      50 /* percent of answers of another shape that raise schema_changed */
#define SOURCE_SHAPES_GOOD     10 /* and at most when it is cleared */

/* How often something is so, 1/65536. */
struct source_field {
    int32_t usual, lately;
};

struct source_latch {
    bool raised;
    int64_t since_ms; /* raised since */
    int64_t good_ms;  /* while raised: since when all is good, 0: it is not */
};

struct source_health {
    int64_t interval_ms;
    int32_t window;      /* rows that `lately` means */
    bool has_reading;    /* newest_ms is of one, not of the start */
    int64_t newest_ms;   /* when the newest reading was observed */
    int64_t answered_ms; /* last success, or the start */
    int64_t failures;    /* since then */
    enum fetch_status failure;
    int64_t rows;
    int32_t shapes; /* answers of another shape, 1/65536 lately */
    struct source_field fields[OBSERVATION_VALUES];
    struct source_latch latches[SOURCE_ALARMS];
};

/* All is well at first. A source has something new each `interval_ms`. */
void source_health_init(struct source_health *health, int64_t interval_ms, int64_t now_ms);
/* How many cities are asked for: "lately" is as long as it takes to hear of all of them. */
void source_health_cities(struct source_health *health, int64_t cities);
/* A call, or one place of it, ended so. */
void source_health_answer(struct source_health *health, enum fetch_status status, int64_t now_ms);
/* A reading that the source gave, new or not, fetched now. */
void source_health_row(struct source_health *health, const struct observation *row, int64_t now_ms);
/* Once a second. The alarms that were raised or cleared, as bits of enum source_alarm. */
unsigned source_health_tick(struct source_health *health, int64_t now_ms);
/* True while it is raised. */
bool source_health_raised(const struct source_health *health, enum source_alarm alarm);
/* How old the newest reading is, ms; -1: there was none. */
int64_t source_health_newest_ms(const struct source_health *health, int64_t now_ms);

/* "source_stale", "schema_changed" or "source_failing". */
const char *source_alarm_name(enum source_alarm alarm);
/* Appends what is the case now, in one line: "the newest reading is 43 min old, though calls succeed". */
void source_alarm_text(const struct source_health *health, enum source_alarm alarm, int64_t now_ms, struct buf *out);
/* What to do about it, one line. */
const char *source_alarm_advice(enum source_alarm alarm);

#endif
