/* See duration.h. */
#include "duration.h"

#include <ctype.h>

static const struct {
    char unit;
    int64_t ms;
} units[] = {
    {'y', DURATION_YEAR}, {'d', DURATION_DAY}, {'h', DURATION_HOUR}, {'m', DURATION_MINUTE}, {'s', DURATION_SECOND}};
#define UNITS (sizeof units / sizeof *units)

static int64_t unit_ms(char unit)
{
    for (size_t i = 0; i < UNITS; i++) {
        if (units[i].unit == unit)
            return units[i].ms;
    }
    return 0;
}

bool duration_parse(const char *text, size_t size, int64_t low_ms, int64_t high_ms, int64_t *ms)
{
    if (size < 2 || (text[0] == '0' && size > 2))
        return false;
    int64_t unit = unit_ms(text[size - 1]), number = 0;
    if (!unit)
        return false;
    for (size_t i = 0; i + 1 < size; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        number = number * 10 + (text[i] - '0');
        if (number > high_ms / unit)
            return false;
    }
    if (number * unit < low_ms)
        return false;
    *ms = number * unit;
    return true;
}

void duration_print(int64_t ms, struct buf *out)
{
    size_t i = ms ? 0 : UNITS - 1;
    while (ms % units[i].ms != 0 && i + 1 < UNITS)
        i++;
    buf_printf(out, "%lld%c", (long long)(ms / units[i].ms), units[i].unit);
}
