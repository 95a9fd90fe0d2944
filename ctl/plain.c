/* See plain.h. Folding and decomposition are libunistring's; the few letters below have no decomposition in Unicode. */
#include "plain.h"

#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

static const struct {
    ucs4_t code;
    const char *base;
} others[] = {{0xd8, "O"},   {0xf8, "o"},   {0x110, "D"},  {0x111, "d"},  {0x126, "H"}, {0x127, "h"}, {0x131, "i"},
              {0x138, "k"},  {0x141, "L"},  {0x142, "l"},  {0x14a, "N"},  {0x14b, "n"}, {0x166, "T"}, {0x167, "t"},
              {0xd0, "D"},   {0xf0, "d"},   {0xc6, "Ae"},  {0xe6, "ae"},  {0xde, "Th"}, {0xfe, "th"}, {0xdf, "ss"},
              {0x152, "Oe"}, {0x153, "oe"}, {0x2018, "'"}, {0x2019, "'"}, {0x2bb, "'"}, {0x2bc, "'"}, {0xb7, ""}};

/* Blocks of combining diacritical marks: 0300, 1AB0, 1DC0 and 20D0. */
static bool is_mark(ucs4_t code)
{
    return (code >= 0x300 && code <= 0x36f) || (code >= 0x1ab0 && code <= 0x1aff) ||
           (code >= 0x1dc0 && code <= 0x1dff) || (code >= 0x20d0 && code <= 0x20ff);
}

/* What stands for the character; NULL when it stays. */
static const char *base_of(ucs4_t code)
{
    if (is_mark(code))
        return "";
    for (size_t i = 0; code >= 0x80 && i < sizeof others / sizeof *others; i++) {
        if (others[i].code == code)
            return others[i].base;
    }
    return NULL;
}

static bool is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

static bool is_printable(const char *text)
{
    while (*text >= ' ' && *text < 0x7f)
        text++;
    return *text == '\0';
}

/* Small ASCII letters; all else as it is. For what is ASCII, which most names are, and for what is no UTF-8. */
static const char *small(const char *text, char out[PLAIN_BYTES])
{
    size_t used = 0;
    for (; used < PLAIN_BYTES - 1 && text[used]; used++)
        out[used] = text[used] >= 'A' && text[used] <= 'Z' ? (char)(text[used] - 'A' + 'a') : text[used];
    out[used] = '\0';
    return out;
}

/* Copies decomposed text of `size` bytes with bases instead of others; false when not all of it fits. */
static bool replace(const uint8_t *text, size_t size, char *out, size_t room)
{
    size_t used = 0;
    bool fits = true;
    for (size_t at = 0; at < size && fits;) {
        ucs4_t code;
        size_t take = (size_t)u8_mbtouc(&code, text + at, size - at);
        const char *base = base_of(code);
        size_t add = base ? strlen(base) : take;
        fits = used + add < room;
        if (!fits)
            break;
        memcpy(out + used, base ? base : (const char *)text + at, add);
        used += add;
        at += take;
    }
    out[used] = '\0';
    return fits;
}

const char *plain_text(const char *text, char out[PLAIN_BYTES])
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t size = 0;
    if (is_ascii(text) || !text_is_utf8(text))
        return small(text, out);
    uint8_t *folded = u8_casefold(bytes, strlen(text), NULL, UNINORM_NFKD, NULL, &size);
    if (!folded)
        return small(text, out); /* no memory */
    (void)replace(folded, size, out, PLAIN_BYTES);
    free(folded);
    return out;
}

bool plain_equal(const char *a, const char *b)
{
    char plain_a[PLAIN_BYTES], plain_b[PLAIN_BYTES];
    return strcmp(plain_text(a, plain_a), plain_text(b, plain_b)) == 0;
}

bool plain_undo_umlauts(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        *to++ = *from;
        from += strchr("aou", *from) && from[1] == 'e';
    }
    bool changed = *to != '\0';
    *to = '\0';
    return changed;
}

bool plain_ascii(const char *name, char *out, size_t size)
{
    size_t decomposed = 0;
    uint8_t *text =
        text_is_utf8(name) ? u8_normalize(UNINORM_NFKD, (const uint8_t *)name, strlen(name), NULL, &decomposed) : NULL;
    bool good = text && replace(text, decomposed, out, size) && is_printable(out);
    free(text);
    return good;
}

const char *plain_shown(const char *text, char *out, size_t size)
{
    size_t used = 0;
    while (*text) {
        size_t bytes = text_sequence(text);
        const unsigned char *p = (const unsigned char *)text;
        bool control = *p < 0x20 || *p == 0x7f || (*p == 0xc2 && bytes == 2 && p[1] < 0xa0);
        size_t take = bytes ? bytes : 1, add = bytes && !control ? bytes : 1;
        if (used + add >= size)
            break;
        memcpy(out + used, bytes && !control ? text : "?", add);
        used += add;
        text += take;
    }
    out[used] = '\0';
    return out;
}
