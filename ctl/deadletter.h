/*
 * What list and replay of isobarctl deadletter share: the topic's letters, from where the options say to where the log
 * ended when the command began, in order, each once.
 */
#ifndef CTL_DEADLETTER_H
#define CTL_DEADLETTER_H

#include "command.h"
#include "context.h"
#include "installation.h"
#include "kafka_scan.h"
#include "keyset.h"
#include "letter.h"

#include <stdint.h>

#define DEADLETTER_KEYS_MAX  1000000 /* letters that one run tells apart */
#define DEADLETTER_BAD_SHOWN 20

#define DEADLETTER_OPTIONS(X)                                                                                          \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers")                                                  \
    X(TEXT, deadletter_topic, "weather.deadletter", 0, 0, "topic of the letters")                                      \
    X(TEXT, reason, "", 0, 0, "only letters with this in their reason")                                                \
    X(TEXT, city, "", 0, 0, "only letters about the city with this id or name")                                        \
    X(TEXT, since, "", 0, 0, "only letters put there since: 2h (ago), 2026-11-30, or 2026-11-30T12:00Z")               \
    X(INT, limit, "50", 1, 10000, "list: how many to show, the newest")                                                \
    X(FLAG, all, "false", 0, 0, "replay: also those older than the lateness horizon")                                  \
    X(FLAG, dry_run, "false", 0, 0, "replay: only says what would be done")                                            \
    X(FLAG, yes, "false", 0, 0, "replay: does not ask")                                                                \
    X(FLAG, json, "false", 0, 0, "prints one JSON object; with replay, give --yes or --dry-run too")

struct deadletter_options {
    OPTION_STRUCT(DEADLETTER_OPTIONS)
};

struct deadletter {
    const struct deadletter_options *options;
    struct context context;
    struct installation installation;
    struct letter_filter filter;
    struct kafka_scan *scan;
    struct letter_reader *reader;
    struct stretch_of_letters {
        int64_t from, to;
    } * stretches; /* by partition of the topic */
    int32_t partitions;
    /* of the pass under way */
    struct keyset keys;
    int64_t read, bad, matched, repeated;
    struct buf bad_list; /* JSON objects, comma-separated, of the first ones */
};

/* Takes one letter that matches; the reader still has it. Returns the exit code; not 0 ends the pass. */
typedef int deadletter_fn(void *arg, const struct letter *letter);
/*
 * One pass over the letters; each key comes once. What is no letter is counted, and the first ones are named: on stderr
 * when `say`, and in bad_list. Returns the exit code.
 */
int deadletter_pass(struct deadletter *deadletter, bool say, deadletter_fn *fn, void *arg)
    __attribute__((warn_unused_result));

/* deadletter_list.c: shows the newest that match. Returns the exit code. */
int deadletter_list(struct deadletter *deadletter) __attribute__((warn_unused_result));
/* deadletter_replay.c: produces the originals again. Returns the exit code. */
int deadletter_replay(struct deadletter *deadletter) __attribute__((warn_unused_result));

#endif
