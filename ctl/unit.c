/*
 * See unit.h. 128 bits hold 18 digits times the largest slope and scale, so nothing overflows and nothing is lost
 * before the one rounding at the end; floating point would round 5/9 first.
 */
#include "unit.h"

#include <stddef.h>
#include <string.h>

#define DIGITS_MAX   18 /* of a number that count */
#define EXPONENT_MAX 999

__extension__ typedef __int128 wide; /* -Wpedantic knows no such type */

static const struct unit same = {"", "", 1, 0, 1};

static const struct unit units[] = {
    {"degF", "degC", 5, -160, 9},
    {"K", "degC", 100, -27315, 100},
    {"°C", "degC", 1, 0, 1},
    {"°F", "degC", 5, -160, 9},
    {"Pa", "hPa", 1, 0, 100},
    {"kPa", "hPa", 10, 0, 1},
    {"mbar", "hPa", 1, 0, 1},
    {"inHg", "hPa", 338638866667, 0, 10000000000}, /* conventional, at 0 degC */
    {"mmHg", "hPa", 133322387415, 0, 100000000000},
    {"km/h", "m/s", 5, 0, 18},
    {"mph", "m/s", 44704, 0, 100000},
    {"kn", "m/s", 1852, 0, 3600},
    {"ft/s", "m/s", 3048, 0, 10000},
    {"km", "m", 1000, 0, 1},
    {"mi", "m", 1609344, 0, 1000},
    {"ft", "m", 3048, 0, 10000},
    {"in", "mm", 254, 0, 10},
    {"cm", "mm", 10, 0, 1},
    {"l/m2", "mm", 1, 0, 1},
    {"1", "%", 100, 0, 1}, /* a fraction */
    {"okta", "%", 25, 0, 2},
    {"°", "deg", 1, 0, 1},
    {"µg/m³", "ug/m3", 1, 0, 1},
    {"ng/m3", "ug/m3", 1, 0, 1000},
    {"mg/m3", "ug/m3", 1000, 0, 1},
    {"min", "s", 60, 0, 1},
    {"h", "s", 3600, 0, 1},
};
#define UNITS (sizeof units / sizeof *units)

const struct unit *unit_find(const char *of, const char *name)
{
    if (!*name || strcmp(name, of) == 0)
        return &same;
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(units[i].name, name) == 0 && strcmp(units[i].of, of) == 0)
            return &units[i];
    }
    return NULL;
}

void unit_names(const char *of, struct buf *out)
{
    buf_text(out, of);
    for (size_t i = 0; *of && i < UNITS; i++) {
        if (strcmp(units[i].of, of) == 0)
            buf_printf(out, ", %s", units[i].name);
    }
}

/* mantissa * 10^exponent */
struct decimal {
    int64_t mantissa;
    int digits; /* of the mantissa, leading zeros apart */
    int exponent;
};

/* Digits at `*at`, which moves past them; how many. Each one behind the point lowers the exponent. */
static int take_digits(const char **at, struct decimal *number, bool behind)
{
    int count = 0;
    for (; **at >= '0' && **at <= '9' && count < EXPONENT_MAX; ++*at, count++) {
        bool counts = number->digits < DIGITS_MAX;
        if (counts)
            number->mantissa = number->mantissa * 10 + (**at - '0');
        number->digits += counts && number->mantissa != 0;
        number->exponent += counts ? -behind : !behind;
    }
    return count;
}

/* "e-05" at `*at`, which moves past it; false when what begins so is no exponent. */
static bool take_exponent(const char **at, int *exponent)
{
    struct decimal number = {0};
    if (**at != 'e' && **at != 'E')
        return true;
    bool negative = *++*at == '-';
    *at += negative || **at == '+';
    int count = take_digits(at, &number, false);
    if (count < 1 || number.mantissa > EXPONENT_MAX)
        return false;
    *exponent += (int)(negative ? -number.mantissa : number.mantissa);
    return true;
}

static bool parse(const char *text, struct decimal *number)
{
    const char *at = text + (*text == '-');
    *number = (struct decimal){0};
    if (take_digits(&at, number, false) < 1)
        return false;
    if (*at == '.') {
        at++;
        if (take_digits(&at, number, true) < 1)
            return false;
    }
    if (!take_exponent(&at, &number->exponent) || *at)
        return false;
    if (*text == '-')
        number->mantissa = -number->mantissa;
    return true;
}

static wide power(int exponent)
{
    wide ten = 1;
    for (; exponent > 0; exponent--)
        ten *= 10;
    return ten;
}

bool unit_read(const struct unit *unit, int32_t scale, const char *text, bool difference, int32_t limit, int32_t *out)
{
    struct decimal number;
    if (!parse(text, &number) || number.digits + number.exponent > DIGITS_MAX)
        return false;
    for (; number.exponent < -DIGITS_MAX; number.exponent++)
        number.mantissa /= 10;
    wide ten = power(-number.exponent), divisor = ten * unit->divisor;
    wide value = number.mantissa * power(number.exponent) * unit->slope;
    value = (value + (difference ? 0 : unit->offset * ten)) * scale;
    value = (value + (value < 0 ? -divisor : divisor) / 2) / divisor;
    if (value < -limit || value > limit)
        return false;
    *out = (int32_t)value;
    return true;
}
