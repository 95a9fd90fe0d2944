/* See quota_ledger.h. */
#include "quota_ledger.h"

#include "duration.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CREDIT_PARTS  240 /* of a window */
#define CREDIT_MAX_MS DURATION_HOUR
#define CALL_MILLI    1000
#define SLACK_MAX_MS  (3 * DURATION_MINUTE) /* for what may be open besides when notes were lost */
#define OPEN_MIN      10000                 /* or a limit of a few a day could never be granted a call */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- a line ---- */

static int64_t credit_ms(const struct quota_line *line)
{
    return smaller(limit_window_ms(line->window) / CREDIT_PARTS, CREDIT_MAX_MS);
}

static int64_t slack_ms(const struct quota_line *line)
{
    return smaller(limit_window_ms(line->window) / CREDIT_PARTS, SLACK_MAX_MS);
}

/* Most of `credit`: at least one call, or a limit of a few a day would never grant any. */
static int64_t credit_cap(const struct quota_line *line)
{
    return larger(line->limit_milli * credit_ms(line), CALL_MILLI * line->period_ms);
}

int64_t quota_line_pace(const struct quota_line *line, int64_t ms)
{
    double exact = (double)line->limit_milli * (double)ms / (double)line->period_ms;
    return smaller(line->limit_milli, (int64_t)exact + 1);
}

int64_t *quota_line_bucket(struct quota_line *line, int64_t number)
{
    return &line->spent[number % (line->buckets + 1)];
}

static void line_init(struct quota_line *line, enum limit_window window, int64_t units, int64_t now_ms)
{
    static const int64_t buckets[LIMIT_WINDOWS] = {[LIMIT_HOUR] = 240, [LIMIT_DAY] = 288, [LIMIT_MONTH] = 744};
    *line = (struct quota_line){.window = window, .limit_milli = units * 1000, .buckets = buckets[window]};
    line->bucket_ms = limit_window_ms(window) / line->buckets;
    line->period_ms = limit_window_ms(window) + line->bucket_ms + credit_ms(line) + slack_ms(line);
    line->newest = now_ms / line->bucket_ms;
    assert(line->buckets < QUOTA_BUCKETS);
}

static void slide(struct quota_line *line, int64_t now_ms)
{
    int64_t to = now_ms / line->bucket_ms;
    if (to - line->newest > line->buckets)
        line->newest = to - line->buckets - 1;
    while (line->newest < to) {
        int64_t *oldest = quota_line_bucket(line, ++line->newest);
        line->spent_milli -= *oldest;
        *oldest = 0;
    }
}

static void earn(struct quota_line *line, int64_t passed_ms)
{
    int64_t cap = credit_cap(line);
    if (line->limit_milli == 0)
        return;
    if (passed_ms > (cap - line->credit) / line->limit_milli)
        line->credit = cap;
    else
        line->credit += passed_ms * line->limit_milli;
}

static void spend(struct quota_line *line, int64_t milli)
{
    *quota_line_bucket(line, line->newest) += milli;
    line->spent_milli += milli;
}

/* What the even pace grants in the part of the bucket that lies between two moments. */
static int64_t pace_in(const struct quota_line *line, int64_t number, int64_t since_ms, int64_t now_ms)
{
    int64_t begin = larger(number * line->bucket_ms, since_ms);
    int64_t end = smaller((number + 1) * line->bucket_ms, now_ms);
    return end > begin ? quota_line_pace(line, end - begin) : 0;
}

void quota_line_assume(struct quota_line *line, int64_t since_ms, int64_t now_ms)
{
    int64_t first = larger(since_ms / line->bucket_ms, line->newest - line->buckets);
    for (int64_t k = larger(first, 0); k <= line->newest; k++) {
        int64_t assumed = pace_in(line, k, since_ms, now_ms);
        *quota_line_bucket(line, k) += assumed;
        line->spent_milli += assumed;
    }
}

/*
 * In every span that ends now the even pace was used, which, with the credit, bounds what can have been; or what is
 * known, when that is more than both: `besides` is what will count as open, the credit among it. By span, not by
 * bucket: a burst that is known stands for the quiet before it, or each would count twice.
 */
