/* See ledger.h. One table of integer fields serves parsing and writing, so that the two cannot drift. */
#include "ledger.h"

#include "date.h"
#include "error.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} integers[] = {
    {"first_offset", offsetof(struct ledger, first_offset)},
    {"offset", offsetof(struct ledger, offset)},
    {"applied", offsetof(struct ledger, applied)},
    {"gaps", offsetof(struct ledger, gaps)},
    {"record_offset", offsetof(struct ledger, record_offset)},
    {"clock_ms", offsetof(struct ledger, clock_ms)},
    {"tick_clock_ms", offsetof(struct ledger, tick_clock_ms)},
    {"rows", offsetof(struct ledger, rows)},
    {"rows_in", offsetof(struct ledger, rows_in)},
    {"rows_late", offsetof(struct ledger, rows_late)},
    {"rows_duplicate", offsetof(struct ledger, rows_duplicate)},
    {"rows_correction", offsetof(struct ledger, rows_correction)},
    {"rows_bad", offsetof(struct ledger, rows_bad)},
    {"rows_checked", offsetof(struct ledger, rows_checked)},
    {"rows_tick", offsetof(struct ledger, rows_tick)},
    {"rows_control", offsetof(struct ledger, rows_control)},
    {"rows_retired", offsetof(struct ledger, rows_retired)},
    {"commits", offsetof(struct ledger, commits)},
    {"config_version", offsetof(struct ledger, config_version)},
};
#define INTEGERS (sizeof integers / sizeof *integers)

static const struct store_reply *value_of(const struct store_reply *pairs, const char *field)
{
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        if (pairs->elements[i]->type == STORE_TEXT && strcmp(pairs->elements[i]->text, field) == 0)
            return pairs->elements[i + 1];
    }
    return NULL;
}

static int integer_of(const struct store_reply *value, int64_t low, int64_t *out)
{
    char *end = NULL;
    if (!value || value->type != STORE_TEXT || value->size == 0 ||
        (value->text[0] != '-' && !isdigit((unsigned char)value->text[0])))
        return ERR_INVALID;
    errno = 0;
    long long number = strtoll(value->text, &end, 10);
    if (errno != 0 || end != value->text + value->size || number < low)
        return ERR_INVALID;
    *out = number;
    return 0;
}

/* A cursor that is absent is 0: none was made yet. */
static int cursor_of(const struct store_reply *pairs, const char *field, int64_t *out)
{
    const struct store_reply *value = value_of(pairs, field);
    return value ? integer_of(value, 0, out) : 0;
}

/* Of UTC days of an older version: none of the civil ones was made. */
static int64_t from_date(int64_t number)
{
    return number <= DATE_MAX ? number * DATE_DAY_MS : 0;
}

static void cursor_field(const struct windowset *windows, size_t size, char *out, size_t bytes)
{
    snprintf(out, bytes, "w_cursor_%s", windows->sizes[size].name);
}

/* The least value of the number at that place of struct ledger. */
static int64_t low_of(size_t offset)
{
    if (offset == offsetof(struct ledger, record_offset))
        return -1;
    return offset == offsetof(struct ledger, config_version) ? 1 : 0;
}

static int parse_integers(struct ledger *ledger, const struct store_reply *pairs, struct buf *error)
{
    for (size_t i = 0; i < INTEGERS; i++) {
        int64_t number = 0;
        const struct store_reply *value = value_of(pairs, integers[i].name);
        if (!value && integers[i].offset == offsetof(struct ledger, rows_correction))
            continue; /* made by a version that did not tell them from duplicates */
        if (integer_of(value, low_of(integers[i].offset), &number) != 0) {
            buf_printf(error, "the ledger's field %s is missing or no number", integers[i].name);
            return ERR_INVALID;
        }
        memcpy((char *)ledger + integers[i].offset, &number, sizeof number);
    }
    return 0;
}

static int parse_cursors(struct ledger *ledger, const struct store_reply *pairs, const struct windowset *windows,
                         struct buf *error)
{
    char field[32] = "pane_cursor_ms";
    int status = cursor_of(pairs, field, &ledger->pane_cursor_ms);
    if (status == 0) {
        snprintf(field, sizeof field, "pane_floor_ms");
        status = cursor_of(pairs, field, &ledger->pane_floor_ms);
    }
    for (size_t i = 0; status == 0 && windows && i < windows->count; i++) {
        cursor_field(windows, i, field, sizeof field);
        status = cursor_of(pairs, field, &ledger->window_cursor_ms[i]);
        if (windows->sizes[i].days)
            ledger->window_cursor_ms[i] = from_date(ledger->window_cursor_ms[i]);
    }
    if (status != 0)
        buf_printf(error, "the ledger's field %s is no number", field);
    return status;
}

