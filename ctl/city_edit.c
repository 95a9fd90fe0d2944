/*
 * See city_edit.h. Records go in commands of up to BATCH cities, so that 100,000 are a few hundred round trips and no
 * command holds up Redis for more than a millisecond or two.
 */
#include "city_edit.h"

#include "city_version.h"
#include "error.h"
#include "mem.h"
#include "shard.h"
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 500

/* One command: HSET with field and record in turn, or HDEL with fields. */
struct batch {
    const char *words[2 + 2 * BATCH];
    size_t sizes[2 + 2 * BATCH];
    size_t offsets[2 + 2 * BATCH]; /* in `texts`, of all but the first two */
    size_t count;
    struct buf texts;
};

static int by_shard(const void *left, const void *right)
{
    const struct city_edit *a = left, *b = right;
    if (a->shard != b->shard)
        return a->shard < b->shard ? -1 : 1;
    if (!a->row != !b->row)
        return a->row ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static void begin_word(struct batch *batch)
{
    batch->offsets[batch->count] = batch->texts.size;
}

static void end_word(struct batch *batch)
{
    batch->sizes[batch->count] = batch->texts.size - batch->offsets[batch->count];
    batch->count++;
}

static void add(struct batch *batch, const struct city_edit *edit)
{
    begin_word(batch);
    buf_printf(&batch->texts, "%" PRId64, edit->id);
    end_word(batch);
    if (!edit->row)
        return;
    begin_word(batch);
    city_row_encode(edit->row, edit->paused, &batch->texts);
    end_word(batch);
}

static int send(struct context *context, struct batch *batch, const char *command, int32_t shard)
{
    char key[CONTEXT_KEY_BYTES];
    batch->words[0] = command;
    batch->words[1] = context_partition_key(context, shard, "cities", key);
    batch->sizes[0] = strlen(command);
    batch->sizes[1] = strlen(key);
    for (size_t i = 2; i < batch->count; i++)
        batch->words[i] = batch->texts.data + batch->offsets[i];
    struct store_reply *reply = context_ask(context, batch->count, batch->words, batch->sizes);
    if (!reply)
        return context->exit_code;
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

/* Writes the first of the sorted edits, as many as one command takes; `done` says how many. */
static int write_some(struct city_version *version, const struct city_edit *edits, size_t count, size_t *done)
{
    struct batch *batch = mem_calloc(1, sizeof *batch);
    buf_init(&batch->texts);
    batch->count = 2;
    for (*done = 0;
         *done < count && *done < BATCH && edits[*done].shard == edits[0].shard && !edits[*done].row == !edits[0].row;
         (*done)++)
        add(batch, &edits[*done]);
    int code = city_version_touch(version, edits[0].shard);
    if (code == EXIT_CODE_OK)
        code = send(version->context, batch, edits[0].row ? "HSET" : "HDEL", edits[0].shard);
    buf_release(&batch->texts);
    free(batch);
    return code;
}

int city_edit_write(struct context *context, const struct installation *installation, struct city_edit *edits,
                    size_t count, const struct city_note *note, int64_t *version)
{
    struct city_version of;
    *version = installation->catalogue_version;
    for (size_t i = 0; i < count; i++)
        edits[i].shard = shard_of_city(edits[i].id, installation->partitions);
    if (count > 0)
        qsort(edits, count, sizeof *edits, by_shard);
    int code = city_version_begin(&of, context, installation);
    for (size_t at = 0, done = 0; at < count && code == EXIT_CODE_OK; at += done)
        code = write_some(&of, edits + at, count - at, &done);
    if (code == EXIT_CODE_OK && of.pending) /* before it takes effect, so that nothing does without an entry */
        code = trace_write(context, note->what, note->detail);
    if (code == EXIT_CODE_OK)
        code = city_version_publish(&of, version);
    city_version_release(&of);
    return code;
}
