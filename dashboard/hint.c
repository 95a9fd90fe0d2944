/* See hint.h. */
#include "hint.h"

#include <ctype.h>
#include <string.h>

#define CID_DIGITS (HINT_CID_BYTES - 1)

/* The word up to the next space or the end; moves `*at` behind the space. */
static size_t word(const char **at, const char *end, const char **start)
{
    *start = *at;
    const char *space = memchr(*at, ' ', (size_t)(end - *at));
    const char *stop = space ? space : end;
    *at = space ? space + 1 : end;
    return (size_t)(stop - *start);
}

static bool take_partition(const char *text, size_t size, int32_t partitions, int32_t *out)
{
    int32_t number = 0;
    if (size == 0 || size > 6)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        number = number * 10 + (text[i] - '0');
    }
    *out = number;
    return number < partitions;
}

static bool take_cid(const char *text, size_t size, char out[HINT_CID_BYTES])
{
    if (size != CID_DIGITS)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isxdigit((unsigned char)text[i]))
            return false;
        out[i] = text[i];
    }
    out[size] = '\0';
    return true;
}

bool hint_parse(struct hint *hint, const char *text, size_t size, int32_t partitions)
{
    const char *at = text, *end = text + size, *start;
    size_t length = word(&at, end, &start);
    if (!take_partition(start, length, partitions, &hint->partition))
        return false;
    length = word(&at, end, &start);
    if (!take_cid(start, length, hint->previous))
        return false;
    length = word(&at, end, &start);
    if (!take_cid(start, length, hint->next))
        return false;
    hint->rest = at;
    hint->end = end;
    return true;
}

static bool field_valid(const char *text, size_t size)
{
    if (size == 0 || size >= CITY_FIELD_BYTES)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)text[i]) && text[i] != '/')
            return false;
    }
    return true;
}

bool hint_next(struct hint *hint, char field[CITY_FIELD_BYTES])
{
    while (hint->rest < hint->end) {
        const char *start = hint->rest, *comma = memchr(start, ',', (size_t)(hint->end - start));
        size_t size = (size_t)((comma ? comma : hint->end) - start);
        hint->rest = comma ? comma + 1 : hint->end;
        if (!field_valid(start, size))
            continue;
        memcpy(field, start, size);
        field[size] = '\0';
        return true;
    }
    return false;
}
