/* See recount.h. Cost: it reads each pane once per window size. */
#include "recount.h"

#include "buf.h"
#include "civil.h"
#include "error.h"
#include "mem.h"
#include "window.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_NUMBER_MAX   INT64_C(4000000)
#define RECORDS_PER_CALL 4000 /* panes of all cities read at once: some 2 MB */

/* KEYS: ledger, window, its panes. ARGV: fields. {cursor, then per field {window, pane, …}} */
static const char script[] = "local out = {redis.call('HGET', KEYS[1], 'pane_cursor_ms')}\n"
                             "for i = 1, #ARGV do\n"
                             "  local row = {}\n"
                             "  for k = 2, #KEYS do row[k - 1] = redis.call('HGET', KEYS[k], ARGV[i]) end\n"
                             "  out[i + 1] = row\n"
                             "end\n"
                             "return out\n";

struct call {
    struct recount *recount;
    const struct keyspace_key *key;
    struct audit *audit;
    const char *name; /* of the window's key */
    size_t panes;
    int64_t cursor_ms;               /* panes before it are retired */
    char (*keys)[CONTEXT_KEY_BYTES]; /* ledger, window, panes */
};

/*
 * The merge of the city's panes that lie in the span of `sum`; false when one cannot be decoded, which the audit has
 * said already.
 */
static bool merge(const struct call *call, const struct store_reply *row, struct window *sum)
{
    const struct store_reply *const *panes = row->elements + 1;
    for (size_t i = 0; i + 1 < row->count; i++) {
        struct pane pane;
        if (panes[i]->type != STORE_TEXT)
            continue;
        if (pane_decode(&pane, panes[i]->text, panes[i]->size) != 0)
            return false;
        if (pane.window.start_ms >= sum->start_ms && pane.window.end_ms <= sum->end_ms)
            window_merge(sum, &pane.window);
        pane_release(&pane);
    }
    call->recount->windows++;
    return true;
}

/*
 * True when another day of the city holds a part of this one's time: its zone was changed. Days of two zones lie up to
 * two dates apart.
 */
static bool shares_time(const struct call *call, const char *field, const struct window *window)
{
    struct context *context = call->recount->context;
    const struct window_size *size = &call->recount->installation->rules.windows.sizes[call->key->size];
    bool shares = false;
    for (int k = -2; size->days && k <= 2; k++) {
        struct keyspace_key key = *call->key;
        char name[CONTEXT_KEY_BYTES];
        struct window other;
        key.start_ms += k * size->size_ms;
        if (k == 0 || key.start_ms < 0)
            continue;
        struct store_reply *reply =
            CONTEXT_ASK(context, "HGET", keyspace_name(context, call->recount->installation, &key, name), field);
        if (reply && reply->type == STORE_TEXT && window_decode(&other, reply->text, reply->size) == 0) {
            shares |= other.start_ms < window->end_ms && other.end_ms > window->start_ms;
            window_release(&other);
        }
        store_reply_free(reply);
    }
    return shares;
}

static void compare(const struct call *call, const char *field, const struct store_reply *row)
{
    struct window stored, sum;
    struct buf is = BUF_EMPTY, should = BUF_EMPTY;
    const struct store_reply *value = row->elements[0];
    if (value->type != STORE_TEXT || window_decode(&stored, value->text, value->size) != 0)
        return; /* gone meanwhile, or said by the audit */
    window_init(&sum, stored.start_ms, stored.end_ms);
    if (stored.start_ms >= call->cursor_ms && merge(call, row, &sum)) {
        sum.revision = stored.revision;
        sum.final_at_ms = stored.final_at_ms;
        sum.revised_at_ms = stored.revised_at_ms;
        sum.parts = stored.parts; /* panes have none: they follow from rows before and after them, too (trail.h) */
        if (stored.updated_at_ms > sum.updated_at_ms)
            sum.updated_at_ms = stored.updated_at_ms;               /* parts have changed since */
        if (stored.end_ms - stored.start_ms < WINDOW_SKETCHED_MS) { /* it has them since sliding windows need them */
            sketches_release(&stored.sketches);
            sketches_release(&sum.sketches);
        }
        window_encode(&stored, &is);
        window_encode(&sum, &should);
        bool same = is.size == should.size && memcmp(is.data, should.data, is.size) == 0;
        if (!same && shares_time(call, field, &stored))
            call->recount->windows--; /* which of them a pane belongs to was decided when it closed */
        else if (stored.rows != sum.rows)
            audit_fail(call->audit, "I2", "%s: city %s has %" PRId64 " rows, and its panes have %" PRId64, call->name,
                       field, stored.rows, sum.rows);
        else if (!same)
            audit_fail(call->audit, "I2", "%s: city %s is not the sum of its panes, though both have %" PRId64 " rows",
                       call->name, field, sum.rows);
    }
    window_release(&stored);
    window_release(&sum);
    buf_release(&is);
    buf_release(&should);
}

/* "#n" of the window and its panes. */
static void compare_rows(const struct call *call, const struct store_reply *row)
{
    int64_t stored = 0, sum = 0;
    for (size_t i = 0; i < row->count; i++) {
        int64_t count = 0;
        if (row->elements[i]->type == STORE_TEXT && context_integer(row->elements[i], 0, INT64_MAX / 4, &count))
            *(i == 0 ? &stored : &sum) += count;
    }
    if (row->elements[0]->type == STORE_TEXT && stored != sum)
        audit_fail(call->audit, "I2", "%s: %" PRId64 " rows, and its panes have %" PRId64, call->name, stored, sum);
}

