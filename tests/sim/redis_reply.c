/* Answers of the simulated Redis (redis.h), in an arena each. */
#include "redis.h"

#include <stdio.h>
#include <string.h>

struct store_reply *reply_new(struct arena *arena, enum store_type type, const void *bytes, size_t size)
{
    struct store_reply *reply = arena_calloc(arena, 1, sizeof *reply);
    char *copy = arena_calloc(arena, 1, size + 1);
    if (size)
        memcpy(copy, bytes, size);
    reply->type = type;
    reply->text = copy;
    reply->size = size;
    return reply;
}

struct store_reply *reply_text(struct arena *arena, const char *text)
{
    return reply_new(arena, STORE_TEXT, text, strlen(text));
}

struct store_reply *reply_integer(struct arena *arena, int64_t number)
{
    struct store_reply *reply = reply_new(arena, STORE_INT, "", 0);
    reply->integer = number;
    return reply;
}

struct store_reply *reply_value(struct arena *arena, const struct redis_value *value)
{
    return value ? reply_new(arena, STORE_TEXT, value->bytes, value->size) : reply_new(arena, STORE_NIL, "", 0);
}

struct store_reply *reply_array(struct arena *arena, size_t count)
{
    struct store_reply *reply = reply_new(arena, STORE_ARRAY, "", 0);
    reply->count = count;
    reply->elements = arena_calloc(arena, count + 1, sizeof(struct store_reply *));
    return reply;
}

void reply_put(struct store_reply *array, size_t at, const struct store_reply *element)
{
    const struct store_reply **elements = (const struct store_reply **)(uintptr_t)array->elements;
    elements[at] = element;
}

struct store_reply *reply_fields(struct arena *arena, const struct redis_key *key)
{
    struct store_reply *reply = reply_array(arena, key->present * 2);
    size_t count = 0;
    for (const struct redis_slot *slot = key->fields; slot; slot = slot->hh.next) {
        if (!slot->value.bytes)
            continue;
        reply_put(reply, count++, reply_text(arena, slot->name));
        reply_put(reply, count++, reply_value(arena, &slot->value));
    }
    return reply;
}

struct store_reply *reply_words(struct arena *arena, const char *first, const char *second, const char *third)
{
    const char *const words[] = {first, second, third};
    size_t count = third ? 3 : second ? 2 : 1;
    struct store_reply *reply = reply_array(arena, count);
    for (size_t i = 0; i < count; i++)
        reply_put(reply, i, reply_text(arena, words[i]));
    return reply;
}
