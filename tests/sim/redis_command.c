/* Commands of the simulated Redis (redis.h): those that workers and coordinators send, and no others. */
#include "redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN "the simulator does not know this command: %s %.60s"

static const struct store_reply *ok(struct arena *arena)
{
    return reply_new(arena, STORE_STATUS, "OK", 2);
}

static bool is(const struct redis_command *command, const char *name)
{
    return strcmp(command->argv[0], name) == 0;
}

static bool string_is(const char *key, const char *value)
{
    const struct redis_value *stored = redis_get(redis_find(key), NULL);
    return stored && strcmp(stored->bytes, value) == 0;
}

/* ---- the coordinator's small scripts, told apart by what they say ---- */

/* Another's lease is the answer when there is one. */
static const struct store_reply *take_lease(const struct redis_command *command, struct arena *arena)
{
    const char *name = command->argv[3], *value = command->argv[4];
    if (redis_find(name) && !string_is(name, value))
        return reply_value(arena, redis_get(redis_find(name), NULL));
    struct redis_key *key = redis_key(name);
    redis_set(key, NULL, value, strlen(value));
    redis_expire(key, world.now_ms + strtoll(command->argv[5], NULL, 10));
    return reply_integer(arena, 1);
}

/* The leader's view, unless a later one is there (coordinator/publish.c). */
static const struct store_reply *eval_view(const struct redis_command *command, struct arena *arena)
{
    const char *name = command->argv[3];
    const struct redis_value *there = redis_get(redis_find(name), NULL);
    const char *mark = there ? strstr(there->bytes, "\"term\":") : NULL;
    long long term = 0, at = 0, new_term = strtoll(command->argv[4], NULL, 10),
              new_at = strtoll(command->argv[5], NULL, 10);
    if (mark && sscanf(mark, "\"term\":%lld,\"at_ms\":%lld", &term, &at) == 2 &&
        (term > new_term || (term == new_term && at > new_at)))
        return reply_integer(arena, term);
    redis.view_lost = false;
    redis_set(redis_key(name), NULL, command->argv[6], command->sizes[6]);
    return reply_integer(arena, 0);
}

/* What an account has used, unless a later note is there (coordinator/grant.c). */
static const struct store_reply *eval_note(const struct redis_command *command, struct arena *arena)
{
    struct redis_key *key = redis_key(command->argv[3]);
    int64_t term = redis_integer(key, "term"), at = redis_integer(key, "noted_ms");
    int64_t new_term = strtoll(command->argv[4], NULL, 10), new_at = strtoll(command->argv[5], NULL, 10);
    if (term > new_term || (term == new_term && at > new_at))
        return reply_integer(arena, term);
    redis_set_integer(key, "term", new_term);
    redis_set_integer(key, "noted_ms", new_at);
    redis_set(key, "ledger", command->argv[6], command->sizes[6]);
    return reply_integer(arena, 0);
}

static const struct store_reply *eval(const struct redis_command *command, struct arena *arena)
{
    const char *script = command->argv[1], *name = command->argv[3], *value = command->argv[4];
    bool three = command->argc > 5;
    if (strstr(script, "'ZADD'")) /* who stands by: for people only */
        return reply_text(arena, "");
    if (strstr(script, "'ledger'"))
        return eval_note(command, arena);
    if (strstr(script, "at_ms"))
        return eval_view(command, arena);
    if (three && strstr(script, "'SET'") && strstr(script, "return v end") && strstr(script, "'PX'"))
        return take_lease(command, arena);
    if (three && strstr(script, "'PEXPIRE'")) {
        bool ours = string_is(name, value);
        if (ours)
            redis_expire(redis_key(name), world.now_ms + strtoll(command->argv[5], NULL, 10));
        return reply_integer(arena, ours);
    }
    if (strstr(script, "'DEL'")) {
        bool ours = string_is(name, value);
        if (ours)
            redis_unlink(redis_key(name));
        return reply_integer(arena, ours);
    }
    if (!strstr(script, "tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1])"))
        violation(UNKNOWN, command->argv[0], script);
    if (redis_integer(redis_find(name), NULL) < strtoll(value, NULL, 10))
        redis_set(redis_key(name), NULL, value, strlen(value));
    return reply_new(arena, STORE_NIL, "", 0);
}

/* ---- plain commands ---- */

static const struct store_reply *hmget(const struct redis_command *command, struct arena *arena)
{
    const struct redis_key *key = redis_find(command->argv[1]);
    struct store_reply *reply = reply_array(arena, command->argc - 2);
    for (size_t i = 2; i < command->argc; i++)
        reply_put(reply, i - 2, reply_value(arena, redis_get(key, command->argv[i])));
    return reply;
}

static const struct store_reply *hgetall(const struct redis_command *command, struct arena *arena)
{
    const struct redis_key *key = redis_find(command->argv[1]);
    return key ? reply_fields(arena, key) : reply_array(arena, 0);
}

