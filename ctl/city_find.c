/* See city_find.h. A name is looked for in every shard; an id has one. */
#include "city_find.h"

#include "city.pb-c.h"
#include "city_table.h"
#include "error.h"
#include "plain.h"
#include "shard.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CITY_MAX_BYTES 4096

struct search {
    struct context *context;
    const struct installation *installation;
    char name[PLAIN_BYTES]; /* as wanted, plain */
    char country[3];        /* small letters; "": any */
    struct city_found *found;
    size_t count;
    struct buf list; /* of the first of several */
};

static Isobar__V1__City *decode(const struct store_reply *record)
{
    if (record->type != STORE_TEXT || record->size > CITY_MAX_BYTES)
        return NULL;
    return isobar__v1__city__unpack(NULL, record->size, (const uint8_t *)record->text);
}

static void fill(struct city_found *found, const Isobar__V1__City *city)
{
    text_copy(found->name, sizeof found->name, city->name);
    text_copy(found->country, sizeof found->country, city->country);
    text_copy(found->zone, sizeof found->zone, city->zone);
}

static int find_id(const struct search *search)
{
    char key[CONTEXT_KEY_BYTES], field[24];
    struct city_found *found = search->found;
    found->partition = shard_of_city(found->city_id, search->installation->partitions);
    snprintf(field, sizeof field, "%" PRId64, found->city_id);
    struct store_reply *reply = CONTEXT_ASK(
        search->context, "HGET", context_partition_key(search->context, found->partition, "cities", key), field);
    if (!reply)
        return search->context->exit_code;
    Isobar__V1__City *city = decode(reply);
    if (city)
        fill(found, city);
    isobar__v1__city__free_unpacked(city, NULL);
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

static bool fits(const struct search *search, const Isobar__V1__City *city)
{
    char country[PLAIN_BYTES], name[PLAIN_BYTES], ascii[PLAIN_BYTES];
    if (*search->country && strcmp(plain_text(city->country, country), search->country) != 0)
        return false;
    return strcmp(plain_text(city->name, name), search->name) == 0 ||
           strcmp(plain_text(city->ascii_name, ascii), search->name) == 0;
}

static void take(struct search *search, const Isobar__V1__City *city, int32_t partition)
{
    char name[CITY_FIND_NAME_BYTES];
    if (search->count++ == 0) {
        search->found->city_id = city->city_id;
        search->found->partition = partition;
        fill(search->found, city);
    }
    text_copy(name, sizeof name, city->name);
    if (search->count <= CITY_FIND_SHOWN)
        buf_printf(&search->list, "\n  %" PRId64 " %s, %.2s (%s, population %" PRId64 ")", city->city_id, name,
                   city->country, city->zone, city->population);
    else if (search->count == CITY_FIND_SHOWN + 1)
        buf_text(&search->list, "\n  ...");
}

static int find_name_in(struct search *search, int32_t partition)
{
    char key[CONTEXT_KEY_BYTES];
    struct store_reply *reply =
        CONTEXT_ASK(search->context, "HVALS", context_partition_key(search->context, partition, "cities", key));
    if (!reply)
        return search->context->exit_code;
    for (size_t i = 0; i < reply->count; i++) {
        Isobar__V1__City *city = decode(reply->elements[i]);
        if (city && fits(search, city))
            take(search, city, partition);
        isobar__v1__city__free_unpacked(city, NULL);
    }
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

static int find_name(struct search *search, const char *text)
{
    const char *comma = strrchr(text, ',');
    char name[PLAIN_BYTES];
    snprintf(name, sizeof name, "%s", text);
    if (comma && strlen(comma) == 3 && (size_t)(comma - text) < sizeof name) {
        char country[PLAIN_BYTES];
        name[comma - text] = '\0';
        memcpy(search->country, plain_text(comma + 1, country), 3);
    }
    plain_text(name, search->name);
    for (int32_t p = 0; p < search->installation->partitions; p++) {
        if (find_name_in(search, p) != EXIT_CODE_OK)
            return search->context->exit_code;
    }
    if (search->count == 0)
        return context_fail(search->context, EXIT_CODE_USAGE, "no city of the catalogue is called \"%s\"", text);
    if (search->count > 1)
        return context_fail(search->context, EXIT_CODE_USAGE,
                            "%zu cities are called \"%s\": give the id, or the country as in \"%s,US\"%s",
                            search->count, text, name, search->list.data);
    return EXIT_CODE_OK;
}

int city_find(struct context *context, const struct installation *installation, const char *text,
              struct city_found *out)
{
    struct search search = {.context = context, .installation = installation, .found = out, .list = BUF_EMPTY};
    char *end = NULL;
    *out = (struct city_found){0};
    errno = 0;
    long long id = strtoll(text, &end, 10);
    int code;
    if (*text < '0' || *text > '9' || *end) {
        code = find_name(&search, text);
    } else if (errno || id < 1 || id > CITY_TABLE_ID_MAX) {
        code = context_fail(context, EXIT_CODE_USAGE, "\"%s\": no city has that id", text);
    } else {
        out->city_id = id;
        code = find_id(&search);
    }
    buf_release(&search.list);
    return code;
}