static void assume_pace(struct quota_line *line, int64_t besides, int64_t now_ms)
{
    int64_t known = 0, paced = 0, counted = 0, since_ms = now_ms - limit_window_ms(line->window);
    for (int64_t k = line->newest; k >= larger(line->newest - line->buckets, 0); k--) {
        int64_t *spent = quota_line_bucket(line, k);
        known += *spent;
        paced += pace_in(line, k, since_ms, now_ms);
        *spent = larger(known - besides, paced) - counted;
        counted += *spent;
    }
    line->spent_milli = counted;
}

int64_t quota_line_credit_max(const struct quota_line *line)
{
    return credit_cap(line) / line->period_ms;
}

int64_t quota_line_counted(const struct quota_ledger *ledger, const struct quota_line *line)
{
    return line->spent_milli + ledger->open_milli;
}

int64_t quota_line_eases_ms(const struct quota_line *line, int64_t now_ms)
{
    for (int64_t k = larger(line->newest - line->buckets, 0); k <= line->newest; k++) {
        if (line->spent[k % (line->buckets + 1)] > 0)
            return (k + 1 + line->buckets) * line->bucket_ms;
    }
    return now_ms;
}

/* ---- the ledger ---- */

void quota_ledger_init(struct quota_ledger *ledger, const struct limits *limits, int64_t now_ms)
{
    *ledger = (struct quota_ledger){.now_ms = now_ms};
    for (enum limit_window w = LIMIT_HOUR; w < LIMIT_WINDOWS; w++) {
        if (limits->units[w] != LIMIT_NONE)
            line_init(&ledger->lines[ledger->line_count++], w, limits->units[w], now_ms);
    }
}

void quota_ledger_release(struct quota_ledger *ledger)
{
    free(ledger->holders);
    ledger->holders = NULL;
    ledger->holder_count = ledger->holder_capacity = 0;
}

void quota_ledger_fresh(struct quota_ledger *ledger)
{
    for (size_t i = 0; i < ledger->line_count; i++)
        ledger->lines[i].credit = credit_cap(&ledger->lines[i]);
}

/* ---- holders ---- */

struct quota_holder *quota_ledger_holder(const struct quota_ledger *ledger, int64_t incarnation)
{
    for (size_t i = 0; i < ledger->holder_count; i++) {
        if (ledger->holders[i].incarnation == incarnation)
            return &ledger->holders[i];
    }
    return NULL;
}

static int64_t open_of(const struct quota_holder *holder)
{
    return holder->granted_milli - holder->settled_milli;
}

static void settle(struct quota_ledger *ledger, struct quota_holder *holder, int64_t settled_milli)
{
    int64_t more = smaller(settled_milli, holder->granted_milli) - holder->settled_milli;
    if (more <= 0)
        return;
    holder->settled_milli += more;
    ledger->open_milli -= more;
    for (size_t i = 0; i < ledger->line_count; i++)
        spend(&ledger->lines[i], more);
}

/* What has lapsed is settled; who was not heard for long is forgotten. */
static void age(struct quota_ledger *ledger)
{
    size_t kept = 0;
    for (size_t i = 0; i < ledger->holder_count; i++) {
        struct quota_holder *holder = &ledger->holders[i];
        if (ledger->now_ms >= holder->until_ms)
            settle(ledger, holder, holder->granted_milli);
        if (open_of(holder) > 0 || ledger->now_ms - holder->heard_ms < QUOTA_KEEP_MS)
            ledger->holders[kept++] = *holder;
    }
    ledger->holder_count = kept;
}

void quota_ledger_advance(struct quota_ledger *ledger, int64_t now_ms)
{
    int64_t passed_ms = now_ms - ledger->now_ms;
    if (passed_ms <= 0)
        return;
    ledger->now_ms = now_ms;
    for (size_t i = 0; i < ledger->line_count; i++) {
        slide(&ledger->lines[i], now_ms);
        earn(&ledger->lines[i], passed_ms);
    }
    age(ledger);
}

