/* See plain.h: one table for U+00C0 to U+017F, where each letter has its base. */
#include "plain.h"

#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TABLE_FIRST 0xc0
#define TABLE_LAST  0x17f

/* Bases of the letters from U+00C0 on, sixteen to a line; '*' stands for one of two letters, '=' for one that stays. */
static const char bases[] = "aaaaaa*ceeeeiiii"
                            "dnooooo=ouuuuy**"
                            "aaaaaa*ceeeeiiii"
                            "dnooooo=ouuuuy*y"
                            "aaaaaaccccccccdd"
                            "ddeeeeeeeeeegggg"
                            "gggghhhhiiiiiiii"
                            "ii**jjkkklllllll"
                            "lllnnnnnnnnnoooo"
                            "oo**rrrrrrssssss"
                            "ssttttttuuuuuuuu"
                            "uuuuwwyyyzzzzzzs";

static const struct {
    uint32_t code;
    const char *base;
} others[] = {{0xc6, "ae"},  {0xe6, "ae"},  {0xde, "th"},  {0xfe, "th"}, {0xdf, "ss"}, {0x132, "ij"},
              {0x133, "ij"}, {0x152, "oe"}, {0x153, "oe"}, {0x218, "s"}, {0x219, "s"}, {0x21a, "t"},
              {0x21b, "t"},  {0x2018, "'"}, {0x2019, "'"}, {0x2bb, "'"}, {0x2bc, "'"}};

/* The character of `size` bytes at `text`. */
static uint32_t decode(const char *text, size_t size)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)*text & masks[size];
    for (size_t i = 1; i < size; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    return code;
}

/* What stands for the character: text in `one` or a constant; NULL when it stays. */
static const char *base_of(uint32_t code, char one[2])
{
    one[0] = one[1] = '\0';
    if (code >= 'A' && code <= 'Z')
        one[0] = (char)(code - 'A' + 'a');
    else if (code >= TABLE_FIRST && code <= TABLE_LAST && !strchr("*=", bases[code - TABLE_FIRST]))
        one[0] = bases[code - TABLE_FIRST];
    else if (code >= 0x300 && code <= 0x36f)
        return one;
    for (size_t i = 0; !*one && i < sizeof others / sizeof *others; i++) {
        if (others[i].code == code)
            return others[i].base;
    }
    return *one ? one : NULL;
}

const char *plain_text(const char *text, char out[PLAIN_BYTES])
{
    size_t used = 0;
    char one[2];
    while (*text) {
        size_t size = text_sequence(text);
        const char *base = size ? base_of(decode(text, size), one) : NULL;
        size_t take = size ? size : 1, add = base ? strlen(base) : take;
        if (used + add >= PLAIN_BYTES)
            break;
        memcpy(out + used, base ? base : text, add);
        used += add;
        text += take;
    }
    out[used] = '\0';
    return out;
}

bool plain_equal(const char *a, const char *b)
{
    char plain_a[PLAIN_BYTES], plain_b[PLAIN_BYTES];
    return strcmp(plain_text(a, plain_a), plain_text(b, plain_b)) == 0;
}
