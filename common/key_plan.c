/* See key_plan.h. */
#include "key_plan.h"

#include "error.h"
#include "text.h"

#include <stdbool.h>
#include <string.h>

#define OPENWEATHERMAP_SOURCE                                                                                          \
    "third-party profile of openweathermap.org/price, unverified; limits are per account, not per key"
#define SHARED_PLACE "the same place more often than every 10 minutes says nothing new"

static const struct key_plan plans[] = {
    {"openweathermap", "free", "60/m,1000000/mo", OPENWEATHERMAP_SOURCE, SHARED_PLACE},
    {"openweathermap", "startup", "600/m,10000000/mo", OPENWEATHERMAP_SOURCE, SHARED_PLACE},
    {"openweathermap", "developer", "3000/m,100000000/mo", OPENWEATHERMAP_SOURCE, SHARED_PLACE},
    {"openweathermap", "professional", "30000/m,1000000000/mo", OPENWEATHERMAP_SOURCE, SHARED_PLACE},
    {"open-meteo", "free", "600/m,5000/h,10000/d",
     "open-meteo.com/en/terms: 600 calls a minute, 5,000 an hour, 10,000 a day and IP address",
     "for non-commercial use; each location counts, and more than ten variables count more"},
    {"metar", "free", "100/m",
     "third-party profile of aviationweather.gov/data/api, unverified: 100 requests a minute and address",
     "a call asks for up to 200 stations; who asks more often than that is shut out for a while"},
    {"replay", "unlimited", "unlimited", "recorded answers of one's own", ""},
};
#define PLANS (sizeof plans / sizeof *plans)

const struct key_plan *key_plans(size_t *count)
{
    *count = PLANS;
    return plans;
}

static const struct key_plan *find(const char *account, const char *name, size_t size)
{
    for (size_t i = 0; i < PLANS; i++) {
        if (strcmp(plans[i].account, account) == 0 && strlen(plans[i].name) == size &&
            memcmp(plans[i].name, name, size) == 0)
            return &plans[i];
    }
    return NULL;
}

const struct key_plan *key_plan_find(const char *account, const char *name)
{
    return find(account, name, strlen(name));
}

void key_plan_names(const char *account, struct buf *out)
{
    const char *between = "";
    bool known = false;
    for (size_t i = 0; i < PLANS; i++)
        known |= strcmp(plans[i].account, account) == 0;
    for (size_t i = 0; i < PLANS; i++) {
        if (known && strcmp(plans[i].account, account) != 0)
            continue;
        if (known)
            buf_printf(out, "%s%s", between, plans[i].name);
        else
            buf_printf(out, "%s%s=%s", between, plans[i].account, plans[i].name);
        between = ", ";
    }
}

int key_plan_limits(const char *account, const char *text, size_t size, struct limits *out,
                    const struct key_plan **plan, struct buf *error)
{
    const struct key_plan *found = find(account, text, size);
    if (plan)
        *plan = found;
    if (found)
        return limits_parse(found->limits, strlen(found->limits), out, error);
    if (memchr(text, '/', size) || (size == 9 && memcmp(text, "unlimited", size) == 0))
        return limits_parse(text, size, out, error);
    size_t from = error->size;
    buf_printf(error, "'%.*s' is neither limits (60/m,1000000/mo) nor one of the plans: ", size < 40 ? (int)size : 40,
               text);
    text_tame(error, from);
    key_plan_names(account, error);
    return ERR_INVALID;
}
