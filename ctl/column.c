/* See column.h. */
#include "column.h"

#include "error.h"
#include "observation.h"

#include <string.h>

#define RATE "/h"

static bool has_rate(int bit)
{
    return bit == ISOBAR__V1__VALUE__RAIN || bit == ISOBAR__V1__VALUE__SNOW;
}

/* ---- what is allowed, for errors ---- */

static int no_such_name(const char *name, const struct custom_set *customs, struct buf *error)
{
    buf_printf(error, "column \"%s\" is not known: city, time, accumulation", name);
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        struct label label;
        if (custom_value_label(customs, bit, &label) &&
            (bit < OBSERVATION_CUSTOM || custom_get(customs, bit - OBSERVATION_CUSTOM)))
            buf_printf(error, ", %s", label.name);
    }
    buf_text(error, " wanted; --leave-out names columns to pass over");
    return ERR_INVALID;
}

static int no_such_unit(const struct column *column, const char *unit, struct buf *error)
{
    buf_printf(error, "column \"%s\": unit \"%s\": ", column->head, unit);
    if (!*column->label.unit) {
        buf_text(error, "it has none");
        return ERR_INVALID;
    }
    unit_names(column->label.unit, error);
    buf_printf(error, "%s wanted", has_rate(column->bit) ? ", or one of these with /h" : "");
    return ERR_INVALID;
}

/* ---- kinds ---- */

static int parse_time(struct column *column, const char *unit, struct buf *error)
{
    column->kind = COLUMN_TIME;
    column->time_unit_ms = strcmp(unit, "s") == 0 ? 1000 : strcmp(unit, "ms") == 0;
    if (!*unit || column->time_unit_ms)
        return 0;
    buf_printf(error, "column \"%s\": unit \"%s\": s or ms of Unix time wanted, or none", column->head, unit);
    return ERR_INVALID;
}

static int parse_accumulation(struct column *column, const char *unit, struct buf *error)
{
    column->kind = COLUMN_ACCUMULATION;
    column->label = (struct label){.name = "accumulation", .unit = "s", .scale = 1};
    column->unit = unit_find("s", unit);
    return column->unit ? 0 : no_such_unit(column, unit, error);
}

static int parse_value(struct column *column, char *unit, struct buf *error)
{
    size_t size = strlen(unit), tail = strlen(RATE);
    column->kind = COLUMN_VALUE;
    column->rate = has_rate(column->bit) && size > tail && strcmp(unit + size - tail, RATE) == 0;
    if (column->rate)
        unit[size - tail] = '\0';
    column->unit = unit_find(column->label.unit, unit);
    return column->unit ? 0 : no_such_unit(column, unit, error);
}

static bool find_value(const char *name, const struct custom_set *customs, struct column *column)
{
    for (column->bit = 0; column->bit < OBSERVATION_VALUES; column->bit++) {
        if (custom_value_label(customs, column->bit, &column->label) && strcmp(column->label.name, name) == 0)
            return true;
    }
    return false;
}

/* Cuts "name[unit]" in two; false when brackets do not fit. */
static bool cut(char *head, char **unit)
{
    size_t size = strlen(head);
    char *open = strchr(head, '[');
    *unit = head + size;
    if (!open)
        return !strchr(head, ']');
    if (head[size - 1] != ']' || strchr(open + 1, '[') || strchr(head, ']') != head + size - 1)
        return false;
    head[size - 1] = *open = '\0';
    *unit = open + 1;
    return true;
}

int column_parse(struct column *column, const char *head, const struct custom_set *customs, struct buf *error)
{
    char name[COLUMN_HEAD_BYTES], *unit;
    size_t size = strlen(head);
    *column = (struct column){0};
    if (size == 0 || size >= COLUMN_HEAD_BYTES) {
        buf_printf(error, size ? "column \"%.20s...\": a name of at most %d bytes wanted" : "a column has no name",
                   head, COLUMN_HEAD_BYTES - 1);
        return ERR_INVALID;
    }
    memcpy(column->head, head, size + 1);
    memcpy(name, head, size + 1);
    if (!cut(name, &unit)) {
        buf_printf(error, "column \"%s\": a name, or a name[unit] wanted", head);
        return ERR_INVALID;
    }
    if (strcmp(name, "time") == 0 || strcmp(name, "observed_at") == 0)
        return parse_time(column, unit, error);
    if (strcmp(name, "accumulation") == 0)
        return parse_accumulation(column, unit, error);
    if (find_value(name, customs, column))
        return parse_value(column, unit, error);
    column->kind = COLUMN_CITY;
    return strcmp(name, "city") == 0 && !*unit ? 0 : no_such_name(head, customs, error);
}
