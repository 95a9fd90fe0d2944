/*
 * A subcommand of isobarctl: one file per command, one row per command in main.c. Options are the X-macro
 * rows of option.h, so --help, the environment and the checks fall out of them; the section in a
 * configuration file is the command's name, or [isobar] for what all share.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include "option.h"

#include <stddef.h>

struct command {
    const char *name;    /* init */
    const char *summary; /* one line, for the list of commands */
    const char *details; /* what --help begins with: effect and exit codes */
    const struct option_row *rows;
    size_t row_count;
    size_t options_size; /* of the struct that the rows fill */
    /* Does it: `options` is that struct. Answers go to stdout, errors to stderr; returns the exit code. */
    int (*run)(const void *options);
    /*
     * Commands that take `operand_count` words besides options, and at most `operands_more` others, have these instead
     * of `run`. Behind the last operand is a NULL.
     */
    const char *operands; /* for --help: "<member>" */
    int operand_count, operands_more;
    int (*run_operands)(const void *options, char *const *operands);
};

/* How a command finds Redis; first in each list of options. */
#define COMMAND_OPTIONS(X)                                                                                             \
    X(TEXT, config, "", 0, 0, "configuration file; keys are the options with underscores")                             \
    X(TEXT, redis, "127.0.0.1:6379", 0, 0, "Redis, host:port or unix:/path")                                           \
    X(TEXT, redis_user, "", 0, 0, "Redis ACL user; empty: the default user")                                           \
    X(SECRET, redis_password, "", 0, 0, "Redis password; only from the environment or a file")                         \
    X(TEXT, prefix, "isobar:", 0, 0, "prefix of all keys in Redis")                                                    \
    X(INT, timeout_ms, "5000", 100, 600000, "time after which Redis or Kafka is taken for unreachable, ms")

extern const struct command command_cities;
extern const struct command command_deadletter;
extern const struct command command_drain;
extern const struct command command_explain;
extern const struct command command_init;
extern const struct command command_keygen;
extern const struct command command_members;
extern const struct command command_normals;
extern const struct command command_partition;
extern const struct command command_partitions;
extern const struct command command_plan;
extern const struct command command_produce;
extern const struct command command_replay;
extern const struct command command_rules;
extern const struct command command_status;
extern const struct command command_undrain;
extern const struct command command_verify;
extern const struct command command_why;

#endif
