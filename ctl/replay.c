/*
 * isobarctl replay: a period of the log once more, through the same worker code, into a namespace of its own: to see a
 * storm again, to try other rules, to prove that the results follow from the log. The period is one of the log, by the
 * time at which records came; windows that began before it are left out, since they would be half empty.
 *
 * In order: what is asked for, the stretch of the log, then, under a lock, the namespace (its hash `replay` first,
 * which tells that it may be removed), and last the worker. One that was stopped goes on where it was.
 */
#include "clock.h"
#include "command.h"
#include "context.h"
#include "error.h"
#include "installation.h"
#include "kafka_scan.h"
#include "mem.h"
#include "moment.h"
#include "namespace.h"
#include "provision.h"
#include "replay_worker.h"
#include "rule_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_OPTIONS(X)                                                                                              \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers, host:port[,host:port]")                           \
    X(TEXT, into, "", 0, 0, "prefix of the namespace to fill, for example replay:")                                    \
    X(TEXT, from, "", 0, 0, "beginning of the period: 2h (ago), 2026-11-30, or 2026-11-30T12:00Z; empty: the log's")   \
    X(TEXT, to, "", 0, 0, "its end; empty: where the log ends now")                                                    \
    X(INT, speed, "0", 0, 1000000, "how many times as fast as it was; 0: as fast as it goes")                          \
    X(FLAG, prepare, "false", 0, 0, "makes the namespace only; isobar-worker --replay --prefix fills it")              \
    X(FLAG, remove, "false", 0, 0, "removes the namespace, if it is one of a replay")                                  \
    X(TEXT, worker, "", 0, 0, "program of the worker; empty: isobar-worker beside isobarctl")

struct replay_options {
    OPTION_STRUCT(REPLAY_OPTIONS)
};
#define OPTION_OWNER struct replay_options
static const struct option_row rows[] = {REPLAY_OPTIONS(OPTION_ROW)};

struct replay {
    const struct replay_options *options;
    struct context from, into;
    struct installation installation;
    int64_t from_ms, to_ms;
    int64_t *begin, *end; /* offsets by partition */
    int64_t total;
    bool there; /* the namespace was made by an earlier run */
};

/* ---- what is asked for ---- */

static int read_time(struct replay *replay, const char *name, const char *text, int64_t *out)
{
    if (!*text || moment_parse(text, clock_wall_ms(), out) == 0)
        return EXIT_CODE_OK;
    return context_fail(&replay->from, EXIT_CODE_USAGE, "--%s %s: %s wanted", name, text, MOMENT_WANTED);
}

static int check_options(struct replay *replay)
{
    const struct replay_options *options = replay->options;
    if (!*options->into)
        return context_fail(&replay->from, EXIT_CODE_USAGE, "--into is missing: the prefix of the namespace to fill");
    if (strcmp(options->into, options->prefix) == 0)
        return context_fail(&replay->from, EXIT_CODE_USAGE,
                            "--into %s is the installation itself: give a prefix of its own", options->into);
    int code = read_time(replay, "from", options->from, &replay->from_ms);
    if (code == EXIT_CODE_OK)
        code = read_time(replay, "to", options->to, &replay->to_ms);
    if (code == EXIT_CODE_OK && replay->to_ms > 0 && replay->from_ms >= replay->to_ms)
        code =
            context_fail(&replay->from, EXIT_CODE_USAGE, "--from %s is not before --to %s", options->from, options->to);
    return code;
}

/* `there`: the namespace is one of a replay. Refuses one that is anything else. */
static int look(struct replay *replay)
{
    struct context *into = &replay->into;
    char meta[CONTEXT_KEY_BYTES], mark[CONTEXT_KEY_BYTES];
    struct store_reply *reply = CONTEXT_ASK(into, "EXISTS", context_key(into, "meta", meta));
    bool taken = reply && reply->integer > 0;
    store_reply_free(reply);
    struct store_reply *marked = reply ? CONTEXT_ASK(into, "HLEN", context_key(into, "replay", mark)) : NULL;
    if (!marked)
        return into->exit_code;
    replay->there = marked->integer > 0;
    store_reply_free(marked);
    if (taken && !replay->there)
        return context_fail(into, EXIT_CODE_REFUSED,
                            "%s is an installation, not the namespace of a replay: give another --into", into->prefix);
    return EXIT_CODE_OK;
}

