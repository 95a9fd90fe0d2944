/*
 * The coordinator's orders to a fetcher, and what it tells the coordinator. A TARGET is the whole set of shards and the
 * share of calls; a CATALOGUE lists the cities of a shard; a heartbeat is the whole set held. fetcher.h has the
 * prototypes.
 */
#include "fetcher.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define WANT_MS 120000 /* twice as long as a grant is good */

/* Not all that cities may need at once: what they need while a grant is good. */
static int64_t want_calls(const struct schedule *schedule)
{
    int64_t interval = schedule->interval_ms > 0 ? schedule->interval_ms : WANT_MS;
    return (int64_t)schedule->count * (interval > WANT_MS ? interval : WANT_MS) / interval;
}

static int64_t want_milli(const struct fetcher *fetcher, int64_t call_milli)
{
    int64_t calls = want_calls(&fetcher->schedule) + want_calls(&fetcher->air_schedule);
    if (fetcher->gate.state != GATE_OPEN || calls == 0)
        return calls ? call_milli : 0;
    return call_milli * (calls + 1);
}

static void ask(struct fetcher *fetcher, Isobar__V1__Heartbeat *heartbeat)
{
    int64_t now = loop_now_ms(fetcher->loop), limited_ms = fetcher->limited_until_ms - now;
    Isobar__V1__QuotaAsk *quota = &fetcher->ask;
    isobar__v1__quota_ask__init(quota);
    quota->account = (char *)(uintptr_t)fetcher->provider->account;
    quota->asked_ms = now;
    quota->call_milli = calls_next_milli(fetcher);
    quota->want_milli = want_milli(fetcher, quota->call_milli);
    (void)allowance_room(&fetcher->meter.allowance, now); /* what has lapsed is to be told */
    quota->granted_milli = fetcher->meter.allowance.granted_milli;
    quota->settled_milli = allowance_settled(&fetcher->meter.allowance);
    quota->limited_ms = limited_ms > 0 ? limited_ms : 0;
    fetcher->ask_list[0] = quota;
    heartbeat->n_asks = 1;
    heartbeat->asks = fetcher->ask_list;
}

static void on_heartbeat(void *arg, Isobar__V1__Heartbeat *heartbeat)
{
    struct fetcher *fetcher = arg;
    size_t count = 0;
    for (int32_t s = 0; s < fetcher->cities.shard_count; s++) {
        const struct cities_shard *shard = &fetcher->cities.shards[s];
        if (!shard->held)
            continue;
        struct cities_counts counts = cities_count_shard(&fetcher->cities, s);
        Isobar__V1__ShardStatus *status = &fetcher->statuses[count];
        isobar__v1__shard_status__init(status);
        status->shard = s;
        status->assignment = shard->number;
        status->catalogue_version = shard->version;
        status->cities = (int32_t)counts.cities;
        status->cities_failing = (int32_t)counts.failing;
        fetcher->status_list[count++] = status;
    }
    heartbeat->n_shards = count;
    heartbeat->shards = fetcher->status_list;
    heartbeat->records = fetcher->metrics.records_total;
    heartbeat->calls = fetcher->metrics.calls_total;
    heartbeat->draining = fetcher->draining;
    ask(fetcher, heartbeat);
    watch_heartbeat(fetcher, heartbeat, loop_now_ms(fetcher->loop));
}

static void on_welcome(void *arg, const Isobar__V1__Welcome *welcome)
{
    struct fetcher *fetcher = arg;
    bool first = fetcher->cities.shard_count == 0;
    log_info("welcomed", LOG_TEXT("leader", welcome->leader), LOG_INT("term", welcome->term));
    fetcher->partitions_differ = cities_resize(&fetcher->cities, welcome->partitions) != 0;
    if (fetcher->partitions_differ) {
        log_error("partitions_differ", LOG_INT("coordinator", welcome->partitions),
                  LOG_INT("before", fetcher->cities.shard_count),
                  LOG_TEXT("do", "restart this fetcher, or point it at the coordinator it had"));
    } else if (first) {
        fetcher->statuses = mem_calloc((size_t)welcome->partitions, sizeof *fetcher->statuses);
        fetcher->status_list = mem_calloc((size_t)welcome->partitions, sizeof(Isobar__V1__ShardStatus *));
    }
}

/* The share, unless this fetcher's own limit is lower. */
static int32_t share_of(const struct fetcher *fetcher, int32_t share_milli)
{
    int64_t own = fetcher->options->calls_per_minute * 1000;
    if (own >= 0 && (share_milli < 0 || own < share_milli))
        return (int32_t)own;
    return share_milli < 0 ? BUCKET_UNLIMITED : share_milli;
}

