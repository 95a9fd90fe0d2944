/*
 * isobarctl verify: checks I1 to I3 of every partition (audit.h) against Redis, while workers may go on. What
 * must agree across keys is read by one script: ledger, all cities' states, and the rows of all closed panes,
 * whose keys follow from the ledger's cursor and clock. What must agree within a key (#n and its records) is
 * read key by key, some keys per call.
 *
 * Cost: it reads all state once. A partition's cities come in one answer (about 2 KB each), which Redis makes
 * without serving anybody else meanwhile: some 10 ms for 1,000 cities.
 */
#include "audit.h"
#include "clock.h"
#include "command.h"
#include "context.h"
#include "error.h"
#include "installation.h"
#include "journal.h"
#include "kafka.h"
#include "keyspace.h"
#include "mem.h"
#include "recount.h"
#include "rule_store.h"
#include "verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERIFY_OPTIONS(X)                                                                                              \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(TEXT, kafka, "", 0, 0, "Kafka bootstrap servers: checks offsets against the log too. Empty: does not")           \
    X(FLAG, full, "false", 0, 0, "recounts every window from its panes, as far as these are kept")                     \
    X(TEXT, journal, "", 0, 0, "workers' journals, comma-separated: checks I4 and I5 over all of them")                \
    X(FLAG, json, "false", 0, 0, "prints the findings and the counters of every partition as JSON")                    \
    X(FLAG, verbose, "false", 0, 0, "a line for every partition, not only for bad ones")

struct verify_options {
    OPTION_STRUCT(VERIFY_OPTIONS)
};
#define OPTION_OWNER struct verify_options
static const struct option_row rows[] = {VERIFY_OPTIONS(OPTION_ROW)};

#define KEYS_PER_CALL 20 /* hashes read at once; at 400 cities each about 4 MB */
#define PANES_MAX     2000000

/*
 * KEYS: ledger, cities. ARGV: start of the panes' keys, length of a pane, how far panes may lie beyond the
 * clock, most panes looked for. Times are below 2^53, exact in Lua.
 */
static const char snapshot_script[] =
    "local ledger = redis.call('HGETALL', KEYS[1])\n"
    "if #ledger == 0 then return {'missing'} end\n"
    "local from = tonumber(redis.call('HGET', KEYS[1], 'pane_cursor_ms')) or 0\n"
    "local to = (tonumber(redis.call('HGET', KEYS[1], 'clock_ms')) or 0) + tonumber(ARGV[3])\n"
    "local step, panes = tonumber(ARGV[2]), {}\n"
    "if from <= 0 then from = to + 1 end\n"
    "if (to - from) / step > tonumber(ARGV[4]) then return {'range'} end\n"
    "for start = from, to, step do\n"
    "  local n = redis.call('HGET', ARGV[1] .. string.format('%.0f', start), '#n')\n"
    "  if n then panes[#panes + 1] = n end\n"
    "end\n"
    "return {'ok', ledger, redis.call('HGETALL', KEYS[2]), panes}\n";
/* Errors (a key of another type) are part of the answer. */
static const char read_script[] = "local out = {}\n"
                                  "for i = 1, #KEYS do out[i] = redis.pcall('HGETALL', KEYS[i]) end\n"
                                  "return out\n";

struct verify {
    const struct verify_options *options;
    struct context context;
    struct installation installation;
    struct audit_rules rules;
    struct audit *audits; /* per partition */
    bool *read;           /* the ledger could be used */
    int64_t *low;         /* of the log, before; with --kafka */
    int64_t recounted;    /* windows; with --full */
    int64_t utc_days;     /* keys of an older version */
    int64_t journal_lines;
};

/* ---- the log ---- */