/* ---- the stretch of the log ---- */

static int ask_partition(struct replay *replay, struct kafka_scan *scan, int32_t partition, struct buf *error)
{
    int64_t *begin = &replay->begin[partition], *end = &replay->end[partition];
    int status = kafka_scan_ends(scan, partition, begin, end, error);
    if (status == 0 && replay->from_ms > 0)
        status = kafka_scan_seek(scan, partition, replay->from_ms, begin, error);
    replay->total += status == 0 ? *end - *begin : 0;
    return status;
}

static int ask_kafka(struct replay *replay)
{
    struct context *context = &replay->from;
    const struct installation *installation = &replay->installation;
    struct buf error = BUF_EMPTY;
    struct kafka_scan_topic topic = {0};
    struct kafka_scan *scan = kafka_scan_new(replay->options->kafka, installation->topic, context->timeout_ms, &error);
    int status = scan ? kafka_scan_describe(scan, &topic, &error) : ERR_UNAVAILABLE;
    bool other = status == 0 && (topic.partitions != installation->partitions ||
                                 strcmp(topic.cluster_id, installation->cluster_id) != 0);
    replay->begin = mem_calloc((size_t)installation->partitions, sizeof *replay->begin);
    replay->end = mem_calloc((size_t)installation->partitions, sizeof *replay->end);
    for (int32_t p = 0; p < installation->partitions && status == 0 && !other; p++)
        status = ask_partition(replay, scan, p, &error);
    if (other)
        (void)context_fail(context, EXIT_CODE_REFUSED,
                           "topic %s at %s is not the installation's: cluster %s with %d partitions, not %s with %d",
                           installation->topic, replay->options->kafka, topic.cluster_id, topic.partitions,
                           installation->cluster_id, installation->partitions);
    else if (status != 0)
        (void)context_fail(context, EXIT_CODE_UNAVAILABLE, "%s", error.data);
    kafka_scan_free(scan);
    buf_release(&error);
    return status == 0 && !other ? EXIT_CODE_OK : context->exit_code;
}

/* ---- the namespace ---- */

static int set(struct context *context, const char *key, const char *field, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    struct store_reply *reply = CONTEXT_ASK(context, "HSET", key, field, text);
    int code = reply ? EXIT_CODE_OK : context->exit_code;
    store_reply_free(reply);
    return code;
}

/* Windows that began before the period are not made: what came before it is missing in them. */
static int leave_out_older(struct replay *replay, int32_t partition)
{
    const struct windowset *windows = &replay->installation.rules.windows;
    char ledger[CONTEXT_KEY_BYTES], field[40];
    int code = EXIT_CODE_OK;
    context_partition_key(&replay->into, partition, "ledger", ledger);
    for (size_t i = 0; i < windows->count && replay->from_ms > 0 && code == EXIT_CODE_OK; i++) {
        int64_t size_ms = windows->sizes[i].size_ms;
        snprintf(field, sizeof field, "w_cursor_%s", windows->sizes[i].name);
        code = set(&replay->into, ledger, field, window_start(replay->from_ms + size_ms - 1, size_ms));
    }
    return code;
}

/* What the worker reads. `from_ms` comes last: without it nothing begins. */
static int write_stretch(struct replay *replay)
{
    char key[CONTEXT_KEY_BYTES], field[24];
    int code = EXIT_CODE_OK;
    context_key(&replay->into, "replay", key);
    for (int32_t p = 0; p < replay->installation.partitions && code == EXIT_CODE_OK; p++) {
        snprintf(field, sizeof field, "end:%d", p);
        code = set(&replay->into, key, field, replay->end[p]);
    }
    if (code == EXIT_CODE_OK)
        code = set(&replay->into, key, "to_ms", replay->to_ms);
    if (code == EXIT_CODE_OK)
        code = set(&replay->into, key, "speed_milli", replay->options->speed * 1000);
    if (code == EXIT_CODE_OK)
        code = set(&replay->into, key, "records", replay->total);
    return code == EXIT_CODE_OK ? set(&replay->into, key, "from_ms", replay->from_ms) : code;
}

