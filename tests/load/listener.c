/* See listener.h. */
#include "listener.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_END "\r\n\r\n"

/* ---- events ---- */

static void add_to_line(struct listener *listener, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size && listener->line + i < LISTENER_HEAD; i++)
        listener->head[listener->line + i] = bytes[i];
    size_t from = size > LISTENER_TAIL ? size - LISTENER_TAIL : 0;
    for (size_t i = from; i < size; i++)
        listener->tail[(listener->line + i) % LISTENER_TAIL] = bytes[i];
    listener->line += (uint32_t)size;
}

/* "…,"at":1764595200123}" */
static int64_t time_of(const struct listener *listener)
{
    char text[LISTENER_TAIL + 1] = "";
    size_t size = listener->line < LISTENER_TAIL ? listener->line : LISTENER_TAIL;
    for (size_t i = 0; i < size; i++)
        text[i] = listener->tail[(listener->line - size + i) % LISTENER_TAIL];
    const char *at = strstr(text, "\"at\":");
    return at ? strtoll(at + 5, NULL, 10) : 0;
}

static bool begins(const struct listener *listener, const char *with)
{
    size_t size = strlen(with);
    return listener->line >= size && memcmp(listener->head, with, size) == 0;
}

static void end_line(struct listener *listener, listener_fn *fn, void *arg)
{
    char text[LISTENER_HEAD + 1] = "";
    size_t size = listener->line < LISTENER_HEAD ? listener->line : LISTENER_HEAD;
    memcpy(text, listener->head, size);
    if (begins(listener, "event: ")) {
        snprintf(listener->event, sizeof listener->event, "%.15s", text + 7);
    } else if (begins(listener, "id: ")) {
        const char *dash = strchr(text, '-');
        listener->version = dash ? strtoull(dash + 1, NULL, 10) : 0;
    } else if (begins(listener, "data: ")) {
        listener->at_ms = time_of(listener);
    } else if (listener->line == 0 && listener->event[0]) {
        fn(arg, &(struct heard){listener->event, listener->version, listener->at_ms});
        listener->event[0] = '\0';
    }
    listener->line = 0;
}

static void take_events(struct listener *listener, const char *bytes, size_t size, listener_fn *fn, void *arg)
{
    while (size > 0) {
        const char *end = memchr(bytes, '\n', size);
        size_t part = end ? (size_t)(end - bytes) : size;
        add_to_line(listener, bytes, part);
        if (end)
            end_line(listener, fn, arg);
        part += end != NULL;
        bytes += part;
        size -= part;
    }
}

/* ---- what they come in ---- */

/* A byte of the answer's header, whose first line is "HTTP/1.1 200 OK". */
static bool take_header(struct listener *listener, char byte)
{
    if (listener->line < LISTENER_HEAD)
        listener->head[listener->line++] = byte;
    listener->matched = byte == HEADER_END[listener->matched] ? listener->matched + 1 : byte == '\r';
    if (listener->matched < sizeof HEADER_END - 1)
        return true;
    listener->head[LISTENER_HEAD - 1] = '\0';
    listener->status = (int32_t)strtol(listener->head + strcspn(listener->head, " "), NULL, 10);
    listener->line = listener->left = 0;
    listener->part = LISTENER_SIZE;
    return listener->status == 200;
}

/* The line of a chunk's size, and the one that ends its bytes; a size of 0 ends the answer. */
static bool take_frame(struct listener *listener, char byte)
{
    bool digit = listener->part == LISTENER_SIZE && isxdigit((unsigned char)byte);
    if (digit) {
        int value = isdigit((unsigned char)byte) ? byte - '0' : (byte | 32) - 'a' + 10;
        listener->left = 16 * listener->left + (uint32_t)value;
    } else if (byte == '\n' && listener->part == LISTENER_BREAK) {
        listener->part = LISTENER_SIZE;
    } else if (byte == '\n') {
        listener->part = LISTENER_DATA;
        return listener->left > 0;
    }
    return digit || byte == '\r' || byte == '\n';
}

static size_t take_data(struct listener *listener, const char *bytes, size_t size, listener_fn *fn, void *arg)
{
    size_t part = listener->left < size ? listener->left : size;
    take_events(listener, bytes, part, fn, arg);
    listener->left -= (uint32_t)part;
    if (listener->left == 0)
        listener->part = LISTENER_BREAK;
    return part;
}

bool listener_take(struct listener *listener, const char *bytes, size_t size, listener_fn *fn, void *arg)
{
    bool good = true;
    for (size_t at = 0; good && at < size;) {
        if (listener->part == LISTENER_DATA)
            at += take_data(listener, bytes + at, size - at, fn, arg);
        else
            good = listener->part == LISTENER_HEADER ? take_header(listener, bytes[at++])
                                                     : take_frame(listener, bytes[at++]);
    }
    return good;
}
