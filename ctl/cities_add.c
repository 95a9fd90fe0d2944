/*
 * isobarctl cities add: one city, known by its GeoNames id or written out in options. What is not given comes from the
 * catalogue, or else from the table of known places.
 */
#include "cities.h"
#include "city_edit.h"
#include "city_show.h"
#include "error.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_STATION "none" /* takes away the one that a city has */

/* What is known of a city before the options are looked at. */
struct addition {
    struct cities *cities;
    int64_t id;
    struct city_row row; /* as it shall be */
    struct city_entry before;
    bool there, good; /* it is in the catalogue; its record can be read */
};

static void copy_row(struct city_row *to, const struct city_row *from)
{
    *to = *from;
    to->name = mem_strdup(from->name);
    to->ascii_name = mem_strdup(from->ascii_name);
}

/* The given options' values into the row. Those of the name make the ASCII form anew. */
static int take_options(struct addition *addition)
{
    const struct cities_options *options = addition->cities->options;
    bool no_station = strcmp(options->station, NO_STATION) == 0;
    const struct {
        const char *option, *column, *text;
    } given[] = {{"name", "name", options->name},
                 {"ascii-name", "ascii_name", options->ascii_name},
                 {"latitude", "lat", options->latitude},
                 {"longitude", "lon", options->longitude},
                 {"zone", "zone", options->zone},
                 {"country", "country", options->country},
                 {"elevation", "elevation_m", options->elevation},
                 {"station", "station", no_station ? "" : options->station}};
    if (no_station)
        addition->row.station[0] = '\0';
    if (*options->name && !*options->ascii_name) {
        free(addition->row.ascii_name);
        addition->row.ascii_name = NULL;
    }
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        const char *wanted = *given[i].text ? city_row_set(&addition->row, given[i].column, given[i].text) : NULL;
        if (!wanted)
            continue;
        addition->cities->fault = given[i].option;
        return context_fail(&addition->cities->context, EXIT_CODE_USAGE, "--%s \"%s\": %s wanted", given[i].option,
                            given[i].text, wanted);
    }
    return EXIT_CODE_OK;
}

/* A place that nothing is known of must be written out. */
static int check_written_out(struct addition *addition)
{
    const struct cities_options *options = addition->cities->options;
    const struct {
        const char *option, *text;
    } wanted[] = {{"name", options->name},
                  {"latitude", options->latitude},
                  {"longitude", options->longitude},
                  {"zone", options->zone},
                  {"country", options->country}};
    addition->cities->fault = addition->id <= CITIES_OWN_ID ? "id" : NULL;
    if (addition->id <= CITIES_OWN_ID)
        return context_fail(&addition->cities->context, EXIT_CODE_USAGE,
                            "%" PRId64 ": the table of known places has no such id. isobarctl cities search --known "
                            "finds one; a place of your own takes an id above %" PRId64 " and --name, --latitude, "
                            "--longitude, --zone and --country; other places of GeoNames come with isobarctl cities "
                            "import",
                            addition->id, CITIES_OWN_ID);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (*wanted[i].text)
            continue;
        addition->cities->fault = wanted[i].option;
        return context_fail(&addition->cities->context, EXIT_CODE_USAGE,
                            "%" PRId64 " is a place of your own and new: --%s is wanted", addition->id,
                            wanted[i].option);
    }
    return EXIT_CODE_OK;
}

/* Fills the row with what is known of the city. */
static int take_known(struct addition *addition)
{
    struct cities *cities = addition->cities;
    if (addition->good) {
        copy_row(&addition->row, &addition->before.row);
        return EXIT_CODE_OK;
    }
    struct city_list known = {0};
    int code = addition->id <= CITIES_OWN_ID ? cities_read_known(cities, &known) : EXIT_CODE_OK;
    const struct city_entry *place = city_list_find(&known, addition->id);
    if (code == EXIT_CODE_OK && place)
        copy_row(&addition->row, &place->row);
    else if (code == EXIT_CODE_OK)
        code = check_written_out(addition);
    city_list_release(&known);
    addition->row.id = addition->id;
    return code;
}

