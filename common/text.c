/* UTF-8 and JSON strings of text from outside (text.h). Tables are not worth it: such texts are short and few. */
#include "text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

size_t text_sequence(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t size = 0;
    if (at[0] < 0x80)
        size = 1;
    else if (at[0] >= 0xc2 && at[0] < 0xe0)
        size = 2;
    else if (at[0] >= 0xe0 && at[0] < 0xf0)
        size = 3;
    else if (at[0] >= 0xf0 && at[0] < 0xf5)
        size = 4;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) /* stops at '\0', too */
            return 0;
    }
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool outside = (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf4 && at[1] > 0x8f);
    return overlong || outside ? 0 : size;
}

bool text_is_utf8(const char *text)
{
    for (size_t size; *text; text += size) {
        if ((size = text_sequence(text)) == 0)
            return false;
    }
    return true;
}

static bool is_control(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    return first < 0x20 || first == 0x7f || (first == 0xc2 && (unsigned char)text[1] < 0xa0);
}

bool text_is_plain(const char *text)
{
    for (size_t size; *text; text += size) {
        if (is_control(text) || (size = text_sequence(text)) == 0)
            return false;
    }
    return true;
}

void text_copy(char *out, size_t size, const char *text)
{
    size_t used = 0;
    for (size_t step; text && *text; text += step) {
        size_t sequence = text_sequence(text);
        step = sequence ? sequence : 1;
        if (used + step >= size)
            break;
        memcpy(out + used, sequence ? text : "?", step);
        used += step;
    }
    out[used] = '\0';
}

void text_tame(struct buf *buf, size_t from)
{
    size_t out = from;
    for (size_t at = from, step; at < buf->size; at += step) {
        const char *text = buf->data + at;
        size_t size = text_sequence(text);
        step = size ? size : 1;
        if (size && !is_control(text)) {
            memmove(buf->data + out, text, size);
            out += size;
        } else {
            buf->data[out++] = '?';
        }
    }
    if (out < buf->size) {
        buf->size = out;
        buf->data[out] = '\0';
    }
}

size_t text_escape(const char *text, char *out)
{
    assert(*text);
    size_t size = text_sequence(text);
    unsigned char first = (unsigned char)text[0], second = size == 2 ? (unsigned char)text[1] : 0;
    if (size == 0) {
        memcpy(out, "\xef\xbf\xbd", 4);
        return 1;
    }
    if (first == '"' || first == '\\')
        snprintf(out, TEXT_ESCAPE_BYTES, "\\%c", first);
    else if (first == '\n')
        memcpy(out, "\\n", 3);
    else if (first < 0x20 || first == 0x7f)
        snprintf(out, TEXT_ESCAPE_BYTES, "\\u%04x", first);
    else if (first == 0xc2 && second < 0xa0)
        snprintf(out, TEXT_ESCAPE_BYTES, "\\u%04x", second);
    else {
        memcpy(out, text, size);
        out[size] = '\0';
    }
    return size;
}

void text_json(struct buf *out, const char *text)
{
    char escaped[TEXT_ESCAPE_BYTES];
    buf_byte(out, '"');
    while (*text) {
        text += text_escape(text, escaped);
        buf_text(out, *escaped == '<' ? "\\u003c" : escaped);
    }
    buf_byte(out, '"');
}
