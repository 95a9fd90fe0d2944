/* What tzif.c and tzif_rule.c share: the rule that holds after the last transition of a file. */
#ifndef ISOBAR_TZIF_INTERNAL_H
#define ISOBAR_TZIF_INTERNAL_H

#include "tzif.h"

/* Seconds as quarters of an hour, rounded down or up. */
int32_t tzif_floor(int64_t seconds);
int32_t tzif_ceiling(int64_t seconds);
/*
 * Reads a POSIX TZ string with the extensions of RFC 8536 (times of -167 to 167 h): std offset [dst [offset] , start
 * [/time] , end [/time]]. `*summer` tells whether it has summer time; without, the rule says nothing more than the last
 * transition did. ERR_INVALID for anything else.
 */
int tzif_rule_parse(const char *text, struct tzif_rule *rule, bool *summer) __attribute__((warn_unused_result));
/* The change in force at `at`, which is not before `last`, the last transition of the file. */
struct tzif_change tzif_rule_at(const struct tzif_rule *rule, struct tzif_change last, int32_t at);
/* The first change after `at`. */
struct tzif_change tzif_rule_after(const struct tzif_rule *rule, struct tzif_change last, int32_t at);

#endif
