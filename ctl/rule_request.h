/*
 * The rules that isobarctl init is asked for: by a file, or by the options of before there was one. What is not said
 * holds at its default in a new installation, and is what an existing one has.
 */
#ifndef CTL_RULE_REQUEST_H
#define CTL_RULE_REQUEST_H

#include "context.h"
#include "installation.h"

#include <stdint.h>

#define RULE_REQUEST_WINDOWS "10m:2d,1h:30d,1d:2y"

/* Options of init; borrowed texts, empty when not said. */
struct rule_request {
    const char *file, *windows, *pane;
    int64_t lateness_s; /* 0: not said */
};

/* Fills rules (as version 1) and pane of `wanted`, whose partitions are known. Returns the exit code; what is wrong is
 * said. */
int rule_request_read(struct context *context, const struct rule_request *request, struct installation *wanted)
    __attribute__((warn_unused_result));
/* Whether the installation has what was asked for. Returns the exit code: 0, or 77, which names the difference. */
int rule_request_compare(struct context *context, const struct rule_request *request, const struct installation *there,
                         const struct installation *wanted) __attribute__((warn_unused_result));

#endif
