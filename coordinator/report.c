/*
 * What members say that they hold (coordinator.h): from heartbeats into the views of slots, and what follows from it: a
 * slot that is not reported any more is free, one that was never taken is given anew, one that is held under a larger
 * number than ours gets a larger one still. While the leader settles, it believes what it hears.
 */
#include "coordinator.h"

#include "text.h"

#define MISSED_MS    2000 /* a slot its owner does not report for so long is given anew */
#define CATALOGUE_MS 1000 /* between two sendings of the same shard, doubled with each */
#define DOUBLINGS    6
#define STANDING_MS  2000 /* a partition with lag that has not moved for so long stands still */

static bool sane(int64_t number)
{
    return number >= 0 && number < COUNTER_LIMIT;
}

bool report_sane(const Isobar__V1__Heartbeat *heartbeat)
{
    bool good = sane(heartbeat->term) && sane(heartbeat->target_version) && sane(heartbeat->assignment_max);
    for (size_t i = 0; good && i < heartbeat->n_partitions; i++)
        good = sane(heartbeat->partitions[i]->assignment);
    for (size_t i = 0; good && i < heartbeat->n_shards; i++)
        good = sane(heartbeat->shards[i]->assignment) && sane(heartbeat->shards[i]->catalogue_version);
    return good;
}

/* The same owner gets the slot anew, for the same reason. */
static void renumber(struct slots *slots, struct member *member, size_t index)
{
    slots->slots[index].number = slots->views[index].reason_number = ++slots->number;
    member->target_changed = true;
}

/*
 * The view of slot `index` that `member` reports under `number`, when it is the member's by our books; NULL when it is
 * not, then the member's next target does not have it.
 */
static struct slot_view *reported(struct coordinator *coordinator, struct slots *slots, struct member *member,
                                  int32_t index, int64_t number, bool releasing)
{
    if (index < 0 || index >= coordinator->partition_count || member->role != slots->role)
        return NULL;
    struct slot *slot = &slots->slots[index];
    struct slot_view *view = &slots->views[index];
    if (number > slots->number)
        slots->number = number;
    if (coordinator->leading == LEAD_SETTLING && number > 0)
        assign_adopt(slot, member->key, number, releasing);
    if (slot->state == SLOT_FREE || slot->owner != member->key)
        return NULL;
    view->heartbeat = coordinator->heartbeats;
    view->missed_ms = 0;
    if (slot->state == SLOT_GIVEN && number > slot->number) /* somebody has acquired it since: above that */
        renumber(slots, member, (size_t)index);
    return view;
}

/* A move is over: the next may begin. */
static void arrived(struct coordinator *coordinator, struct slots *slots, const struct member *member, int32_t index,
                    int64_t number)
{
    coordinator->plan_due |= assign_arrived(&slots->slots[index], member->key, number);
}

static void report_partition(struct coordinator *coordinator, struct member *member,
                             const Isobar__V1__PartitionStatus *status)
{
    bool releasing = status->phase == ISOBAR__V1__PARTITION_PHASE__RELEASING;
    struct slot_view *view =
        reported(coordinator, &coordinator->partitions, member, status->partition, status->assignment, releasing);
    if (!view)
        return;
    /* One that was STOPPED under an older number has not heard yet that it is to try again. */
    bool outdated = status->phase == ISOBAR__V1__PARTITION_PHASE__STOPPED &&
                    status->assignment < coordinator->partitions.slots[status->partition].number;
    view->phase = outdated ? ISOBAR__V1__PARTITION_PHASE__ACQUIRING : status->phase;
    view->offset = status->offset;
    view->lag = status->lag;
    view->lag_ms = status->lag_ms;
    view->progress_age_ms = status->progress_age_ms;
    view->clock_ms = status->clock_ms;
    view->watermark_ms = status->watermark_ms;
    view->rows = status->rows;
    stall_report(coordinator, member, status);
    text_copy(view->alarm, sizeof view->alarm, outdated ? "" : status->alarm);
    /* An outage says nothing about the load, and those who come back first would seem heavy. */
    struct load *load = &coordinator->partitions.loads[status->partition];
    if (status->lag > 0 && status->progress_age_ms > STANDING_MS)
        load_interrupt(load);
    else if (status->phase == ISOBAR__V1__PARTITION_PHASE__RUNNING)
        load_observe(load, coordinator->now_ms, (const int64_t[]){status->offset, status->rows, status->lag});
    if (status->phase == ISOBAR__V1__PARTITION_PHASE__RUNNING || status->phase == ISOBAR__V1__PARTITION_PHASE__STOPPED)
        arrived(coordinator, &coordinator->partitions, member, status->partition, status->assignment);
}

