/*
 * Time zone data as the IANA database's compiler writes it: TZif files (RFC 8536, version 2 and later) with the rule
 * after the last transition as a POSIX TZ string. Pure: bytes in, changes out. Strict, with bounded sizes: files are
 * ours, but a damaged one must not make days of the wrong length. Files with leap seconds ("right/") are refused.
 *
 * Offsets and instants are in quarters of an hour, rounded as docs/semantics.md says: a change is felt from the next
 * whole quarter on, and an offset is rounded down. What was before 1970 is left out.
 */
#ifndef ISOBAR_TZIF_H
#define ISOBAR_TZIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TZIF_QUARTER_S 900
#define TZIF_MAX_BYTES (64 * 1024) /* of a file; the largest of 2025 has 4 KiB */

/* From `at` on, UTC is behind local time by `offset`; both in quarters of an hour. */
struct tzif_change {
    int32_t at; /* since 1970-01-01 0:00 UTC */
    int32_t offset;
};

/* A day of the year at which summer time begins or ends, and the time of that day. */
struct tzif_day {
    enum { TZIF_JULIAN, TZIF_NUMBER, TZIF_WEEKDAY } kind; /* Jn: 1..365 without the leap day; n: 0..365; Mm.w.d */
    int32_t day;                                          /* n; of a weekday 0..6 */
    int32_t month, week;
    int32_t time_s; /* local, may be negative or beyond the day */
};

/* Summer time for ever after. */
struct tzif_rule {
    int32_t standard_s, summer_s; /* offsets east of UTC */
    struct tzif_day begins, ends;
};

struct tzif {
    struct tzif_change *changes; /* ascending; the first one is at INT32_MIN; owned */
    size_t count;
    bool has_rule; /* it holds from the last change on */
    struct tzif_rule rule;
};

/* Decodes a file; ERR_INVALID when it is damaged or too large, and nothing is held then. */
int tzif_decode(struct tzif *tzif, const void *bytes, size_t size) __attribute__((warn_unused_result));
/* Frees the changes. */
void tzif_release(struct tzif *tzif);
/* The change that is in force at the quarter `at`. O(log changes), or a constant by the rule. */
struct tzif_change tzif_at(const struct tzif *tzif, int32_t at);
/* The first change after the quarter `at`; its `at` is INT32_MAX when there is none. */
struct tzif_change tzif_after(const struct tzif *tzif, int32_t at);

#endif
