/* See moment.h. Digits are taken one by one, so that nothing but the form documented passes. */
#include "moment.h"

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define DAY_S      INT64_C(86400)
#define AGO_MAX_MS (INT64_C(100) * 365 * DAY_S * 1000)
#define YEAR_LEAST 1970
#define YEAR_MOST  9999

/* Exactly `digits` digits at `*at`, which moves past them; -1 when there are others. */
static int number(const char **at, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool skip(const char **at, char byte)
{
    bool there = **at == byte;
    *at += there;
    return there;
}

/* A date at `*at`, which moves past it. */
static int take_date(const char **at, int64_t *days)
{
    int year = number(at, 4);
    bool dash = year >= 0 && skip(at, '-');
    int month = dash ? number(at, 2) : -1;
    dash = month > 0 && skip(at, '-');
    int day = dash ? number(at, 2) : -1;
    if (year < YEAR_LEAST || year > YEAR_MOST || month < 1 || day < 1)
        return ERR_INVALID;
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    int64_t seconds = timegm(&tm); /* carries what no calendar has */
    if (tm.tm_mon != month - 1 || tm.tm_mday != day)
        return ERR_INVALID;
    *days = seconds / DAY_S;
    return 0;
}

int moment_date(const char *text, int64_t *days)
{
    return take_date(&text, days) == 0 && *text == '\0' ? 0 : ERR_INVALID;
}

/* "12:00[:30[.250]]Z" to the end of the text, as ms of the day; -1 when it is not that. */
static int64_t take_time(const char *at)
{
    int hour = number(&at, 2);
    int minute = hour >= 0 && skip(&at, ':') ? number(&at, 2) : -1;
    int second = 0, part = 0;
    if (minute >= 0 && skip(&at, ':')) {
        second = number(&at, 2);
        if (second >= 0 && skip(&at, '.'))
            part = number(&at, 3);
    }
    bool fits = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60 && part >= 0;
    return fits && strcmp(at, "Z") == 0 ? ((hour * 60 + minute) * INT64_C(60) + second) * 1000 + part : -1;
}

/* "2h" to the end of the text, in ms; -1 when it is not that. */
static int64_t take_span(const char *at)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', DAY_S * 1000}};
    int64_t count = 0;
    size_t digits = strspn(at, "0123456789");
    for (size_t i = 0; i < digits && count <= AGO_MAX_MS; i++)
        count = count * 10 + (at[i] - '0');
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (digits > 0 && at[digits] == units[i].unit && at[digits + 1] == '\0' && count <= AGO_MAX_MS / units[i].ms)
            return count * units[i].ms;
    }
    return -1;
}

int moment_parse(const char *text, int64_t now_ms, int64_t *out)
{
    const char *at = text;
    int64_t span = take_span(text), days, into = 0;
    if (span >= 0) {
        *out = now_ms > span ? now_ms - span : 0;
        return 0;
    }
    if (take_date(&at, &days) != 0)
        return ERR_INVALID;
    if (*at != '\0')
        into = skip(&at, 'T') ? take_time(at) : -1;
    if (into < 0)
        return ERR_INVALID;
    *out = days * DAY_S * 1000 + into;
    return 0;
}
