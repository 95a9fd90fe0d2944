/* See world.h. */
#include "world.h"

#include "duration.h"

#include <stdlib.h>
#include <string.h>

#define START_MS INT64_C(1790000000000)

int64_t world_between(struct world *world, int64_t low, int64_t high)
{
    return low + jitter_below(&world->random, high - low + 1);
}

static void start(struct world *world, struct fetcher *fetcher)
{
    *fetcher = (struct fetcher){.alive = true, .incarnation = ++world->incarnations};
    fetcher->ahead_ms = world_between(world, 0, DURATION_DAY) - world->now_ms; /* monotonic clocks begin anywhere */
    meter_init(&fetcher->meter, world->now_ms + fetcher->ahead_ms);
}

/* ---- calls ---- */

/* The fetcher's city that waits the longest and is due; -1 when none is. Cities are dealt among those that run. */
static int due_city(const struct world *world, int rank, int fetchers, int64_t at_ms)
{
    int oldest = -1;
    for (int c = rank; c < world->config.cities; c += fetchers) {
        if (oldest < 0 || world->asked_ms[c] < world->asked_ms[oldest])
            oldest = c;
    }
    return oldest >= 0 && world->asked_ms[oldest] + world->config.interval_ms <= at_ms ? oldest : -1;
}

static void begin_call(struct world *world, struct fetcher *fetcher, int64_t at_ms, int city)
{
    const struct config *config = &world->config;
    int64_t room = meter_room(&fetcher->meter, at_ms + fetcher->ahead_ms) / config->call_milli;
    int64_t places = world_between(world, 1, config->places_max), last_ms = 50 + world_between(world, 0, 750);
    places = places < room ? places : room;
    last_ms = world_between(world, 0, 99) == 0 ? 10000 : last_ms; /* a time-out */
    fetcher->weights[fetcher->running] = places * config->call_milli;
    fetcher->ends_ms[fetcher->running++] = at_ms + last_ms;
    meter_begin(&fetcher->meter, places * config->call_milli, at_ms + fetcher->ahead_ms);
    api_arrive(&world->api, at_ms + world_between(world, 0, last_ms), places * config->call_milli);
    if (city < 0)
        return;
    int64_t age_ms = at_ms - world->asked_ms[city];
    world->asked_ms[city] = at_ms;
    if (at_ms > START_MS + DURATION_HOUR) /* the first round is a round of its own */
        world->stalest_ms = age_ms > world->stalest_ms ? age_ms : world->stalest_ms;
}

static int first_end(const struct fetcher *fetcher)
{
    int first = 0;
    for (int i = 1; i < fetcher->running; i++)
        first = fetcher->ends_ms[i] < fetcher->ends_ms[first] ? i : first;
    return first;
}

static void end_call(struct fetcher *fetcher, int i)
{
    meter_end(&fetcher->meter, fetcher->weights[i], fetcher->ends_ms[i] + fetcher->ahead_ms);
    fetcher->ends_ms[i] = fetcher->ends_ms[--fetcher->running];
    fetcher->weights[i] = fetcher->weights[fetcher->running];
}

/* When the next call may start, from `at_ms` on. */
static int64_t next_start(const struct world *world, struct fetcher *fetcher, int64_t at_ms)
{
    if (fetcher->running == CALLS_MAX)
        return INT64_MAX;
    int64_t retry_ms = meter_retry_ms(&fetcher->meter, world->config.call_milli, at_ms + fetcher->ahead_ms);
    return retry_ms == INT64_MAX ? INT64_MAX : retry_ms - fetcher->ahead_ms;
}

/* What the fetcher does up to `until_ms`. */
static void run(struct world *world, struct fetcher *fetcher, int rank, int fetchers, int64_t until_ms)
{
    int64_t at_ms = until_ms - TICK_MS;
    while (at_ms < until_ms) {
        int64_t start_ms = next_start(world, fetcher, at_ms);
        int first = first_end(fetcher), city = -1;
        if (fetcher->running && fetcher->ends_ms[first] <= (start_ms < until_ms ? start_ms : until_ms - 1)) {
            at_ms = fetcher->ends_ms[first] > at_ms ? fetcher->ends_ms[first] : at_ms;
            end_call(fetcher, first);
            continue;
        }
        if (start_ms > at_ms) {
            at_ms = start_ms < until_ms ? start_ms : until_ms;
            continue;
        }
        if (world->config.cities && (city = due_city(world, rank, fetchers, at_ms)) < 0)
            at_ms += 500;
        else
            begin_call(world, fetcher, at_ms, city);
    }
}

/* ---- time ---- */

/* Whose cities nobody else has. */
static bool polls(const struct world *world, const struct fetcher *fetcher)
{
    return fetcher->alive && (world->config.cities == 0 || world->now_ms >= fetcher->cut_ms);
}

static void tick(struct world *world)
{
    int fetchers = 0, rank = 0;
    world->now_ms += TICK_MS;
    for (int i = 0; i < FETCHERS; i++)
        fetchers += polls(world, &world->fetchers[i]);
    for (int i = 0; i < FETCHERS; i++) {
        struct fetcher *fetcher = &world->fetchers[i];
        if (polls(world, fetcher))
            run(world, fetcher, rank++, fetchers, world->now_ms);
        else if (fetcher->alive && world->config.cities == 0)
            run(world, fetcher, 0, 1, world->now_ms);
    }
    api_count(&world->api, world->now_ms - TICK_MS);
    if (world->config.fault_ms && world->now_ms >= world->next_fault_ms) {
        fault_any(world);
        world->next_fault_ms = world->now_ms + world_between(world, 1, 2 * world->config.fault_ms);
    }
    for (int i = 0; i < world->wanted; i++) {
        if (!world->fetchers[i].alive && world->now_ms >= world->fetchers[i].again_ms)
            start(world, &world->fetchers[i]);
    }
    lead_tick(world);
}

void world_play(struct world *world, const struct config *config)
{
    struct buf error = BUF_EMPTY;
    struct limits limits;
    *world = (struct world){.config = *config, .now_ms = START_MS, .wanted = config->fetchers};
    jitter_init(&world->random, config->seed);
    if (limits_parse(config->limits, strlen(config->limits), &limits, &error) != 0)
        abort();
    api_init(&world->api, &limits);
    for (int i = 0; i < NOTES; i++)
        buf_init(&world->note[i]);
    for (int i = 0; i < config->cities; i++)
        world->asked_ms[i] = START_MS - config->interval_ms;
    lead_anew(world, 0);
    while (world->now_ms < START_MS + config->days * DURATION_DAY)
        tick(world);
    api_count(&world->api, INT64_MAX);
}

void world_release(struct world *world)
{
    quota_ledger_release(&world->ledger);
    api_release(&world->api);
    for (int i = 0; i < NOTES; i++)
        buf_release(&world->note[i]);
}
