/*
 * The message that commit.lua publishes on `updates` after each commit:
 * "<partition> <previous cid> <new cid> <field>,<field>,…". Pure; the text may be anything.
 */
#ifndef DASHBOARD_HINT_H
#define DASHBOARD_HINT_H

#include "citystate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HINT_CID_BYTES 33 /* 32 digits and the end */

struct hint {
    int32_t partition;
    char previous[HINT_CID_BYTES], next[HINT_CID_BYTES];
    const char *rest, *end; /* fields not taken yet; borrowed from the text */
};

/* Parses the head; false when the text is no hint of a partition below `partitions`. */
bool hint_parse(struct hint *hint, const char *text, size_t size, int32_t partitions);
/* Copies the next field name; false at the end. Names that cannot be fields of {p}:city are left out. */
bool hint_next(struct hint *hint, char field[CITY_FIELD_BYTES]);

#endif
