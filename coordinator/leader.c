/*
 * What a leader does with the lease, with members' messages and with time (coordinator.h). A new leader first reads what Redis
 * knows (partitions, numbers, catalogue), then listens for a while so that it keeps what members hold, then acts.
 */
#include "coordinator.h"

#include "clock.h"
#include "mem.h"
#include "shard.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define META_MS      1000
#define PUBLISH_MS   1000
#define MISSED_MS    2000 /* a slot its owner does not report for so long is given anew */
#define CATALOGUE_MS 1000

void leader_plan(struct coordinator *coordinator, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(coordinator->reason, sizeof coordinator->reason, format, args);
    va_end(args);
    coordinator->plan_due = true;
}

/* ---- reading Redis ---- */

static void slots_make(struct slots *slots, int32_t count)
{
    free(slots->slots);
    free(slots->views);
    slots->slots = mem_calloc((size_t)count, sizeof *slots->slots);
    slots->views = mem_calloc((size_t)count, sizeof *slots->views);
    for (int32_t i = 0; i < count; i++) {
        slots->slots[i].owner = slots->slots[i].before = ASSIGN_NOBODY;
        slots->views[i].lag = slots->views[i].lag_ms = -1;
    }
}

static void on_number(void *arg, int status, const struct store_reply *reply)
{
    struct coordinator *coordinator = arg;
    if (status == 0 && reply->type == STORE_TEXT) {
        int64_t number = strtoll(reply->text, NULL, 10);
        if (number > coordinator->partitions.number)
            coordinator->partitions.number = number;
    }
}

static void on_term(void *arg, int status, const struct store_reply *reply)
{
    struct coordinator *coordinator = arg;
    if (status != 0 || reply->type != STORE_INT || coordinator->leading != LEAD_READING)
        return;
    coordinator->term = reply->integer > coordinator->term ? reply->integer : coordinator->term + 1;
    coordinator->metrics.term = coordinator->term;
    coordinator->leading = LEAD_SETTLING;
    coordinator->settle_ms = loop_now_ms(coordinator->loop) + coordinator->options->settle_ms;
    log_info("leading", LOG_INT("term", coordinator->term), LOG_INT("partitions", coordinator->partition_count));
    publish_audit(coordinator, "leader", coordinator->id, "took the lead");
}

/* All numbers were asked for before the term, so their answers have come when the term's does. */
static void read_numbers(struct coordinator *coordinator)
{
    char key[256];
    for (int32_t i = 0; i < coordinator->partition_count; i++) {
        snprintf(key, sizeof key, "%s{%d}:ledger", coordinator->options->prefix, i);
        store_send(coordinator->store, on_number, coordinator, "HGET", key, "number", NULL);
    }
    snprintf(key, sizeof key, "%sterm", coordinator->options->prefix);
    store_send(coordinator->store, on_term, coordinator, "INCR", key, NULL);
}

static void on_meta(void *arg, int status, const struct store_reply *reply)
{
    struct coordinator *coordinator = arg;
    if (status != 0 || coordinator->leading == LEAD_NOT)
        return;
    bool good = reply->type == STORE_ARRAY && reply->count == 3;
    for (size_t i = 0; good && i < 3; i++)
        good = reply->elements[i]->type == STORE_TEXT;
    long partitions = good ? strtol(reply->elements[0]->text, NULL, 10) : 0;
    if (partitions < 1 || partitions > SHARD_MAX_PARTITIONS) {
        if (log_limit_pass(&coordinator->meta_limit, loop_now_ms(coordinator->loop), 5000, NULL))
            log_warn("redis_not_initialised", LOG_TEXT("redis", coordinator->options->redis), LOG_TEXT("prefix", coordinator->options->prefix),
                     LOG_TEXT("do", "isobarctl init"));
        return;
    }
    if (coordinator->leading == LEAD_READING && coordinator->partition_count == 0) {
        coordinator->partition_count = (int32_t)partitions;
        snprintf(coordinator->topic, sizeof coordinator->topic, "%s", reply->elements[1]->text);
        slots_make(&coordinator->partitions, coordinator->partition_count);
        slots_make(&coordinator->shards, coordinator->partition_count);
        read_numbers(coordinator);
    }
    catalogue_want(coordinator->catalogue, strtoll(reply->elements[2]->text, NULL, 10), coordinator->partition_count);
}

