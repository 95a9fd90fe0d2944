/*
 * Reads and checks the table of cities (city_table.h). Columns are found by the header, so their order is
 * free; city_row.c checks the cells. A fault in one row does not stop the others from being
 * checked; broken CSV does.
 */
#include "city_table.h"

#include "csv.h"
#include "error.h"
#include "mem.h"
#include "plain.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FAULT_BYTES 512

struct reader {
    const struct city_table_source *source;
    struct city_table *table;
    size_t capacity, columns; /* of rows; of the header */
    struct csv csv;
    struct buf *error;
    int faults;
    int status;
    char zone[sizeof((struct city_row *)NULL)->zone]; /* that was found last: tables go country by country */
};

__attribute__((format(printf, 3, 4))) static void fault(struct reader *reader, int line, const char *format, ...)
{
    reader->status = reader->status ? reader->status : ERR_INVALID;
    if (++reader->faults > CITY_TABLE_FAULTS)
        return;
    struct buf text = BUF_EMPTY;
    char shown[FAULT_BYTES];
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    buf_printf(reader->error, "%s%s:%d: %s", reader->error->size ? "\n" : "", reader->source->name, line,
               plain_shown(text.data, shown, sizeof shown));
    buf_release(&text);
}

/* ---- rows ---- */

void city_table_release(struct city_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        city_row_release(&table->rows[i]);
    free(table->rows);
    *table = (struct city_table){0};
}

/* Fills `order`: order[i] is the column of the i-th field. False after saying what is wrong. */
static bool read_header(struct reader *reader, size_t order[CITY_ROW_COLUMNS])
{
    const struct csv *csv = &reader->csv;
    bool seen[CITY_ROW_COLUMNS] = {false}, optional;
    for (size_t i = 0; i < csv->count; i++) {
        const char *name = NULL;
        size_t column = 0;
        while ((name = city_row_column(column, &optional)) && strcmp(name, csv->fields[i]) != 0)
            column++;
        if (!name || seen[column]) {
            fault(reader, csv->line, "the header has %s column \"%.64s\"", name ? "twice the" : "an unknown",
                  csv->fields[i]);
            return false;
        }
        seen[column] = true;
        order[i] = column;
    }
    reader->columns = csv->count;
    for (size_t column = 0; column < CITY_ROW_COLUMNS; column++) {
        const char *name = city_row_column(column, &optional);
        if (!seen[column] && !optional) {
            fault(reader, csv->line, "the header lacks the column \"%s\"", name);
            return false;
        }
    }
    return true;
}

static void check_zone(struct reader *reader, const struct city_row *row)
{
    if (!*row->zone || strcmp(row->zone, reader->zone) == 0)
        return;
    if (city_zone_known(reader->source->zoneinfo, row->zone))
        memcpy(reader->zone, row->zone, sizeof reader->zone);
    else
        fault(reader, row->line, "zone \"%s\" is not in %s", row->zone, reader->source->zoneinfo);
}

static void take_row(struct reader *reader, const size_t order[CITY_ROW_COLUMNS])
{
    const struct csv *csv = &reader->csv;
    struct city_table *table = reader->table;
    if (csv->count != reader->columns) {
        if (csv->count == 1 && csv->fields[0][0] == '\0')
            fault(reader, csv->line, "an empty line");
        else
            fault(reader, csv->line, "%zu fields instead of %zu", csv->count, reader->columns);
        return;
    }
    if (table->count == reader->capacity) {
        reader->capacity = reader->capacity ? reader->capacity * 2 : 64;
        table->rows = mem_grow(table->rows, reader->capacity, sizeof *table->rows);
    }
    struct city_row *row = &table->rows[table->count++];
    *row = (struct city_row){.line = csv->line};
    for (size_t i = 0; i < csv->count; i++) {
        bool optional;
        const char *name = city_row_column(order[i], &optional), *wanted = city_row_set(row, name, csv->fields[i]);
        if (wanted)
            fault(reader, csv->line, "%s \"%.64s\": %s wanted", name, csv->fields[i], wanted);
    }
    if (row->name && *row->name && !city_row_complete(row))
        fault(reader, csv->line, "ascii_name \"\": the name has letters without an ASCII form, so it is wanted");
    check_zone(reader, row);
}

/* The same, and with skip_bad a row with a fault leaves nothing but its lines in `error`. */
static void take_or_skip(struct reader *reader, const size_t order[CITY_ROW_COLUMNS])
{
    int faults = reader->faults, status = reader->status;
    size_t count = reader->table->count;
    take_row(reader, order);
    if (!reader->source->skip_bad || reader->faults == faults)
        return;
    reader->status = status;
    if (reader->table->count > count)
        city_row_release(&reader->table->rows[--reader->table->count]);
    reader->table->skipped++;
}

struct place {
    int64_t id;
    int line;
    struct city_row *row;
};

static int by_id(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

/* Takes out the rows of line 0. */
static void drop_repeats(struct city_table *table)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].line == 0)
            city_row_release(&table->rows[i]);
        else
            table->rows[kept++] = table->rows[i];
    }
    table->count = kept;
}

static void find_repeats(struct reader *reader)
{
    struct city_table *table = reader->table;
    struct place *places = mem_calloc(table->count, sizeof *places);
    for (size_t i = 0; i < table->count; i++)
        places[i] = (struct place){table->rows[i].id, table->rows[i].line, &table->rows[i]};
    qsort(places, table->count, sizeof *places, by_id);
    for (size_t i = 1; i < table->count; i++) {
        if (places[i].id != places[i - 1].id || places[i].id == 0) /* 0: a row whose id is a fault */
            continue;
        int status = reader->status;
        fault(reader, places[i].line, "the id %lld stands on line %d already", (long long)places[i].id,
              places[i - 1].line);
        if (reader->source->skip_bad) {
            reader->status = status;
            places[i].row->line = 0;
            table->skipped++;
        }
    }
    free(places);
    drop_repeats(table);
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
    size_t order[CITY_ROW_COLUMNS];
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
        take_or_skip(reader, order);
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
