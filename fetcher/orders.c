/*
 * The coordinator's orders to a fetcher, and what it tells the coordinator. A TARGET is the whole set of shards and the
 * share of calls; a CATALOGUE lists the cities of a shard; a heartbeat is the whole set held. fetcher.h has the
 * prototypes.
 */
#include "fetcher.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define WANT_MS   15000 /* what is due so soon is asked for: units that wait for a city are units that others lack */
#define WANT_MOST 10000 /* calls */

static int64_t want_milli(const struct source *source, int64_t call_milli, int64_t now_ms)
{
    int64_t calls = 0;
    for (enum product p = 0; p < PRODUCTS; p++)
        calls += schedule_count(&source->schedules[p], now_ms + WANT_MS, WANT_MOST);
    return source->gate.state != GATE_OPEN && calls ? call_milli : call_milli * calls;
}

static void ask_for(struct source *source, Isobar__V1__QuotaAsk *ask, int64_t now_ms)
{
    int64_t limited_ms = source->limited_until_ms - now_ms;
    struct allowance *allowance = &source->meter.allowance;
    isobar__v1__quota_ask__init(ask);
    ask->account = (char *)(uintptr_t)source->provider->account;
    ask->asked_ms = now_ms;
    ask->call_milli = calls_next_milli(source, now_ms);
    ask->want_milli = want_milli(source, ask->call_milli, now_ms);
    (void)allowance_room(allowance, now_ms); /* what has lapsed is to be told */
    ask->granted_milli = allowance->granted_milli;
    ask->settled_milli = allowance_settled(allowance);
    ask->limited_ms = limited_ms > 0 ? limited_ms : 0;
}

/* What it asks of each account, and the shares in force: the link knows that of the first. */
static void ask(struct fetcher *fetcher, Isobar__V1__Heartbeat *heartbeat, int64_t now_ms)
{
    struct fetcher_asks *asks = &fetcher->asks;
    for (int32_t s = 0; s < fetcher->source_count; s++) {
        struct source *source = &fetcher->sources[s];
        ask_for(source, &asks->asks[s], now_ms);
        asks->ask_list[s] = &asks->asks[s];
        if (s == 0)
            continue;
        Isobar__V1__QuotaShare *share = asks->share_list[s - 1] = &asks->shares[s - 1];
        isobar__v1__quota_share__init(share);
        share->account = asks->asks[s].account;
        share->calls_per_minute_milli = source->told_minute_milli;
        share->calls_per_second_milli = source->told_second_milli;
    }
    heartbeat->n_asks = (size_t)fetcher->source_count;
    heartbeat->asks = asks->ask_list;
    heartbeat->n_quota_shares = (size_t)fetcher->source_count - 1;
    heartbeat->quota_shares = asks->share_list;
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
    heartbeat->calls_refused = fetcher->answers[FETCH_KEY_REFUSED] + fetcher->answers[FETCH_RATE_LIMITED];
    heartbeat->calls_failed = -heartbeat->calls_refused;
    for (int status = FETCH_OK + 1; status < FETCH_STATUS_COUNT; status++)
        heartbeat->calls_failed += fetcher->answers[status];
    heartbeat->draining = fetcher->draining;
    ask(fetcher, heartbeat, loop_now_ms(fetcher->loop));
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
static void take_grant(struct source *source, const Isobar__V1__Target *target, int64_t now_ms)
{
    struct allowance *allowance = &source->meter.allowance;
    for (size_t i = 0; i < target->n_grants; i++) {
        const Isobar__V1__QuotaGrant *grant = target->grants[i];
        if (strcmp(grant->account, source->provider->account) == 0) {
            allowance_grant(allowance, grant->granted_milli, grant->until_ms, now_ms);
            return;
        }
    }
    allowance_free(allowance);
}

/* The share of the source's account: the first one's is in the target itself. None when the coordinator does not know
 * yet that it is called. */
static Isobar__V1__QuotaShare share_in(const struct source *source, const Isobar__V1__Target *target)
{
    Isobar__V1__QuotaShare share = ISOBAR__V1__QUOTA_SHARE__INIT;
    share.calls_per_second_milli = -1;
    if (source->index == 0) {
        share.calls_per_minute_milli = target->calls_per_minute_milli;
        share.calls_per_second_milli = target->calls_per_second_milli;
        share.limited_ms = target->limited_ms;
    }
    for (size_t i = 0; source->index > 0 && i < target->n_quota_shares; i++) {
        if (strcmp(target->quota_shares[i]->account, source->provider->account) == 0)
            share = *target->quota_shares[i];
    }
    return share;
}

static void say_share(const struct source *source, size_t shards, int32_t share_milli)
{
    if (share_milli < 0)
        log_info("target", LOG_TEXT("source", source->provider->name), LOG_INT("shards", shards),
                 LOG_TEXT("calls_per_minute", "unlimited"));
    else
        log_info("target", LOG_TEXT("source", source->provider->name), LOG_INT("shards", shards),
                 LOG_REAL("calls_per_minute", share_milli / 1000.0));
}

static void take_share(struct fetcher *fetcher, struct source *source, const Isobar__V1__Target *target, bool changed)
{
    int64_t now = loop_now_ms(fetcher->loop);
    Isobar__V1__QuotaShare share = share_in(source, target);
    int32_t minute = share_of(fetcher, share.calls_per_minute_milli), second = share.calls_per_second_milli;
    changed |= minute != source->meter.minute.share_milli;
    meter_share(&source->meter, second == 0 ? BUCKET_UNLIMITED : second < 0 ? 0 : second, minute, now);
    take_grant(source, target, now);
    if (share.limited_ms > 0 && gate_told(&source->gate, now, share.limited_ms))
        log_warn("calls_stopped", LOG_TEXT("why", gate_state_name(source->gate.state)),
                 LOG_TEXT("source", source->provider->name), LOG_INT("retry_in_ms", source->gate.until_ms - now),
                 LOG_TEXT("meaning", "the API has refused a call of another fetcher on this account"));
    if (changed)
        say_share(source, target->n_shards, minute);
}

/* What the coordinator believes to be in force once it hears of this target's version, taken or not. */
static void note_shares(struct fetcher *fetcher, const Isobar__V1__Target *target)
{
    for (int32_t s = 0; s < fetcher->source_count; s++) {
        Isobar__V1__QuotaShare share = share_in(&fetcher->sources[s], target);
        fetcher->sources[s].told_minute_milli = share.calls_per_minute_milli;
        fetcher->sources[s].told_second_milli = share.calls_per_second_milli;
    }
}

static void on_target(void *arg, const Isobar__V1__Target *target)
{
    struct fetcher *fetcher = arg;
    int64_t now = loop_now_ms(fetcher->loop);
    fetcher->metrics.target_term = target->term;
    note_shares(fetcher, target);
    if (fetcher->draining || fetcher->partitions_differ || fetcher->cities.shard_count == 0)
        return;
    for (size_t i = 0; i < target->n_shards; i++)
        cities_told(&fetcher->cities, target->shards[i]->index,
                    target->shards[i]->catalogue_version ? target->shards[i]->catalogue_version
                                                         : target->catalogue_version);
    bool changed = hold(fetcher, target, now) || !fetcher->has_target;
    for (int32_t s = 0; s < fetcher->source_count; s++)
        take_share(fetcher, &fetcher->sources[s], target, changed);
    fetcher->has_target = true;
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
