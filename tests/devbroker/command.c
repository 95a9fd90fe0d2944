/*
 * The commands of the development broker (command.h): a table of names, argument counts and functions, each
 * of which checks its arguments before the mock cluster sees them. Not here: reading the lines and writing
 * the answers (devbroker.c).
 */
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX   3
#define COUNT_MAX  10000
#define RTT_MAX_MS 600000

/* The requests that the mock cluster of librdkafka 2.0.2 answers, with their keys in Kafka's protocol. */
static const struct {
    const char *name;
    int16_t key;
} apis[] = {
    {"PRODUCE", 0},          {"FETCH", 1},
    {"LISTOFFSETS", 2},      {"METADATA", 3},
    {"OFFSETCOMMIT", 8},     {"OFFSETFETCH", 9},
    {"FINDCOORDINATOR", 10}, {"JOINGROUP", 11},
    {"HEARTBEAT", 12},       {"LEAVEGROUP", 13},
    {"SYNCGROUP", 14},       {"APIVERSION", 18},
    {"INITPRODUCERID", 22},  {"ADDPARTITIONSTOTXN", 24},
    {"ADDOFFSETSTOTXN", 25}, {"ENDTXN", 26},
    {"TXNOFFSETCOMMIT", 28},
};

/* Reads a whole decimal number between `low` and `high`. */
static bool parse_int(const char *text, long low, long high, long *value)
{
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    return end != text && *end == '\0' && errno == 0 && *value >= low && *value <= high;
}

static bool parse_api(const char *text, int16_t *key)
{
    long number;
    bool numeric = parse_int(text, 0, INT16_MAX, &number);
    for (size_t i = 0; i < sizeof apis / sizeof apis[0]; i++) {
        if (numeric ? number == apis[i].key : strcasecmp(text, apis[i].name) == 0) {
            *key = apis[i].key;
            return true;
        }
    }
    return false;
}

/* Unknown numbers are refused too, since librdkafka asserts on some. */
static bool parse_error_code(const char *text, rd_kafka_resp_err_t *code)
{
    const struct rd_kafka_err_desc *descriptions;
    size_t count;
    long number;
    bool numeric = parse_int(text, INT16_MIN, INT16_MAX, &number);
    rd_kafka_get_err_descs(&descriptions, &count);
    for (size_t i = 0; i < count; i++) {
        if (!descriptions[i].name)
            continue;
        if (numeric ? number == (long)descriptions[i].code : strcasecmp(text, descriptions[i].name) == 0) {
            *code = descriptions[i].code;
            return true;
        }
    }
    return false;
}

/* Reads the number of a broker that exists, or -1. */
static bool parse_broker(const struct target *target, const char *text, int32_t *id)
{
    long number;
    if (!parse_int(text, -1, target->brokers, &number) || number == 0)
        return false;
    *id = (int32_t)number;
    return true;
}

static const struct topic *find_topic(const struct target *target, const char *name)
{
    for (int i = 0; i < target->topic_count; i++) {
        if (strcmp(target->topics[i].name, name) == 0)
            return &target->topics[i];
    }
    return NULL;
}

static const char *outcome(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? NULL : rd_kafka_err2str(err);
}

const char *topic_parse(const char *text, struct topic *topic)
{
    const char *colon = strrchr(text, ':');
    long partitions;
    if (!colon || colon == text || !parse_int(colon + 1, 1, PARTITIONS_MAX, &partitions))
        return "expected NAME:PARTITIONS, with 1 to 10000 partitions";
    size_t size = (size_t)(colon - text);
    if (size >= sizeof topic->name)
        return "a topic's name has at most 249 characters";
    if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != size)
        return "a topic's name has letters, digits, '.', '_' and '-' only";
    memcpy(topic->name, text, size);
    topic->name[size] = '\0';
    topic->partitions = (int)partitions;
    return NULL;
}

const char *target_add_topic(struct target *target, const struct topic *topic)
{
    if (target->topic_count == TOPICS_MAX)
        return "too many topics";
    int replicas = target->brokers < 3 ? target->brokers : 3;
    rd_kafka_resp_err_t err = rd_kafka_mock_topic_create(target->cluster, topic->name, topic->partitions, replicas);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        target->topics[target->topic_count++] = *topic;
    return outcome(err);
}