static int ask_kafka(struct verify *verify, int64_t *low, int64_t *high)
{
    const struct installation *installation = &verify->installation;
    const char *brokers = verify->options->kafka;
    int32_t partitions = installation->partitions;
    char cluster_id[64];
    struct buf error = BUF_EMPTY;
    int status = kafka_topic_describe(brokers, installation->topic, verify->context.timeout_ms, cluster_id, &partitions,
                                      low, high, &error);
    int code = EXIT_CODE_OK;
    if (status != 0)
        code = context_fail(&verify->context, EXIT_CODE_UNAVAILABLE, "Kafka at %s: %s", brokers, error.data);
    else if (*installation->cluster_id && strcmp(installation->cluster_id, cluster_id) != 0)
        code = context_fail(
            &verify->context, EXIT_CODE_FAILURE,
            "Kafka at %s is cluster %s, and the installation belongs to %s: point --kafka at the right one", brokers,
            cluster_id, installation->cluster_id);
    else if (partitions != installation->partitions)
        code = context_fail(&verify->context, EXIT_CODE_FAILURE, "topic %s has %d partitions, and there are %d ledgers",
                            installation->topic, partitions, installation->partitions);
    buf_release(&error);
    return code;
}

/* ---- one partition ---- */

static void take_snapshot(struct verify *verify, int32_t partition, const struct store_reply *reply)
{
    struct audit *audit = &verify->audits[partition];
    bool good = reply->type == STORE_ARRAY && reply->count > 0;
    const char *word = good ? reply->elements[0]->text : "";
    if (strcmp(word, "missing") == 0) {
        audit_fail(audit, "ledger", "it is missing: restore Redis from a backup");
    } else if (strcmp(word, "range") == 0) {
        audit_fail(audit, "I3", "pane_cursor_ms and clock_ms are too far apart");
    } else if (strcmp(word, "ok") == 0 && audit_take_ledger(audit, reply->elements[1])) {
        verify->read[partition] = true;
        audit_take_cities(audit, reply->elements[2]);
        for (size_t i = 0; i < reply->elements[3]->count; i++)
            audit_take_pane(audit, reply->elements[3]->elements[i]);
        audit_totals(audit);
    }
}

