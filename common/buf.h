/*
 * A growable byte buffer. Invariants: `data` is never NULL after buf_init, data[size] is always '\0' (so a
 * buffer of text is a C string), size < capacity (capacity 0 is the empty string that all new buffers share). Appending
 * may move `data`: keep offsets, not pointers.
 */
#ifndef ISOBAR_BUF_H
#define ISOBAR_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;
    size_t size;     /* bytes used, without the closing '\0' */
    size_t capacity; /* bytes allocated; 0 only while `data` is the shared empty string */
};

#define BUF_EMPTY ((struct buf){buf_nothing, 0, 0})
extern char buf_nothing[1];

/* Makes `buf` empty without allocating. */
void buf_init(struct buf *buf);
/* Frees the bytes; `buf` is empty and usable again. */
void buf_release(struct buf *buf);
/* Empties `buf` and keeps its memory. */
void buf_reset(struct buf *buf);
/* Makes room for `extra` more bytes and returns where they would go; commit them with buf_advance. */
char *buf_reserve(struct buf *buf, size_t extra);
/* Takes the first `used` of the reserved bytes into the buffer. */
void buf_advance(struct buf *buf, size_t used);
/* Appends `size` bytes, which do not lie in `buf` itself. */
void buf_append(struct buf *buf, const void *bytes, size_t size);
/* Appends one byte. */
void buf_byte(struct buf *buf, char byte);
/* Appends a C string. */
void buf_text(struct buf *buf, const char *text);
/* Appends formatted text. */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends formatted text from a va_list. */
void buf_vprintf(struct buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Hands the bytes over to the caller, who frees them; `buf` is empty again. */
char *buf_take(struct buf *buf) __attribute__((warn_unused_result));

#endif
