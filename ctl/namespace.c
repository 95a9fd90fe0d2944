/* See namespace.h. Hashes are copied by HSCAN, so that no answer is large and Redis is not held up. */
#include "namespace.h"

#include "citystate.h"
#include "error.h"
#include "keyspace.h"
#include "mem.h"

#include "city.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE       "500"
#define WORDS_MAX  2048 /* of one command */
#define CURSOR_MAX 24

/* One page of HSCAN or SCAN: moves `cursor` on; NULL when it failed, which is said. */
static struct store_reply *next_page(struct context *context, size_t argc, const char **argv, char cursor[CURSOR_MAX])
{
    struct store_reply *reply = context_ask(context, argc, argv, NULL);
    if (!reply)
        return NULL;
    if (reply->type != STORE_ARRAY || reply->count != 2 || reply->elements[0]->size >= CURSOR_MAX ||
        reply->elements[1]->type != STORE_ARRAY) {
        (void)context_fail(context, EXIT_CODE_FAILURE, "Redis at %s gave an answer to %s that cannot be",
                           context->redis, argv[0]);
        store_reply_free(reply);
        return NULL;
    }
    memcpy(cursor, reply->elements[0]->text, reply->elements[0]->size + 1);
    return reply;
}

/* The words of one HSET, with what they own. */
struct args_list {
    const char *words[WORDS_MAX];
    size_t sizes[WORDS_MAX];
    size_t count;
    struct buf made[WORDS_MAX]; /* values that were made anew */
    size_t made_count;
};

/* Puts the pair, or what becomes of it, on the list; or nothing. */
typedef void pair_fn(const struct store_reply *field, const struct store_reply *value, struct args_list *out);

static void push(struct args_list *list, const char *word, size_t size)
{
    list->words[list->count] = word;
    list->sizes[list->count++] = size;
}

static void release(struct args_list *list)
{
    for (size_t i = 0; i < list->made_count; i++)
        buf_release(&list->made[i]);
    list->count = list->made_count = 0;
}

/* Writes what of `pairs` is to be copied to `key`, in commands of bounded size. */
static int write_pairs(struct context *into, const char *key, const struct store_reply *pairs, pair_fn *pick)
{
    struct args_list *list = mem_alloc(sizeof *list);
    int code = EXIT_CODE_OK;
    for (size_t i = 0; i < pairs->count && code == EXIT_CODE_OK;) {
        push(list, "HSET", 4);
        push(list, key, strlen(key));
        for (; i + 1 < pairs->count && list->count + 2 <= WORDS_MAX; i += 2)
            pick(pairs->elements[i], pairs->elements[i + 1], list);
        struct store_reply *reply = list->count > 2 ? context_ask(into, list->count, list->words, list->sizes) : NULL;
        if (list->count > 2 && !reply)
            code = into->exit_code;
        store_reply_free(reply);
        release(list);
        if (i + 1 == pairs->count)
            break; /* HSCAN gives pairs; half of one is nothing */
    }
    free(list);
    return code;
}

/* Copies what `pick` takes of the partition's hash `name`. */
static int copy_hash(struct context *from, struct context *into, int32_t partition, const char *name, pair_fn *pick)
{
    char source[CONTEXT_KEY_BYTES], target[CONTEXT_KEY_BYTES], cursor[CURSOR_MAX] = "0";
    int code = EXIT_CODE_OK;
    context_partition_key(from, partition, name, source);
    context_partition_key(into, partition, name, target);
    do {
        const char *words[] = {"HSCAN", source, cursor, "COUNT", PAGE};
        struct store_reply *reply = next_page(from, sizeof words / sizeof *words, words, cursor);
        if (!reply)
            return from->exit_code;
        code = write_pairs(into, target, reply->elements[1], pick);
        store_reply_free(reply);
    } while (code == EXIT_CODE_OK && strcmp(cursor, "0") != 0);
    return code;
}

/* ---- catalogue ---- */

static void as_it_is(const struct store_reply *field, const struct store_reply *value, struct args_list *out)
{
    push(out, field->text, field->size);
    push(out, value->text, value->size);
}

