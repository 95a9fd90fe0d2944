/*
 * isobarctl init: makes an installation, or brings its catalogue up to date; running it again changes
 * nothing. In order: everything that can be wrong in the arguments, then Redis and Kafka as they are, then
 * topics, and only then, under a lock, ledgers, meta and catalogue. So a mistake leaves nothing half made but
 * perhaps an empty topic.
 */
#include "city_store.h"
#include "command.h"
#include "context.h"
#include "error.h"
#include "installation.h"
#include "kafka.h"
#include "mem.h"
#include "provision.h"
#include "rule_request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INIT_OPTIONS(X)                                                                                                \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers, host:port[,host:port]")                           \
    X(TEXT, topic, "weather.observations", 0, 0, "topic of the observations")                                          \
    X(TEXT, deadletter_topic, "weather.deadletter", 0, 0, "topic for what could not be used")                          \
    X(INT, partitions, "24", 1, 4096, "partitions of the topic, and shards of the catalogue; fixed for ever")          \
    X(INT, replicas, "0", 0, 15, "replicas of a topic that is made; 0: three, or as many as there are brokers")        \
    X(TEXT, rules, "", 0, 0, "file with the rules, docs/rules.md; empty: windows, lateness, and defaults")             \
    X(TEXT, windows, "", 0, 0, "windows as size:retention[,size:retention]; empty: " RULE_REQUEST_WINDOWS)             \
    X(INT, lateness_s, "0", 0, 31536000, "how late a reading may come and still count, s; 0: two days")                \
    X(TEXT, pane, "", 0, 0, "pane, of which all windows ever are multiples, as 1m; empty: the largest that fits")      \
    X(TEXT, cities, "", 0, 0, "table of cities, CSV; replaces the catalogue. Empty: leaves it as it is")               \
    X(INT, city_limit, "0", 0, 1000000, "takes the first so many cities of the table; 0: all")                         \
    X(INT, city_max, "0", 0, 1000000, "most cities that the installation may have; 0: leaves it, 1000000 at first")    \
    X(TEXT, zoneinfo, "/usr/share/zoneinfo", 0, 0, "folder of the IANA time zones that cities may name")

struct init_options {
    OPTION_STRUCT(INIT_OPTIONS)
};
#define OPTION_OWNER struct init_options
static const struct option_row rows[] = {INIT_OPTIONS(OPTION_ROW)};

#define RETENTION_EXTRA_MS (INT64_C(7) * 86400000) /* a week to notice that nothing is read */
#define MAKE_TOPIC_MS      30000                   /* until all leaders answer; above the time-out of a question */
#define INFO_VALUE_BYTES   64

struct init {
    const struct init_options *options;
    struct context context;
    struct rule_request request;
    struct installation wanted, there;
    bool exists; /* an installation is there */
    struct city_table table;
    int64_t *low; /* watermarks, per partition */
};

/* ---- arguments ---- */

static int read_cities(struct init *init)
{
    const struct init_options *options = init->options;
    if (!*options->cities)
        return EXIT_CODE_OK;
    FILE *stream = fopen(options->cities, "r");
    if (!stream)
        return context_fail(&init->context, EXIT_CODE_CONFIG, "%s: %s", options->cities, strerror(errno));
    struct buf error = BUF_EMPTY;
    struct city_table_source source = {
        .name = options->cities, .zoneinfo = options->zoneinfo, .limit = (size_t)options->city_limit};
    int status = city_table_read(&init->table, stream, &source, &error);
    fclose(stream);
    if (status != 0)
        (void)context_fail(&init->context, status == ERR_UNAVAILABLE ? EXIT_CODE_UNAVAILABLE : EXIT_CODE_CONFIG, "%s",
                           error.data);
    buf_release(&error);
    return status == 0 ? EXIT_CODE_OK : init->context.exit_code;
}

/* Kafka's own rule, and it must fit. */
static bool topic_valid(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < 250 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == size;
}

