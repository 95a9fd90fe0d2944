/* Two writers who race, lose replies and see Redis go back in time never fork the chain of commit ids. */
#include "script_calls.h"

#include "entropy.h"

struct writer {
    const char *name;
    char cid[ENTROPY_ID_BYTES]; /* what it believes; "" when it owns nothing */
    int64_t number, offset;
};

struct world {
    struct jitter jitter;
    struct writer writers[2];
    char cid[ENTROPY_ID_BYTES]; /* the true head of the chain */
    int64_t number, offset;     /* number of the last acquire; commits in the surviving chain */
    struct buf ledger, pane;    /* a snapshot to go back to */
    struct world_head {
        char cid[ENTROPY_ID_BYTES];
        int64_t number, offset;
    } saved;
    int accepted, mismatched, refused, rollbacks;
};

static void writer_acquires(struct world *world, struct writer *writer)
{
    char number[24], cid[ENTROPY_ID_BYTES];
    bool fresh = jitter_below(&world->jitter, 3) > 0;
    int64_t wanted = fresh ? world->number + 1 : writer->number;
    (void)snprintf(number, sizeof(number), "%" PRId64, wanted);
    entropy_id(cid);
    const struct store_reply *reply = RUN(SCRIPT_ACQUIRE, 1, LEDGER, number, writer->name, cid, "1", "1");
    bool lost = jitter_below(&world->jitter, 6) == 0;
    if (strcmp(outcome(reply), "ok") != 0) {
        assert_string_equal(outcome(reply), "refused");
        assert_false(fresh);
        world->refused++;
        return;
    }
    assert_string_equal(reply->elements[1]->text, world->cid);
    assert_int_equal(strtoll(field(reply->elements[2], "offset"), NULL, 10), world->offset);
    (void)snprintf(world->cid, sizeof(world->cid), "%s", cid);
    world->number = writer->number = wanted;
    (void)snprintf(writer->cid, sizeof(writer->cid), "%s", lost ? "" : cid);
    writer->offset = world->offset;
}

/* A commit is accepted exactly when its writer's belief is the truth. */
static void writer_commits(struct world *world, struct writer *writer)
{
    char offset[24], next[ENTROPY_ID_BYTES];
    if (*writer->cid == '\0')
        return;
    entropy_id(next);
    (void)snprintf(offset, sizeof(offset), "%" PRId64, writer->offset + 1);
    bool heads = strcmp(writer->cid, world->cid) == 0;
    const struct store_reply *reply = RUN(SCRIPT_COMMIT, 2, LEDGER, PANE, writer->cid, next, CHANNEL, "", "1", "offset",
                                          offset, "hset", "0", "1", "1", "last", writer->name);
    bool lost = jitter_below(&world->jitter, 6) == 0;
    assert_string_equal(outcome(reply), heads ? "ok" : "mismatch");
    if (!heads) {
        world->mismatched++;
        *writer->cid = '\0';
        return;
    }
    world->accepted++;
    world->offset++;
    assert_int_equal(world->offset, writer->offset + 1);
    (void)snprintf(world->cid, sizeof(world->cid), "%s", next);
    writer->offset++;
    if (!lost) /* a writer that hears nothing goes on with the old id: that must not be accepted */
        (void)snprintf(writer->cid, sizeof(writer->cid), "%s", next);
}

static void snapshot_key(const char *key, struct buf *out)
{
    const struct store_reply *reply = REDIS("DUMP", key);
    buf_reset(out);
    buf_append(out, reply->text, reply->size);
}

static void restore_key(const char *key, const struct buf *from)
{
    REDIS("DEL", key);
    if (from->size == 0)
        return;
    const char *const argv[] = {"RESTORE", key, "0", from->data};
    const size_t sizes[] = {7, strlen(key), 1, from->size};
    assert_string_equal(command(4, argv, sizes)->text, "OK");
}

static void world_saves(struct world *world)
{
    snapshot_key(LEDGER, &world->ledger);
    snapshot_key(PANE, &world->pane);
    memcpy(world->saved.cid, world->cid, sizeof(world->cid));
    world->saved.number = world->number;
    world->saved.offset = world->offset;
}

/* Redis comes back as it was at the last snapshot; the writers know nothing of it. */
static void world_rolls_back(struct world *world)
{
    restore_key(LEDGER, &world->ledger);
    restore_key(PANE, &world->pane);
    memcpy(world->cid, world->saved.cid, sizeof(world->cid));
    world->number = world->saved.number;
    world->offset = world->saved.offset;
    world->rollbacks++;
}

static void world_steps(struct world *world)
{
    struct writer *writer = &world->writers[jitter_below(&world->jitter, 2)];
    int64_t dice = jitter_below(&world->jitter, 100);
    if (dice < 12)
        writer_acquires(world, writer);
    else if (dice < 92)
        writer_commits(world, writer);
    else if (dice < 97)
        world_saves(world);
    else
        world_rolls_back(world);
    assert_string_equal(TEXT("HGET", LEDGER, "cid"), world->cid);
}

static void the_chain_never_forks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        begin(NULL);
        struct world world = {.writers = {{.name = "a/1"}, {.name = "b/1"}}, .cid = CID_0, .number = 5};
        jitter_init(&world.jitter, seed);
        buf_init(&world.ledger);
        buf_init(&world.pane);
        world_saves(&world);
        for (int i = 0; i < 1500; i++)
            world_steps(&world);
        /* Each commit that survived counted once, in the offset and in the rows. */
        assert_int_equal(strtoll(TEXT("HGET", LEDGER, "offset"), NULL, 10), world.offset);
        assert_int_equal(strtoll(TEXT("HGET", PANE, "#n"), NULL, 10), world.offset);
        assert_true(world.accepted > 50 && world.mismatched > 20 && world.refused > 0 && world.rollbacks > 5);
        buf_release(&world.ledger);
        buf_release(&world.pane);
    }
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_chain_never_forks),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, stop);
}
