/*
 * The worker's arguments against the real scripts: a private redis-server, a call for what args.h holds, the data set
 * of one prefix as text, and going back in time. Static functions, one test program each.
 */
#ifndef ISOBAR_TEST_REDIS_KIT_H
#define ISOBAR_TEST_REDIS_KIT_H

#include "../../worker/args.h"
#include "../../worker/session.h"
#include "mem.h"
#include "redis_client.h"
#include "script.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct store_script scripts[3]; /* by enum session_script */

/* An integer field of a hash, -1 when there is none. */
static inline int64_t redis_number(const char *key, const char *field)
{
    struct store_reply *reply = REDIS_CALL("HGET", key, field);
    int64_t number = reply->type == STORE_TEXT ? strtoll(reply->text, NULL, 10) : -1;
    store_reply_free(reply);
    return number;
}

/* Runs a script as the store does. */
static inline struct store_reply *redis_eval(enum session_script script, size_t keys, struct args *args)
{
    char count[24];
    (void)snprintf(count, sizeof count, "%zu", keys);
    const char **argv = mem_calloc(args->count + 3, sizeof(char *));
    size_t *sizes = mem_calloc(args->count + 3, sizeof *sizes);
    const char *const *pointers = args_pointers(args);
    argv[0] = "EVALSHA", argv[1] = scripts[script].sha, argv[2] = count;
    for (size_t i = 0; i < 3; i++)
        sizes[i] = strlen(argv[i]);
    if (args->count) {
        memcpy(argv + 3, pointers, args->count * sizeof *argv);
        memcpy(sizes + 3, args->sizes, args->count * sizeof *sizes);
    }
    struct store_reply *reply = redis_call(args->count + 3, argv, sizes);
    free(argv);
    free(sizes);
    return reply;
}

static inline void redis_load_scripts(void)
{
    for (int i = 0; i < 3; i++)
        REDIS_DO("SCRIPT", "LOAD", scripts[i].source);
}

static inline int redis_kit_start(void **state)
{
    store_script_init(&scripts[SCRIPT_ACQUIRE], "acquire", script_acquire_lua);
    store_script_init(&scripts[SCRIPT_LOAD], "load", script_load_lua);
    store_script_init(&scripts[SCRIPT_COMMIT], "commit", script_commit_lua);
    if (redis_client_start(state) != 0)
        return -1;
    redis_load_scripts();
    return 0;
}

/* A ledger as isobarctl init makes it. */
static inline void redis_make_ledger(const char *key)
{
    static const char *const zeros[] = {"first_offset",   "offset",        "applied",      "gaps",      "record_hash",
                                        "clock_ms",       "tick_clock_ms", "rows",         "rows_in",   "rows_late",
                                        "rows_duplicate", "rows_bad",      "rows_checked", "rows_tick", "rows_control",
                                        "rows_retired",   "retired",       "commits",      "number"};
    REDIS_DO("HSET", key, "cid", "00000000000000000000000000000000", "owner", "", "format", "1", "config_version", "1",
             "record_offset", "-1", "tick_after", "");
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        REDIS_DO("HSET", key, zeros[i], "0");
}

/* ---- everything under a prefix ---- */

static int redis_by_text(const void *a, const void *b)
{
    const struct store_reply *const *x = a, *const *y = b;
    return strcmp((*x)->text, (*y)->text);
}

/* The keys of `prefix`, sorted; free `*keys` and the reply. */
static inline struct store_reply *redis_keys(const char *prefix, const struct store_reply ***keys)
{
    char pattern[80];
    (void)snprintf(pattern, sizeof pattern, "%s*", prefix);
    struct store_reply *reply = REDIS_CALL("KEYS", pattern);
    *keys = mem_calloc(reply->count + 1, sizeof **keys);
    for (size_t i = 0; i < reply->count; i++)
        (*keys)[i] = reply->elements[i];
    if (reply->count)
        qsort(*keys, reply->count, sizeof **keys, redis_by_text);
    return reply;
}

/* Fields of the ledger that differ between two honest histories. */
static inline bool redis_is_history(const char *field)
{
    static const char *const names[] = {"cid", "number", "owner", "commits", "anchor_offset", "anchor_hash"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(field, names[i]) == 0)
            return true;
    }
    return false;
}

