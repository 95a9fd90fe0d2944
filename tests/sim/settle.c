/*
 * What must be so some time after the faults (sim.h): somebody leads, held = target for every partition and shard,
 * partitions are read to the end, quota shares in force are those of the leader and use all of the quota, and who is
 * drained holds nothing.
 */
#include "feed.h"
#include "process.h"
#include "redis.h"

#include <stdio.h>
#include <string.h>

#define WHY_BYTES 256

struct coordinator *leader_of_world(void)
{
    struct coordinator *leader = NULL;
    for (int i = 0; i < world.coordinators; i++) {
        struct coordinator *coordinator = coordinator_of(&world.nodes[i]);
        if (coordinator && coordinator->leading == LEAD_ACTING && lease_held(coordinator->lease))
            leader = coordinator;
    }
    return leader;
}

/* ---- partitions ---- */

/* The worker that runs the partition; NULL unless it is exactly one that has a session for it. */
static const struct worker *holder_of(int32_t partition)
{
    const struct worker *holder = NULL;
    int holders = 0;
    for (int i = world.coordinators; i < world.coordinators + world.workers; i++) {
        const struct worker *worker = worker_of(&world.nodes[i]);
        const struct session *session = worker && worker->sessions ? worker->sessions[partition] : NULL;
        holders += session != NULL;
        if (session && session->phase == SESSION_RUNNING)
            holder = worker;
    }
    return holders == 1 ? holder : NULL;
}

/* Who has a session for the partition, for an account of what is wrong. */
static void tell_holders(int32_t partition, char *why)
{
    size_t used = strlen(why);
    for (int i = world.coordinators; i < world.coordinators + world.workers; i++) {
        const struct worker *worker = worker_of(&world.nodes[i]);
        const struct session *session = worker && worker->sessions ? worker->sessions[partition] : NULL;
        if (session && used < WHY_BYTES)
            used += (size_t)snprintf(why + used, WHY_BYTES - used, "; %s: %s %lld %s", worker->id,
                                     session_phase_name(session->phase), (long long)session->number, session->alarm);
    }
}

static bool partition_settled(const struct coordinator *leader, int32_t p, char *why)
{
    const struct slot *slot = &leader->partitions.slots[p];
    const struct member *owner = slot->state != SLOT_FREE ? member_by_key(&leader->members, slot->owner) : NULL;
    const struct worker *holder = holder_of(p);
    const struct redis_key *ledger = redis_ledger(p);
    if (!holder) {
        snprintf(why, WHY_BYTES, "partition %d is not run by exactly one worker; slot: state %d, owner %s, number %lld",
                 p, (int)slot->state, owner ? owner->id : "", (long long)slot->number);
        tell_holders(p, why);
    } else if (!owner || strcmp(owner->id, holder->id) != 0)
        snprintf(why, WHY_BYTES, "partition %d is run by %s, given to %s", p, holder->id, owner ? owner->id : "nobody");
    else if (slot->number != session_number(holder->sessions[p]))
        snprintf(why, WHY_BYTES, "partition %d is held as %lld, given as %lld", p,
                 (long long)session_number(holder->sessions[p]), (long long)slot->number);
    else if (redis_integer(ledger, "offset") != feeds[p].high)
        snprintf(why, WHY_BYTES, "partition %d is read up to %lld of %lld", p,
                 (long long)redis_integer(ledger, "offset"), (long long)feeds[p].high);
    else
        return true;
    return false;
}

/* ---- shards ---- */

/* The fetcher that holds the shard; NULL unless it is exactly one. */
static const struct fetcher *shard_holder(int32_t shard)
{
    const struct fetcher *holder = NULL;
    int holders = 0;
    for (int i = 0; i < world.node_count; i++) {
        const struct fetcher *fetcher = fetcher_of(&world.nodes[i]);
        if (!fetcher || shard >= fetcher->cities.shard_count || !fetcher->cities.shards[shard].held)
            continue;
        holder = fetcher;
        holders++;
    }
    return holders == 1 ? holder : NULL;
}

