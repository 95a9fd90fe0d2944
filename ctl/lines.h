/*
 * Lines out of a stream of bytes that comes in pieces. A line ends with LF or CRLF, the last one also where the stream
 * ends. One that is too long is handed out in pieces, so that no input needs more memory than that and none is lost.
 * Pure.
 */
#ifndef CTL_LINES_H
#define CTL_LINES_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines {
    struct buf held; /* bytes that came */
    size_t at;       /* of them are handed out */
    size_t scanned;  /* of them are known to have no end of line */
    size_t longest;
    int64_t number; /* of the line at hand, from 1 */
    bool fresh;     /* a line begins at `at` */
};

enum lines_kind {
    LINES_NONE,  /* more bytes are wanted */
    LINES_WHOLE, /* a line */
    LINES_PIECE, /* the beginning or middle of a line that is too long */
    LINES_TAIL   /* its end */
};

struct line {
    const char *text; /* valid until more bytes are put; not ended by '\0' */
    size_t size;      /* without the end of line */
    size_t raw_size;  /* with it */
    int64_t number;   /* from 1 */
};

/* No bytes; lines of more than `longest` bytes are too long. */
void lines_init(struct lines *lines, size_t longest);
/* Frees the bytes. */
void lines_release(struct lines *lines);
/* Appends what came. */
void lines_put(struct lines *lines, const char *bytes, size_t size);
/* The next line or piece. With `end` there come no more bytes, and what is left is the last line. */
enum lines_kind lines_next(struct lines *lines, bool end, struct line *line) __attribute__((warn_unused_result));

#endif