static inline void redis_dump_hash(const char *key, struct buf *out)
{
    struct store_reply *reply = REDIS_CALL("HGETALL", key);
    const struct store_reply **fields = mem_calloc(reply->count + 1, sizeof *fields);
    /* Pairs sorted by field: the value stands right behind it in the reply. */
    for (size_t i = 0; i < reply->count / 2; i++)
        fields[i] = reply->elements[2 * i];
    if (reply->count)
        qsort(fields, reply->count / 2, sizeof *fields, redis_by_text);
    for (size_t i = 0; i < reply->count / 2; i++) {
        size_t at = 0;
        while (reply->elements[at] != fields[i])
            at += 2;
        if (redis_is_history(fields[i]->text))
            continue;
        const struct store_reply *value = reply->elements[at + 1];
        buf_printf(out, "  %s =", fields[i]->text);
        for (size_t k = 0; k < value->size; k++)
            buf_printf(out, "%02x", (unsigned char)value->text[k]);
        buf_byte(out, '\n');
    }
    free(fields);
    store_reply_free(reply);
}

static inline int64_t redis_length(const char *stream)
{
    struct store_reply *reply = REDIS_CALL("XLEN", stream);
    int64_t length = reply->integer;
    store_reply_free(reply);
    return length;
}

/* The entries of a stream in turn, without their ids. */
static inline void redis_dump_stream(const char *key, struct buf *out)
{
    struct store_reply *reply = REDIS_CALL("XRANGE", key, "-", "+");
    for (size_t i = 0; i < reply->count; i++) {
        const struct store_reply *value = reply->elements[i]->elements[1]->elements[1];
        buf_text(out, "  ");
        for (size_t k = 0; k < value->size; k++)
            buf_printf(out, "%02x", (unsigned char)value->text[k]);
        buf_byte(out, '\n');
    }
    store_reply_free(reply);
}

/* All hashes and streams under the prefix, without it, and without what differs between two honest histories. */
static inline void redis_dump(const char *prefix, struct buf *out)
{
    const struct store_reply **keys;
    struct store_reply *reply = redis_keys(prefix, &keys);
    for (size_t i = 0; i < reply->count; i++) {
        struct store_reply *type = REDIS_CALL("TYPE", keys[i]->text);
        buf_printf(out, "%s\n", keys[i]->text + strlen(prefix));
        (strcmp(type->text, "stream") == 0 ? redis_dump_stream : redis_dump_hash)(keys[i]->text, out);
        store_reply_free(type);
    }
    free(keys);
    store_reply_free(reply);
}

/* ---- back in time ---- */

struct snapshot {
    struct buf *names, *values;
    size_t count;
};

static inline void snapshot_release(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        buf_release(&snapshot->names[i]);
        buf_release(&snapshot->values[i]);
    }
    free(snapshot->names);
    free(snapshot->values);
    *snapshot = (struct snapshot){NULL, NULL, 0};
}

/* Everything under the prefix as it is now. */
static inline void snapshot_take(struct snapshot *snapshot, const char *prefix)
{
    const struct store_reply **keys;
    struct store_reply *reply = redis_keys(prefix, &keys);
    snapshot_release(snapshot);
    snapshot->count = reply->count;
    snapshot->names = mem_calloc(reply->count + 1, sizeof *snapshot->names);
    snapshot->values = mem_calloc(reply->count + 1, sizeof *snapshot->values);
    for (size_t i = 0; i < reply->count; i++) {
        struct store_reply *value = REDIS_CALL("DUMP", keys[i]->text);
        buf_init(&snapshot->names[i]);
        buf_init(&snapshot->values[i]);
        buf_text(&snapshot->names[i], keys[i]->text);
        buf_append(&snapshot->values[i], value->text, value->size);
        store_reply_free(value);
    }
    free(keys);
    store_reply_free(reply);
}

static inline void redis_clear(const char *prefix)
{
    const struct store_reply **keys;
    struct store_reply *reply = redis_keys(prefix, &keys);
    for (size_t i = 0; i < reply->count; i++)
        REDIS_DO("DEL", keys[i]->text);
    free(keys);
    store_reply_free(reply);
}

/* Redis comes back with what it had. */
static inline void snapshot_restore(const struct snapshot *snapshot, const char *prefix)
{
    redis_clear(prefix);
    for (size_t i = 0; i < snapshot->count; i++) {
        const char *argv[] = {"RESTORE", snapshot->names[i].data, "0", snapshot->values[i].data};
        const size_t sizes[] = {7, snapshot->names[i].size, 1, snapshot->values[i].size};
        store_reply_free(redis_call(4, argv, sizes));
    }
}

#endif
