/* Which cities a text finds, and in which order. */
#include "../../ctl/city_search.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const struct {
    int64_t id;
    const char *name, *ascii, *country;
    int64_t population;
} places[] = {
    {1, "Bogotá", "Bogota", "CO", 7000000},
    {2, "München", "Munich", "DE", 1200000},
    {3, "Münster", "Muenster", "DE", 270000},
    {4, "Mūnchenbuchsee", "Munchenbuchsee", "CH", 9000},
    {5, "Neu München", "Neu Munchen", "DE", 10},
    {6, "Altmunchenhof", "Altmunchenhof", "DE", 20},
    {7, "Buenos Aires", "Buenos Aires", "AR", 13000000},
    {8, "東京", "Tokyo", "JP", 8000000},
    {9, "Saint-Étienne", "Saint-Etienne", "FR", 170000},
    {10, "Portland", "Portland", "US", 650000},
    {11, "Portland", "Portland", "AU", 9000},
    {12, "Nový Portland", "Novy Portland", "CZ", 0},
};
#define PLACES (sizeof places / sizeof *places)

static int make(void **state)
{
    struct city_list *list = mem_calloc(1, sizeof *list);
    list->entries = mem_calloc(PLACES, sizeof *list->entries);
    list->count = list->capacity = PLACES;
    for (size_t i = 0; i < PLACES; i++) {
        struct city_row *row = &list->entries[i].row;
        row->id = places[i].id;
        row->name = mem_strdup(places[i].name);
        row->ascii_name = mem_strdup(places[i].ascii);
        memcpy(row->country, places[i].country, 3);
        row->population = places[i].population;
    }
    list->entries[5].paused = true;
    *state = list;
    return 0;
}

static int release(void **state)
{
    city_list_release(*state);
    free(*state);
    return 0;
}

/* The ids that are found, as text. */
static void ids(const struct city_list *list, const char *text, const char *country, char out[256])
{
    struct city_query query;
    const struct city_entry *found[PLACES];
    size_t used = 0;
    assert_true(city_query_make(&query, text, country));
    size_t count = city_search(&query, list, found);
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(out + used, 256 - used, "%s%d", i ? " " : "", (int)found[i]->row.id);
}

static void names_are_found_best_first(void **state)
{
    static const struct {
        const char *text, *country, *found;
    } rows[] = {
        {"bogota", "", "1"},
        {"Bogotá", "", "1"},
        {"BOGOTA\xcc\x81", "", "1"}, /* a and a combining acute */
        {"Munchen", "", "2 4 5 6"},  /* whole, beginning, a word, inside */
        {"München", "", "2 4 5 6"},
        {"Muenchen", "", "2 4 6 5"}, /* only with the umlaut undone: the more populous first */
        {"Muenster", "", "3"},
        {"munster", "", "3"},
        {"munich", "", "2"},
        {"buenos", "", "7"},
        {"東", "", "8"},
        {"tok", "", "8"},
        {"etienne", "", "9"},
        {"portland", "", "10 11 12"},
        {"portland", "au", "11"},
        {"portland", "DE", ""},
        {"zz", "", ""},
        {"", "DE", "2 3 6 5"},
        {"%s%n\x1b", "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[256];
        ids(*state, rows[i].text, rows[i].country, out);
        if (strcmp(out, rows[i].found) != 0)
            fail_msg("%s: %s instead of %s", rows[i].text, out, rows[i].found);
    }
}

static void what_no_query_can_be(void **state)
{
    struct city_query query;
    char large[CITY_TABLE_NAME_BYTES + 2];
    (void)state;
    memset(large, 'a', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    assert_false(city_query_make(&query, large, ""));
    assert_false(city_query_make(&query, "\xff", ""));
    assert_false(city_query_make(&query, "a", "D"));
    assert_false(city_query_make(&query, "a", "DEU"));
    assert_false(city_query_make(&query, "a", "D1"));
}

static void paused_ones_only(void **state)
{
    struct city_query query;
    const struct city_entry *found[PLACES];
    assert_true(city_query_make(&query, "", ""));
    query.paused = true;
    assert_int_equal(city_search(&query, *state, found), 1);
    assert_int_equal(found[0]->row.id, 6);
}

static void cities_are_found_by_id(void **state)
{
    struct city_list *list = *state, empty = {0};
    struct city_entry first = list->entries[0];
    list->entries[0] = list->entries[7];
    list->entries[7] = first;
    city_list_sort(list);
    for (size_t i = 0; i < PLACES; i++)
        assert_string_equal(city_list_find(list, places[i].id)->row.name, places[i].name);
    assert_null(city_list_find(list, 13));
    city_list_sort(&empty);
    assert_null(city_list_find(&empty, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_found_best_first, make, release),
        cmocka_unit_test(what_no_query_can_be),
        cmocka_unit_test_setup_teardown(paused_ones_only, make, release),
        cmocka_unit_test_setup_teardown(cities_are_found_by_id, make, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