static int check_arguments(struct init *init)
{
    const struct init_options *options = init->options;
    struct installation *wanted = &init->wanted;
    if (!topic_valid(options->topic) || !topic_valid(options->deadletter_topic))
        return context_fail(&init->context, EXIT_CODE_CONFIG, "topic \"%s\": 1 to 249 of A-Z a-z 0-9 . _ - wanted",
                            topic_valid(options->topic) ? options->deadletter_topic : options->topic);
    if (strcmp(options->topic, options->deadletter_topic) == 0)
        return context_fail(&init->context, EXIT_CODE_CONFIG, "topic and deadletter-topic are both \"%s\"",
                            options->topic);
    snprintf(wanted->topic, sizeof wanted->topic, "%s", options->topic);
    wanted->partitions = (int32_t)options->partitions;
    wanted->city_max = INSTALLATION_CITIES_MAX;
    int code = rule_request_read(&init->context, &init->request, wanted);
    return code == EXIT_CODE_OK ? read_cities(init) : code;
}

/* ---- Redis as it is ---- */

/* The value of "name:" in the text of INFO; "" when there is none. */
static void info_value(const char *info, const char *name, char out[INFO_VALUE_BYTES])
{
    size_t size = strlen(name);
    out[0] = '\0';
    for (const char *line = info; line; line = strchr(line, '\n'), line += line != NULL) {
        if (strncmp(line, name, size) == 0 && line[size] == ':') {
            snprintf(out, INFO_VALUE_BYTES, "%.*s", (int)strcspn(line + size + 1, "\r\n"), line + size + 1);
            return;
        }
    }
}

