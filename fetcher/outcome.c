/*
 * What the end of a call means for its cities, for the gate and for the log (fetcher.h): every answer has one status,
 * each place of a good one its own, and one place here says what each status does. Repeated errors are rate-limited per
 * status.
 *
 * A call for several places may fail because of one of them. So after such a failure they are asked again in halves,
 * down to the one whose fault it is; that one is asked for alone until it answers, and delays nobody.
 */
#include "fetcher.h"

#define SAY_EVERY_MS     10000
#define HISTORY_ATTEMPTS 3 /* then the city does without */

/* What a call ended with. */
struct outcome {
    const struct call *call;
    const struct transfer_result *result;
    int64_t now_ms;
};

/* ---- the gate ---- */

static void say_stopped(struct fetcher *fetcher, const struct outcome *outcome, const char *text)
{
    fetcher->metrics.stops_total++;
    log_warn("calls_stopped", LOG_TEXT("why", gate_state_name(fetcher->gate.state)),
             LOG_INT("http", outcome->result->http_status),
             LOG_INT("retry_in_ms", fetcher->gate.until_ms - outcome->now_ms), LOG_TEXT("meaning", text));
}

static void say_still(struct fetcher *fetcher, const struct outcome *outcome, enum fetch_status status,
                      const char *event)
{
    if (log_limit_pass(&fetcher->status_limits[status], outcome->now_ms, SAY_EVERY_MS, NULL))
        log_warn(event, LOG_INT("http", outcome->result->http_status),
                 LOG_INT("retry_in_ms", fetcher->gate.until_ms - outcome->now_ms));
}

static void on_key_refused(struct fetcher *fetcher, const struct outcome *outcome)
{
    const char *text = fetcher->key_worked
                           ? "the API refuses the key that it took before; it is tried slowly from now on"
                           : "the API refuses the key; a new key takes up to two hours to work, so it is tried slowly. "
                             "Is ISOBAR_API_KEY right?";
    if (gate_key_refused(&fetcher->gate, outcome->call->begun_ms, outcome->now_ms))
        say_stopped(fetcher, outcome, text);
    else
        say_still(fetcher, outcome, FETCH_KEY_REFUSED, "key_still_refused");
}

/* The header says for how long, or the body. */
static void on_rate_limited(struct fetcher *fetcher, const struct outcome *outcome)
{
    int64_t wait =
        outcome->result->retry_after_ms >= 0 ? outcome->result->retry_after_ms : fetcher->rows.retry_after_ms;
    if (gate_rate_limited(&fetcher->gate, outcome->call->begun_ms, outcome->now_ms, wait))
        say_stopped(fetcher, outcome, "the API counts too many calls on this account; none is made for a while");
    else
        say_still(fetcher, outcome, FETCH_RATE_LIMITED, "still_rate_limited");
}

/* The API answered and took the key. */
static void on_answered(struct fetcher *fetcher, const struct outcome *outcome)
{
    fetcher->key_worked = true;
    if (gate_answered(&fetcher->gate, outcome->call->begun_ms))
        log_info("calls_resumed", LOG_INT("stopped_ms", outcome->now_ms - fetcher->gate.closed_ms));
}

static void say_failed(struct fetcher *fetcher, const struct outcome *outcome, enum fetch_status status,
                       const struct city *city)
{
    int64_t suppressed = 0;
    if (!city || !log_limit_pass(&fetcher->status_limits[status], outcome->now_ms, SAY_EVERY_MS, &suppressed))
        return;
    log_warn(
        "call_failed", LOG_TEXT("why", fetch_status_name(status)), LOG_INT("city", city->id),
        LOG_TEXT("name", city->name), LOG_INT("places", outcome->call->count),
        LOG_TEXT("reason", outcome->result->end == TRANSFER_ANSWERED ? fetcher->rows.reason : outcome->result->reason),
        LOG_INT("failures", city->item.attempt + 1), LOG_INT("suppressed", suppressed));
}

static void on_host_failed(struct fetcher *fetcher, const struct outcome *outcome, enum fetch_status status)
{
    const struct call *call = outcome->call;
    say_failed(fetcher, outcome, status, call->cities[0]);
    if (gate_host_failed(&fetcher->gate, call->places[0].city_id, call->begun_ms, outcome->now_ms,
                         outcome->result->retry_after_ms))
        say_stopped(fetcher, outcome, "the source fails for city after city; it is tried with one call at a time");
}

/* ---- cities ---- */

/* Whether one place may be the reason why a call for several failed. */
static bool may_be_one_place(enum fetch_status status)
{
    return status == FETCH_BAD_PLACE || status == FETCH_BROKEN_BODY || status == FETCH_UNEXPECTED_SHAPE ||
           status == FETCH_TOO_LARGE || status == FETCH_SERVER_ERROR;
}