int namespace_copy_cities(struct context *from, struct context *into, const struct installation *installation)
{
    char key[CONTEXT_KEY_BYTES], version[CURSOR_MAX];
    int code = EXIT_CODE_OK;
    for (int32_t p = 0; p < installation->partitions && code == EXIT_CODE_OK; p++)
        code = copy_hash(from, into, p, "cities", as_it_is);
    if (code != EXIT_CODE_OK)
        return code;
    snprintf(version, sizeof version, "%" PRId64, installation->catalogue_version);
    struct store_reply *reply = CONTEXT_ASK(into, "HSET", context_key(into, "meta", key), "catalogue_version", version);
    code = reply ? EXIT_CODE_OK : into->exit_code;
    store_reply_free(reply);
    return code;
}

/* ---- facts ---- */

/* Nothing for a city of which no control record said anything, and for a state that cannot be read. */
static void facts_of(const struct store_reply *field, const struct store_reply *value, struct args_list *out)
{
    if (value->size > CITYSTATE_MAX_BYTES)
        return;
    Isobar__V1__CityState *there = isobar__v1__city_state__unpack(NULL, value->size, (const uint8_t *)value->text);
    if (there && (*there->zone || there->interval_s > 0 || *there->country)) {
        Isobar__V1__CityState facts = ISOBAR__V1__CITY_STATE__INIT;
        facts.format = there->format;
        facts.city_id = there->city_id;
        facts.series = there->series;
        facts.zone = there->zone;
        facts.interval_s = there->interval_s;
        facts.country = there->country;
        struct buf *bytes = &out->made[out->made_count++];
        size_t size = isobar__v1__city_state__get_packed_size(&facts);
        buf_advance(bytes, isobar__v1__city_state__pack(&facts, (uint8_t *)buf_reserve(bytes, size)));
        push(out, field->text, field->size);
        push(out, bytes->data, bytes->size);
    }
    isobar__v1__city_state__free_unpacked(there, NULL);
}

int namespace_copy_facts(struct context *from, struct context *into, const struct installation *installation)
{
    int code = EXIT_CODE_OK;
    for (int32_t p = 0; p < installation->partitions && code == EXIT_CODE_OK; p++)
        code = copy_hash(from, into, p, "city", facts_of);
    return code;
}

/* ---- removal ---- */

bool namespace_has(const char *prefix, const char *key)
{
    static const char *const names[] = {"meta",  "init",    "config", "replay",  "leader",         "term",    "cluster",
                                        "audit", "drained", "moves",  "webhook", "webhook:parked", "standbys"};
    size_t size = strlen(prefix);
    if (strncmp(key, prefix, size) != 0)
        return false;
    const char *rest = key + size;
    if (*rest == '{') {
        size_t digits = strspn(rest + 1, "0123456789");
        return digits > 0 && strncmp(rest + 1 + digits, "}:", 2) == 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(rest, names[i]) == 0)
            return true;
    return false;
}

/* All of them but `last`. */
static int unlink_of(struct context *context, const struct store_reply *keys, const char *last, int64_t *removed)
{
    const char *words[WORDS_MAX] = {"UNLINK"};
    for (size_t i = 0; i < keys->count;) {
        size_t count = 1;
        for (; i < keys->count && count < WORDS_MAX; i++)
            if (namespace_has(context->prefix, keys->elements[i]->text) && strcmp(keys->elements[i]->text, last) != 0)
                words[count++] = keys->elements[i]->text;
        if (count == 1)
            continue;
        struct store_reply *reply = context_ask(context, count, words, NULL);
        if (!reply)
            return context->exit_code;
        *removed += reply->integer;
        store_reply_free(reply);
    }
    return EXIT_CODE_OK;
}

int namespace_remove(struct context *context, int64_t *removed)
{
    char cursor[CURSOR_MAX] = "0", last[CONTEXT_KEY_BYTES];
    struct buf pattern = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    context_key(context, "replay", last);
    keyspace_escape(context->prefix, &pattern);
    buf_byte(&pattern, '*');
    do {
        const char *words[] = {"SCAN", cursor, "MATCH", pattern.data, "COUNT", PAGE};
        struct store_reply *reply = next_page(context, sizeof words / sizeof *words, words, cursor);
        code = reply ? unlink_of(context, reply->elements[1], last, removed) : context->exit_code;
        store_reply_free(reply);
    } while (code == EXIT_CODE_OK && strcmp(cursor, "0") != 0);
    buf_release(&pattern);
    if (code == EXIT_CODE_OK) { /* it tells that the rest may be removed, should this end half way */
        struct store_reply *reply = CONTEXT_ASK(context, "UNLINK", last);
        code = reply ? EXIT_CODE_OK : context->exit_code;
        *removed += reply ? reply->integer : 0;
        store_reply_free(reply);
    }
    return code;
}
