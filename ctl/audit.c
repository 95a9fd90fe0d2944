/* Checks what Redis has of one partition (audit.h). Every check says both numbers, so that a finding explains
 * itself. */
#include "audit.h"

#include "citystate.h"
#include "context.h"
#include "date.h"
#include "error.h"
#include "shard.h"
#include "window.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int64_t low;
    size_t offset;
} ledger_fields_of[] = {
#define LEDGER_ROW(name, low) {#name, low, offsetof(struct audit_ledger, name)},
    AUDIT_LEDGER(LEDGER_ROW)};

void audit_init(struct audit *audit, const struct audit_rules *rules, int32_t partition)
{
    *audit = (struct audit){.rules = rules, .partition = partition};
    buf_init(&audit->lines);
}

void audit_release(struct audit *audit)
{
    buf_release(&audit->lines);
}

void audit_fail(struct audit *audit, const char *what, const char *format, ...)
{
    if (++audit->findings > AUDIT_LINES)
        return;
    va_list args;
    va_start(args, format);
    buf_printf(&audit->lines, "partition %d: %s: ", audit->partition, what);
    buf_vprintf(&audit->lines, format, args);
    buf_byte(&audit->lines, '\n');
    va_end(args);
}

/* ---- ledger ---- */

static const struct store_reply *value_of(const struct store_reply *pairs, const char *field)
{
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        if (strcmp(pairs->elements[i]->text, field) == 0)
            return pairs->elements[i + 1];
    }
    return NULL;
}

static bool parse_ledger(struct audit *audit, const struct store_reply *pairs)
{
    int before = audit->findings;
    for (size_t i = 0; i < sizeof ledger_fields_of / sizeof *ledger_fields_of; i++) {
        const struct store_reply *value = value_of(pairs, ledger_fields_of[i].name);
        int64_t number = 0;
        if (!value && ledger_fields_of[i].offset == offsetof(struct audit_ledger, rows_correction))
            continue; /* of a version that did not tell them from duplicates */
        if (!value || !context_integer(value, ledger_fields_of[i].low, INT64_MAX / 4, &number))
            audit_fail(audit, "ledger", "%s is %s", ledger_fields_of[i].name, value ? value->text : "missing");
        memcpy((char *)&audit->ledger + ledger_fields_of[i].offset, &number, sizeof number);
    }
    const struct store_reply *cid = value_of(pairs, "cid");
    if (!cid || cid->size != 32 || strspn(cid->text, "0123456789abcdef") != 32)
        audit_fail(audit, "ledger", "cid is %s, not 32 hex digits", cid ? cid->text : "missing");
    return audit->findings == before;
}

static void check_order(struct audit *audit)
{
    const struct audit_ledger *l = &audit->ledger;
    if (l->first_offset > l->offset)
        audit_fail(audit, "I3", "first_offset %" PRId64 " is above offset %" PRId64, l->first_offset, l->offset);
    if (l->record_offset >= l->offset)
        audit_fail(audit, "I3", "record_offset %" PRId64 " is not below offset %" PRId64, l->record_offset, l->offset);
    if (l->clock_ms > audit->rules->now_ms + AUDIT_TOLERANCE_MS)
        audit_fail(audit, "I3", "clock_ms %" PRId64 " lies %" PRId64 " ms in the future", l->clock_ms,
                   l->clock_ms - audit->rules->now_ms);
    if (l->tick_clock_ms > l->clock_ms)
        audit_fail(audit, "I3", "tick_clock_ms %" PRId64 " is above clock_ms %" PRId64, l->tick_clock_ms, l->clock_ms);
    if (l->pane_cursor_ms % audit->rules->windows.pane_ms != 0)
        audit_fail(audit, "I3", "pane_cursor_ms %" PRId64 " is no start of a pane", l->pane_cursor_ms);
}

