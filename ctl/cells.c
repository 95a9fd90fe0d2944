/*
 * See cells.h: what both forms share, and CSV. All cells of a line take at most two bytes more than the line, so that
 * room is made once and cells can point into it while it is filled.
 */
#include "cells.h"

#include "cells_internal.h"
#include "error.h"
#include "text.h"

#include <stdbool.h>
#include <string.h>

void cells_init(struct cells *cells)
{
    cells->count = 0;
    buf_init(&cells->text);
}

void cells_release(struct cells *cells)
{
    buf_release(&cells->text);
}

int cells_refuse(const struct scan *scan, struct cells_fault *fault, const char *reason)
{
    *fault = (struct cells_fault){.at = (int)(scan->at - scan->line) + 1, .reason = reason};
    return ERR_INVALID;
}

/* Moves to the first byte that no line may have. */
static bool printable(struct scan *scan)
{
    while (scan->at < scan->end) {
        unsigned char byte = (unsigned char)*scan->at;
        size_t length = byte < 0x80 ? 1 : text_sequence(scan->at);
        if ((byte < ' ' && byte != '\t') || byte == 0x7f || length == 0 || (size_t)(scan->end - scan->at) < length)
            return false;
        scan->at += length;
    }
    scan->at = scan->line;
    return true;
}

int cells_begin(struct cells *cells, struct scan *scan, const char *line, size_t size, struct cells_fault *fault)
{
    *scan = (struct scan){.line = line, .at = line, .end = line + size};
    cells->count = 0;
    buf_reset(&cells->text);
    scan->out = buf_reserve(&cells->text, size + 2);
    return printable(scan) ? 0 : cells_refuse(scan, fault, "a control character, or not UTF-8");
}

/* ---- CSV ---- */

/* What is in the quotes, to `scan->out`; the position is behind the closing one. False when there is none. */
static bool take_quoted(struct scan *scan)
{
    for (scan->at++; scan->at < scan->end; scan->at++) {
        if (*scan->at == '"' && (++scan->at == scan->end || *scan->at != '"'))
            return true;
        *scan->out++ = *scan->at;
    }
    return false;
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && *scan->at == ' ')
        scan->at++;
}

static void take_plain(struct scan *scan, char separator)
{
    char *begin = scan->out;
    for (; scan->at < scan->end && *scan->at != separator && *scan->at != '"'; scan->at++)
        *scan->out++ = *scan->at;
    while (scan->out > begin && scan->out[-1] == ' ')
        scan->out--;
}

int cells_csv(struct cells *cells, const char *line, size_t size, char separator, struct cells_fault *fault)
{
    struct scan scan;
    if (cells_begin(cells, &scan, line, size, fault) != 0)
        return ERR_INVALID;
    for (;; scan.at++) {
        if (cells->count == CELLS_MAX)
            return cells_refuse(&scan, fault, "more than 128 columns");
        skip_blanks(&scan);
        struct cell *cell = &cells->list[cells->count++];
        *cell = (struct cell){.name = "", .text = scan.out, .at = (int)(scan.at - line) + 1};
        bool quoted = scan.at < scan.end && *scan.at == '"';
        if (quoted && !take_quoted(&scan))
            return cells_refuse(&scan, fault, "the closing quote is missing");
        if (quoted)
            skip_blanks(&scan);
        else
            take_plain(&scan, separator);
        *scan.out++ = '\0';
        if (scan.at == scan.end)
            return 0;
        if (*scan.at != separator)
            return cells_refuse(&scan, fault, quoted ? "text behind a closing quote" : "a quote inside a plain cell");
    }
}
