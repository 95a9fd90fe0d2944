/*
 * HMAC-SHA256 (RFC 2104, FIPS 180-4), for signatures that a receiver can check. The only part that uses libcrypto's.
 */
#ifndef ISOBAR_HMAC_H
#define ISOBAR_HMAC_H

#include <stddef.h>

#define HMAC_HEX_BYTES 65

/* The code of `size` bytes under `key` as 64 lower-case hex digits and '\0'; returns `out`. */
const char *hmac_sha256_hex(const char *key, const void *bytes, size_t size, char out[HMAC_HEX_BYTES]);

#endif