static void ask_meta(struct coordinator *coordinator, int64_t now_ms)
{
    char key[256];
    if (now_ms - coordinator->asked_ms < META_MS || !store_up(coordinator->store))
        return;
    coordinator->asked_ms = now_ms;
    snprintf(key, sizeof key, "%smeta", coordinator->options->prefix);
    store_send(coordinator->store, on_meta, coordinator, "HMGET", key, "partitions", "topic", "catalogue_version", NULL);
}

void leader_changed(struct coordinator *coordinator, bool held)
{
    coordinator->metrics.leader = held;
    if (!held) {
        coordinator->leading = LEAD_NOT;
        coordinator->metrics.term = 0;
        log_info("standing_by");
        return;
    }
    /* What an earlier term knew is out of date: members say it again. */
    members_clear(&coordinator->members);
    coordinator->partition_count = 0;
    catalogue_clear(coordinator->catalogue);
    coordinator->leading = LEAD_READING;
    coordinator->asked_ms = 0;
    ask_meta(coordinator, loop_now_ms(coordinator->loop) + META_MS);
}

/* ---- messages ---- */

static void envelope_to(const struct member *member, Isobar__V1__Envelope *envelope)
{
    isobar__v1__envelope__init(envelope);
    envelope->format = 1;
    envelope->member = (char *)(uintptr_t)member->id;
    envelope->incarnation = member->incarnation;
}

static void welcome(struct coordinator *coordinator, const struct member *member)
{
    Isobar__V1__Envelope envelope;
    Isobar__V1__Welcome message = ISOBAR__V1__WELCOME__INIT;
    envelope_to(member, &envelope);
    message.term = coordinator->term;
    message.partitions = coordinator->partition_count;
    message.leader = coordinator->id;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_WELCOME;
    envelope.welcome = &message;
    (void)!channel_send(coordinator->channel, &envelope);
}

static void free_slots(struct coordinator *coordinator, uint32_t key)
{
    size_t count = (size_t)coordinator->partition_count;
    assign_free_owner(coordinator->partitions.slots, count, key);
    assign_free_owner(coordinator->shards.slots, count, key);
}

static void on_hello(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
    uint32_t former = 0;
    int64_t now = loop_now_ms(coordinator->loop);
    Isobar__V1__Role role = envelope->hello->role;
    if (role != ISOBAR__V1__ROLE__WORKER && role != ISOBAR__V1__ROLE__FETCHER) {
        coordinator->metrics.rejected_total++;
        return;
    }
    enum member_greeting greeting = member_greet(&coordinator->members, envelope, now, &former);
    const struct member *member = member_find(&coordinator->members, envelope->member);
    if (greeting == GREETING_DUPLICATE) {
        if (log_limit_pass(&coordinator->meta_limit, now, 5000, NULL))
            log_warn("duplicate_member", LOG_TEXT("id", envelope->member), LOG_TEXT("live_on", member->host), LOG_TEXT("refused_on", envelope->hello->host));
        return;
    }
    if (greeting == GREETING_REPLACED)
        free_slots(coordinator, former);
    if (greeting != GREETING_KNOWN) {
        log_info("member_joined", LOG_TEXT("id", member->id), LOG_TEXT("role", role == ISOBAR__V1__ROLE__WORKER ? "worker" : "fetcher"),
                 LOG_TEXT("host", member->host), LOG_INT("pid", member->pid));
        leader_plan(coordinator, "%s joined", member->id);
        publish_audit(coordinator, "joined", member->id, member->host);
    }
    welcome(coordinator, member);
}

