/*
 * A partition's state in memory that commits to and loads from a real Redis by the real scripts.
 */
#ifndef ISOBAR_TEST_COMMIT_KIT_H
#define ISOBAR_TEST_COMMIT_KIT_H

#include "redis_kit.h"
#include "worker_fixture.h"

#define LEDGER "t:{0}:ledger"

static char cid[CID_BYTES], next[CID_BYTES];

static inline void ask_cid(void)
{
    struct store_reply *reply = REDIS_CALL("HGET", LEDGER, "cid");
    (void)snprintf(cid, sizeof cid, "%s", reply->text);
    store_reply_free(reply);
}

/* As begin(), on an empty Redis that has the partition's ledger. */
static inline int begin_stored(void **state)
{
    REDIS_DO("FLUSHALL");
    redis_make_ledger(LEDGER);
    ask_cid();
    return begin(state);
}

static inline const char *word(const struct store_reply *reply)
{
    return reply->type == STORE_ARRAY && reply->count ? reply->elements[0]->text : reply->text;
}

/* Loads what is missing from Redis. */
static inline void load_missing(struct kit *one)
{
    struct commit_ids ids = {.prefix = "t:", .expected = cid};
    struct buf error = BUF_EMPTY;
    if (one->state.missing_count > 0) {
        size_t keys = load_build(&one->state, &ids, &one->args);
        struct store_reply *reply = redis_eval(SCRIPT_LOAD, keys, &one->args);
        assert_string_equal(word(reply), "ok");
        if (load_take(&one->state, reply, &error) != 0)
            fail_msg("%s", error.data);
        store_reply_free(reply);
    }
    assert_int_equal(one->state.missing_count, 0);
    buf_release(&error);
}

/* And decides late rows, which may miss more then. */
static inline void load(struct kit *one)
{
    do {
        load_missing(one);
        state_resolve(&one->state);
    } while (one->state.missing_count > 0);
}

static inline size_t build(struct kit *one)
{
    load(one);
    entropy_id(next);
    struct commit_ids ids = {.prefix = "t:", .expected = cid, .next = next};
    return commit_build(&one->state, &ids, &one->args);
}

/* A whole commit. */
static inline void store(struct kit *one)
{
    struct store_reply *reply = redis_eval(SCRIPT_COMMIT, build(one), &one->args);
    if (strcmp(word(reply), "ok") != 0)
        fail_msg("%s %s", word(reply), reply->count > 1 ? reply->elements[1]->text : "");
    store_reply_free(reply);
    memcpy(cid, next, sizeof cid);
    state_committed(&one->state);
    state_evict(&one->state);
}

#endif
