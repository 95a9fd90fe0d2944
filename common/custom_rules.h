/*
 * The sections [metric NAME] of the rules (docs/rules.md): metrics of the operator's own as text, to and from struct
 * custom_set. What a number means depends on the scale, which may come after it, so values are judged at the end.
 */
#ifndef ISOBAR_CUSTOM_RULES_H
#define ISOBAR_CUSTOM_RULES_H

#include "buf.h"
#include "custom.h"
#include "quality.h"

#include <stddef.h>

#define CUSTOM_VALUE_BYTES 32

struct custom_rule {
    struct custom custom;                                          /* without its range */
    int32_t number;                                                /* -1: not given yet */
    char minimum[CUSTOM_VALUE_BYTES], maximum[CUSTOM_VALUE_BYTES]; /* as given, "": not */
    unsigned given;                                                /* bit per key */
    int line;                                                      /* its section begins there */
    bool wrong;                                                    /* a key of it was refused */
};

/* Sections as they are read; zeroed there are none. */
struct custom_rules {
    struct custom_rule list[CUSTOM_COUNT];
    size_t count;
};

/* A section begins; one that comes again goes on. ERR_INVALID with a sentence without its end in `error`. */
int custom_rules_begin(struct custom_rules *rules, const char *metric, int line, struct buf *error)
    __attribute__((warn_unused_result));
/* Sets a key of a section that has begun; as above. One that could not begin is passed over. */
int custom_rules_set(struct custom_rules *rules, const char *metric, const char *key, const char *value,
                     struct buf *error) __attribute__((warn_unused_result));
/*
 * What the section at `index` says, into `set`, and its range into `limits`. ERR_INVALID with a sentence when that is
 * not sound; a section with a key that was refused says nothing.
 */
int custom_rules_take(const struct custom_rules *rules, size_t index, struct custom_set *set,
                      struct quality_limits *limits, struct buf *error) __attribute__((warn_unused_result));
/* Appends a section for each metric; reading them gives the same set and limits. */
void custom_rules_print(const struct custom_set *set, struct buf *out);

#endif
