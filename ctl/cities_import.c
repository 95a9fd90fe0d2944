/*
 * isobarctl cities import: a table of cities into the catalogue, which keeps those that the table does not name. All
 * checks come before the first write.
 */
#include "cities.h"
#include "city_edit.h"
#include "city_show.h"
#include "error.h"
#include "mem.h"
#include "plain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_SHOWN 200

struct import {
    struct cities *cities;
    struct city_table table;
    struct city_list there;
    struct city_edit *edits;
    size_t edit_count;
    int64_t added, changed, unchanged;
};

static bool same(const struct city_row *a, const struct city_row *b)
{
    struct buf changes = BUF_EMPTY;
    city_show_changes(a, b, &changes);
    bool none = changes.size == 0;
    buf_release(&changes);
    return none;
}

/* What the table has that the catalogue has not, or has otherwise. That a city is paused stays. */
static void compare(struct import *import)
{
    city_list_sort(&import->there);
    import->edits = mem_calloc(import->table.count, sizeof *import->edits);
    for (size_t i = 0; i < import->table.count; i++) {
        const struct city_row *row = &import->table.rows[i];
        const struct city_entry *before = city_list_find(&import->there, row->id);
        if (before && same(row, &before->row)) {
            import->unchanged++;
            continue;
        }
        import->added += !before;
        import->changed += before != NULL;
        import->edits[import->edit_count++] =
            (struct city_edit){.id = row->id, .row = row, .paused = before && before->paused};
    }
}

static int put(struct import *import, const char *file, int64_t *version)
{
    char shown[FILE_SHOWN];
    struct cities *cities = import->cities;
    struct buf detail = BUF_EMPTY;
    buf_printf(&detail, "%s: %" PRId64 " added, %" PRId64 " changed, %" PRId64 " as they were, %zu rows left out",
               plain_shown(file, shown, sizeof shown), import->added, import->changed, import->unchanged,
               import->table.skipped);
    struct city_note note = {"city_import", detail.data};
    int code =
        city_edit_write(&cities->context, &cities->installation, import->edits, import->edit_count, &note, version);
    if (code == EXIT_CODE_OK && !cities->options->json)
        printf("%s (catalogue version %" PRId64 ")\n", detail.data, *version);
    buf_release(&detail);
    return code;
}

static int run(struct import *import, const char *file)
{
    struct cities *cities = import->cities;
    int64_t version;
    int code = cities_read_table(cities, file, cities->options->skip_bad, &import->table);
    if (code == EXIT_CODE_OK)
        code = cities_open_to_change(cities);
    if (code == EXIT_CODE_OK)
        code = city_list_read(&import->there, &cities->context, &cities->installation);
    if (code != EXIT_CODE_OK)
        return code;
    compare(import);
    code = cities_check_limit(cities, (int64_t)import->there.count, import->added);
    if (code == EXIT_CODE_OK)
        code = put(import, file, &version);
    if (code == EXIT_CODE_OK && cities->options->json)
        printf("{\"added\":%" PRId64 ",\"changed\":%" PRId64 ",\"unchanged\":%" PRId64
               ",\"left_out\":%zu,\"catalogue_version\":%" PRId64 "}\n",
               import->added, import->changed, import->unchanged, import->table.skipped, version);
    return code;
}

int cities_import(struct cities *cities, char *const *words)
{
    struct import import = {.cities = cities};
    int code = run(&import, words[0]);
    free(import.edits);
    city_list_release(&import.there);
    city_table_release(&import.table);
    return code;
}
