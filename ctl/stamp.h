/*
 * Times as data carry them: RFC 3339 with its zone, or Unix time. Pure. (What operators type is moment.h.)
 */
#ifndef CTL_STAMP_H
#define CTL_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#define STAMP_WANTED                                                                                                   \
    "a time with its zone, such as 2026-11-30T12:00:00Z or 2026-11-30T13:00+01:00, or Unix time in s or ms wanted"

/*
 * Reads `text` into Unix ms: "2026-11-30T12:00[:30[.250]]" with T, t or a blank in the middle and "Z", "z" or "+01:00"
 * at the end; or a number of seconds ("1796040000.25") or, from 100,000,000,000 on, of ms. `unit_ms` says what a number
 * counts: 1000, 1, or 0 for what its size says. Parts below a millisecond are cut off. False for anything else: a date
 * that no calendar has, a second 60, a time before 1970 or after 9999.
 */
bool stamp_parse(const char *text, int32_t unit_ms, int64_t *out) __attribute__((warn_unused_result));

#endif
