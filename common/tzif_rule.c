/* The rule after the last transition (tzif_internal.h): parsing it, and the two changes that it makes of each year. */
#include "tzif_internal.h"

#include "date.h"
#include "error.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#define HOUR_S       3600
#define DAY_S        86400
#define DAY_QUARTERS 96
#define TIME_MAX_H   167
#define SUMMER_MAX_H 24
#define RULE_CHANGES 6 /* of the year before, the year, and the year after */

/* ---- parsing: each takes what it reads off `*text` ---- */

static bool take(const char **text, char wanted)
{
    bool there = **text == wanted;
    *text += there;
    return there;
}

static bool take_name(const char **text)
{
    size_t size;
    if (take(text, '<')) {
        size = strspn(*text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-");
        *text += size;
        return size >= 3 && take(text, '>');
    }
    for (size = 0; isalpha((unsigned char)(*text)[size]); size++)
        ;
    *text += size;
    return size >= 3;
}

static bool take_number(const char **text, int32_t low, int32_t high, int32_t *out)
{
    int digits = 0;
    for (*out = 0; isdigit((unsigned char)**text) && digits < 4; digits++)
        *out = *out * 10 + (*(*text)++ - '0');
    return digits > 0 && *out >= low && *out <= high;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(const char **text, int32_t most_h, int32_t *out)
{
    int32_t hours, minutes = 0, seconds = 0, sign = take(text, '-') ? -1 : 1;
    if (sign > 0)
        (void)take(text, '+');
    if (!take_number(text, 0, most_h, &hours) ||
        (take(text, ':') &&
         (!take_number(text, 0, 59, &minutes) || (take(text, ':') && !take_number(text, 0, 59, &seconds)))))
        return false;
    *out = sign * (hours * HOUR_S + minutes * 60 + seconds);
    return true;
}

/* ,Mm.w.d[/time] and the like. */
static bool take_day(const char **text, struct tzif_day *day)
{
    bool good = take(text, ',');
    day->time_s = 2 * HOUR_S;
    if (take(text, 'M')) {
        day->kind = TZIF_WEEKDAY;
        good = good && take_number(text, 1, 12, &day->month) && take(text, '.') &&
               take_number(text, 1, 5, &day->week) && take(text, '.') && take_number(text, 0, 6, &day->day);
    } else if (take(text, 'J')) {
        day->kind = TZIF_JULIAN;
        good = good && take_number(text, 1, 365, &day->day);
    } else {
        day->kind = TZIF_NUMBER;
        good = good && take_number(text, 0, 365, &day->day);
    }
    return good && (!take(text, '/') || take_time(text, TIME_MAX_H, &day->time_s));
}

int tzif_rule_parse(const char *text, struct tzif_rule *rule, bool *summer)
{
    int32_t west;
    *rule = (struct tzif_rule){0};
    *summer = false;
    if (!take_name(&text) || !take_time(&text, SUMMER_MAX_H, &west))
        return ERR_INVALID;
    rule->standard_s = -west;
    if (*text == '\0')
        return 0;
    if (!take_name(&text))
        return ERR_INVALID;
    rule->summer_s = rule->standard_s + HOUR_S;
    if (*text != ',') {
        if (!take_time(&text, SUMMER_MAX_H, &west))
            return ERR_INVALID;
        rule->summer_s = -west;
    }
    if (!take_day(&text, &rule->begins) || !take_day(&text, &rule->ends) || *text != '\0')
        return ERR_INVALID;
    *summer = true;
    return 0;
}

/* ---- the changes of a year ---- */

static bool leap(int32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int32_t number_of(int32_t year, int32_t month, int32_t day)
{
    return date_number(&(struct date){year, month, day});
}

/* The w-th such weekday of the month, the 5th being the last. */
static int32_t weekday_of(const struct tzif_day *day, int32_t year)
{
    int32_t first = number_of(year, day->month, 1);
    int32_t next = day->month == 12 ? number_of(year + 1, 1, 1) : number_of(year, day->month + 1, 1);
    int32_t number = first + (day->day - date_weekday(first) + 7) % 7 + 7 * (day->week - 1);
    return number >= next ? number - 7 : number;
}

/* When that day and time come in `year`, by a clock that is `offset_s` ahead of UTC. */
static int32_t quarter_of(const struct tzif_day *day, int32_t year, int32_t offset_s)
{
    int32_t number = number_of(year, 1, 1);
    if (day->kind == TZIF_WEEKDAY)
        number = weekday_of(day, year);
    else if (day->kind == TZIF_NUMBER)
        number += day->day;
    else
        number += day->day - 1 + (leap(year) && day->day >= 60); /* J60 is always the first of March */
    return tzif_ceiling((int64_t)number * DAY_S + day->time_s - offset_s);
}

/* The changes around the quarter `at`, ascending. Of two at once the beginning of summer time is the later one. */
static void changes_around(const struct tzif_rule *rule, int32_t at, struct tzif_change *out)
{
    int32_t standard = tzif_floor(rule->standard_s), summer = tzif_floor(rule->summer_s);
    int32_t day = at / DAY_QUARTERS - (at % DAY_QUARTERS < 0), year = date_of(day).year - 1;
    for (int i = 0; i < RULE_CHANGES; i += 2, year++) {
        struct tzif_change ends = {quarter_of(&rule->ends, year, rule->summer_s), standard};
        struct tzif_change begins = {quarter_of(&rule->begins, year, rule->standard_s), summer};
        bool ordered = ends.at <= begins.at;
        out[i] = ordered ? ends : begins;
        out[i + 1] = ordered ? begins : ends;
    }
}

struct tzif_change tzif_rule_at(const struct tzif_rule *rule, struct tzif_change last, int32_t at)
{
    struct tzif_change changes[RULE_CHANGES];
    changes_around(rule, at, changes);
    for (int i = 0; i < RULE_CHANGES; i++) {
        if (changes[i].at >= last.at && changes[i].at <= at)
            last = changes[i];
    }
    return last;
}

struct tzif_change tzif_rule_after(const struct tzif_rule *rule, struct tzif_change last, int32_t at)
{
    struct tzif_change changes[RULE_CHANGES];
    int32_t next = INT32_MAX;
    changes_around(rule, at, changes);
    for (int i = 0; i < RULE_CHANGES; i++) {
        if (changes[i].at > last.at && changes[i].at > at && changes[i].at < next)
            next = changes[i].at;
    }
    /* Of two at once the later one counts: summer time all year ends when it begins. */
    return next == INT32_MAX ? (struct tzif_change){next, last.offset} : tzif_rule_at(rule, last, next);
}
