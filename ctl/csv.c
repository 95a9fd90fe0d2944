/*
 * Reads CSV byte by byte (csv.h). Three states: before or in a plain field, in quotes, behind the closing
 * quote. Fields are offsets while the record grows, since its buffer may move.
 */
#include "csv.h"

#include "error.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum place { PLAIN, QUOTED, BEHIND };

struct record {
    size_t starts[CSV_MAX_FIELDS];
    enum place place;
    bool started; /* the present field has a byte, or was quoted */
};

void csv_init(struct csv *csv, FILE *stream)
{
    memset(csv, 0, sizeof *csv);
    csv->stream = stream;
    csv->next_line = 1;
    buf_init(&csv->text);
}

void csv_release(struct csv *csv)
{
    buf_release(&csv->text);
}

static int refuse(struct buf *error, const char *reason)
{
    buf_text(error, reason);
    return ERR_INVALID;
}

/* Skips a byte order mark: spreadsheets write one. False when the first byte of one begins something else. */
static bool skip_mark(FILE *stream)
{
    int first = getc(stream);
    if (first == 0xef) {
        int second = getc(stream), third = getc(stream);
        return second == 0xbb && third == 0xbf;
    }
    if (first != EOF)
        (void)ungetc(first, stream);
    return true;
}

static int end_field(struct csv *csv, struct record *record, struct buf *error)
{
    buf_byte(&csv->text, '\0');
    csv->count++;
    record->place = PLAIN;
    record->started = false;
    if (csv->count == CSV_MAX_FIELDS)
        return refuse(error, "too many fields");
    record->starts[csv->count] = csv->text.size;
    return 0;
}

static void end_record(struct csv *csv, const struct record *record)
{
    buf_byte(&csv->text, '\0');
    csv->count++;
    for (size_t i = 0; i < csv->count; i++)
        csv->fields[i] = csv->text.data + record->starts[i];
}

static int add(struct csv *csv, struct record *record, int byte, struct buf *error)
{
    if (byte == '\0')
        return refuse(error, "a zero byte");
    if (csv->text.size >= CSV_MAX_BYTES)
        return refuse(error, "the record is longer than 65,536 bytes; is a closing quote missing?");
    record->started = true;
    buf_byte(&csv->text, (char)byte);
    csv->next_line += byte == '\n';
    return 0;
}

static int in_quotes(struct csv *csv, struct record *record, int byte, struct buf *error)
{
    if (byte == EOF)
        return refuse(error, "a closing quote is missing");
    if (byte == '"') {
        record->place = BEHIND;
        return 0;
    }
    return add(csv, record, byte, error);
}

/* A byte outside quotes: 0 go on, 1 the record is complete. */
static int outside(struct csv *csv, struct record *record, int byte, struct buf *error)
{
    if (byte == '\r') {
        byte = getc(csv->stream);
        if (byte != '\n')
            return refuse(error, "a carriage return that ends no line");
    }
    if (byte == '\n' || byte == EOF) {
        csv->next_line += byte == '\n';
        end_record(csv, record);
        return 1;
    }
    if (byte == ',')
        return end_field(csv, record, error);
    if (byte == '"' && record->place == BEHIND) {
        record->place = QUOTED;
        return add(csv, record, byte, error);
    }
    if (record->place == BEHIND)
        return refuse(error, "text behind a closing quote");
    if (byte == '"' && record->started)
        return refuse(error, "a quote inside a field that is not quoted");
    if (byte == '"') {
        record->place = QUOTED;
        record->started = true;
        return 0;
    }
    return add(csv, record, byte, error);
}

int csv_next(struct csv *csv, struct buf *error)
{
    struct record record = {.place = PLAIN};
    csv->line = csv->next_line;
    csv->count = 0;
    if (csv->line == 1 && !skip_mark(csv->stream))
        return refuse(error, "a damaged byte order mark");
    buf_reset(&csv->text);
    int byte = getc(csv->stream), status = 0;
    if (byte == EOF && !ferror(csv->stream))
        return 0;
    for (;; byte = getc(csv->stream)) {
        if (byte == EOF && ferror(csv->stream)) {
            buf_text(error, strerror(errno));
            return ERR_INVALID;
        }
        status = record.place == QUOTED ? in_quotes(csv, &record, byte, error) : outside(csv, &record, byte, error);
        if (status != 0)
            return status;
    }
}
