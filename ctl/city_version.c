/* See city_version.h. */
#include "city_version.h"

#include "error.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBER_BYTES 16

/* ARGV: the number of shards, then those that changed. Without versions of all before, all are new. */
static const char publish_script[] =
    "local known = redis.call('HGET', KEYS[1], 'catalogue_shards') == redis.call('HGET', KEYS[1], "
    "'catalogue_version')\n"
    "local version = redis.call('HINCRBY', KEYS[1], 'catalogue_version', 1)\n"
    "if known then\n"
    "  for i = 2, #ARGV do redis.call('HSET', KEYS[1], 'catalogue_of_' .. ARGV[i], version) end\n"
    "else\n"
    "  for shard = 0, tonumber(ARGV[1]) - 1 do redis.call('HSET', KEYS[1], 'catalogue_of_' .. shard, version) end\n"
    "end\n"
    "redis.call('HSET', KEYS[1], 'catalogue_shards', version)\n"
    "redis.call('HDEL', KEYS[1], 'catalogue_pending')\n"
    "return version\n";

int city_version_begin(struct city_version *version, struct context *context, const struct installation *installation)
{
    char key[CONTEXT_KEY_BYTES];
    *version = (struct city_version){.context = context, .installation = installation};
    version->changed = mem_calloc((size_t)installation->partitions, sizeof *version->changed);
    struct store_reply *reply = CONTEXT_ASK(context, "HEXISTS", context_key(context, "meta", key), "catalogue_pending");
    if (!reply)
        return context->exit_code;
    version->pending = version->unknown = reply->integer == 1;
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

int city_version_touch(struct city_version *version, int32_t shard)
{
    char key[CONTEXT_KEY_BYTES];
    version->count += !version->changed[shard];
    version->changed[shard] = true;
    if (version->pending)
        return EXIT_CODE_OK;
    struct store_reply *reply =
        CONTEXT_ASK(version->context, "HSET", context_key(version->context, "meta", key), "catalogue_pending", "1");
    if (!reply)
        return version->context->exit_code;
    store_reply_free(reply);
    version->pending = true;
    return EXIT_CODE_OK;
}

int city_version_publish(const struct city_version *version, int64_t *number)
{
    int32_t shards = version->installation->partitions;
    char key[CONTEXT_KEY_BYTES];
    *number = version->installation->catalogue_version;
    if (!version->pending)
        return EXIT_CODE_OK;
    const char **words = mem_calloc((size_t)shards + 5, sizeof *words);
    char(*numbers)[NUMBER_BYTES] = mem_calloc((size_t)shards + 1, sizeof *numbers);
    size_t count = 0;
    words[count++] = "EVAL";
    words[count++] = publish_script;
    words[count++] = "1";
    words[count++] = context_key(version->context, "meta", key);
    snprintf(numbers[shards], NUMBER_BYTES, "%d", shards);
    words[count++] = numbers[shards];
    for (int32_t shard = 0; shard < shards; shard++) {
        if (!version->changed[shard] && !version->unknown)
            continue;
        snprintf(numbers[shard], NUMBER_BYTES, "%d", shard);
        words[count++] = numbers[shard];
    }
    struct store_reply *reply = context_ask(version->context, count, words, NULL);
    free(numbers);
    free(words);
    if (!reply)
        return version->context->exit_code;
    *number = reply->integer;
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

void city_version_release(struct city_version *version)
{
    free(version->changed);
    version->changed = NULL;
}
