/*
 * How much an account may use of an API: at most so many units in any span of one length, for up to one limit per
 * length. Text form, as options have it: `60/m,1000000/mo`, or `unlimited`. A unit is what the API counts as one call;
 * sums are in thousandths, since some calls weigh a fraction more. Pure.
 */
#ifndef ISOBAR_LIMIT_H
#define ISOBAR_LIMIT_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

/* By length. A month is 31 days, the longest there is: what fits that fits every month. */
enum limit_window { LIMIT_SECOND, LIMIT_MINUTE, LIMIT_HOUR, LIMIT_DAY, LIMIT_MONTH, LIMIT_WINDOWS };

#define LIMIT_NONE      INT64_C(-1)
#define LIMIT_UNITS_MAX INT64_C(1000000000)
/* Of a second and a minute: they are told as thousandths in 32 bits. */
#define LIMIT_SHORT_MAX INT64_C(1000000)

struct limits {
    int64_t units[LIMIT_WINDOWS]; /* whole units in any such span; LIMIT_NONE */
};

/* No limit of any length. */
struct limits limits_none(void);
/*
 * Reads `size` bytes: at least one limit, each length at most once, in any order, without blanks. 0, or ERR_INVALID
 * with one line in `error` that names what is wrong and where; `out` is undefined then.
 */
int limits_parse(const char *text, size_t size, struct limits *out, struct buf *error)
    __attribute__((warn_unused_result));
/* Appends the text form, shortest length first; `unlimited` for none. */
void limits_print(const struct limits *limits, struct buf *out);
/* Whether there is no limit at all. */
bool limits_unlimited(const struct limits *limits);
/* Length in ms. */
int64_t limit_window_ms(enum limit_window window);
/* Its unit in the text form, e.g. "mo"; static. */
const char *limit_window_name(enum limit_window window);
/* The same as a word, e.g. "month"; static. */
const char *limit_window_word(enum limit_window window);

#endif
