/*
 * Time zones by their IANA name: "Asia/Kathmandu". Each is read once from the system's time zone data (TZDIR, or
 * /usr/share/zoneinfo), shared by all who ask, and lives as long as the process; a zone costs about a kilobyte. NULL
 * is UTC everywhere. Not for several threads.
 *
 * Offsets are in force from a whole quarter of an hour on and multiples of it, rounded down (tzif.h), so that a day
 * always begins where a pane of 15 minutes begins.
 */
#ifndef ISOBAR_ZONE_H
#define ISOBAR_ZONE_H

#include <stdint.h>

#define ZONE_NAME_MAX   64 /* bytes */
#define ZONE_QUARTER_MS INT64_C(900000)

struct zone;

/*
 * The zone of that name. NULL when there is none, the data are damaged, or the name is none: it has 1 to ZONE_NAME_MAX
 * letters, digits, '_', '+', '-' or '/', and no part of it is empty. Nothing outside the data's folder is opened.
 */
const struct zone *zone_get(const char *name) __attribute__((warn_unused_result));
/* Its name; "" of NULL. */
const char *zone_name(const struct zone *zone);
/* What local time is ahead of UTC at the instant (Unix ms, 1970 to 9999), in ms. */
int64_t zone_offset_ms(const struct zone *zone, int64_t at_ms);
/* The next instant after `at_ms` at which the offset may change; INT64_MAX when it never does again. */
int64_t zone_change_ms(const struct zone *zone, int64_t at_ms);

#endif
