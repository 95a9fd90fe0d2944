/*
 * Our own view of hiredis' replies, so that its header stays inside the store. A reply is turned into one
 * block: the nodes in depth-first order, then the pointers of the arrays. Text is not copied: the block owns
 * hiredis' reply and both are freed together. Recursion goes as deep as hiredis goes itself (0.14 stops at 9
 * levels; freeing recurses in all versions).
 */
#include "store_internal.h"

#include "mem.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

struct arena {
    redisReply *raw;
    struct store_reply *next_node;
    const struct store_reply **next_pointer;
    struct store_reply root; /* further nodes follow, then the pointers */
};

/* Adds what `raw` and everything below it needs. */
static void measure(const redisReply *raw, size_t *nodes, size_t *pointers)
{
    *nodes += 1;
    for (size_t i = 0; i < raw->elements; i++)
        measure(raw->element[i], nodes, pointers);
    *pointers += raw->elements;
}

static enum store_type type_of(const redisReply *raw)
{
    switch (raw->type) {
    case REDIS_REPLY_NIL:
        return STORE_NIL;
    case REDIS_REPLY_INTEGER:
        return STORE_INT;
    case REDIS_REPLY_STATUS:
        return STORE_STATUS;
    case REDIS_REPLY_ERROR:
        return STORE_ERROR;
    case REDIS_REPLY_ARRAY:
        return STORE_ARRAY;
    default: /* the types of RESP3, which is never asked for, carry text */
        return STORE_TEXT;
    }
}

static const struct store_reply *convert(struct arena *arena, const redisReply *raw)
{
    struct store_reply *node = arena->next_node++;
    node->type = type_of(raw);
    node->integer = raw->integer;
    bool has_text = raw->str != NULL;
    node->text = has_text ? raw->str : "";
    node->size = has_text ? (size_t)raw->len : 0;
    if (node->type != STORE_ARRAY)
        return node;
    const struct store_reply **elements = arena->next_pointer;
    arena->next_pointer += raw->elements;
    node->elements = elements;
    node->count = raw->elements;
    for (size_t i = 0; i < raw->elements; i++)
        elements[i] = convert(arena, raw->element[i]);
    return node;
}

struct store_reply *store_reply_take(struct redisReply *take_raw)
{
    size_t nodes = 0, pointers = 0;
    measure(take_raw, &nodes, &pointers);
    struct arena *arena =
        mem_alloc(sizeof(*arena) + (nodes - 1) * sizeof(struct store_reply) + pointers * sizeof(struct store_reply *));
    struct store_reply *root = &arena->root;
    arena->raw = take_raw;
    arena->next_node = root;
    arena->next_pointer = (const struct store_reply **)(void *)(root + nodes);
    (void)convert(arena, take_raw);
    return root;
}

void store_reply_free(struct store_reply *reply)
{
    if (reply == NULL)
        return;
    struct arena *arena = (struct arena *)(void *)((char *)reply - offsetof(struct arena, root));
    freeReplyObject(arena->raw);
    free(arena);
}

bool store_reply_is_error(const struct store_reply *reply, const char *prefix)
{
    return reply->type == STORE_ERROR && strncmp(reply->text, prefix, strlen(prefix)) == 0;
}
