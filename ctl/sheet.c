/*
 * See sheet.h. Rain and snow are amounts over a period that ends at the reading. One that comes as a rate is taken as
 * the amount of the row's period, an hour unless something says another: workers let each row stand for the time since
 * the one before it, so a rate per hour counts for just that long.
 */
#include "sheet.h"

#include "date.h"
#include "error.h"
#include "stamp.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HOUR_S      3600
#define SHOWN       40 /* bytes of a value in an error */
#define V(value)    ISOBAR__V1__VALUE__##value
#define RAIN_SNOW   (UINT64_C(1) << V(RAIN) | UINT64_C(1) << V(SNOW))
#define COLUMN_BITS 64 /* targets of columns: bits of values and three others */

/* What a column cannot mean (proto/observation.proto), and what no scale of its kind has; as stored. */
static const struct bound {
    int bit;
    int32_t low, high;
    const char *allowed;
} bounds[] = {
    {V(TEMPERATURE), -27315, INT32_MAX, "-273.15 degC or more"},
    {V(FEELS_LIKE), -27315, INT32_MAX, "-273.15 degC or more"},
    {V(TEMPERATURE_MIN), -27315, INT32_MAX, "-273.15 degC or more"},
    {V(TEMPERATURE_MAX), -27315, INT32_MAX, "-273.15 degC or more"},
    {V(DEW_POINT), -27315, INT32_MAX, "-273.15 degC or more"},
    {V(PRESSURE_SEA_LEVEL), 1, INT32_MAX, "more than 0"},
    {V(PRESSURE_STATION), 1, INT32_MAX, "more than 0"},
    {V(HUMIDITY), 0, 10000, "0 to 100 %"},
    {V(CLOUD), 0, 10000, "0 to 100 %"},
    {V(WIND_SPEED), 0, INT32_MAX, "0 or more"},
    {V(WIND_DIRECTION), 0, 36000, "0 to 360 deg"},
    {V(WIND_GUST), 0, INT32_MAX, "0 or more"},
    {V(RAIN), 0, INT32_MAX, "0 or more"},
    {V(SNOW), 0, INT32_MAX, "0 or more"},
    {V(VISIBILITY), 0, INT32_MAX, "0 or more"},
};

void sheet_init(struct sheet *sheet, const struct sheet_terms *terms, bool named)
{
    sheet->terms = *terms;
    sheet->count = 0;
    sheet->named = named;
}

/* ---- columns ---- */

static bool is_left_out(const struct sheet *sheet, const char *head)
{
    size_t size = strlen(head);
    for (const char *at = sheet->terms.left_out; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, head, size) == 0 && (at[size] == ',' || at[size] == '\0') && size > 0)
            return true;
    }
    return false;
}

/* Of what there may be one column only; COLUMN_BITS of what there may be any number. */
static int target(const struct column *column)
{
    switch (column->kind) {
    case COLUMN_VALUE:
        return column->bit;
    case COLUMN_LEFT_OUT:
        return COLUMN_BITS;
    default:
        return OBSERVATION_VALUES + (int)column->kind;
    }
}

static bool known_period(const struct sheet *sheet)
{
    bool known = sheet->named || sheet->terms.accumulation_s > 0;
    for (size_t i = 0; i < sheet->count; i++)
        known |= sheet->columns[i].kind == COLUMN_ACCUMULATION;
    return known;
}

/* Reads one more head; NULL with the reason in `error`. */
static struct column *add_column(struct sheet *sheet, const char *head, struct buf *error)
{
    struct column *column = &sheet->columns[sheet->count];
    if (is_left_out(sheet, head)) {
        *column = (struct column){.kind = COLUMN_LEFT_OUT};
        size_t size = strnlen(head, COLUMN_HEAD_BYTES - 1);
        memcpy(column->head, head, size);
    } else if (column_parse(column, head, sheet->terms.customs, error) != 0) {
        return NULL;
    }
    if (column->kind == COLUMN_CITY && sheet->terms.has_city) {
        buf_printf(error, "column \"%s\": --city gives the city: one of them wanted", head);
        return NULL;
    }
    sheet->count++;
    return column;
}

static int amount_of_what(const struct column *column, struct buf *error)
{
    buf_printf(error,
               "column \"%s\" is an amount: over which time? Add a column accumulation[s], give --accumulation, or a "
               "rate as in %s[%s/h]",
               column->head, column->label.name, column->label.unit);
    return ERR_INVALID;
}

