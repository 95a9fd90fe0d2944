/* Answers of Redis made by hand, for what takes them apart. All are freed at once by replies_free. */
#ifndef ISOBAR_TEST_REPLIES_H
#define ISOBAR_TEST_REPLIES_H

#include "mem.h"
#include "store.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void *replies_made[4096];
static size_t replies_count;

static inline void *replies_keep(void *memory)
{
    if (replies_count == sizeof replies_made / sizeof *replies_made)
        abort();
    return replies_made[replies_count++] = memory;
}

static inline void replies_free(void)
{
    while (replies_count)
        free(replies_made[--replies_count]);
}

static inline struct store_reply *reply_new(enum store_type type)
{
    struct store_reply *reply = replies_keep(mem_alloc(sizeof *reply));
    reply->type = type;
    reply->text = "";
    return reply;
}

static inline const struct store_reply *reply_nil(void)
{
    return reply_new(STORE_NIL);
}

static inline const struct store_reply *reply_bytes(const void *bytes, size_t size)
{
    struct store_reply *reply = reply_new(STORE_TEXT);
    char *copy = replies_keep(mem_calloc(size + 1, 1));
    memcpy(copy, bytes, size);
    reply->text = copy;
    reply->size = size;
    return reply;
}

static inline const struct store_reply *reply_text(const char *text)
{
    return reply_bytes(text, strlen(text));
}

static inline const struct store_reply *reply_error(const char *text)
{
    struct store_reply *reply = reply_new(STORE_ERROR);
    reply->text = text;
    reply->size = strlen(text);
    return reply;
}

/* An array of `count` replies. */
static inline const struct store_reply *reply_array(size_t count, ...)
{
    struct store_reply *reply = reply_new(STORE_ARRAY);
    const struct store_reply **elements = replies_keep(mem_calloc(count + 1, sizeof(*elements)));
    va_list args;
    va_start(args, count);
    for (size_t i = 0; i < count; i++)
        elements[i] = va_arg(args, const struct store_reply *);
    va_end(args);
    reply->elements = elements;
    reply->count = count;
    return reply;
}

/* An array of texts, ended by NULL; "(nil)" stands for nil. */
static inline const struct store_reply *reply_texts(const char *const *texts)
{
    size_t count = 0;
    while (texts[count])
        count++;
    struct store_reply *reply = reply_new(STORE_ARRAY);
    const struct store_reply **elements = replies_keep(mem_calloc(count + 1, sizeof(*elements)));
    for (size_t i = 0; i < count; i++)
        elements[i] = strcmp(texts[i], "(nil)") == 0 ? reply_nil() : reply_text(texts[i]);
    reply->elements = elements;
    reply->count = count;
    return reply;
}
#define REPLY(...) reply_texts((const char *const[]){__VA_ARGS__, NULL})

#endif