static void view_partition(struct coordinator *coordinator, const struct member *member, const Isobar__V1__PartitionStatus *status)
{
    if (status->partition < 0 || status->partition >= coordinator->partition_count)
        return;
    struct slot *slot = &coordinator->partitions.slots[status->partition];
    struct slot_view *view = &coordinator->partitions.views[status->partition];
    if (coordinator->leading == LEAD_SETTLING && status->assignment > 0)
        assign_adopt(slot, member->key, status->assignment);
    if (status->assignment > coordinator->partitions.number)
        coordinator->partitions.number = status->assignment;
    if (slot->state == SLOT_FREE || slot->owner != member->key)
        return; /* its next target does not have it */
    view->phase = status->phase;
    view->offset = status->offset;
    view->lag = status->lag;
    view->lag_ms = status->lag_ms;
    view->progress_age_ms = status->progress_age_ms;
    view->clock_ms = status->clock_ms;
    view->watermark_ms = status->watermark_ms;
    view->rows = status->rows;
    view->missed_ms = 0;
    snprintf(view->alarm, sizeof view->alarm, "%s", status->alarm);
    /* Somebody has acquired it under a larger number: give it anew, above that. */
    if (slot->state == SLOT_GIVEN && status->assignment > slot->number) {
        slot->number = ++coordinator->partitions.number;
        member_by_key(&coordinator->members, slot->owner)->target_changed = true;
    }
}

static void view_shard(struct coordinator *coordinator, const struct member *member, const Isobar__V1__ShardStatus *status)
{
    if (status->shard < 0 || status->shard >= coordinator->partition_count)
        return;
    struct slot *slot = &coordinator->shards.slots[status->shard];
    struct slot_view *view = &coordinator->shards.views[status->shard];
    if (coordinator->leading == LEAD_SETTLING && status->assignment > 0)
        assign_adopt(slot, member->key, status->assignment);
    if (status->assignment > coordinator->shards.number)
        coordinator->shards.number = status->assignment;
    if (slot->state == SLOT_FREE || slot->owner != member->key)
        return;
    view->cities = status->cities;
    view->failing = status->cities_failing;
    view->catalogue_version = status->catalogue_version;
    view->missed_ms = 0;
}

static bool reports(const Isobar__V1__Heartbeat *heartbeat, const struct slots *slots, int32_t index)
{
    for (size_t i = 0; slots->role == ISOBAR__V1__ROLE__WORKER && i < heartbeat->n_partitions; i++) {
        if (heartbeat->partitions[i]->partition == index)
            return true;
    }
    for (size_t i = 0; slots->role == ISOBAR__V1__ROLE__FETCHER && i < heartbeat->n_shards; i++) {
        if (heartbeat->shards[i]->shard == index)
            return true;
    }
    return false;
}

/* Slots of the member that its heartbeat does not mention: released, or its target never arrived whole. */
static void view_missing(struct coordinator *coordinator, struct member *member, struct slots *slots, const Isobar__V1__Heartbeat *heartbeat)
{
    int64_t now = loop_now_ms(coordinator->loop);
    bool current = heartbeat->target_version >= member->target_version;
    for (int32_t i = 0; i < coordinator->partition_count; i++) {
        struct slot *slot = &slots->slots[i];
        struct slot_view *view = &slots->views[i];
        if (slot->state == SLOT_FREE || slot->owner != member->key || reports(heartbeat, slots, i))
            continue;
        if (slot->state == SLOT_RELEASING && current) {
            if (assign_released(slot, member->key, slot->number))
                coordinator->plan_due = true;
        } else if (slot->state == SLOT_GIVEN && current) {
            view->missed_ms = view->missed_ms ? view->missed_ms : now;
            if (now - view->missed_ms > MISSED_MS) {
                view->missed_ms = 0;
                slot->number = ++slots->number;
                member->target_changed = true;
            }
        }
    }
}

