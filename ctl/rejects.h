/*
 * Where refused lines go, as they came, so that they can be repaired and produced: a file, behind what is there
 * already, which begins with the header that the lines need.
 */
#ifndef CTL_REJECTS_H
#define CTL_REJECTS_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct rejects {
    FILE *stream; /* NULL: nowhere */
    bool begun;   /* the file has its header */
    bool inside;  /* the last byte written ended no line */
};

/* Opens the file for appending. ERR_SYSTEM with the reason in `error`. */
int rejects_open(struct rejects *rejects, const char *path, struct buf *error) __attribute__((warn_unused_result));
/* Appends bytes of lines, after `header` when the file is empty. Whether it worked is told by rejects_flush. */
void rejects_write(struct rejects *rejects, const struct buf *header, const char *text, size_t size);
/* Ends a line that came without its end. */
void rejects_end_line(struct rejects *rejects);
/* Hands everything to the system. False when a byte could not be written: errno tells, and nothing more will be. */
bool rejects_flush(struct rejects *rejects) __attribute__((warn_unused_result));
/* Closes the file. rejects_flush goes before it. */
void rejects_close(struct rejects *rejects);

#endif
