/*
 * Dates of the Gregorian calendar as day numbers: days since 1970-01-01, negative before. Pure.
 */
#ifndef ISOBAR_DATE_H
#define ISOBAR_DATE_H

#include <stdbool.h>
#include <stdint.h>

#define DATE_DAY_MS INT64_C(86400000) /* a day of 24 hours */
#define DATE_BYTES  11                /* of "2026-11-30" */
#define DATE_MAX    2932896           /* 9999-12-31 */

struct date {
    int32_t year;  /* 1 BC is 0 */
    int32_t month; /* 1..12 */
    int32_t day;   /* 1..31 */
};

/* Day number of a date (Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil). */
int32_t date_number(const struct date *date);
/* The date of a day number (the same, civil_from_days). */
struct date date_of(int32_t number);
/* 0 Sunday to 6 Saturday. */
int32_t date_weekday(int32_t number);
/* Writes `number`, 0 to DATE_MAX, as 2026-11-30 into `out` of DATE_BYTES; returns it. */
const char *date_text(int32_t number, char *out);
/* Reads exactly what date_text writes; false for anything else. */
bool date_parse(const char *text, int32_t *number) __attribute__((warn_unused_result));

#endif
