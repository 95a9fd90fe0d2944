/* Data of the simulated Redis (redis.h): slots that never move, and a list of what each change replaced. */
#include "redis.h"

#include "citystate.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct undo {
    int64_t at_ms;
    struct redis_slot *slot; /* NULL: the expiry of the key */
    struct redis_key *key;
    struct redis_value value;
    int64_t expires_ms;
};

struct redis redis;

static struct undo *undos;
static size_t undo_count, undo_capacity;
static int64_t settled_ms;

const char *redis_name(int32_t partition, const char *rest, char name[96])
{
    snprintf(name, 96, PREFIX "{%d}:%s", partition, rest);
    return name;
}

struct redis_key *redis_key(const char *name)
{
    struct redis_key *key;
    HASH_FIND_STR(redis.keys, name, key);
    if (key)
        return key;
    key = mem_alloc(sizeof *key);
    key->name = mem_strdup(name);
    key->partition = -1;
    const char *rest = strstr(name, "}:");
    if (rest) {
        key->partition = (int32_t)strtol(name + sizeof PREFIX, NULL, 10);
        key->kind = rest[2] == 'c' && rest[6] ? '\0' : rest[2]; /* not {p}:cities */
    }
    key->string.key = key;
    HASH_ADD_KEYPTR(hh, redis.keys, key->name, strlen(key->name), key);
    return key;
}

struct redis_key *redis_find(const char *name)
{
    struct redis_key *key;
    HASH_FIND_STR(redis.keys, name, key);
    if (!key || (key->present == 0 && !key->string.value.bytes))
        return NULL;
    return key->expires_ms != 0 && key->expires_ms <= world.now_ms ? NULL : key;
}

static struct redis_slot *slot_of(const struct redis_key *key, const char *field)
{
    struct redis_slot *slot;
    HASH_FIND_STR(key->fields, field, slot);
    return slot;
}

const struct redis_value *redis_get(const struct redis_key *key, const char *field)
{
    const struct redis_slot *slot = !key ? NULL : field ? slot_of(key, field) : &key->string;
    return slot && slot->value.bytes ? &slot->value : NULL;
}

int64_t redis_integer(const struct redis_key *key, const char *field)
{
    const struct redis_value *value = redis_get(key, field);
    return value ? strtoll(value->bytes, NULL, 10) : 0;
}

static void put(struct redis_slot *slot, struct redis_value value)
{
    if (slot != &slot->key->string)
        slot->key->present += (size_t)(value.bytes != NULL) - (size_t)(slot->value.bytes != NULL);
    slot->value = value;
}

static struct undo *undo_add(struct redis_key *key)
{
    if (undo_count == undo_capacity) {
        undo_capacity = undo_capacity ? undo_capacity * 2 : 1024;
        undos = mem_grow(undos, undo_capacity, sizeof *undos);
    }
    undos[undo_count] = (struct undo){.at_ms = world.now_ms, .key = key};
    return &undos[undo_count++];
}

static void change(struct redis_slot *slot, struct redis_value value)
{
    struct undo *undo = undo_add(slot->key);
    undo->slot = slot;
    undo->value = slot->value;
    put(slot, value);
}

static int64_t open_rows(const void *bytes, size_t size)
{
    struct citystate city;
    int64_t rows = 0;
    if (citystate_decode(&city, bytes, size) != 0)
        violation("a stored city cannot be decoded");
    for (int32_t i = 0; i < city.open_count; i++)
        rows += city.open[i].window.rows;
    citystate_release(&city);
    return rows;
}

void redis_set(struct redis_key *key, const char *field, const void *bytes, size_t size)
{
    struct redis_slot *slot = field ? slot_of(key, field) : &key->string;
    struct redis_value value = {.size = size};
    if (!slot) {
        slot = mem_alloc(sizeof *slot);
        slot->key = key;
        slot->name = mem_strdup(field);
        HASH_ADD_KEYPTR(hh, key->fields, slot->name, strlen(slot->name), slot);
    }
    if (bytes) {
        value.bytes = mem_alloc(size + 1);
        memcpy(value.bytes, bytes, size);
        if (field && key->kind == 'c')
            value.rows = open_rows(bytes, size);
    }
    change(slot, value);
}

