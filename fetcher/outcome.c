/*
 * What the end of a call means for its cities, for the gate and for the log (fetcher.h): every answer has one status,
 * each place of a good one its own, and one place here says what each status does. Repeated errors are rate-limited per
 * status.
 *
 * A call for several places may fail because of one of them. So after such a failure they are asked again in halves,
 * down to the one whose fault it is; that one is asked for alone until it answers, and delays nobody.
 */
#include "fetcher.h"

#include <string.h>

#define SAY_EVERY_MS     10000
#define HISTORY_ATTEMPTS 3 /* then the city does without */

/* What a call ended with. */
struct outcome {
    struct source *source;
    const struct call *call;
    const struct transfer_result *result;
    int64_t now_ms;
};

/* ---- the gate ---- */

static void say_stopped(struct fetcher *fetcher, const struct outcome *outcome, const struct gate *gate,
                        const char *text)
{
    char name[SOURCE_NAME_BYTES];
    fetcher->metrics.stops_total++;
    log_warn("calls_stopped", LOG_TEXT("why", gate_state_name(gate->state)),
             LOG_TEXT("source", source_name(outcome->source, product_of(outcome->call->kind), name)),
             LOG_INT("http", outcome->result->http_status), LOG_INT("retry_in_ms", gate->until_ms - outcome->now_ms),
             LOG_TEXT("meaning", text));
}

static void say_still(const struct outcome *outcome, enum fetch_status status, const char *event)
{
    struct source *source = outcome->source;
    if (log_limit_pass(&source->status_limits[status], outcome->now_ms, SAY_EVERY_MS, NULL))
        log_warn(event, LOG_TEXT("source", source->provider->name), LOG_INT("http", outcome->result->http_status),
                 LOG_INT("retry_in_ms", source->gate.until_ms - outcome->now_ms));
}

static void on_key_refused(struct fetcher *fetcher, const struct outcome *outcome)
{
    struct gate *gate = &outcome->source->gate;
    const char *text = outcome->source->key_worked
                           ? "the API refuses the key that it took before; it is tried slowly from now on"
                           : "the API refuses the key; a new key takes up to two hours to work, so it is tried slowly. "
                             "Is ISOBAR_API_KEY right?";
    if (gate_key_refused(gate, outcome->call->begun_ms, outcome->now_ms))
        say_stopped(fetcher, outcome, gate, text);
    else
        say_still(outcome, FETCH_KEY_REFUSED, "key_still_refused");
}

/* The header says for how long, or the body. */
static void on_rate_limited(struct fetcher *fetcher, const struct outcome *outcome)
{
    int64_t wait =
        outcome->result->retry_after_ms >= 0 ? outcome->result->retry_after_ms : fetcher->rows.retry_after_ms;
    struct gate *gate = &outcome->source->gate;
    if (gate_rate_limited(gate, outcome->call->begun_ms, outcome->now_ms, wait))
        say_stopped(fetcher, outcome, gate, "the API counts too many calls on this account; none is made for a while");
    else
        say_still(outcome, FETCH_RATE_LIMITED, "still_rate_limited");
    outcome->source->limited_until_ms = gate->until_ms;
    link_beat(fetcher->link); /* the others are to stop, too */
}

/* True while the key or the account is the reason that calls are stopped: that is of all hosts. */
static bool account_stopped(const struct source *source)
{
    return source->gate.state == GATE_KEY_REFUSED || source->gate.state == GATE_RATE_LIMITED;
}

/* The gate that the host of a call has. */
static struct gate *host_gate(const struct call *call)
{
    struct source *source = call->source;
    return call->kind == FETCH_AIR && source_air_apart(source) ? &source->air_gate : &source->gate;
}

/* The API answered and took the key. */
static void on_answered(const struct outcome *outcome)
{
    struct source *source = outcome->source;
    source->key_worked = true;
    struct gate *gate = host_gate(outcome->call);
    bool resumed = gate_answered(gate, outcome->call->begun_ms);
    if (gate != &source->gate && account_stopped(source))
        resumed |= gate_answered(&source->gate, outcome->call->begun_ms);
    if (resumed)
        log_info("calls_resumed", LOG_TEXT("source", source->provider->name),
                 LOG_INT("stopped_ms", outcome->now_ms - gate->closed_ms));
}

