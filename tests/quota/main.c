/*
 * isobar-quota: plays months (world.h) and prints a line for each, and the figures that tests/run.py writes down:
 *
 *   isobar-quota [--mutant] [--seed N]
 *
 * Exit code 1 when a call exceeded a limit. The mutant forgets what was used when the leader changes; it must.
 */
#include "world.h"

#include "cadence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR           INT64_C(3600000)
#define OPENWEATHERMAP .limits = "60/m,1000000/mo", .call_milli = 1000, .places_max = 1, .days = 31
#define OPEN_METEO     .limits = "600/m,5000/h,10000/d", .call_milli = 1400, .places_max = 10, .days = 31
/* As many cities as the planner says fit; fetchers, leaders and Redis are killed every four hours. */
#define KILLS .settled_ms = HOUR, .fault_ms = 4 * HOUR, .restarts = true

struct month {
    const char *name;
    double quota; /* units of a month; 0: its use is no figure */
    struct config config;
};

static const struct month months[] = {
    {"openweathermap, 1 fetcher", 1e6, {OPENWEATHERMAP, .fetchers = 1}},
    {"openweathermap, 16 fetchers", 1e6, {OPENWEATHERMAP, .fetchers = 16}},
    {"open-meteo, 1 fetcher", 310000, {OPEN_METEO, .fetchers = 1}},
    {"open-meteo, 16 fetchers", 310000, {OPEN_METEO, .fetchers = 16}},
    {"by the hour, 3 fetchers",
     1000.0 * 24 * 7,
     {.limits = "60/m,1000/h", .call_milli = 1000, .places_max = 1, .days = 7, .fetchers = 3}},
    {"openweathermap, 212 cities, 1",
     0,
     {OPENWEATHERMAP, .fetchers = 1, KILLS, .cities = 212, .interval_ms = HOUR / 6}},
    {"openweathermap, 212 cities, 16",
     0,
     {OPENWEATHERMAP, .fetchers = 16, KILLS, .cities = 212, .interval_ms = HOUR / 6}},
    {"open-meteo, 70 cities, 1", 0, {OPEN_METEO, .fetchers = 1, KILLS, .cities = 70, .interval_ms = HOUR / 4}},
    {"open-meteo, 70 cities, 16", 0, {OPEN_METEO, .fetchers = 16, KILLS, .cities = 70, .interval_ms = HOUR / 4}},
    {"openweathermap, all faults", 0, {OPENWEATHERMAP, .fetchers = 8, .fault_ms = HOUR / 2, .losses = true}},
    {"open-meteo, all faults", 0, {OPEN_METEO, .fetchers = 8, .fault_ms = HOUR / 2, .losses = true}},
    {"tight, all faults",
     0,
     {.limits = "30/m,300/h,4000/d,60000/mo",
      .call_milli = 1400,
      .places_max = 2,
      .days = 31,
      .fetchers = 8,
      .fault_ms = HOUR / 6,
      .losses = true}},
};
#define MONTHS (sizeof months / sizeof *months)

struct figures {
    int64_t over, calls, faults;
    double usable, oldest; /* percent: the least of the quota, and the greatest age of a city, of the age promised */
};

static void tell_most(const struct api *api)
{
    for (enum limit_window w = 0; w < LIMIT_WINDOWS; w++) {
        if (api->limits.units[w] != LIMIT_NONE)
            printf("  %.1f of %lld/%s", (double)api->most_milli[w] / 1000, (long long)api->limits.units[w],
                   limit_window_name(w));
    }
}

static void play(const struct month *month, const struct config *config, struct figures *figures)
{
    static struct world world;
    world_play(&world, config);
    double used = (double)world.api.total_milli / 1000, usable = month->quota > 0 ? 100 * used / month->quota : 100;
    printf("%-28s %8zu calls, %5lld faults, %4lld over; most", month->name, world.api.count, (long long)world.faults,
           (long long)world.api.over);
    tell_most(&world.api);
    if (month->quota > 0)
        printf("; %.1f%% of the quota", usable);
    if (config->cities)
        printf("; oldest city %.1f s", (double)world.stalest_ms / 1000);
    printf("\n");
    fflush(stdout);
    figures->over += world.api.over;
    figures->calls += (int64_t)world.api.count;
    figures->faults += world.faults;
    figures->usable = usable < figures->usable ? usable : figures->usable;
    double oldest = config->cities ? 100.0 * (double)world.stalest_ms / (double)cadence_age_ms(config->interval_ms) : 0;
    figures->oldest = oldest > figures->oldest ? oldest : figures->oldest;
    world_release(&world);
}

int main(int argc, char **argv)
{
    struct figures figures = {.usable = 100};
    uint64_t seed = 1;
    bool mutant = false;
    for (int i = 1; i < argc; i++) {
        mutant |= strcmp(argv[i], "--mutant") == 0;
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
    }
    for (size_t i = 0; i < MONTHS; i++) {
        struct config config = months[i].config;
        config.seed = seed + i;
        config.forgetful = mutant;
        if (!mutant || config.losses)
            play(&months[i], &config, &figures);
    }
    printf("figures: over %lld, calls %lld, faults %lld, usable %.2f, oldest %.1f\n", (long long)figures.over,
           (long long)figures.calls, (long long)figures.faults, figures.usable, figures.oldest);
    return figures.over > 0;
}
