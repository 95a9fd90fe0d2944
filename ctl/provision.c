/*
 * Makes ledgers and meta (provision.h). One script, which writes a hash only where nothing is, does both:
 * whatever else runs at the same time, nothing that exists is ever written over.
 */
#include "provision.h"

#include "clock.h"
#include "entropy.h"
#include "error.h"
#include "mem.h"
#include "rule_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOCK_MS_TEXT  "30000"
#define LOCK_PAUSE_MS 50
#define FIELDS_MAX    (32 + WINDOWSET_MAX)
#define LEDGER_FORMAT "1"
#define LEDGERS_NAMED 5 /* partitions named in one error */

/* KEYS[1] gets the hash, unless it or another of KEYS exists. */
static const char create_script[] =
    "if redis.call('EXISTS', KEYS[1]) == 1 then return 'exists' end\n"
    "for i = 2, #KEYS do if redis.call('EXISTS', KEYS[i]) == 1 then return 'state' end end\n"
    "redis.call('HSET', KEYS[1], unpack(ARGV))\n"
    "return 'made'\n";
static const char unlock_script[] =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/* The words of one call of create_script. */
struct call {
    const char *words[5 + 2 * FIELDS_MAX];
    char numbers[FIELDS_MAX][24];
    size_t count, number_count;
};

static void field(struct call *call, const char *name, const char *value)
{
    call->words[call->count++] = name;
    call->words[call->count++] = value;
}

static void number_field(struct call *call, const char *name, int64_t value)
{
    char *text = call->numbers[call->number_count++];
    snprintf(text, sizeof call->numbers[0], "%" PRId64, value);
    field(call, name, text);
}

/* ---- lock ---- */

int provision_lock(struct context *context, char nonce[33])
{
    char key[CONTEXT_KEY_BYTES];
    int64_t end_ms = clock_monotonic_ms() + context->timeout_ms;
    context_key(context, "init", key);
    entropy_id(nonce);
    for (;;) {
        struct store_reply *reply = CONTEXT_ASK(context, "SET", key, nonce, "NX", "PX", LOCK_MS_TEXT);
        if (!reply)
            return context->exit_code;
        bool taken = reply->type == STORE_STATUS;
        store_reply_free(reply);
        if (taken)
            return EXIT_CODE_OK;
        if (clock_monotonic_ms() >= end_ms)
            return context_fail(context, EXIT_CODE_REFUSED,
                                "another isobarctl is at work on this installation (%s at Redis %s); try again", key,
                                context->redis);
        (void)nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000L}, NULL);
    }
}

void provision_unlock(struct context *context, const char nonce[33])
{
    char key[CONTEXT_KEY_BYTES];
    store_reply_free(CONTEXT_ASK(context, "EVAL", unlock_script, "1", context_key(context, "init", key), nonce));
}

/* ---- ledgers ---- */

/* A ledger as it is before the first record (docs/contracts.md). Texts are borrowed by `call`. */
static void ledger_words(struct call *call, const struct installation *wanted, int64_t low, const char *cid,
                         char cursors[WINDOWSET_MAX][32])
{
    static const char *const zeros[] = {
        "number",       "applied",      "gaps",           "record_hash",     "clock_ms", "tick_clock_ms", "rows",
        "rows_in",      "rows_late",    "rows_duplicate", "rows_correction", "rows_bad", "rows_checked",  "rows_tick",
        "rows_control", "rows_retired", "retired",        "pane_cursor_ms",  "commits"};
    field(call, "cid", cid);
    field(call, "owner", "");
    field(call, "format", LEDGER_FORMAT);
    number_field(call, "config_version", wanted->rules.version);
    number_field(call, "first_offset", low);
    number_field(call, "offset", low);
    field(call, "record_offset", "-1");
    field(call, "tick_after", "");
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        field(call, zeros[i], "0");
    for (size_t i = 0; i < wanted->rules.windows.count; i++) {
        snprintf(cursors[i], sizeof cursors[i], "w_cursor_%s", wanted->rules.windows.sizes[i].name);
        field(call, cursors[i], "0");
    }
}

/* A ledger without meta: left by a run that ended half way, or all that is left of an installation. */
static int accept_ledger(struct context *context, const char *key, int64_t low)
{
    struct store_reply *reply = CONTEXT_ASK(context, "HMGET", key, "commits", "number", "first_offset");
    if (!reply)
        return context->exit_code;
    int64_t first = 0, none = 0;
    bool untouched =
        context_integer(reply->elements[0], 0, 0, &none) && context_integer(reply->elements[1], 0, 0, &none);
    bool same = context_integer(reply->elements[2], low, low, &first);
    store_reply_free(reply);
    if (!untouched)
        return context_fail(context, EXIT_CODE_REFUSED,
                            "Redis at %s has a ledger in use (%s) but lost its meta: restore Redis from a "
                            "backup, or take another --prefix",
                            context->redis, key);
    if (!same)
        return context_fail(
            context, EXIT_CODE_REFUSED,
            "%s is left from an init that did not finish, and the topic begins elsewhere now, at %" PRId64
            ": delete the key and run isobarctl init again",
            key, low);
    return EXIT_CODE_OK;
}