static int parse_hash(const struct store_reply *value, uint64_t *out)
{
    if (!value || value->type != STORE_TEXT || value->size == 0 || value->size > 16 ||
        strspn(value->text, "0123456789abcdef") != value->size)
        return ERR_INVALID;
    *out = strtoull(value->text, NULL, 16);
    return 0;
}

/* A ledger that no check has written to has no anchor. */
static int parse_anchor(struct ledger *ledger, const struct store_reply *pairs)
{
    const struct store_reply *offset = value_of(pairs, "anchor_offset");
    ledger->anchor_offset = -1;
    if (!offset)
        return 0;
    return integer_of(offset, -1, &ledger->anchor_offset) == 0
               ? parse_hash(value_of(pairs, "anchor_hash"), &ledger->anchor_hash)
               : ERR_INVALID;
}

static int parse_cursor_of_tick(struct ledger *ledger, const struct store_reply *value)
{
    if (!value)
        return 0;
    if (value->type != STORE_TEXT || value->size >= sizeof ledger->tick_after ||
        strspn(value->text, "0123456789/") != value->size)
        return ERR_INVALID;
    memcpy(ledger->tick_after, value->text, value->size + 1);
    return 0;
}

int ledger_parse(struct ledger *ledger, const struct store_reply *pairs, const struct windowset *windows,
                 struct buf *error)
{
    memset(ledger, 0, sizeof *ledger);
    if (parse_integers(ledger, pairs, error) != 0 || parse_cursors(ledger, pairs, windows, error) != 0)
        return ERR_INVALID;
    if (parse_hash(value_of(pairs, "record_hash"), &ledger->record_hash) != 0) {
        buf_text(error, "the ledger's field record_hash is missing or no hash");
        return ERR_INVALID;
    }
    if (parse_anchor(ledger, pairs) != 0) {
        buf_text(error, "the ledger's field anchor_offset is no number, or anchor_hash no hash");
        return ERR_INVALID;
    }
    if (parse_cursor_of_tick(ledger, value_of(pairs, "tick_after")) != 0) {
        buf_text(error, "the ledger's field tick_after is no city");
        return ERR_INVALID;
    }
    return 0;
}

int64_t ledger_version(const struct store_reply *pairs)
{
    int64_t version;
    return integer_of(value_of(pairs, "config_version"), 1, &version) == 0 ? version : -1;
}

bool ledger_holds(const struct ledger *l)
{
    return l->applied + l->gaps == l->offset - l->first_offset &&
           l->rows == l->rows_in + l->rows_late + l->rows_duplicate + l->rows_correction + l->rows_bad +
                          l->rows_checked + l->rows_tick + l->rows_control + l->rows_retired;
}

static void emit(ledger_field_fn *fn, void *arg, const char *field, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    fn(arg, field, text);
}

static void emit_hash(ledger_field_fn *fn, void *arg, const char *field, uint64_t hash)
{
    char text[20];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    fn(arg, field, text);
}

void ledger_fields(const struct ledger *ledger, const struct windowset *windows, ledger_field_fn *fn, void *arg)
{
    for (size_t i = 0; i < INTEGERS; i++) {
        int64_t number;
        memcpy(&number, (const char *)ledger + integers[i].offset, sizeof number);
        emit(fn, arg, integers[i].name, number);
    }
    emit_hash(fn, arg, "record_hash", ledger->record_hash);
    emit(fn, arg, "anchor_offset", ledger->anchor_offset);
    emit_hash(fn, arg, "anchor_hash", ledger->anchor_hash);
    fn(arg, "tick_after", ledger->tick_after);
    emit(fn, arg, "pane_floor_ms", ledger->pane_floor_ms);
    emit(fn, arg, "pane_cursor_ms", ledger->pane_cursor_ms);
    for (size_t i = 0; i < windows->count; i++) {
        char field[32];
        cursor_field(windows, i, field, sizeof field);
        emit(fn, arg, field, ledger->window_cursor_ms[i] / (windows->sizes[i].days ? DATE_DAY_MS : 1));
    }
}
