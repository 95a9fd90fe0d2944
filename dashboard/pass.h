/*
 * The pass of who has signed in: the value of the session's cookie. It holds role, name and the time it ends, sealed by
 * HMAC-SHA256 under a key that is derived from the token that was shown: so no server keeps anything, all that have the
 * same token take it, and it ends when the token is changed. Pure.
 *
 *     1.<o|r>.<end, Unix s>.<name in hex>.<seal in hex>
 */
#ifndef DASHBOARD_PASS_H
#define DASHBOARD_PASS_H

#include "hmac.h"

#include <stdbool.h>
#include <stdint.h>

#define PASS_NAME_BYTES 65  /* of a name, with the closing '\0' */
#define PASS_BYTES      256 /* of a pass, with the closing '\0' */
#define PASS_CSRF_BYTES 33
#define PASS_ENDS_MAX   (INT64_MAX / 1000) /* later ends have no value in ms */

enum pass_role { PASS_NOBODY, PASS_READER, PASS_OPERATOR }; /* each may what those before may */

struct pass {
    enum pass_role role;
    int64_t ends_s; /* Unix time */
    char name[PASS_NAME_BYTES];
};

/* The key of passes that a token gives; returns `out`. */
const char *pass_key(const char *token, char out[HMAC_HEX_BYTES]);
/* True for a name that a pass may have: 1 to PASS_NAME_BYTES - 1 bytes of UTF-8 without control characters. */
bool pass_name_valid(const char *name);
/* Writes the pass, whose role is not NOBODY and whose name is valid; returns `out`. */
const char *pass_seal(const struct pass *pass, const char *key, char out[PASS_BYTES]);
/* Reads a pass that was sealed under `key` and has not ended at `now_s` and ends by PASS_ENDS_MAX; false for any other
 * text. */
bool pass_open(const char *text, const char *key, int64_t now_s, struct pass *pass);
/* What a page shows to prove that it could read an answer of ours: bound to `what`, a pass or a name. Returns `out`. */
const char *pass_csrf(const char *what, const char *key, char out[PASS_CSRF_BYTES]);

#endif
