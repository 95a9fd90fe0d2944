/* See reset.h. The plan here and the script's arithmetic are the same; the script's answer is held against the plan. */
#include "reset.h"

#include "entropy.h"
#include "error.h"
#include "script.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OFFSET_MAX INT64_C(999999999999999) /* what the script takes */

static int read_numbers(struct context *context, const struct store_reply *reply, struct reset *out)
{
    static const char *const names[] = {"first_offset", "offset", "applied", "gaps", "record_offset", "clock_ms"};
    int64_t *const fields[] = {&out->before.first_offset, &out->before.offset,        &out->before.applied,
                               &out->before.gaps,         &out->before.record_offset, &out->before.clock_ms};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!context_integer(reply->elements[i + 1], -1, OFFSET_MAX, fields[i]))
            return context_fail(context, EXIT_CODE_REFUSED,
                                "the ledger of partition %d has a bad %s: restore Redis from a backup", out->partition,
                                names[i]);
    }
    return EXIT_CODE_OK;
}

int reset_read(struct context *context, int32_t partition, struct reset *out)
{
    char key[CONTEXT_KEY_BYTES];
    int code = EXIT_CODE_OK;
    *out = (struct reset){.partition = partition};
    struct store_reply *reply =
        CONTEXT_ASK(context, "HMGET", context_partition_key(context, partition, "ledger", key), "cid", "first_offset",
                    "offset", "applied", "gaps", "record_offset", "clock_ms");
    if (!reply)
        return context->exit_code;
    if (reply->elements[0]->type != STORE_TEXT || reply->elements[0]->size != RESET_CID_BYTES - 1)
        code = context_fail(context, EXIT_CODE_REFUSED,
                            "partition %d has no ledger: restore Redis from a backup; a reset makes none", partition);
    else
        code = read_numbers(context, reply, out);
    if (code == EXIT_CODE_OK)
        memcpy(out->cid, reply->elements[0]->text, RESET_CID_BYTES);
    store_reply_free(reply);
    return code;
}

void reset_plan(struct reset *reset, int64_t to)
{
    struct reset_ledger *after = &reset->after;
    *after = reset->before;
    if (to >= after->offset) {
        after->gaps += to - after->offset;
    } else {
        after->first_offset = to;
        after->applied = after->gaps = 0;
    }
    after->offset = to;
    after->record_offset = -1;
}

static void print_row(const char *name, int64_t before, int64_t after)
{
    printf("  %-14s %15" PRId64 " -> %" PRId64 "\n", name, before, after);
}

void reset_print(const struct reset *reset)
{
    const struct reset_ledger *before = &reset->before, *after = &reset->after;
    printf("partition %d\n", reset->partition);
    print_row("offset", before->offset, after->offset);
    print_row("first_offset", before->first_offset, after->first_offset);
    print_row("applied", before->applied, after->applied);
    print_row("gaps", before->gaps, after->gaps);
    print_row("record_offset", before->record_offset, after->record_offset);
    printf("  %-14s %15" PRId64 " stays: it never goes back, and nothing stored is newer than it\n", "clock_ms",
           before->clock_ms);
    if (after->offset >= before->offset)
        printf("%" PRId64
               " offsets are skipped and count as gaps: readings in them that are still in the log are lost\n",
               after->offset - before->offset);
    else
        printf("counting begins anew at %" PRId64
               ", for a log that was made anew. Were it the same log, its readings would come again:\n"
               "those of panes that are kept count as duplicates, older ones are retired on arrival\n",
               after->offset);
}

static int take_answer(struct context *context, const struct reset *reset, const struct store_reply *reply)
{
    const char *word = reply->type == STORE_ARRAY && reply->count > 0 ? reply->elements[0]->text : "";
    const char *reason = reply->type == STORE_ARRAY && reply->count > 1 ? reply->elements[1]->text : "no reason";
    int64_t first, applied, gaps;
    if (strcmp(word, "mismatch") == 0)
        return context_fail(context, EXIT_CODE_REFUSED,
                            "partition %d was committed to or taken over since it was read: nothing was changed. Does "
                            "it run? isobarctl why %d",
                            reset->partition, reset->partition);
    if (strcmp(word, "ok") != 0)
        return context_fail(context, EXIT_CODE_REFUSED, "the ledger was not changed: %s", reason);
    if (reply->count != 4 || !context_integer(reply->elements[1], 0, OFFSET_MAX, &first) ||
        !context_integer(reply->elements[2], 0, OFFSET_MAX, &applied) ||
        !context_integer(reply->elements[3], 0, OFFSET_MAX, &gaps) || first != reset->after.first_offset ||
        applied != reset->after.applied || gaps != reset->after.gaps)
        return context_fail(context, EXIT_CODE_FAILURE, "the ledger became another than planned: isobarctl verify");
    return EXIT_CODE_OK;
}

int reset_write(struct context *context, const struct reset *reset)
{
    char key[CONTEXT_KEY_BYTES], cid[ENTROPY_ID_BYTES], offset[24];
    entropy_id(cid);
    snprintf(offset, sizeof offset, "%" PRId64, reset->after.offset);
    struct store_reply *reply =
        CONTEXT_ASK(context, "EVAL", script_reset_lua, "1",
                    context_partition_key(context, reset->partition, "ledger", key), reset->cid, cid, offset);
    if (!reply)
        return context->exit_code;
    int code = take_answer(context, reset, reply);
    store_reply_free(reply);
    return code;
}
