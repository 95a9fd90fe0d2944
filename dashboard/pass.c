/* See pass.h. */
#include "pass.h"

#include "bearer.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define SEALED "1.%c.%lld." /* what comes before the name */

const char *pass_key(const char *token, char out[HMAC_HEX_BYTES])
{
    static const char use[] = "isobar session 1";
    return hmac_sha256_hex(token, use, sizeof use - 1, out);
}

bool pass_name_valid(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < PASS_NAME_BYTES && text_is_plain(name);
}

static void hex_of(const char *text, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        *out++ = digits[*p >> 4];
        *out++ = digits[*p & 15];
    }
    *out = '\0';
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool text_of(const char *hex, size_t size, char out[PASS_NAME_BYTES])
{
    if (size % 2 != 0 || size / 2 >= PASS_NAME_BYTES)
        return false;
    for (size_t i = 0; i < size; i += 2) {
        int high = digit_of(hex[i]), low = digit_of(hex[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (char)(high << 4 | low);
    }
    out[size / 2] = '\0';
    return true;
}

const char *pass_seal(const struct pass *pass, const char *key, char out[PASS_BYTES])
{
    char name[2 * PASS_NAME_BYTES], seal[HMAC_HEX_BYTES];
    assert(pass->role != PASS_NOBODY && pass_name_valid(pass->name));
    hex_of(pass->name, name);
    int size =
        snprintf(out, PASS_BYTES, SEALED "%s", pass->role == PASS_OPERATOR ? 'o' : 'r', (long long)pass->ends_s, name);
    assert(size > 0 && size + HMAC_HEX_BYTES < PASS_BYTES);
    snprintf(out + size, PASS_BYTES - (size_t)size, ".%s", hmac_sha256_hex(key, out, (size_t)size, seal));
    return out;
}

bool pass_open(const char *text, const char *key, int64_t now_s, struct pass *pass)
{
    char seal[HMAC_HEX_BYTES], role = '\0', again[PASS_BYTES];
    const char *dot = strrchr(text, '.');
    long long ends = 0;
    int used = 0;
    if (!dot || strlen(text) >= PASS_BYTES ||
        !bearer_equal(dot + 1, hmac_sha256_hex(key, text, (size_t)(dot - text), seal)))
        return false;
    if (sscanf(text, SEALED "%n", &role, &ends, &used) != 2 || used == 0 || text + used > dot)
        return false; /* a key that also seals something else would have to be at work */
    *pass = (struct pass){.role = role == 'o' ? PASS_OPERATOR : PASS_READER, .ends_s = ends};
    if (!text_of(text + used, (size_t)(dot - text - used), pass->name) || !pass_name_valid(pass->name))
        return false;
    return ends > now_s && ends <= PASS_ENDS_MAX && strcmp(pass_seal(pass, key, again), text) == 0;
}

const char *pass_csrf(const char *what, const char *key, char out[PASS_CSRF_BYTES])
{
    char seal[HMAC_HEX_BYTES], text[PASS_BYTES + 8];
    int size = snprintf(text, sizeof text, "csrf %s", what);
    assert(size > 0 && (size_t)size < sizeof text);
    snprintf(out, PASS_CSRF_BYTES, "%.32s", hmac_sha256_hex(key, text, (size_t)size, seal));
    return out;
}