static void report_shard(struct coordinator *coordinator, struct member *member, const Isobar__V1__ShardStatus *status)
{
    struct slot_view *view =
        reported(coordinator, &coordinator->shards, member, status->shard, status->assignment, false);
    if (!view)
        return;
    view->cities = status->cities;
    view->failing = status->cities_failing;
    view->catalogue_version = status->catalogue_version;
    if (status->catalogue_version > 0)
        load_set(&coordinator->shards.loads[status->shard], status->cities);
    arrived(coordinator, &coordinator->shards, member, status->shard, status->assignment);
}

/* A slot of the member that its heartbeat does not mention: let go, or never taken. */
static void missing(struct coordinator *coordinator, struct member *member, struct slots *slots, int32_t index)
{
    struct slot *slot = &slots->slots[index];
    struct slot_view *view = &slots->views[index];
    if (slot->state == SLOT_RELEASING) {
        coordinator->plan_due |= assign_released(slot, member->key, slot->number);
        return;
    }
    if (view->missed_ms == 0) {
        view->missed_ms = coordinator->now_ms;
    } else if (coordinator->now_ms - view->missed_ms > MISSED_MS) {
        view->missed_ms = 0;
        renumber(slots, member, (size_t)index);
    }
}

void report_slots(struct coordinator *coordinator, struct member *member, const Isobar__V1__Heartbeat *heartbeat,
                  bool current)
{
    struct slots *slots = member->role == ISOBAR__V1__ROLE__WORKER ? &coordinator->partitions : &coordinator->shards;
    coordinator->heartbeats++;
    if (heartbeat->assignment_max > slots->number)
        slots->number = heartbeat->assignment_max;
    for (size_t i = 0; i < heartbeat->n_partitions; i++)
        report_partition(coordinator, member, heartbeat->partitions[i]);
    for (size_t i = 0; i < heartbeat->n_shards; i++)
        report_shard(coordinator, member, heartbeat->shards[i]);
    for (int32_t i = 0; current && coordinator->leading == LEAD_ACTING && i < coordinator->partition_count; i++) {
        const struct slot *slot = &slots->slots[i];
        if (slot->state != SLOT_FREE && slot->owner == member->key &&
            slots->views[i].heartbeat != coordinator->heartbeats)
            missing(coordinator, member, slots, i);
    }
}

/* Whether the shard is to be sent now; a fetcher that does not take it is not flooded. */
static bool due(struct slot_view *view, int64_t version, int64_t now_ms)
{
    if (view->served_version != version)
        view->served = 0;
    if (view->served > 0 && now_ms - view->served_ms < (int64_t)CATALOGUE_MS << (view->served - 1))
        return false;
    view->served += view->served < DOUBLINGS;
    view->served_version = version;
    view->served_ms = now_ms;
    return true;
}

void report_push(struct coordinator *coordinator)
{
    for (int32_t i = 0; i < coordinator->partition_count; i++) {
        const struct slot *slot = &coordinator->shards.slots[i];
        struct slot_view *view = &coordinator->shards.views[i];
        int64_t version = catalogue_shard_version(coordinator->catalogue, i);
        const struct member *member =
            slot->state == SLOT_GIVEN ? member_by_key(&coordinator->members, slot->owner) : NULL;
        if (version && member && member_reachable(member) && view->catalogue_version &&
            view->catalogue_version != version && due(view, version, coordinator->now_ms))
            catalogue_send(coordinator->catalogue, &coordinator->post, member->id, member->incarnation, i);
    }
}

void report_serve(struct coordinator *coordinator, const struct member *member, const Isobar__V1__Heartbeat *heartbeat)
{
    for (size_t i = 0; i < heartbeat->n_shards; i++) {
        const Isobar__V1__ShardStatus *status = heartbeat->shards[i];
        int64_t version = catalogue_shard_version(coordinator->catalogue, status->shard);
        if (version == 0 || status->shard >= coordinator->partition_count || status->catalogue_version == version)
            continue;
        const struct slot *slot = &coordinator->shards.slots[status->shard];
        if (slot->state == SLOT_GIVEN && slot->owner == member->key &&
            due(&coordinator->shards.views[status->shard], version, coordinator->now_ms))
            catalogue_send(coordinator->catalogue, &coordinator->post, member->id, member->incarnation, status->shard);
    }
}
