/*
 * The lead (coordinator.h): how it begins and ends, and what it does as time passes. A new leader first reads what
 * Redis knows, then listens, so that it keeps what members hold, and then acts. It listens for settle_ms, and until it
 * has heard everybody whom the former leader knew as live, for those may have to notice its silence first.
 */
#include "coordinator.h"

#include "enough.h"
#include "error.h"
#include "link.h"
#include "mem.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS   60000 /* a coordinator that leads so soon was started to lead */
#define PUBLISH_MS 1000
#define PLAN_MS    1000 /* at least so often: loads change, and moves that got stuck hold up others only so long */
#define SETTLE_LIMIT_MS                                                                                                \
    (LINK_SILENCE_MS + 3 * LINK_HEARTBEAT_MS) /* after that a member that lives has dialled anew                       \
                                               */

void leader_plan(struct coordinator *coordinator, const char *format, ...)
{
    struct buf reason = BUF_EMPTY;
    va_list args;
    va_start(args, format);
    buf_vprintf(&reason, format, args);
    va_end(args);
    text_copy(coordinator->reason, sizeof coordinator->reason, reason.data);
    buf_release(&reason);
    coordinator->plan_due = true;
    coordinator->reason_noted = false;
}

void leader_explain(struct coordinator *coordinator, struct slots *slots, size_t index, const char *reason)
{
    struct slot_view *view = &slots->views[index];
    text_copy(view->reason, sizeof view->reason, reason);
    view->since_ms = coordinator->wall_ms;
    view->reason_number = slots->slots[index].number;
    view->cause = slots->slots[index].cause;
}

static void free_slots(struct coordinator *coordinator, struct slots *slots, uint32_t key, const char *reason)
{
    size_t count = (size_t)coordinator->partition_count;
    for (size_t i = 0; i < count; i++) {
        bool given = slots->slots[i].state == SLOT_GIVEN && slots->slots[i].owner == key;
        if (given) { /* what it was releasing has its reason already */
            slots->slots[i].cause = CAUSE_LOST;
            leader_explain(coordinator, slots, i, reason);
        }
    }
    assign_free_owner(slots->slots, count, key);
}

void leader_free_slots(struct coordinator *coordinator, uint32_t key, const char *happened)
{
    struct buf reason = BUF_EMPTY;
    const struct member *member = member_by_key(&coordinator->members, key);
    buf_printf(&reason, "%s %s", member ? member->id : "its owner", happened);
    free_slots(coordinator, &coordinator->partitions, key, reason.data);
    free_slots(coordinator, &coordinator->shards, key, reason.data);
    buf_release(&reason);
}

/* ---- the term ---- */

static void on_noted(void *arg, int status, const struct store_reply *reply)
{
    (void)arg, (void)status, (void)reply; /* who leads next hears it from members, too */
}

static void note_term(struct coordinator *coordinator)
{
    static const char script[] = "if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then "
                                 "redis.call('SET', KEYS[1], ARGV[1]) end";
    char key[256], term[24];
    if (!store_up(coordinator->store))
        return;
    snprintf(key, sizeof key, "%sterm", coordinator->options->prefix);
    snprintf(term, sizeof term, "%lld", (long long)coordinator->term);
    store_send(coordinator->store, on_noted, NULL, "EVAL", script, "1", key, term, NULL);
}

static void set_term(struct coordinator *coordinator, int64_t term)
{
    coordinator->term = term;
    coordinator->metrics.term = term;
    for (struct member *member = coordinator->members.first; member; member = member->next)
        member->target_changed = true; /* members take no target of an older term */
}

void leader_raise(struct coordinator *coordinator, int64_t heard)
{
    if (heard < coordinator->term)
        return;
    log_warn("term_raised", LOG_INT("term", heard + 1), LOG_INT("heard", heard),
             LOG_TEXT("meaning", "Redis has lost terms"));
    set_term(coordinator, heard + 1);
    note_term(coordinator);
}

/* ---- beginning and end ---- */

static void slots_make(struct slots *slots, int32_t count)
{
    free(slots->slots);
    free(slots->views);
    free(slots->loads);
    slots->slots = mem_calloc((size_t)count, sizeof *slots->slots);
    slots->views = mem_calloc((size_t)count, sizeof *slots->views);
    slots->loads = mem_calloc((size_t)count, sizeof *slots->loads);
    assign_init(slots->slots, (size_t)count);
    for (int32_t i = 0; i < count; i++)
        slots->views[i].lag = slots->views[i].lag_ms = -1;
}

