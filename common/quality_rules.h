/*
 * The section [quality] of the rules (docs/rules.md): limits of quality control as text, in the units of the API, to
 * and from struct quality_limits. A key is known by its number, so that its reader can tell when one comes twice.
 */
#ifndef ISOBAR_QUALITY_RULES_H
#define ISOBAR_QUALITY_RULES_H

#include "buf.h"
#include "quality.h"

#define QUALITY_KEYS 80 /* keys have numbers below it; not every number is a key */

/* Number of the key of that name, -1 when there is none. */
int quality_rules_find(const char *name);
/*
 * Sets the key from its text. ERR_INVALID, with a sentence without its end in `error`, when it is none; `limits` stays
 * then.
 */
int quality_rules_set(struct quality_limits *limits, int key, const char *value, struct buf *error)
    __attribute__((warn_unused_result));
/* Appends a line for each key. Setting them gives the same limits, but for the ranges of the operator's own values. */
void quality_rules_print(const struct quality_limits *limits, struct buf *out);

#endif
