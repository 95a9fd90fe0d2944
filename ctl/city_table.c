/*
 * Reads and checks the table of cities (city_table.h). Columns are found by the header, so their order is
 * free; each has one checking function in a table. A fault in one row does not stop the others from being
 * checked; broken CSV does.
 */
#include "city_table.h"

#include "csv.h"
#include "error.h"
#include "mem.h"
#include "text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct reader {
    const struct city_table_source *source;
    struct city_table *table;
    size_t capacity;
    struct csv csv;
    struct buf *error;
    int faults;
    int status;
};

__attribute__((format(printf, 3, 4))) static void fault(struct reader *reader, int line, const char *format, ...)
{
    reader->status = reader->status ? reader->status : ERR_INVALID;
    if (++reader->faults > CITY_TABLE_FAULTS)
        return;
    va_list args;
    va_start(args, format);
    buf_printf(reader->error, "%s%s:%d: ", reader->error->size ? "\n" : "", reader->source->name, line);
    buf_vprintf(reader->error, format, args);
    va_end(args);
}

/* ---- cells ---- */

/* A whole number without sign plus, blanks or leading zeros, within [low, high]. */
static bool integer(const char *text, int64_t low, int64_t high, int64_t *out)
{
    const char *digits = text + (*text == '-');
    char *end = NULL;
    if (*digits < '0' || *digits > '9' || (*digits == '0' && digits[1] != '\0'))
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < low || number > high)
        return false;
    *out = number;
    return true;
}

/* Degrees with at most 5 decimals, exactly; no floating point, so that 0.1 is 0.1. */
static bool degrees(const char *text, int32_t limit, int32_t *out)
{
    const char *p = text + (*text == '-');
    int64_t whole = 0, fraction = 0, digits = 0, decimals = 0;
    for (; *p >= '0' && *p <= '9' && digits < 4; p++, digits++)
        whole = whole * 10 + (*p - '0');
    if (digits == 0 || digits > 3)
        return false;
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9' && decimals < 6; p++, decimals++)
            fraction = fraction * 10 + (*p - '0');
        if (decimals == 0 || decimals > 5)
            return false;
    }
    for (; decimals < 5; decimals++)
        fraction *= 10;
    int64_t value = whole * 100000 + fraction;
    *out = (int32_t)(*text == '-' ? -value : value);
    return *p == '\0' && value <= (int64_t)limit * 100000;
}

/* Not empty, within the size, valid UTF-8, without control characters and without blanks around it. */
static bool name_valid(const char *text)
{
    size_t size = strlen(text);
    if (size == 0 || size > CITY_TABLE_NAME_BYTES || text[0] == ' ' || text[size - 1] == ' ')
        return false;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
            return false;
    }
    return text_is_utf8(text);
}

static bool ascii_valid(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p > 0x7e)
            return false;
    }
    return name_valid(text);
}

