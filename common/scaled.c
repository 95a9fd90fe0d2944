/* See scaled.h. */
#include "scaled.h"

int scaled_decimals(int32_t scale)
{
    int decimals = 0;
    for (; scale > 1; scale /= 10)
        decimals++;
    return decimals;
}

void scaled_text(struct buf *out, int64_t value, int32_t scale)
{
    int decimals = scaled_decimals(scale);
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    buf_printf(out, "%s%llu", value < 0 ? "-" : "", (unsigned long long)(size / (uint64_t)scale));
    if (decimals)
        buf_printf(out, ".%0*llu", decimals, (unsigned long long)(size % (uint64_t)scale));
}