static int info(struct context *context, const char *section, const char *name, char out[INFO_VALUE_BYTES])
{
    struct store_reply *reply = CONTEXT_ASK(context, "INFO", section);
    out[0] = '\0';
    if (!reply)
        return context->exit_code;
    info_value(reply->text, name, out);
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

static int check_redis(struct init *init)
{
    struct context *context = &init->context;
    char policy[INFO_VALUE_BYTES], append[INFO_VALUE_BYTES];
    if (info(context, "memory", "maxmemory_policy", policy) != 0 ||
        info(context, "persistence", "aof_enabled", append) != 0)
        return context->exit_code;
    if (*policy && strcmp(policy, "noeviction") != 0)
        return context_fail(context, EXIT_CODE_CONFIG,
                            "Redis at %s has maxmemory-policy %s and could throw results away, which are the state: "
                            "set it to noeviction (redis.conf, or CONFIG SET maxmemory-policy noeviction)",
                            context->redis, policy);
    if (strcmp(append, "0") == 0)
        context_warn(context,
                     "Redis at %s keeps no append-only file: after its restart everything is replayed from Kafka; "
                     "set appendonly yes",
                     context->redis);
    int status = installation_read(context, &init->there);
    init->exists = status == 0;
    return status == 0 || status == ERR_NOT_FOUND ? EXIT_CODE_OK : context->exit_code;
}

/* ---- Kafka as it is ---- */

static int kafka_failed(struct init *init, int status, const struct buf *error)
{
    bool away = status == ERR_UNAVAILABLE || status == ERR_TIMEOUT;
    return context_fail(&init->context, away ? EXIT_CODE_UNAVAILABLE : EXIT_CODE_REFUSED, "Kafka at %s: %s",
                        init->options->kafka, error->data);
}

/* Cluster id and partitions of the topic, 0 when there is none; with `with_low` the low watermarks of all. */
static int describe(struct init *init, bool with_low, int32_t *partitions)
{
    struct buf error = BUF_EMPTY;
    int32_t room = init->wanted.partitions;
    int64_t *high = mem_calloc((size_t)room, sizeof *high);
    *partitions = with_low ? room : 0;
    int status = kafka_topic_describe(init->options->kafka, init->options->topic, init->context.timeout_ms,
                                      init->wanted.cluster_id, partitions, with_low ? init->low : NULL,
                                      with_low ? high : NULL, &error);
    if (status != 0)
        (void)kafka_failed(init, status, &error);
    free(high);
    buf_release(&error);
    return status == 0 ? EXIT_CODE_OK : init->context.exit_code;
}

/* ---- what is there must be what is wanted ---- */

#define OTHERWISE                                                                                                      \
    "an installation cannot change that. Give what it has, or make another one under a --prefix and "                  \
    "--topic of its own"

static int differs(struct init *init, const char *what, const char *there, const char *wanted)
{
    return context_fail(&init->context, EXIT_CODE_REFUSED,
                        "the installation %s at Redis %s has %s %s, not %s: " OTHERWISE, init->context.prefix,
                        init->context.redis, what, there, wanted);
}

static int number_differs(struct init *init, const char *what, int64_t there, int64_t wanted)
{
    char text[2][24];
    snprintf(text[0], sizeof text[0], "%" PRId64, there);
    snprintf(text[1], sizeof text[1], "%" PRId64, wanted);
    return differs(init, what, text[0], text[1]);
}

static int compare(struct init *init)
{
    const struct installation *there = &init->there, *wanted = &init->wanted;
    if (*there->cluster_id && strcmp(there->cluster_id, wanted->cluster_id) != 0)
        return context_fail(&init->context, EXIT_CODE_REFUSED,
                            "the installation %s at Redis %s belongs to the Kafka cluster %s, and the one at "
                            "%s is %s: point --kafka "
                            "at the right one, or make another installation under a --prefix of its own",
                            init->context.prefix, init->context.redis, there->cluster_id, init->options->kafka,
                            wanted->cluster_id);
    if (strcmp(there->topic, wanted->topic) != 0)
        return differs(init, "the topic", there->topic, wanted->topic);
    if (there->partitions != wanted->partitions)
        return number_differs(init, "partitions", there->partitions, wanted->partitions);
    return rule_request_compare(&init->context, &init->request, there, wanted);
}

/* ---- topics ---- */

static int ensure_topic(struct init *init, const char *name, int32_t partitions, bool expected)
{
    struct buf error = BUF_EMPTY;
    int64_t timeout_ms = init->context.timeout_ms > MAKE_TOPIC_MS ? init->context.timeout_ms : MAKE_TOPIC_MS;
    struct kafka_topic topic = {.name = name,
                                .partitions = partitions,
                                .replicas = (int32_t)init->options->replicas,
                                .retention_ms = init->wanted.rules.lateness_ms + RETENTION_EXTRA_MS,
                                .log_append_time = true};
    int32_t existing = 0;
    int status = kafka_topic_ensure(init->options->kafka, &topic, timeout_ms, &existing, &error);
    if (status == ERR_REFUSED && existing > 0 && existing != partitions)
        (void)context_fail(&init->context, EXIT_CODE_REFUSED, "topic %s at Kafka %s has %d partitions, not %d: %s",
                           name, init->options->kafka, existing, partitions,
                           expected ? "give --partitions as the topic has them, or another --topic"
                                    : "give another --deadletter-topic");
    else if (status != 0)
        (void)kafka_failed(init, status, &error);
    else
        printf("topic %s: %d partition%s\n", name, partitions, partitions == 1 ? "" : "s");
    buf_release(&error);
    return status == 0 ? EXIT_CODE_OK : init->context.exit_code;
}

static int ensure_topics(struct init *init)
{
    int32_t partitions = 0;
    int code = describe(init, false, &partitions);
    if (code == EXIT_CODE_OK && init->exists)
        code = compare(init);
    if (code == EXIT_CODE_OK && init->exists && partitions == 0)
        code = context_fail(&init->context, EXIT_CODE_REFUSED,
                            "topic %s is gone from Kafka %s, and the installation %s at Redis %s belongs to it: "
                            "make another one under a --prefix of its own",
                            init->wanted.topic, init->options->kafka, init->context.prefix, init->context.redis);
    if (code == EXIT_CODE_OK)
        code = ensure_topic(init, init->wanted.topic, init->wanted.partitions, true);
    if (code == EXIT_CODE_OK)
        code = ensure_topic(init, init->options->deadletter_topic, 1, false);
    if (code == EXIT_CODE_OK && !init->exists)
        code = describe(init, true, &partitions);
    return code;
}

/* ---- Redis as it shall be ---- */

/* Before the cities, which it bounds. */
static int put_max(struct init *init)
{
    char key[CONTEXT_KEY_BYTES], text[24];
    struct context *context = &init->context;
    int64_t most = init->options->city_max ? init->options->city_max : init->there.city_max;
    if ((int64_t)init->table.count > most)
        return context_fail(context, EXIT_CODE_REFUSED,
                            "%s has %zu cities, and the installation may have %" PRId64
                            ": raise --city-max, or give --city-limit",
                            init->options->cities, init->table.count, most);
    if (most == init->there.city_max)
        return EXIT_CODE_OK;
    snprintf(text, sizeof text, "%" PRId64, most);
    struct store_reply *reply = CONTEXT_ASK(context, "HSET", context_key(context, "meta", key), "city_max", text);
    if (!reply)
        return context->exit_code;
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

static int put_cities(struct init *init)
{
    struct city_store_change change;
    if (!*init->options->cities) {
        if (init->there.catalogue_version == 0)
            context_warn(&init->context, "the catalogue has no cities yet: give --cities FILE");
        return EXIT_CODE_OK;
    }
    int code = city_store_replace(&init->context, &init->there, &init->table, &change);
    if (code == EXIT_CODE_OK)
        printf("cities: %zu from %s, catalogue version %" PRId64 " (%d shard%s changed)\n", init->table.count,
               init->options->cities, change.version, change.shards, change.shards == 1 ? "" : "s");
    return code;
}

/* The installation is of a version that kept no rules. A file may say what was options of the workers then. */
static int adopt(struct init *init)
{
    int64_t version = init->there.rules.version;
    if (*init->options->rules)
        init->there.rules = init->wanted.rules;
    init->there.rules.version = version;
    int code = provision_adopt(&init->context, &init->there);
    if (code == EXIT_CODE_OK)
        printf("rules: version %" PRId64 " made of what the installation had\n", version);
    return code;
}

/* Under the lock: what another init made meanwhile is accepted when it is the same. */
static int provision(struct init *init)
{
    int status = installation_read(&init->context, &init->there);
    init->exists = status == 0;
    if (status != 0 && status != ERR_NOT_FOUND)
        return init->context.exit_code;
    int code = init->exists ? compare(init) : provision_make(&init->context, &init->wanted, init->low);
    if (code == EXIT_CODE_OK && init->exists)
        code = provision_check(&init->context, &init->there);
    if (code == EXIT_CODE_OK && init->exists && !init->there.pane_ms)
        code = adopt(init);
    if (code != EXIT_CODE_OK)
        return code;
    printf("ledgers: %d %s, prefix %s, Redis %s\n", init->wanted.partitions, init->exists ? "there already" : "made",
           init->context.prefix, init->context.redis);
    if (!init->exists)
        init->there = init->wanted;
    code = put_max(init);
    return code == EXIT_CODE_OK ? put_cities(init) : code;
}

static int make(struct init *init)
{
    char nonce[33];
    int code = check_redis(init);
    if (code == EXIT_CODE_OK)
        code = ensure_topics(init);
    if (code == EXIT_CODE_OK)
        code = provision_lock(&init->context, nonce);
    if (code != EXIT_CODE_OK)
        return code;
    code = provision(init);
    provision_unlock(&init->context, nonce);
    return code;
}

static int run(const void *values)
{
    const struct init_options *options = values;
    struct init init = {.options = options,
                        .context = CONTEXT_OF("init", options),
                        .request = {options->rules, options->windows, options->pane, options->lateness_s},
                        .low = mem_calloc((size_t)options->partitions, sizeof *init.low)};
    int code = check_arguments(&init);
    if (code == EXIT_CODE_OK)
        code = context_connect(&init.context, options->redis_user, options->redis_password);
    if (code == EXIT_CODE_OK)
        code = make(&init);
    context_close(&init.context);
    city_table_release(&init.table);
    free(init.low);
    return code;
}

const struct command command_init = {
    .name = "init",
    .summary = "makes topics, ledgers and the catalogue of cities; running it again changes nothing",
    .details = "Makes the topics, a ledger per partition, and the catalogue of cities; what is there already "
               "is checked and kept.\n"
               "Records that are in the topic already will all be processed.\n\n"
               "Exit codes: 0 all is there; 69 Kafka, Redis or tzdata is missing; 77 what is there differs from what "
               "was asked for;\n"
               "78 the table of cities, the windows, or Redis' maxmemory-policy is wrong.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct init_options),
    .run = run,
};
