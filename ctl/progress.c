/* See progress.h. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>

#define BAR 24 /* characters */

void progress_number(struct buf *out, int64_t number)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRId64, number);
    for (int i = 0; i < size; i++) {
        if (i > (digits[0] == '-') && (size - i) % 3 == 0)
            buf_byte(out, ',');
        buf_byte(out, digits[i]);
    }
}

int64_t progress_rate(const struct progress *progress)
{
    return progress->elapsed_ms > 0 ? progress->rows * 1000 / progress->elapsed_ms : 0;
}

static void bar(const struct progress *progress, struct buf *out)
{
    int64_t read = progress->bytes < progress->bytes_all ? progress->bytes : progress->bytes_all;
    int64_t full = read * BAR / progress->bytes_all;
    buf_byte(out, '[');
    for (int64_t i = 0; i < BAR; i++)
        buf_byte(out, i < full ? '#' : '-');
    buf_printf(out, "] %" PRId64 " %%  ", read * 100 / progress->bytes_all);
}

void progress_text(const struct progress *progress, struct buf *out)
{
    if (progress->bytes_all > 0)
        bar(progress, out);
    progress_number(out, progress->rows);
    buf_text(out, progress->rows == 1 ? " row, " : " rows, ");
    progress_number(out, progress_rate(progress));
    buf_text(out, "/s");
    if (progress->rejected == 0)
        return;
    buf_text(out, ", ");
    progress_number(out, progress->rejected);
    buf_text(out, progress->rejected == 1 ? " line rejected" : " lines rejected");
}
