/* Opening files that people name in options: regular ones, with a bound, so that a device or a pipe is an error at
 * once. */
#ifndef ISOBAR_FILE_H
#define ISOBAR_FILE_H

#include "buf.h"

#include <stdint.h>
#include <stdio.h>

/*
 * Opens a regular file of at most `max_bytes` for reading. NULL with "<path>: <reason>" in `error`; a pipe is not
 * waited for. The caller closes it.
 */
FILE *file_open(const char *path, int64_t max_bytes, struct buf *error) __attribute__((warn_unused_result));

#endif