/* Holds exactly the shards of the target; true when that changed anything. */
static bool hold(struct fetcher *fetcher, const Isobar__V1__Target *target, int64_t now_ms)
{
    struct cities *cities = &fetcher->cities;
    bool changed = false;
    int64_t *numbers = mem_calloc((size_t)cities->shard_count, sizeof *numbers);
    for (size_t i = 0; i < target->n_shards; i++) {
        if (target->shards[i]->index >= 0 && target->shards[i]->index < cities->shard_count)
            numbers[target->shards[i]->index] = target->shards[i]->number;
    }
    for (int32_t s = 0; s < cities->shard_count; s++) {
        changed |= cities->shards[s].held != (numbers[s] > 0);
        if (numbers[s] > 0)
            cities_hold(cities, s, numbers[s], now_ms);
        else
            cities_drop(cities, s);
    }
    free(numbers);
    return changed;
}

/* What is granted of the account's long limits; without a grant it has none. */
static void take_grant(struct fetcher *fetcher, const Isobar__V1__Target *target, int64_t now_ms)
{
    struct allowance *allowance = &fetcher->meter.allowance;
    for (size_t i = 0; i < target->n_grants; i++) {
        const Isobar__V1__QuotaGrant *grant = target->grants[i];
        if (strcmp(grant->account, fetcher->provider->account) == 0) {
            allowance_grant(allowance, grant->granted_milli, grant->until_ms, now_ms);
            return;
        }
    }
    allowance_free(allowance);
}

static void on_target(void *arg, const Isobar__V1__Target *target)
{
    struct fetcher *fetcher = arg;
    int64_t now = loop_now_ms(fetcher->loop);
    fetcher->metrics.target_term = target->term;
    if (fetcher->draining || fetcher->partitions_differ || fetcher->cities.shard_count == 0)
        return;
    int32_t share = share_of(fetcher, target->calls_per_minute_milli), second = target->calls_per_second_milli;
    for (size_t i = 0; i < target->n_shards; i++)
        cities_told(&fetcher->cities, target->shards[i]->index,
                    target->shards[i]->catalogue_version ? target->shards[i]->catalogue_version
                                                         : target->catalogue_version);
    bool changed = hold(fetcher, target, now) || share != fetcher->meter.minute.share_milli || !fetcher->has_target;
    meter_share(&fetcher->meter, second == 0 ? BUCKET_UNLIMITED : second < 0 ? 0 : second, share, now);
    take_grant(fetcher, target, now);
    if (target->limited_ms > 0 && gate_told(&fetcher->gate, now, target->limited_ms))
        log_warn("calls_stopped", LOG_TEXT("why", gate_state_name(fetcher->gate.state)),
                 LOG_INT("retry_in_ms", fetcher->gate.until_ms - now),
                 LOG_TEXT("meaning", "the API has refused a call of another fetcher on this account"));
    fetcher->has_target = true;
    if (changed && share < 0)
        log_info("target", LOG_INT("shards", target->n_shards), LOG_TEXT("calls_per_minute", "unlimited"));
    else if (changed)
        log_info("target", LOG_INT("shards", target->n_shards), LOG_REAL("calls_per_minute", share / 1000.0));
    fetcher_pump(fetcher);
}

static void on_catalogue(struct fetcher *fetcher, const Isobar__V1__Catalogue *part)
{
    if (fetcher->partitions_differ || !cities_part(&fetcher->cities, part, loop_now_ms(fetcher->loop)))
        return;
    fetcher->metrics.catalogue_unusable_total = fetcher->cities.unusable;
    if (part->version != fetcher->catalogue_said && cities_complete(&fetcher->cities)) {
        struct cities_counts counts = cities_count(&fetcher->cities);
        fetcher->catalogue_said = part->version;
        log_info("catalogue", LOG_INT("version", part->version), LOG_INT("shards", counts.shards),
                 LOG_INT("cities", counts.cities), LOG_INT("unusable", fetcher->cities.unusable));
    }
    fetcher_pump(fetcher);
}

static void on_message(void *arg, const Isobar__V1__Envelope *envelope)
{
    if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_CATALOGUE)
        on_catalogue(arg, envelope->catalogue);
}

static void on_state(void *arg, bool up)
{
    struct fetcher *fetcher = arg;
    fetcher->metrics.coordinator_up = up;
    if (!up)
        log_warn("coordinator_silent", LOG_TEXT("endpoints", fetcher->options->coordinator),
                 LOG_TEXT("meaning", "polling goes on with the last shards and share"));
}

const struct link_events fetcher_link_events = {
    .heartbeat = on_heartbeat, .welcome = on_welcome, .target = on_target, .message = on_message, .state = on_state};
