/*
 * Which cities fit what an operator typed, best first. Names are compared plain (plain.h), so "bogota" finds "Bogotá";
 * a text with "ae", "oe" or "ue" finds umlauts as well ("Muenchen"), after everything that has it literally. Pure.
 */
#ifndef CTL_CITY_SEARCH_H
#define CTL_CITY_SEARCH_H

#include "city_list.h"
#include "plain.h"

#include <stdbool.h>
#include <stddef.h>

/* How well a name fits, the best first. */
enum city_fit { CITY_FIT_WHOLE, CITY_FIT_BEGIN, CITY_FIT_WORD, CITY_FIT_INSIDE, CITY_FIT_UMLAUT, CITY_FIT_NONE };

struct city_query {
    char text[PLAIN_BYTES];    /* plain; "": every city fits */
    char umlauts[PLAIN_BYTES]; /* the same with umlauts undone; "": it has none */
    char country[3];           /* capitals; "": any */
    bool paused;               /* only paused ones */
};

/* A query of that text (UTF-8) and country (two letters or ""). False when either cannot be one. */
bool city_query_make(struct city_query *query, const char *text, const char *country);
/* How well the city fits: its name or its ASCII name, whichever does better. CITY_FIT_NONE: not at all. */
enum city_fit city_fit_of(const struct city_query *query, const struct city_entry *entry);
/*
 * The cities that fit, as pointers into `list`, which must stay: by fit, then the more populous first, then by name and
 * id. `found` has room for all of the list. Returns how many there are.
 */
size_t city_search(const struct city_query *query, const struct city_list *list, const struct city_entry **found);

#endif
