/* See explanation.h: the rows, and the comparison. Printing is in files of its own. */
#include "explanation.h"

#include "mem.h"
#include "quantity.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void explanation_init(struct explanation *explanation, size_t limit)
{
    memset(explanation, 0, sizeof *explanation);
    explanation->limit = limit;
    explanation->complete = true;
}

void explanation_restart(struct explanation *explanation)
{
    explanation->count = 0;
    explanation->outside = explanation->undecodable = 0;
    memset(explanation->counts, 0, sizeof explanation->counts);
    if (explanation->has_made)
        window_release(&explanation->made);
    explanation->has_made = false;
}

void explanation_release(struct explanation *explanation)
{
    explanation_restart(explanation);
    if (explanation->has_stored)
        window_release(&explanation->stored);
    free(explanation->rows);
    memset(explanation, 0, sizeof *explanation);
}

void explanation_add(struct explanation *explanation, const struct judged *row)
{
    int64_t at_ms = row->observation.observed_at_ms;
    if (row->verdict == VERDICT_CHECKED)
        return; /* it says that there was nothing new */
    if (at_ms < explanation->start_ms || at_ms >= explanation->end_ms) {
        explanation->outside++;
        return;
    }
    explanation->counts[row->verdict]++;
    if (explanation->count == explanation->limit)
        return;
    if (explanation->count == explanation->capacity) {
        explanation->capacity = explanation->capacity ? explanation->capacity * 2 : 16;
        explanation->rows = mem_grow(explanation->rows, explanation->capacity, sizeof *explanation->rows);
    }
    explanation->rows[explanation->count++] = *row;
}

/* ---- comparison ---- */

static void differ(struct buf *out, const char *of, const char *what, int64_t stored, int64_t made)
{
    if (stored != made)
        buf_printf(out, "%s%s%s: stored %" PRId64 ", made of the rows %" PRId64 "\n", of, *of ? " " : "", what, stored,
                   made);
}

static void compare_metric(int32_t metric, const struct accumulator *stored, const struct accumulator *made,
                           struct buf *out)
{
    static const struct accumulator none = {0};
    const struct quantity *quantity = quantity_get(metric);
    const char *name = quantity ? quantity->name : "a metric of newer software";
    stored = stored ? stored : &none;
    made = made ? made : &none;
    differ(out, name, "count", stored->count, made->count);
    differ(out, name, "sum", stored->sum, made->sum);
    differ(out, name, "minimum", stored->minimum, made->minimum);
    differ(out, name, "maximum", stored->maximum, made->maximum);
    differ(out, name, "first", stored->first, made->first);
    differ(out, name, "last", stored->last, made->last);
}

/* Everything in a window but when it was changed, encoded. */
static void encode_value(const struct window *window, struct buf *out)
{
    struct window lent = *window; /* what it owns stays the window's */
    lent.updated_at_ms = lent.final_at_ms = lent.revised_at_ms = 0;
    window_encode(&lent, out);
}

/* What no line above names: wind, stretches of precipitation, sketches. */
static void compare_rest(const struct window *stored, const struct window *made, struct buf *out)
{
    struct buf a = BUF_EMPTY, b = BUF_EMPTY;
    encode_value(stored, &a);
    encode_value(made, &b);
    if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0)
        buf_text(out, "sums of wind, stretches of precipitation or quantiles differ\n");
    buf_release(&a);
    buf_release(&b);
}

bool explanation_differs(const struct explanation *explanation, struct buf *out)
{
    static const struct window none = {0};
    const struct window *stored = explanation->has_stored ? &explanation->stored : &none;
    const struct window *made = explanation->has_made ? &explanation->made : &none;
    size_t before = out->size;
    differ(out, "", "rows", stored->rows, made->rows);
    differ(out, "", "rows of the air", stored->air_rows, made->air_rows);
    differ(out, "", "revision", stored->revision, made->revision);
    for (int32_t i = 0; i < stored->metric_count; i++) {
        int32_t metric = stored->metrics[i].metric;
        compare_metric(metric, &stored->metrics[i], window_find(made, metric), out);
    }
    for (int32_t i = 0; i < made->metric_count; i++) {
        int32_t metric = made->metrics[i].metric;
        if (!window_find(stored, metric))
            compare_metric(metric, NULL, &made->metrics[i], out);
    }
    if (out->size == before && explanation->has_stored && explanation->has_made)
        compare_rest(stored, made, out);
    return out->size > before;
}
