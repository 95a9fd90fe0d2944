/*
 * Hashes of Redis as text, a line for each field and value: the ledger of a partition, what an installation says of
 * itself, what a replay is to apply, who is drained, and names of keys. The first line says which.
 */
#include "../../coordinator/drained.h"
#include "../../ctl/keyspace.h"
#include "../../worker/ledger.h"
#include "../../worker/meta.h"
#include "../../worker/replay.h"
#include "error.h"
#include "fuzz.h"
#include "shard.h"

#include <string.h>

#define PARTITIONS 4

static struct windowset windows;

static void check_error(int status, struct buf *error)
{
    FUZZ_CHECK(status == 0 || status == ERR_INVALID || status == ERR_NOT_FOUND);
    FUZZ_CHECK(status != 0 || error->size == 0);
    fuzz_check_text(error->data, 4096);
}

/* A field of the ledger as a commit would write it is in the answer that it was read from. */
static void collect(void *arg, const char *field, const char *text)
{
    (void)field;
    fuzz_check_text(text, 64);
    (*(size_t *)arg)++;
}

static void check_ledger(const struct store_reply *pairs, struct buf *error)
{
    struct ledger ledger;
    size_t fields = 0;
    int status = ledger_parse(&ledger, pairs, &windows, error);
    check_error(status, error);
    FUZZ_CHECK(ledger_version(pairs) >= -1);
    if (status != 0)
        return;
    FUZZ_CHECK(ledger.offset >= 0 && ledger.rows >= 0 && ledger.record_offset >= -1 && ledger.anchor_offset >= -1);
    FUZZ_CHECK(ledger.pane_cursor_ms >= 0 && ledger.clock_ms >= 0);
    ledger_fields(&ledger, &windows, collect, &fields);
    FUZZ_CHECK(fields > 10);
}

static void check_meta(const struct store_reply *values, struct buf *error)
{
    struct meta meta;
    if (values->count != META_FIELDS) /* HMGET answers each field asked for */
        return;
    int status = meta_parse(&meta, values, error);
    check_error(status, error);
    FUZZ_CHECK(status != 0 || (meta.partitions >= 1 && meta.partitions <= SHARD_MAX_PARTITIONS && meta.pane_ms > 0));
}

static void check_replay(const struct store_reply *pairs, struct buf *error)
{
    struct replay replay;
    int status = replay_parse(&replay, pairs, PARTITIONS, error);
    check_error(status, error);
    FUZZ_CHECK(status != 0 || (replay.from_ms >= 0 && replay.to_ms >= 0 && replay.speed_milli >= 0));
    for (int32_t i = 0; status == 0 && i < PARTITIONS; i++)
        FUZZ_CHECK(replay.parts[i].end >= 0);
    replay_release(&replay);
}

static void check_drained(const struct store_reply *pairs)
{
    struct drained_member one, again;
    struct buf out = BUF_EMPTY;
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        if (!drained_parse(pairs->elements[i]->text, pairs->elements[i + 1]->text, &one))
            continue;
        buf_reset(&out);
        drained_format(&one, &out);
        FUZZ_CHECK(drained_parse(one.id, out.data, &again));
        FUZZ_CHECK(again.incarnation == one.incarnation && again.at_ms == one.at_ms && !strcmp(again.who, one.who));
    }
    buf_release(&out);
}

static void check_keys(const struct store_reply *names)
{
    static struct installation installation;
    struct keyspace_key key;
    installation.partitions = PARTITIONS;
    installation.rules.windows = windows;
    for (size_t i = 0; i < names->count; i++) {
        if (keyspace_parse("isobar:", &installation, names->elements[i]->text, &key))
            FUZZ_CHECK(key.partition >= 0 && key.partition < PARTITIONS && key.start_ms >= 0 && key.size < 16);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf error = BUF_EMPTY;
    struct fuzz_lines lines = fuzz_lines(data, size);
    const char *first = fuzz_line(&lines);
    int kind = first ? *first : 0;
    if (windows.count == 0)
        FUZZ_CHECK(windowset_parse(&windows, "10m:2d,1h:30d,1d:2y", &error) == 0);
    const struct store_reply *reply = fuzz_reply(&lines);
    if (kind == 'l')
        check_ledger(reply, &error);
    else if (kind == 'm')
        check_meta(reply, &error);
    else if (kind == 'r')
        check_replay(reply, &error);
    else if (kind == 'd')
        check_drained(reply);
    else
        check_keys(reply);
    fuzz_reply_release();
    fuzz_lines_release(&lines);
    buf_release(&error);
    return 0;
}
