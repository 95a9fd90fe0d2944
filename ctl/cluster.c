/* See cluster.h. Text in the view comes from members, so control characters are not passed on to the terminal. */
#include "cluster.h"

#include "clock.h"
#include "error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLD_MS     5000 /* a leader writes its view every second */
#define SILENCE_MS 10000

/* ---- the view's values ---- */

int64_t cluster_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

const char *cluster_text(const json_t *object, const char *key, char out[CLUSTER_TEXT_BYTES])
{
    const char *value = json_string_value(json_object_get(object, key));
    snprintf(out, CLUSTER_TEXT_BYTES, "%s", value && *value ? value : "-");
    for (char *p = out; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
    return out;
}

const char *cluster_span(int64_t ms, char out[CLUSTER_TEXT_BYTES])
{
    if (ms < 0)
        snprintf(out, CLUSTER_TEXT_BYTES, "-");
    else if (ms < 120000)
        snprintf(out, CLUSTER_TEXT_BYTES, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
    else if (ms < 7200000)
        snprintf(out, CLUSTER_TEXT_BYTES, "%" PRId64 " min", ms / 60000);
    else
        snprintf(out, CLUSTER_TEXT_BYTES, "%" PRId64 " h", ms / 3600000);
    return out;
}

int64_t cluster_age(const struct cluster *cluster, int64_t at_ms)
{
    if (at_ms <= 0)
        return -1;
    return cluster->now_ms > at_ms ? cluster->now_ms - at_ms : 0;
}

/* ---- what is wrong ---- */

static void judge_partition(struct cluster *cluster, const json_t *partition)
{
    char phase[CLUSTER_TEXT_BYTES];
    const char *alarm = json_string_value(json_object_get(partition, "alarm"));
    int64_t index = cluster_number(partition, "partition");
    if (strcmp(cluster_text(partition, "phase", phase), "running") != 0)
        buf_printf(&cluster->wrong, "partition %" PRId64 " is %s\n", index, phase);
    else if (cluster_number(partition, "lag") > 0 && cluster_number(partition, "progress_age_ms") > SILENCE_MS)
        buf_printf(&cluster->wrong, "partition %" PRId64 " makes no progress, %" PRId64 " records behind\n", index,
                   cluster_number(partition, "lag"));
    if (alarm && *alarm)
        buf_printf(&cluster->wrong, "partition %" PRId64 ": %s\n", index, alarm);
}

/* The text is longer than other values. */
static void judge_alarm(struct cluster *cluster, const json_t *alarm)
{
    char name[CLUSTER_TEXT_BYTES], source[CLUSTER_TEXT_BYTES], member[CLUSTER_TEXT_BYTES], age[CLUSTER_TEXT_BYTES];
    const char *text = json_string_value(json_object_get(alarm, "text"));
    buf_printf(&cluster->wrong, "source %s: %s, says %s for %s: %s\n", cluster_text(alarm, "source", source),
               cluster_text(alarm, "name", name), cluster_text(alarm, "member", member),
               cluster_span(cluster_age(cluster, cluster_number(alarm, "since")), age), text ? text : "");
}

void cluster_judge(struct cluster *cluster)
{
    char age[CLUSTER_TEXT_BYTES];
    const json_t *list = json_object_get(cluster->view, "partition_list");
    if (!*cluster->leader)
        buf_text(&cluster->wrong,
                 "there is no leader: start isobar-coordinator. Workers and fetchers go on with what they hold\n");
    if (!cluster->view)
        buf_text(&cluster->wrong, "no leader has written its view yet\n");
    else if (cluster->age_ms > OLD_MS)
        buf_printf(&cluster->wrong, "the view is %s old: what is shown may have changed since\n",
                   cluster_span(cluster->age_ms, age));
    if (cluster->view && json_array_size(list) != (size_t)cluster->installation.partitions)
        buf_printf(&cluster->wrong, "the view has %zu partitions, the installation %d\n", json_array_size(list),
                   cluster->installation.partitions);
    for (size_t i = 0; i < json_array_size(list); i++)
        judge_partition(cluster, json_array_get(list, i));
    list = json_object_get(cluster->view, "alarms");
    for (size_t i = 0; i < json_array_size(list); i++)
        judge_alarm(cluster, json_array_get(list, i));
    for (char *p = cluster->wrong.data; *p; p++)
        *p = ((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f ? '?' : *p;
}

/* ---- reading ---- */

/* "<nonce> <coordinator id> <endpoint>" -> "coordinator-1 (tcp://...)" */
static void take_leader(struct cluster *cluster, const struct store_reply *reply)
{
    const char *id = reply->type == STORE_TEXT ? strchr(reply->text, ' ') : NULL;
    const char *endpoint = id ? strchr(id + 1, ' ') : NULL;
    if (endpoint)
        snprintf(cluster->leader, sizeof cluster->leader, "%.*s (%s)", (int)(endpoint - id - 1), id + 1, endpoint + 1);
    for (char *p = cluster->leader; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
}

static int take_view(struct cluster *cluster, const struct store_reply *reply)
{
    json_error_t reason;
    if (reply->type != STORE_TEXT)
        return EXIT_CODE_OK;
    cluster->view = json_loadb(reply->text, reply->size, JSON_REJECT_DUPLICATES, &reason);
    if (!json_is_object(cluster->view))
        return context_fail(cluster->context, EXIT_CODE_FAILURE, "%scluster at Redis %s is not the leader's view: %s",
                            cluster->context->prefix, cluster->context->redis,
                            cluster->view ? "no object" : reason.text);
    cluster->age_ms = cluster_age(cluster, cluster_number(cluster->view, "at_ms"));
    json_object_set_new(cluster->view, "age_ms", json_integer(cluster->age_ms));
    return EXIT_CODE_OK;
}

static int ask(struct cluster *cluster)
{
    char leader[CONTEXT_KEY_BYTES], term[CONTEXT_KEY_BYTES], view[CONTEXT_KEY_BYTES];
    struct store_reply *reply =
        CONTEXT_ASK(cluster->context, "MGET", context_key(cluster->context, "leader", leader),
                    context_key(cluster->context, "term", term), context_key(cluster->context, "cluster", view));
    if (!reply)
        return cluster->context->exit_code;
    cluster->now_ms = clock_wall_ms();
    take_leader(cluster, reply->elements[0]);
    if (!context_integer(reply->elements[1], 0, INT64_MAX, &cluster->term))
        cluster->term = 0;
    int code = take_view(cluster, reply->elements[2]);
    store_reply_free(reply);
    return code;
}

int cluster_read(struct cluster *cluster, struct context *context)
{
    *cluster = (struct cluster){.context = context, .wrong = BUF_EMPTY};
    return installation_require(context, &cluster->installation) == 0 ? ask(cluster) : context->exit_code;
}

void cluster_release(struct cluster *cluster)
{
    json_decref(cluster->view);
    cluster->view = NULL;
    buf_release(&cluster->wrong);
}

const json_t *cluster_partition(const struct cluster *cluster, int32_t partition)
{
    return json_array_get(json_object_get(cluster->view, "partition_list"), (size_t)partition);
}

const json_t *cluster_member(const struct cluster *cluster, const char *id)
{
    const json_t *list = json_object_get(cluster->view, "members");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *member = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(member, "id"));
        if (name && strcmp(name, id) == 0)
            return member;
    }
    return NULL;
}
