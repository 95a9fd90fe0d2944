/* The growable byte buffer (buf.h). Capacity doubles, so appending is O(1) amortised. */
#include "buf.h"

#include "mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

char buf_nothing[1];

void buf_init(struct buf *buf)
{
    *buf = BUF_EMPTY;
}

void buf_release(struct buf *buf)
{
    if (buf->capacity)
        free(buf->data);
    *buf = BUF_EMPTY;
}

void buf_reset(struct buf *buf)
{
    buf->size = 0;
    if (buf->capacity)
        buf->data[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t extra)
{
    assert(extra < SIZE_MAX / 4 && buf->size < SIZE_MAX / 4);
    size_t need = buf->size + extra + 1;
    if (need > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
        while (capacity < need)
            capacity *= 2;
        buf->data = mem_grow(buf->capacity ? buf->data : NULL, capacity, 1);
        buf->capacity = capacity;
        buf->data[buf->size] = '\0';
    }
    return buf->data + buf->size;
}

void buf_advance(struct buf *buf, size_t used)
{
    assert(buf->size + used < buf->capacity || used == 0);
    buf->size += used;
    if (buf->capacity)
        buf->data[buf->size] = '\0';
}

void buf_append(struct buf *buf, const void *bytes, size_t size)
{
    char *to = buf_reserve(buf, size);
    if (size)
        memcpy(to, bytes, size);
    buf_advance(buf, size);
}

void buf_byte(struct buf *buf, char byte)
{
    *buf_reserve(buf, 1) = byte;
    buf_advance(buf, 1);
}

void buf_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    char *to = buf_reserve(buf, FIRST_CAPACITY);
    int size = vsnprintf(to, FIRST_CAPACITY, format, args);
    assert(size >= 0);
    if (size >= FIRST_CAPACITY) {
        to = buf_reserve(buf, (size_t)size);
        vsnprintf(to, (size_t)size + 1, format, again);
    }
    buf_advance(buf, (size_t)size);
    va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

char *buf_take(struct buf *buf)
{
    char *data = buf->capacity ? buf->data : mem_alloc(1);
    *buf = BUF_EMPTY;
    return data;
}
