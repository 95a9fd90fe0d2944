/*
 * What tests tell the development broker while it runs: one command a line, one answer a line, `ok` or `error
 * …`.
 *
 *   push-error API CODE COUNT     the next COUNT requests of this kind fail (API: a request's name as in
 * Kafka's protocol or its number; CODE: a librdkafka name, as NOT_LEADER_FOR_PARTITION or _TRANSPORT, which
 *                                 disconnects, or its number)
 *   clear-errors API              forgets what push-error left
 *   broker-down ID, broker-up ID  closes, opens a broker's port; leaders stay where they are. ID -1: all
 * brokers leader TOPIC PARTITION ID     moves a partition; ID -1: no leader follower TOPIC PARTITION ID names
 * the replica that consumers are sent to; ID -1: none rtt ID MS                     delays a broker's
 * answers; ID -1: all brokers topic NAME:PARTITIONS         makes one more topic
 *
 * Topics are remembered here, since the mock cluster would silently make one that a command misspells.
 */
#ifndef ISOBAR_DEVBROKER_COMMAND_H
#define ISOBAR_DEVBROKER_COMMAND_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stddef.h>

#define TOPICS_MAX       64
#define TOPIC_NAME_BYTES 250 /* Kafka's limit of 249 and the terminator */
#define PARTITIONS_MAX   10000

struct topic {
    char name[TOPIC_NAME_BYTES];
    int partitions;
};

/* The mock cluster is owned by whoever fills this in. */
struct target {
    rd_kafka_mock_cluster_t *cluster;
    int brokers;
    struct topic topics[TOPICS_MAX];
    int topic_count;
};

/* Reads NAME:PARTITIONS into `topic`. Returns NULL, or in a static text what is wrong with it. */
const char *topic_parse(const char *text, struct topic *topic) __attribute__((warn_unused_result));

/* Makes `topic` on min(3, brokers) brokers and remembers a copy. Returns NULL, or in a static text why it
 * could not. */
const char *target_add_topic(struct target *target, const struct topic *topic) __attribute__((warn_unused_result));

/*
 * Carries out one command. `line` has no newline and is taken apart. Writes "ok" or "error …" without a
 * newline to `answer` (`size` bytes). Returns 0, or -1 for an error.
 */
int command_run(struct target *target, char *line, char *answer, size_t size);

#endif
