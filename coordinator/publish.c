/*
 * The leader's view as JSON, and the audit stream (coordinator.h; docs/contracts.md has the shape). All text in it is
 * UTF-8: the channel, text_copy and the options' checks saw to that.
 */
#include "coordinator.h"

#include "standby.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const phase_names[] = {"acquiring", "acquiring", "running", "releasing", "stopped"};
static const char *const state_names[] = {"live", "draining", "suspect", "gone"};

static const char *owner_of(const struct coordinator *coordinator, const struct slot *slot)
{
    const struct member *member = slot->state == SLOT_FREE ? NULL : member_by_key(&coordinator->members, slot->owner);
    return member ? member->id : "";
}

static const char *phase_of(const struct slot *slot, const struct slot_view *view)
{
    unsigned phase = (unsigned)view->phase; /* from the wire: any number */
    if (slot->state == SLOT_FREE)
        return "unassigned";
    if (slot->state == SLOT_RELEASING)
        return "releasing";
    return phase < sizeof phase_names / sizeof *phase_names ? phase_names[phase] : phase_names[0];
}

/* Whether what the view says of why and since when is about the present state of the slot. */
static bool explained(const struct slot *slot, const struct slot_view *view)
{
    return view->reason_number == slot->number;
}

static json_t *partition_json(const struct coordinator *coordinator, int32_t index)
{
    const struct slot *slot = &coordinator->partitions.slots[index];
    const struct slot_view *view = &coordinator->partitions.views[index];
    return json_pack(
        "{s:i,s:s,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:I,s:s}", "partition", index, "owner",
        owner_of(coordinator, slot), "number", (json_int_t)slot->number, "phase", phase_of(slot, view), "offset",
        (json_int_t)view->offset, "lag", (json_int_t)view->lag, "lag_ms", (json_int_t)view->lag_ms, "progress_age_ms",
        (json_int_t)view->progress_age_ms, "clock_ms", (json_int_t)view->clock_ms, "watermark_ms",
        (json_int_t)view->watermark_ms, "rows", (json_int_t)view->rows, "alarm", view->alarm, "load",
        (json_int_t)load_rate(&coordinator->partitions.loads[index]), "since",
        (json_int_t)(explained(slot, view) ? view->since_ms : 0), "reason", explained(slot, view) ? view->reason : "");
}

static json_t *shard_json(const struct coordinator *coordinator, int32_t index)
{
    const struct slot *slot = &coordinator->shards.slots[index];
    const struct slot_view *view = &coordinator->shards.views[index];
    return json_pack("{s:i,s:s,s:I,s:i,s:i,s:I,s:I,s:s}", "shard", index, "owner", owner_of(coordinator, slot),
                     "number", (json_int_t)slot->number, "cities", (int)view->cities, "failing", (int)view->failing,
                     "catalogue_version", (json_int_t)view->catalogue_version, "since",
                     (json_int_t)(explained(slot, view) ? view->since_ms : 0), "reason",
                     explained(slot, view) ? view->reason : "");
}

static size_t held_by(const struct coordinator *coordinator, const struct member *member)
{
    const struct slots *slots =
        member->role == ISOBAR__V1__ROLE__WORKER ? &coordinator->partitions : &coordinator->shards;
    size_t held = 0;
    for (int32_t i = 0; i < coordinator->partition_count; i++)
        held += slots->slots[i].state != SLOT_FREE && slots->slots[i].owner == member->key;
    return held;
}

/* Records a second of the partitions that the worker holds, and in `lag` how many they are behind. */
static double records_of(const struct coordinator *coordinator, const struct member *member, int64_t *lag)
{
    const struct slots *slots = &coordinator->partitions;
    double records = 0;
    for (int32_t i = 0; i < coordinator->partition_count; i++) {
        if (slots->slots[i].state == SLOT_FREE || slots->slots[i].owner != member->key)
            continue;
        records += load_records(&slots->loads[i]);
        *lag += slots->views[i].lag > 0 ? slots->views[i].lag : 0;
    }
    return floor(records * 10 + 0.5) / 10;
}

