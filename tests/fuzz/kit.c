/* See fuzz.h. */
#include "fuzz.h"

#include "../unit/replies.h"
#include "log.h"
#include "mem.h"
#include "text.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

const char *fuzz_variant(void)
{
    const char *variant = getenv("ISOBAR_FUZZ_VARIANT");
    return variant ? variant : "";
}

/* Tells the variants when it is asked for them. Logs of what was refused would only slow it down. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    log_setup("fuzz", LOG_ERROR, false);
    if (!getenv("ISOBAR_FUZZ_LIST"))
        return 0;
    struct buf names = BUF_EMPTY;
    if (fuzz_variants)
        fuzz_variants(&names);
    (void)printf("%s\n", names.data);
    buf_release(&names);
    exit(0);
}

char *fuzz_copy(const void *bytes, size_t size)
{
    char *copy = malloc(size + 1);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

void fuzz_check_text(const char *text, size_t most)
{
    FUZZ_CHECK(strlen(text) <= most);
    FUZZ_CHECK(text_is_utf8(text));
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        FUZZ_CHECK((*p >= 0x20 && *p != 0x7f) || *p == '\n');
        FUZZ_CHECK(p[0] != 0xc2 || p[1] >= 0xa0); /* C1 */
    }
}

void fuzz_check_json(const struct buf *text)
{
    json_t *value = json_loadb(text->data, text->size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    FUZZ_CHECK(value != NULL);
    json_decref(value);
}

void fuzz_check_same_row(const struct observation *one, const struct observation *other)
{
    FUZZ_CHECK(one->city_id == other->city_id && one->series == other->series && one->kind == other->kind);
    FUZZ_CHECK(one->observed_at_ms == other->observed_at_ms && one->fetched_at_ms == other->fetched_at_ms);
    FUZZ_CHECK(one->provider == other->provider && one->quality == other->quality);
    FUZZ_CHECK(one->present == other->present && one->accumulation_s == other->accumulation_s);
    FUZZ_CHECK(memcmp(one->value, other->value, sizeof one->value) == 0);
}

void fuzz_check_same(const struct buf *one, const struct buf *other)
{
    FUZZ_CHECK(one->size == other->size);
    FUZZ_CHECK(memcmp(one->data, other->data, one->size) == 0);
}

struct fuzz_lines fuzz_lines(const void *bytes, size_t size)
{
    const char *text = size ? bytes : "";
    return (struct fuzz_lines){.at = text, .end = text + size};
}

const char *fuzz_line(struct fuzz_lines *lines)
{
    if (lines->at >= lines->end)
        return NULL;
    const char *end = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    size_t size = (size_t)((end ? end : lines->end) - lines->at);
    free(lines->line);
    lines->line = fuzz_copy(lines->at, size);
    lines->at += size + (end != NULL);
    return lines->line;
}

const char *fuzz_rest(struct fuzz_lines *lines)
{
    free(lines->line);
    lines->line = fuzz_copy(lines->at, (size_t)(lines->end - lines->at));
    lines->at = lines->end;
    return lines->line;
}

void fuzz_lines_release(struct fuzz_lines *lines)
{
    free(lines->line);
    lines->line = NULL;
}

static const struct store_reply *element(const char *line)
{
    char *end = NULL;
    if (strcmp(line, "(nil)") == 0)
        return reply_nil();
    if (*line != ':')
        return reply_text(line);
    errno = 0;
    long long number = strtoll(line + 1, &end, 10);
    if (end == line + 1 || *end || errno)
        return reply_text(line);
    struct store_reply *reply = reply_new(STORE_INT);
    reply->integer = number;
    return reply;
}

const struct store_reply *fuzz_reply(struct fuzz_lines *lines)
{
    struct store_reply *reply = reply_new(STORE_ARRAY);
    const struct store_reply **elements = replies_keep(mem_calloc(FUZZ_REPLY_MAX, sizeof(const struct store_reply *)));
    const char *line;
    while (reply->count < FUZZ_REPLY_MAX && (line = fuzz_line(lines)) != NULL)
        elements[reply->count++] = element(line);
    reply->elements = elements;
    return reply;
}

void fuzz_reply_release(void)
{
    replies_free();
}
