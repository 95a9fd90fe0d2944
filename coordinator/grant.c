/*
 * Grants of units of an account's limits of an hour and more (coordinator.h, quota_ledger.h): what fetchers say of
 * their accounts, what they are granted, and the notes in Redis. A grant is told only when it is noted, under a guard
 * by term: a leader that was deposed and does not know grants nothing, and the next one knows of all that was told.
 */
#include "coordinator.h"

#include "mem.h"
#include "quota_deal.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEAL_MS      1000
#define LIMITED_MAX  (INT64_C(24) * 3600 * 1000)
#define RENEW_PARTS  4 /* of its length a grant's end moves before the fetcher is told for that alone */
#define MILLI_MAX    (INT64_C(1) << 50)
#define LIMITED_NEWS 1000

/* Time of the ledgers: Redis', which outlives leaders. */
static int64_t ledger_ms(const struct coordinator *coordinator)
{
    return coordinator->now_ms + coordinator->redis_ahead_ms;
}

void grant_key(const struct coordinator *coordinator, const struct account *account, char *key, size_t size)
{
    snprintf(key, size, "%squota:%s", coordinator->options->prefix, account->name);
}

struct limits grant_limits(const struct coordinator *coordinator, const char *name)
{
    const struct account *account = accounts_find(&coordinator->accounts, name);
    struct limits limits = limits_none();
    limits.units[LIMIT_MINUTE] = coordinator->options->calls_per_minute;
    return account ? account->limits : limits;
}

void grant_restore(struct coordinator *coordinator, struct account *account, const char *note, size_t size, bool fresh)
{
    quota_ledger_release(&account->ledger);
    quota_ledger_init(&account->ledger, &account->limits, ledger_ms(coordinator));
    if (note && quota_ledger_unpack(&account->ledger, note, size) != 0)
        log_error("quota_note_unreadable", LOG_TEXT("account", account->name),
                  LOG_TEXT("meaning", "all of its limits count as used at the even pace"));
    else if (!note && fresh)
        quota_ledger_fresh(&account->ledger);
    else if (!note)
        quota_ledger_lose(&account->ledger);
}

/* ---- what fetchers say ---- */

int64_t grant_limited_ms(const struct coordinator *coordinator, const char *name)
{
    int64_t until_ms = 0;
    for (const struct member *member = coordinator->members.first; member; member = member->next) {
        const struct member_account *of = member_account(member, name);
        if (of && of->limited_ms > until_ms)
            until_ms = of->limited_ms;
    }
    return until_ms > coordinator->now_ms ? until_ms - coordinator->now_ms : 0;
}

/* The API has refused a call: all fetchers of the account are to know. */
static void heard_limited(struct coordinator *coordinator, const struct member *member, struct member_account *of,
                          int64_t limited_ms)
{
    int64_t until_ms = coordinator->now_ms + (limited_ms < LIMITED_MAX ? limited_ms : LIMITED_MAX);
    bool news = limited_ms > grant_limited_ms(coordinator, of->name) + LIMITED_NEWS;
    if (limited_ms <= 0)
        return;
    of->limited_ms = until_ms;
    if (!news)
        return;
    log_warn("account_limited", LOG_TEXT("account", of->name), LOG_TEXT("by", member->id),
             LOG_INT("retry_in_ms", until_ms - coordinator->now_ms),
             LOG_TEXT("meaning", "the API refuses calls; all fetchers of the account stop"));
    for (struct member *other = coordinator->members.first; other; other = other->next)
        other->target_changed |= member_account(other, of->name) != NULL;
}

static int64_t within(int64_t value, int64_t high)
{
    return value < 0 ? 0 : value > high ? high : value;
}

static void heard(struct coordinator *coordinator, const struct member *member, struct member_account *of,
                  const Isobar__V1__QuotaAsk *ask)
{
    char name[sizeof of->name];
    text_copy(name, sizeof name, ask->account);
    coordinator->plan_due |= strcmp(name, of->name) != 0;
    memcpy(of->name, name, sizeof name);
    of->asked_ms = ask->asked_ms;
    of->want_milli = within(ask->want_milli, MILLI_MAX);
    of->call_milli = within(ask->call_milli, MILLI_MAX);
    heard_limited(coordinator, member, of, ask->limited_ms);
    struct account *account = accounts_find(&coordinator->accounts, name);
    if (!account)
        return;
    int64_t losses = account->ledger.losses;
    quota_ledger_advance(&account->ledger, ledger_ms(coordinator));
    quota_ledger_report(&account->ledger, member->incarnation, within(ask->granted_milli, MILLI_MAX),
                        within(ask->settled_milli, MILLI_MAX));
    if (account->ledger.losses > losses)
        log_warn("quota_notes_lost", LOG_TEXT("account", name), LOG_TEXT("fetcher", member->id),
                 LOG_TEXT("meaning", "it was granted more than Redis knows of; all limits of an hour and more count as "
                                     "used at the even pace"));
}

void grant_heard(struct coordinator *coordinator, struct member *member, const Isobar__V1__Heartbeat *heartbeat)
{
    for (size_t i = 0; i < heartbeat->n_asks && i < MEMBER_ACCOUNTS; i++) {
        if (i == member->account_count)
            member->account_count++;
        heard(coordinator, member, &member->accounts[i], heartbeat->asks[i]);
    }
}