static int complete(struct addition *addition)
{
    struct cities *cities = addition->cities;
    const char *zoneinfo = cities->options->zoneinfo;
    int code = take_options(addition);
    if (code != EXIT_CODE_OK)
        return code;
    cities->fault = "ascii-name";
    if (!city_row_complete(&addition->row))
        return context_fail(&cities->context, EXIT_CODE_USAGE,
                            "--name \"%s\" has letters without an ASCII form: --ascii-name is wanted",
                            addition->row.name);
    cities->fault = "zone";
    if (!city_zone_known(zoneinfo, addition->row.zone))
        return context_fail(&cities->context, EXIT_CODE_USAGE, "--zone \"%s\": there is no such time zone in %s",
                            addition->row.zone, zoneinfo);
    cities->fault = NULL;
    return EXIT_CODE_OK;
}

static int check_room(struct cities *cities, bool there)
{
    int64_t count;
    if (there)
        return EXIT_CODE_OK;
    int code = cities_count_all(cities, &count);
    return code == EXIT_CODE_OK ? cities_check_limit(cities, count, 1) : code;
}

static void print(const struct addition *addition, const char *changes, int64_t version)
{
    char name[CITY_SHOW_BYTES];
    const struct cities *cities = addition->cities;
    const char *what = !addition->there ? "added" : *changes || !addition->good ? "changed" : "unchanged";
    struct city_entry entry = {.row = addition->row, .paused = addition->good && addition->before.paused};
    struct buf out = BUF_EMPTY;
    entry.shard = addition->there && addition->good ? addition->before.shard : -1;
    if (cities->options->json) {
        buf_printf(&out, "{\"what\":\"%s\",\"city\":", what);
        city_show_json(&entry, &out);
        buf_printf(&out, ",\"catalogue_version\":%" PRId64 "}", version);
    } else {
        buf_printf(&out, "%s is %s", city_show_name(&addition->row, name), what);
        if (*changes)
            buf_printf(&out, ": %s", changes);
        if (entry.paused)
            buf_text(&out, "; it stays paused");
        buf_printf(&out, " (catalogue version %" PRId64 ")", version);
    }
    context_answer(&cities->context, out.data);
    buf_release(&out);
}

static int write(struct addition *addition)
{
    char name[CITY_SHOW_BYTES];
    struct cities *cities = addition->cities;
    struct buf changes = BUF_EMPTY, detail = BUF_EMPTY;
    struct city_edit edit = {
        .id = addition->id, .row = &addition->row, .paused = addition->good && addition->before.paused};
    int64_t version;
    if (addition->good)
        city_show_changes(&addition->row, &addition->before.row, &changes);
    buf_printf(&detail, "%s: ", city_show_name(&addition->row, name));
    if (changes.size) {
        buf_text(&detail, changes.data);
    } else {
        city_show_coordinates(&addition->row, &detail);
        buf_printf(&detail, ", %s", addition->row.zone);
    }
    struct city_note note = {addition->there ? "city_change" : "city_add", detail.data};
    bool same = addition->good && !changes.size;
    int code = city_edit_write(&cities->context, &cities->installation, &edit, same ? 0 : 1, &note, &version);
    if (code == EXIT_CODE_OK)
        print(addition, changes.data, version);
    buf_release(&changes);
    buf_release(&detail);
    return code;
}

int cities_add(struct cities *cities, char *const *words)
{
    struct addition addition = {.cities = cities};
    const char *wanted = city_row_set(&addition.row, "id", words[0]);
    if (wanted) {
        cities->fault = "id";
        return context_fail(&cities->context, EXIT_CODE_USAGE, "\"%s\": %s wanted", words[0], wanted);
    }
    addition.id = addition.row.id;
    int code = cities_open_to_change(cities);
    if (code == EXIT_CODE_OK)
        code = cities_read_entry(cities, addition.id, &addition.before, &addition.there, &addition.good);
    if (code == EXIT_CODE_OK)
        code = take_known(&addition);
    if (code == EXIT_CODE_OK)
        code = complete(&addition);
    if (code == EXIT_CODE_OK)
        code = check_room(cities, addition.there);
    if (code == EXIT_CODE_OK)
        code = write(&addition);
    city_row_release(&addition.row);
    if (addition.good)
        city_row_release(&addition.before.row);
    return code;
}
