/* See edition.h. */
#include "edition.h"

#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_BYTES 32
#define KEY_BYTES   256
#define FIRST       2 /* fields before those of the shards */

void edition_init(struct edition *edition, int32_t count)
{
    *edition = (struct edition){.count = count};
    edition->shards = mem_calloc((size_t)count, sizeof *edition->shards);
}

void edition_release(struct edition *edition)
{
    free(edition->shards);
    *edition = (struct edition){0};
}

void edition_forget(struct edition *edition)
{
    edition->version = 0;
    memset(edition->shards, 0, (size_t)edition->count * sizeof *edition->shards);
}

void edition_ask(const struct edition *edition, struct store *store, const char *prefix, store_reply_fn *fn, void *arg)
{
    char key[KEY_BYTES];
    size_t count = 0;
    const char **words = mem_calloc((size_t)edition->count + 2 + FIRST, sizeof *words);
    char(*fields)[FIELD_BYTES] = mem_calloc((size_t)edition->count + 1, sizeof *fields);
    snprintf(key, sizeof key, "%smeta", prefix);
    words[count++] = "HMGET";
    words[count++] = key;
    words[count++] = "catalogue_version";
    words[count++] = "catalogue_shards";
    for (int32_t i = 0; i < edition->count; i++) {
        snprintf(fields[i], sizeof fields[i], "catalogue_of_%d", i);
        words[count++] = fields[i];
    }
    store_command(store, count, words, NULL, fn, arg);
    free(fields);
    free(words);
}

/* A version above 0, or 0. */
static int64_t version_of(const struct store_reply *value)
{
    char *end = NULL;
    if (value->type != STORE_TEXT || value->size == 0)
        return 0;
    errno = 0;
    long long version = strtoll(value->text, &end, 10);
    return errno == 0 && *end == '\0' && version > 0 ? version : 0;
}

bool edition_take(struct edition *edition, const struct store_reply *reply, bool *changed)
{
    bool shaped = reply->type == STORE_ARRAY && reply->count == FIRST + (size_t)edition->count;
    int64_t version = shaped ? version_of(reply->elements[0]) : 0;
    bool known = version > 0 && version_of(reply->elements[1]) == version;
    if (version)
        edition->version = version;
    for (int32_t i = 0; i < edition->count; i++) {
        int64_t now = known ? version_of(reply->elements[FIRST + i]) : 0;
        changed[i] = now == 0 || now != edition->shards[i];
        edition->shards[i] = now;
    }
    return known;
}