static int make_ledger(struct context *context, const struct installation *wanted, int32_t partition, int64_t low)
{
    char ledger[CONTEXT_KEY_BYTES], city[CONTEXT_KEY_BYTES], cid[ENTROPY_ID_BYTES], cursors[WINDOWSET_MAX][32];
    context_partition_key(context, partition, "ledger", ledger);
    context_partition_key(context, partition, "city", city);
    struct call call = {.words = {"EVAL", create_script, "2", ledger, city}, .count = 5};
    entropy_id(cid);
    ledger_words(&call, wanted, low, cid, cursors);
    struct store_reply *reply = context_ask(context, call.count, call.words, NULL);
    if (!reply)
        return context->exit_code;
    bool made = strcmp(reply->text, "made") == 0, state = strcmp(reply->text, "state") == 0;
    store_reply_free(reply);
    if (state)
        return context_fail(context, EXIT_CODE_REFUSED,
                            "Redis at %s has state (%s) without ledger and meta: restore it from a backup, "
                            "or take another --prefix",
                            context->redis, city);
    return made ? EXIT_CODE_OK : accept_ledger(context, ledger, low);
}

/* Those of a try that ended half way are written over: without meta nobody has read them. */
static int make_rules(struct context *context, const struct installation *wanted)
{
    char key[CONTEXT_KEY_BYTES], version[24];
    struct buf text = BUF_EMPTY;
    rules_print(&wanted->rules, &text);
    snprintf(version, sizeof version, "%" PRId64, wanted->rules.version);
    struct store_reply *reply = CONTEXT_ASK(context, "HSET", context_key(context, "config", key), version, text.data);
    store_reply_free(reply);
    buf_release(&text);
    return reply ? EXIT_CODE_OK : context->exit_code;
}

static int make_meta(struct context *context, const struct installation *wanted)
{
    char key[CONTEXT_KEY_BYTES], id[ENTROPY_ID_BYTES];
    struct call call = {.words = {"EVAL", create_script, "1", context_key(context, "meta", key)}, .count = 4};
    struct buf windows = BUF_EMPTY;
    entropy_id(id);
    number_field(&call, "format", INSTALLATION_FORMAT);
    field(&call, "installation", id);
    field(&call, "cluster_id", wanted->cluster_id);
    field(&call, "topic", wanted->topic);
    number_field(&call, "partitions", wanted->partitions);
    rules_windows(&wanted->rules, &windows);
    number_field(&call, "pane_ms", wanted->rules.windows.pane_ms);
    field(&call, "windows", windows.data);
    number_field(&call, "lateness_ms", wanted->rules.lateness_ms);
    number_field(&call, "config_version", wanted->rules.version);
    number_field(&call, "catalogue_version", 0);
    struct store_reply *reply = context_ask(context, call.count, call.words, NULL);
    buf_release(&windows);
    if (!reply)
        return context->exit_code;
    bool made = strcmp(reply->text, "made") == 0;
    store_reply_free(reply);
    return made ? EXIT_CODE_OK
                : context_fail(context, EXIT_CODE_REFUSED,
                               "another isobarctl made %s meanwhile: run isobarctl init again", key);
}

int provision_make(struct context *context, const struct installation *wanted, const int64_t *low)
{
    int code = EXIT_CODE_OK;
    for (int32_t partition = 0; partition < wanted->partitions && code == EXIT_CODE_OK; partition++)
        code = make_ledger(context, wanted, partition, low[partition]);
    if (code == EXIT_CODE_OK)
        code = make_rules(context, wanted);
    return code == EXIT_CODE_OK ? make_meta(context, wanted) : code;
}

int provision_adopt(struct context *context, const struct installation *there)
{
    char key[CONTEXT_KEY_BYTES], pane[24];
    bool claimed = false;
    int code = rule_store_claim(context, there->rules.version, &there->rules, &claimed);
    if (code != EXIT_CODE_OK)
        return code;
    snprintf(pane, sizeof pane, "%" PRId64, there->rules.windows.pane_ms);
    struct store_reply *reply = CONTEXT_ASK(context, "HSET", context_key(context, "meta", key), "pane_ms", pane);
    store_reply_free(reply);
    return reply ? EXIT_CODE_OK : context->exit_code;
}

int provision_check(struct context *context, const struct installation *there)
{
    char key[CONTEXT_KEY_BYTES];
    struct buf missing = BUF_EMPTY;
    int32_t count = 0;
    for (int32_t partition = 0; partition < there->partitions; partition++) {
        struct store_reply *reply =
            CONTEXT_ASK(context, "EXISTS", context_partition_key(context, partition, "ledger", key));
        if (!reply) {
            buf_release(&missing);
            return context->exit_code;
        }
        if (reply->integer == 0 && ++count <= LEDGERS_NAMED)
            buf_printf(&missing, "%s%d", missing.size ? ", " : "", partition);
        store_reply_free(reply);
    }
    if (count > 0)
        (void)context_fail(context, EXIT_CODE_REFUSED,
                           "%d of %d partitions lost their ledgers (%s%s): restore Redis from a backup, or make a new "
                           "installation under another --prefix; a ledger that is made anew would count records twice",
                           count, there->partitions, missing.data, count > LEDGERS_NAMED ? ", ..." : "");
    buf_release(&missing);
    return count > 0 ? EXIT_CODE_REFUSED : EXIT_CODE_OK;
}
