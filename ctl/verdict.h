/* What isobarctl verify found, on a terminal or as JSON. */
#ifndef CTL_VERDICT_H
#define CTL_VERDICT_H

#include "audit.h"

#include <stdbool.h>
#include <stdint.h>

struct verdict {
    const struct audit *audits; /* borrowed, one per partition */
    int32_t partitions;
    bool verbose;        /* a line for good partitions too */
    bool full, journals; /* windows were recounted, journals read */
    int64_t recounted;   /* windows */
    int64_t journal_lines;
    int64_t utc_days; /* keys that were left aside: days by UTC, of an older version */
};

/* Prints the findings and the sum. Returns the exit code: 0 when there is none. */
int verdict_print(const struct verdict *verdict) __attribute__((warn_unused_result));
/* The same as one JSON object. */
int verdict_json(const struct verdict *verdict) __attribute__((warn_unused_result));

#endif
