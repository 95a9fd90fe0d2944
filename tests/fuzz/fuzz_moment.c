/* Spans, dates, times and numbers as operators and tables write them: one text, read by each. */
#include "../../ctl/moment.h"
#include "../../ctl/unit.h"
#include "date.h"
#include "duration.h"
#include "fuzz.h"
#include "observation.h"
#include "scaled.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS    INT64_C(1795500000000)
#define UNTOUCHED INT64_C(-77)

static void check_span(const char *text, size_t size)
{
    int64_t ms = UNTOUCHED, again = 0;
    struct buf out = BUF_EMPTY;
    if (!duration_parse(text, size, 0, 100 * DURATION_YEAR, &ms)) {
        FUZZ_CHECK(ms == UNTOUCHED);
        return;
    }
    FUZZ_CHECK(ms >= 0 && ms <= 100 * DURATION_YEAR);
    duration_print(ms, &out);
    FUZZ_CHECK(duration_parse(out.data, out.size, 0, 100 * DURATION_YEAR, &again) && again == ms);
    buf_release(&out);
}

static void check_time(const char *text)
{
    int32_t number;
    int64_t ms, days;
    char out[DATE_BYTES];
    if (date_parse(text, &number))
        FUZZ_CHECK(strcmp(date_text(number, out), text) == 0);
    if (moment_date(text, &days) == 0)
        FUZZ_CHECK(days >= 0 && days <= DATE_MAX);
    if (moment_parse(text, NOW_MS, &ms) == 0)
        FUZZ_CHECK(ms >= 0 && ms <= TIME_MAX_MS);
}

static void check_number(const char *text, size_t size)
{
    int32_t number, again;
    struct buf out = BUF_EMPTY;
    for (int32_t scale = 1; scale <= 1000000; scale *= 10) {
        if (!scaled_parse(text, size, scale, &number))
            continue;
        scaled_text(&out, number, scale);
        FUZZ_CHECK(scaled_parse(out.data, out.size, scale, &again) && again == number);
        buf_reset(&out);
        scaled_trimmed(&out, number, scale);
        FUZZ_CHECK(scaled_parse(out.data, out.size, scale, &again) && again == number);
        buf_reset(&out);
    }
    static const char *const units[] = {"", "degF", "K"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const struct unit *unit = unit_find("degC", units[i]);
        FUZZ_CHECK(unit != NULL);
        FUZZ_CHECK(!unit_read(unit, 100, text, i == 1, 1000000, &number) || abs(number) <= 1000000);
    }
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    check_span(text, size);
    check_time(text);
    check_number(text, size);
    free(text);
    return 0;
}