static bool shard_settled(const struct coordinator *leader, int32_t shard, char *why)
{
    const struct slot *slot = &leader->shards.slots[shard];
    const struct member *owner = slot->state != SLOT_FREE ? member_by_key(&leader->members, slot->owner) : NULL;
    const struct fetcher *holder = shard_holder(shard);
    int64_t version = catalogue_shard_version(leader->catalogue, shard);
    if (!holder || !owner || strcmp(owner->id, holder->id) != 0) {
        snprintf(why, WHY_BYTES, "shard %d is polled by %s, given to %s", shard,
                 holder ? holder->id : "none or several", owner ? owner->id : "nobody");
        return false;
    }
    const struct cities_shard *held = &holder->cities.shards[shard];
    if (slot->state == SLOT_GIVEN && held->number == slot->number && held->version == version &&
        held->count == FEED_CITIES &&
        catalogue_version(leader->catalogue) == redis_integer(redis_find(PREFIX "meta"), "catalogue_version"))
        return true;
    snprintf(why, WHY_BYTES, "%s holds shard %d as %lld, given as %lld, catalogue %lld of %lld, %zu cities", holder->id,
             shard, (long long)held->number, (long long)slot->number, (long long)held->version, (long long)version,
             held->count);
    return false;
}

/* ---- quota ---- */

static bool share_settled(const struct coordinator *leader, const struct node *node, char *why)
{
    const struct fetcher *fetcher = fetcher_of(node);
    const struct member *member = member_find(&leader->members, node->id);
    int32_t sent = member ? member->accounts[0].minute.sent_milli : 0;
    if (fetcher && member && fetcher->sources[0].meter.minute.share_milli == sent &&
        member->accounts[0].minute.may_milli == sent)
        return true;
    snprintf(why, WHY_BYTES, "%s may use %d, it uses %d, it was sent %d", node->id,
             member ? member->accounts[0].minute.may_milli : 0,
             fetcher ? fetcher->sources[0].meter.minute.share_milli : 0, sent);
    return false;
}

/* What is not kept back for those that were lost is given to those that are there, but for what division leaves. */
static bool quota_settled(const struct coordinator *leader, char *why)
{
    int64_t used = 0, kept = 0, total = world.calls_per_minute * 1000;
    for (int i = world.coordinators + world.workers; i < world.node_count - 1; i++) {
        if (!share_settled(leader, &world.nodes[i], why))
            return false;
    }
    for (const struct member *member = leader->members.first; member; member = member->next) {
        if (member->role == ISOBAR__V1__ROLE__FETCHER)
            *(member->accounts[0].minute.live ? &used : &kept) += member->accounts[0].minute.may_milli;
    }
    int64_t left = kept < total ? total - kept : 0;
    if (total < 0 || world.fetchers == 0 || (used <= left && used > left - 1000))
        return true;
    snprintf(why, WHY_BYTES, "%lld thousandths of calls are given away, of %lld less %lld", (long long)used,
             (long long)total, (long long)kept);
    return false;
}

/* ---- members ---- */

/* Slots of the member's kind that it holds; -1 when it is not alive. */
static int64_t held_by(const struct node *node)
{
    const struct worker *worker = worker_of(node);
    const struct fetcher *fetcher = fetcher_of(node);
    int64_t held = worker ? (int64_t)worker->session_count : fetcher ? 0 : -1;
    for (int32_t s = 0; fetcher && s < fetcher->cities.shard_count; s++)
        held += fetcher->cities.shards[s].held;
    return held;
}

/* Shares follow the measured load (assign.h), so counts differ; but nobody who can is left out. */
static bool member_settled(const struct coordinator *leader, const struct node *node, char *why)
{
    const struct member *member = member_find(&leader->members, node->id);
    int64_t held = held_by(node);
    int others = node->kind == NODE_WORKER ? world.workers : world.fetchers;
    bool drained = member && drained_holds(&leader->drained, member->id, member->incarnation);
    bool may_lack = world.partitions < others || node->wedged || (member && member->benched);
    if (member && drained == operator_drains(node) && (drained ? held == 0 : held > 0 || (held == 0 && may_lack)))
        return true;
    snprintf(why, WHY_BYTES, "%s%s holds %lld of %d", node->id, drained ? ", which is drained," : "", (long long)held,
             world.partitions);
    return false;
}

bool settled(char *why)
{
    const struct coordinator *leader = leader_of_world();
    if (!leader) {
        snprintf(why, WHY_BYTES, "nobody leads");
        return false;
    }
    for (int32_t i = 0; i < world.partitions; i++) {
        if (!partition_settled(leader, i, why) || (world.fetchers > 0 && !shard_settled(leader, i, why)))
            return false;
    }
    for (int i = world.coordinators; i < world.node_count - 1; i++) {
        if (!member_settled(leader, &world.nodes[i], why))
            return false;
    }
    return quota_settled(leader, why);
}
