/*
 * The weather API (transfer.h): calls that take their time, and fail now and then. It stands for the account, too: the
 * shares of all fetchers together are never above the quota (coordinator/quota.h), nor are the calls that they begin
 * above what the quota allows since the world began (fetcher/bucket.h). That is promised as long as Redis has what the
 * leaders have noted: one that takes the lead and finds an older note cannot know better.
 */
#include "feed.h"
#include "process.h"
#include "redis.h"

#include "error.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#define MINUTE_MS 60000

struct transfer {
    struct event event; /* its end; first, so that the event is the call */
    struct transfers *transfers;
    void *opaque;
    int64_t begun_ms;
    struct transfer *prev, *next;
};

struct transfers {
    struct node *node;
    transfer_done_fn *done;
    void *arg;
    int64_t concurrency, running;
    struct transfer *calls;
};

static int64_t calls; /* of all fetchers, ever */

/* ---- the quota ---- */

void api_begin(void)
{
    calls = 0;
}

static void take_for_acknowledged(void)
{
    for (int i = 0; i < world.coordinators; i++) {
        struct coordinator *coordinator = coordinator_of(&world.nodes[i]);
        for (struct member *member = coordinator ? coordinator->members.first : NULL; member; member = member->next)
            member->accounts[0].minute.may_milli = member->accounts[0].minute.sent_milli;
    }
}

void api_check(void)
{
    if (world.mutant == MUTANT_QUOTA)
        take_for_acknowledged();
    int64_t total = world.calls_per_minute * 1000, sum = 0;
    for (int i = 0; i < world.node_count; i++) {
        const struct fetcher *fetcher = fetcher_of(&world.nodes[i]);
        sum += fetcher && !fetcher->draining && fetcher->sources[0].meter.minute.share_milli > 0
                   ? fetcher->sources[0].meter.minute.share_milli
                   : 0;
    }
    if (total >= 0 && sum > total && !redis.view_missed)
        violation("the shares in force are %lld of %lld thousandths", (long long)sum, (long long)total);
}

#define HOUR_PERIOD_MS (INT64_C(3600000) + 15000 + 15000) /* in which the even pace grants an hour's limit */
#define HOUR_CREDIT_MS 15000
#define LEADERS_MS     10000 /* that two leaders may both deal when Redis goes back in between */

/* Whatever Redis loses, the pace bounds what all leaders together have granted (coordinator/quota_ledger.h). */
static void check_pace(void)
{
    int64_t most = world.calls_per_hour * (world.now_ms + HOUR_CREDIT_MS + LEADERS_MS) / HOUR_PERIOD_MS + 1;
    if (world.calls_per_hour >= 0 && calls > most)
        violation("%lld calls in %lld ms, the even pace of %lld an hour grants %lld", (long long)calls,
                  (long long)world.now_ms, (long long)world.calls_per_hour, (long long)most);
}

static void check_calls(void)
{
    check_pace();
    if (world.calls_per_minute >= 0 && !redis.view_missed && calls * MINUTE_MS > world.calls_per_minute * world.now_ms)
        violation("%lld calls in %lld ms, the quota is %lld a minute", (long long)calls, (long long)world.now_ms,
                  (long long)world.calls_per_minute);
}

/* ---- calls ---- */

static void take_off(struct transfer *call)
{
    DL_DELETE(call->transfers->calls, call);
    call->transfers->running--;
    event_cancel(&call->event);
}

static void on_end(struct event *event)
{
    struct transfer *call = (struct transfer *)(void *)event;
    struct transfers *transfers = call->transfers;
    char body[128];
    int64_t observed_s = (feed_clock_ms() - between(0, 300000)) / 1000 / 20 * 20;
    int size = snprintf(body, sizeof body, "{\"dt\":%lld,\"main\":{\"temp\":%.2f}}", (long long)observed_s,
                        (double)between(0, 1900) / 100);
    struct transfer_result result = {.end = TRANSFER_ANSWERED,
                                     .http_status = 200,
                                     .body = body,
                                     .size = (size_t)size,
                                     .retry_after_ms = -1,
                                     .took_ms = world.now_ms - call->begun_ms,
                                     .reason = ""};
    if (fault(world.odds.api_error)) {
        result.end = chance(300) ? TRANSFER_NETWORK : chance(300) ? TRANSFER_TIMEOUT : TRANSFER_ANSWERED;
        result.http_status = 500;
        result.reason = "simulated";
    }
    take_off(call);
    transfers->done(transfers->arg, call->opaque, &result);
    free(call);
}

/* ---- transfer.h ---- */

struct transfers *transfers_new(struct loop *loop, const struct transfer_config *config, transfer_done_fn *done,
                                void *arg, struct buf *error)
{
    (void)error;
    struct transfers *transfers = mem_alloc(sizeof *transfers);
    *transfers = (struct transfers){.node = loop->node, .done = done, .arg = arg, .concurrency = config->concurrency};
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    while (transfers && transfers_abort(transfers))
        ;
    free(transfers);
}

int transfers_start(struct transfers *transfers, const char *url, void *opaque)
{
    (void)url;
    if (transfers->running >= transfers->concurrency)
        return ERR_BUSY;
    struct transfer *call = mem_alloc(sizeof *call);
    *call = (struct transfer){.event = {.fn = on_end, .node = transfers->node},
                              .transfers = transfers,
                              .opaque = opaque,
                              .begun_ms = world.now_ms};
    DL_APPEND(transfers->calls, call);
    transfers->running++;
    calls++;
    world.counters->calls++;
    check_calls();
    event_at(&call->event, world.now_ms + (fault(world.odds.api_error) ? between(200, 5000) : between(5, 200)));
    return 0;
}

/* No webhook is configured in any world. */
int transfers_post(struct transfers *transfers, const char *url, const char *const *headers, size_t count,
                   const void *body, size_t size, void *opaque)
{
    (void)transfers, (void)url, (void)headers, (void)count, (void)body, (void)size, (void)opaque;
    violation("a webhook is posted to");
}

int64_t transfers_running(const struct transfers *transfers)
{
    return transfers->running;
}

void *transfers_abort(struct transfers *transfers)
{
    struct transfer *call = transfers->calls;
    if (!call)
        return NULL;
    void *opaque = call->opaque; // NOLINT(clang-analyzer-unix.Malloc): what was freed is off the list
    take_off(call);
    free(call);
    return opaque;
}
