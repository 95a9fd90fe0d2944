/* isobarctl cities search and list: what the catalogue has, or the table of known places. */
#include "cities.h"
#include "city_search.h"
#include "city_show.h"
#include "error.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SEARCH_SHOWN 20

static int by_id(const void *left, const void *right)
{
    int64_t a = (*(const struct city_entry *const *)left)->row.id,
            b = (*(const struct city_entry *const *)right)->row.id;
    return (a > b) - (a < b);
}

/* The first `shown` of `count` that were found. */
static void print(const struct cities *cities, const struct city_entry *const *found, size_t count, size_t shown)
{
    struct buf out = BUF_EMPTY;
    bool json = cities->options->json;
    if (json)
        buf_text(&out, "{\"cities\":[");
    else if (shown > 0)
        city_show_head(&out);
    for (size_t i = 0; i < shown; i++) {
        if (json && i > 0)
            buf_byte(&out, ',');
        if (json)
            city_show_json(found[i], &out);
        else
            city_show_line(found[i], &out);
    }
    if (json)
        buf_printf(&out, "],\"found\":%zu}\n", count);
    else if (shown < count)
        buf_printf(&out, "%zu more: --limit shows them\n", count - shown);
    fputs(out.data, stdout);
    buf_release(&out);
}

static int read_list(struct cities *cities, struct city_list *list)
{
    if (cities->options->known)
        return cities_read_known(cities, list);
    int code = cities_open(cities);
    if (code == EXIT_CODE_OK)
        code = city_list_read(list, &cities->context, &cities->installation);
    if (code == EXIT_CODE_OK && list->unreadable)
        context_warn(&cities->context, "%zu damaged records are left out: isobarctl cities import writes them anew",
                     list->unreadable);
    return code;
}

static int show(struct cities *cities, const char *text, bool search)
{
    const struct cities_options *options = cities->options;
    struct city_query query;
    struct city_list list = {0};
    if (!city_query_make(&query, text, options->country))
        return context_fail(&cities->context, EXIT_CODE_USAGE,
                            "UTF-8 of at most %d bytes is wanted, and two letters as --country", CITY_TABLE_NAME_BYTES);
    query.paused = options->paused;
    int code = read_list(cities, &list);
    if (code == EXIT_CODE_OK) {
        const struct city_entry **found = mem_calloc(list.count + 1, sizeof *found);
        size_t count = city_search(&query, &list, found), most = (size_t)options->limit;
        if (most == 0)
            most = search ? SEARCH_SHOWN : count;
        if (!search)
            qsort(found, count, sizeof *found, by_id);
        print(cities, found, count, count < most ? count : most);
        if (search && count == 0) {
            if (!options->json)
                puts("no city is called so");
            code = EXIT_CODE_FAILURE;
        }
        free(found);
    }
    city_list_release(&list);
    return code;
}

int cities_search(struct cities *cities, char *const *words)
{
    return show(cities, words[0], true);
}

int cities_list(struct cities *cities, char *const *words)
{
    return show(cities, words[0] ? words[0] : "", false);
}