static void take_rows(struct call *call, const char *const *fields, size_t count, const struct store_reply *reply)
{
    const struct window_size *size = &call->recount->installation->rules.windows.sizes[call->key->size];
    if (reply->count != count + 1 || !context_integer(reply->elements[0], 0, INT64_MAX / 4, &call->cursor_ms) ||
        (!size->days && call->key->start_ms < call->cursor_ms))
        return; /* its first panes were retired meanwhile */
    for (size_t i = 0; i < count; i++) {
        const struct store_reply *row = reply->elements[i + 1];
        if (row->count != call->panes + 1)
            continue;
        if (strcmp(fields[i], "#n") != 0)
            compare(call, fields[i], row);
        else if (!size->days) /* each city has a day of its own */
            compare_rows(call, row);
    }
}

static int ask_fields(struct call *call, const char *const *fields, size_t count)
{
    struct context *context = call->recount->context;
    size_t keys = call->panes + 2;
    char number[24];
    const char **words = mem_calloc(3 + keys + count, sizeof(const char *));
    snprintf(number, sizeof number, "%zu", keys);
    words[0] = "EVAL";
    words[1] = script;
    words[2] = number;
    for (size_t i = 0; i < keys; i++)
        words[3 + i] = call->keys[i];
    memcpy(words + 3 + keys, fields, count * sizeof *fields);
    struct store_reply *reply = context_ask(context, 3 + keys + count, words, NULL);
    if (reply)
        take_rows(call, fields, count, reply);
    store_reply_free(reply);
    free(words);
    return reply || context->exit_code != EXIT_CODE_UNAVAILABLE ? EXIT_CODE_OK : context->exit_code;
}

static int ask_all(struct call *call)
{
    struct context *context = call->recount->context;
    assert(call->panes > 0); /* sizes are multiples of panes */
    size_t most = RECORDS_PER_CALL / call->panes + 1, begun = 0;
    int code = EXIT_CODE_OK;
    struct store_reply *reply = CONTEXT_ASK(context, "HKEYS", call->keys[1]);
    if (!reply)
        return context->exit_code == EXIT_CODE_UNAVAILABLE ? context->exit_code : EXIT_CODE_OK;
    const char **fields = mem_calloc(reply->count + 1, sizeof(const char *));
    for (size_t i = 0; i < reply->count; i++)
        fields[i] = reply->elements[i]->text;
    for (; begun < reply->count && code == EXIT_CODE_OK; begun += most)
        code = ask_fields(call, fields + begun, reply->count - begun < most ? reply->count - begun : most);
    free(fields);
    store_reply_free(reply);
    return code;
}

/*
 * Windows of the size that begin before it take no rows any more: their retention is over, or the size was not there,
 * or away, for a time. The keys come by partition and size, so it is asked for once for each.
 */
static int64_t size_cursor(struct recount *recount, const struct keyspace_key *key)
{
    char ledger[CONTEXT_KEY_BYTES], field[40];
    if (recount->asked && recount->partition == key->partition && recount->size == key->size)
        return recount->cursor_ms;
    snprintf(field, sizeof field, "w_cursor_%s", recount->installation->rules.windows.sizes[key->size].name);
    struct store_reply *reply = CONTEXT_ASK(
        recount->context, "HGET", context_partition_key(recount->context, key->partition, "ledger", ledger), field);
    bool days = recount->installation->rules.windows.sizes[key->size].days > 0; /* then it is a day number */
    if (!reply || reply->type != STORE_TEXT ||
        !context_integer(reply, 0, days ? DAY_NUMBER_MAX : INT64_MAX / 4, &recount->cursor_ms))
        recount->cursor_ms = 0; /* the audit says what is wrong */
    store_reply_free(reply);
    recount->cursor_ms *= days ? DATE_DAY_MS : 1;
    recount->asked = true;
    recount->partition = key->partition;
    recount->size = key->size;
    return recount->cursor_ms;
}

int recount_window(struct recount *recount, const struct keyspace_key *key, struct audit *audit)
{
    const struct windowset *windows = &recount->installation->rules.windows;
    const struct window_size *size = &windows->sizes[key->size];
    int64_t pane_ms = windows->pane_ms, cursor = audit->ledger.pane_cursor_ms;
    int64_t slack = size->days ? CIVIL_SLACK_MS : 0; /* where days of all zones may lie */
    if (cursor <= 0 || key->start_ms + slack < cursor || key->start_ms < size_cursor(recount, key))
        return EXIT_CODE_OK;
    struct call call = {
        .recount = recount, .key = key, .audit = audit, .panes = (size_t)((size->size_ms + 2 * slack) / pane_ms)};
    call.keys = mem_calloc(call.panes + 2, sizeof *call.keys);
    context_partition_key(recount->context, key->partition, "ledger", call.keys[0]);
    call.name = keyspace_name(recount->context, recount->installation, key, call.keys[1]);
    for (size_t i = 0; i < call.panes; i++) {
        struct keyspace_key pane = {.partition = key->partition,
                                    .size = KEYSPACE_PANE,
                                    .start_ms = key->start_ms - slack + (int64_t)i * pane_ms};
        keyspace_name(recount->context, recount->installation, &pane, call.keys[i + 2]);
    }
    int code = ask_all(&call);
    free(call.keys);
    return code;
}