static struct quota_holder *add(struct quota_ledger *ledger, int64_t incarnation)
{
    if (ledger->holder_count >= QUOTA_HOLDERS_MAX)
        return NULL; /* it gets nothing until others are forgotten */
    if (ledger->holder_count == ledger->holder_capacity) {
        ledger->holder_capacity = ledger->holder_capacity ? 2 * ledger->holder_capacity : 8;
        ledger->holders = mem_grow(ledger->holders, ledger->holder_capacity, sizeof *ledger->holders);
    }
    struct quota_holder *holder = &ledger->holders[ledger->holder_count++];
    *holder = (struct quota_holder){.incarnation = incarnation};
    return holder;
}

/* What nobody here knows of is as if somebody held it, until it has lapsed: incarnation 0. */
void quota_ledger_suppose(struct quota_ledger *ledger, int64_t open_milli)
{
    struct quota_holder *holder = quota_ledger_holder(ledger, 0);
    holder = holder ? holder : add(ledger, 0);
    if (!holder)
        return;
    int64_t more = larger(open_milli - open_of(holder), 0);
    holder->granted_milli += more;
    ledger->open_milli += more;
    holder->heard_ms = ledger->now_ms;
    holder->until_ms = ledger->now_ms + QUOTA_VALID_MS + QUOTA_CALL_MS;
}

void quota_ledger_lose(struct quota_ledger *ledger)
{
    int64_t open = INT64_MAX;
    for (size_t i = 0; i < ledger->line_count; i++)
        open = smaller(open, quota_line_credit_max(&ledger->lines[i]) + 2 * quota_ledger_open_max(ledger));
    for (size_t i = 0; i < ledger->line_count; i++) {
        ledger->lines[i].credit = 0;
        assume_pace(&ledger->lines[i], open, ledger->now_ms);
    }
    if (ledger->line_count)
        quota_ledger_suppose(ledger, open);
    ledger->losses++;
}

void quota_ledger_report(struct quota_ledger *ledger, int64_t incarnation, int64_t granted_milli, int64_t settled_milli)
{
    struct quota_holder *holder = quota_ledger_holder(ledger, incarnation);
    if (ledger->line_count == 0)
        return;
    if (!holder || granted_milli > holder->granted_milli) {
        bool lost = granted_milli > 0;
        holder = holder ? holder : add(ledger, incarnation);
        if (lost)
            quota_ledger_lose(ledger); /* what it has settled is among that */
        if (!holder)
            return;
        int64_t open = granted_milli - larger(smaller(settled_milli, granted_milli), holder->settled_milli);
        ledger->open_milli += larger(open, 0) - open_of(holder);
        holder->granted_milli = granted_milli;
        holder->settled_milli = granted_milli - larger(open, 0);
        holder->until_ms = lost ? ledger->now_ms + QUOTA_VALID_MS + QUOTA_CALL_MS : 0; /* as somebody granted it */
    }
    holder->heard_ms = ledger->now_ms;
    settle(ledger, holder, settled_milli);
}

/* ---- grants ---- */

int64_t quota_ledger_available(const struct quota_ledger *ledger)
{
    int64_t available = INT64_MAX;
    for (size_t i = 0; i < ledger->line_count; i++) {
        const struct quota_line *line = &ledger->lines[i];
        int64_t left = larger(line->limit_milli - quota_line_counted(ledger, line), 0);
        available = smaller(available, smaller(left, line->credit / line->period_ms));
    }
    return available;
}

int64_t quota_ledger_open_max(const struct quota_ledger *ledger)
{
    int64_t open = INT64_MAX;
    for (size_t i = 0; i < ledger->line_count; i++)
        open = smaller(open, quota_line_pace(&ledger->lines[i], QUOTA_VALID_MS));
    return larger(open, OPEN_MIN);
}

void quota_ledger_grant(struct quota_ledger *ledger, int64_t incarnation, int64_t milli)
{
    struct quota_holder *holder = quota_ledger_holder(ledger, incarnation);
    if (!holder || ledger->line_count == 0)
        return;
    assert(milli <= quota_ledger_available(ledger));
    holder->granted_milli += milli;
    holder->until_ms = larger(holder->until_ms, holder->heard_ms + QUOTA_VALID_MS + QUOTA_CALL_MS);
    ledger->open_milli += milli;
    for (size_t i = 0; i < ledger->line_count; i++)
        ledger->lines[i].credit -= milli * ledger->lines[i].period_ms;
}