static int snapshot(struct verify *verify, int32_t partition)
{
    struct context *context = &verify->context;
    char ledger[CONTEXT_KEY_BYTES], city[CONTEXT_KEY_BYTES], base[CONTEXT_KEY_BYTES], numbers[3][24];
    context_partition_key(context, partition, "ledger", ledger);
    context_partition_key(context, partition, "city", city);
    context_partition_key(context, partition, "pane:", base);
    snprintf(numbers[0], sizeof numbers[0], "%" PRId64, verify->rules.windows.pane_ms);
    snprintf(numbers[1], sizeof numbers[1], "%d", AUDIT_TOLERANCE_MS);
    snprintf(numbers[2], sizeof numbers[2], "%d", PANES_MAX);
    struct store_reply *reply =
        CONTEXT_ASK(context, "EVAL", snapshot_script, "2", ledger, city, base, numbers[0], numbers[1], numbers[2]);
    if (!reply && context->exit_code != EXIT_CODE_UNAVAILABLE) { /* of another type: said, and a finding */
        audit_fail(&verify->audits[partition], "state", "ledger, cities or panes cannot be read");
        return EXIT_CODE_OK;
    }
    if (!reply)
        return context->exit_code;
    take_snapshot(verify, partition, reply);
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

/* ---- closed panes and windows ---- */

static void take_record(struct verify *verify, const struct keyspace_key *key, const char *name,
                        const struct store_reply *pairs)
{
    struct audit *audit = &verify->audits[key->partition];
    if (pairs->type == STORE_ERROR)
        audit_fail(audit, "state", "%s cannot be read: %s", name, pairs->text);
    else if (pairs->count > 0) /* else it went meanwhile */
        audit_records(audit, name, key->size == KEYSPACE_PANE ? NULL : &verify->rules.windows.sizes[key->size],
                      key->start_ms, pairs);
}

static int read_records(struct verify *verify, const struct keyspace_key *const *keys, size_t count)
{
    struct context *context = &verify->context;
    char names[KEYS_PER_CALL][CONTEXT_KEY_BYTES], number[24];
    const char *words[3 + KEYS_PER_CALL] = {"EVAL", read_script, number};
    snprintf(number, sizeof number, "%zu", count);
    for (size_t i = 0; i < count; i++)
        words[3 + i] = keyspace_name(context, &verify->installation, keys[i], names[i]);
    struct store_reply *reply = context_ask(context, 3 + count, words, NULL);
    if (!reply)
        return context->exit_code;
    for (size_t i = 0; i < count && i < reply->count; i++)
        take_record(verify, keys[i], names[i], reply->elements[i]);
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

static int recount(struct verify *verify, const struct keyspace *keyspace)
{
    struct recount windows = {.context = &verify->context, .installation = &verify->installation};
    int code = EXIT_CODE_OK;
    for (size_t i = 0; i < keyspace->count && code == EXIT_CODE_OK; i++) {
        const struct keyspace_key *key = &keyspace->keys[i];
        if (key->size >= 0 && verify->read[key->partition])
            code = recount_window(&windows, key, &verify->audits[key->partition]);
    }
    verify->recounted = windows.windows;
    return code;
}

static int check_records(struct verify *verify)
{
    struct keyspace keyspace;
    const struct keyspace_key *batch[KEYS_PER_CALL];
    size_t count = 0;
    int code = keyspace_read(&verify->context, &verify->installation, &keyspace);
    for (size_t i = 0; i < keyspace.count && code == EXIT_CODE_OK; i++) {
        const struct keyspace_key *key = &keyspace.keys[i];
        if (count > 0 && (count == KEYS_PER_CALL || batch[0]->partition != key->partition)) {
            code = read_records(verify, batch, count);
            count = 0;
        }
        if (key->size == KEYSPACE_FORMER)
            continue; /* they stay until their time is over */
        if (key->size == KEYSPACE_UTC_DAY)
            verify->utc_days++;
        else if (key->size == KEYSPACE_UNKNOWN)
            audit_fail(&verify->audits[key->partition], "state",
                       "there are windows of a size that is not configured, start %" PRId64, key->start_ms);
        else if (verify->read[key->partition])
            batch[count++] = key;
    }
    if (code == EXIT_CODE_OK && count > 0)
        code = read_records(verify, batch, count);
    if (code == EXIT_CODE_OK && verify->options->full)
        code = recount(verify, &keyspace);
    keyspace_release(&keyspace);
    return code;
}

static int check_journals(struct verify *verify)
{
    struct journal journal = {0};
    struct buf error = BUF_EMPTY;
    char *list = mem_strdup(verify->options->journal), *rest = list;
    int code = EXIT_CODE_OK;
    for (char *path; code == EXIT_CODE_OK && (path = strsep(&rest, ","));) {
        if (*path && journal_read(&journal, path, verify->installation.partitions, &error) != 0)
            code = context_fail(&verify->context, EXIT_CODE_CONFIG, "%s", error.data);
    }
    if (code == EXIT_CODE_OK)
        journal_check(&journal, verify->audits);
    verify->journal_lines = (int64_t)journal.count;
    journal_release(&journal);
    buf_release(&error);
    free(list);
    return code;
}

/* ---- all ---- */

static int check_later(struct verify *verify)
{
    char key[CONTEXT_KEY_BYTES];
    for (int32_t partition = 0; partition < verify->installation.partitions; partition++) {
        int64_t offset, clock_ms;
        struct store_reply *reply =
            CONTEXT_ASK(&verify->context, "HMGET", context_partition_key(&verify->context, partition, "ledger", key),
                        "offset", "clock_ms");
        if (!reply && verify->context.exit_code == EXIT_CODE_UNAVAILABLE)
            return verify->context.exit_code;
        if (verify->read[partition] && reply && context_integer(reply->elements[0], 0, INT64_MAX, &offset) &&
            context_integer(reply->elements[1], 0, INT64_MAX, &clock_ms))
            audit_later(&verify->audits[partition], offset, clock_ms);
        store_reply_free(reply);
    }
    return EXIT_CODE_OK;
}

static int check_all(struct verify *verify)
{
    int32_t partitions = verify->installation.partitions;
    bool has_kafka = *verify->options->kafka != '\0';
    int64_t *high = mem_calloc((size_t)partitions, sizeof *high),
            *ignored = mem_calloc((size_t)partitions, sizeof *ignored);
    int code = has_kafka ? ask_kafka(verify, verify->low, ignored) : EXIT_CODE_OK;
    for (int32_t partition = 0; partition < partitions && code == EXIT_CODE_OK; partition++)
        code = snapshot(verify, partition);
    if (code == EXIT_CODE_OK)
        code = check_records(verify);
    if (code == EXIT_CODE_OK)
        code = check_later(verify);
    if (code == EXIT_CODE_OK)
        code = check_journals(verify);
    if (code == EXIT_CODE_OK && has_kafka)
        code = ask_kafka(verify, ignored, high);
    for (int32_t partition = 0; partition < partitions && code == EXIT_CODE_OK && has_kafka; partition++) {
        if (verify->read[partition])
            audit_log(&verify->audits[partition], verify->low[partition], high[partition]);
    }
    free(high);
    free(ignored);
    return code;
}

static int conclude(const struct verify *verify)
{
    const struct verify_options *options = verify->options;
    struct verdict verdict = {.audits = verify->audits,
                              .partitions = verify->installation.partitions,
                              .verbose = options->verbose,
                              .full = options->full,
                              .journals = *options->journal != '\0',
                              .recounted = verify->recounted,
                              .utc_days = verify->utc_days,
                              .journal_lines = verify->journal_lines};
    return options->json ? verdict_json(&verdict) : verdict_print(&verdict);
}

static int verify_all(struct verify *verify)
{
    size_t partitions = (size_t)verify->installation.partitions;
    verify->rules = (struct audit_rules){.windows = verify->installation.rules.windows,
                                         .partitions = verify->installation.partitions,
                                         .now_ms = clock_wall_ms()};
    verify->audits = mem_calloc(partitions, sizeof *verify->audits);
    verify->read = mem_calloc(partitions, sizeof *verify->read);
    verify->low = mem_calloc(partitions, sizeof *verify->low);
    for (size_t i = 0; i < partitions; i++)
        audit_init(&verify->audits[i], &verify->rules, (int32_t)i);
    int code = check_all(verify);
    if (code == EXIT_CODE_OK)
        code = conclude(verify);
    for (size_t i = 0; i < partitions; i++)
        audit_release(&verify->audits[i]);
    free(verify->audits);
    free(verify->read);
    free(verify->low);
    return code;
}

static int run(const void *values)
{
    const struct verify_options *options = values;
    struct verify verify = {.options = options, .context = CONTEXT_OF("verify", options)};
    int code = installation_open(&verify.context, options->redis_user, options->redis_password, &verify.installation);
    if (code == EXIT_CODE_OK)
        code = rule_store_former(&verify.context, &verify.installation) == 0 ? verify_all(&verify)
                                                                             : verify.context.exit_code;
    context_close(&verify.context);
    return code;
}

const struct command command_verify = {
    .name = "verify",
    .summary = "checks that every record counted exactly once (invariants I1 to I5)",
    .details = "Checks the invariants I1 (records), I2 (rows) and I3 (offsets, clocks and places) of every "
               "partition in Redis, and with\n"
               "--kafka that the offsets lie in the log; with --full that every window is the sum of its panes, with "
               "--journal I4 "
               "(the\n"
               "chain of commits) and I5 (one owner at a time). Workers may go on meanwhile.\n\n"
               "Exit codes: 0 all hold; 1 one does not: a line names the partition and the numbers; 69 Redis "
               "or Kafka is missing,\n"
               "or there is no installation.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct verify_options),
    .run = run,
};
