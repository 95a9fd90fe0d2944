/*
 * Replaces the catalogue (city_store.h). A shard that differs is written as a whole by one script; its
 * members read it again when its version has gone up (city_version.h).
 */
#include "city_store.h"

#include "city.pb-c.h"
#include "city_version.h"
#include "error.h"
#include "mem.h"
#include "shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CITY_MAX_BYTES 4096

static const char replace_script[] = "redis.call('DEL', KEYS[1])\n"
                                     "for i = 1, #ARGV, 2000 do\n"
                                     "  redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 1999, #ARGV)))\n"
                                     "end\n"
                                     "return #ARGV / 2\n";

/* One shard as it shall be: field and record in turn, in the order of the table. */
struct shard_words {
    const char **words; /* 4 of the command first */
    size_t *sizes;
    size_t count, capacity;
};

static void push(struct shard_words *shard, const char *word, size_t size)
{
    if (shard->count == shard->capacity) {
        shard->capacity = shard->capacity ? shard->capacity * 2 : 32;
        shard->words = mem_grow(shard->words, shard->capacity, sizeof *shard->words);
        shard->sizes = mem_grow(shard->sizes, shard->capacity, sizeof *shard->sizes);
    }
    shard->words[shard->count] = word;
    shard->sizes[shard->count++] = size;
}

static void push_text(struct shard_words *shard, const char *text)
{
    push(shard, text, strlen(text));
}

/* The stored record of `field`, among the pairs of HGETALL; NULL when there is none. */
static const struct store_reply *stored(const struct store_reply *pairs, const char *field)
{
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        if (strcmp(pairs->elements[i]->text, field) == 0)
            return pairs->elements[i + 1];
    }
    return NULL;
}

static bool was_paused(const struct store_reply *record)
{
    Isobar__V1__City *city = record && record->size <= CITY_MAX_BYTES
                                 ? isobar__v1__city__unpack(NULL, record->size, (const uint8_t *)record->text)
                                 : NULL;
    bool paused = city && city->paused;
    isobar__v1__city__free_unpacked(city, NULL);
    return paused;
}

struct replace {
    struct context *context;
    const struct installation *installation;
    const struct city_table *table;
    struct city_store_change *change;
    struct city_version version;
};

/* True when every record that is wanted is stored, and no other. */
static bool equal(const struct shard_words *wanted, const struct store_reply *pairs)
{
    if (wanted->count - 4 != pairs->count)
        return false;
    for (size_t i = 4; i < wanted->count; i += 2) {
        const struct store_reply *record = stored(pairs, wanted->words[i]);
        if (!record || record->size != wanted->sizes[i + 1] ||
            memcmp(record->text, wanted->words[i + 1], record->size) != 0)
            return false;
    }
    return true;
}

/* The wanted content of `shard`; `texts` holds what the words point to. */
static void collect(const struct replace *replace, int32_t shard, const struct store_reply *pairs,
                    struct shard_words *wanted, char **texts)
{
    struct buf all = BUF_EMPTY;
    for (size_t i = 0; i < replace->table->count; i++) {
        const struct city_row *row = &replace->table->rows[i];
        if (shard_of_city(row->id, replace->installation->partitions) != shard)
            continue;
        char field[24];
        snprintf(field, sizeof field, "%" PRId64, row->id);
        push(wanted, NULL, strlen(field));
        buf_append(&all, field, strlen(field) + 1);
        size_t before = all.size;
        city_row_encode(row, was_paused(stored(pairs, field)), &all);
        push(wanted, NULL, all.size - before);
    }
    *texts = buf_take(&all);
    const char *at = *texts;
    for (size_t i = 4; i < wanted->count; i++) {
        wanted->words[i] = at;
        at += wanted->sizes[i] + (i % 2 == 0); /* fields end in '\0' */
    }
}

static int write_shard(struct replace *replace, int32_t shard, const struct shard_words *wanted)
{
    int code = city_version_touch(&replace->version, shard);
    if (code != EXIT_CODE_OK)
        return code;
    struct store_reply *reply = context_ask(replace->context, wanted->count, wanted->words, wanted->sizes);
    if (!reply)
        return replace->context->exit_code;
    store_reply_free(reply);
    replace->change->shards++;
    return EXIT_CODE_OK;
}

static int replace_shard(struct replace *replace, int32_t shard)
{
    char key[CONTEXT_KEY_BYTES], *texts = NULL;
    context_partition_key(replace->context, shard, "cities", key);
    struct store_reply *pairs = CONTEXT_ASK(replace->context, "HGETALL", key);
    if (!pairs)
        return replace->context->exit_code;
    struct shard_words wanted = {0};
    push_text(&wanted, "EVAL");
    push_text(&wanted, replace_script);
    push_text(&wanted, "1");
    push_text(&wanted, key);
    collect(replace, shard, pairs, &wanted, &texts);
    int code = equal(&wanted, pairs) ? EXIT_CODE_OK : write_shard(replace, shard, &wanted);
    store_reply_free(pairs);
    free(texts);
    free(wanted.words);
    free(wanted.sizes);
    return code;
}

int city_store_replace(struct context *context, const struct installation *installation, const struct city_table *table,
                       struct city_store_change *change)
{
    struct replace replace = {.context = context, .installation = installation, .table = table, .change = change};
    *change = (struct city_store_change){.version = installation->catalogue_version};
    int code = city_version_begin(&replace.version, context, installation);
    for (int32_t shard = 0; shard < installation->partitions && code == EXIT_CODE_OK; shard++)
        code = replace_shard(&replace, shard);
    if (code == EXIT_CODE_OK)
        code = city_version_publish(&replace.version, &change->version);
    city_version_release(&replace.version);
    return code;
}
