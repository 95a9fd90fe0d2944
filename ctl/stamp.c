/* See stamp.h. Digits are taken one by one, so that nothing but the forms documented passes. */
#include "stamp.h"

#include "date.h"
#include "observation.h"

#include <string.h>

#define MS_FROM     INT64_C(100000000000) /* as seconds the year 5138, as ms 1973 */
#define WHOLE_MAX   15                    /* digits of a number */
#define FRACTION_MS 3                     /* digits of a fraction that count */

/* Exactly `digits` digits at `*at`, which moves past them; -1 when there are others. */
static int32_t number(const char **at, int digits)
{
    int32_t value = 0;
    for (int i = 0; i < digits; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool skip(const char **at, const char *one_of)
{
    bool there = **at && strchr(one_of, **at);
    *at += there;
    return there;
}

/* ".25" at `*at`, if it is there, as ms; -1 when the point has no digit behind it. */
static int32_t fraction(const char **at)
{
    int32_t ms = 0, unit = 100;
    int digits = 0;
    if (!skip(at, "."))
        return 0;
    for (; **at >= '0' && **at <= '9'; ++*at, digits++, unit /= 10)
        ms += digits < FRACTION_MS ? (**at - '0') * unit : 0;
    return digits ? ms : -1;
}

/* "2026-11-30" as a day number; false when no calendar has it. */
static bool take_date(const char **at, int32_t *day)
{
    struct date date;
    date.year = number(at, 4);
    date.month = date.year >= 0 && skip(at, "-") ? number(at, 2) : -1;
    date.day = date.month >= 1 && date.month <= 12 && skip(at, "-") ? number(at, 2) : -1;
    if (date.year < 1970 || date.day < 1 || date.day > 31)
        return false;
    *day = date_number(&date);
    struct date back = date_of(*day);
    return back.month == date.month && back.day == date.day;
}

/* "12:00[:30[.250]]" as ms of the day; -1 when it is not that. */
static int64_t take_clock(const char **at)
{
    int32_t hour = number(at, 2), second = 0, ms = 0;
    int32_t minute = hour >= 0 && skip(at, ":") ? number(at, 2) : -1;
    if (minute >= 0 && skip(at, ":")) {
        second = number(at, 2);
        ms = second >= 0 ? fraction(at) : -1;
    }
    if (hour > 23 || minute < 0 || minute > 59 || second > 59 || ms < 0)
        return -1;
    return ((hour * 60 + minute) * INT64_C(60) + second) * 1000 + ms;
}

/* "Z" or "+01:00" to the end of the text, as ms to take off. */
static bool take_zone(const char *at, int64_t *offset_ms)
{
    int32_t sign = *at == '-' ? -1 : 1;
    *offset_ms = 0;
    if (skip(&at, "Zz"))
        return *at == '\0';
    if (!skip(&at, "+-"))
        return false;
    int32_t hours = number(&at, 2), minutes = hours >= 0 && skip(&at, ":") ? number(&at, 2) : -1;
    *offset_ms = sign * (hours * 60 + minutes) * INT64_C(60000);
    return hours <= 23 && minutes >= 0 && minutes <= 59 && *at == '\0';
}

static bool take_number(const char *at, int32_t unit_ms, int64_t *out)
{
    int64_t whole = 0;
    int digits = 0;
    for (; *at >= '0' && *at <= '9' && digits <= WHOLE_MAX; at++, digits++)
        whole = whole * 10 + (*at - '0');
    int32_t ms = fraction(&at);
    if (digits < 1 || digits > WHOLE_MAX || ms < 0 || *at)
        return false;
    bool seconds = unit_ms == 1000 || (unit_ms == 0 && whole < MS_FROM);
    *out = seconds ? whole * 1000 + ms : whole;
    return true;
}

bool stamp_parse(const char *text, int32_t unit_ms, int64_t *out)
{
    const char *at = text;
    int32_t day;
    int64_t clock_ms, offset_ms, at_ms;
    if (strlen(text) > 4 && text[4] == '-') {
        if (!take_date(&at, &day) || !skip(&at, "Tt ") || (clock_ms = take_clock(&at)) < 0 ||
            !take_zone(at, &offset_ms))
            return false;
        at_ms = day * DATE_DAY_MS + clock_ms - offset_ms;
    } else if (!take_number(at, unit_ms, &at_ms)) {
        return false;
    }
    if (at_ms < 0 || at_ms > TIME_MAX_MS)
        return false;
    *out = at_ms;
    return true;
}
