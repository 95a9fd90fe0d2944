/* The cities of a world (world.h): who has them, when they are asked, and how old they get. */
#include "world.h"

#include "duration.h"

#include <string.h>

#define AHEAD_PARTS  60 /* as calls.c: cities so little before their time join a call */
#define AHEAD_MAX_MS 15000

/* ---- the leader's view ---- */

static bool owned(const struct world *world, const struct owner *owner)
{
    return owner->fetcher >= 0 && world->fetchers[owner->fetcher].share.live &&
           world->fetchers[owner->fetcher].incarnation == owner->incarnation;
}

static int count_of(const struct world *world, int fetcher)
{
    int count = 0;
    for (int s = 0; s < SHARDS; s++)
        count += world->owners[s].fetcher == fetcher;
    return count;
}

/* Of those that are heard the one with the fewest shards, or with the most; -1 when none is. */
static int extreme(const struct world *world, bool most)
{
    int found = -1, best = 0;
    for (int i = 0; i < FETCHERS; i++) {
        if (!world->fetchers[i].share.live)
            continue;
        int count = count_of(world, i);
        if (found < 0 || (most ? count > best : count < best)) {
            found = i;
            best = count;
        }
    }
    return found;
}

static void give(struct world *world, struct owner *owner, int fetcher)
{
    *owner = (struct owner){.fetcher = fetcher, .incarnation = world->fetchers[fetcher].incarnation};
}

/* One shard of the fetcher that has the most goes to the one that has the fewest. */
static bool level(struct world *world)
{
    int from = extreme(world, true), to = extreme(world, false);
    if (from < 0 || count_of(world, from) - count_of(world, to) < 2)
        return false;
    for (int s = 0; s < SHARDS; s++) {
        if (world->owners[s].fetcher == from) {
            give(world, &world->owners[s], to);
            return true;
        }
    }
    return false;
}

void cities_deal(struct world *world)
{
    for (int s = 0; s < SHARDS; s++) {
        struct owner *owner = &world->owners[s];
        if (owned(world, owner))
            continue;
        owner->fetcher = -1;
        int fetcher = extreme(world, false);
        if (fetcher >= 0 && world->now_ms >= owner->free_ms)
            give(world, owner, fetcher);
    }
    while (level(world))
        continue;
}

/* ---- the fetcher's ---- */

static void hold(const struct world *world, struct fetcher *fetcher, int city, bool mine)
{
    struct poll *poll = &fetcher->polls[city];
    if (poll->held == mine)
        return;
    poll->held = mine;
    if (!mine) {
        schedule_remove(&fetcher->schedule, &poll->item);
        poll->item = (struct schedule_item){0};
    } else if (!poll->in_call) {
        schedule_add(&fetcher->schedule, &poll->item, city + 1, world->now_ms + fetcher->ahead_ms);
    }
}

void cities_tell(struct world *world, int fetcher)
{
    for (int c = 0; c < world->config.cities; c++)
        hold(world, &world->fetchers[fetcher], c, world->owners[c % SHARDS].fetcher == fetcher);
}

static void seen(struct world *world, int city, int64_t at_ms)
{
    int64_t *last_ms = &world->seen_ms[city], age_ms = *last_ms ? at_ms - *last_ms : 0;
    if (at_ms >= world->config.settled_ms && age_ms > world->stalest_ms)
        world->stalest_ms = age_ms;
    *last_ms = at_ms > *last_ms ? at_ms : *last_ms;
}

void cities_answered(struct world *world, struct fetcher *fetcher, const struct flight *flight)
{
    for (int i = 0; i < flight->count; i++) {
        struct poll *poll = &fetcher->polls[flight->cities[i]];
        seen(world, flight->cities[i], flight->ends_ms); /* who is cut off from the leader still has Kafka */
        poll->in_call = false;
        if (poll->held)
            schedule_polled(&fetcher->schedule, &poll->item, flight->ends_ms + fetcher->ahead_ms);
    }
}

void cities_gather(struct world *world, struct fetcher *fetcher, struct flight *flight, int64_t most, int64_t at_ms)
{
    int64_t own_ms = at_ms + fetcher->ahead_ms, ahead_ms = world->config.interval_ms / AHEAD_PARTS;
    ahead_ms = ahead_ms < AHEAD_MAX_MS ? ahead_ms : AHEAD_MAX_MS;
    struct schedule_item *item;
    while (flight->count < most && (item = schedule_next(&fetcher->schedule)) != NULL &&
           schedule_joins(&fetcher->schedule, item, flight->count ? ahead_ms : 0, own_ms)) {
        struct poll *poll = (struct poll *)(void *)item;
        schedule_begin(&fetcher->schedule, item, own_ms);
        poll->in_call = true;
        flight->cities[flight->count++] = (int)(poll - fetcher->polls);
    }
}

void cities_end(struct world *world)
{
    for (int c = 0; c < world->config.cities; c++)
        seen(world, c, world->now_ms);
}
