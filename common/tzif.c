/*
 * See tzif.h. The file has its data twice, for 32 and for 64 bits; the first block is passed over. The rule is in
 * tzif_rule.c.
 */
#include "tzif_internal.h"

#include "error.h"
#include "mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 44
#define TYPE_BYTES   6
#define OFFSET_MAX_S 93599 /* RFC 8536: -25 h to 26 h */
#define TIMES_MAX    4096

struct header {
    uint32_t isut, isstd, leaps, times, types, chars;
};

/* Where the parts of a block lie. */
struct block {
    const uint8_t *times, *indexes, *types, *end;
    struct header header;
};

static uint64_t big_endian(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static bool take_header(const uint8_t *bytes, size_t left, struct header *header)
{
    if (left < HEADER_BYTES || memcmp(bytes, "TZif", 4) != 0 || bytes[4] < '2')
        return false;
    uint32_t *fields[] = {&header->isut,  &header->isstd, &header->leaps,
                          &header->times, &header->types, &header->chars};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        *fields[i] = (uint32_t)big_endian(bytes + 20 + 4 * i, 4);
        if (*fields[i] > TIMES_MAX)
            return false;
    }
    return header->types >= 1 && header->types <= 256 && header->leaps == 0;
}

/* The block at `bytes`, with times of `width` bytes. */
static bool take_block(const uint8_t *bytes, size_t left, size_t width, struct block *block)
{
    if (!take_header(bytes, left, &block->header))
        return false;
    const struct header *header = &block->header;
    block->times = bytes + HEADER_BYTES;
    block->indexes = block->times + header->times * width;
    block->types = block->indexes + header->times;
    block->end = block->types + header->types * TYPE_BYTES + header->chars + header->isstd + header->isut;
    return (size_t)(block->end - bytes) <= left;
}

int32_t tzif_floor(int64_t seconds)
{
    return (int32_t)(seconds / TZIF_QUARTER_S - (seconds % TZIF_QUARTER_S < 0));
}

int32_t tzif_ceiling(int64_t seconds)
{
    return -tzif_floor(-seconds);
}

/* Appends a change, unless it changes nothing; one in the same quarter takes the place of the last. */
static void append(struct tzif *tzif, int32_t at, int32_t offset)
{
    if (tzif->count > 0 && tzif->changes[tzif->count - 1].at == at)
        tzif->count--;
    if (tzif->count == 0 || tzif->changes[tzif->count - 1].offset != offset)
        tzif->changes[tzif->count++] = (struct tzif_change){at, offset};
}

static int take_changes(struct tzif *tzif, const struct block *block)
{
    int64_t before = INT64_MIN;
    tzif->changes = mem_calloc(block->header.times + 1, sizeof *tzif->changes);
    for (uint32_t i = 0; i <= block->header.times; i++) { /* at first the type before the first transition */
        uint8_t type = i ? block->indexes[i - 1] : 0;
        int64_t at = i ? (int64_t)big_endian(block->times + 8 * (i - 1), 8) : INT64_MIN;
        if (type >= block->header.types || (i && at <= before))
            return ERR_INVALID;
        int32_t offset = (int32_t)big_endian(block->types + type * TYPE_BYTES, 4);
        if (offset < -OFFSET_MAX_S || offset > OFFSET_MAX_S || at > INT64_C(900) * INT32_MAX)
            return ERR_INVALID;
        append(tzif, at <= 0 ? INT32_MIN : tzif_ceiling(at), tzif_floor(offset));
        before = at;
    }
    tzif->changes = mem_grow(tzif->changes, tzif->count, sizeof *tzif->changes);
    return 0;
}

/* "\n<POSIX TZ>\n" up to the end of the file; an empty one has no rule. */
static int take_footer(struct tzif *tzif, const uint8_t *bytes, size_t size)
{
    char text[128];
    if (size < 2 || size - 2 >= sizeof text || bytes[0] != '\n' || bytes[size - 1] != '\n')
        return ERR_INVALID;
    memcpy(text, bytes + 1, size - 2);
    text[size - 2] = '\0';
    if (strlen(text) != size - 2)
        return ERR_INVALID;
    return text[0] ? tzif_rule_parse(text, &tzif->rule, &tzif->has_rule) : 0;
}

int tzif_decode(struct tzif *tzif, const void *bytes, size_t size)
{
    struct block first, second;
    const uint8_t *start = bytes;
    *tzif = (struct tzif){0};
    if (size > TZIF_MAX_BYTES || !take_block(start, size, 4, &first) ||
        !take_block(first.end, size - (size_t)(first.end - start), 8, &second))
        return ERR_INVALID;
    int status = take_changes(tzif, &second);
    if (status == 0)
        status = take_footer(tzif, second.end, size - (size_t)(second.end - start));
    if (status != 0)
        tzif_release(tzif);
    return status;
}

void tzif_release(struct tzif *tzif)
{
    free(tzif->changes);
    *tzif = (struct tzif){0};
}

/* Number of changes at or before `at`; the first one always is. */
static size_t position(const struct tzif *tzif, int32_t at)
{
    size_t low = 1, high = tzif->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tzif->changes[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct tzif_change tzif_at(const struct tzif *tzif, int32_t at)
{
    size_t count = position(tzif, at);
    struct tzif_change last = tzif->changes[count - 1];
    return count == tzif->count && tzif->has_rule ? tzif_rule_at(&tzif->rule, last, at) : last;
}

struct tzif_change tzif_after(const struct tzif *tzif, int32_t at)
{
    size_t count = position(tzif, at);
    if (count < tzif->count)
        return tzif_at(tzif, tzif->changes[count].at); /* where the rule begins it has the last word */
    if (tzif->has_rule)
        return tzif_rule_after(&tzif->rule, tzif->changes[count - 1], at);
    return (struct tzif_change){INT32_MAX, tzif->changes[count - 1].offset};
}
