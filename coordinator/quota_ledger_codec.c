/* The ledger as a note in Redis, and what a new leader makes of it (quota_ledger.h, proto/quota.proto). */
#include "quota_ledger.h"

#include "error.h"
#include "mem.h"

#include "quota.pb-c.h"

#include <stdlib.h>

#define FORMAT 1

/* ---- writing ---- */

static void pack_line(const struct quota_line *line, Isobar__V1__QuotaLine *out, int64_t *spent)
{
    isobar__v1__quota_line__init(out);
    out->window = (int32_t)line->window;
    out->credit_milli = line->credit / line->period_ms;
    out->newest = line->newest;
    out->spent_milli = spent;
    for (int64_t i = 0; i <= line->buckets && i <= line->newest; i++) {
        spent[i] = line->spent[(line->newest - i) % (line->buckets + 1)];
        if (spent[i] != 0)
            out->n_spent_milli = (size_t)i + 1;
    }
}

void quota_ledger_pack(const struct quota_ledger *ledger, struct buf *out)
{
    Isobar__V1__QuotaLedger note = ISOBAR__V1__QUOTA_LEDGER__INIT;
    Isobar__V1__QuotaLine lines[QUOTA_LINES], *line_list[QUOTA_LINES];
    int64_t *spent = mem_calloc(QUOTA_LINES * QUOTA_BUCKETS, sizeof *spent);
    Isobar__V1__QuotaHolder *holders = mem_calloc(ledger->holder_count + 1, sizeof *holders);
    Isobar__V1__QuotaHolder **holder_list = mem_calloc(ledger->holder_count + 1, sizeof(Isobar__V1__QuotaHolder *));
    note.format = FORMAT;
    note.at_ms = ledger->now_ms;
    note.lines = line_list;
    note.holders = holder_list;
    for (; note.n_lines < ledger->line_count; note.n_lines++) {
        line_list[note.n_lines] = &lines[note.n_lines];
        pack_line(&ledger->lines[note.n_lines], &lines[note.n_lines], spent + note.n_lines * QUOTA_BUCKETS);
    }
    for (; note.n_holders < ledger->holder_count; note.n_holders++) {
        const struct quota_holder *from = &ledger->holders[note.n_holders];
        Isobar__V1__QuotaHolder *holder = holder_list[note.n_holders] = &holders[note.n_holders];
        isobar__v1__quota_holder__init(holder);
        holder->incarnation = from->incarnation;
        holder->granted_milli = from->granted_milli;
        holder->settled_milli = from->settled_milli;
    }
    size_t size = isobar__v1__quota_ledger__get_packed_size(&note);
    uint8_t *bytes = mem_alloc(size + 1);
    buf_append(out, (const char *)bytes, isobar__v1__quota_ledger__pack(&note, bytes));
    free(bytes);
    free(spent);
    free(holders);
    free(holder_list);
}

/* ---- reading ---- */

#define MILLI_MAX (INT64_C(1) << 60)

static bool sane(const Isobar__V1__QuotaLedger *note)
{
    bool good = note->format == FORMAT && note->at_ms >= 0 && note->n_holders <= QUOTA_HOLDERS_MAX;
    for (size_t i = 0; good && i < note->n_holders; i++) {
        const Isobar__V1__QuotaHolder *holder = note->holders[i];
        good = holder->settled_milli >= 0 && holder->granted_milli >= holder->settled_milli &&
               holder->granted_milli < MILLI_MAX / QUOTA_HOLDERS_MAX;
    }
    for (size_t i = 0; good && i < note->n_lines; i++) {
        const Isobar__V1__QuotaLine *line = note->lines[i];
        good = line->n_spent_milli <= QUOTA_BUCKETS && line->credit_milli >= 0 && line->credit_milli < MILLI_MAX &&
               line->newest >= 0;
        for (size_t k = 0; good && k < line->n_spent_milli; k++)
            good = line->spent_milli[k] >= 0 && line->spent_milli[k] < MILLI_MAX / QUOTA_BUCKETS;
    }
    return good;
}

static const Isobar__V1__QuotaLine *line_of(const Isobar__V1__QuotaLedger *note, enum limit_window window)
{
    for (size_t i = 0; i < note->n_lines; i++) {
        if (note->lines[i]->window == (int32_t)window)
            return note->lines[i];
    }
    return NULL;
}

/* Buckets that are newer than now are of a clock that was ahead: they count as now's neighbours. */
static void unpack_line(struct quota_line *line, const Isobar__V1__QuotaLine *from)
{
    int64_t newest = from->newest < line->newest ? from->newest : line->newest;
    for (size_t i = 0; i < from->n_spent_milli; i++) {
        int64_t number = newest - (int64_t)i;
        if (number < 0 || number < line->newest - line->buckets)
            break;
        *quota_line_bucket(line, number) = from->spent_milli[i];
        line->spent_milli += from->spent_milli[i];
    }
}

static void unpack_holders(struct quota_ledger *ledger, const Isobar__V1__QuotaLedger *note)
{
    if (note->n_holders == 0)
        return;
    ledger->holders = mem_calloc(note->n_holders, sizeof *ledger->holders);
    ledger->holder_count = ledger->holder_capacity = note->n_holders;
    for (size_t i = 0; i < note->n_holders; i++) {
        const Isobar__V1__QuotaHolder *from = note->holders[i];
        /* By which clock its end was noted is not known: it is taken for given now, as long as any is good. */
        ledger->holders[i] = (struct quota_holder){.incarnation = from->incarnation,
                                                   .granted_milli = from->granted_milli,
                                                   .settled_milli = from->settled_milli,
                                                   .until_ms = ledger->now_ms + QUOTA_VALID_MS + QUOTA_CALL_MS,
                                                   .heard_ms = ledger->now_ms};
        ledger->open_milli += from->granted_milli - from->settled_milli;
    }
}

/*
 * Since the note the former leader may have granted at the even pace, and its credit: for what the pace allows in the
 * time in between the buckets are raised, and the last of it may be open still. A line's limit bounds the others, too.
 */
static int64_t since_note(struct quota_line *line, const Isobar__V1__QuotaLine *from, int64_t at_ms, int64_t now_ms)
{
    int64_t since_ms = at_ms < now_ms ? at_ms : now_ms, most = quota_line_credit_max(line);
    int64_t granted = from->credit_milli + quota_line_pace(line, now_ms - since_ms + QUOTA_FENCE_MS);
    quota_line_assume(line, since_ms, now_ms);
    return granted < most ? granted : most;
}

int quota_ledger_unpack(struct quota_ledger *ledger, const char *bytes, size_t size)
{
    Isobar__V1__QuotaLedger *note = isobar__v1__quota_ledger__unpack(NULL, size, (const uint8_t *)bytes);
    bool known = note && sane(note), complete = known;
    int64_t unknown_milli = INT64_MAX;
    for (size_t i = 0; known && i < ledger->line_count; i++) {
        struct quota_line *line = &ledger->lines[i];
        const Isobar__V1__QuotaLine *from = line_of(note, line->window);
        complete &= from != NULL;
        if (!from)
            continue;
        unpack_line(line, from);
        int64_t more = since_note(line, from, note->at_ms, ledger->now_ms);
        unknown_milli = more < unknown_milli ? more : unknown_milli;
    }
    if (known)
        unpack_holders(ledger, note);
    if (!complete)
        quota_ledger_lose(ledger);
    else if (ledger->line_count)
        quota_ledger_suppose(ledger, unknown_milli);
    if (note)
        isobar__v1__quota_ledger__free_unpacked(note, NULL);
    return known ? 0 : ERR_INVALID;
}
