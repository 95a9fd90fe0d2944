/*
 * Members' messages (coordinator.h): HELLO, HEARTBEAT, RELEASED and BYE; operators' go to operator.c. All of them are
 * state, so any may be lost, come twice or come late; RELEASED only makes faster what the next heartbeat says anyway.
 */
#include "coordinator.h"

#include "text.h"

#include <stdio.h>

#define SAY_MS 5000

static void welcome(struct coordinator *coordinator, const Isobar__V1__Envelope *to)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Welcome message = ISOBAR__V1__WELCOME__INIT;
    message.term = coordinator->term;
    message.partitions = coordinator->partition_count;
    message.leader = coordinator->id;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_WELCOME;
    envelope.welcome = &message;
    (void)post_send(&coordinator->post, &envelope, to->member, to->incarnation);
}

/* Answers a heartbeat; `greet` asks a stranger for a HELLO. */
static void beat(struct coordinator *coordinator, const Isobar__V1__Envelope *to, bool greet)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Heartbeat message = ISOBAR__V1__HEARTBEAT__INIT;
    message.term = coordinator->term;
    message.greet = greet;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &message;
    (void)post_send(&coordinator->post, &envelope, to->member, to->incarnation);
}

/* ---- HELLO ---- */

static void say_refused(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope, const char *event,
                        const struct member *known)
{
    char host[65];
    text_copy(host, sizeof host, envelope->hello->host);
    if (log_limit_pass(&coordinator->duplicate_limit, coordinator->now_ms, SAY_MS, NULL))
        log_warn(event, LOG_TEXT("id", envelope->member), LOG_TEXT("refused_on", host),
                 LOG_TEXT("known_on", known ? known->host : ""));
}

static void on_joined(struct coordinator *coordinator, const struct member *member)
{
    log_info("member_joined", LOG_TEXT("id", member->id),
             LOG_TEXT("role", member->role == ISOBAR__V1__ROLE__WORKER ? "worker" : "fetcher"),
             LOG_TEXT("host", member->host), LOG_INT("pid", member->pid));
    publish_audit(coordinator, "joined", member->id, member->host);
}

static void on_hello(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
    const Isobar__V1__Hello *hello = envelope->hello;
    uint32_t former = 0;
    bool known_role = hello->role == ISOBAR__V1__ROLE__WORKER || hello->role == ISOBAR__V1__ROLE__FETCHER ||
                      hello->role == ISOBAR__V1__ROLE__OPERATOR;
    if (!known_role || hello->term < 0 || hello->term >= COUNTER_LIMIT) {
        coordinator->refused++;
        return;
    }
    if (hello->term > coordinator->term)
        leader_raise(coordinator, hello->term); /* or it would drop our WELCOME */
    if (hello->role == ISOBAR__V1__ROLE__OPERATOR) {
        welcome(coordinator, envelope);
        return; /* no member */
    }
    enum member_greeting greeting = member_greet(&coordinator->members, envelope, coordinator->now_ms, &former);
    const struct member *member = member_find(&coordinator->members, envelope->member);
    if (greeting == GREETING_DUPLICATE || greeting == GREETING_FULL) {
        say_refused(coordinator, envelope, greeting == GREETING_FULL ? "too_many_members" : "duplicate_member", member);
        return;
    }
    if (greeting == GREETING_REPLACED)
        leader_free_slots(coordinator, former, "came back as another process");
    if (greeting != GREETING_KNOWN)
        on_joined(coordinator, member);
    const struct drained_member *drained = drained_find(&coordinator->drained, member->id);
    if (drained && drained->incarnation != member->incarnation)
        operator_forget(coordinator, member->id);
    welcome(coordinator, envelope);
}

/* ---- HEARTBEAT ---- */