static const struct store_reply *hvals(const struct redis_command *command, struct arena *arena)
{
    const struct redis_key *key = redis_find(command->argv[1]);
    struct store_reply *reply = reply_array(arena, key ? key->present : 0);
    size_t count = 0;
    for (const struct redis_slot *slot = key ? key->fields : NULL; slot; slot = slot->hh.next) {
        if (slot->value.bytes)
            reply_put(reply, count++, reply_value(arena, &slot->value));
    }
    return reply;
}

static const struct store_reply *time_of_day(struct arena *arena)
{
    char text[24];
    int64_t now_ms = WALL_START_MS + world.now_ms;
    struct store_reply *reply = reply_array(arena, 2);
    snprintf(text, sizeof text, "%" PRId64, now_ms / 1000);
    reply_put(reply, 0, reply_text(arena, text));
    snprintf(text, sizeof text, "%" PRId64, now_ms % 1000 * 1000);
    reply_put(reply, 1, reply_text(arena, text));
    return reply;
}

/* HDEL of a field, or HSET of one. */
static const struct store_reply *hash_change(const struct redis_command *command, struct arena *arena)
{
    bool sets = is(command, "HSET"), there = redis_get(redis_find(command->argv[1]), command->argv[2]) != NULL;
    redis_set(redis_key(command->argv[1]), command->argv[2], sets ? command->argv[3] : NULL,
              sets ? command->sizes[3] : 0);
    return reply_integer(arena, sets != there);
}

static const struct store_reply *incr(const struct redis_command *command, struct arena *arena)
{
    int64_t number = redis_integer(redis_find(command->argv[1]), NULL) + 1;
    redis_set_integer(redis_key(command->argv[1]), NULL, number);
    return reply_integer(arena, number);
}

/* SCRIPT LOAD, with the script's name in the place of its text. */
static const struct store_reply *script(const struct redis_command *command, struct arena *arena)
{
    static const char *const names[] = {"acquire", "load", "commit"};
    for (int i = 0; i < 3; i++)
        redis.scripts[i] |= strcmp(command->argv[2], names[i]) == 0;
    return ok(arena);
}

static const struct store_reply *evalsha(const struct redis_command *command, struct arena *arena)
{
    static const char noscript[] = "NOSCRIPT No matching script.";
    static const struct {
        const char *name;
        const struct store_reply *(*run)(const struct redis_command *command, struct arena *arena);
    } scripts[] = {{"acquire", script_acquire}, {"load", script_load}, {"commit", script_commit}};
    for (int i = 0; i < 3; i++) {
        if (strcmp(command->script, scripts[i].name) != 0)
            continue;
        return redis.scripts[i] ? scripts[i].run(command, arena)
                                : reply_new(arena, STORE_ERROR, noscript, sizeof noscript - 1);
    }
    violation(UNKNOWN, "EVALSHA", command->script);
}

/* What a leader notes for those after it; see api.c. */
static void note_view(const struct redis_command *command)
{
    if (command->argc < 2 || strcmp(command->argv[1], PREFIX "cluster") != 0)
        return;
    if (is(command, "GET"))
        redis.view_missed |= redis.view_lost || world.now_ms - redis.lost_ms < REDIS_LEASE_MS;
}

const struct store_reply *redis_execute(const struct redis_command *command, struct arena *arena)
{
    if (command->script)
        return evalsha(command, arena);
    note_view(command);
    if (is(command, "EVAL"))
        return eval(command, arena);
    if (is(command, "EXISTS"))
        return reply_integer(arena, redis_find(command->argv[1]) != NULL);
    if (is(command, "TIME"))
        return time_of_day(arena);
    if (is(command, "HMGET"))
        return hmget(command, arena);
    if (is(command, "HVALS"))
        return hvals(command, arena);
    if (is(command, "HGETALL"))
        return hgetall(command, arena);
    if (is(command, "INCR"))
        return incr(command, arena);
    if (is(command, "SCRIPT"))
        return script(command, arena);
    if (is(command, "HGET") || is(command, "GET"))
        return reply_value(arena,
                           redis_get(redis_find(command->argv[1]), is(command, "GET") ? NULL : command->argv[2]));
    if (is(command, "INFO"))
        return reply_text(arena, "maxmemory_policy:noeviction\r\naof_enabled:1\r\n");
    if (is(command, "HDEL") || is(command, "HSET"))
        return hash_change(command, arena);
    if (is(command, "SET") && command->argc == 3)
        redis_set(redis_key(command->argv[1]), NULL, command->argv[2], command->sizes[2]);
    else if (!is(command, "XADD") && !is(command, "PING")) /* nobody here reads the audit */
        violation(UNKNOWN, command->argv[0], command->argc > 1 ? command->argv[1] : "");
    return ok(arena);
}
