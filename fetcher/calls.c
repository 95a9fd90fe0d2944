/*
 * Calls to a source: which cities go into one, the request, and the answer (fetcher.h). What is produced of an answer
 * is rows.c's, what it means for its cities, the gate and the log outcome.c's.
 *
 * A call asks for the city that is due the longest and, where the API takes several places, for those that are due by
 * now or within a moment, as far as the share allows. Its whole weight is taken from the share before it is sent.
 */
#include "fetcher.h"

#include "clock.h"
#include "error.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define HISTORY_MARGIN_MS 600000 /* the oldest item must not be beyond the lateness horizon when it is processed */
#define AHEAD_PARTS       60     /* of an interval: cities so little before their time join a call */
#define AHEAD_MAX_MS      15000

/* ---- which cities ---- */

/* What is due next, and for which kind of call; polls are NULL when nothing is in the schedules. */
struct due {
    struct city_polls *polls;
    enum fetch_call kind;
};

/* A history belongs to the readings of the source in use. */
static bool wants_history(const struct source *source, const struct city *city)
{
    return source->history_ms && !city->history_done && city_source(city) == source->index;
}

static struct due due_of_weather(const struct source *source)
{
    struct city_polls *polls = polls_of_item(schedule_next(&source->schedules[PRODUCT_WEATHER]));
    return (struct due){polls, polls && wants_history(source, polls->city) ? FETCH_HISTORY : FETCH_CURRENT};
}

static struct due due_of_air(const struct source *source)
{
    return (struct due){polls_of_item(schedule_next(&source->schedules[PRODUCT_AIR])), FETCH_AIR};
}

/* When what is due then may be asked for, by a gate that `running` calls go through. */
static int64_t through(const struct gate *gate, int64_t due_ms, int64_t running, int64_t now_ms)
{
    if (due_ms > now_ms || gate_allows(gate, now_ms, running))
        return due_ms;
    return gate->until_ms > now_ms ? gate->until_ms : INT64_MAX; /* else a call is under way */
}

/* A host that fails holds up its own calls only; a key or an account all of them. */
static int64_t weather_due_ms(const struct source *source, int64_t now_ms)
{
    int64_t running = source->running, due = schedule_due_ms(&source->schedules[PRODUCT_WEATHER]);
    bool apart = source_air_apart(source) && source->gate.state == GATE_HOST_FAILING;
    return through(&source->gate, due, apart ? running - source->air_running : running, now_ms);
}

static int64_t air_due_ms(const struct source *source, int64_t now_ms)
{
    int64_t due = schedule_due_ms(&source->schedules[PRODUCT_AIR]);
    due = through(&source->air_gate, due, source->air_running, now_ms);
    if (source_air_apart(source) && source->gate.state == GATE_HOST_FAILING)
        return due;
    return through(&source->gate, due, source->running, now_ms);
}

int64_t calls_due_ms(const struct source *source, int64_t now_ms)
{
    int64_t weather = weather_due_ms(source, now_ms), air = air_due_ms(source, now_ms);
    return weather < air ? weather : air;
}

/* Weather, unless air is due before it, or weather must wait for its host. */
static struct due due_next(const struct source *source, int64_t now_ms)
{
    return weather_due_ms(source, now_ms) <= air_due_ms(source, now_ms) ? due_of_weather(source) : due_of_air(source);
}

/* The next one that may join a call of that kind; another kind or no polls when there is none. */
static struct due due_with(const struct source *source, enum fetch_call kind)
{
    return kind == FETCH_AIR ? due_of_air(source) : due_of_weather(source);
}

/* What a call weighs, 1/1000. */
static int64_t weight_of(const struct source *source, enum fetch_call kind, size_t places)
{
    return source->provider->cost_milli(kind, places);
}

/* How many places a call that asks for it may have. */
static size_t places_max(const struct source *source, const struct due *due)
{
    size_t most = due->kind == FETCH_HISTORY ? 1 : source->provider->places_max;
    size_t own = (size_t)due->polls->places_max;
    return own && own < most ? own : most;
}

int64_t calls_next_milli(const struct source *source, int64_t now_ms)
{
    struct due due = due_next(source, now_ms);
    return weight_of(source, due.polls ? due.kind : FETCH_CURRENT, 1);
}

int64_t calls_start_ms(struct source *source, int64_t now_ms)
{
    return due_next(source, now_ms).polls ? meter_retry_ms(&source->meter, calls_next_milli(source, now_ms), now_ms)
                                          : INT64_MAX;
}

static void call_add(struct call *call, struct city_polls *polls, int64_t now_ms)
{
    const struct city *city = polls->city;
    if (call->count == call->capacity) {
        call->capacity = call->capacity ? call->capacity * 2 : 1;
        call->places = mem_grow(call->places, call->capacity, sizeof *call->places);
        call->polls = mem_grow(call->polls, call->capacity, sizeof(struct city_polls *));
    }
    schedule_begin(source_schedule(call->source, call->kind), &polls->item, now_ms);
    call->places[call->count] = (struct provider_place){
        .city_id = city->id, .latitude_e5 = city->latitude_e5, .longitude_e5 = city->longitude_e5};
    memcpy(call->places[call->count].station, city->station, sizeof city->station);
    call->polls[call->count++] = polls;
}

static void call_free(struct call *call)
{
    free(call->places);
    free(call->polls);
    free(call);
}

