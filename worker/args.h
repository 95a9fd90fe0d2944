/*
 * Arguments of a script call: keys, then values, put together in one buffer and turned into pointers at the end, so
 * that a commit of a thousand records costs two growing arrays and no allocation per argument.
 */
#ifndef WORKER_ARGS_H
#define WORKER_ARGS_H

#include "buf.h"

#include <stddef.h>
#include <stdint.h>

struct args {
    struct buf bytes;
    size_t *starts; /* of each argument in `bytes` */
    size_t *sizes;
    const char **pointers;
    size_t count, capacity;
};

void args_init(struct args *args);
void args_release(struct args *args);
/* Empties it and keeps the memory. */
void args_reset(struct args *args);
/* Appends one argument. */
void args_add(struct args *args, const void *bytes, size_t size);
void args_text(struct args *args, const char *text);
void args_integer(struct args *args, int64_t number);
/* The buffer to append the next argument's bytes to; args_close ends it. */
struct buf *args_open(struct args *args);
void args_close(struct args *args);
/* Pointers to all arguments, valid until the next change. */
const char *const *args_pointers(struct args *args);

#endif
