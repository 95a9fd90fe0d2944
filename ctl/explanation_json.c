/* An explanation as one JSON object, and its rows as CSV (explanation.h). */
#include "explanation.h"

#include "clock.h"
#include "explanation_row.h"
#include "quantity.h"
#include "scaled.h"
#include "text.h"

#include <inttypes.h>

/* ---- JSON ---- */

static void json_row(const struct judged *row, struct buf *out)
{
    const struct observation *o = &row->observation;
    buf_printf(out,
               "{\"offset\":%" PRId64 ",\"row\":%" PRId64 ",\"verdict\":\"%s\",\"provider\":\"%s\",\"series\":%d,"
               "\"observed_at\":%" PRId64 ",\"fetched_at\":%" PRId64 ",\"produced_at\":%" PRId64
               ",\"processed_at\":%" PRId64,
               row->offset, row->row, verdict_name(row->verdict), provider_name(o->provider), o->series,
               o->observed_at_ms, o->fetched_at_ms, row->produced_at_ms, row->clock_ms);
    if (*row->reason) {
        buf_text(out, ",\"reason\":");
        text_json(out, row->reason);
    }
    buf_text(out, ",\"values\":{");
    explanation_row_values(o, ",", ":", "\"", out);
    buf_text(out, "},\"flags\":[");
    explanation_row_flags(row->flags, ",", "\"", out);
    buf_text(out, "]}");
}

static void json_window(const char *name, bool there, const struct window *window, struct buf *out)
{
    if (!there) {
        buf_printf(out, ",\"%s\":null", name);
        return;
    }
    buf_printf(out, ",\"%s\":{\"rows\":%" PRId64 ",\"revision\":%" PRId64 ",\"updated_at\":%" PRId64 ",\"counts\":{",
               name, window->rows, window->revision, window->updated_at_ms);
    const char *comma = "";
    for (int32_t i = 0; i < window->metric_count; i++) {
        const struct quantity *quantity = quantity_get(window->metrics[i].metric);
        if (!quantity)
            continue;
        buf_printf(out, "%s\"%s\":%" PRId64, comma, quantity->name, (int64_t)window->metrics[i].count);
        comma = ",";
    }
    buf_text(out, "}}");
}

static void json_head(const struct explanation *explanation, struct buf *out)
{
    buf_printf(out, "{\"city\":%" PRId64 ",\"name\":", explanation->city.city_id);
    text_json(out, explanation->city.name);
    buf_printf(out,
               ",\"series\":%d,\"size\":\"%s\",\"start\":%" PRId64 ",\"end\":%" PRId64
               ",\"status\":\"%s\",\"shown_at\":%" PRId64 ",\"topic\":",
               explanation->series, explanation->size_name, explanation->start_ms, explanation->end_ms,
               explanation_status(explanation), explanation->shown_at_ms);
    text_json(out, explanation->topic);
    buf_printf(out, ",\"partition\":%d,\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"ledger_offset\":%" PRId64,
               explanation->city.partition, explanation->from, explanation->to, explanation->ledger_offset);
}

static void json_differences(const struct explanation *explanation, struct buf *out)
{
    struct buf differences = BUF_EMPTY;
    bool differs = explanation_differs(explanation, &differences);
    buf_printf(out, ",\"complete\":%s,\"equal\":%s,\"differences\":", explanation->complete ? "true" : "false",
               differs ? "false" : "true");
    text_json(out, differences.data);
    buf_release(&differences);
}

void explanation_json(const struct explanation *explanation, struct buf *out)
{
    json_head(explanation, out);
    buf_text(out, ",\"rows\":[");
    for (size_t i = 0; i < explanation->count; i++) {
        buf_text(out, i ? "," : "");
        json_row(&explanation->rows[i], out);
    }
    buf_text(out, "],\"verdicts\":{");
    for (int i = 0; i < VERDICT_CHECKED; i++)
        buf_printf(out, "%s\"%s\":%" PRId64, i ? "," : "", verdict_name((enum verdict)i), explanation->counts[i]);
    buf_printf(out, "},\"outside\":%" PRId64 ",\"undecodable\":%" PRId64, explanation->outside,
               explanation->undecodable);
    json_window("stored", explanation->has_stored, &explanation->stored, out);
    json_window("made", explanation->has_made, &explanation->made, out);
    json_differences(explanation, out);
    buf_text(out, "}\n");
}

/* ---- CSV ---- */

static bool shown_in_csv(int bit)
{
    return value_kind_get(bit)->name != NULL;
}

static void csv_row(const struct explanation *explanation, const struct judged *row, struct buf *out)
{
    const struct observation *o = &row->observation;
    const int64_t times[] = {o->observed_at_ms, o->fetched_at_ms, row->produced_at_ms, row->clock_ms,
                             explanation->shown_at_ms};
    char at[CLOCK_TEXT_BYTES];
    buf_printf(out, "%d,%" PRId64 ",%" PRId64 ",%s,%s,%s,%d", explanation->city.partition, row->offset, row->row,
               verdict_name(row->verdict), row->reason, provider_name(o->provider), o->series);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        buf_printf(out, ",%s", clock_text(times[i], at, sizeof at));
    buf_byte(out, ',');
    struct buf flags = BUF_EMPTY;
    explanation_row_flags(row->flags, " ", "", &flags);
    buf_text(out, flags.size ? flags.data + 1 : "");
    buf_release(&flags);
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        if (!shown_in_csv(bit))
            continue;
        buf_byte(out, ',');
        if (observation_has(o, bit))
            scaled_text(out, o->value[bit], value_kind_get(bit)->scale);
    }
    buf_text(out, "\r\n");
}

void explanation_csv(const struct explanation *explanation, struct buf *out)
{
    buf_text(out,
             "partition,offset,row,verdict,reason,provider,series,observed,fetched,produced,processed,shown,flags");
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        if (shown_in_csv(bit))
            buf_printf(out, ",%s", value_kind_get(bit)->name);
    }
    buf_text(out, "\r\n");
    for (size_t i = 0; i < explanation->count; i++)
        csv_row(explanation, &explanation->rows[i], out);
}
