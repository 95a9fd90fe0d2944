/*
 * Reads and checks the table of normals (normals_table.h). Columns are found by the header, in any order. A fault in
 * one row does not stop the others from being checked; broken CSV does.
 */
#include "normals_table.h"

#include "city_table.h"
#include "csv.h"
#include "error.h"
#include "mem.h"
#include "quantity.h"
#include "text.h"
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum column { CITY, MONTH, DAY, HOUR, METRIC, UNIT, MEAN, SD, P10, P25, P50, P75, P90, COLUMNS };

static const char *const column_names[COLUMNS] = {"city", "month", "day", "hour", "metric", "unit", "mean",
                                                  "sd",   "p10",   "p25", "p50",  "p75",    "p90"};

struct reader {
    struct normals_table *table;
    const char *name;
    int64_t city_id;
    struct csv csv;
    int places[COLUMNS]; /* in the record; -1: there is no such column */
    size_t capacity;
    struct buf *error;
    int faults;
};

/* One row, before it has its slot. */
struct row {
    int64_t city_id;
    const struct quantity *quantity;
    const struct unit *unit;
    int64_t month, day, hour;
    bool hourly;
    struct normal normal;
};

__attribute__((format(printf, 2, 3))) static bool fault(struct reader *reader, const char *format, ...)
{
    if (++reader->faults > NORMALS_TABLE_FAULTS)
        return false;
    if (reader->error->size)
        buf_byte(reader->error, '\n');
    size_t from = reader->error->size;
    va_list args;
    va_start(args, format);
    buf_printf(reader->error, "%s:%d: ", reader->name, reader->csv.line);
    buf_vprintf(reader->error, format, args);
    text_tame(reader->error, from);
    va_end(args);
    return false;
}

static const char *cell(const struct reader *reader, enum column column)
{
    return reader->places[column] < 0 ? "" : reader->csv.fields[reader->places[column]];
}

/* A cell as a whole number within [low, high]; a fault otherwise. */
static bool integer(struct reader *reader, enum column column, int64_t low, int64_t high, int64_t *out)
{
    const char *text = cell(reader, column);
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *out = number;
    if (*text >= '0' && *text <= '9' && !*end && !errno && number >= low && number <= high)
        return true;
    return fault(reader, "%s \"%.40s\": a whole number from %lld to %lld wanted", column_names[column], text,
                 (long long)low, (long long)high);
}

/* ---- the parts of a row ---- */

static bool take_metric(struct reader *reader, struct row *row)
{
    const char *name = cell(reader, METRIC);
    row->quantity = quantity_by_name(name);
    if (!row->quantity || row->quantity->value_bit < 0)
        return fault(reader, "metric \"%.40s\": one that readings have wanted, such as temperature or humidity", name);
    row->unit = unit_find(row->quantity->unit, cell(reader, UNIT));
    return row->unit || fault(reader, "unit \"%.40s\": %s is in %s", cell(reader, UNIT), name, row->quantity->unit);
}

static bool take_when(struct reader *reader, struct row *row)
{
    row->hourly = *cell(reader, HOUR) != '\0';
    return integer(reader, MONTH, 1, 12, &row->month) && integer(reader, DAY, 1, 31, &row->day) &&
           (!row->hourly || integer(reader, HOUR, 0, 23, &row->hour));
}

static bool number(struct reader *reader, const struct row *row, enum column column, int32_t *out)
{
    const char *text = cell(reader, column);
    if (unit_read(row->unit, row->quantity->scale, text, column == SD, NORMALS_VALUE_MAX, out) &&
        (column != SD || *out >= 0))
        return true;
    return fault(reader, "%s \"%.40s\": a number%s wanted", column_names[column], text,
                 column == SD ? " not below 0" : "");
}

static bool take_quantiles(struct reader *reader, struct row *row)
{
    int32_t *quantile = row->normal.quantile;
    int given = 0;
    for (int k = 0; k < NORMALS_QUANTILES; k++)
        given += *cell(reader, (enum column)(P10 + k)) != '\0';
    row->normal.has_quantiles = given == NORMALS_QUANTILES;
    if (given != 0 && given != NORMALS_QUANTILES)
        return fault(reader, "%d of the five percentiles p10 to p90 are given: all or none wanted", given);
    for (int k = 0; k < given; k++) {
        if (!number(reader, row, (enum column)(P10 + k), &quantile[k]))
            return false;
        if (k > 0 && quantile[k] < quantile[k - 1])
            return fault(reader, "%s is below %s", column_names[P10 + k], column_names[P10 + k - 1]);
    }
    return true;
}

static bool take_values(struct reader *reader, struct row *row)
{
    row->normal.known = true;
    row->normal.has_deviation = *cell(reader, SD) != '\0';
    return number(reader, row, MEAN, &row->normal.mean) &&
           (!row->normal.has_deviation || number(reader, row, SD, &row->normal.deviation)) &&
           take_quantiles(reader, row);
}

