/* Reads meta and config (installation.h). Strict: a field that is missing or out of range is named. */
#include "installation.h"

#include "error.h"
#include "rule_store.h"
#include "shard.h"

#include <string.h>

enum field {
    FORMAT,
    CLUSTER_ID,
    TOPIC,
    PARTITIONS,
    CONFIG_VERSION,
    CATALOGUE_VERSION,
    PANE_MS, /* this and the others are not in every installation */
    WINDOWS,
    LATENESS_MS,
    CITY_MAX,
    FIELDS
};
static const char *const names[FIELDS] = {"format",         "cluster_id",        "topic",   "partitions",
                                          "config_version", "catalogue_version", "pane_ms", "windows",
                                          "lateness_ms",    "city_max"};

#define PANE_MAX_MS INT64_C(86400000)

static bool copy(const struct store_reply *value, char *out, size_t size)
{
    if (value->type != STORE_TEXT || value->size >= size || strlen(value->text) != value->size)
        return false;
    memcpy(out, value->text, value->size + 1);
    return true;
}

/* The rules of an installation that keeps none: windows and lateness as it was made with, all else as it was then. */
static enum field former_rules(const struct store_reply *const *values, struct installation *out)
{
    struct buf reason = BUF_EMPTY;
    rules_defaults(&out->rules);
    bool good = values[WINDOWS]->type == STORE_TEXT &&
                windowset_parse(&out->rules.windows, values[WINDOWS]->text, &reason) == 0;
    buf_release(&reason);
    if (!good)
        return WINDOWS;
    if (!context_integer(values[LATENESS_MS], 60000, INT64_MAX / 4, &out->rules.lateness_ms))
        return LATENESS_MS;
    return FIELDS;
}

/* The first field that is wrong; FIELDS when all are right. `version` is that of the newest rules. */
static enum field parse(const struct store_reply *const *values, struct installation *out, int64_t *version)
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
    if (!context_integer(values[CONFIG_VERSION], 1, INT64_MAX / 4, version))
        return CONFIG_VERSION;
    if (!context_integer(values[CATALOGUE_VERSION], 0, INT64_MAX / 4, &out->catalogue_version))
        return CATALOGUE_VERSION;
    out->city_max = INSTALLATION_CITIES_MAX;
    if (values[CITY_MAX]->type != STORE_NIL &&
        !context_integer(values[CITY_MAX], 1, INSTALLATION_CITIES_MAX, &out->city_max))
        return CITY_MAX;
    if (values[PANE_MS]->type == STORE_NIL)
        return former_rules(values, out);
    return context_integer(values[PANE_MS], 1000, PANE_MAX_MS, &out->pane_ms) ? FIELDS : PANE_MS;
}

static int take(struct context *context, const char *key, const struct store_reply *reply, struct installation *out)
{
    int64_t version = 0;
    enum field wrong = reply->count == FIELDS ? parse(reply->elements, out, &version) : FORMAT;
    if (wrong != FIELDS) {
        (void)context_fail(context, EXIT_CODE_CONFIG,
                           "%s at Redis %s: the field %s is missing, wrong or of newer software", key, context->redis,
                           names[wrong]);
        return ERR_INVALID;
    }
    int status = out->pane_ms ? rule_store_read(context, version, out->pane_ms, &out->rules) : 0;
    out->rules.version = version;
    out->rules.partitions = out->partitions;
    return status;
}

int installation_read(struct context *context, struct installation *out)
{
    char key[CONTEXT_KEY_BYTES];
    memset(out, 0, sizeof *out);
    struct store_reply *reply =
        CONTEXT_ASK(context, "HMGET", context_key(context, "meta", key), names[FORMAT], names[CLUSTER_ID], names[TOPIC],
                    names[PARTITIONS], names[CONFIG_VERSION], names[CATALOGUE_VERSION], names[PANE_MS], names[WINDOWS],
                    names[LATENESS_MS], names[CITY_MAX]);
    if (!reply)
        return ERR_UNAVAILABLE;
    bool some = false;
    for (size_t i = 0; i < reply->count; i++)
        some |= reply->elements[i]->type != STORE_NIL;
    int status = some ? take(context, key, reply, out) : ERR_NOT_FOUND;
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

int installation_open(struct context *context, const char *user, const char *password, struct installation *out)
{
    int code = context_connect(context, user, password);
    if (code != EXIT_CODE_OK)
        return code;
    return installation_require(context, out) == 0 ? EXIT_CODE_OK : context->exit_code;
}