void leader_begin(struct coordinator *coordinator, int32_t partitions, const char *topic, int64_t term)
{
    members_clear(&coordinator->members); /* what an earlier term knew is out of date: members say it again */
    coordinator->partition_count = partitions;
    text_copy(coordinator->topic, sizeof coordinator->topic, topic);
    slots_make(&coordinator->partitions, partitions);
    slots_make(&coordinator->shards, partitions);
    free(coordinator->progress);
    coordinator->progress = mem_calloc((size_t)partitions, sizeof *coordinator->progress);
    coordinator->leading = LEAD_SETTLING;
    coordinator->settle_ms = coordinator->now_ms + coordinator->options->settle_ms;
    coordinator->settle_limit_ms = coordinator->settle_ms + SETTLE_LIMIT_MS;
    coordinator->published_ms = coordinator->now_ms - PUBLISH_MS;
    /* Redis has gone back when it gives a term that we have had. */
    set_term(coordinator, term > coordinator->term ? term : coordinator->term + 1);
    if (coordinator->term != term)
        note_term(coordinator);
    log_info("leading", LOG_INT("term", coordinator->term), LOG_INT("partitions", partitions));
    publish_audit(coordinator, "leader", coordinator->id, "took the lead");
}

static void stand_by(struct coordinator *coordinator)
{
    struct coordinator_metrics *metrics = &coordinator->metrics;
    coordinator->leading = LEAD_NOT;
    metrics->leader = metrics->term = metrics->workers = metrics->fetchers = 0;
    metrics->partitions_unassigned = metrics->shards_unassigned = metrics->lag_records = 0;
    log_info("standing_by");
}

void leader_changed(struct coordinator *coordinator, bool held)
{
    reading_abandon(coordinator);
    if (!held) {
        stand_by(coordinator);
        return;
    }
    coordinator->metrics.leader = 1;
    coordinator->leading = LEAD_READING;
    reading_tick(coordinator);
}

/* ---- time ---- */

static void on_silent(void *arg, struct member *member)
{
    struct coordinator *coordinator = arg;
    log_warn("member_silent", LOG_TEXT("id", member->id), LOG_TEXT("host", member->host));
    coordinator->metrics.suspicions_total++;
    leader_free_slots(coordinator, member->key, "fell silent");
    leader_plan(coordinator, "%s fell silent", member->id);
    publish_audit(coordinator, "silent", member->id, member->host);
}

static bool settled(const struct coordinator *coordinator)
{
    bool complete = true;
    for (const struct member *member = coordinator->members.first; member; member = member->next)
        complete &= !member->expected;
    return coordinator->now_ms >= coordinator->settle_ms &&
           (complete || coordinator->now_ms >= coordinator->settle_limit_ms);
}

/* Who holds about its share has it from the former leader, who knew why: only the others have come. */
static void keep_balance(struct coordinator *coordinator, const struct slots *slots)
{
    int64_t capacity = 0, count = coordinator->partition_count;
    for (const struct member *member = coordinator->members.first; member; member = member->next)
        capacity += member->role == slots->role && member_usable(member) ? member->capacity : 0;
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        int64_t held = 0;
        if (member->role != slots->role)
            continue;
        for (int32_t i = 0; i < coordinator->partition_count; i++)
            held += slots->slots[i].state == SLOT_GIVEN && slots->slots[i].owner == member->key;
        if (8 * held * capacity >= 7 * count * member->capacity)
            member->filling = NULL;
    }
}

static void act(struct coordinator *coordinator)
{
    int kept = 0;
    for (int32_t i = 0; i < coordinator->partition_count; i++)
        kept += coordinator->partitions.slots[i].state != SLOT_FREE;
    keep_balance(coordinator, &coordinator->partitions);
    keep_balance(coordinator, &coordinator->shards);
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        member->expected = false;
        member->target_changed = true;
    }
    coordinator->leading = LEAD_ACTING;
    coordinator->partitions.level_ms = coordinator->shards.level_ms = coordinator->now_ms;
    log_info("acting", LOG_INT("term", coordinator->term), LOG_INT("partitions_kept", kept));
    leader_plan(coordinator, "%s took the lead", coordinator->id);
}