static const char *push_error(struct target *target, char **args)
{
    int16_t key;
    rd_kafka_resp_err_t code;
    long count;
    if (!parse_api(args[0], &key))
        return "unknown API";
    if (!parse_error_code(args[1], &code))
        return "unknown error code";
    if (!parse_int(args[2], 1, COUNT_MAX, &count))
        return "COUNT must be 1 to 10000";
    for (long i = 0; i < count; i++)
        rd_kafka_mock_push_request_errors_array(target->cluster, key, 1, &code);
    return NULL;
}

static const char *clear_errors(struct target *target, char **args)
{
    int16_t key;
    if (!parse_api(args[0], &key))
        return "unknown API";
    rd_kafka_mock_clear_request_errors(target->cluster, key);
    return NULL;
}

static const char *broker_down(struct target *target, char **args)
{
    int32_t id;
    if (!parse_broker(target, args[0], &id))
        return "no such broker";
    return outcome(rd_kafka_mock_broker_set_down(target->cluster, id));
}

static const char *broker_up(struct target *target, char **args)
{
    int32_t id;
    if (!parse_broker(target, args[0], &id))
        return "no such broker";
    return outcome(rd_kafka_mock_broker_set_up(target->cluster, id));
}

/* Reads the TOPIC PARTITION ID that two commands take. Returns NULL, or what is wrong. */
static const char *parse_place(const struct target *target, char **args, int32_t *partition, int32_t *id)
{
    const struct topic *topic = find_topic(target, args[0]);
    long number;
    if (!topic)
        return "no such topic";
    if (!parse_int(args[1], 0, topic->partitions - 1, &number))
        return "no such partition";
    if (!parse_broker(target, args[2], id))
        return "no such broker";
    *partition = (int32_t)number;
    return NULL;
}

static const char *leader(struct target *target, char **args)
{
    int32_t partition, id;
    const char *problem = parse_place(target, args, &partition, &id);
    if (problem)
        return problem;
    return outcome(rd_kafka_mock_partition_set_leader(target->cluster, args[0], partition, id));
}

static const char *follower(struct target *target, char **args)
{
    int32_t partition, id;
    const char *problem = parse_place(target, args, &partition, &id);
    if (problem)
        return problem;
    return outcome(rd_kafka_mock_partition_set_follower(target->cluster, args[0], partition, id));
}

static const char *rtt(struct target *target, char **args)
{
    int32_t id;
    long delay_ms;
    if (!parse_broker(target, args[0], &id))
        return "no such broker";
    if (!parse_int(args[1], 0, RTT_MAX_MS, &delay_ms))
        return "MS must be 0 to 600000";
    return outcome(rd_kafka_mock_broker_set_rtt(target->cluster, id, (int)delay_ms));
}

static const char *make_topic(struct target *target, char **args)
{
    struct topic topic;
    const char *problem = topic_parse(args[0], &topic);
    return problem ? problem : target_add_topic(target, &topic);
}

static const struct {
    const char *name;
    int args;
    const char *(*run)(struct target *target, char **args);
} commands[] = {
    {"push-error", 3, push_error},
    {"clear-errors", 1, clear_errors},
    {"broker-down", 1, broker_down},
    {"broker-up", 1, broker_up},
    {"leader", 3, leader},
    {"follower", 3, follower},
    {"rtt", 2, rtt},
    {"topic", 1, make_topic},
};

/* Finds and runs the command. Returns NULL, or what is wrong. */
static const char *dispatch(struct target *target, char *line)
{
    char *args[ARGS_MAX] = {NULL};
    char *rest = NULL;
    const char *name = strtok_r(line, " \t\r", &rest);
    if (!name)
        return "empty command";
    int count = 0;
    for (char *word = strtok_r(NULL, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
        if (count == ARGS_MAX)
            return "too many arguments";
        args[count++] = word;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0)
            return count == commands[i].args ? commands[i].run(target, args) : "wrong number of arguments";
    }
    return "unknown command";
}

int command_run(struct target *target, char *line, char *answer, size_t size)
{
    const char *problem = dispatch(target, line);
    snprintf(answer, size, problem ? "error %s" : "ok%s", problem ? problem : "");
    return problem ? -1 : 0;
}
