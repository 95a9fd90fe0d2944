/* See enough.h. */
#include "enough.h"

#include "../fetcher/provider.h"
#include "duration.h"

static void say_nearest(const struct cadence *cadence, int64_t cities, const struct account *account,
                        const struct provider *provider, struct buf *text)
{
    int64_t every = cadence_interval_ms(cadence, cities, &account->limits, provider->interval_ms);
    if (every) {
        buf_printf(text, "%lld cities fit every ", (long long)cities);
        duration_print(every, text);
        buf_text(text, "; ");
    }
    buf_text(text, "every ");
    duration_print(cadence->interval_ms, text);
    buf_printf(text, ", %lld cities fit", (long long)cadence_cities(cadence, &account->limits));
}

bool enough_for(const struct account *account, int64_t cities, int64_t every_ms, struct buf *text)
{
    const struct provider *provider = provider_find(account->name);
    if (!provider)
        return true;
    struct cadence cadence = provider_cadence(provider, provider->air_by_default, every_ms);
    if (cadence_fits(&cadence, cities, &account->limits))
        return true;
    enum limit_window tightest = cadence_tightest(&cadence, cities, &account->limits);
    buf_printf(text, "%lld cities every ", (long long)cities);
    duration_print(cadence.interval_ms, text);
    buf_printf(text, " need %.0f calls of %s in any %s, of which %lld are allowed (%d %% of them count as usable); ",
               (double)cadence_needs(&cadence, cities, tightest) / 1000, account->name, limit_window_word(tightest),
               (long long)account->limits.units[tightest], CADENCE_USABLE_PERCENT);
    say_nearest(&cadence, cities, account, provider, text);
    return false;
}