static void check_cursors(struct audit *audit, const struct store_reply *pairs)
{
    const struct windowset *windows = &audit->rules->windows;
    for (size_t i = 0; i < windows->count; i++) {
        char field[32];
        int64_t cursor = 0;
        snprintf(field, sizeof field, "w_cursor_%s", windows->sizes[i].name);
        const struct store_reply *value = value_of(pairs, field);
        bool good = !value || context_integer(value, 0, INT64_MAX / 4, &cursor);
        if (windows->sizes[i].days && cursor <= DATE_MAX) /* a date; else of an older version */
            cursor *= DATE_DAY_MS;
        if (!good || cursor % windows->sizes[i].size_ms != 0)
            audit_fail(audit, "I3", "%s %s is no start of such a window", field, value->text);
    }
}

bool audit_take_ledger(struct audit *audit, const struct store_reply *pairs)
{
    const struct audit_ledger *l = &audit->ledger;
    if (!parse_ledger(audit, pairs))
        return false;
    if (l->applied + l->gaps != l->offset - l->first_offset)
        audit_fail(audit, "I1",
                   "applied %" PRId64 " + gaps %" PRId64 " = %" PRId64 ", but offset %" PRId64
                   " - first_offset %" PRId64 " = %" PRId64,
                   l->applied, l->gaps, l->applied + l->gaps, l->offset, l->first_offset, l->offset - l->first_offset);
    int64_t sum = l->rows_in + l->rows_late + l->rows_duplicate + l->rows_correction + l->rows_bad + l->rows_checked +
                  l->rows_tick + l->rows_control + l->rows_retired;
    if (l->rows != sum)
        audit_fail(audit, "I2",
                   "rows %" PRId64 ", but in %" PRId64 " + late %" PRId64 " + duplicate %" PRId64
                   " + correction %" PRId64 " + bad %" PRId64 " + checked %" PRId64 " + tick %" PRId64
                   " + control %" PRId64 " + retired %" PRId64 " = %" PRId64,
                   l->rows, l->rows_in, l->rows_late, l->rows_duplicate, l->rows_correction, l->rows_bad,
                   l->rows_checked, l->rows_tick, l->rows_control, l->rows_retired, sum);
    check_order(audit);
    check_cursors(audit, pairs);
    return true;
}

/* ---- cities ---- */

/* A record under `field` belongs to this city, and the city to this partition. */
static void check_place(struct audit *audit, const char *where, const char *field, int64_t city_id, int32_t series)
{
    char wanted[CITY_FIELD_BYTES];
    int32_t shard = shard_of_city(city_id, audit->rules->partitions);
    if (strcmp(citystate_field(city_id, series, wanted), field) != 0)
        audit_fail(audit, "I3", "%s: the record of %s says that it is %s", where, field, wanted);
    if (shard != audit->partition)
        audit_fail(audit, "I3", "%s: city %" PRId64 " belongs to partition %d", where, city_id, shard);
}

static void check_panes(struct audit *audit, const char *field, const struct citystate *city)
{
    int64_t pane_ms = audit->rules->windows.pane_ms, rows = 0;
    for (int32_t i = 0; i < city->open_count; i++) {
        const struct window *window = &city->open[i].window;
        rows += window->rows;
        if (window->start_ms % pane_ms != 0 || window->end_ms != window->start_ms + pane_ms)
            audit_fail(audit, "I3", "city %s: an open pane spans %" PRId64 " to %" PRId64, field, window->start_ms,
                       window->end_ms);
        if (window->end_ms <= city->closed_through_ms)
            audit_fail(audit, "I3",
                       "city %s: the pane that ends at %" PRId64 " is open, but all through %" PRId64 " are closed",
                       field, window->end_ms, city->closed_through_ms);
        if (window->last_observed_at_ms > city->watermark_ms)
            audit_fail(audit, "I3", "city %s: an open pane has a reading of %" PRId64 ", above the watermark %" PRId64,
                       field, window->last_observed_at_ms, city->watermark_ms);
    }
    if (rows > city->rows_in)
        audit_fail(audit, "I2", "city %s: %" PRId64 " rows in open panes, but only %" PRId64 " in", field, rows,
                   city->rows_in);
    audit->open_rows += rows;
}

