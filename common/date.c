/* See date.h. Years begin in March here, so that the leap day is the last one. */
#include "date.h"

#include <ctype.h>
#include <string.h>

#define ERA_YEARS  400
#define ERA_DAYS   146097
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

static int32_t floor_divide(int32_t a, int32_t b)
{
    return a / b - (a % b < 0);
}

int32_t date_number(const struct date *date)
{
    int32_t year = date->year - (date->month <= 2), era = floor_divide(year, ERA_YEARS),
            of_era = year - era * ERA_YEARS;
    int32_t month = (date->month + 9) % 12; /* March is 0 */
    int32_t of_year = (153 * month + 2) / 5 + date->day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

struct date date_of(int32_t number)
{
    int32_t days = number + EPOCH_DAYS, era = floor_divide(days, ERA_DAYS), of_era = days - era * ERA_DAYS;
    int32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int32_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    struct date date = {.month = month < 10 ? month + 3 : month - 9, .day = of_year - (153 * month + 2) / 5 + 1};
    date.year = year + era * ERA_YEARS + (date.month <= 2);
    return date;
}

int32_t date_weekday(int32_t number)
{
    return number + 4 - floor_divide(number + 4, 7) * 7; /* 1970-01-01 was a Thursday */
}

static char *put(char *at, int32_t value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + width;
}

const char *date_text(int32_t number, char *out)
{
    struct date date = date_of(number);
    char *at = put(out, date.year, 4);
    *at++ = '-';
    at = put(at, date.month, 2);
    *at++ = '-';
    *put(at, date.day, 2) = '\0';
    return out;
}

static int32_t digits(const char *text, int count)
{
    int32_t value = 0;
    for (int i = 0; i < count; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

bool date_parse(const char *text, int32_t *number)
{
    static const char form[] = "dddd-dd-dd";
    char again[DATE_BYTES];
    if (strlen(text) != sizeof form - 1)
        return false;
    for (size_t i = 0; i < sizeof form - 1; i++) {
        if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
            return false;
    }
    struct date date = {digits(text, 4), digits(text + 5, 2), digits(text + 8, 2)};
    if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31)
        return false;
    *number = date_number(&date);
    return *number >= 0 && strcmp(date_text(*number, again), text) == 0; /* no 30th of February */
}
