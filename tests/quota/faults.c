/* What happens to a world (world.h). */
#include "world.h"

#include "duration.h"

#include <string.h>

void fault_kill(struct world *world, struct fetcher *fetcher)
{
    int oldest = 0, index = (int)(fetcher - world->fetchers);
    for (int i = 1; i < FORMER; i++)
        oldest = world->former[i].heard_ms < world->former[oldest].heard_ms ? i : oldest;
    world->former[oldest] = fetcher->share; /* nobody knows that it is dead */
    world->former[oldest].live = false;
    fetcher->alive = false;
    fetcher->share = (struct quota_share){0};
    for (int s = 0; s < SHARDS; s++) {
        if (world->owners[s].fetcher == index)
            world->owners[s] = (struct owner){.fetcher = -1, .free_ms = world->now_ms + SILENT * BRISK_MS};
    }
    fetcher->running = 0; /* what it has sent may still arrive: it was counted when it was sent */
    fetcher->again_ms = world->now_ms + world_between(world, 0, world->config.losses ? 5 * DURATION_MINUTE : TICK_MS);
}

static struct fetcher *victim(struct world *world)
{
    struct fetcher *fetcher = &world->fetchers[world_between(world, 0, world->wanted - 1)];
    return fetcher->alive ? fetcher : NULL;
}

/* It runs on, and nothing passes: for a moment, or until long after all that it was granted has lapsed. */
static void cut(struct world *world)
{
    struct fetcher *fetcher = victim(world);
    if (fetcher)
        fetcher->cut_ms =
            world->now_ms + world_between(world, 0, world->config.losses ? 40 * DURATION_MINUTE : 3 * TICK_MS);
}

static void fleet(struct world *world)
{
    world->wanted = (int)world_between(world, 1, FETCHERS);
    for (int i = world->wanted; i < FETCHERS; i++) {
        if (world->fetchers[i].alive)
            fault_kill(world, &world->fetchers[i]);
    }
}

static void kill_some(struct world *world)
{
    for (int64_t i = world_between(world, 1, 3); i > 0; i--) {
        struct fetcher *fetcher = victim(world);
        if (fetcher)
            fault_kill(world, fetcher);
    }
}

static void redis(struct world *world)
{
    int64_t kept = world->notes < NOTES - 1 ? (int64_t)world->notes - 1 : NOTES - 2;
    if (!world->config.losses) { /* killed, and started again soon: without its last notes */
        kept = kept < 3 ? kept : 3;
        world->leader_ms = world->now_ms + TICK_MS;
    }
    lead_anew(world, world_between(world, 0, 3) == 0 ? -1 : world_between(world, 0, kept));
}

void fault_any(struct world *world)
{
    int64_t kind = world_between(world, 0, world->config.losses ? 5 : world->config.restarts ? 4 : 3);
    if (world->config.forgetful) { /* what the mutant gets wrong: with no fetcher left that would tell */
        for (int i = 0; i < FETCHERS; i++) {
            if (world->fetchers[i].alive)
                fault_kill(world, &world->fetchers[i]);
            world->fetchers[i].again_ms = 0;
        }
        kind = 3;
    }
    world->faults++;
    if (kind == 0) {
        kill_some(world);
    } else if (kind == 1) {
        cut(world);
    } else if (kind == 2) {
        fleet(world);
    } else if (kind == 3) { /* the leader dies, and the next one comes soon or late */
        world->leader_ms =
            world->config.forgetful
                ? 0
                : world->now_ms + (world->config.losses ? world_between(world, 0, 2 * DURATION_MINUTE) : TICK_MS);
        lead_anew(world, 0);
    } else if (kind == 4) {
        redis(world);
    } else { /* Redis' clock is set; the next leader goes by it */
        world->redis_ahead_ms += world_between(world, -3 * DURATION_HOUR, 3 * DURATION_HOUR);
        lead_anew(world, 0);
    }
}
