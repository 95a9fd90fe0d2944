/*
 * proto/acquire.lua, load.lua and commit.lua in C. Arguments that the scripts would call invalid are a violation here:
 * the worker never sends them. A mutant leaves a check out.
 */
#include "redis.h"

#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CID 32

static int32_t partition_of(const char *key)
{
    return (int32_t)strtol(key + sizeof PREFIX, NULL, 10);
}

/* ARGV[n] of the Lua text. */
static const char *value_at(const struct redis_command *command, size_t n)
{
    return command->argv[command->keys + n - 1];
}

static const char *text_of(const struct redis_key *key, const char *field)
{
    const struct redis_value *value = redis_get(key, field);
    return value ? value->bytes : "";
}

static void set_text(struct redis_key *key, const char *field, const char *text)
{
    redis_set(key, field, text, strlen(text));
}

/* ---- acquire ---- */

const struct store_reply *script_acquire(const struct redis_command *command, struct arena *arena)
{
    struct redis_key *ledger = redis_find(command->argv[0]);
    if (!ledger)
        return reply_words(arena, "missing", NULL, NULL);
    int64_t number = strtoll(value_at(command, 1), NULL, 10), stored = redis_integer(ledger, "number");
    if (number < stored || (number == stored && strcmp(value_at(command, 2), text_of(ledger, "owner")) != 0))
        return reply_words(arena, "refused", text_of(ledger, "number"), text_of(ledger, "owner"));
    if (strlen(value_at(command, 3)) != CID || strcmp(value_at(command, 3), text_of(ledger, "cid")) == 0)
        violation("an acquire's commit id is not new");
    struct store_reply *reply = reply_array(arena, 3);
    reply_put(reply, 0, reply_text(arena, "ok"));
    reply_put(reply, 1, reply_text(arena, text_of(ledger, "cid")));
    int32_t partition = partition_of(command->argv[0]);
    if (strcmp(value_at(command, 2), text_of(ledger, "owner")) != 0) {
        redis.acquired_ms[partition] = world.now_ms;
        redis.acquired_by[partition] = command->node;
        redis.acquired_offset[partition] = redis_integer(ledger, "offset");
    }
    set_text(ledger, "number", value_at(command, 1));
    set_text(ledger, "owner", value_at(command, 2));
    set_text(ledger, "cid", value_at(command, 3));
    set_text(ledger, "format", value_at(command, 4));
    reply_put(reply, 2, reply_fields(arena, ledger));
    check_acquired(command, partition, value_at(command, 3));
    chaos_acquired(&world.nodes[command->node]);
    return reply;
}

/* ---- load ---- */

/* A page of the hash from the slot at `cursor`. Pages are short now and then, as Redis may make them. */
static const struct store_reply *scan(const struct redis_key *key, size_t cursor, struct arena *arena)
{
    char next[24] = "0";
    size_t at = 0, limit = chance(world.odds.scan_short) ? 2 : SIZE_MAX, count = 0;
    struct store_reply *page = reply_array(arena, 2), *items = reply_array(arena, key ? key->present * 2 : 0);
    for (const struct redis_slot *slot = key ? key->fields : NULL; slot; slot = slot->hh.next, at++) {
        if (at < cursor || !slot->value.bytes)
            continue;
        if (count / 2 >= limit) {
            snprintf(next, sizeof next, "%zu", at);
            break;
        }
        reply_put(items, count++, reply_text(arena, slot->name));
        reply_put(items, count++, reply_value(arena, &slot->value));
    }
    items->count = count;
    reply_put(page, 0, reply_text(arena, next));
    reply_put(page, 1, items);
    return page;
}

const struct store_reply *script_load(const struct redis_command *command, struct arena *arena)
{
    const struct redis_key *ledger = redis_find(command->argv[0]);
    if (!ledger)
        return reply_words(arena, "missing", NULL, NULL);
    if (strcmp(text_of(ledger, "cid"), value_at(command, 1)) != 0) {
        outage_outdated(&world.nodes[command->node], partition_of(command->argv[0]));
        if (world.mutant != MUTANT_LOAD)
            return reply_words(arena, "mismatch", text_of(ledger, "cid"), NULL);
    }
    struct store_reply *reply = reply_array(arena, command->keys);
    reply_put(reply, 0, reply_text(arena, "ok"));
    size_t at = 2;
    for (size_t k = 1; k < command->keys; k++) {
        const struct redis_key *key = redis_find(command->argv[k]);
        if (strcmp(value_at(command, at), "scan") == 0) {
            reply_put(reply, k, scan(key, strtoull(value_at(command, at + 1), NULL, 10), arena));
            at += 3;
            continue;
        }
        size_t count = strtoull(value_at(command, at + 1), NULL, 10);
        struct store_reply *values = reply_array(arena, count);
        for (size_t i = 0; i < count; i++)
            reply_put(values, i, reply_value(arena, redis_get(key, value_at(command, at + 2 + i))));
        reply_put(reply, k, values);
        at += 2 + count;
    }
    return reply;
}

