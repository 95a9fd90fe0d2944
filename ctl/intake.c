/* See intake.h. */
#include "intake.h"

#include "error.h"
#include "mem.h"
#include "plain.h"

#include <stdlib.h>
#include <string.h>

#define MARK      "\xef\xbb\xbf" /* byte order mark, which spreadsheets write */
#define MARK_SIZE 3

void intake_init(struct intake *intake, const struct sheet_terms *terms, enum intake_format format)
{
    *intake = (struct intake){.terms = *terms, .format = format};
    buf_init(&intake->header);
    cells_init(&intake->cells);
    sheet_init(&intake->sheet, terms, format == INTAKE_NDJSON);
}

void intake_release(struct intake *intake)
{
    buf_release(&intake->header);
    cells_release(&intake->cells);
}

void intake_fit(struct buf *text)
{
    char *copy = mem_strdup(text->data);
    if (text->size > 0)
        text->size = strlen(plain_shown(copy, text->data, text->size + 1));
    free(copy);
}

static void say(struct buf *error, const struct cells_fault *fault)
{
    buf_printf(error, "byte %d: %s", fault->at, fault->reason);
}

/* What separates the heads: a comma, or where there is none what else spreadsheets write. */
static char separator_of(const char *text, size_t size)
{
    static const char separators[] = ",;\t";
    for (const char *at = separators; *at; at++) {
        if (memchr(text, *at, size))
            return *at;
    }
    return ',';
}

static int take_header(struct intake *intake, const char *text, size_t size, struct buf *error)
{
    struct cells_fault fault;
    intake->separator = separator_of(text, size);
    if (cells_csv(&intake->cells, text, size, intake->separator, &fault) != 0) {
        say(error, &fault);
        return ERR_INVALID;
    }
    sheet_init(&intake->sheet, &intake->terms, false);
    intake->headed = true;
    int status = sheet_head(&intake->sheet, &intake->cells, error);
    intake_fit(error);
    return status;
}

int intake_header(struct intake *intake, const char *text, struct buf *error)
{
    intake->format = INTAKE_CSV;
    return take_header(intake, text, strlen(text), error);
}

static bool is_empty(const char *text, size_t size)
{
    size_t blanks = 0;
    while (blanks < size && (text[blanks] == ' ' || text[blanks] == '\t'))
        blanks++;
    return blanks == size;
}

/* The first line that is not empty says what all are. */
static void decide(struct intake *intake, const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && (text[at] == ' ' || text[at] == '\t'))
        at++;
    if (intake->format == INTAKE_UNKNOWN)
        intake->format = at < size && text[at] == '{' ? INTAKE_NDJSON : INTAKE_CSV;
    if (intake->format == INTAKE_NDJSON)
        sheet_init(&intake->sheet, &intake->terms, true);
    intake->headed |= intake->format == INTAKE_NDJSON;
    intake->begun = true;
}

enum intake_result intake_line(struct intake *intake, const struct line *line, int64_t oldest_ms, int64_t newest_ms,
                               struct sheet_row *row, struct buf *error)
{
    struct cells_fault fault;
    const char *text = line->text;
    size_t size = line->size;
    if (line->number == 1 && size >= MARK_SIZE && memcmp(text, MARK, MARK_SIZE) == 0) {
        text += MARK_SIZE;
        size -= MARK_SIZE;
    }
    if (is_empty(text, size))
        return INTAKE_NOTHING;
    if (!intake->begun)
        decide(intake, text, size);
    if (!intake->headed) {
        buf_append(&intake->header, line->text, line->raw_size);
        return take_header(intake, text, size, error) == 0 ? INTAKE_NOTHING : INTAKE_BROKEN;
    }
    int status = intake->format == INTAKE_NDJSON ? cells_json(&intake->cells, text, size, &fault)
                                                 : cells_csv(&intake->cells, text, size, intake->separator, &fault);
    if (status != 0)
        say(error, &fault);
    else
        status = sheet_row(&intake->sheet, &intake->cells, oldest_ms, newest_ms, row, error);
    intake_fit(error);
    return status == 0 ? INTAKE_ROW : INTAKE_BAD;
}
