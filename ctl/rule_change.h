/*
 * Puts a version of the rules in force: one control record into every partition, acknowledged by all replicas, then the
 * version becomes the newest one. It can be done again from any point, by anybody: a partition takes no notice of a
 * version that it has.
 */
#ifndef CTL_RULE_CHANGE_H
#define CTL_RULE_CHANGE_H

#include "context.h"
#include "installation.h"

/* What it works on. */
struct rule_change {
    struct context *context;
    const struct installation *installation;
    const char *kafka; /* bootstrap servers */
};

/* Whether Kafka has the installation's topic. Returns the exit code; what is wrong is said. */
int rule_change_check(const struct rule_change *change) __attribute__((warn_unused_result));
/* Puts rules in force whose text is kept under `rules->version`. Returns the exit code; what is wrong is said. */
int rule_change_announce(const struct rule_change *change, const struct rules *rules)
    __attribute__((warn_unused_result));
/* How many partitions have `version`, or a later one, in force. Returns the exit code. */
int rule_change_count(struct context *context, const struct installation *installation, int64_t version, int32_t *count)
    __attribute__((warn_unused_result));

#endif