/* ---- notes ---- */

/* As the leader's view: unless a later one is there (publish.c). */
static const char note_script[] =
    "local there = redis.call('HMGET', KEYS[1], 'term', 'noted_ms') "
    "local term, at = tonumber(there[1] or '0'), tonumber(there[2] or '0') "
    "if term > tonumber(ARGV[1]) or term == tonumber(ARGV[1]) and at > tonumber(ARGV[2]) then return term end "
    "redis.call('HSET', KEYS[1], 'term', ARGV[1], 'noted_ms', ARGV[2], 'ledger', ARGV[3]) return 0";

struct note {
    struct coordinator *coordinator;
    size_t index; /* of the account */
    int64_t term;
};

static struct member_account *account_of(struct member *member, const struct account *account)
{
    return (struct member_account *)(uintptr_t)member_account(member, account->name);
}

/* What was noted may be told: at once when there is more, and before what was told has lapsed. */
static void tell(struct coordinator *coordinator, const struct account *account)
{
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        struct member_account *mine = account_of(member, account);
        if (!mine)
            continue;
        mine->noted_milli = mine->noting_milli > mine->noted_milli ? mine->noting_milli : mine->noted_milli;
        mine->noted_ms = mine->noting_ms > mine->noted_ms ? mine->noting_ms : mine->noted_ms;
        if (mine->noted_milli > mine->told_milli || mine->noted_ms - mine->told_ms >= QUOTA_VALID_MS / RENEW_PARTS)
            member->target_changed = true;
        orders_send(coordinator, member);
    }
}

static void on_noted(void *arg, int status, const struct store_reply *reply)
{
    struct note *note = arg;
    struct coordinator *coordinator = note->coordinator;
    struct account *account = &coordinator->accounts.list[note->index];
    bool mine = note->term == coordinator->term && coordinator->leading == LEAD_ACTING;
    account->noting = false;
    free(note);
    if (status != 0 || reply->type != STORE_INT || !mine)
        return;
    coordinator_wake(coordinator);
    if (reply->integer == 0)
        tell(coordinator, account);
    else
        leader_raise(coordinator, reply->integer);
}

static void write_note(struct coordinator *coordinator, size_t index)
{
    struct account *account = &coordinator->accounts.list[index];
    struct note *note = mem_alloc(sizeof *note);
    struct buf ledger = BUF_EMPTY;
    char key[256], term[24], at[24];
    *note = (struct note){coordinator, index, coordinator->term};
    account->noting = true;
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        const struct quota_holder *holder = quota_ledger_holder(&account->ledger, member->incarnation);
        struct member_account *mine = account_of(member, account);
        if (!holder || !mine)
            continue;
        mine->noting_milli = holder->granted_milli;
        mine->noting_ms = mine->asked_ms + QUOTA_VALID_MS;
    }
    grant_key(coordinator, account, key, sizeof key);
    snprintf(term, sizeof term, "%lld", (long long)coordinator->term);
    snprintf(at, sizeof at, "%lld", (long long)ledger_ms(coordinator));
    quota_ledger_pack(&account->ledger, &ledger);
    const char *argv[] = {"EVAL", note_script, "1", key, term, at, ledger.data};
    size_t sizes[] = {4, sizeof note_script - 1, 1, strlen(key), strlen(term), strlen(at), ledger.size};
    store_command(coordinator->store, sizeof argv / sizeof *argv, argv, sizes, on_noted, note);
    buf_release(&ledger);
}

/* ---- dealing ---- */

static void deal(struct coordinator *coordinator, struct account *account)
{
    size_t count = 0;
    struct quota_ask *asks = mem_calloc(coordinator->members.count + 1, sizeof *asks);
    for (const struct member *member = coordinator->members.first; member; member = member->next) {
        const struct member_account *of = member_account(member, account->name);
        if (of && member->state == MEMBER_LIVE && member->beats && !member->spare)
            asks[count++] = (struct quota_ask){member->incarnation, of->want_milli, of->call_milli};
    }
    (void)quota_deal(&account->ledger, asks, count, &account->turn);
    free(asks);
}

void grant_tick(struct coordinator *coordinator)
{
    if (coordinator->now_ms - coordinator->dealt_ms < DEAL_MS || !store_up(coordinator->store))
        return;
    coordinator->dealt_ms = coordinator->now_ms;
    for (size_t i = 0; i < coordinator->accounts.count; i++) {
        struct account *account = &coordinator->accounts.list[i];
        if (account->ledger.line_count == 0 || account->noting)
            continue;
        quota_ledger_advance(&account->ledger, ledger_ms(coordinator));
        deal(coordinator, account);
        write_note(coordinator, i);
    }
}

bool grant_fill(const struct coordinator *coordinator, struct member_account *of, Isobar__V1__QuotaGrant *grant)
{
    const struct account *account = accounts_find(&coordinator->accounts, of->name);
    if (!account || account->ledger.line_count == 0)
        return false;
    grant->account = of->name;
    grant->granted_milli = of->told_milli = of->noted_milli;
    grant->until_ms = of->told_ms = of->noted_ms;
    return true;
}