/* True when every partition is replayed from the first record that ever counted. */
static bool from_the_beginning(struct replay *replay)
{
    char key[CONTEXT_KEY_BYTES];
    bool whole = replay->from_ms == 0;
    for (int32_t p = 0; p < replay->installation.partitions && whole; p++) {
        int64_t first = -1;
        struct store_reply *reply =
            CONTEXT_ASK(&replay->from, "HGET", context_partition_key(&replay->from, p, "ledger", key), "first_offset");
        whole = reply && context_integer(reply, 0, INT64_MAX / 2, &first) && first == replay->begin[p];
        store_reply_free(reply);
    }
    return whole;
}

/*
 * From the beginning it is the first rules, and the log changes them where it did. Which were in force elsewhere is not
 * kept, so a part of the log is replayed by the newest ones throughout.
 */
static int choose_rules(struct replay *replay)
{
    struct rules *rules = &replay->installation.rules;
    int64_t newest = rules->version;
    int code = rule_store_copy(&replay->from, &replay->into);
    if (code != EXIT_CODE_OK || newest == 1)
        return code;
    if (!from_the_beginning(replay)) {
        printf("rules: version %" PRId64 " throughout\n", newest);
        return EXIT_CODE_OK;
    }
    puts("rules: version 1, then as the log has it");
    if (rule_store_read(&replay->from, 1, rules->windows.pane_ms, rules) != 0)
        return replay->from.exit_code;
    rules->partitions = replay->installation.partitions;
    return EXIT_CODE_OK;
}

static int fill(struct replay *replay)
{
    struct context *into = &replay->into;
    char key[CONTEXT_KEY_BYTES];
    struct store_reply *reply =
        CONTEXT_ASK(into, "HSET", context_key(into, "replay", key), "source", replay->from.prefix);
    int code = reply ? EXIT_CODE_OK : into->exit_code;
    store_reply_free(reply);
    if (code == EXIT_CODE_OK)
        code = choose_rules(replay);
    if (code == EXIT_CODE_OK)
        code = provision_make(into, &replay->installation, replay->begin);
    if (code == EXIT_CODE_OK)
        code = namespace_copy_cities(&replay->from, into, &replay->installation);
    if (code == EXIT_CODE_OK)
        code = namespace_copy_facts(&replay->from, into, &replay->installation);
    for (int32_t p = 0; p < replay->installation.partitions && code == EXIT_CODE_OK; p++)
        code = leave_out_older(replay, p);
    return code == EXIT_CODE_OK ? write_stretch(replay) : code;
}

static int make(struct replay *replay)
{
    char nonce[33];
    int code = ask_kafka(replay);
    if (code == EXIT_CODE_OK)
        code = provision_lock(&replay->into, nonce);
    if (code != EXIT_CODE_OK)
        return code;
    code = fill(replay);
    provision_unlock(&replay->into, nonce);
    if (code == EXIT_CODE_OK)
        printf("namespace %s: %d partitions, at most %" PRId64 " records\n", replay->into.prefix,
               replay->installation.partitions, replay->total);
    return code;
}

