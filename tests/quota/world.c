/* See world.h. */
#include "world.h"

#include "duration.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define START_MS     INT64_C(1790000000000)
#define BRISK_FOR_MS (4 * DURATION_MINUTE)

int64_t world_between(struct world *world, int64_t low, int64_t high)
{
    return low + jitter_below(&world->random, high - low + 1);
}

static void start(struct world *world, struct fetcher *fetcher)
{
    struct poll *polls = fetcher->polls;
    size_t cities = (size_t)world->config.cities;
    schedule_release(&fetcher->schedule);
    *fetcher = (struct fetcher){.alive = true, .incarnation = ++world->incarnations};
    fetcher->ahead_ms = world_between(world, 0, DURATION_DAY) - world->now_ms; /* monotonic clocks begin anywhere */
    meter_init(&fetcher->meter, world->now_ms + fetcher->ahead_ms);
    if (cities == 0)
        return;
    fetcher->polls = polls ? polls : mem_calloc(cities, sizeof *polls);
    memset(fetcher->polls, 0, cities * sizeof *polls);
    schedule_init(&fetcher->schedule, world->config.interval_ms, -fetcher->ahead_ms,
                  world->config.seed + (uint64_t)fetcher->incarnation);
}

/* ---- calls ---- */

/* There is room for a place at least, and a city that is due. */
static void begin_call(struct world *world, struct fetcher *fetcher, int64_t at_ms)
{
    const struct config *config = &world->config;
    struct flight *flight = &fetcher->flights[fetcher->running++];
    int64_t room = meter_room(&fetcher->meter, at_ms + fetcher->ahead_ms) / config->call_milli;
    int64_t places = config->cities ? config->places_max : world_between(world, 1, config->places_max);
    int64_t last_ms = 50 + world_between(world, 0, 750);
    places = places < room ? places : room;
    flight->count = 0;
    if (config->cities) {
        cities_gather(world, fetcher, flight, places, at_ms);
        places = flight->count;
    }
    last_ms = world_between(world, 0, 99) == 0 ? 10000 : last_ms; /* a slow one */
    flight->weight = places * config->call_milli;
    flight->ends_ms = at_ms + last_ms;
    meter_begin(&fetcher->meter, flight->weight, at_ms + fetcher->ahead_ms);
    api_arrive(&world->api, at_ms + world_between(world, 0, last_ms), flight->weight);
}

static int first_end(const struct fetcher *fetcher)
{
    int first = 0;
    for (int i = 1; i < fetcher->running; i++)
        first = fetcher->flights[i].ends_ms < fetcher->flights[first].ends_ms ? i : first;
    return first;
}

static void end_call(struct world *world, struct fetcher *fetcher, int i)
{
    struct flight *flight = &fetcher->flights[i];
    meter_end(&fetcher->meter, flight->weight, flight->ends_ms + fetcher->ahead_ms);
    cities_answered(world, fetcher, flight);
    if (i != --fetcher->running)
        *flight = fetcher->flights[fetcher->running];
}

/* When the next call may start, from `at_ms` on. */
static int64_t next_start(const struct world *world, struct fetcher *fetcher, int64_t at_ms)
{
    int64_t own_ms = at_ms + fetcher->ahead_ms, due_ms = own_ms;
    if (world->config.cities && schedule_due_ms(&fetcher->schedule) > due_ms)
        due_ms = schedule_due_ms(&fetcher->schedule);
    if (fetcher->running == CALLS_MAX || due_ms == INT64_MAX)
        return INT64_MAX;
    int64_t retry_ms = meter_retry_ms(&fetcher->meter, world->config.call_milli, own_ms);
    retry_ms = retry_ms > due_ms ? retry_ms : due_ms;
    return retry_ms == INT64_MAX ? INT64_MAX : retry_ms - fetcher->ahead_ms;
}

/* What the fetcher does up to `until_ms`. */
static void run(struct world *world, struct fetcher *fetcher, int64_t until_ms)
{
    int64_t at_ms = until_ms - world->step_ms;
    while (at_ms < until_ms) {
        int64_t start_ms = next_start(world, fetcher, at_ms);
        int first = first_end(fetcher);
        if (fetcher->running && fetcher->flights[first].ends_ms <= (start_ms < until_ms ? start_ms : until_ms - 1)) {
            at_ms = fetcher->flights[first].ends_ms > at_ms ? fetcher->flights[first].ends_ms : at_ms;
            end_call(world, fetcher, first);
        } else if (start_ms > at_ms) {
            at_ms = start_ms < until_ms ? start_ms : until_ms;
        } else {
            begin_call(world, fetcher, at_ms);
        }
    }
}

/* ---- time ---- */

static void tick(struct world *world)
{
    const struct config *config = &world->config;
    world->step_ms = config->cities && world->now_ms < world->brisk_until_ms ? BRISK_MS : TICK_MS;
    world->now_ms += world->step_ms;
    for (int i = 0; i < FETCHERS; i++) {
        if (world->fetchers[i].alive)
            run(world, &world->fetchers[i], world->now_ms);
    }
    api_count(&world->api, world->now_ms - TICK_MS);
    if (config->fault_ms && world->now_ms >= world->next_fault_ms) {
        fault_any(world);
        world->next_fault_ms = world->now_ms + world_between(world, 1, 2 * config->fault_ms);
        world->brisk_until_ms = world->now_ms + BRISK_FOR_MS;
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
    world->config.settled_ms += START_MS;
    world->brisk_until_ms = START_MS + BRISK_FOR_MS;
    jitter_init(&world->random, config->seed);
    if (limits_parse(config->limits, strlen(config->limits), &limits, &error) != 0)
        abort();
    api_init(&world->api, &limits);
    world->next_fault_ms = START_MS + (config->fault_ms ? world_between(world, 1, 2 * config->fault_ms) : 0);
    for (int s = 0; s < SHARDS; s++)
        world->owners[s].fetcher = -1;
    lead_anew(world, 0);
    while (world->now_ms < START_MS + config->days * DURATION_DAY)
        tick(world);
    api_count(&world->api, INT64_MAX);
    cities_end(world);
}

void world_release(struct world *world)
{
    quota_ledger_release(&world->ledger);
    api_release(&world->api);
    for (int i = 0; i < NOTES; i++)
        quota_ledger_release(&world->note[i]);
    for (int i = 0; i < FETCHERS; i++) {
        schedule_release(&world->fetchers[i].schedule);
        free(world->fetchers[i].polls);
    }
}
