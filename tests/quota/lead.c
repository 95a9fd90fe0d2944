/* The leader of a world (world.h), as coordinator/grant.c and orders.c go about it. */
#include "world.h"

#include "error.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WANT_MS       15000
#define LOST_PERMILLE 50 /* heartbeats, and targets, that do not arrive */

static bool passes(struct world *world, const struct fetcher *fetcher)
{
    return fetcher->alive && world->now_ms >= fetcher->cut_ms && world_between(world, 1, 1000) > LOST_PERMILLE;
}

static int64_t ledger_ms(const struct world *world)
{
    return world->now_ms + world->leader_ahead_ms;
}

static void heartbeat(struct world *world, struct fetcher *fetcher)
{
    int64_t own_ms = world->now_ms + fetcher->ahead_ms;
    struct allowance *allowance = &fetcher->meter.allowance;
    (void)allowance_room(allowance, own_ms);
    fetcher->missed = 0;
    fetcher->share.heard_ms = world->now_ms;
    fetcher->asked_ms = own_ms;
    quota_report(&fetcher->share, fetcher->share_milli, fetcher->current);
    quota_ledger_report(&world->ledger, fetcher->incarnation, allowance->granted_milli, allowance_settled(allowance));
}

static void divide(struct world *world)
{
    struct quota_share shares[FETCHERS + FORMER];
    int64_t minute = world->api.limits.units[LIMIT_MINUTE];
    for (int i = 0; i < FETCHERS; i++) {
        struct fetcher *fetcher = &world->fetchers[i];
        fetcher->share.live = fetcher->alive && fetcher->missed < SILENT;
        shares[i] = fetcher->share;
    }
    memcpy(shares + FETCHERS, world->former, sizeof world->former);
    (void)quota_divide(shares, FETCHERS + FORMER, minute < 0 ? QUOTA_UNLIMITED : (int32_t)(minute * 1000),
                       world->now_ms);
    for (int i = 0; i < FETCHERS; i++) {
        struct fetcher *fetcher = &world->fetchers[i];
        fetcher->current &= shares[i].sent_milli == fetcher->share.sent_milli;
        fetcher->share = shares[i];
        quota_note(&fetcher->share);
        quota_noted(&fetcher->share);
    }
}

static void deal(struct world *world)
{
    struct quota_ask asks[FETCHERS];
    size_t count = 0;
    for (int i = 0; i < FETCHERS; i++) {
        const struct fetcher *fetcher = &world->fetchers[i];
        int64_t calls = INT64_C(1) << 30;
        if (world->config.cities) /* as fetcher/orders.c */
            calls = schedule_count(&fetcher->schedule, fetcher->asked_ms + WANT_MS, CITIES_MAX);
        if (fetcher->share.live)
            asks[count++] =
                (struct quota_ask){fetcher->incarnation, calls * world->config.call_milli, world->config.call_milli};
    }
    (void)quota_deal(&world->ledger, asks, count, &world->turn);
}

static void write_note(struct world *world)
{
    struct quota_ledger *note = &world->note[++world->notes % NOTES];
    const struct quota_ledger *ledger = &world->ledger;
    struct quota_holder *holders = mem_grow(note->holders, ledger->holder_count + 1, sizeof *holders);
    memcpy(holders, ledger->holders, ledger->holder_count * sizeof *holders);
    memcpy(note->lines, ledger->lines, ledger->line_count * sizeof *note->lines);
    note->line_count = ledger->line_count;
    note->now_ms = ledger->now_ms;
    note->holders = holders;
    note->holder_count = ledger->holder_count;
}

static void read_note(struct world *world, const struct quota_ledger *note)
{
    struct buf packed = BUF_EMPTY;
    quota_ledger_pack(note, &packed);
    if (quota_ledger_unpack(&world->ledger, packed.data, packed.size) != 0)
        abort();
    buf_release(&packed);
}

static void target(struct world *world, struct fetcher *fetcher)
{
    int64_t own_ms = world->now_ms + fetcher->ahead_ms;
    const struct quota_holder *holder = quota_ledger_holder(&world->ledger, fetcher->incarnation);
    fetcher->share_milli = quota_told(&fetcher->share);
    fetcher->current = fetcher->share_milli == fetcher->share.sent_milli;
    meter_share(&fetcher->meter, BUCKET_UNLIMITED, fetcher->share_milli, own_ms);
    if (holder)
        allowance_grant(&fetcher->meter.allowance, holder->granted_milli, fetcher->asked_ms + QUOTA_VALID_MS, own_ms);
}

void lead_tick(struct world *world)
{
    if (world->now_ms < world->leader_ms)
        return;
    quota_ledger_advance(&world->ledger, ledger_ms(world));
    for (int i = 0; i < FETCHERS; i++) {
        world->fetchers[i].missed++;
        if (passes(world, &world->fetchers[i]))
            heartbeat(world, &world->fetchers[i]);
    }
    divide(world);
    deal(world);
    cities_deal(world);
    write_note(world);
    for (int i = 0; i < FETCHERS; i++) {
        if (!world->fetchers[i].share.live || !passes(world, &world->fetchers[i]))
            continue;
        target(world, &world->fetchers[i]);
        cities_tell(world, i);
    }
}

void lead_anew(struct world *world, int64_t back)
{
    const struct quota_ledger *note = &world->note[(world->notes - (size_t)(back < 0 ? 0 : back)) % NOTES];
    struct limits limits = world->api.limits;
    quota_ledger_release(&world->ledger);
    world->leader_ahead_ms = world->redis_ahead_ms;
    quota_ledger_init(&world->ledger, &limits, ledger_ms(world));
    if (world->config.forgetful || world->notes == 0)
        quota_ledger_fresh(&world->ledger);
    else if (back < 0)
        quota_ledger_lose(&world->ledger);
    else
        read_note(world, note);
    for (int i = 0; i < FETCHERS; i++) {
        struct fetcher *fetcher = &world->fetchers[i];
        fetcher->share =
            (struct quota_share){.may_milli = fetcher->share.may_milli, .heard_ms = fetcher->share.heard_ms};
        fetcher->current = false;
    }
}