/* The accounts that a fetcher calls besides its first. */
static json_t *further_accounts(const struct member *member)
{
    json_t *list = json_array();
    for (size_t i = 1; i < member->account_count; i++) {
        const struct member_account *of = &member->accounts[i];
        json_array_append_new(list, json_pack("{s:s,s:I,s:I}", "account", of->name, "share_milli",
                                              (json_int_t)of->minute.may_milli, "share_second_milli",
                                              (json_int_t)of->second.may_milli));
    }
    return list;
}

/* What it has done since its start, and how long its newest commits took. */
static json_t *since_start(const struct member *member)
{
    return json_pack("{s:I,s:i,s:i,s:I,s:I}", "commits", (json_int_t)member->commits, "commit_p50_ms",
                     (int)member->commit_p50_ms, "commit_p99_ms", (int)member->commit_p99_ms, "calls_refused",
                     (json_int_t)member->calls_refused, "calls_failed", (json_int_t)member->calls_failed);
}

static json_t *member_json(const struct coordinator *coordinator, const struct member *member)
{
    char incarnation[24];
    const struct drained_member *drained = drained_find(&coordinator->drained, member->id);
    bool is_drained = drained && drained->incarnation == member->incarnation;
    int64_t lag = 0;
    double records = records_of(coordinator, member, &lag);
    const struct member_account *first = &member->accounts[0];
    snprintf(incarnation, sizeof incarnation, "%llx", (unsigned long long)member->incarnation);
    return json_pack(
        "{s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:s,s:I,s:i,s:I,s:I,s:I,s:I,s:s,s:f,s:I,s:I,s:I,s:s,s:I,s:o,s:o}", "id",
        member->id, "role", member->role == ISOBAR__V1__ROLE__WORKER ? "worker" : "fetcher", "host", member->host,
        "zone", member->zone, "pid", (json_int_t)member->pid, "version", member->version, "incarnation", incarnation,
        "state", state_names[member->benched && member->state == MEMBER_LIVE ? MEMBER_SUSPECT : member->state],
        "heartbeat_age_ms", (json_int_t)(coordinator->now_ms - member->heard_ms), "capacity", (int)member->capacity,
        "records", (json_int_t)member->records, "calls", (json_int_t)member->calls, "held",
        (json_int_t)held_by(coordinator, member), "share_milli", (json_int_t)first->minute.may_milli, "drained_by",
        is_drained ? drained->who : "", "records_per_s", records, "lag", (json_int_t)lag, "load",
        (json_int_t)member->load, "load_percent", (json_int_t)member->load_percent, "account", first->name,
        "share_second_milli", (json_int_t)first->second.may_milli, "further_accounts", further_accounts(member),
        "since_start", since_start(member));
}

static json_t *moves_json(const struct coordinator *coordinator)
{
    json_t *list = json_array();
    size_t kept = coordinator->move_count < MOVES_KEPT ? coordinator->move_count : MOVES_KEPT;
    for (size_t i = 0; i < kept; i++) {
        const struct move *move = &coordinator->moves[(coordinator->move_count - 1 - i) % MOVES_KEPT];
        json_array_append_new(list, json_pack("{s:I,s:s,s:i,s:s,s:s,s:s}", "at_ms", (json_int_t)move->at_ms, "kind",
                                              move->kind, "index", (int)move->index, "from", move->from, "to", move->to,
                                              "reason", move->reason));
    }
    return list;
}

void publish_view(const struct coordinator *coordinator, struct buf *out)
{
    json_t *members = json_array(), *partitions = json_array(), *shards = json_array();
    for (const struct member *member = coordinator->members.first; member; member = member->next) {
        if (member->state != MEMBER_GONE)
            json_array_append_new(members, member_json(coordinator, member));
    }
    for (int32_t i = 0; i < coordinator->partition_count; i++) {
        json_array_append_new(partitions, partition_json(coordinator, i));
        json_array_append_new(shards, shard_json(coordinator, i));
    }
    json_t *root = json_pack("{s:s,s:s,s:I,s:I,s:i,s:s,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "leader",
                             coordinator->id, "endpoint", coordinator->endpoint, "term", (json_int_t)coordinator->term,
                             "at_ms", (json_int_t)(coordinator->now_ms + coordinator->redis_ahead_ms), "partitions",
                             (int)coordinator->partition_count, "topic", coordinator->topic, "assignment_version",
                             (json_int_t)coordinator->metrics.rebalances_total, "catalogue_version",
                             (json_int_t)catalogue_version(coordinator->catalogue), "stall_ms",
                             (json_int_t)coordinator->options->stall_ms, "members", members, "partition_list",
                             partitions, "shard_list", shards, "quota", account_view(coordinator), "sources",
                             source_ages_json(coordinator), "alarms", source_alarms_json(coordinator), "rebalances",
                             moves_json(coordinator), "standbys", standby_json(coordinator));
    assert(root); /* only text that is no UTF-8 could fail */
    char *text = json_dumps(root, JSON_COMPACT);
    assert(text);
    buf_text(out, text);
    free(text);
    json_decref(root);
}

