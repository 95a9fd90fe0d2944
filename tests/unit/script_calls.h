/*
 * Calls of the Lua scripts that guard the state, on a real redis-server, and the whole data set as bytes: a refused
 * call writes nothing at all.
 */
#ifndef ISOBAR_TEST_SCRIPT_CALLS_H
#define ISOBAR_TEST_SCRIPT_CALLS_H

#include "redis_kit.h"

#include <inttypes.h>

#define LEDGER  "isobar:{3}:ledger"
#define CITY    "isobar:{3}:city"
#define PANE    "isobar:{3}:pane:0"
#define PANE2   "isobar:{3}:pane:300000"
#define WINDOW  "isobar:{3}:w:1h:0"
#define ALERTS  "isobar:{3}:alerts"
#define CHANNEL "isobar:updates"
#define CID_0   "00000000000000000000000000000000"
#define CID_1   "11111111111111111111111111111111"
#define CID_2   "22222222222222222222222222222222"
#define CID_3   "33333333333333333333333333333333"
#define ABOVE   "9007199254740993" /* 2^53 + 1: a double would make it ...992 */

/* ---- commands ---- */

static struct store_reply *keep; /* the last reply, freed at the next one */

static inline const struct store_reply *command(size_t argc, const char *const *argv, const size_t *sizes)
{
    store_reply_free(keep);
    keep = NULL; /* redis_call may not return */
    keep = redis_call(argc, argv, sizes);
    return keep;
}

#define REDIS(...) command(REDIS_COUNT(__VA_ARGS__), REDIS_WORDS(__VA_ARGS__), NULL)

/* Text of a command's reply, "" when nil. */
#define TEXT(...) (REDIS(__VA_ARGS__)->text)

/* Arguments that are made up at run time. */
struct words {
    char **argv;
    size_t count, capacity;
};

static inline void add(struct words *words, const char *text)
{
    if (words->count == words->capacity) {
        words->capacity = words->capacity > 0 ? 2 * words->capacity : 64;
        words->argv = mem_grow(words->argv, words->capacity, sizeof(*words->argv));
    }
    words->argv[words->count++] = mem_strdup(text);
}

static inline void add_number(struct words *words, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    add(words, text);
}

static inline void words_release(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->argv[i]);
    free(words->argv);
    *words = (struct words){0};
}

/* Runs a script by its hash, as workers do. `take_words` are keys, then arguments. */
static inline const struct store_reply *run_words(enum session_script which, int64_t keys, struct words *take_words)
{
    struct words all = {0};
    add(&all, "EVALSHA");
    add(&all, scripts[which].sha);
    add_number(&all, keys);
    for (size_t i = 0; i < take_words->count; i++)
        add(&all, take_words->argv[i]);
    const struct store_reply *reply = command(all.count, (const char *const *)all.argv, NULL);
    words_release(&all);
    words_release(take_words);
    return reply;
}

static inline const struct store_reply *run(enum session_script which, int64_t keys, size_t argc,
                                            const char *const *argv)
{
    struct words words = {0};
    for (size_t i = 0; i < argc; i++)
        add(&words, argv[i]);
    return run_words(which, keys, &words);
}

#define RUN(which, keys, ...) run(which, keys, REDIS_COUNT(__VA_ARGS__), REDIS_WORDS(__VA_ARGS__))

/* First word of a script's answer; an error counts as its text. */
static inline const char *outcome(const struct store_reply *reply)
{
    if (reply->type != STORE_ARRAY || reply->count == 0)
        return reply->text;
    return reply->elements[0]->text;
}

/* Value of `field` in an array of fields and values; NULL when absent. */
static inline const char *field(const struct store_reply *reply, const char *name)
{
    for (size_t i = 0; i + 1 < reply->count; i += 2)
        if (strcmp(reply->elements[i]->text, name) == 0)
            return reply->elements[i + 1]->text;
    return NULL;
}

/* ---- the whole data set as bytes ---- */

static inline int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static inline void dump(struct buf *out)
{
    struct words keys = {0};
    const struct store_reply *reply = REDIS("KEYS", "*");
    for (size_t i = 0; i < reply->count; i++)
        add(&keys, reply->elements[i]->text);
    if (keys.count > 0)
        qsort(keys.argv, keys.count, sizeof(*keys.argv), by_text);
    for (size_t i = 0; i < keys.count; i++) {
        buf_text(out, keys.argv[i]);
        reply = REDIS("DUMP", keys.argv[i]);
        buf_append(out, reply->text, reply->size);
        buf_printf(out, " expires %" PRId64 "\n", REDIS("PEXPIRETIME", keys.argv[i])->integer);
    }
    words_release(&keys);
}

static struct buf before = BUF_EMPTY;

static inline void note_all(void)
{
    buf_reset(&before);
    dump(&before);
}

static inline void assert_nothing_written(void)
{
    struct buf now;
    buf_init(&now);
    dump(&now);
    assert_int_equal(now.size, before.size);
    assert_memory_equal(now.data, before.data, before.size);
    buf_release(&now);
}

/* ---- set-up ---- */

static inline void make_ledger(const char *cid, const char *number, const char *owner)
{
    REDIS("HSET", LEDGER, "cid", cid, "number", number, "owner", owner, "format", "1", "config_version", "1", "offset",
          "0", "retired", "0", "commits", "0");
}

static inline int begin(void **state)
{
    (void)state;
    REDIS("FLUSHALL");
    make_ledger(CID_0, "5", "worker-1/1f");
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(TEXT("SCRIPT", "LOAD", scripts[i].source), scripts[i].sha);
    return 0;
}

static inline int stop(void **state)
{
    store_reply_free(keep);
    buf_release(&before);
    return redis_client_stop(state);
}

#endif