void redis_set_integer(struct redis_key *key, const char *field, int64_t number)
{
    char text[24];
    redis_set(key, field, text, (size_t)snprintf(text, sizeof text, "%" PRId64, number));
}

void redis_expire(struct redis_key *key, int64_t expires_ms)
{
    struct undo *undo = undo_add(key);
    undo->expires_ms = key->expires_ms;
    key->expires_ms = expires_ms;
}

void redis_unlink(struct redis_key *key)
{
    if (key->string.value.bytes)
        change(&key->string, (struct redis_value){0});
    for (struct redis_slot *slot = key->fields; slot; slot = slot->hh.next) {
        if (slot->value.bytes)
            change(slot, (struct redis_value){0});
    }
}

/* ---- time ---- */

void redis_rollback(int64_t at_ms)
{
    redis.lost_ms = world.now_ms;
    while (undo_count > 0 && undos[undo_count - 1].at_ms > at_ms) {
        struct undo *undo = &undos[--undo_count];
        if (undo->slot) {
            free(undo->slot->value.bytes);
            put(undo->slot, undo->value);
        } else {
            undo->key->expires_ms = undo->expires_ms;
        }
    }
}

void redis_settle(void)
{
    for (size_t i = 0; i < undo_count; i++)
        free(undos[i].value.bytes);
    undo_count = 0;
    settled_ms = world.now_ms;
}

int64_t redis_settled_ms(void)
{
    return settled_ms;
}

/* ---- life ---- */

static void set_text(struct redis_key *key, const char *field, const char *text)
{
    redis_set(key, field, text, strlen(text));
}

static void make_ledger(int32_t partition)
{
    static const char *const zeros[] = {
        "number",       "format",       "first_offset", "offset",   "applied",        "gaps",          "clock_ms",
        "rows",         "rows_in",      "rows_late",    "rows_bad", "rows_duplicate", "rows_checked",  "rows_tick",
        "rows_control", "rows_retired", "retired",      "commits",  "tick_clock_ms",  "pane_cursor_ms"};
    char name[96], cid[ENTROPY_ID_BYTES];
    struct redis_key *ledger = redis_key(redis_name(partition, "ledger", name));
    entropy_id(cid);
    set_text(ledger, "cid", cid);
    set_text(ledger, "owner", "");
    set_text(ledger, "config_version", "1");
    set_text(ledger, "record_offset", "-1");
    set_text(ledger, "record_hash", "0");
    set_text(ledger, "tick_after", "");
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        set_text(ledger, zeros[i], "0");
}

void redis_begin(void)
{
    redis = (struct redis){.lost_ms = INT64_MIN / 2};
    struct redis_key *meta = redis_key(PREFIX "meta");
    set_text(meta, "format", "1");
    set_text(meta, "cluster_id", CLUSTER);
    set_text(meta, "topic", TOPIC);
    redis_set_integer(meta, "partitions", world.partitions);
    set_text(meta, "windows", WINDOWS);
    set_text(meta, "lateness_ms", "3600000");
    set_text(meta, "config_version", "1");
    set_text(meta, "catalogue_version", "0");
    for (int32_t p = 0; p < world.partitions; p++)
        make_ledger(p);
    redis_settle();
}

static void key_free(struct redis_key *key)
{
    struct redis_slot *slots = key->fields;
    HASH_CLEAR(hh, key->fields); /* the table; its elements are still chained */
    for (struct redis_slot *slot = slots, *next; slot; slot = next) {
        next = slot->hh.next;
        free(slot->value.bytes);
        free(slot->name);
        free(slot);
    }
    free(key->string.value.bytes);
    free(key->name);
    free(key);
}

void redis_end(void)
{
    struct redis_key *keys = redis.keys;
    redis_settle();
    HASH_CLEAR(hh, redis.keys);
    for (struct redis_key *key = keys, *next; key; key = next) {
        next = key->hh.next;
        key_free(key);
    }
    free(undos);
    undos = NULL;
    undo_capacity = 0;
}
