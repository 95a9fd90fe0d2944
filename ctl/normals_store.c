/* See normals_store.h. Fields are few, so that they are listed and read one by one. */
#include "normals_store.h"

#include "error.h"
#include "quantity.h"
#include "shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *normals_field(int64_t city_id, int32_t metric, char out[NORMALS_FIELD_BYTES])
{
    const struct quantity *quantity = quantity_get(metric);
    snprintf(out, NORMALS_FIELD_BYTES, "%" PRId64 "/%s", city_id, quantity ? quantity->name : "unknown");
    return out;
}

/* ---- the transaction ---- */

static int send(struct context *context, size_t argc, const char *const *argv, const size_t *sizes)
{
    struct store_reply *reply = context_ask(context, argc, argv, sizes);
    if (!reply)
        return context->exit_code;
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

static int begin(struct context *context)
{
    return send(context, 1, (const char *const[]){"MULTI"}, NULL);
}

/* Raises the version and carries out. */
static int finish(struct context *context)
{
    char key[CONTEXT_KEY_BYTES];
    int code = send(context, 4,
                    (const char *const[]){"HINCRBY", context_key(context, "meta", key), "normals_version", "1"}, NULL);
    if (code != EXIT_CODE_OK)
        return code;
    struct store_reply *reply = CONTEXT_ASK(context, "EXEC");
    if (!reply)
        return context->exit_code;
    for (size_t i = 0; code == EXIT_CODE_OK && i < reply->count; i++) {
        if (reply->elements[i]->type == STORE_ERROR)
            code =
                context_fail(context, EXIT_CODE_REFUSED, "Redis at %s: %s", context->redis, reply->elements[i]->text);
    }
    store_reply_free(reply);
    return code;
}

/* ---- writing ---- */

static int write_one(struct context *context, const struct installation *installation, const struct normals *normals)
{
    char key[CONTEXT_KEY_BYTES], field[NORMALS_FIELD_BYTES];
    struct buf bytes = BUF_EMPTY;
    int code;
    normals_field(normals->city_id, normals->metric, field);
    context_partition_key(context, shard_of_city(normals->city_id, installation->partitions), "normals", key);
    if (normals_encode(normals, &bytes) != 0)
        code = context_fail(context, EXIT_CODE_CONFIG, "%s varies too much to be kept in %d bytes", field,
                            NORMALS_MAX_BYTES);
    else
        code = send(context, 4, (const char *const[]){"HSET", key, field, bytes.data},
                    (const size_t[]){4, strlen(key), strlen(field), bytes.size});
    buf_release(&bytes);
    return code;
}

int normals_write(struct context *context, const struct installation *installation, const struct normals_table *table)
{
    int code = begin(context);
    for (size_t i = 0; i < table->count && code == EXIT_CODE_OK; i++)
        code = write_one(context, installation, &table->list[i]);
    return code == EXIT_CODE_OK ? finish(context) : code; /* what is not carried out goes with the connection */
}

/* ---- fields ---- */

/* True when the field is one of the city's (0: any). */
static bool belongs(const char *field, int64_t city_id)
{
    char *end = NULL;
    long long id = strtoll(field, &end, 10);
    return *end == '/' && (city_id == 0 || id == city_id);
}

/* The fields of a partition; NULL when it failed: said. */
static struct store_reply *fields_of(struct context *context, int32_t partition, char key[CONTEXT_KEY_BYTES])
{
    return CONTEXT_ASK(context, "HKEYS", context_partition_key(context, partition, "normals", key));
}

static int remove_in(struct context *context, int32_t partition, int64_t city_id, const char *metric, int64_t *removed)
{
    char key[CONTEXT_KEY_BYTES];
    struct store_reply *fields = fields_of(context, partition, key);
    int code = fields ? begin(context) : context->exit_code;
    int64_t before = *removed;
    for (size_t i = 0; fields && i < fields->count && code == EXIT_CODE_OK; i++) {
        const char *field = fields->elements[i]->text, *slash = strchr(field, '/');
        if (!belongs(field, city_id) || (*metric && strcmp(slash + 1, metric) != 0))
            continue;
        code = send(context, 3, (const char *const[]){"HDEL", key, field}, NULL);
        ++*removed;
    }
    store_reply_free(fields);
    if (code != EXIT_CODE_OK)
        return code;
    if (*removed > before)
        return finish(context);
    return send(context, 1, (const char *const[]){"DISCARD"}, NULL);
}

int normals_remove(struct context *context, const struct installation *installation, int64_t city_id, int32_t metric,
                   int64_t *removed)
{
    const struct quantity *quantity = quantity_get(metric);
    int code = EXIT_CODE_OK;
    *removed = 0;
    for (int32_t p = 0; p < installation->partitions && code == EXIT_CODE_OK; p++) {
        if (city_id == 0 || shard_of_city(city_id, installation->partitions) == p)
            code = remove_in(context, p, city_id, quantity ? quantity->name : "", removed);
    }
    return code;
}

static int each_in(struct context *context, int32_t partition, int64_t city_id, normals_fn *fn, void *arg)
{
    char key[CONTEXT_KEY_BYTES];
    struct store_reply *fields = fields_of(context, partition, key);
    int code = fields ? EXIT_CODE_OK : context->exit_code;
    for (size_t i = 0; fields && i < fields->count && code == EXIT_CODE_OK; i++) {
        const char *field = fields->elements[i]->text;
        struct normals normals;
        if (!belongs(field, city_id))
            continue;
        struct store_reply *value = CONTEXT_ASK(context, "HGET", key, field);
        code = value ? EXIT_CODE_OK : context->exit_code;
        if (value && value->type == STORE_TEXT) {
            bool good = normals_decode(&normals, value->text, value->size) == 0;
            fn(arg, field, good ? &normals : NULL, value->size);
            normals_release(&normals);
        }
        store_reply_free(value);
    }
    store_reply_free(fields);
    return code;
}

int normals_each(struct context *context, const struct installation *installation, int64_t city_id, normals_fn *fn,
                 void *arg)
{
    int code = EXIT_CODE_OK;
    for (int32_t p = 0; p < installation->partitions && code == EXIT_CODE_OK; p++) {
        if (city_id == 0 || shard_of_city(city_id, installation->partitions) == p)
            code = each_in(context, p, city_id, fn, arg);
    }
    return code;
}