/* ---- tables ---- */

/* The table of the row, made when there is none; NULL with a fault. Rows of a table mostly follow each other. */
static struct normals *table_of(struct reader *reader, const struct row *row)
{
    struct normals_table *table = reader->table;
    int32_t hours = row->hourly ? 24 : 1;
    for (size_t i = table->count; i-- > 0;) {
        struct normals *at = &table->list[i];
        if (at->city_id != row->city_id || at->metric != row->quantity->metric)
            continue;
        if (at->hours != hours)
            (void)fault(reader, "hour is %s here and was not for this city and metric before",
                        row->hourly ? "given" : "empty");
        return at->hours == hours ? at : NULL;
    }
    if (table->count == NORMALS_TABLE_MAX) {
        (void)fault(reader, "more than %d cities times metrics: split the file", NORMALS_TABLE_MAX);
        return NULL;
    }
    if (table->count == reader->capacity) {
        reader->capacity = reader->capacity ? reader->capacity * 2 : 8;
        table->list = mem_grow(table->list, reader->capacity, sizeof *table->list);
    }
    normals_init(&table->list[table->count], row->city_id, row->quantity->metric, hours);
    return &table->list[table->count++];
}

static bool store(struct reader *reader, const struct row *row)
{
    struct normals *normals = table_of(reader, row);
    if (!normals)
        return false;
    struct normal *slot = normals_slot(normals, (int32_t)row->month, (int32_t)row->day, (int32_t)row->hour);
    if (!slot)
        return fault(reader, "no calendar has day %lld of month %lld", (long long)row->day, (long long)row->month);
    if (slot->known)
        return fault(reader, "this city, metric and time is there twice");
    *slot = row->normal;
    return true;
}

static void take_row(struct reader *reader, size_t columns)
{
    struct row row = {.city_id = reader->city_id};
    if (reader->csv.count != columns)
        (void)fault(reader, "%zu fields, and the header has %zu", reader->csv.count, columns);
    else if ((reader->city_id > 0 || integer(reader, CITY, 1, CITY_TABLE_ID_MAX, &row.city_id)) &&
             take_metric(reader, &row) && take_when(reader, &row) && take_values(reader, &row) && store(reader, &row))
        reader->table->rows++;
}

/* ---- the header ---- */

static bool find_columns(struct reader *reader)
{
    static const enum column needed[] = {MONTH, DAY, METRIC, MEAN};
    for (int c = 0; c < COLUMNS; c++)
        reader->places[c] = -1;
    for (size_t i = 0; i < reader->csv.count; i++) {
        int c = 0;
        while (c < COLUMNS && strcmp(column_names[c], reader->csv.fields[i]) != 0)
            c++;
        if (c == COLUMNS)
            return fault(reader, "column \"%.40s\" is not known", reader->csv.fields[i]);
        if (reader->places[c] >= 0)
            return fault(reader, "column \"%s\" is there twice", column_names[c]);
        reader->places[c] = (int)i;
    }
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (reader->places[needed[i]] < 0)
            return fault(reader, "column \"%s\" is missing", column_names[needed[i]]);
    }
    if ((reader->places[CITY] >= 0) == (reader->city_id > 0))
        return fault(reader, reader->city_id > 0 ? "--city and a column \"city\": one of them wanted"
                                                 : "column \"city\" is missing: add it, or give --city");
    return true;
}

static void read_all(struct reader *reader)
{
    struct buf reason = BUF_EMPTY;
    int got = csv_next(&reader->csv, &reason);
    size_t columns = reader->csv.count;
    if (got == 0)
        (void)fault(reader, "the file is empty");
    if (got == 1 && !find_columns(reader))
        got = 0;
    while (got == 1 && (got = csv_next(&reader->csv, &reason)) == 1)
        take_row(reader, columns);
    if (got < 0)
        (void)fault(reader, "%s", reason.data);
    else if (reader->faults == 0 && reader->table->rows == 0)
        (void)fault(reader, "there are no rows");
    buf_release(&reason);
}

int normals_table_read(struct normals_table *table, FILE *stream, const char *name, int64_t city_id, struct buf *error)
{
    struct reader reader = {.table = table, .name = name, .city_id = city_id, .error = error};
    *table = (struct normals_table){0};
    csv_init(&reader.csv, stream);
    read_all(&reader);
    csv_release(&reader.csv);
    if (reader.faults > NORMALS_TABLE_FAULTS)
        buf_printf(error, "\n%s: %d faults in all", name, reader.faults);
    if (reader.faults > 0)
        normals_table_release(table);
    return reader.faults > 0 ? ERR_INVALID : 0;
}

void normals_table_release(struct normals_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        normals_release(&table->list[i]);
    free(table->list);
    *table = (struct normals_table){0};
}