static int check_head(const struct sheet *sheet, struct buf *error)
{
    bool city = sheet->terms.has_city, time = false;
    size_t values = 0;
    for (size_t i = 0; i < sheet->count; i++) {
        const struct column *column = &sheet->columns[i];
        city |= column->kind == COLUMN_CITY;
        time |= column->kind == COLUMN_TIME;
        values += column->kind == COLUMN_VALUE;
        if (column->kind == COLUMN_VALUE && (RAIN_SNOW >> column->bit & 1) && !column->rate && !known_period(sheet))
            return amount_of_what(column, error);
    }
    if (city && time && values > 0)
        return 0;
    buf_text(error, !city  ? "column \"city\" is missing: add it, or give --city"
                    : time ? "there is no column with values, such as temperature[degC]"
                           : "column \"time\" is missing");
    return ERR_INVALID;
}

int sheet_head(struct sheet *sheet, const struct cells *cells, struct buf *error)
{
    const struct column *of[COLUMN_BITS + 1] = {0};
    sheet->count = 0;
    for (size_t i = 0; i < cells->count; i++) {
        const struct column *column = add_column(sheet, cells->list[i].text, error);
        if (!column)
            return ERR_INVALID;
        const struct column **place = &of[target(column)];
        if (*place && column->kind != COLUMN_LEFT_OUT) {
            buf_printf(error, "columns \"%s\" and \"%s\" are the same: one of them wanted", (*place)->head,
                       column->head);
            return ERR_INVALID;
        }
        *place = column;
    }
    return check_head(sheet, error);
}

/* The column of a cell of NDJSON: mostly the one that follows the last. NULL with the reason in `error`. */
static const struct column *find_column(struct sheet *sheet, const char *name, size_t *hint, struct buf *error)
{
    for (size_t i = 0; i < sheet->count; i++) {
        size_t at = (*hint + i) % sheet->count;
        if (strcmp(sheet->columns[at].head, name) == 0) {
            *hint = at + 1;
            return &sheet->columns[at];
        }
    }
    if (sheet->count == CELLS_MAX) {
        buf_printf(error, "key \"%.*s\": there were 128 others", SHOWN, name);
        return NULL;
    }
    return add_column(sheet, name, error);
}

/* ---- rows ---- */

struct reading {
    struct sheet *sheet;
    struct sheet_row *out;
    struct buf *error;
    int64_t oldest_ms, newest_ms;
    uint64_t given, rates; /* targets that the line has, and values that are per hour */
};

static int refuse(const struct reading *reading, const struct column *column, const char *text, const char *wanted)
{
    buf_printf(reading->error, "column \"%s\": \"%.*s\": %s", column->head, SHOWN, text, wanted);
    return ERR_INVALID;
}

static void show_time(struct buf *out, int64_t at_ms)
{
    char day[DATE_BYTES];
    int64_t second = at_ms / 1000 % 86400;
    buf_printf(out, "%sT%02d:%02d:%02dZ", date_text((int32_t)(at_ms / DATE_DAY_MS), day), (int)(second / 3600),
               (int)(second / 60 % 60), (int)(second % 60));
}

static int take_time(struct reading *reading, const struct column *column, const char *text)
{
    int64_t at_ms;
    if (!stamp_parse(text, column->time_unit_ms, &at_ms))
        return refuse(reading, column, text, STAMP_WANTED);
    reading->out->row.observed_at_ms = at_ms;
    if (at_ms >= reading->oldest_ms && at_ms <= reading->newest_ms)
        return 0;
    bool late = at_ms < reading->oldest_ms;
    (void)refuse(reading, column, text, late ? "workers take nothing from before " : "that is not yet: at most ");
    show_time(reading->error, late ? reading->oldest_ms : reading->newest_ms);
    buf_text(reading->error,
             late ? " (lateness of the rules); --any-age produces it all the same" : ", five minutes from now, wanted");
    return ERR_INVALID;
}

static int take_accumulation(struct reading *reading, const struct column *column, const char *text)
{
    int32_t *out = &reading->out->row.accumulation_s;
    if (unit_read(column->unit, 1, text, false, SHEET_ACCUMULATION_MAX_S, out) && *out > 0)
        return 0;
    return refuse(reading, column, text, "a time above 0 and up to a day (86400 s) wanted");
}

static const struct bound *bound_of(int bit)
{
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        if (bounds[i].bit == bit)
            return &bounds[i];
    }
    return NULL;
}

