/*
 * Times as an operator writes them. Pure: "now" is a parameter.
 */
#ifndef CTL_MOMENT_H
#define CTL_MOMENT_H

#include <stdint.h>

#define MOMENT_WANTED "2h (ago; s, m, h, d), 2026-11-30, or 2026-11-30T12:00Z"

/*
 * Reads `text` into Unix ms: a time of UTC, "2026-11-30T12:00[:30[.250]]Z"; a date, which is its first instant in UTC;
 * or how long before `now_ms`, "2h" (a number of s, m, h or d, at most 100 years). ERR_INVALID for anything else, also
 * a date that no calendar has and times before 1970 or after 9999.
 */
int moment_parse(const char *text, int64_t now_ms, int64_t *out) __attribute__((warn_unused_result));
/* Reads a date "2026-11-30" as days after 1970-01-01; ERR_INVALID as above. */
int moment_date(const char *text, int64_t *days) __attribute__((warn_unused_result));

#endif