static void count(struct coordinator *coordinator)
{
    struct coordinator_metrics *metrics = &coordinator->metrics;
    metrics->workers = metrics->fetchers = metrics->partitions_unassigned = metrics->shards_unassigned =
        metrics->lag_records = 0;
    for (const struct member *member = coordinator->members.first; member; member = member->next) {
        metrics->workers += member->role == ISOBAR__V1__ROLE__WORKER && member->state == MEMBER_LIVE;
        metrics->fetchers += member->role == ISOBAR__V1__ROLE__FETCHER && member->state == MEMBER_LIVE;
    }
    for (int32_t i = 0; i < coordinator->partition_count; i++) {
        metrics->partitions_unassigned += coordinator->partitions.slots[i].state == SLOT_FREE;
        metrics->shards_unassigned += coordinator->shards.slots[i].state == SLOT_FREE;
        if (coordinator->partitions.views[i].lag > 0)
            metrics->lag_records += coordinator->partitions.views[i].lag;
    }
}

/*
 * Whether the limits suffice for the catalogue. At the start of the process they must; a coordinator that takes over
 * later, or one whose catalogue grows, says so and goes on: polls get rarer, and nothing is lost.
 */
static void check_enough(struct coordinator *coordinator, bool first)
{
    const struct coordinator_options *options = coordinator->options;
    bool refuses = first && coordinator->now_ms - coordinator->started_ms < START_MS && options->over_quota[0] == 'r';
    int64_t cities = catalogue_cities(coordinator->catalogue);
    struct buf text = BUF_EMPTY;
    for (size_t i = 1; i < coordinator->accounts.count; i++) {
        if (!enough_for(&coordinator->accounts.list[i], cities, coordinator->every_ms, &text))
            log_warn("over_quota", LOG_TEXT("reason", text.data),
                     LOG_TEXT("meaning", "if all cities fail over to it, they are polled later than they should"));
        buf_reset(&text);
    }
    if (coordinator->accounts.count == 0 ||
        enough_for(&coordinator->accounts.list[0], cities, coordinator->every_ms, &text))
        return;
    if (refuses) {
        log_error("over_quota", LOG_TEXT("reason", text.data),
                  LOG_TEXT("do", "poll rarer (--every, and --interval-s of fetchers), have fewer cities or another "
                                 "plan, or give --over-quota warn; isobarctl plan has all figures"));
        daemon_stop(coordinator->daemon, EXIT_CODE_CONFIG);
    } else {
        log_warn("over_quota", LOG_TEXT("reason", text.data),
                 LOG_TEXT("meaning", "cities are polled as often as the limits allow, later than they should"));
    }
    buf_release(&text);
}

/* Fetchers are told which version of the catalogue is the newest. True when there is a newer one than last time. */
static bool tell_catalogue(struct coordinator *coordinator)
{
    int64_t version = catalogue_version(coordinator->catalogue);
    if (version == coordinator->catalogue_told)
        return false;
    check_enough(coordinator, coordinator->catalogue_told == 0);
    coordinator->catalogue_told = version;
    for (struct member *member = coordinator->members.first; member; member = member->next)
        member->target_changed |= member->role == ISOBAR__V1__ROLE__FETCHER;
    return true;
}

void leader_tick(struct coordinator *coordinator)
{
    if (coordinator->leading == LEAD_NOT)
        return;
    reading_tick(coordinator);
    if (coordinator->leading == LEAD_READING)
        return;
    members_age(&coordinator->members, coordinator->now_ms, on_silent, coordinator);
    if (coordinator->leading == LEAD_SETTLING && settled(coordinator))
        act(coordinator);
    if (coordinator->leading != LEAD_ACTING)
        return;
    bool catalogue_changed = tell_catalogue(coordinator);
    grant_tick(coordinator);
    stall_tick(coordinator);
    if (coordinator->plan_due || coordinator->now_ms - coordinator->planned_ms >= PLAN_MS)
        orders_plan(coordinator);
    else
        orders_quota(coordinator); /* what was kept back for a silent fetcher is free after a while */
    for (struct member *member = coordinator->members.first; member; member = member->next)
        orders_send(coordinator, member);
    if (catalogue_changed)
        report_push(coordinator); /* behind the targets, which name the versions */
    count(coordinator);
    if (coordinator->now_ms - coordinator->published_ms >= PUBLISH_MS) {
        coordinator->published_ms = coordinator->now_ms;
        publish(coordinator);
    }
}
