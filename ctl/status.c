/*
 * isobarctl status: the leader's view (docs/contracts.md, "cluster") on a terminal. It shows what the leader
 * wrote and says when nobody leads or the view is old; what it calls wrong decides the exit code. Text in the
 * view comes from members, so control characters are not passed on to the terminal.
 */
#include "clock.h"
#include "command.h"
#include "context.h"
#include "error.h"
#include "installation.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_OPTIONS(X)                                                                                              \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(FLAG, json, "false", 0, 0, "prints the leader's view as JSON, with its age added as age_ms")

struct status_options {
    OPTION_STRUCT(STATUS_OPTIONS)
};
#define OPTION_OWNER struct status_options
static const struct option_row rows[] = {STATUS_OPTIONS(OPTION_ROW)};

#define OLD_MS       5000 /* a leader writes its view every second */
#define SILENCE_MS   10000
#define TEXT_BYTES   48
#define LEADER_BYTES 256

struct status {
    const struct status_options *options;
    struct context context;
    struct installation installation;
    char leader[LEADER_BYTES]; /* "coordinator-1 (tcp://...)"; "" when nobody leads */
    int64_t term;
    json_t *view; /* NULL when there is none */
    int64_t now_ms, age_ms;
    struct buf wrong; /* one line per thing */
};

/* ---- the view's values ---- */

