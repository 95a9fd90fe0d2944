/*
 * Which source each city's readings come from (fetcher.h): calls and time are told to failover.h, by city, and what it
 * decides to the cities, the log and the metrics. With one source there is nothing to choose.
 */
#include "fetcher.h"

#include "clock.h"

#define SAY_EVERY_MS   10000
#define BACK_INTERVALS 3 /* for which a preferred source must have been good */

void choice_init(struct fetcher *fetcher)
{
    struct failover_rules *rules = &fetcher->cities.rules;
    for (int32_t s = 0; s < fetcher->source_count; s++) {
        const struct source *source = &fetcher->sources[s];
        int64_t back = BACK_INTERVALS * source->schedules[PRODUCT_WEATHER].interval_ms;
        rules->stale_ms[s] = SOURCE_STALE_INTERVALS * source->health[PRODUCT_WEATHER].interval_ms;
        if (s < fetcher->source_count - 1 && rules->back_ms < back)
            rules->back_ms = back;
        if (source->provider->needs_station)
            fetcher->cities.need_station |= 1U << s;
    }
    fetcher->cities.second_opinion = fetcher->options->second_opinion && fetcher->source_count > 1;
}

/* Why a source is left, for people. */
static const char *why(const struct fetcher *fetcher, const struct city *city, int32_t former, int64_t now_ms)
{
    const struct failover_rules *rules = &fetcher->cities.rules;
    const struct failover_source *of = &city->failover->of[former];
    if (city_source(city) < former)
        return "a preferred source is good again";
    if (rules->open_ms[former] == FAILOVER_SHUT)
        return "calls to it are stopped";
    return of->stale_at_ms && of->stale_at_ms <= now_ms ? "its readings are too old" : "it fails for this place";
}

static void on_changed(void *arg, const struct city *city, int32_t former)
{
    struct fetcher *fetcher = arg;
    int64_t now = loop_now_ms(fetcher->loop), suppressed = 0;
    fetcher->metrics.failovers_total++;
    if (log_limit_pass(&fetcher->failover_limit, now, SAY_EVERY_MS, &suppressed))
        log_warn("source_changed", LOG_INT("city", city->id), LOG_TEXT("name", city->name),
                 LOG_TEXT("from", fetcher->sources[former].provider->name),
                 LOG_TEXT("to", fetcher->sources[city_source(city)].provider->name),
                 LOG_TEXT("why", why(fetcher, city, former, now)), LOG_INT("suppressed", suppressed));
}

/* What an answer that is good as a whole says of one city: its newest row, if there is one. */
static void answered(struct fetcher *fetcher, const struct call *call, size_t place, int64_t age_ms, int64_t now_ms)
{
    struct failover *failover = call->polls[place]->city->failover;
    int32_t source = call->source->index;
    enum fetch_status status = fetcher->rows.statuses[place];
    if (status == FETCH_OK && age_ms != INT64_MAX)
        failover_answered(failover, &fetcher->cities.rules, source, age_ms < 0 ? 0 : age_ms, now_ms);
    else if (status == FETCH_BAD_PLACE)
        failover_unknown(failover, source);
    else
        failover_failed(failover, source); /* that nothing is known of the place, too */
}

static void on_answer(struct fetcher *fetcher, const struct call *call, int64_t now_ms)
{
    const struct provider_rows *rows = &fetcher->rows;
    int64_t wall = clock_wall_ms();
    size_t row = 0;
    for (size_t i = 0; i < call->count; i++) {
        int64_t age = INT64_MAX;
        for (; row < rows->count && rows->rows[row].city_id == call->places[i].city_id; row++)
            age = wall - rows->rows[row].observed_at_ms;
        answered(fetcher, call, i, age, now_ms);
    }
}

/*
 * What is of the account is none of its cities' (source_open_ms has it), and a place may be known without a history.
 */
static void on_failure(const struct call *call, enum fetch_status status)
{
    if (status == FETCH_KEY_REFUSED || status == FETCH_RATE_LIMITED)
        return;
    for (size_t i = 0; i < call->count; i++) {
        struct failover *failover = call->polls[i]->city->failover;
        if (status != FETCH_BAD_PLACE)
            failover_failed(failover, call->source->index);
        else if (call->kind == FETCH_CURRENT)
            failover_unknown(failover, call->source->index);
    }
}

void choice_of_call(struct fetcher *fetcher, const struct call *call, enum fetch_status status, int64_t now_ms)
{
    if (fetcher->source_count == 1 || call->kind == FETCH_AIR)
        return;
    if (status != FETCH_OK && !outcome_narrows(call, status))
        on_failure(call, status);
    else if (status == FETCH_OK && call->kind == FETCH_CURRENT)
        on_answer(fetcher, call, now_ms);
    for (size_t i = 0; i < call->count; i++) {
        struct city *city = call->polls[i]->city;
        int32_t former = city_source(city);
        if (cities_decide(&fetcher->cities, city, now_ms))
            on_changed(fetcher, city, former);
    }
}

void choice_second(struct fetcher *fetcher, int64_t now_ms)
{
    struct failover_rules *rules = &fetcher->cities.rules;
    for (int32_t s = 0; s < fetcher->source_count; s++)
        rules->open_ms[s] = source_open_ms(&fetcher->sources[s], rules->open_ms[s], now_ms);
    if (fetcher->source_count > 1)
        cities_review(&fetcher->cities, now_ms, on_changed, fetcher);
}
