/* See explanation_row.h. */
#include "explanation_row.h"

#include "quality.h"
#include "quantity.h"
#include "scaled.h"

#include <string.h>

const char *explanation_status(const struct explanation *explanation)
{
    if (explanation->end_ms > explanation->closed_through_ms)
        return "provisional";
    return explanation->has_stored && explanation->stored.revision > 0 ? "revised" : "final";
}

void explanation_row_values(const struct observation *row, const char *between, const char *equals, const char *quote,
                            struct buf *out)
{
    const char *before = strcmp(between, ",") == 0 ? "" : between;
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        const struct value_kind *kind = value_kind_get(bit);
        if (!kind->name || !observation_has(row, bit))
            continue;
        buf_printf(out, "%s%s%s%s%s", before, quote, kind->name, quote, equals);
        scaled_text(out, row->value[bit], kind->scale);
        before = between;
    }
}

void explanation_row_flags(uint64_t flags, const char *between, const char *quote, struct buf *out)
{
    const char *before = strcmp(between, ",") == 0 ? "" : between;
    char name[QUALITY_NAME_BYTES];
    for (int bit = 0; bit < QUALITY_FLAGS; bit++) {
        if (!(flags >> bit & 1))
            continue;
        buf_printf(out, "%s%s%s%s", before, quote, quality_name(bit, name), quote);
        before = between;
    }
}