static int take_value(struct reading *reading, const struct column *column, const char *text)
{
    char wanted[96];
    int32_t value;
    const struct bound *bound = bound_of(column->bit);
    const char *unit = *column->unit->name ? column->unit->name : column->label.unit;
    if (!unit_read(column->unit, column->label.scale, text, false, INT32_MAX, &value)) {
        (void)snprintf(wanted, sizeof wanted, "a number%s%s wanted, with a point, or nothing", *unit ? " in " : "",
                       unit);
        return refuse(reading, column, text, wanted);
    }
    if (bound && (value < bound->low || value > bound->high)) {
        (void)snprintf(wanted, sizeof wanted, "%s wanted", bound->allowed);
        return refuse(reading, column, text, wanted);
    }
    if (column->bit == V(WIND_DIRECTION) && value == 36000)
        value = 0;
    observation_set(&reading->out->row, column->bit, value);
    reading->rates |= (uint64_t)column->rate << column->bit;
    return 0;
}

static int take_cell(struct reading *reading, const struct column *column, const char *text)
{
    uint64_t bit = target(column) < COLUMN_BITS ? UINT64_C(1) << target(column) : 0;
    if (column->kind == COLUMN_LEFT_OUT || !*text)
        return 0;
    if (reading->given & bit) {
        buf_printf(reading->error, "column \"%s\": another column says the same", column->head);
        return ERR_INVALID;
    }
    reading->given |= bit;
    switch (column->kind) {
    case COLUMN_CITY:
        if (!text_is_plain(text))
            return refuse(reading, column, text, "an id or a name wanted, without control characters");
        reading->out->city = text;
        reading->out->city_head = column->head;
        return 0;
    case COLUMN_TIME:
        return take_time(reading, column, text);
    case COLUMN_ACCUMULATION:
        return take_accumulation(reading, column, text);
    default:
        return take_value(reading, column, text);
    }
}

/* Makes the amount of the row's period of a rate; false when no column can hold it. */
static bool make_amount(struct observation *row, int bit)
{
    int64_t amount = (row->value[bit] * (int64_t)row->accumulation_s + HOUR_S / 2) / HOUR_S;
    row->value[bit] = (int32_t)amount;
    return amount <= INT32_MAX;
}

/* Finds out over which time rain and snow fell, and makes amounts of rates. */
static int take_period(struct reading *reading)
{
    struct observation *row = &reading->out->row;
    uint64_t wet = row->present & RAIN_SNOW;
    if (!wet) {
        row->accumulation_s = 0;
        return 0;
    }
    if (row->accumulation_s == 0)
        row->accumulation_s = reading->sheet->terms.accumulation_s;
    if (row->accumulation_s == 0 && reading->rates == wet)
        row->accumulation_s = HOUR_S;
    if (row->accumulation_s == 0) {
        buf_text(reading->error, "column \"accumulation\" is empty, and rain or snow is an amount: over which time?");
        return ERR_INVALID;
    }
    for (int bit = V(RAIN); bit <= V(SNOW); bit++) {
        if ((reading->rates >> bit & 1) && !make_amount(row, bit)) {
            buf_printf(reading->error, "column \"%s\": too much for its period", bit == V(RAIN) ? "rain" : "snow");
            return ERR_INVALID;
        }
    }
    return 0;
}

static int check_row(struct reading *reading)
{
    const char *missing = NULL;
    if (!(reading->given >> (OBSERVATION_VALUES + COLUMN_TIME) & 1))
        missing = "column \"time\" is empty";
    else if (!*reading->out->city && !reading->sheet->terms.has_city)
        missing = "column \"city\" is empty";
    else if (!reading->out->row.present)
        missing = "no column has a value";
    if (!missing)
        return take_period(reading);
    buf_text(reading->error, missing);
    return ERR_INVALID;
}

int sheet_row(struct sheet *sheet, const struct cells *cells, int64_t oldest_ms, int64_t newest_ms,
              struct sheet_row *out, struct buf *error)
{
    struct reading reading = {
        .sheet = sheet, .out = out, .error = error, .oldest_ms = oldest_ms, .newest_ms = newest_ms};
    size_t hint = 0;
    *out = (struct sheet_row){.city = "", .city_head = ""};
    if (!sheet->named && cells->count != sheet->count) {
        buf_printf(error, "%zu cells, and the header has %zu", cells->count, sheet->count);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < cells->count; i++) {
        const struct cell *cell = &cells->list[i];
        const struct column *column = sheet->named ? find_column(sheet, cell->name, &hint, error) : &sheet->columns[i];
        if (!column || take_cell(&reading, column, cell->text) != 0)
            return ERR_INVALID;
    }
    return check_row(&reading);
}
