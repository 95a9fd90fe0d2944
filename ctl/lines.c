/* See lines.h. */
#include "lines.h"

#include <string.h>

void lines_init(struct lines *lines, size_t longest)
{
    *lines = (struct lines){.longest = longest, .fresh = true};
    buf_init(&lines->held);
}

void lines_release(struct lines *lines)
{
    buf_release(&lines->held);
}

void lines_put(struct lines *lines, const char *bytes, size_t size)
{
    size_t left = lines->held.size - lines->at;
    if (lines->at > 0) {
        memmove(lines->held.data, lines->held.data + lines->at, left);
        lines->held.size = left;
        lines->scanned -= lines->at;
        lines->at = 0;
    }
    buf_append(&lines->held, bytes, size);
}

/* Hands out the `raw_size` bytes at hand, of which the last `tail` are the end of line. */
static enum lines_kind hand_out(struct lines *lines, size_t raw_size, size_t tail, struct line *line)
{
    bool ends = tail > 0 || raw_size <= lines->longest, fresh = lines->fresh;
    lines->number += fresh;
    *line = (struct line){
        .text = lines->held.data + lines->at, .size = raw_size - tail, .raw_size = raw_size, .number = lines->number};
    if (tail > 0 && line->size > 0 && line->text[line->size - 1] == '\r')
        line->size--;
    lines->at += raw_size;
    lines->scanned = lines->at;
    lines->fresh = ends;
    if (!ends)
        return LINES_PIECE;
    return fresh && line->size <= lines->longest ? LINES_WHOLE : LINES_TAIL;
}

enum lines_kind lines_next(struct lines *lines, bool end, struct line *line)
{
    const char *from = lines->held.data + lines->scanned;
    const char *newline = memchr(from, '\n', lines->held.size - lines->scanned);
    if (newline)
        return hand_out(lines, (size_t)(newline - lines->held.data) + 1 - lines->at, 1, line);
    lines->scanned = lines->held.size;
    size_t left = lines->held.size - lines->at;
    if (left > lines->longest || (end && left > 0))
        return hand_out(lines, left, 0, line);
    if (!end || lines->fresh)
        return LINES_NONE;
    lines->fresh = true; /* the stream ends right behind a piece */
    *line = (struct line){.text = lines->held.data + lines->at, .number = lines->number};
    return LINES_TAIL;
}