static void serve_catalogue(struct coordinator *coordinator, const struct member *member, const Isobar__V1__Heartbeat *heartbeat)
{
    int64_t version = catalogue_version(coordinator->catalogue), now = loop_now_ms(coordinator->loop);
    for (size_t i = 0; version > 0 && i < heartbeat->n_shards; i++) {
        const Isobar__V1__ShardStatus *status = heartbeat->shards[i];
        if (status->shard < 0 || status->shard >= coordinator->partition_count || status->catalogue_version >= version)
            continue;
        struct slot_view *view = &coordinator->shards.views[status->shard];
        if (coordinator->shards.slots[status->shard].owner != member->key || now - view->progress_age_ms < CATALOGUE_MS)
            continue;
        view->progress_age_ms = now; /* for shards: when the catalogue was sent last */
        catalogue_send(coordinator->catalogue, coordinator->channel, member->id, member->incarnation, status->shard);
    }
}

static void on_heartbeat(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
    const Isobar__V1__Heartbeat *heartbeat = envelope->heartbeat;
    struct member *member = member_find(&coordinator->members, envelope->member);
    Isobar__V1__Envelope answer;
    Isobar__V1__Heartbeat beat = ISOBAR__V1__HEARTBEAT__INIT;
    if (heartbeat->term > coordinator->term)
        coordinator->term = heartbeat->term; /* Redis went back: go on above what members have heard */
    if (!member || member->incarnation != envelope->incarnation) {
        struct member stranger = {.incarnation = envelope->incarnation};
        snprintf(stranger.id, sizeof stranger.id, "%s", envelope->member);
        envelope_to(&stranger, &answer);
        beat.term = coordinator->term = coordinator->term > heartbeat->term ? coordinator->term : heartbeat->term + 1;
        answer.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
        answer.heartbeat = &beat;
        (void)!channel_send(coordinator->channel, &answer); /* a larger term makes it say HELLO */
        return;
    }
    member->heard_ms = loop_now_ms(coordinator->loop);
    member->records = heartbeat->records;
    member->calls = heartbeat->calls;
    if (member->state == MEMBER_SUSPECT) {
        log_info("member_back", LOG_TEXT("id", member->id));
        member->quota.live = member->role == ISOBAR__V1__ROLE__FETCHER;
        member->state = MEMBER_LIVE;
        member->target_changed = true;
        leader_plan(coordinator, "%s is back", member->id);
    }
    if (heartbeat->draining && member->state == MEMBER_LIVE) {
        member->state = MEMBER_DRAINING;
        leader_plan(coordinator, "%s drains", member->id);
    }
    if (heartbeat->target_version > member->target_seen) {
        member->target_seen = heartbeat->target_version;
        if (member->target_seen >= member->target_version) {
            quota_acknowledge(&member->quota);
            coordinator->plan_due |= member->role == ISOBAR__V1__ROLE__FETCHER;
        }
    }
    if (heartbeat->assignment_max > coordinator->partitions.number)
        coordinator->partitions.number = heartbeat->assignment_max;
    for (size_t i = 0; i < heartbeat->n_partitions; i++)
        view_partition(coordinator, member, heartbeat->partitions[i]);
    for (size_t i = 0; i < heartbeat->n_shards; i++)
        view_shard(coordinator, member, heartbeat->shards[i]);
    if (coordinator->leading == LEAD_ACTING) {
        view_missing(coordinator, member, member->role == ISOBAR__V1__ROLE__WORKER ? &coordinator->partitions : &coordinator->shards, heartbeat);
        serve_catalogue(coordinator, member, heartbeat);
        orders_send(coordinator, member, member->heard_ms);
    }
    envelope_to(member, &answer);
    beat.term = coordinator->term;
    answer.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    answer.heartbeat = &beat;
    (void)!channel_send(coordinator->channel, &answer);
}

