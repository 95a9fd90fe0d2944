/* See args.h. */
#include "args.h"

#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void args_init(struct args *args)
{
    *args = (struct args){.bytes = BUF_EMPTY};
}

void args_release(struct args *args)
{
    buf_release(&args->bytes);
    free(args->starts);
    free(args->sizes);
    free(args->pointers);
    args_init(args);
}

void args_reset(struct args *args)
{
    buf_reset(&args->bytes);
    args->count = 0;
}

struct buf *args_open(struct args *args)
{
    if (args->count == args->capacity) {
        args->capacity = args->capacity ? args->capacity * 2 : 256;
        args->starts = mem_grow(args->starts, args->capacity, sizeof *args->starts);
        args->sizes = mem_grow(args->sizes, args->capacity, sizeof *args->sizes);
        args->pointers = mem_grow(args->pointers, args->capacity, sizeof *args->pointers);
    }
    args->starts[args->count] = args->bytes.size;
    return &args->bytes;
}

void args_close(struct args *args)
{
    args->sizes[args->count] = args->bytes.size - args->starts[args->count];
    args->count++;
}

void args_add(struct args *args, const void *bytes, size_t size)
{
    buf_append(args_open(args), bytes, size);
    args_close(args);
}

void args_text(struct args *args, const char *text)
{
    args_add(args, text, strlen(text));
}

void args_integer(struct args *args, int64_t number)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%lld", (long long)number);
    args_add(args, text, (size_t)size);
}

const char *const *args_pointers(struct args *args)
{
    for (size_t i = 0; i < args->count; i++)
        args->pointers[i] = args->bytes.data + args->starts[i];
    return args->pointers;
}