/*
 * Writes the view unless a later one is there: 0, or the term of that. A request can be executed long after its sender
 * has given it up, and an old view would hide which shares are in force.
 */
static const char view_script[] =
    "local there = redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('GET', KEYS[1]) or '' "
    "local term, at = string.match(there, '\"term\":(%d+),\"at_ms\":(%d+)') "
    "local later = term and (tonumber(term) > tonumber(ARGV[1]) or "
    "tonumber(term) == tonumber(ARGV[1]) and tonumber(at) > tonumber(ARGV[2])) "
    "if later then return tonumber(term) end "
    "redis.call('SET', KEYS[1], ARGV[3]) return 0";

static void on_view(void *arg, int status, const struct store_reply *reply)
{
    struct coordinator *coordinator = arg;
    if (--coordinator->notes > 0 || status != 0 || reply->type != STORE_INT || coordinator->leading != LEAD_ACTING)
        return;
    coordinator_wake(coordinator);
    if (reply->integer == 0)
        orders_noted(coordinator);
    else
        leader_raise(coordinator, reply->integer); /* Redis has lost terms, and the view not */
}

void publish(struct coordinator *coordinator)
{
    struct buf view = BUF_EMPTY;
    char key[256], term[24], at[24];
    if (!store_up(coordinator->store))
        return;
    coordinator->notes++;
    share_note(coordinator);
    snprintf(key, sizeof key, "%scluster", coordinator->options->prefix);
    snprintf(term, sizeof term, "%lld", (long long)coordinator->term);
    snprintf(at, sizeof at, "%lld", (long long)(coordinator->now_ms + coordinator->redis_ahead_ms));
    publish_view(coordinator, &view);
    store_send(coordinator->store, on_view, coordinator, "EVAL", view_script, "1", key, term, at, view.data, NULL);
    buf_release(&view);
}

void publish_audit(struct coordinator *coordinator, const char *what, const char *who, const char *detail)
{
    char key[256];
    snprintf(key, sizeof key, "%saudit", coordinator->options->prefix);
    const char *words[] = {"XADD", key, "MAXLEN", "~", "10000", "*", "what", what, "who", who, "detail", detail};
    backlog_add(&coordinator->backlog, sizeof words / sizeof *words, words, coordinator->wall_ms);
}

void publish_move(struct coordinator *coordinator, const struct move *move, int64_t number)
{
    char key[256], at[24], index[16], given[24];
    snprintf(key, sizeof key, "%smoves", coordinator->options->prefix);
    snprintf(at, sizeof at, "%lld", (long long)move->at_ms);
    snprintf(index, sizeof index, "%d", (int)move->index);
    snprintf(given, sizeof given, "%lld", (long long)number);
    const char *words[] = {"XADD", key,      "MAXLEN",   "~",     "20000",  "*",         "at_ms",
                           at,     "kind",   move->kind, "index", index,    "from",      move->from,
                           "to",   move->to, "number",   given,   "reason", move->reason};
    backlog_add(&coordinator->backlog, sizeof words / sizeof *words, words, 0);
}

void publish_late(struct coordinator *coordinator)
{
    char detail[96];
    int64_t lost = backlog_lost(&coordinator->backlog);
    if (lost > 0) {
        snprintf(detail, sizeof detail, "%lld entries of audit and moves while Redis was away", (long long)lost);
        publish_audit(coordinator, "lost", coordinator->id, detail);
    }
    backlog_flush(&coordinator->backlog);
}
