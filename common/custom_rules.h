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
};

/* Sections as they are read; zeroed there are none. */
struct custom_rules {
    struct custom_rule list[CUSTOM_COUNT];
    size_t count;
};

/*
 * Sets a key of the section of that metric, which is made when it is not there. ERR_INVALID with a sentence without
 * its end in `error`.
 */
int custom_rules_set(struct custom_rules *rules, const char *metric, const char *key, const char *value,
                     struct buf *error) __attribute__((warn_unused_result));
/*
 * What all sections together say: the definitions, checked (custom_check), and their ranges as limits of quality
 * control. ERR_INVALID with a sentence for the first mistake.
 */
int custom_rules_finish(const struct custom_rules *rules, struct custom_set *set, struct quality_limits *limits,
                        struct buf *error) __attribute__((warn_unused_result));
/* Appends a section for each metric; reading them gives the same set and limits. */
void custom_rules_print(const struct custom_set *set, struct buf *out);

#endif
