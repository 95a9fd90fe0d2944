/* See bearer.h. */
#include "bearer.h"

#include <string.h>
#include <strings.h>

static bool visible(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    return true;
}

bool bearer_valid(const char *token)
{
    size_t size = strlen(token);
    return size >= BEARER_MIN && size < BEARER_BYTES && visible(token, size);
}

bool bearer_token(const char *header, char out[BEARER_BYTES])
{
    static const char scheme[] = "Bearer ";
    if (strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return false;
    header += sizeof scheme - 1;
    header += strspn(header, " ");
    size_t size = strcspn(header, " ");
    if (size == 0 || size >= BEARER_BYTES || !visible(header, size) ||
        header[size + strspn(header + size, " ")] != '\0')
        return false;
    memcpy(out, header, size);
    out[size] = '\0';
    return true;
}

bool bearer_cookie(const char *header, const char *name, char *out, size_t size)
{
    size_t wanted = strlen(name);
    for (const char *at = header; at && *at;) {
        at += strspn(at, "; ");
        size_t length = strcspn(at, ";");
        if (length > wanted && at[wanted] == '=' && strncmp(at, name, wanted) == 0) {
            size_t value = length - wanted - 1;
            if (value >= size)
                return false;
            memcpy(out, at + wanted + 1, value);
            out[value] = '\0';
            return true;
        }
        at += length;
    }
    return false;
}

bool bearer_equal(const char *given, const char *known)
{
    size_t size = strlen(given), wanted = strlen(known);
    volatile unsigned char differs = size != wanted;
    for (size_t i = 0; i < size; i++)
        differs |= (unsigned char)(given[i] ^ known[wanted > 0 ? i % wanted : 0]);
    return differs == 0;
}
