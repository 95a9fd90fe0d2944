/* An explanation as text for people (explanation.h). */
#include "explanation.h"

#include "clock.h"
#include "explanation_row.h"
#include "quantity.h"

#include <inttypes.h>
#include <stdio.h>

static void print_row(const struct judged *row, struct buf *out)
{
    char observed[CLOCK_TEXT_BYTES], fetched[CLOCK_TEXT_BYTES], produced[CLOCK_TEXT_BYTES], clock[CLOCK_TEXT_BYTES];
    const struct observation *o = &row->observation;
    buf_printf(
        out, "%10" PRId64 " %4" PRId64 "  %-10s %-15s %-24s %-24s %-24s %-24s ", row->offset, row->row,
        verdict_name(row->verdict), provider_name(o->provider),
        clock_text(o->observed_at_ms, observed, sizeof observed), clock_text(o->fetched_at_ms, fetched, sizeof fetched),
        clock_text(row->produced_at_ms, produced, sizeof produced), clock_text(row->clock_ms, clock, sizeof clock));
    if (*row->reason)
        buf_printf(out, " (%s)", row->reason);
    explanation_row_values(o, " ", "=", "", out);
    if (row->flags) {
        buf_text(out, "  flags:");
        explanation_row_flags(row->flags, " ", "", out);
    }
    buf_byte(out, '\n');
}

static void print_head(const struct explanation *explanation, struct buf *out)
{
    char start[CLOCK_TEXT_BYTES], end[CLOCK_TEXT_BYTES], shown[CLOCK_TEXT_BYTES];
    const struct city_found *city = &explanation->city;
    buf_printf(out, "city      %s%s%" PRId64 ", series %d\n", city->name, *city->name ? ", " : "", city->city_id,
               explanation->series);
    buf_printf(out, "window    %s from %s to %s: %s\n", explanation->size_name,
               clock_text(explanation->start_ms, start, sizeof start), clock_text(explanation->end_ms, end, sizeof end),
               explanation_status(explanation));
    buf_printf(out, "log       %s/%d, offsets %" PRId64 " to %" PRId64 " of %" PRId64 " applied\n", explanation->topic,
               city->partition, explanation->from, explanation->to, explanation->ledger_offset);
    buf_printf(out, "shown     %s\n\n", clock_text(explanation->shown_at_ms, shown, sizeof shown));
}

static void print_counts(const struct explanation *explanation, struct buf *out)
{
    const char *comma = "";
    int64_t all = 0;
    buf_byte(out, '\n');
    for (int i = 0; i < VERDICTS; i++) {
        all += explanation->counts[i];
        if (explanation->counts[i] > 0 || i == VERDICT_IN || i == VERDICT_LATE) {
            buf_printf(out, "%s%" PRId64 " %s", comma, explanation->counts[i], verdict_name((enum verdict)i));
            comma = ", ";
        }
    }
    buf_printf(out, "; %" PRId64 " of the city outside the window", explanation->outside);
    if (explanation->undecodable > 0)
        buf_printf(out, "; %" PRId64 " records that cannot be decoded", explanation->undecodable);
    if ((int64_t)explanation->count < all)
        buf_printf(out, "; %" PRId64 " rows are not shown: --limit", all - (int64_t)explanation->count);
    buf_byte(out, '\n');
}

void explanation_text(const struct explanation *explanation, struct buf *out)
{
    struct buf differences = BUF_EMPTY;
    print_head(explanation, out);
    buf_printf(out, "%10s %4s  %-10s %-15s %-24s %-24s %-24s %-24s  %s\n", "offset", "row", "verdict", "provider",
               "observed", "fetched", "produced", "processed (clock)", "values");
    for (size_t i = 0; i < explanation->count; i++)
        print_row(&explanation->rows[i], out);
    print_counts(explanation, out);
    if (explanation_differs(explanation, &differences))
        buf_printf(out, "what is stored is not what the rows make:\n%s", differences.data);
    else
        buf_printf(out, "the rows make what is stored: %" PRId64 " rows, revision %" PRId64 "\n",
                   explanation->has_stored ? explanation->stored.rows : 0,
                   explanation->has_stored ? explanation->stored.revision : 0);
    if (!explanation->complete)
        buf_text(out, "not all that counted is known any more: the log begins later, or rules have changed\n");
    buf_release(&differences);
}