/* A run that was stopped is taken up; what it was to replay is in the namespace. */
static int take_up(struct replay *replay)
{
    struct context *into = &replay->into;
    char key[CONTEXT_KEY_BYTES];
    if (*replay->options->from || *replay->options->to)
        return context_fail(into, EXIT_CODE_REFUSED,
                            "%s holds a replay already: without --from and --to it goes on where it was, --remove "
                            "removes it",
                            into->prefix);
    struct store_reply *reply = CONTEXT_ASK(into, "HMGET", context_key(into, "replay", key), "from_ms", "records");
    if (!reply)
        return into->exit_code;
    bool whole = reply->count == 2 && reply->elements[0]->type == STORE_TEXT &&
                 context_integer(reply->elements[1], 0, INT64_MAX / 2, &replay->total);
    store_reply_free(reply);
    if (!whole)
        return context_fail(into, EXIT_CODE_REFUSED, "the namespace %s was left half made: remove it with --remove",
                            into->prefix);
    printf("namespace %s is there: going on\n", into->prefix);
    return EXIT_CODE_OK;
}

static int remove_namespace(struct replay *replay)
{
    int64_t removed = 0;
    if (!replay->there)
        return context_fail(&replay->into, EXIT_CODE_REFUSED, "there is no replay in %s at Redis %s",
                            replay->into.prefix, replay->into.redis);
    int code = namespace_remove(&replay->into, &removed);
    if (code == EXIT_CODE_OK)
        printf("namespace %s: %" PRId64 " keys removed\n", replay->into.prefix, removed);
    return code;
}

/* ---- the command ---- */

static int work(struct replay *replay)
{
    const struct replay_options *options = replay->options;
    struct replay_worker worker = {.program = options->worker,
                                   .redis = options->redis,
                                   .redis_user = options->redis_user,
                                   .redis_password = options->redis_password,
                                   .kafka = options->kafka,
                                   .partitions = replay->installation.partitions,
                                   .total = replay->total};
    struct replay_sums sums;
    int code = replay_worker_run(&replay->into, &worker);
    if (replay_sums_read(&replay->into, worker.partitions, &sums) != EXIT_CODE_OK)
        return replay->into.exit_code;
    printf("%s: %" PRId64 " records, %" PRId64 " rows (late %" PRId64 ", duplicate %" PRId64 ", bad %" PRId64
           ", retired %" PRId64 ")\n",
           code == EXIT_CODE_OK ? "replayed" : "stopped", sums.applied, sums.rows, sums.late, sums.duplicate, sums.bad,
           sums.retired);
    return code;
}

static int dispatch(struct replay *replay)
{
    int code = look(replay);
    if (code != EXIT_CODE_OK || replay->options->remove)
        return code == EXIT_CODE_OK ? remove_namespace(replay) : code;
    if (installation_require(&replay->from, &replay->installation) != 0)
        return replay->from.exit_code;
    code = replay->there ? take_up(replay) : make(replay);
    return code == EXIT_CODE_OK && !replay->options->prepare ? work(replay) : code;
}

static int run(const void *values)
{
    const struct replay_options *options = values;
    struct replay replay = {
        .options = options, .from = CONTEXT_OF("replay", options), .into = CONTEXT_OF("replay", options)};
    replay.into.prefix = options->into;
    int code = check_options(&replay);
    if (code == EXIT_CODE_OK)
        code = context_connect(&replay.from, options->redis_user, options->redis_password);
    if (code == EXIT_CODE_OK)
        code = context_connect(&replay.into, options->redis_user, options->redis_password);
    if (code == EXIT_CODE_OK)
        code = dispatch(&replay);
    context_close(&replay.from);
    context_close(&replay.into);
    free(replay.begin);
    free(replay.end);
    return code;
}

const struct command command_replay = {
    .name = "replay",
    .summary = "recomputes a period of the log into a namespace of its own",
    .details =
        "Makes the namespace --into, with the installation's windows, catalogue and what is known of its cities, "
        "and lets a worker\n"
        "apply the records that came in the period. Nothing else changes: no dead letters, no ticks, no offsets "
        "of the group.\n"
        "A dashboard with --prefix shows it. Run again after a stop, it goes on; --remove removes it.\n\n"
        "Exit codes: 0 done; 1 the worker failed; 2 usage; 69 Redis, Kafka or the worker is missing; 77 the "
        "namespace is taken,\n"
        "or the topic is another one.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct replay_options),
    .run = run,
};
