/* Random ids, from the kernel (entropy.h); jitter is in jitter.c. */
#include "entropy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static void kernel_bytes(void *out, size_t size)
{
    ssize_t got;
    /* At most 256 bytes are never short; only the wait for entropy at boot can be interrupted (getrandom(2)). */
    do
        got = getrandom(out, size, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)size) {
        fputs("getrandom failed\n", stderr);
        abort();
    }
}

void entropy_id(char *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    kernel_bytes(bytes, sizeof bytes);
    for (int i = 0; i < 16; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[32] = '\0';
}

int64_t entropy_i63(void)
{
    uint64_t value = 0;
    while (value == 0) {
        kernel_bytes(&value, sizeof value);
        value >>= 1;
    }
    return (int64_t)value;
}
