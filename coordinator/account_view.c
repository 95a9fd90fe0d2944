/* The quota in the leader's view and in the metrics (coordinator.h; docs/contracts.md has the shape). */
#include "coordinator.h"

#include "metric.h"

#include <jansson.h>
#include <string.h>

/* What is in use now of one limit, in thousandths of units. */
struct usage {
    int64_t limit_milli, counted_milli, open_milli, eases_ms;
};

static int64_t shares_in_use(const struct coordinator *coordinator, const struct account *account, bool second)
{
    int64_t used = 0, total = account->limits.units[second ? LIMIT_SECOND : LIMIT_MINUTE] * 1000;
    for (const struct member *member = coordinator->members.first; member; member = member->next) {
        const struct member_account *of = member_account(member, account->name);
        if (of)
            used += quota_in_use(second ? &of->second : &of->minute, 1, (int32_t)total, coordinator->now_ms);
    }
    return used;
}

/* False when the account has no such limit. */
static bool usage_of(const struct coordinator *coordinator, const struct account *account, enum limit_window window,
                     struct usage *usage)
{
    const struct quota_ledger *ledger = &account->ledger;
    *usage = (struct usage){.limit_milli = account->limits.units[window] * 1000};
    if (account->limits.units[window] == LIMIT_NONE)
        return false;
    if (window < LIMIT_HOUR)
        usage->counted_milli = shares_in_use(coordinator, account, window == LIMIT_SECOND);
    for (size_t i = 0; i < ledger->line_count; i++) {
        if (ledger->lines[i].window != window)
            continue;
        usage->counted_milli = quota_line_counted(ledger, &ledger->lines[i]);
        usage->open_milli = ledger->open_milli;
        usage->eases_ms = quota_line_eases_ms(&ledger->lines[i], ledger->now_ms);
    }
    return true;
}

static json_t *windows_json(const struct coordinator *coordinator, const struct account *account)
{
    json_t *list = json_array();
    struct usage usage;
    for (enum limit_window w = 0; w < LIMIT_WINDOWS; w++) {
        if (usage_of(coordinator, account, w, &usage))
            json_array_append_new(
                list, json_pack("{s:s,s:I,s:f,s:f,s:I}", "window", limit_window_name(w), "limit",
                                (json_int_t)account->limits.units[w], "spent", (double)usage.counted_milli / 1000,
                                "open", (double)usage.open_milli / 1000, "eases_ms", (json_int_t)usage.eases_ms));
    }
    return list;
}

static int fetchers_of(const struct coordinator *coordinator, const char *name)
{
    int count = 0;
    for (const struct member *member = coordinator->members.first; member; member = member->next)
        count += member->role == ISOBAR__V1__ROLE__FETCHER && member->state == MEMBER_LIVE &&
                 (!name || member_account(member, name));
    return count;
}

static json_t *account_json(const struct coordinator *coordinator, const struct account *account)
{
    struct buf limits = BUF_EMPTY;
    limits_print(&account->limits, &limits);
    json_t *json = json_pack("{s:s,s:s,s:s,s:i,s:I,s:I,s:o}", "account", account->name, "plan",
                             account->plan ? account->plan->name : "", "limits", limits.data, "fetchers",
                             fetchers_of(coordinator, account->name), "limited_ms",
                             (json_int_t)grant_limited_ms(coordinator, account->name), "losses",
                             (json_int_t)account->ledger.losses, "windows", windows_json(coordinator, account));
    buf_release(&limits);
    return json;
}

json_t *account_view(const struct coordinator *coordinator)
{
    const struct accounts *accounts = &coordinator->accounts;
    int fetchers = fetchers_of(coordinator, NULL);
    bool one = accounts->count == 1 && fetchers_of(coordinator, accounts->list[0].name) == fetchers;
    int64_t total = one ? accounts->list[0].limits.units[LIMIT_MINUTE] : coordinator->options->calls_per_minute;
    json_t *list = json_array();
    for (size_t i = 0; i < accounts->count; i++)
        json_array_append_new(list, account_json(coordinator, &accounts->list[i]));
    return json_pack("{s:I,s:i,s:f,s:o}", "calls_per_minute", (json_int_t)total, "fetchers", fetchers,
                     "share_per_minute", total < 0 || fetchers == 0 ? (double)total : (double)total / fetchers,
                     "accounts", list);
}

/* One family over all accounts and limits; `offset` of the figure in struct usage. */
static void family(const struct coordinator *coordinator, struct buf *out, const char *name, const char *help,
                   size_t offset)
{
    struct usage usage;
    metric_head(out, "coordinator", name, METRIC_GAUGE, help);
    for (size_t i = 0; i < coordinator->accounts.count; i++) {
        const struct account *account = &coordinator->accounts.list[i];
        for (enum limit_window w = 0; w < LIMIT_WINDOWS; w++) {
            struct buf labels = BUF_EMPTY;
            if (!usage_of(coordinator, account, w, &usage))
                continue;
            metric_label(&labels, "account", account->name);
            metric_label(&labels, "window", limit_window_name(w));
            int64_t milli = *(const int64_t *)(const void *)((const char *)&usage + offset);
            metric_sample(out, "coordinator", name, labels.data, (double)milli / 1000);
            buf_release(&labels);
        }
    }
}

void account_metrics(const struct coordinator *coordinator, struct buf *out)
{
    if (coordinator->accounts.count == 0 || coordinator->leading == LEAD_NOT)
        return;
    family(coordinator, out, "quota_limit", "units that an account may use in a window",
           offsetof(struct usage, limit_milli));
    family(coordinator, out, "quota_spent", "units that count now, open grants or shares in force included",
           offsetof(struct usage, counted_milli));
    family(coordinator, out, "quota_open", "units granted to fetchers and not settled yet",
           offsetof(struct usage, open_milli));
}
