/* See ledger.h. One table of integer fields serves parsing and writing, so that the two cannot drift. */
#include "ledger.h"

#include "error.h"

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
    {"rows_bad", offsetof(struct ledger, rows_bad)},
    {"rows_checked", offsetof(struct ledger, rows_checked)},
    {"rows_tick", offsetof(struct ledger, rows_tick)},
    {"rows_control", offsetof(struct ledger, rows_control)},
    {"rows_retired", offsetof(struct ledger, rows_retired)},
    {"commits", offsetof(struct ledger, commits)},
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

static int integer_of(const struct store_reply *value, int64_t *out)
{
    char *end = NULL;
    if (!value || value->type != STORE_TEXT || value->size == 0)
        return ERR_INVALID;
    errno = 0;
    long long number = strtoll(value->text, &end, 10);
    if (errno != 0 || *end != '\0')
        return ERR_INVALID;
    *out = number;
    return 0;
}

static void cursor_field(const struct windowset *windows, size_t size, char *out, size_t bytes)
{
    snprintf(out, bytes, "w_cursor_%s", windows->sizes[size].name);
}

int ledger_parse(struct ledger *ledger, const struct store_reply *pairs, const struct windowset *windows, struct buf *error)
{
    memset(ledger, 0, sizeof *ledger);
    for (size_t i = 0; i < INTEGERS; i++) {
        int64_t number;
        if (integer_of(value_of(pairs, integers[i].name), &number) != 0) {
            buf_printf(error, "the ledger's field %s is missing or no number", integers[i].name);
            return ERR_INVALID;
        }
        memcpy((char *)ledger + integers[i].offset, &number, sizeof number);
    }
    const struct store_reply *hash = value_of(pairs, "record_hash"), *after = value_of(pairs, "tick_after");
    if (!hash || hash->type != STORE_TEXT || (after && after->size >= sizeof ledger->tick_after)) {
        buf_text(error, "the ledger's field record_hash or tick_after is damaged");
        return ERR_INVALID;
    }
    ledger->record_hash = strtoull(hash->text, NULL, 16);
    if (after && after->type == STORE_TEXT)
        memcpy(ledger->tick_after, after->text, after->size + 1);
    (void)integer_of(value_of(pairs, "pane_cursor_ms"), &ledger->pane_cursor_ms);
    for (size_t i = 0; i < windows->count; i++) {
        char field[32];
        cursor_field(windows, i, field, sizeof field);
        (void)integer_of(value_of(pairs, field), &ledger->window_cursor_ms[i]);
    }
    return 0;
}

bool ledger_holds(const struct ledger *l)
{
    return l->applied + l->gaps == l->offset - l->first_offset &&
           l->rows == l->rows_in + l->rows_late + l->rows_duplicate + l->rows_bad + l->rows_checked + l->rows_tick +
                          l->rows_control + l->rows_retired;
}

static void emit(ledger_field_fn *fn, void *arg, const char *field, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    fn(arg, field, text);
}

void ledger_fields(const struct ledger *ledger, const struct windowset *windows, ledger_field_fn *fn, void *arg)
{
    for (size_t i = 0; i < INTEGERS; i++) {
        int64_t number;
        memcpy(&number, (const char *)ledger + integers[i].offset, sizeof number);
        emit(fn, arg, integers[i].name, number);
    }
    char hash[20];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)ledger->record_hash);
    fn(arg, "record_hash", hash);
    fn(arg, "tick_after", ledger->tick_after);
    emit(fn, arg, "pane_cursor_ms", ledger->pane_cursor_ms);
    for (size_t i = 0; i < windows->count; i++) {
        char field[32];
        cursor_field(windows, i, field, sizeof field);
        emit(fn, arg, field, ledger->window_cursor_ms[i]);
    }
}
