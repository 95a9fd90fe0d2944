/* Readings of one's own, CSV or NDJSON, as isobarctl produce reads them: in any pieces, and every row a worker's. */
#include "../../ctl/intake.h"
#include "fuzz.h"

#include <stdlib.h>

#define LONGEST 4096
#define NOON    INT64_C(1796040000000)

static void check_row(const struct observation *row)
{
    FUZZ_CHECK(row->present != 0 && (row->present & ~OBSERVATION_KNOWN) == 0);
    FUZZ_CHECK(row->observed_at_ms >= 0 && row->observed_at_ms <= NOON);
    FUZZ_CHECK(row->accumulation_s >= 0 && row->accumulation_s <= SHEET_ACCUMULATION_MAX_S);
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        FUZZ_CHECK(observation_has(row, bit) || row->value[bit] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct intake intake;
    static struct custom_set customs;
    struct sheet_terms terms = {.customs = &customs, .left_out = "note,id"};
    struct buf error = BUF_EMPTY;
    struct sheet_row row;
    struct lines lines;
    struct line line;
    enum lines_kind kind;
    size_t handed_out = 0, step = size ? (size_t)*data % 97 + 1 : 1;
    enum intake_result result = INTAKE_NOTHING;
    intake_init(&intake, &terms, INTAKE_UNKNOWN);
    lines_init(&lines, LONGEST);
    for (size_t at = 0; at <= size; at += step) {
        bool end = at + step > size;
        lines_put(&lines, (const char *)data + at, end ? size - at : step);
        while ((kind = lines_next(&lines, end, &line)) != LINES_NONE) {
            handed_out += line.raw_size;
            if (kind != LINES_WHOLE || result == INTAKE_BROKEN)
                continue;
            buf_reset(&error);
            result = intake_line(&intake, &line, 0, NOON, &row, &error);
            FUZZ_CHECK((result >= INTAKE_BAD) == (error.size > 0));
            fuzz_check_text(error.data, 2048);
            if (result == INTAKE_ROW)
                check_row(&row.row);
        }
    }
    FUZZ_CHECK(handed_out == size);
    intake_release(&intake);
    lines_release(&lines);
    buf_release(&error);
    return 0;
}