static void check_city(struct audit *audit, const char *field, const struct citystate *city)
{
    int64_t clock = audit->ledger.clock_ms, most = city->watermark_ms > clock ? city->watermark_ms : clock;
    check_place(audit, "city", field, city->city_id, city->series);
    if (city->watermark_ms > clock + AUDIT_TOLERANCE_MS)
        audit_fail(audit, "I3", "city %s: watermark %" PRId64 " is more than 5 min above the clock %" PRId64, field,
                   city->watermark_ms, clock);
    if (city->heard_at_ms > clock)
        audit_fail(audit, "I3", "city %s: heard at %" PRId64 ", above the clock %" PRId64, field, city->heard_at_ms,
                   clock);
    if (city->has_latest && city->latest.observed_at_ms > city->watermark_ms)
        audit_fail(audit, "I3", "city %s: the latest reading is of %" PRId64 ", above the watermark %" PRId64, field,
                   city->latest.observed_at_ms, city->watermark_ms);
    if (city->closed_through_ms > most || city->closed_through_ms % audit->rules->windows.pane_ms != 0)
        audit_fail(audit, "I3",
                   "city %s: closed through %" PRId64 ", which is no end of a pane up to watermark %" PRId64
                   " or clock %" PRId64,
                   field, city->closed_through_ms, city->watermark_ms, clock);
    check_panes(audit, field, city);
}

void audit_take_cities(struct audit *audit, const struct store_reply *pairs)
{
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        const char *field = pairs->elements[i]->text;
        const struct store_reply *value = pairs->elements[i + 1];
        struct citystate city;
        if (citystate_decode(&city, value->text, value->size) != 0) {
            audit_fail(audit, "state", "city %s cannot be decoded (%zu bytes)", field, value->size);
            continue;
        }
        check_city(audit, field, &city);
        audit->cities++;
        audit->rows_in += city.rows_in;
        audit->rows_late += city.rows_late;
        audit->rows_duplicate += city.rows_duplicate;
        audit->rows_correction += city.rows_correction;
        audit->rows_retired += city.rows_retired;
        audit->rows_bad += city.rows_bad;
        citystate_release(&city);
    }
}

void audit_take_pane(struct audit *audit, const struct store_reply *count)
{
    int64_t rows = 0;
    if (!context_integer(count, 0, INT64_MAX / 4, &rows))
        audit_fail(audit, "I2", "a pane's #n is %s", count->text);
    audit->closed_rows += rows;
}

static void check_sum(struct audit *audit, const char *name, int64_t ledger, int64_t cities)
{
    if (ledger != cities)
        audit_fail(audit, "I2", "%s %" PRId64 ", but the cities have %" PRId64, name, ledger, cities);
}

void audit_totals(struct audit *audit)
{
    const struct audit_ledger *l = &audit->ledger;
    int64_t panes = audit->open_rows + audit->closed_rows + l->retired;
    if (panes != l->rows_in + l->rows_late)
        audit_fail(audit, "I2",
                   "panes hold %" PRId64 " open + %" PRId64 " closed + %" PRId64 " retired = %" PRId64
                   " rows, but rows_in %" PRId64 " + rows_late %" PRId64 " = %" PRId64,
                   audit->open_rows, audit->closed_rows, l->retired, panes, l->rows_in, l->rows_late,
                   l->rows_in + l->rows_late);
    check_sum(audit, "rows_in", l->rows_in, audit->rows_in);
    check_sum(audit, "rows_late", l->rows_late, audit->rows_late);
    check_sum(audit, "rows_duplicate", l->rows_duplicate, audit->rows_duplicate);
    check_sum(audit, "rows_correction", l->rows_correction, audit->rows_correction);
    check_sum(audit, "rows_retired", l->rows_retired, audit->rows_retired);
    if (audit->rows_bad > l->rows_bad)
        audit_fail(audit, "I2", "rows_bad %" PRId64 ", but the cities have %" PRId64, l->rows_bad, audit->rows_bad);
}

/* ---- against what was read at another time ---- */

void audit_log(struct audit *audit, int64_t low, int64_t high)
{
    int64_t offset = audit->ledger.offset;
    if (offset < low)
        audit_fail(audit, "I3", "offset %" PRId64 " was deleted from the log, which begins at %" PRId64, offset, low);
    if (offset > high)
        audit_fail(audit, "I3", "offset %" PRId64 " is beyond the log's end %" PRId64, offset, high);
}

