/* Random ids from the kernel, jitter from a small generator (entropy.h). */
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

void jitter_init(struct jitter *jitter, uint64_t seed)
{
    jitter->state = seed ? seed : (uint64_t)entropy_i63();
}

static uint64_t jitter_next(struct jitter *jitter)
{
    uint64_t z = jitter->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t jitter_below(struct jitter *jitter, int64_t bound)
{
    if (bound <= 0)
        return 0;
    return (int64_t)(((unsigned __int128)jitter_next(jitter) * (uint64_t)bound) >> 64);
}

int64_t jitter_backoff_ms(struct jitter *jitter, int attempt, int64_t base_ms, int64_t cap_ms)
{
    int64_t limit = base_ms < cap_ms ? base_ms : cap_ms;
    for (int i = 0; i < attempt && limit > 0 && limit < cap_ms; i++)
        limit = limit > cap_ms / 2 ? cap_ms : limit * 2;
    return jitter_below(jitter, limit < INT64_MAX ? limit + 1 : limit);
}