static void on_released(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
    const struct member *member = member_find(&coordinator->members, envelope->member);
    for (size_t i = 0; member && member->incarnation == envelope->incarnation && i < envelope->released->n_partitions; i++) {
        const Isobar__V1__Assignment *assignment = envelope->released->partitions[i];
        if (assignment->index < 0 || assignment->index >= coordinator->partition_count)
            continue;
        if (assign_released(&coordinator->partitions.slots[assignment->index], member->key, assignment->number))
            coordinator->plan_due = true;
    }
}

static void on_bye(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
    struct member *member = member_find(&coordinator->members, envelope->member);
    if (!member || member->incarnation != envelope->incarnation)
        return;
    log_info("member_left", LOG_TEXT("id", member->id), LOG_TEXT("reason", envelope->bye->reason));
    member->state = MEMBER_GONE;
    member->quota.live = false;
    member->quota.may_milli = 0; /* it has said that it calls no more */
    free_slots(coordinator, member->key);
    leader_plan(coordinator, "%s left", member->id);
    publish_audit(coordinator, "left", member->id, envelope->bye->reason);
}

void leader_message(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
    coordinator->metrics.messages_total++;
    if (coordinator->leading < LEAD_SETTLING)
        return; /* a standby is silent: members dial on */
    switch (envelope->body_case) {
    case ISOBAR__V1__ENVELOPE__BODY_HELLO:
        on_hello(coordinator, envelope);
        break;
    case ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT:
        on_heartbeat(coordinator, envelope);
        break;
    case ISOBAR__V1__ENVELOPE__BODY_RELEASED:
        on_released(coordinator, envelope);
        break;
    case ISOBAR__V1__ENVELOPE__BODY_BYE:
        on_bye(coordinator, envelope);
        break;
    default:
        coordinator->metrics.rejected_total++;
        break;
    }
    if (coordinator->plan_due && coordinator->leading == LEAD_ACTING)
        orders_plan(coordinator);
}

/* ---- time ---- */

static void on_silent(void *arg, struct member *member)
{
    struct coordinator *coordinator = arg;
    log_warn("member_silent", LOG_TEXT("id", member->id), LOG_TEXT("host", member->host));
    coordinator->metrics.suspicions_total++;
    free_slots(coordinator, member->key);
    leader_plan(coordinator, "%s fell silent", member->id);
    publish_audit(coordinator, "silent", member->id, member->host);
}

static void count(struct coordinator *coordinator)
{
    struct coordinator_metrics *metrics = &coordinator->metrics;
    metrics->workers = metrics->fetchers = metrics->partitions_unassigned = metrics->shards_unassigned = metrics->lag_records = 0;
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

void leader_tick(struct coordinator *coordinator)
{
    int64_t now = loop_now_ms(coordinator->loop);
    if (coordinator->leading == LEAD_NOT)
        return;
    ask_meta(coordinator, now);
    if (coordinator->leading < LEAD_SETTLING)
        return;
    members_age(&coordinator->members, now, on_silent, coordinator);
    if (coordinator->leading == LEAD_SETTLING && now >= coordinator->settle_ms) {
        coordinator->leading = LEAD_ACTING;
        for (struct member *member = coordinator->members.first; member; member = member->next)
            member->target_changed = true;
        leader_plan(coordinator, "%s took the lead", coordinator->id);
    }
    if (coordinator->leading != LEAD_ACTING)
        return;
    if (coordinator->plan_due)
        orders_plan(coordinator);
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        if (member->state == MEMBER_LIVE || member->state == MEMBER_DRAINING)
            orders_send(coordinator, member, now);
    }
    count(coordinator);
    if (now - coordinator->published_ms >= PUBLISH_MS) {
        coordinator->published_ms = now;
        publish(coordinator);
    }
}