static int64_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* A copy without control characters, at most TEXT_BYTES - 1 bytes of it, in `out`; "-" for nothing. */
static const char *text(const json_t *object, const char *key, char out[TEXT_BYTES])
{
    const char *value = json_string_value(json_object_get(object, key));
    snprintf(out, TEXT_BYTES, "%s", value && *value ? value : "-");
    for (char *p = out; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
    return out;
}

/* 1234 -> 1.2 s, 600000 -> 10 min. "-" when it is not known. */
static const char *span(int64_t ms, char out[TEXT_BYTES])
{
    if (ms < 0)
        snprintf(out, TEXT_BYTES, "-");
    else if (ms < 120000)
        snprintf(out, TEXT_BYTES, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
    else if (ms < 7200000)
        snprintf(out, TEXT_BYTES, "%" PRId64 " min", ms / 60000);
    else
        snprintf(out, TEXT_BYTES, "%" PRId64 " h", ms / 3600000);
    return out;
}

/* Age of a moment that may not be known (0). */
static int64_t age_of(const struct status *status, int64_t at_ms)
{
    if (at_ms <= 0)
        return -1;
    return status->now_ms > at_ms ? status->now_ms - at_ms : 0;
}

/* ---- what is wrong ---- */

static void judge_partition(struct status *status, const json_t *partition)
{
    char phase[TEXT_BYTES];
    const char *alarm = json_string_value(json_object_get(partition, "alarm"));
    int64_t index = number(partition, "partition");
    if (strcmp(text(partition, "phase", phase), "running") != 0)
        buf_printf(&status->wrong, "partition %" PRId64 " is %s\n", index, phase);
    else if (number(partition, "lag") > 0 && number(partition, "progress_age_ms") > SILENCE_MS)
        buf_printf(&status->wrong, "partition %" PRId64 " makes no progress, %" PRId64 " records behind\n", index,
                   number(partition, "lag"));
    if (alarm && *alarm)
        buf_printf(&status->wrong, "partition %" PRId64 ": %s\n", index, alarm);
}

static void judge(struct status *status)
{
    char age[TEXT_BYTES];
    const json_t *list = json_object_get(status->view, "partition_list");
    if (!*status->leader)
        buf_text(&status->wrong,
                 "there is no leader: start isobar-coordinator. Workers and fetchers go on with what they hold\n");
    if (!status->view)
        buf_text(&status->wrong, "no leader has written its view yet\n");
    else if (status->age_ms > OLD_MS)
        buf_printf(&status->wrong, "the view is %s old: what is shown may have changed since\n",
                   span(status->age_ms, age));
    if (status->view && json_array_size(list) != (size_t)status->installation.partitions)
        buf_printf(&status->wrong, "the view has %zu partitions, the installation %d\n", json_array_size(list),
                   status->installation.partitions);
    for (size_t i = 0; i < json_array_size(list); i++)
        judge_partition(status, json_array_get(list, i));
    for (char *p = status->wrong.data; *p; p++)
        *p = ((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f ? '?' : *p;
}

/* ---- printing ---- */

static void print_head(const struct status *status)
{
    char age[TEXT_BYTES];
    if (*status->leader)
        printf("leader      %s, term %" PRId64 "\n", status->leader, status->term);
    else
        printf("leader      none; the last term was %" PRId64 "\n", status->term);
    if (status->view)
        printf("view        %s old; topic %s\n", span(status->age_ms, age), status->installation.topic);
    else
        puts("view        none");
}

static void print_members(const struct status *status)
{
    const json_t *list = json_object_get(status->view, "members");
    char id[TEXT_BYTES], role[TEXT_BYTES], state[TEXT_BYTES], host[TEXT_BYTES], age[TEXT_BYTES];
    printf("\n%-24s %-8s %-9s %5s %10s  %-20s %s\n", "member", "role", "state", "held", "heartbeat", "host", "pid");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *member = json_array_get(list, i);
        printf("%-24s %-8s %-9s %5" PRId64 " %10s  %-20s %" PRId64 "\n", text(member, "id", id),
               text(member, "role", role), text(member, "state", state), number(member, "held"),
               span(number(member, "heartbeat_age_ms"), age), text(member, "host", host), number(member, "pid"));
    }
    if (json_array_size(list) == 0)
        puts("(none)");
}

static void print_partitions(const struct status *status)
{
    const json_t *list = json_object_get(status->view, "partition_list");
    char owner[TEXT_BYTES], phase[TEXT_BYTES], age[TEXT_BYTES];
    printf("\n%9s  %-24s %-10s %12s %9s %12s %12s\n", "partition", "owner", "phase", "offset", "lag", "rows",
           "watermark");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *partition = json_array_get(list, i);
        printf("%9" PRId64 "  %-24s %-10s %12" PRId64 " %9" PRId64 " %12" PRId64 " %12s\n",
               number(partition, "partition"), text(partition, "owner", owner), text(partition, "phase", phase),
               number(partition, "offset"), number(partition, "lag"), number(partition, "rows"),
               span(age_of(status, number(partition, "watermark_ms")), age));
    }
}

static void print_shards(const struct status *status)
{
    size_t owned = 0;
    int64_t cities = 0, failing = 0;
    const json_t *list = json_object_get(status->view, "shard_list"), *quota = json_object_get(status->view, "quota");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *shard = json_array_get(list, i);
        const char *owner = json_string_value(json_object_get(shard, "owner"));
        owned += owner && *owner;
        cities += number(shard, "cities");
        failing += number(shard, "failing");
    }
    printf("\nshards      %zu of %zu have a fetcher; %" PRId64 " cities, %" PRId64
           " failing; catalogue version %" PRId64 "\n",
           owned, json_array_size(list), cities, failing, number(status->view, "catalogue_version"));
    int64_t calls = number(quota, "calls_per_minute"), fetchers = number(quota, "fetchers");
    if (calls < 0)
        fputs("quota       no limit", stdout);
    else
        printf("quota       %" PRId64 " calls a minute", calls);
    printf(", %" PRId64 " fetcher%s", fetchers, fetchers == 1 ? "" : "s");
    if (calls >= 0 && fetchers > 1)
        printf(", %.1f each", json_number_value(json_object_get(quota, "share_per_minute")));
    puts("");
}

static void print_all(const struct status *status)
{
    print_head(status);
    if (status->view) {
        print_members(status);
        print_partitions(status);
        print_shards(status);
    }
    puts("");
    fputs(status->wrong.size ? status->wrong.data : "all partitions run\n", stdout);
}

/* ---- reading ---- */

/* "<nonce> <coordinator id> <endpoint>" -> "coordinator-1 (tcp://...)" */
static void take_leader(struct status *status, const struct store_reply *reply)
{
    const char *id = reply->type == STORE_TEXT ? strchr(reply->text, ' ') : NULL;
    const char *endpoint = id ? strchr(id + 1, ' ') : NULL;
    if (endpoint)
        snprintf(status->leader, sizeof status->leader, "%.*s (%s)", (int)(endpoint - id - 1), id + 1, endpoint + 1);
    for (char *p = status->leader; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
}

static int take_view(struct status *status, const struct store_reply *reply)
{
    json_error_t reason;
    if (reply->type != STORE_TEXT)
        return EXIT_CODE_OK;
    status->view = json_loadb(reply->text, reply->size, JSON_REJECT_DUPLICATES, &reason);
    if (!json_is_object(status->view))
        return context_fail(&status->context, EXIT_CODE_FAILURE, "%scluster at Redis %s is not the leader's view: %s",
                            status->context.prefix, status->context.redis, status->view ? "no object" : reason.text);
    status->age_ms = age_of(status, number(status->view, "at_ms"));
    json_object_set_new(status->view, "age_ms", json_integer(status->age_ms));
    return EXIT_CODE_OK;
}

static int ask(struct status *status)
{
    char leader[CONTEXT_KEY_BYTES], term[CONTEXT_KEY_BYTES], cluster[CONTEXT_KEY_BYTES];
    struct store_reply *reply =
        CONTEXT_ASK(&status->context, "MGET", context_key(&status->context, "leader", leader),
                    context_key(&status->context, "term", term), context_key(&status->context, "cluster", cluster));
    if (!reply)
        return status->context.exit_code;
    status->now_ms = clock_wall_ms();
    take_leader(status, reply->elements[0]);
    if (!context_integer(reply->elements[1], 0, INT64_MAX, &status->term))
        status->term = 0;
    int code = take_view(status, reply->elements[2]);
    store_reply_free(reply);
    return code;
}

static void print_json(const struct status *status)
{
    char *dump = json_dumps(status->view, JSON_COMPACT);
    puts(dump ? dump : "null");
    free(dump);
    if (status->wrong.size)
        fputs(status->wrong.data, stderr);
}

static int run(const void *values)
{
    const struct status_options *options = values;
    struct status status = {.options = options, .context = CONTEXT_OF("status", options), .wrong = BUF_EMPTY};
    int code = context_connect(&status.context, options->redis_user, options->redis_password);
    if (code == EXIT_CODE_OK)
        code =
            installation_require(&status.context, &status.installation) == 0 ? ask(&status) : status.context.exit_code;
    if (code == EXIT_CODE_OK) {
        judge(&status);
        if (options->json)
            print_json(&status);
        else
            print_all(&status);
        code = status.wrong.size ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
    }
    json_decref(status.view);
    buf_release(&status.wrong);
    context_close(&status.context);
    return code;
}

const struct command command_status = {
    .name = "status",
    .summary = "shows the leader, the members and the partitions, and what is wrong",
    .details = "Shows the leader's view: members, partitions, shards and quota, and at the end what is "
               "wrong, with the command that\n"
               "resolves it.\n\n"
               "Exit codes: 0 there is a leader and all partitions run; 1 something is wrong; 69 Redis is "
               "missing, or there is no\n"
               "installation.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct status_options),
    .run = run,
};
