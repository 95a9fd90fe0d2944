/*
 * What a request brings to prove who sends it: the token of `Authorization: Bearer` (RFC 6750, 2.1) and a cookie (RFC
 * 6265, 5.4). Pure; the texts come from anybody.
 */
#ifndef DASHBOARD_BEARER_H
#define DASHBOARD_BEARER_H

#include <stdbool.h>
#include <stddef.h>

#define BEARER_MIN   16  /* characters of a token; fewer could be guessed */
#define BEARER_BYTES 257 /* of a token, with the closing '\0' */

/* True when `token` may be one: BEARER_MIN to BEARER_BYTES - 1 visible ASCII characters. */
bool bearer_valid(const char *token);
/* The token of the header Authorization; false when it has another form. The scheme's case does not matter. */
bool bearer_token(const char *header, char out[BEARER_BYTES]);
/* The value of the first cookie of that name in the header Cookie (NULL allowed); false without one, or when it is
 * longer than `size` - 1. */
bool bearer_cookie(const char *header, const char *name, char *out, size_t size);
/* Whether both texts are the same, in a time that depends on the length of `given` alone. */
bool bearer_equal(const char *given, const char *known);

#endif
