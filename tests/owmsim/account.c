/* See account.h. Spans are summed anew for each call: a test's few thousand calls are soon summed. */
#include "account.h"

#include "mem.h"

#include <stdlib.h>

void account_init(struct account *account)
{
    *account = (struct account){.limits = limits_none()};
}

void account_release(struct account *account)
{
    free(account->calls);
    account_init(account);
}

static int64_t used_since(const struct account *account, int64_t since_ms)
{
    int64_t sum = 0;
    for (size_t i = account->count; i-- > 0 && account->calls[i].at_ms > since_ms;)
        sum += account->calls[i].milli;
    return sum;
}

enum limit_window account_take(struct account *account, int64_t milli, int64_t now_ms)
{
    for (int window = 0; window < LIMIT_WINDOWS; window++) {
        int64_t units = account->limits.units[window];
        int64_t since_ms = now_ms - limit_window_ms((enum limit_window)window);
        if (units != LIMIT_NONE && used_since(account, since_ms) + milli > units * 1000)
            return (enum limit_window)window;
    }
    account->used_milli += milli;
    if (limits_unlimited(&account->limits))
        return LIMIT_WINDOWS;
    if (account->count == account->capacity) {
        account->capacity = account->capacity ? account->capacity * 2 : 64;
        account->calls = mem_grow(account->calls, account->capacity, sizeof *account->calls);
    }
    account->calls[account->count++] = (struct account_call){now_ms, milli};
    return LIMIT_WINDOWS;
}
