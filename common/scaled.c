/* See scaled.h. */
#include "scaled.h"

#include <ctype.h>
#include <inttypes.h>

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

bool scaled_parse(const char *text, size_t size, int32_t scale, int32_t *out)
{
    const char *p = text, *end = text + size;
    bool negative = p < end && *p == '-', digits = false;
    int64_t number = 0, left = scale;
    for (p += negative; p < end && isdigit((unsigned char)*p) && number <= INT32_MAX; p++, digits = true)
        number = number * 10 + (*p - '0');
    number *= scale;
    if (digits && p < end && *p == '.') {
        digits = false;
        for (p++; p < end && isdigit((unsigned char)*p) && (left % 10 == 0 || *p == '0'); p++, digits = true) {
            left /= left % 10 == 0 ? 10 : 1;
            number += (*p - '0') * left;
        }
    }
    number = negative ? -number : number;
    if (!digits || p != end || number > INT32_MAX || number < INT32_MIN)
        return false;
    *out = (int32_t)number;
    return true;
}

void scaled_trimmed(struct buf *out, int32_t number, int32_t scale)
{
    int64_t size = number < 0 ? -(int64_t)number : number, rest = size % scale;
    buf_printf(out, "%s%" PRId64, number < 0 ? "-" : "", size / scale);
    if (rest == 0)
        return;
    buf_byte(out, '.');
    for (int64_t unit = scale / 10; rest != 0; rest %= unit, unit /= 10)
        buf_byte(out, (char)('0' + rest / unit));
}
