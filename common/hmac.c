/* See hmac.h. */
#include "hmac.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define BYTES 32

const char *hmac_sha256_hex(const char *key, const void *bytes, size_t size, char out[HMAC_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char code[BYTES];
    unsigned int used = 0;
    const unsigned char *good = HMAC(EVP_sha256(), key, (int)strlen(key), bytes, size, code, &used);
    assert(good && used == BYTES); /* only a libcrypto without SHA-256 would refuse */
    for (size_t i = 0; i < BYTES; i++) {
        out[2 * i] = digits[code[i] >> 4];
        out[2 * i + 1] = digits[code[i] & 15];
    }
    out[2 * BYTES] = '\0';
    return out;
}
