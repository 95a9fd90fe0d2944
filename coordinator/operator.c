/*
 * Operators' commands (coordinator.h). A command is carried out once, whichever way its messages come: the last answers
 * are kept by the command's id, and a command that comes again gets the same one. What outlives the leader is written
 * to Redis before it is done and answered; who leads next reads it from there.
 */
#include "coordinator.h"

#include "channel_envelope.h"
#include "mem.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A drain or its end that is on its way to Redis. */
struct noting {
    struct coordinator *coordinator;
    int64_t term, id;
    char operator[65]; /* whom to answer */
    int64_t incarnation;
    bool drain;
    struct drained_member member;
};

/* ---- answers ---- */

static struct answered *answered_of(struct coordinator *coordinator, int64_t id)
{
    for (size_t i = 0; i < ANSWERS_KEPT; i++) {
        if (coordinator->answers[i].id == id)
            return &coordinator->answers[i];
    }
    return NULL;
}

static void send_answer(struct coordinator *coordinator, const struct answered *answered, const char *operator,
                        int64_t incarnation)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Answer answer = ISOBAR__V1__ANSWER__INIT;
    answer.id = answered->id;
    answer.ok = answered->ok;
    answer.text = (char *)answered->text;
    answer.number = answered->number;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_ANSWER;
    envelope.answer = &answer;
    (void)post_send(&coordinator->post, &envelope, operator, incarnation);
}

/* Begins an answer in place of the oldest. */
static struct answered *begin_answer(struct coordinator *coordinator, int64_t id)
{
    struct answered *answered = &coordinator->answers[coordinator->answer_count++ % ANSWERS_KEPT];
    *answered = (struct answered){.id = id, .pending = true};
    return answered;
}

__attribute__((format(printf, 3, 4))) static void end_answer(struct answered *answered, bool ok, const char *format,
                                                             ...)
{
    struct buf text = BUF_EMPTY;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    answered->pending = false;
    answered->ok = ok;
    text_copy(answered->text, sizeof answered->text, text.data);
    buf_release(&text);
}

/* ---- drain ---- */

static int64_t slots_of(const struct coordinator *coordinator, const struct member *member)
{
    const struct slots *slots =
        member->role == ISOBAR__V1__ROLE__WORKER ? &coordinator->partitions : &coordinator->shards;
    int64_t held = 0;
    for (int32_t i = 0; i < coordinator->partition_count; i++)
        held += slots->slots[i].state != SLOT_FREE && slots->slots[i].owner == member->key;
    return held;
}

void operator_drained(struct coordinator *coordinator, const struct drained_member *like, bool drain)
{
    struct member *member = member_find(&coordinator->members, like->id);
    if (drain)
        drained_put(&coordinator->drained, like);
    else
        (void)drained_remove(&coordinator->drained, like->id);
    log_info(drain ? "member_drained" : "member_undrained", LOG_TEXT("id", like->id), LOG_TEXT("who", like->who));
    publish_audit(coordinator, drain ? "drain" : "undrain", like->who, like->id);
    if (!member || !member_reachable(member) || !drain)
        return; /* its next heartbeat tells the rest */
    member->state = MEMBER_DRAINING;
    member->target_changed = true;
    leader_plan(coordinator, "%s is drained by %s", like->id, like->who);
}

static void on_noted(void *arg, int status, const struct store_reply *reply)
{
    struct noting *noting = arg;
    struct coordinator *coordinator = noting->coordinator;
    bool noted = status == 0 && reply->type == STORE_INT;
    bool leads = coordinator->leading >= LEAD_SETTLING && coordinator->term == noting->term;
    struct answered *answered = answered_of(coordinator, noting->id);
    if (noted && leads) {
        coordinator_wake(coordinator);
        operator_drained(coordinator, &noting->member, noting->drain);
    }
    if (answered && noted && leads) {
        const struct member *member = member_find(&coordinator->members, noting->member.id);
        answered->number = noting->drain && member ? slots_of(coordinator, member) : 0;
        end_answer(answered, true, noting->drain ? "%s is drained" : "%s is drained no more", noting->member.id);
    } else if (answered) {
        end_answer(answered, false, "Redis did not take it: %s",
                   status == 0 && reply->type == STORE_ERROR ? reply->text : "no answer");
    }
    if (answered && leads)
        send_answer(coordinator, answered, noting->operator, noting->incarnation);
    if (coordinator->plan_due && coordinator->leading == LEAD_ACTING)
        orders_plan(coordinator);
    free(noting);
}

static void note(struct coordinator *coordinator, struct noting *noting)
{
    char key[256];
    struct buf value = BUF_EMPTY;
    snprintf(key, sizeof key, "%sdrained", coordinator->options->prefix);
    drained_format(&noting->member, &value);
    if (noting->drain)
        store_send(coordinator->store, on_noted, noting, "HSET", key, noting->member.id, value.data, NULL);
    else
        store_send(coordinator->store, on_noted, noting, "HDEL", key, noting->member.id, NULL);
    buf_release(&value);
}

static void on_forgotten(void *arg, int status, const struct store_reply *reply)
{
    (void)arg, (void)status, (void)reply; /* the entry is about an incarnation that never comes back */
}