static void say_failed(struct fetcher *fetcher, const struct outcome *outcome, enum fetch_status status,
                       const struct city_polls *polls)
{
    struct source *source = outcome->source;
    int64_t suppressed = 0;
    if (!polls || !log_limit_pass(&source->status_limits[status], outcome->now_ms, SAY_EVERY_MS, &suppressed))
        return;
    log_warn(
        "call_failed", LOG_TEXT("source", source->provider->name), LOG_TEXT("why", fetch_status_name(status)),
        LOG_INT("city", polls->city->id), LOG_TEXT("name", polls->city->name), LOG_INT("places", outcome->call->count),
        LOG_TEXT("reason", outcome->result->end == TRANSFER_ANSWERED ? fetcher->rows.reason : outcome->result->reason),
        LOG_INT("failures", polls->item.attempt + 1), LOG_INT("suppressed", suppressed));
}

static void on_host_failed(struct fetcher *fetcher, const struct outcome *outcome, enum fetch_status status)
{
    const struct call *call = outcome->call;
    say_failed(fetcher, outcome, status, call->polls[0]);
    struct gate *gate = account_stopped(outcome->source) ? &outcome->source->gate : host_gate(call);
    if (gate_host_failed(gate, call->places[0].city_id, call->begun_ms, outcome->now_ms,
                         outcome->result->retry_after_ms))
        say_stopped(fetcher, outcome, gate,
                    "the source fails for city after city; it is tried with one call at a time");
}

/* ---- cities ---- */

static struct schedule *schedule_of(const struct outcome *outcome)
{
    return source_schedule(outcome->source, outcome->call->kind);
}

/* True when the source is still to be asked for this: the catalogue or the choice of sources may have changed. */
static bool asked(const struct fetcher *fetcher, const struct outcome *outcome, const struct city_polls *polls)
{
    return cities_asks(&fetcher->cities, polls->city, outcome->source->index, product_of(outcome->call->kind));
}

/* Whether one place may be the reason why a call for several failed. */
static bool may_be_one_place(enum fetch_status status)
{
    return status == FETCH_BAD_PLACE || status == FETCH_BROKEN_BODY || status == FETCH_UNEXPECTED_SHAPE ||
           status == FETCH_TOO_LARGE || status == FETCH_SERVER_ERROR;
}

/* The same, and the server is not in trouble: the others of its call can go on without it. */
static bool spoils_others(enum fetch_status status)
{
    return may_be_one_place(status) && status != FETCH_SERVER_ERROR;
}

bool outcome_narrows(const struct call *call, enum fetch_status status)
{
    return call->count > 1 && spoils_others(status);
}

static void on_bad_place(struct city_polls *polls, const struct outcome *outcome)
{
    char name[SOURCE_NAME_BYTES];
    if (log_limit_pass(&outcome->source->status_limits[FETCH_BAD_PLACE], outcome->now_ms, SAY_EVERY_MS, NULL))
        log_warn(
            "city_parked", LOG_INT("city", polls->city->id), LOG_TEXT("name", polls->city->name),
            LOG_TEXT("source", source_name(outcome->source, product_of(outcome->call->kind), name)),
            LOG_INT("http", outcome->result->http_status),
            LOG_TEXT("meaning", "the source does not know this place; it is asked again rarely, the others go on"));
}

/* A history that fails too often is given up; the city goes on without. */
static void on_history_failed(const struct city_polls *polls, enum fetch_status status)
{
    struct city *city = polls->city;
    if (status == FETCH_BAD_PLACE) {
        city->history_done = true; /* no history there; the place itself may be right */
    } else if (polls->item.attempt + 1 >= HISTORY_ATTEMPTS) {
        city->history_done = true;
        log_warn("history_given_up", LOG_INT("city", city->id), LOG_TEXT("name", city->name),
                 LOG_TEXT("why", fetch_status_name(status)));
    }
}

