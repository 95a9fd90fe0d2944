/*
 * Shares of accounts' limits of a second and of a minute (coordinator.h, quota.h): who calls which account, what each
 * is told, and what is noted. An account that quota does not name has the calls a minute of the option, by itself.
 */
#include "coordinator.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

static struct quota_share *share_of(struct member_account *of, bool second)
{
    return second ? &of->second : &of->minute;
}

/* ---- what fetchers say ---- */

/* Without a share of a minute, or before a target came, none of a second is of any use. */
static int32_t second_in_force(int32_t minute_milli, int32_t second_milli)
{
    if (minute_milli == 0 || second_milli < 0)
        return 0;
    return second_milli == 0 ? QUOTA_UNLIMITED : second_milli;
}

static const Isobar__V1__QuotaShare *reported(const Isobar__V1__Heartbeat *heartbeat, const char *name)
{
    for (size_t i = 0; i < heartbeat->n_quota_shares; i++) {
        if (strcmp(heartbeat->quota_shares[i]->account, name) == 0)
            return heartbeat->quota_shares[i];
    }
    return NULL;
}

static void heard(struct coordinator *coordinator, struct member_account *of, int32_t minute_milli,
                  int32_t second_milli, bool current)
{
    int32_t before = of->minute.may_milli;
    quota_report(&of->minute, minute_milli, current);
    quota_report(&of->second, second_in_force(minute_milli, second_milli), current);
    coordinator->plan_due |= before != of->minute.may_milli;
}

void share_heard(struct coordinator *coordinator, struct member *member, const Isobar__V1__Heartbeat *heartbeat,
                 bool current)
{
    heard(coordinator, &member->accounts[0], heartbeat->calls_per_minute_milli, heartbeat->calls_per_second_milli,
          current);
    for (size_t i = 1; i < member->account_count; i++) {
        const Isobar__V1__QuotaShare *share = reported(heartbeat, member->accounts[i].name);
        heard(coordinator, &member->accounts[i], share ? share->calls_per_minute_milli : 0,
              share ? share->calls_per_second_milli : 0, current);
    }
}

/* ---- dividing ---- */

/* Those who call one account, in the order of the members. */
struct callers {
    struct quota_share *shares;
    struct member **members;
    struct member_account **accounts;
    size_t count;
};

static struct callers callers_of(const struct coordinator *coordinator, const char *name, bool second)
{
    size_t most = coordinator->members.count;
    struct callers callers = {.shares = mem_calloc(most, sizeof *callers.shares),
                              .members = mem_calloc(most, sizeof(struct member *)),
                              .accounts = mem_calloc(most, sizeof(struct member_account *))};
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        for (size_t i = 0; i < member->account_count; i++) {
            struct member_account *of = &member->accounts[i];
            if (strcmp(of->name, name) != 0)
                continue;
            struct quota_share *share = share_of(of, second);
            share->live = member_reachable(member) && member->beats;
            share->draining = member->state == MEMBER_DRAINING;
            share->heard_ms = member->heard_ms;
            callers.members[callers.count] = member;
            callers.accounts[callers.count] = of;
            callers.shares[callers.count++] = *share;
            break;
        }
    }
    return callers;
}

static void callers_free(struct callers *callers)
{
    free(callers->shares);
    free(callers->members);
    free(callers->accounts);
}

/* Divides one limit of one account. True when a share waits for a note. */
static bool divide(struct coordinator *coordinator, const char *name, bool second)
{
    int64_t units = grant_limits(coordinator, name).units[second ? LIMIT_SECOND : LIMIT_MINUTE];
    struct callers callers = callers_of(coordinator, name, second);
    (void)quota_divide(callers.shares, callers.count, units < 0 ? QUOTA_UNLIMITED : (int32_t)(units * 1000),
                       coordinator->now_ms);
    bool waits = false;
    for (size_t i = 0; i < callers.count; i++) {
        struct member *member = callers.members[i];
        struct quota_share *share = share_of(callers.accounts[i], second);
        member->target_changed |= quota_told(&callers.shares[i]) != quota_told(share);
        member->spare |= units > 0 && callers.shares[i].live && callers.shares[i].due_milli == 0 &&
                         callers.accounts[i] == &member->accounts[0];
        *share = callers.shares[i];
        waits |= callers.shares[i].live && quota_told(&callers.shares[i]) != callers.shares[i].sent_milli;
    }
    callers_free(&callers);
    return waits;
}

/* True when no fetcher before this one, and no account of it before, has the same name. */
static bool first_of_name(const struct coordinator *coordinator, const struct member *member, size_t index)
{
    const char *name = member->accounts[index].name;
    if (member_account(member, name) != &member->accounts[index])
        return false;
    for (const struct member *other = coordinator->members.first; other != member; other = other->next) {
        if (member_account(other, name))
            return false;
    }
    return true;
}

bool share_divide(struct coordinator *coordinator)
{
    bool waits = false;
    for (struct member *member = coordinator->members.first; member; member = member->next)
        member->spare = false;
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        for (size_t i = 0; i < member->account_count; i++) {
            if (!first_of_name(coordinator, member, i))
                continue;
            waits |= divide(coordinator, member->accounts[i].name, false);
            waits |= divide(coordinator, member->accounts[i].name, true);
        }
    }
    return waits;
}

/* ---- notes ---- */

void share_note(struct coordinator *coordinator)
{
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        for (size_t i = 0; i < member->account_count; i++) {
            quota_note(&member->accounts[i].minute);
            quota_note(&member->accounts[i].second);
        }
    }
}

void share_noted(struct coordinator *coordinator)
{
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        for (size_t i = 0; i < 2 * member->account_count; i++) {
            struct quota_share *share = share_of(&member->accounts[i / 2], i % 2);
            int32_t told = quota_told(share);
            quota_noted(share);
            member->target_changed |= quota_told(share) != told;
        }
    }
}

/* ---- targets ---- */

static int32_t second_told(const struct member_account *of)
{
    int32_t second = quota_told(&of->second);
    return second == QUOTA_UNLIMITED ? 0 : second == 0 ? -1 : second;
}

void share_fill(const struct coordinator *coordinator, struct member *member, struct share_orders *orders,
                Isobar__V1__Target *target)
{
    target->calls_per_minute_milli = quota_told(&member->accounts[0].minute);
    target->calls_per_second_milli = second_told(&member->accounts[0]);
    target->limited_ms = grant_limited_ms(coordinator, member->accounts[0].name);
    target->quota_shares = orders->share_list;
    target->grants = orders->grant_list;
    for (size_t i = 0; i < member->account_count; i++) {
        struct member_account *of = &member->accounts[i];
        Isobar__V1__QuotaGrant *grant = &orders->grants[target->n_grants];
        isobar__v1__quota_grant__init(grant);
        if (grant_fill(coordinator, of, grant))
            orders->grant_list[target->n_grants++] = grant;
        if (i == 0)
            continue;
        Isobar__V1__QuotaShare *share = &orders->shares[target->n_quota_shares];
        isobar__v1__quota_share__init(share);
        share->account = of->name;
        share->calls_per_minute_milli = quota_told(&of->minute);
        share->calls_per_second_milli = second_told(of);
        share->limited_ms = grant_limited_ms(coordinator, of->name);
        orders->share_list[target->n_quota_shares++] = share;
    }
}