void operator_forget(struct coordinator *coordinator, const char *id)
{
    char key[256];
    if (!drained_remove(&coordinator->drained, id) || !store_up(coordinator->store))
        return;
    snprintf(key, sizeof key, "%sdrained", coordinator->options->prefix);
    store_send(coordinator->store, on_forgotten, NULL, "HDEL", key, id, NULL);
}

/* True when there is nothing to note, and the answer is complete. */
static bool drain_is_done(struct coordinator *coordinator, const Isobar__V1__Command *command,
                          const struct member *member, struct answered *answered)
{
    bool drain = command->what == ISOBAR__V1__COMMAND_WHAT__DRAIN;
    if (!member && drain) {
        end_answer(answered, false, "there is no member %s; isobarctl members lists them", command->member);
        return true;
    }
    bool drained = member ? drained_holds(&coordinator->drained, member->id, member->incarnation)
                          : drained_find(&coordinator->drained, command->member) != NULL;
    if (drained != drain)
        return false;
    answered->number = drain ? slots_of(coordinator, member) : 0;
    end_answer(answered, true, drain ? "%s is drained" : "%s is not drained", command->member);
    return true;
}

/* ---- stopped partitions ---- */

static void resume(struct coordinator *coordinator, const Isobar__V1__Command *command, struct answered *answered)
{
    bool reset = command->what == ISOBAR__V1__COMMAND_WHAT__NOTE_RESET;
    char detail[192];
    struct slot *slot = &coordinator->partitions.slots[command->partition];
    struct slot_view *view = &coordinator->partitions.views[command->partition];
    struct member *member = slot->state == SLOT_GIVEN ? member_by_key(&coordinator->members, slot->owner) : NULL;
    bool stopped = member && view->phase == ISOBAR__V1__PARTITION_PHASE__STOPPED;
    if (stopped) {
        answered->number = slot->number = ++coordinator->partitions.number;
        view->phase = ISOBAR__V1__PARTITION_PHASE__ACQUIRING;
        view->alarm[0] = '\0';
        member->target_changed = true;
        orders_send(coordinator, member);
        end_answer(answered, true, "partition %d is tried again by %s", command->partition, member->id);
    } else if (!member) {
        end_answer(answered, true, "partition %d has no owner now; the next one tries it", command->partition);
    } else {
        answered->number = slot->number;
        end_answer(answered, true, "partition %d is not stopped; %s has it", command->partition, member->id);
    }
    snprintf(detail, sizeof detail, "partition %d%s%.120s", command->partition, reset ? ": " : "",
             reset ? command->detail : "");
    if (stopped || reset) {
        log_info(reset ? "partition_reset" : "partition_resumed", LOG_INT("partition", command->partition),
                 LOG_TEXT("who", command->who));
        publish_audit(coordinator, reset ? "reset" : "resume", command->who, detail);
    }
}

/* ---- commands ---- */

static void start_noting(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope,
                         const struct member *member)
{
    const Isobar__V1__Command *command = envelope->command;
    struct noting *noting = mem_alloc(sizeof *noting);
    *noting =
        (struct noting){.coordinator = coordinator,
                        .term = coordinator->term,
                        .id = command->id,
                        .incarnation = envelope->incarnation,
                        .drain = command->what == ISOBAR__V1__COMMAND_WHAT__DRAIN,
                        .member = {.incarnation = member ? member->incarnation : 0, .at_ms = coordinator->wall_ms}};
    text_copy(noting->operator, sizeof noting->operator, envelope->member);
    text_copy(noting->member.id, sizeof noting->member.id, command->member);
    text_copy(noting->member.who, sizeof noting->member.who, command->who);
    note(coordinator, noting);
}

static bool sane(const struct coordinator *coordinator, const Isobar__V1__Command *command)
{
    switch (command->what) {
    case ISOBAR__V1__COMMAND_WHAT__DRAIN:
    case ISOBAR__V1__COMMAND_WHAT__UNDRAIN:
        return channel_member_valid(command->member);
    case ISOBAR__V1__COMMAND_WHAT__RESUME:
    case ISOBAR__V1__COMMAND_WHAT__NOTE_RESET:
        return command->partition >= 0 && command->partition < coordinator->partition_count;
    default:
        return false;
    }
}

void operator_command(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
    const Isobar__V1__Command *command = envelope->command;
    struct answered *answered = command->id > 0 ? answered_of(coordinator, command->id) : NULL;
    if (command->id <= 0 || coordinator->leading != LEAD_ACTING) {
        coordinator->refused += command->id <= 0;
        return; /* one that comes too early comes again */
    }
    bool known = answered != NULL, drains = command->what == ISOBAR__V1__COMMAND_WHAT__DRAIN ||
                                            command->what == ISOBAR__V1__COMMAND_WHAT__UNDRAIN;
    if (!known) {
        answered = begin_answer(coordinator, command->id);
        const struct member *member = drains ? member_find(&coordinator->members, command->member) : NULL;
        if (!sane(coordinator, command))
            end_answer(answered, false, "there is no such command, member or partition here");
        else if (!drains)
            resume(coordinator, command, answered);
        else if (!drain_is_done(coordinator, command, member, answered))
            start_noting(coordinator, envelope, member);
    }
    if (!answered->pending)
        send_answer(coordinator, answered, envelope->member, envelope->incarnation);
}
