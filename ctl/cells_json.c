/*
 * NDJSON (cells.h). Not by a library, which would make doubles of numbers, so that 0.285 is less than a half of 0.01
 * more than 0.28, and could not say in which column of the line a value is. Objects here are flat, so little is left.
 */
#include "cells.h"

#include "cells_internal.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static char next(const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

static char skip_space(struct scan *scan)
{
    while (next(scan) == ' ' || next(scan) == '\t')
        scan->at++;
    return next(scan);
}

static bool skip(struct scan *scan, char byte)
{
    bool there = skip_space(scan) == byte;
    scan->at += there;
    return there;
}

/* ---- strings ---- */

/* Four hexadecimal digits; -1 when they are none. */
static int32_t take_hex(struct scan *scan)
{
    static const char digits[] = "0123456789abcdef";
    int32_t code = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        char byte = next(scan);
        const char *digit = byte ? strchr(digits, byte >= 'A' && byte <= 'F' ? byte - 'A' + 'a' : byte) : NULL;
        if (!digit)
            return -1;
        code = code * 16 + (int32_t)(digit - digits);
    }
    return code;
}

static void put_utf8(struct scan *scan, int32_t code)
{
    static const int marks[] = {0, 0xc0, 0xe0, 0xf0};
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *scan->out++ = (char)(marks[more] | (code >> 6 * more));
    for (; more > 0; more--)
        *scan->out++ = (char)(0x80 | ((code >> 6 * (more - 1)) & 0x3f));
}

/* What is behind \u; false for half of a surrogate pair and for U+0000, which text cannot hold. */
static bool take_code(struct scan *scan)
{
    int32_t code = take_hex(scan);
    if (code >= 0xd800 && code < 0xdc00 && scan->end - scan->at >= 6 && scan->at[0] == '\\' && scan->at[1] == 'u') {
        scan->at += 2;
        int32_t low = take_hex(scan);
        code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : -1;
    }
    if (code < 1 || (code >= 0xd800 && code < 0xe000))
        return false;
    put_utf8(scan, code);
    return true;
}

static bool take_escape(struct scan *scan)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char byte = next(scan);
    const char *name = byte ? strchr(names, byte) : NULL;
    scan->at++;
    if (name)
        *scan->out++ = values[name - names];
    return name || (byte == 'u' && take_code(scan));
}

/* The string that begins here, ended by '\0'; NULL when it is none. */
static const char *take_string(struct scan *scan)
{
    const char *begin = scan->out;
    if (!skip(scan, '"'))
        return NULL;
    while (next(scan) != '"') {
        if (scan->at >= scan->end || next(scan) == '\t')
            return NULL;
        if (*scan->at != '\\')
            *scan->out++ = *scan->at++;
        else if (scan->at++, !take_escape(scan))
            return NULL;
    }
    scan->at++;
    *scan->out++ = '\0';
    return begin;
}

/* ---- values ---- */

static size_t take_digits(struct scan *scan)
{
    const char *begin = scan->at;
    while (next(scan) >= '0' && next(scan) <= '9')
        scan->at++;
    return (size_t)(scan->at - begin);
}

static bool number_fits(struct scan *scan)
{
    scan->at += next(scan) == '-';
    bool zero = next(scan) == '0';
    size_t whole = take_digits(scan);
    if (whole < 1 || (zero && whole > 1))
        return false;
    if (next(scan) == '.' && (scan->at++, take_digits(scan) < 1))
        return false;
    if (next(scan) != 'e' && next(scan) != 'E')
        return true;
    scan->at++;
    scan->at += next(scan) == '-' || next(scan) == '+';
    return take_digits(scan) >= 1;
}

static const char *take_number(struct scan *scan)
{
    const char *begin = scan->at, *text = scan->out;
    if (!number_fits(scan))
        return NULL;
    memcpy(scan->out, begin, (size_t)(scan->at - begin));
    scan->out += scan->at - begin;
    *scan->out++ = '\0';
    return text;
}

static const char *take_value(struct scan *scan)
{
    char first = skip_space(scan);
    if (first == '"')
        return take_string(scan);
    if (first != 'n')
        return take_number(scan);
    if (scan->end - scan->at < 4 || memcmp(scan->at, "null", 4) != 0)
        return NULL;
    scan->at += 4;
    return "";
}

/* ---- the object ---- */

static bool twice(const struct cells *cells, const char *name)
{
    for (size_t i = 0; i < cells->count; i++) {
        if (strcmp(cells->list[i].name, name) == 0)
            return true;
    }
    return false;
}

static int take_member(struct cells *cells, struct scan *scan, struct cells_fault *fault)
{
    (void)skip_space(scan);
    struct scan start = *scan;
    if (cells->count == CELLS_MAX)
        return cells_refuse(&start, fault, "more than 128 keys");
    struct cell cell = {.name = take_string(scan)};
    if (!cell.name)
        return cells_refuse(&start, fault, "a key in quotes wanted");
    if (twice(cells, cell.name))
        return cells_refuse(&start, fault, "this key is there twice");
    if (!skip(scan, ':'))
        return cells_refuse(scan, fault, "a colon wanted");
    (void)skip_space(scan);
    start = *scan;
    cell.at = (int)(scan->at - scan->line) + 1;
    cell.text = take_value(scan);
    if (!cell.text)
        return cells_refuse(&start, fault, "a number, a string or null wanted");
    cells->list[cells->count++] = cell;
    return 0;
}

int cells_json(struct cells *cells, const char *line, size_t size, struct cells_fault *fault)
{
    struct scan scan;
    if (cells_begin(cells, &scan, line, size, fault) != 0)
        return ERR_INVALID;
    if (!skip(&scan, '{'))
        return cells_refuse(&scan, fault, "an object { wanted");
    bool empty = skip(&scan, '}');
    while (!empty) {
        if (take_member(cells, &scan, fault) != 0)
            return ERR_INVALID;
        if (skip(&scan, '}'))
            break;
        if (!skip(&scan, ','))
            return cells_refuse(&scan, fault, "a comma or } wanted");
    }
    (void)skip_space(&scan);
    return scan.at == scan.end ? 0 : cells_refuse(&scan, fault, "text behind the object");
}