/* Takes the cities of the next call from the schedule; at least one is due, and may be asked for. */
static struct call *gather(struct source *source, int64_t now_ms)
{
    struct due due = due_next(source, now_ms);
    const struct schedule *schedule = source_schedule(source, due.kind);
    int64_t ahead = schedule->interval_ms / AHEAD_PARTS, room = meter_room(&source->meter, now_ms);
    size_t most = places_max(source, &due);
    struct call *call = mem_alloc(sizeof *call);
    ahead = ahead < AHEAD_MAX_MS ? ahead : AHEAD_MAX_MS;
    *call = (struct call){.source = source, .kind = due.kind, .begun_ms = now_ms};
    do {
        call_add(call, due.polls, now_ms);
        due = due_with(source, call->kind);
        if (!due.polls || due.kind != call->kind || !schedule_joins(schedule, &due.polls->item, ahead, now_ms))
            break;
        most = places_max(source, &due) < most ? places_max(source, &due) : most;
    } while (call->count < most && weight_of(source, call->kind, call->count + 1) <= room);
    return call;
}

/* ---- requests ---- */

static int send_request(struct fetcher *fetcher, struct call *call)
{
    const struct source *source = call->source;
    int64_t wall = clock_wall_ms();
    struct provider_request request = {.call = call->kind,
                                       .places = call->places,
                                       .count = call->count,
                                       .start_ms = wall - source->history_ms + HISTORY_MARGIN_MS,
                                       .end_ms = wall};
    struct buf *url = &fetcher->url;
    buf_reset(url);
    const struct buf *base = call->kind == FETCH_AIR ? &source->air_base_url : &source->base_url;
    source->provider->url(&request, base->data, source->key.data, url);
    int status = transfers_start(fetcher->transfers, url->data, call);
    explicit_bzero(url->data, url->size);
    return status;
}

void calls_begin(struct fetcher *fetcher, struct source *source, int64_t now_ms)
{
    struct call *call = gather(source, now_ms);
    int status = send_request(fetcher, call);
    if (status != 0) {
        log_error("call_not_started", LOG_INT("city", call->places[0].city_id), LOG_INT("places", call->count),
                  LOG_TEXT("reason", error_name(status)));
        for (size_t i = 0; i < call->count; i++)
            schedule_failed(source_schedule(source, call->kind), &call->polls[i]->item, now_ms);
        call_free(call);
        return;
    }
    for (size_t i = 0; i < call->count; i++)
        call->polls[i]->in_call = true;
    call->weight = weight_of(source, call->kind, call->count);
    meter_begin(&source->meter, call->weight, now_ms);
    source->running++;
    source->air_running += call->kind == FETCH_AIR;
    source->calls++;
    fetcher->metrics.calls_total++;
    fetcher->metrics.places_asked_total += (int64_t)call->count;
    fetcher->metrics.cost_milli_total += call->weight;
}

/* It may have reached the API: its weight counts from now on for a while. Cities that have left meanwhile become NULL.
 */
static void call_ended(struct call *call, int64_t now_ms)
{
    struct source *source = call->source;
    meter_end(&source->meter, call->weight, now_ms);
    source->running--;
    source->air_running -= call->kind == FETCH_AIR;
    for (size_t i = 0; i < call->count; i++) {
        if (!cities_call_ended(call->polls[i]))
            call->polls[i] = NULL;
    }
}

void calls_abort(struct fetcher *fetcher)
{
    struct call *call;
    while ((call = transfers_abort(fetcher->transfers)) != NULL) {
        fetcher->metrics.calls_aborted_total++;
        call_ended(call, loop_now_ms(fetcher->loop));
        call_free(call);
    }
}

/* ---- the answer ---- */

static enum fetch_status read_answer(struct fetcher *fetcher, const struct call *call,
                                     const struct transfer_result *result)
{
    struct provider_answer answer = {.call = call->kind,
                                     .http_status = result->http_status,
                                     .body = result->body,
                                     .size = result->size,
                                     .places = call->places,
                                     .count = call->count,
                                     .fetched_at_ms = clock_wall_ms()};
    switch (result->end) {
    case TRANSFER_NETWORK:
        return FETCH_NETWORK;
    case TRANSFER_TIMEOUT:
        return FETCH_TIMEOUT;
    case TRANSFER_TOO_LARGE:
        return FETCH_TOO_LARGE;
    case TRANSFER_NO_NAME:
        return FETCH_NO_NAME;
    case TRANSFER_REFUSED:
        return FETCH_ADDRESS_REFUSED;
    default:
        return call->source->provider->parse(&answer, &fetcher->rows);
    }
}

void calls_done(void *arg, void *opaque, const struct transfer_result *result)
{
    struct fetcher *fetcher = arg;
    struct call *call = opaque;
    int64_t now = loop_now_ms(fetcher->loop);
    enum fetch_status status = read_answer(fetcher, call, result);
    fetcher->answers[status]++;
    fetcher->metrics.call_milliseconds_total += result->took_ms;
    fetcher->metrics.body_bytes_total += (int64_t)result->size;
    watch_answer(fetcher, call, status, now);
    choice_of_call(fetcher, call, status, now);
    call_ended(call, now);
    if (status == FETCH_OK)
        rows_send(fetcher, call);
    outcome_of_call(fetcher, call, status, result, now);
    call_free(call);
    fetcher_pump(fetcher);
}
