/*
 * The tokens that let people in (access.h), from files that can change while the program runs, or from the environment
 * as other secrets are. Nothing of them is logged.
 */
#ifndef DASHBOARD_SECRET_H
#define DASHBOARD_SECRET_H

#include "access.h"
#include "buf.h"

struct secret_source {
    const char *name;  /* operator_token */
    const char *file;  /* its first line is the token; "": none, `value` is */
    const char *value; /* "": there is no token */
};

/*
 * Reads both and hands them to `access`, unless one cannot be used: ERR_INVALID with the reason, which names the file
 * or the option, in `error`, and `access` keeps what it has. The two must differ.
 */
int secret_load(const struct secret_source *operator_token, const struct secret_source *reader_token,
                struct access *access, struct buf *error) __attribute__((warn_unused_result));

#endif
