/*
 * isobar-rhythm: what following rhythms saves, on a virtual clock. The fetcher's own schedule polls places for some
 * days, once by their rhythms and then at fixed intervals; what each knew when is compared. Prints one line per source:
 *
 *   SOURCE rhythm CALLS MEAN P95 | cadence CALLS MEAN P95 | same_calls MEAN P95 | same_age INTERVAL CALLS | …
 *
 * CALLS are per place and day; MEAN and P95 (s) are of the age of the newest reading known, over all of the time and
 * places. `cadence` polls as the fetcher does without --rhythm; `same_calls` at the interval that needs as many calls
 * as the rhythm did; `same_age` at the longest interval that is not worse in either figure, whatever the source's floor
 * would say to it.
 */
#include "../../fetcher/schedule.h"
#include "series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND   INT64_C(1000)
#define START    (INT64_C(20000) * 24 * 3600 * SECOND)
#define DAYS     7
#define PLACES   40
#define LATENCY  300          /* ms that a call takes */
#define SAMPLE   (5 * SECOND) /* steps at which ages are looked at, and their resolution */
#define AGES     20000        /* samples' ages up to 100,000 s; older ones count as that */
#define SHORTEST (10 * SECOND)

struct figures {
    int64_t calls, samples, sum_s;
    int64_t ages[AGES];
    int64_t hits, misses, put_off_ms;
};

struct place {
    struct schedule_item item; /* first: the schedule gives it back */
    struct series series;
    size_t cursor;
    int64_t newest_ms, seen_ms; /* known; looked at until */
    struct jitter dice;
};

/* The ages from the last look until `until_ms`, with what was known meanwhile. */
static void look(struct figures *figures, struct place *place, int64_t until_ms)
{
    for (; place->seen_ms < until_ms; place->seen_ms += SAMPLE) {
        int64_t age = place->seen_ms - place->newest_ms;
        if (place->newest_ms == 0 || age < 0)
            continue;
        figures->ages[age / SAMPLE < AGES ? age / SAMPLE : AGES - 1]++;
        figures->sum_s += age / SECOND;
        figures->samples++;
    }
}

static double mean(const struct figures *figures)
{
    return (double)figures->sum_s / (double)figures->samples;
}

static double p95(const struct figures *figures)
{
    int64_t left = figures->samples * 95 / 100;
    size_t i = 0;
    while (i < AGES && (left -= figures->ages[i]) > 0)
        i++;
    return (double)i * (double)SAMPLE / 1000;
}

static double per_day(const struct figures *figures)
{
    return (double)figures->calls / PLACES / DAYS;
}

static void poll_place(struct schedule *schedule, struct place *place, struct figures *figures)
{
    int64_t at = place->item.begun_ms + LATENCY;
    int64_t observed = series_answer(&place->series, at, &place->cursor, &place->dice);
    look(figures, place, at);
    figures->calls++;
    if (observed) {
        place->newest_ms = observed > place->newest_ms ? observed : place->newest_ms;
        schedule_saw(schedule, &place->item, observed);
    }
    schedule_polled(schedule, &place->item, at);
}

static struct place *places_new(enum series_kind kind)
{
    struct place *places = calloc(PLACES, sizeof *places);
    if (!places)
        abort();
    for (uint64_t i = 0; i < PLACES; i++) {
        places[i].seen_ms = START;
        jitter_init(&places[i].dice, i + 1);
        series_make(&places[i].series, kind, i, START, DAYS);
    }
    return places;
}

/* Polls all places from START for DAYS; `floor_ms` 0: at the fixed interval. */
static struct figures *play(enum series_kind kind, int64_t interval_ms, int64_t floor_ms)
{
    struct figures *figures = calloc(1, sizeof *figures);
    struct place *places = places_new(kind);
    struct schedule schedule;
    int64_t end = START + places[0].series.days_ms;
    if (!figures)
        abort();
    schedule_init(&schedule, interval_ms, 0, 1);
    if (floor_ms)
        schedule_follow(&schedule, floor_ms, 0);
    for (size_t i = 0; i < PLACES; i++)
        schedule_add(&schedule, &places[i].item, (int64_t)i * 7919 + 1000000, START);
    for (int64_t now = schedule_due_ms(&schedule); now < end; now = schedule_due_ms(&schedule))
        poll_place(&schedule, (struct place *)(void *)schedule_take(&schedule, now), figures);
    for (size_t i = 0; i < PLACES; i++) {
        look(figures, &places[i], end);
        series_release(&places[i].series);
    }
    figures->hits = schedule.outcomes[RHYTHM_HIT];
    figures->misses = schedule.outcomes[RHYTHM_MISS];
    figures->put_off_ms = schedule.put_off_ms;
    schedule_release(&schedule);
    free(places);
    return figures;
}

/* The longest interval, to a hundredth, at which readings are not older than `than` has them. */
static int64_t same_age(enum series_kind kind, int64_t longest_ms, const struct figures *than)
{
    int64_t low = SHORTEST, high = longest_ms;
    while (high - low > low / 100) {
        int64_t middle = (low + high) / 2;
        struct figures *fixed = play(kind, middle, 0);
        if (mean(fixed) <= mean(than) && p95(fixed) <= p95(than))
            low = middle;
        else
            high = middle;
        free(fixed);
    }
    return low;
}

static void report(enum series_kind kind, int64_t cadence_ms, int64_t floor_ms)
{
    struct figures *rhythm = play(kind, cadence_ms, floor_ms), *cadence = play(kind, cadence_ms, 0);
    int64_t equal = DAYS * 24 * 3600 * SECOND * PLACES / rhythm->calls, longest = 4 * cadence_ms;
    struct figures *calls = play(kind, equal, 0);
    int64_t interval = same_age(kind, longest, rhythm);
    struct figures *age = play(kind, interval, 0);
    printf("%s rhythm %.1f %.0f %.0f | cadence %.1f %.0f %.0f | same_calls %.0f %.0f | same_age %.0f %.1f | hits %.3f "
           "put_off %.1f\n",
           series_name(kind), per_day(rhythm), mean(rhythm), p95(rhythm), per_day(cadence), mean(cadence), p95(cadence),
           mean(calls), p95(calls), (double)interval / 1000, per_day(age),
           (double)rhythm->hits / (double)(rhythm->hits + rhythm->misses ? rhythm->hits + rhythm->misses : 1),
           (double)rhythm->put_off_ms / (double)cadence_ms / PLACES / DAYS);
    free(rhythm);
    free(cadence);
    free(calls);
    free(age);
}

int main(void)
{
    report(SERIES_OPENWEATHERMAP, 600 * SECOND, 600 * SECOND);
    report(SERIES_OPEN_METEO, 900 * SECOND, 900 * SECOND);
    report(SERIES_METAR, 600 * SECOND, 600 * SECOND);
    report(SERIES_STUCK, 600 * SECOND, 600 * SECOND);
    return 0;
}
