/*
 * What a former leader knew (coordinator.h), from the view that it wrote to Redis every second. From the members a new
 * leader knows for whom to wait before it gives partitions away, and which shares of the quota may be in use by
 * fetchers that it does not hear; from the slots what they weigh, so that it does not undo a balance that was found by
 * load, and why they are where they are. What members say themselves overrides all of it.
 *
 * How old the view is decides whether it counts. It is dated by Redis' clock: by the clocks of two coordinators, one of
 * which is wrong, a fresh view would be ignored and what it keeps back given away.
 */
#include "coordinator.h"

#include "channel_envelope.h"
#include "text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int64_t integer(const json_t *object, const char *name, int64_t low, int64_t high)
{
    int64_t value = json_integer_value(json_object_get(object, name));
    return value < low ? low : value > high ? high : value;
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static void parse_account(const json_t *object, struct member *member)
{
    struct member_account *of = &member->accounts[member->account_count++];
    text_copy(of->name, sizeof of->name, text(object, "account"));
    of->minute.may_milli = (int32_t)integer(object, "share_milli", QUOTA_UNLIMITED, INT32_MAX);
    of->second.may_milli = (int32_t)integer(object, "share_second_milli", QUOTA_UNLIMITED, INT32_MAX);
}

/* Accounts and shares: its first with the member, others in a list. */
static void parse_accounts(const json_t *object, struct member *member)
{
    const json_t *further = json_object_get(object, "further_accounts");
    parse_account(object, member);
    for (size_t i = 0; i < json_array_size(further) && member->account_count < MEMBER_ACCOUNTS; i++)
        parse_account(json_array_get(further, i), member);
}

/* False when it is no member, or one that has gone. */
static bool parse(const json_t *object, struct member *member)
{
    const char *id = text(object, "id"), *role = text(object, "role"), *state = text(object, "state");
    bool live = strcmp(state, "live") == 0 || strcmp(state, "draining") == 0;
    bool worker = strcmp(role, "worker") == 0;
    if (!channel_member_valid(id) || (!worker && strcmp(role, "fetcher") != 0) ||
        (!live && strcmp(state, "suspect") != 0))
        return false;
    *member = (struct member){.role = worker ? ISOBAR__V1__ROLE__WORKER : ISOBAR__V1__ROLE__FETCHER, .expected = live};
    member->incarnation = (int64_t)strtoull(text(object, "incarnation"), NULL, 16);
    member->capacity = (int32_t)integer(object, "capacity", 1, MEMBER_CAPACITY);
    member->pid = integer(object, "pid", 0, INT32_MAX);
    if (!worker)
        parse_accounts(object, member);
    text_copy(member->id, sizeof member->id, id);
    text_copy(member->zone, sizeof member->zone, text(object, "zone"));
    text_copy(member->host, sizeof member->host, text(object, "host"));
    text_copy(member->version, sizeof member->version, text(object, "version"));
    return true;
}

/* What slots weigh and why they are where they are, of one list of the view. */
static void restore_slots(struct coordinator *coordinator, struct slots *slots, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && i < (size_t)coordinator->partition_count; i++) {
        const json_t *object = json_array_get(list, i);
        struct slot_view *view = &slots->views[i];
        if (json_is_integer(json_object_get(object, "load")))
            load_restore(&slots->loads[i], integer(object, "load", LOAD_UNKNOWN, LOAD_LIMIT));
        view->reason_number = integer(object, "number", 0, COUNTER_LIMIT);
        view->since_ms = integer(object, "since", 0, COUNTER_LIMIT);
        text_copy(view->reason, sizeof view->reason, text(object, "reason"));
    }
}

void former_restore(struct coordinator *coordinator, const char *view, size_t size)
{
    json_t *root = view ? json_loadb(view, size, 0, NULL) : NULL;
    int64_t age_ms = coordinator->now_ms + coordinator->redis_ahead_ms - integer(root, "at_ms", 0, INT64_MAX);
    const json_t *list = json_object_get(root, "members");
    age_ms = age_ms < 0 ? 0 : age_ms; /* Redis' clock was set back */
    for (size_t i = 0; age_ms <= MEMBER_KEEP_MS && i < json_array_size(list); i++) {
        struct member member;
        const json_t *object = json_array_get(list, i);
        if (!parse(object, &member))
            continue;
        int64_t silent_ms = age_ms + integer(object, "heartbeat_age_ms", 0, MEMBER_KEEP_MS);
        /* Silent long enough that another process may come under its id. */
        silent_ms = silent_ms > MEMBER_SILENT_MS ? silent_ms : MEMBER_SILENT_MS + 1;
        (void)member_restore(&coordinator->members, &member, coordinator->now_ms - silent_ms);
    }
    if (coordinator->partition_count == integer(root, "partitions", 0, INT32_MAX) && age_ms <= MEMBER_KEEP_MS) {
        restore_slots(coordinator, &coordinator->partitions, json_object_get(root, "partition_list"));
        restore_slots(coordinator, &coordinator->shards, json_object_get(root, "shard_list"));
    }
    json_decref(root);
}