/* ---- commit ---- */

/* The mutant's counters, written a moment after the rest unless the connection breaks in between. */
struct afterthought {
    struct event event;
    int node;
    uint64_t life;
    int32_t partition;
    size_t count;
    struct redis_command command; /* its texts are in `bytes` */
    const char *argv[128];
    char bytes[8192];
};

static void drop(struct event *event)
{
    free(event);
}

static void write_ledger(struct redis_key *ledger, const struct redis_command *command, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        set_text(ledger, value_at(command, first + 2 * i), value_at(command, first + 1 + 2 * i));
}

static void on_after(struct event *event)
{
    struct afterthought *after = (struct afterthought *)(void *)event;
    char name[96];
    struct redis_key *ledger = redis_key(redis_name(after->partition, "ledger", name));
    if (world.nodes[after->node].lives == after->life && world.nodes[after->node].alive && !redis.wrong) {
        write_ledger(ledger, &after->command, 1, after->count);
        check_commit_done(after->partition);
    }
    free(after);
}

static void write_later(const struct redis_command *command, int32_t partition, size_t count)
{
    struct afterthought *after = mem_alloc(sizeof *after);
    size_t used = 0;
    *after = (struct afterthought){.event = {.fn = on_after, .drop = drop},
                                   .node = command->node,
                                   .life = world.nodes[command->node].lives,
                                   .partition = partition,
                                   .count = count};
    for (size_t i = 0; i < 2 * count; i++) {
        after->argv[i] = after->bytes + used;
        used += (size_t)snprintf(after->bytes + used, sizeof after->bytes - used, "%s", value_at(command, 6 + i)) + 1;
    }
    after->command.argv = after->argv;
    event_at(&after->event, world.now_ms + between(0, 3));
}

/* A stream is a hash here whose fields are the numbers of its entries; none is ever dropped. */
static size_t append(const struct redis_command *command, struct redis_key *key, size_t at)
{
    size_t count = strtoull(value_at(command, at + 2), NULL, 10);
    for (size_t i = 0; i < count; i++) {
        char number[24];
        size_t place = at + 3 + i;
        snprintf(number, sizeof number, "%zu", key->present);
        redis_set(key, number, value_at(command, place), command->sizes[command->keys + place - 1]);
    }
    return at + 3 + count;
}

/* What the operation at `at` does to `key`; returns where the next one is. */
static size_t operate(const struct redis_command *command, struct redis_key *key, size_t at, int64_t *retired)
{
    const char *operation = value_at(command, at);
    if (strcmp(operation, "xadd") == 0)
        return append(command, key, at);
    if (strcmp(operation, "hset") != 0) {
        if (strcmp(operation, "retire") == 0)
            *retired += redis_integer(key, "#n");
        redis_unlink(key);
        return at + 1;
    }
    int64_t added = strtoll(value_at(command, at + 2), NULL, 10);
    size_t count = strtoull(value_at(command, at + 3), NULL, 10);
    for (size_t i = 0; i < count; i++) {
        size_t place = at + 5 + 2 * i;
        redis_set(key, value_at(command, place - 1), value_at(command, place),
                  command->sizes[command->keys + place - 1]);
    }
    if (added)
        redis_set_integer(key, "#n", redis_integer(key, "#n") + added);
    return at + 4 + 2 * count;
}

const struct store_reply *script_commit(const struct redis_command *command, struct arena *arena)
{
    struct redis_key *ledger = redis_find(command->argv[0]);
    int32_t partition = partition_of(command->argv[0]);
    bool checked = world.mutant != MUTANT_CID && !command->unchecked;
    if (!ledger)
        return reply_words(arena, "missing", NULL, NULL);
    if (checked && strcmp(text_of(ledger, "cid"), value_at(command, 1)) != 0)
        return reply_words(arena, "mismatch", text_of(ledger, "cid"), text_of(ledger, "offset"));
    check_commit_begins(command, partition, value_at(command, 2));
    size_t count = strtoull(value_at(command, 5), NULL, 10), at = 6 + 2 * count;
    int64_t retired = redis_integer(ledger, "retired");
    set_text(ledger, "cid", value_at(command, 2));
    if (world.mutant == MUTANT_AFTER)
        write_later(command, partition, count);
    else
        write_ledger(ledger, command, 6, count);
    for (size_t k = 1; k < command->keys; k++)
        at = operate(command, redis_key(command->argv[k]), at, &retired);
    if (command->keys + at - 1 != command->argc)
        violation("a commit has arguments left over");
    redis_set_integer(ledger, "retired", retired);
    if (world.mutant != MUTANT_AFTER)
        check_commit_done(partition);
    return reply_words(arena, "ok", NULL, NULL);
}