static void on_bad_place(struct fetcher *fetcher, struct city *city, const struct outcome *outcome)
{
    city->places_max = 1;
    if (log_limit_pass(&fetcher->status_limits[FETCH_BAD_PLACE], outcome->now_ms, SAY_EVERY_MS, NULL))
        log_warn(
            "city_parked", LOG_INT("city", city->id), LOG_TEXT("name", city->name),
            LOG_INT("http", outcome->result->http_status),
            LOG_TEXT("meaning", "the source does not know this place; it is asked again rarely, the others go on"));
}

/* A history that fails too often is given up; the city goes on without. */
static void on_history_failed(struct city *city, enum fetch_status status)
{
    if (status == FETCH_BAD_PLACE) {
        city->history_done = true; /* no history there; the place itself may be right */
    } else if (city->item.attempt + 1 >= HISTORY_ATTEMPTS) {
        city->history_done = true;
        log_warn("history_given_up", LOG_INT("city", city->id), LOG_TEXT("name", city->name),
                 LOG_TEXT("why", fetch_status_name(status)));
    }
}

static void on_city_good(struct fetcher *fetcher, struct city *city, int64_t now_ms)
{
    if (schedule_parked(&city->item))
        log_info("city_known_again", LOG_INT("city", city->id), LOG_TEXT("name", city->name));
    city->places_max = 0;
    if (cities_wanted(&fetcher->cities, city))
        schedule_polled(&fetcher->schedule, &city->item, now_ms);
    else
        city->item.polled = true;
}

/* The call, or this place of it, failed. */
static void on_city_failed(struct fetcher *fetcher, struct city *city, enum fetch_status status,
                           const struct outcome *outcome)
{
    struct schedule *schedule = &fetcher->schedule;
    bool history = outcome->call->kind == FETCH_HISTORY, wanted = cities_wanted(&fetcher->cities, city);
    if (status == FETCH_BAD_PLACE && !history)
        on_bad_place(fetcher, city, outcome);
    else if (history && status != FETCH_KEY_REFUSED && status != FETCH_RATE_LIMITED)
        on_history_failed(city, status);
    if (!wanted)
        return;
    if (status == FETCH_KEY_REFUSED || status == FETCH_RATE_LIMITED)
        schedule_defer(schedule, &city->item, fetcher->gate.until_ms);
    else if (status == FETCH_BAD_PLACE && history)
        schedule_defer(schedule, &city->item, outcome->now_ms);
    else if (status == FETCH_BAD_PLACE)
        schedule_park(schedule, &city->item, outcome->now_ms);
    else
        schedule_failed(schedule, &city->item, outcome->now_ms);
}

/* One of several places may be the reason: they are asked for again in halves. True when they wait for that alone. */
static bool narrow(struct fetcher *fetcher, const struct outcome *outcome, enum fetch_status status)
{
    const struct call *call = outcome->call;
    if (call->count == 1 || !may_be_one_place(status))
        return false;
    fetcher->metrics.calls_narrowed_total++;
    for (size_t i = 0; i < call->count; i++) {
        if (!call->cities[i])
            continue;
        call->cities[i]->places_max = (int32_t)((call->count + 1) / 2);
        if (status == FETCH_BAD_PLACE && cities_wanted(&fetcher->cities, call->cities[i]))
            schedule_defer(&fetcher->schedule, &call->cities[i]->item, outcome->now_ms);
    }
    return status == FETCH_BAD_PLACE;
}

/* ---- the call ---- */

static void on_call_failed(struct fetcher *fetcher, const struct outcome *outcome, enum fetch_status status)
{
    const struct call *call = outcome->call;
    if (status == FETCH_KEY_REFUSED)
        on_key_refused(fetcher, outcome);
    else if (status == FETCH_RATE_LIMITED)
        on_rate_limited(fetcher, outcome);
    else if (status == FETCH_BAD_PLACE)
        on_answered(fetcher, outcome);
    else
        on_host_failed(fetcher, outcome, status);
    if (narrow(fetcher, outcome, status))
        return;
    for (size_t i = 0; i < call->count; i++) {
        if (call->cities[i])
            on_city_failed(fetcher, call->cities[i], status, outcome);
    }
}

void outcome_of_call(struct fetcher *fetcher, const struct call *call, enum fetch_status status,
                     const struct transfer_result *result, int64_t now_ms)
{
    struct outcome outcome = {call, result, now_ms};
    if (status != FETCH_OK) {
        on_call_failed(fetcher, &outcome, status);
        return;
    }
    on_answered(fetcher, &outcome);
    for (size_t i = 0; i < call->count; i++) {
        enum fetch_status own = fetcher->rows.statuses[i];
        if (call->cities[i] && own == FETCH_OK) {
            on_city_good(fetcher, call->cities[i], now_ms);
        } else if (call->cities[i]) {
            say_failed(fetcher, &outcome, own, call->cities[i]);
            on_city_failed(fetcher, call->cities[i], own, &outcome);
        }
    }
}
