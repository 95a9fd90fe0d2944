/* See unit.h. long double keeps 64 bits of a product, so that a half is a half before it is rounded. */
#include "unit.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const struct unit same = {"", "", 1, 0};

static const struct unit units[] = {
    {"degF", "degC", 5.0L / 9, -160.0L / 9},
    {"K", "degC", 1, -273.15L},
    {"Pa", "hPa", 0.01L, 0},
    {"mbar", "hPa", 1, 0},
    {"inHg", "hPa", 33.8638866667L, 0}, /* conventional, at 0 degC */
    {"km/h", "m/s", 1 / 3.6L, 0},
    {"mph", "m/s", 0.44704L, 0},
    {"kn", "m/s", 1852.0L / 3600, 0},
    {"km", "m", 1000, 0},
    {"mi", "m", 1609.344L, 0},
    {"in", "mm", 25.4L, 0},
};

const struct unit *unit_find(const struct quantity *quantity, const char *name)
{
    if (!*name || strcmp(name, quantity->unit) == 0)
        return &same;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(units[i].name, name) == 0 && strcmp(units[i].of, quantity->unit) == 0)
            return &units[i];
    }
    return NULL;
}

/* Digits of `*at`, which moves past them, appended to `*number`; how many. */
static int digits(const char **at, int64_t *number, int most)
{
    int count = 0;
    for (; **at >= '0' && **at <= '9' && count <= most; ++*at, count++)
        *number = *number * 10 + (**at - '0');
    return count;
}

bool unit_read(const struct unit *unit, const struct quantity *quantity, const char *text, bool difference,
               int32_t limit, int32_t *out)
{
    const char *at = text + (*text == '-');
    int64_t number = 0;
    int whole = digits(&at, &number, 9), behind = 0;
    if (*at == '.') {
        at++;
        behind = digits(&at, &number, 6);
        whole = behind == 0 ? 0 : whole;
    }
    if (whole < 1 || whole > 9 || behind > 6 || *at)
        return false;
    long double scaled = (long double)number * quantity->scale, ten = 1;
    for (int i = 0; i < behind; i++)
        ten *= 10;
    scaled /= ten;
    scaled = (*text == '-' ? -scaled : scaled) * unit->slope;
    long long value = llroundl(scaled + (difference ? 0 : unit->offset * quantity->scale));
    if (value < -limit || value > limit)
        return false;
    *out = (int32_t)value;
    return true;
}