void audit_later(struct audit *audit, int64_t offset, int64_t clock_ms)
{
    if (offset < audit->ledger.offset)
        audit_fail(audit, "I3", "offset went back from %" PRId64 " to %" PRId64 " meanwhile: was Redis rolled back?",
                   audit->ledger.offset, offset);
    if (clock_ms < audit->ledger.clock_ms)
        audit_fail(audit, "I3", "clock_ms went back from %" PRId64 " to %" PRId64 " meanwhile: was Redis rolled back?",
                   audit->ledger.clock_ms, clock_ms);
}

/* ---- closed panes and windows ---- */

/* City and series of a field "<id>" or "<id>/<series>"; false when it is none. */
static bool field_parse(const char *field, int64_t *city_id, int32_t *series)
{
    char *end = NULL, wanted[CITY_FIELD_BYTES];
    *city_id = strtoll(field, &end, 10);
    *series = *end == '/' ? (int32_t)strtol(end + 1, NULL, 10) : 0;
    return *city_id > 0 && strcmp(citystate_field(*city_id, *series, wanted), field) == 0;
}

/* Decodes a pane or window; only its window is kept. */
static int decode(struct window *window, bool is_pane, const struct store_reply *value)
{
    struct pane pane;
    if (!is_pane)
        return window_decode(window, value->text, value->size);
    if (pane_decode(&pane, value->text, value->size) != 0)
        return ERR_INVALID;
    *window = pane.window;
    pane.window = (struct window){0};
    pane_release(&pane);
    return 0;
}

struct group {
    struct audit *audit;
    const char *key;
    const struct window_size *size; /* NULL: a pane */
    int64_t start_ms, span_ms;
    int64_t rows;
};

static bool fits(const struct group *group, const struct window *window)
{
    return group->size ? window_span_fits(group->size, group->start_ms, window->start_ms, window->end_ms)
                       : window->start_ms == group->start_ms && window->end_ms == group->start_ms + group->span_ms;
}

static void check_record(struct group *group, const char *field, const struct store_reply *value)
{
    struct window window;
    int64_t city_id;
    int32_t series;
    if (!field_parse(field, &city_id, &series)) {
        audit_fail(group->audit, "state", "%s has a field %.64s, which is no city", group->key, field);
        return;
    }
    check_place(group->audit, group->key, field, city_id, series);
    if (decode(&window, !group->size, value) != 0) {
        audit_fail(group->audit, "state", "%s: the record of city %s cannot be decoded (%zu bytes)", group->key, field,
                   value->size);
        return;
    }
    if (!fits(group, &window))
        audit_fail(group->audit, "I3", "%s: the record of city %s spans %" PRId64 " to %" PRId64, group->key, field,
                   window.start_ms, window.end_ms);
    group->rows += window.rows;
    window_release(&window);
}

void audit_records(struct audit *audit, const char *key, const struct window_size *size, int64_t start_ms,
                   const struct store_reply *pairs)
{
    int64_t span = size ? size->size_ms : audit->rules->windows.pane_ms, count = 0;
    struct group group = {.audit = audit, .key = key, .size = size, .start_ms = start_ms, .span_ms = span};
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        if (strcmp(pairs->elements[i]->text, "#n") != 0)
            check_record(&group, pairs->elements[i]->text, pairs->elements[i + 1]);
    }
    const struct store_reply *stored = value_of(pairs, "#n");
    if (stored && !context_integer(stored, 0, INT64_MAX / 4, &count))
        audit_fail(audit, "I2", "%s: #n is %s", key, stored->text);
    else if (count != group.rows)
        audit_fail(audit, "I2", "%s: #n is %" PRId64 ", but its records have %" PRId64 " rows", key, count, group.rows);
    if (window_start(start_ms, span) != start_ms)
        audit_fail(audit, "I3", "%s starts between two", key);
    if (!size && start_ms < audit->ledger.pane_cursor_ms)
        audit_fail(audit, "I2", "%s lies before pane_cursor_ms %" PRId64 ": it was retired and is still there", key,
                   audit->ledger.pane_cursor_ms);
}
