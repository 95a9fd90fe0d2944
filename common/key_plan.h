/*
 * What providers allow under the plans that they sell or give away, so that nobody has to look it up: a table, with
 * where each figure comes from. It is a convenience: limits that are written out always win.
 */
#ifndef ISOBAR_KEY_PLAN_H
#define ISOBAR_KEY_PLAN_H

#include "limit.h"

#include <stddef.h>

struct key_plan {
    const char *account; /* as fetchers name it: the provider's name */
    const char *name;    /* e.g. "free" */
    const char *limits;  /* text form */
    const char *source;  /* where the figures come from, and how sure they are */
    const char *note;    /* what else binds who uses it; may be empty */
};

/* The plan of that name for the account; NULL when there is none. */
const struct key_plan *key_plan_find(const char *account, const char *name);
/* All rows. */
const struct key_plan *key_plans(size_t *count);
/* Appends the names of the account's plans, comma-separated; those of all accounts as account=plan when it has none. */
void key_plan_names(const char *account, struct buf *out);
/*
 * `size` bytes that are the name of a plan of the account, or limits. 0, or ERR_INVALID with one line in `error`.
 * `plan` (may be NULL) is set to the plan, or NULL for limits.
 */
int key_plan_limits(const char *account, const char *text, size_t size, struct limits *out,
                    const struct key_plan **plan, struct buf *error) __attribute__((warn_unused_result));

#endif
