/* See city_search.h. A pass over all names: 100,000 take some 50 ms, which no index would be worth. */
#include "city_search.h"

#include "mem.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct hit {
    const struct city_entry *entry;
    enum city_fit fit;
};

bool city_query_make(struct city_query *query, const char *text, const char *country)
{
    *query = (struct city_query){0};
    if (!text_is_utf8(text) || strlen(text) > CITY_TABLE_NAME_BYTES || (*country && strlen(country) != 2))
        return false;
    for (int i = 0; i < 2 && country[i]; i++) {
        char letter = country[i] >= 'a' && country[i] <= 'z' ? (char)(country[i] - 'a' + 'A') : country[i];
        if (letter < 'A' || letter > 'Z')
            return false;
        query->country[i] = letter;
    }
    plain_text(text, query->text);
    memcpy(query->umlauts, query->text, sizeof query->umlauts);
    if (!plain_undo_umlauts(query->umlauts))
        query->umlauts[0] = '\0';
    return true;
}

/* Words begin behind anything in ASCII that is neither letter nor digit. */
static bool begins_word(const char *text, const char *at)
{
    unsigned char before = at == text ? ' ' : (unsigned char)at[-1];
    return before < 0x80 && !(before >= 'a' && before <= 'z') && !(before >= '0' && before <= '9');
}

static enum city_fit fit_in(const char *wanted, const char *name)
{
    const char *at = strstr(name, wanted);
    if (!at)
        return CITY_FIT_NONE;
    if (at == name)
        return strlen(name) == strlen(wanted) ? CITY_FIT_WHOLE : CITY_FIT_BEGIN;
    for (; at; at = strstr(at + 1, wanted)) {
        if (begins_word(name, at))
            return CITY_FIT_WORD;
    }
    return CITY_FIT_INSIDE;
}

static enum city_fit fit_name(const struct city_query *query, const char *text)
{
    char name[PLAIN_BYTES];
    enum city_fit fit = fit_in(query->text, plain_text(text, name));
    if (fit != CITY_FIT_NONE || !query->umlauts[0])
        return fit;
    (void)plain_undo_umlauts(name);
    return strstr(name, query->umlauts) ? CITY_FIT_UMLAUT : CITY_FIT_NONE;
}

enum city_fit city_fit_of(const struct city_query *query, const struct city_entry *entry)
{
    const struct city_row *row = &entry->row;
    if ((*query->country && strcmp(query->country, row->country) != 0) || (query->paused && !entry->paused))
        return CITY_FIT_NONE;
    if (!*query->text)
        return CITY_FIT_WHOLE;
    enum city_fit fit = fit_name(query, row->name);
    enum city_fit ascii = strcmp(row->name, row->ascii_name) == 0 ? fit : fit_name(query, row->ascii_name);
    return ascii < fit ? ascii : fit;
}

static int by_fit(const void *left, const void *right)
{
    const struct hit *a = left, *b = right;
    if (a->fit != b->fit)
        return a->fit < b->fit ? -1 : 1;
    if (a->entry->row.population != b->entry->row.population)
        return a->entry->row.population > b->entry->row.population ? -1 : 1;
    int names = strcmp(a->entry->row.name, b->entry->row.name);
    return names ? names : (a->entry->row.id > b->entry->row.id) - (a->entry->row.id < b->entry->row.id);
}

size_t city_search(const struct city_query *query, const struct city_list *list, const struct city_entry **found)
{
    struct hit *hits = mem_calloc(list->count + 1, sizeof *hits);
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        enum city_fit fit = city_fit_of(query, &list->entries[i]);
        if (fit != CITY_FIT_NONE)
            hits[count++] = (struct hit){&list->entries[i], fit};
    }
    qsort(hits, count, sizeof *hits, by_fit);
    for (size_t i = 0; i < count; i++)
        found[i] = hits[i].entry;
    free(hits);
    return count;
}
