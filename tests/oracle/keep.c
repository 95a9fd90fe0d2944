/* See keep.h. */
#include "keep.h"

#include "mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- hashes ---- */

static const char *rest_of(const char *key)
{
    const char *end = strstr(key, "}:");
    return end ? end + 2 : key;
}

const struct keep_hash *keep_find(const struct keep *keep, const char *name)
{
    struct keep_hash *hash;
    HASH_FIND_STR(keep->hashes, name, hash);
    return hash;
}

static struct keep_hash *hash_of(struct keep *keep, const char *name)
{
    struct keep_hash *hash;
    HASH_FIND_STR(keep->hashes, name, hash);
    if (!hash) {
        hash = mem_alloc(sizeof *hash);
        hash->name = mem_strdup(name);
        HASH_ADD_KEYPTR(hh, keep->hashes, hash->name, strlen(hash->name), hash);
    }
    return hash;
}

static const struct keep_field *find(const struct keep_hash *hash, const char *name)
{
    struct keep_field *field = NULL;
    if (hash)
        HASH_FIND_STR(hash->fields, name, field);
    return field;
}

static void set(struct keep_hash *hash, const char *name, const void *bytes, size_t size)
{
    struct keep_field *field;
    HASH_FIND_STR(hash->fields, name, field);
    if (!field) {
        field = mem_alloc(sizeof *field);
        field->name = mem_strdup(name);
        buf_init(&field->value);
        HASH_ADD_KEYPTR(hh, hash->fields, field->name, strlen(field->name), field);
    }
    buf_reset(&field->value);
    buf_append(&field->value, bytes, size);
}

int64_t keep_integer(const struct keep_hash *hash, const char *name)
{
    const struct keep_field *field = find(hash, name);
    return field ? strtoll(field->value.data, NULL, 10) : 0;
}

static void set_integer(struct keep_hash *hash, const char *name, int64_t number)
{
    struct buf text = BUF_EMPTY;
    buf_printf(&text, "%" PRId64, number);
    set(hash, name, text.data, text.size);
    buf_release(&text);
}

static void unlink_hash(struct keep *keep, const char *name)
{
    struct keep_hash *hash;
    HASH_FIND_STR(keep->hashes, name, hash);
    if (!hash)
        return;
    HASH_DEL(keep->hashes, hash);
    struct keep_field *fields = hash->fields;
    HASH_CLEAR(hh, hash->fields); /* the table; its elements are still chained */
    for (struct keep_field *field = fields, *next; field; field = next) {
        next = field->hh.next;
        buf_release(&field->value);
        free(field->name);
        free(field);
    }
    free(hash->name);
    free(hash);
}

void keep_release(struct keep *keep)
{
    while (keep->hashes)
        unlink_hash(keep, keep->hashes->name);
}

/* ---- commits ---- */

/* What the operation at argument `at` does to the key; returns where the next one is. */
static size_t operate(struct keep *keep, const struct keep_call *call, const char *key, size_t at, int64_t *retired)
{
    const char *const *argv = call->argv;
    if (strcmp(argv[at], "xadd") == 0) /* events are nobody's to load */
        return at + 3 + strtoull(argv[at + 2], NULL, 10);
    if (strcmp(argv[at], "hset") != 0) {
        if (strcmp(argv[at], "retire") == 0)
            *retired += keep_integer(keep_find(keep, key), "#n");
        unlink_hash(keep, key);
        return at + 1;
    }
    struct keep_hash *hash = hash_of(keep, key);
    int64_t added = strtoll(argv[at + 2], NULL, 10);
    size_t count = strtoull(argv[at + 3], NULL, 10);
    for (size_t i = at + 4; i < at + 4 + 2 * count; i += 2)
        set(hash, argv[i], argv[i + 1], call->sizes[i + 1]);
    if (added)
        set_integer(hash, "#n", keep_integer(hash, "#n") + added);
    return at + 4 + 2 * count;
}

void keep_commit(struct keep *keep, const struct keep_call *call)
{
    const char *const *argv = call->argv;
    struct keep_hash *ledger = hash_of(keep, rest_of(argv[0]));
    int64_t retired = keep_integer(ledger, "retired");
    size_t at = call->keys + 4, count = strtoull(argv[at++], NULL, 10);
    for (size_t end = at + 2 * count; at < end; at += 2)
        set(ledger, argv[at], argv[at + 1], call->sizes[at + 1]);
    for (size_t k = 1; k < call->keys; k++)
        at = operate(keep, call, rest_of(argv[k]), at, &retired);
    set_integer(ledger, "retired", retired);
}

/* ---- answers ---- */

static struct store_reply *reply_new(struct arena *arena, enum store_type type, const void *bytes, size_t size)
{
    struct store_reply *reply = arena_calloc(arena, 1, sizeof *reply);
    char *copy = arena_calloc(arena, size + 1, 1);
    if (size)
        memcpy(copy, bytes, size);
    *reply = (struct store_reply){.type = type, .text = copy, .size = size};
    return reply;
}

static struct store_reply *array_new(struct arena *arena, const struct store_reply **elements, size_t count)
{
    struct store_reply *reply = reply_new(arena, STORE_ARRAY, NULL, 0);
    reply->count = count;
    reply->elements = elements;
    return reply;
}

static const struct store_reply *value_of(const struct keep_field *field, struct arena *arena)
{
    return field ? reply_new(arena, STORE_TEXT, field->value.data, field->value.size)
                 : reply_new(arena, STORE_NIL, NULL, 0);
}

const struct store_reply *keep_load(const struct keep *keep, const struct keep_call *call, struct arena *arena)
{
    const struct store_reply **groups = arena_calloc(arena, call->keys, sizeof(const struct store_reply *));
    groups[0] = reply_new(arena, STORE_TEXT, "ok", 2);
    size_t at = call->keys + 1;
    for (size_t k = 1; k < call->keys; k++) {
        const struct keep_hash *hash = keep_find(keep, rest_of(call->argv[k]));
        size_t count = strtoull(call->argv[at + 1], NULL, 10);
        const struct store_reply **values = arena_calloc(arena, count, sizeof(const struct store_reply *));
        for (size_t i = 0; i < count; i++)
            values[i] = value_of(find(hash, call->argv[at + 2 + i]), arena);
        groups[k] = array_new(arena, values, count);
        at += 2 + count;
    }
    return array_new(arena, groups, call->keys);
}

const struct store_reply *keep_pairs(const struct keep_hash *hash, struct arena *arena)
{
    size_t count = 0;
    const struct store_reply **values =
        arena_calloc(arena, 2 * (size_t)HASH_COUNT(hash->fields) + 1, sizeof(const struct store_reply *));
    for (const struct keep_field *field = hash->fields; field; field = field->hh.next) {
        values[count++] = reply_new(arena, STORE_TEXT, field->name, strlen(field->name));
        values[count++] = value_of(field, arena);
    }
    return array_new(arena, values, count);
}