static void on_city_good(struct fetcher *fetcher, struct city_polls *polls, const struct outcome *outcome)
{
    if (schedule_parked(&polls->item))
        log_info("city_known_again", LOG_INT("city", polls->city->id), LOG_TEXT("name", polls->city->name));
    polls->places_max = 0;
    if (asked(fetcher, outcome, polls))
        schedule_polled(schedule_of(outcome), &polls->item, outcome->now_ms);
    else
        polls->item.polled = true;
}

/* The call, or this place of it, failed. */
static void on_city_failed(struct fetcher *fetcher, struct city_polls *polls, enum fetch_status status,
                           const struct outcome *outcome)
{
    struct schedule *schedule = schedule_of(outcome);
    struct schedule_item *item = &polls->item;
    bool history = outcome->call->kind == FETCH_HISTORY;
    if (status == FETCH_BAD_PLACE && !history)
        on_bad_place(polls, outcome);
    else if (history && status != FETCH_KEY_REFUSED && status != FETCH_RATE_LIMITED)
        on_history_failed(polls, status);
    if (!asked(fetcher, outcome, polls))
        return;
    if (status == FETCH_KEY_REFUSED || status == FETCH_RATE_LIMITED)
        schedule_defer(schedule, item, outcome->source->gate.until_ms);
    else if (status == FETCH_BAD_PLACE && history)
        schedule_defer(schedule, item, outcome->now_ms);
    else if (status == FETCH_BAD_PLACE)
        schedule_park(schedule, item, outcome->now_ms);
    else
        schedule_failed(schedule, item, outcome->now_ms);
}

/*
 * One of several places may be the reason: they are asked for again in halves, at once unless the server is in trouble,
 * so that the others need not wait. True when that is settled. Gate and meter bound it when none of them is to blame.
 */
static bool narrow(struct fetcher *fetcher, const struct outcome *outcome, enum fetch_status status)
{
    const struct call *call = outcome->call;
    bool at_once = outcome_narrows(call, status);
    if (call->count == 1 || !may_be_one_place(status))
        return false;
    fetcher->metrics.calls_narrowed_total++;
    for (size_t i = 0; i < call->count; i++) {
        if (!call->polls[i])
            continue;
        call->polls[i]->places_max = (int32_t)((call->count + 1) / 2);
        if (at_once && asked(fetcher, outcome, call->polls[i]))
            schedule_defer(schedule_of(outcome), &call->polls[i]->item, outcome->now_ms);
    }
    return at_once;
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
        on_answered(outcome);
    else
        on_host_failed(fetcher, outcome, status);
    if (narrow(fetcher, outcome, status))
        return;
    if (call->count == 1 && call->polls[0] && call->kind != FETCH_HISTORY && spoils_others(status))
        call->polls[0]->places_max = 1; /* it was found: it goes into no call with others until it answers */
    for (size_t i = 0; i < call->count; i++) {
        if (call->polls[i])
            on_city_failed(fetcher, call->polls[i], status, outcome);
    }
}

void outcome_of_call(struct fetcher *fetcher, const struct call *call, enum fetch_status status,
                     const struct transfer_result *result, int64_t now_ms)
{
    struct outcome outcome = {call->source, call, result, now_ms};
    call->source->failed += status != FETCH_OK;
    if (status != FETCH_OK) {
        on_call_failed(fetcher, &outcome, status);
        return;
    }
    on_answered(&outcome);
    for (size_t i = 0; i < call->count; i++) {
        enum fetch_status own = fetcher->rows.statuses[i];
        if (call->polls[i] && own == FETCH_OK) {
            on_city_good(fetcher, call->polls[i], &outcome);
        } else if (call->polls[i]) {
            say_failed(fetcher, &outcome, own, call->polls[i]);
            on_city_failed(fetcher, call->polls[i], own, &outcome);
        }
    }
}