static void on_alive(struct coordinator *coordinator, struct member *member, const Isobar__V1__Heartbeat *heartbeat)
{
    member->heard_ms = coordinator->now_ms;
    member->records = heartbeat->records;
    member->calls = heartbeat->calls;
    member->calls_refused = heartbeat->calls_refused;
    member->calls_failed = heartbeat->calls_failed;
    member->commits = heartbeat->commits;
    member->commit_p50_ms = heartbeat->commit_p50_ms;
    member->commit_p99_ms = heartbeat->commit_p99_ms;
    source_take(&member->sources, heartbeat, coordinator->now_ms);
    if (member->state == MEMBER_SUSPECT) {
        member->state = MEMBER_LIVE;
        member->target_changed = true;
        log_info(member->expected ? "member_kept" : "member_back", LOG_TEXT("id", member->id));
        member->filling = "is back";
        leader_plan(coordinator, "%s is back", member->id);
        member->expected = false;
    } else if (!member->beats) {
        member->filling = "joined";
        leader_plan(coordinator, "%s joined", member->id);
    }
    member->beats = true;
    bool drains = heartbeat->draining || drained_holds(&coordinator->drained, member->id, member->incarnation);
    enum member_state state = drains ? MEMBER_DRAINING : MEMBER_LIVE;
    if (member->state != state) {
        member->state = state;
        member->filling = "drains no more"; /* or drains, then it gets nothing anyway */
        leader_plan(coordinator, drains ? "%s drains" : "%s drains no more", member->id);
        publish_audit(coordinator, drains ? "draining" : "back", member->id, member->host);
    }
}

/* Whether the member has seen its last target, and that is what we want now. */
static bool is_current(const struct coordinator *coordinator, const struct member *member,
                       const Isobar__V1__Heartbeat *heartbeat)
{
    return heartbeat->term == coordinator->term && heartbeat->target_version == member->target_version &&
           !member->target_changed;
}

static void on_heartbeat(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
    const Isobar__V1__Heartbeat *heartbeat = envelope->heartbeat;
    struct member *member = member_find(&coordinator->members, envelope->member);
    if (!report_sane(heartbeat)) {
        coordinator->refused++;
        return;
    }
    if (heartbeat->term > coordinator->term)
        leader_raise(coordinator, heartbeat->term);
    if (!member || member->incarnation != envelope->incarnation) {
        beat(coordinator, envelope, true);
        return;
    }
    if (heartbeat->term == coordinator->term && heartbeat->target_version > member->target_version)
        leader_raise(coordinator, heartbeat->term); /* of a leader to whom Redis, gone back since, gave the same term */
    on_alive(coordinator, member, heartbeat);
    bool current = is_current(coordinator, member, heartbeat);
    if (heartbeat->term == coordinator->term && heartbeat->target_version == member->target_version)
        member->target_seen = member->target_version;
    if (member->role == ISOBAR__V1__ROLE__FETCHER) {
        grant_heard(coordinator, member, heartbeat);
        share_heard(coordinator, member, heartbeat, current);
    }
    report_slots(coordinator, member, heartbeat, current);
    if (coordinator->leading == LEAD_ACTING) {
        report_serve(coordinator, member, heartbeat);
        if (!coordinator->plan_due) /* else what is sent is what is planned */
            orders_send(coordinator, member);
    }
    beat(coordinator, envelope, false);
}

/* ---- RELEASED and BYE ---- */

static void on_released(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
    const struct member *member = member_find(&coordinator->members, envelope->member);
    for (size_t i = 0; member && member->incarnation == envelope->incarnation && i < envelope->released->n_partitions;
         i++) {
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
    char reason[96];
    if (!member || member->incarnation != envelope->incarnation)
        return;
    text_copy(reason, sizeof reason, envelope->bye->reason);
    log_info("member_left", LOG_TEXT("id", member->id), LOG_TEXT("reason", reason));
    member->state = MEMBER_GONE;
    member->expected = false;
    for (size_t i = 0; i < member->account_count; i++) /* it has said that it calls no more */
        member->accounts[i].minute.may_milli = member->accounts[i].second.may_milli = 0;
    operator_forget(coordinator, member->id);
    leader_free_slots(coordinator, member->key, "left");
    leader_plan(coordinator, "%s left", member->id);
    publish_audit(coordinator, "left", member->id, reason);
}

void leader_message(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
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
    case ISOBAR__V1__ENVELOPE__BODY_COMMAND:
        operator_command(coordinator, envelope);
        break;
    default:
        coordinator->refused++;
        break;
    }
    if (coordinator->plan_due && coordinator->leading == LEAD_ACTING)
        orders_plan(coordinator);
}