static bool zone_named(const char *text)
{
    size_t size = strlen(text);
    if (size == 0 || size >= sizeof((struct city_row *)NULL)->zone || *text == '/' || *text == '.' ||
        strstr(text, "..") || strstr(text, "//"))
        return false;
    for (const char *p = text; *p; p++) {
        bool letter = (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');
        if (!letter && !(*p >= '0' && *p <= '9') && !strchr("/_+-", *p))
            return false;
    }
    return true;
}

/* A file of the compiled form, which starts with TZif: the folder also has tables of text. */
static bool zone_known(const char *zoneinfo, const char *zone)
{
    char path[512], magic[4];
    if (snprintf(path, sizeof path, "%s/%s", zoneinfo, zone) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    bool good = fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
    fclose(file);
    return good;
}

/* ---- columns ---- */

static bool take_id(struct city_row *row, const char *text)
{
    return integer(text, 1, CITY_TABLE_ID_MAX, &row->id);
}

static bool take_name(struct city_row *row, const char *text)
{
    row->name = mem_strdup(text);
    return name_valid(text);
}

static bool take_ascii_name(struct city_row *row, const char *text)
{
    row->ascii_name = mem_strdup(text);
    return ascii_valid(text);
}

static bool take_country(struct city_row *row, const char *text)
{
    bool good = strlen(text) == 2 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z';
    if (good)
        memcpy(row->country, text, 3);
    return good;
}

static bool take_lat(struct city_row *row, const char *text)
{
    return degrees(text, 90, &row->latitude_e5);
}

static bool take_lon(struct city_row *row, const char *text)
{
    return degrees(text, 180, &row->longitude_e5);
}

static bool take_elevation(struct city_row *row, const char *text)
{
    int64_t value = 0;
    row->elevation_known = *text != '\0';
    bool good = !row->elevation_known || integer(text, -500, 9000, &value);
    row->elevation_m = (int32_t)value;
    return good;
}

static bool take_population(struct city_row *row, const char *text)
{
    return integer(text, 0, 100000000, &row->population);
}

static bool take_zone(struct city_row *row, const char *text)
{
    if (!zone_named(text))
        return false;
    memcpy(row->zone, text, strlen(text) + 1);
    return true;
}

static const struct column {
    const char *name;
    bool (*take)(struct city_row *row, const char *text);
    const char *wanted;
} columns[] = {
    {"id", take_id, "a whole number from 1 to 9007199254740991"},
    {"name", take_name, "1 to 200 bytes of UTF-8 without control characters, and without blanks around it"},
    {"ascii_name", take_ascii_name, "1 to 200 printable ASCII characters, without blanks around it"},
    {"country", take_country, "two capitals (ISO 3166-1 alpha-2)"},
    {"lat", take_lat, "degrees from -90 to 90 with at most 5 decimals"},
    {"lon", take_lon, "degrees from -180 to 180 with at most 5 decimals"},
    {"elevation_m", take_elevation, "empty, or a whole number from -500 to 9000"},
    {"population", take_population, "a whole number from 0 to 100000000"},
    {"zone", take_zone, "the name of an IANA time zone"},
};
#define COLUMNS (sizeof columns / sizeof *columns)

/* ---- rows ---- */

static void row_release(struct city_row *row)
{
    free(row->name);
    free(row->ascii_name);
}

void city_table_release(struct city_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        row_release(&table->rows[i]);
    free(table->rows);
    *table = (struct city_table){0};
}

/* Fills `order`: order[i] is the column of the i-th field. False after saying what is wrong. */
static bool read_header(struct reader *reader, size_t order[COLUMNS])
{
    const struct csv *csv = &reader->csv;
    bool seen[COLUMNS] = {false};
    for (size_t i = 0; i < csv->count; i++) {
        size_t column = 0;
        while (column < COLUMNS && strcmp(columns[column].name, csv->fields[i]) != 0)
            column++;
        if (column == COLUMNS || seen[column]) {
            fault(reader, csv->line, "the header has %s column \"%.64s\"",
                  column == COLUMNS ? "an unknown" : "twice the", csv->fields[i]);
            return false;
        }
        seen[column] = true;
        order[i] = column;
    }
    for (size_t column = 0; column < COLUMNS; column++) {
        if (!seen[column]) {
            fault(reader, csv->line, "the header lacks the column \"%s\"", columns[column].name);
            return false;
        }
    }
    return true;
}

static void take_row(struct reader *reader, const size_t order[COLUMNS])
{
    const struct csv *csv = &reader->csv;
    struct city_table *table = reader->table;
    if (csv->count != COLUMNS) {
        if (csv->count == 1 && csv->fields[0][0] == '\0')
            fault(reader, csv->line, "an empty line");
        else
            fault(reader, csv->line, "%zu fields instead of %zu", csv->count, COLUMNS);
        return;
    }
    if (table->count == reader->capacity) {
        reader->capacity = reader->capacity ? reader->capacity * 2 : 64;
        table->rows = mem_grow(table->rows, reader->capacity, sizeof *table->rows);
    }
    struct city_row *row = &table->rows[table->count++];
    *row = (struct city_row){.line = csv->line};
    for (size_t i = 0; i < COLUMNS; i++) {
        const struct column *column = &columns[order[i]];
        if (!column->take(row, csv->fields[i]))
            fault(reader, csv->line, "%s \"%.64s\": %s wanted", column->name, csv->fields[i], column->wanted);
    }
    if (*row->zone && !zone_known(reader->source->zoneinfo, row->zone))
        fault(reader, csv->line, "zone \"%s\" is not in %s", row->zone, reader->source->zoneinfo);
}

struct place {
    int64_t id;
    int line;
};

static int by_id(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static void find_repeats(struct reader *reader)
{
    const struct city_table *table = reader->table;
    struct place *places = mem_calloc(table->count, sizeof *places);
    for (size_t i = 0; i < table->count; i++)
        places[i] = (struct place){table->rows[i].id, table->rows[i].line};
    qsort(places, table->count, sizeof *places, by_id);
    for (size_t i = 1; i < table->count; i++) {
        if (places[i].id == places[i - 1].id && places[i].id != 0) /* 0: a row whose id is a fault */
            fault(reader, places[i].line, "the id %lld stands on line %d already", (long long)places[i].id,
                  places[i - 1].line);
    }
    free(places);
}

/* True when there is a record; broken CSV is a fault and the end. */
static bool next_record(struct reader *reader)
{
    struct buf reason = BUF_EMPTY;
    int more = csv_next(&reader->csv, &reason);
    if (more < 0)
        fault(reader, reader->csv.line, "%s", reason.data);
    buf_release(&reason);
    return more == 1;
}

static void read_rows(struct reader *reader)
{
    size_t order[COLUMNS];
    size_t limit = reader->source->limit;
    if (!next_record(reader)) {
        if (reader->status == 0)
            fault(reader, 1, "the table is empty");
        return;
    }
    if (!read_header(reader, order))
        return;
    while ((limit == 0 || reader->table->count < limit) && next_record(reader)) {
        if (reader->table->count == CITY_TABLE_MAX_ROWS) {
            fault(reader, reader->csv.line, "more than %d cities", CITY_TABLE_MAX_ROWS);
            return;
        }
        take_row(reader, order);
    }
}

int city_table_read(struct city_table *table, FILE *stream, const struct city_table_source *source, struct buf *error)
{
    struct stat folder;
    *table = (struct city_table){0};
    if (stat(source->zoneinfo, &folder) != 0 || !S_ISDIR(folder.st_mode)) {
        buf_printf(error,
                   "%s: the zones of the cities cannot be checked, since there are no time zones here: "
                   "install tzdata",
                   source->zoneinfo);
        return ERR_UNAVAILABLE;
    }
    struct reader reader = {.source = source, .table = table, .error = error};
    csv_init(&reader.csv, stream);
    read_rows(&reader);
    find_repeats(&reader);
    csv_release(&reader.csv);
    if (reader.status == 0 && table->count == 0)
        fault(&reader, 1, "the table has no cities");
    if (reader.faults > CITY_TABLE_FAULTS)
        buf_printf(error, "\nand %d more", reader.faults - CITY_TABLE_FAULTS);
    if (reader.status != 0)
        city_table_release(table);
    return reader.status;
}

void city_row_encode(const struct city_row *row, bool paused, struct buf *out)
{
    Isobar__V1__City city = ISOBAR__V1__CITY__INIT;
    city.format = 1;
    city.city_id = row->id;
    city.name = row->name;
    city.ascii_name = row->ascii_name;
    city.country = (char *)row->country;
    city.zone = (char *)row->zone;
    city.latitude_e5 = row->latitude_e5;
    city.longitude_e5 = row->longitude_e5;
    city.elevation_m = row->elevation_m;
    city.elevation_known = row->elevation_known;
    city.population = row->population;
    city.paused = paused;
    size_t size = isobar__v1__city__get_packed_size(&city);
    isobar__v1__city__pack(&city, (uint8_t *)buf_reserve(out, size));
    buf_advance(out, size);
}
