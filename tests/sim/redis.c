/* Data of the simulated Redis (redis.h): slots that never move, and a list of what each change replaced. */
#include "redis.h"

#include "feed.h"

#include "city.pb-c.h"
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

/* The right data, while others are in their place. */
static struct {
    struct redis_key *keys;
    struct undo *undos;
    size_t undo_count, undo_capacity;
    int64_t settled_ms;
} kept;

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

struct redis_key *redis_ledger(int32_t partition)
{
    char name[96];
    return redis_key(redis_name(partition, "ledger", name));
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
    if (field && !slot) {
        slot = mem_alloc(sizeof *slot);
        slot->key = key;
        slot->name = mem_strdup(field);
        HASH_ADD_KEYPTR(hh, key->fields, slot->name, strlen(slot->name), slot);
    }
    if (bytes && redis.wrong && key->partition >= 0)
        violation("%s is made in a Redis without an installation", key->name);
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
    const char *view = redis_key(PREFIX "cluster")->string.value.bytes;
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
    redis.view_lost |= redis_key(PREFIX "cluster")->string.value.bytes != view;
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

/* ---- another one ---- */

static void free_all(void);

void redis_replace(void)
{
    kept.keys = redis.keys;
    kept.undos = undos;
    kept.undo_count = undo_count;
    kept.undo_capacity = undo_capacity;
    kept.settled_ms = settled_ms;
    redis.keys = NULL;
    undos = NULL;
    undo_count = undo_capacity = 0;
    redis.wrong = redis.wronged = true;
    redis.wrong_ms = redis.lost_ms = settled_ms = world.now_ms;
}

void redis_restore(void)
{
    free_all();
    redis.keys = kept.keys;
    undos = kept.undos;
    undo_count = kept.undo_count;
    undo_capacity = kept.undo_capacity;
    settled_ms = kept.settled_ms;
    redis.wrong = false;
    redis.view_lost = true;
    redis.lost_ms = world.now_ms;
}

/* ---- life ---- */

static void set_text(struct redis_key *key, const char *field, const char *text)
{
    redis_set(key, field, text, strlen(text));
}

static void make_ledger(int32_t partition)
{
    static const char *const zeros[] = {
        "number",          "format",        "first_offset",  "offset",       "applied",      "gaps",
        "clock_ms",        "rows",          "rows_in",       "rows_late",    "rows_bad",     "rows_duplicate",
        "rows_correction", "rows_checked",  "rows_tick",     "rows_control", "rows_retired", "retired",
        "commits",         "tick_clock_ms", "pane_cursor_ms"};
    char cid[ENTROPY_ID_BYTES];
    struct redis_key *ledger = redis_ledger(partition);
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

static void put_city(int32_t partition, int64_t id, bool paused)
{
    uint8_t bytes[256];
    char name[96], field[24];
    Isobar__V1__City city = ISOBAR__V1__CITY__INIT;
    city.format = 1;
    city.city_id = id;
    city.latitude_e5 = (int32_t)(id % 9000000);
    city.paused = paused;
    if (isobar__v1__city__get_packed_size(&city) > sizeof bytes)
        violation("a city is too large");
    snprintf(field, sizeof field, "%" PRId64, id);
    redis_set(redis_key(redis_name(partition, "cities", name)), field, bytes, isobar__v1__city__pack(&city, bytes));
}

void redis_catalogue(void)
{
    struct redis_key *meta = redis_key(PREFIX "meta");
    int32_t partition = (int32_t)between(0, world.partitions - 1);
    put_city(partition, feeds[partition].cities[0], chance(500));
    int64_t version = ++redis.catalogue; /* no version is given to two, as HINCRBY may */
    bool known = redis_integer(meta, "catalogue_shards") == redis_integer(meta, "catalogue_version");
    redis_set_integer(meta, "catalogue_version", version);
    if (chance(300))
        return; /* by an older isobarctl, which does not say which shard it was */
    for (int32_t p = 0; p < world.partitions; p++) {
        char field[32];
        snprintf(field, sizeof field, "catalogue_of_%d", p);
        if (!known || p == partition)
            redis_set_integer(meta, field, version);
    }
    redis_set_integer(meta, "catalogue_shards", version);
}

void redis_begin(void)
{
    redis = (struct redis){.lost_ms = INT64_MIN / 2, .catalogue = 1};
    struct redis_key *meta = redis_key(PREFIX "meta");
    set_text(meta, "format", "1");
    set_text(meta, "cluster_id", CLUSTER);
    set_text(meta, "topic", TOPIC);
    redis_set_integer(meta, "partitions", world.partitions);
    redis_set_integer(meta, "pane_ms", PANE_MS);
    set_text(meta, "config_version", "1");
    for (int version = 1; version <= RULES_VERSIONS; version++) {
        char field[16], text[sizeof RULES + 64];
        snprintf(field, sizeof field, "%d", version);
        snprintf(text, sizeof text, RULES, RULES_WINDOWS[version - 1],
                 (long long)(RULES_LATENESS[version - 1] / 60000));
        set_text(redis_key(PREFIX "config"), field, text);
    }
    set_text(meta, "catalogue_version", "1");
    for (int32_t p = 0; p < world.partitions; p++) {
        make_ledger(p);
        for (int i = 0; i < FEED_CITIES; i++)
            put_city(p, feeds[p].cities[i], false);
    }
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

static void free_all(void)
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

void redis_end(void)
{
    free_all();
}
