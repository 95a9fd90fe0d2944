/*
 * Suspicion by lack of progress (coordinator.h; progress.h has the rule). A partition that stands still while others
 * get on goes to another worker, in exchange for one of that one's, so that the balance does not bring it back. When
 * its owner gets on with nothing at all, the owner is the cause: it loses everything, and is given nothing for a while.
 */
#include "coordinator.h"

#include <stdio.h>

#define BENCH_FACTOR 3 /* times the limit: the first pause of a member, doubled with each */

static size_t held_by(const struct coordinator *coordinator, uint32_t key)
{
    size_t held = 0;
    for (int32_t i = 0; i < coordinator->partition_count; i++)
        held += coordinator->partitions.slots[i].state == SLOT_GIVEN && coordinator->partitions.slots[i].owner == key;
    return held;
}

/* The worker that holds least for its capacity, but `not`; NULL when there is none. */
static struct member *other_than(const struct coordinator *coordinator, const struct member * not )
{
    struct member *best = NULL;
    int64_t best_held = 0;
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        if (member == not || member->role != ISOBAR__V1__ROLE__WORKER || !member_usable(member))
            continue;
        int64_t held = (int64_t)held_by(coordinator, member->key);
        if (!best || held * best->capacity < best_held * member->capacity) {
            best = member;
            best_held = held;
        }
    }
    return best;
}

/* The last partition of `member` that gets on, for an exchange; -1 when there is none. */
static int32_t spare_of(const struct coordinator *coordinator, const struct member *member)
{
    for (int32_t i = coordinator->partition_count; i-- > 0;) {
        const struct slot *slot = &coordinator->partitions.slots[i];
        if (slot->state == SLOT_GIVEN && slot->owner == member->key && coordinator->progress[i].standing_ms == 0)
            return i;
    }
    return -1;
}

static void move_one(struct coordinator *coordinator, const struct member *from, struct member *to, int32_t index)
{
    int64_t had = (int64_t)held_by(coordinator, from->key), has = (int64_t)held_by(coordinator, to->key);
    bool fuller = (has + 1) * from->capacity > (had - 1) * to->capacity;
    int32_t spare = fuller ? spare_of(coordinator, to) : -1;
    orders_give(coordinator, index, to->key);
    if (spare >= 0)
        orders_release(coordinator, spare);
}

static void bench(struct coordinator *coordinator, struct member *member)
{
    int64_t limit_ms = coordinator->options->stall_ms, pause_ms = BENCH_FACTOR * limit_ms;
    if (coordinator->now_ms - member->benched_ms > PROGRESS_PAUSE_MS)
        member->benches = 0;
    for (int i = 0; i < member->benches && pause_ms < PROGRESS_PAUSE_MS; i++)
        pause_ms *= 2;
    member->benches++;
    member->benched = true;
    member->benched_ms = coordinator->now_ms + pause_ms;
    member->target_changed = true;
    for (int32_t i = 0; i < coordinator->partition_count; i++) {
        if (coordinator->partitions.slots[i].state != SLOT_FREE &&
            coordinator->partitions.slots[i].owner == member->key)
            progress_moved(&coordinator->progress[i], limit_ms, coordinator->now_ms);
    }
    leader_free_slots(coordinator, member->key);
}

static void act(struct coordinator *coordinator, struct member *member, int32_t index)
{
    const struct progress *progress = &coordinator->progress[index];
    size_t count = (size_t)coordinator->partition_count;
    struct member *other = other_than(coordinator, member);
    int64_t stood_ms = coordinator->now_ms - progress->standing_ms;
    char detail[160];
    if (!other)
        return; /* nobody is better */
    bool whole = progress_owner_stalled(coordinator->progress, count, (size_t)index, coordinator->options->stall_ms,
                                        coordinator->now_ms);
    snprintf(detail, sizeof detail, "partition %d stood still for %.1f s while others got on%s", (int)index,
             (double)stood_ms / 1000, whole ? ", and so did all of its worker" : "");
    log_warn("stalled", LOG_TEXT("member", member->id), LOG_INT("partition", index), LOG_INT("stood_ms", stood_ms),
             LOG_INT("whole", whole), LOG_TEXT("to", whole ? "" : other->id));
    coordinator->metrics.stalls_total++;
    publish_audit(coordinator, "stalled", member->id, detail);
    leader_plan(coordinator, "%s made no progress on partition %d for %.1f s", member->id, (int)index,
                (double)stood_ms / 1000);
    if (whole) {
        bench(coordinator, member);
    } else {
        move_one(coordinator, member, other, index);
        progress_moved(&coordinator->progress[index], coordinator->options->stall_ms, coordinator->now_ms);
    }
}

/* Members whose pause is over may be given something again. */
static void end_benches(struct coordinator *coordinator)
{
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        if (!member->benched || coordinator->now_ms < member->benched_ms)
            continue;
        member->benched = false;
        leader_plan(coordinator, "%s is tried again", member->id);
    }
}

void stall_tick(struct coordinator *coordinator)
{
    int64_t limit_ms = coordinator->options->stall_ms;
    size_t count = (size_t)coordinator->partition_count;
    end_benches(coordinator);
    for (int32_t i = 0; limit_ms > 0 && i < coordinator->partition_count; i++) {
        const struct slot *slot = &coordinator->partitions.slots[i];
        struct member *member = slot->state == SLOT_GIVEN ? member_by_key(&coordinator->members, slot->owner) : NULL;
        if (!member || coordinator->progress[i].owner != slot->owner)
            progress_rest(&coordinator->progress[i]);
        else if (progress_stalled(coordinator->progress, count, (size_t)i, limit_ms, coordinator->now_ms) &&
                 member_usable(member))
            act(coordinator, member, i);
    }
}

void stall_report(struct coordinator *coordinator, const struct member *member,
                  const Isobar__V1__PartitionStatus *status)
{
    struct progress *progress = &coordinator->progress[status->partition];
    bool reading = status->phase == ISOBAR__V1__PARTITION_PHASE__RUNNING;
    progress_report(progress, member->key, status->offset, !reading || status->lag > 0, status->progress_age_ms,
                    coordinator->now_ms);
    if (!reading && status->phase != ISOBAR__V1__PARTITION_PHASE__ACQUIRING)
        progress_rest(progress);
}
