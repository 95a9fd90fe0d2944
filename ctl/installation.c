/* Reads the hash `meta` (installation.h). Strict: a field that is missing or out of range is named. */
#include "installation.h"

#include "error.h"
#include "shard.h"

#include <string.h>

enum field { FORMAT, CLUSTER_ID, TOPIC, PARTITIONS, WINDOWS, LATENESS_MS, CONFIG_VERSION, CATALOGUE_VERSION, FIELDS };
static const char *const names[FIELDS] = {"format",  "cluster_id",  "topic",          "partitions",
                                          "windows", "lateness_ms", "config_version", "catalogue_version"};

static bool copy(const struct store_reply *value, char *out, size_t size)
{
    if (value->type != STORE_TEXT || value->size >= size || strlen(value->text) != value->size)
        return false;
    memcpy(out, value->text, value->size + 1);
    return true;
}

static bool windows_of(const struct store_reply *value, struct installation *out)
{
    struct buf reason = BUF_EMPTY;
    bool good = copy(value, out->windows_text, sizeof out->windows_text) &&
                windowset_parse(&out->windows, out->windows_text, &reason) == 0;
    buf_release(&reason);
    return good;
}

/* The first field that is wrong; FIELDS when all are right. */
static enum field parse(const struct store_reply *const *values, struct installation *out)
{
    int64_t format, partitions;
    if (!context_integer(values[FORMAT], INSTALLATION_FORMAT, INSTALLATION_FORMAT, &format))
        return FORMAT;
    if (!copy(values[CLUSTER_ID], out->cluster_id, sizeof out->cluster_id))
        return CLUSTER_ID;
    if (!copy(values[TOPIC], out->topic, sizeof out->topic))
        return TOPIC;
    if (!context_integer(values[PARTITIONS], 1, SHARD_MAX_PARTITIONS, &partitions))
        return PARTITIONS;
    out->partitions = (int32_t)partitions;
    if (!windows_of(values[WINDOWS], out))
        return WINDOWS;
    if (!context_integer(values[LATENESS_MS], INSTALLATION_LATENESS_MIN, INT64_MAX / 4, &out->lateness_ms))
        return LATENESS_MS;
    if (!context_integer(values[CONFIG_VERSION], 0, INT64_MAX / 4, &out->config_version))
        return CONFIG_VERSION;
    if (!context_integer(values[CATALOGUE_VERSION], 0, INT64_MAX / 4, &out->catalogue_version))
        return CATALOGUE_VERSION;
    return FIELDS;
}

int installation_read(struct context *context, struct installation *out)
{
    char key[CONTEXT_KEY_BYTES];
    memset(out, 0, sizeof *out);
    struct store_reply *reply = CONTEXT_ASK(context, "HMGET", context_key(context, "meta", key), names[FORMAT],
                                            names[CLUSTER_ID], names[TOPIC], names[PARTITIONS], names[WINDOWS],
                                            names[LATENESS_MS], names[CONFIG_VERSION], names[CATALOGUE_VERSION]);
    if (!reply)
        return ERR_UNAVAILABLE;
    int status = ERR_NOT_FOUND;
    bool some = false;
    for (size_t i = 0; i < reply->count; i++)
        some |= reply->elements[i]->type != STORE_NIL;
    if (some) {
        enum field wrong = reply->count == FIELDS ? parse(reply->elements, out) : FORMAT;
        status = wrong == FIELDS ? 0 : ERR_INVALID;
        if (status != 0)
            (void)context_fail(context, EXIT_CODE_CONFIG,
                               "%s at Redis %s: the field %s is missing, wrong or of newer software", key,
                               context->redis, names[wrong]);
    }
    store_reply_free(reply);
    return status;
}

int installation_require(struct context *context, struct installation *out)
{
    int status = installation_read(context, out);
    if (status == ERR_NOT_FOUND)
        (void)context_fail(context, EXIT_CODE_UNAVAILABLE,
                           "Redis at %s has no installation under the prefix %s: run isobarctl init, or point --redis "
                           "and --prefix at the right one",
                           context->redis, context->prefix);
    return status;
}
