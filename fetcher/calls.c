/*
 * Calls to the source: which cities go into one, the request, and what was read from the answer (fetcher.h). What an
 * answer means for its cities, the gate and the log is outcome.c's.
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

/* A city that is due next, and for what; NULL when none is in the schedules. */
struct due {
    struct city *city;
    enum fetch_call kind;
};

static struct due due_of_weather(const struct fetcher *fetcher)
{
    struct city *city = city_of_weather(schedule_next(&fetcher->schedule));
    return (struct due){city, city && !city->history_done ? FETCH_HISTORY : FETCH_CURRENT};
}

/* When what is due then may be asked for, by a gate that `running` calls go through. */
static int64_t through(const struct gate *gate, int64_t due_ms, int64_t running, int64_t now_ms)
{
    if (due_ms > now_ms || gate_allows(gate, now_ms, running))
        return due_ms;
    return gate->until_ms > now_ms ? gate->until_ms : INT64_MAX; /* else a call is under way */
}

/* A host that fails holds up its own calls only; a key or an account all of them. */
static int64_t weather_due_ms(const struct fetcher *fetcher, int64_t now_ms)
{
    int64_t running = transfers_running(fetcher->transfers), due = schedule_due_ms(&fetcher->schedule);
    bool apart = fetcher_air_apart(fetcher) && fetcher->gate.state == GATE_HOST_FAILING;
    return through(&fetcher->gate, due, apart ? running - fetcher->air_running : running, now_ms);
}

static int64_t air_due_ms(const struct fetcher *fetcher, int64_t now_ms)
{
    int64_t due = through(&fetcher->air_gate, schedule_due_ms(&fetcher->air_schedule), fetcher->air_running, now_ms);
    if (fetcher_air_apart(fetcher) && fetcher->gate.state == GATE_HOST_FAILING)
        return due;
    return through(&fetcher->gate, due, transfers_running(fetcher->transfers), now_ms);
}

int64_t calls_due_ms(const struct fetcher *fetcher, int64_t now_ms)
{
    int64_t weather = weather_due_ms(fetcher, now_ms), air = air_due_ms(fetcher, now_ms);
    return weather < air ? weather : air;
}

/* Weather, unless air is due before it, or weather must wait for its host. */
static struct due due_next(const struct fetcher *fetcher)
{
    int64_t now = loop_now_ms(fetcher->loop);
    if (weather_due_ms(fetcher, now) <= air_due_ms(fetcher, now))
        return due_of_weather(fetcher);
    return (struct due){city_of_air(schedule_next(&fetcher->air_schedule)), FETCH_AIR};
}

/* The next one that may join a call of that kind; another kind or no city when there is none. */
static struct due due_with(const struct fetcher *fetcher, enum fetch_call kind)
{
    if (kind != FETCH_AIR)
        return due_of_weather(fetcher);
    return (struct due){city_of_air(schedule_next(&fetcher->air_schedule)), FETCH_AIR};
}

static struct schedule *schedule_for(struct fetcher *fetcher, enum fetch_call kind)
{
    return kind == FETCH_AIR ? &fetcher->air_schedule : &fetcher->schedule;
}

/* What a call weighs, 1/1000. */
static int64_t weight_of(const struct fetcher *fetcher, enum fetch_call kind, size_t places)
{
    return fetcher->provider->cost_milli(kind, places);
}

/* How many places a call that asks for it may have. */
static size_t places_max(const struct fetcher *fetcher, const struct due *due)
{
    size_t most = due->kind == FETCH_HISTORY ? 1 : fetcher->provider->places_max;
    size_t own = (size_t)city_polls(due->city, due->kind)->places_max;
    return own && own < most ? own : most;
}

int64_t calls_next_milli(const struct fetcher *fetcher)
{
    struct due due = due_next(fetcher);
    return weight_of(fetcher, due.city ? due.kind : FETCH_CURRENT, 1);
}

int64_t calls_start_ms(struct fetcher *fetcher, int64_t now_ms)
{
    return due_next(fetcher).city ? meter_retry_ms(&fetcher->meter, calls_next_milli(fetcher), now_ms) : INT64_MAX;
}

static void call_add(struct fetcher *fetcher, struct call *call, struct city *city, int64_t now_ms)
{
    if (call->count == call->capacity) {
        call->capacity = call->capacity ? call->capacity * 2 : 1;
        call->places = mem_grow(call->places, call->capacity, sizeof *call->places);
        call->cities = mem_grow(call->cities, call->capacity, sizeof(struct city *));
    }
    schedule_begin(schedule_for(fetcher, call->kind), &city_polls(city, call->kind)->item, now_ms);
    call->places[call->count] = (struct provider_place){city->id, city->latitude_e5, city->longitude_e5};
    call->cities[call->count++] = city;
}

static void call_free(struct call *call)
{
    free(call->places);
    free(call->cities);
    free(call);
}

/* Takes the cities of the next call from the schedule; at least one is due, and may be asked for. */
static struct call *gather(struct fetcher *fetcher, int64_t now_ms)
{
    struct due due = due_next(fetcher);
    int64_t ahead = schedule_for(fetcher, due.kind)->interval_ms / AHEAD_PARTS;
    int64_t room = meter_room(&fetcher->meter, now_ms);
    size_t most = places_max(fetcher, &due);
    struct call *call = mem_alloc(sizeof *call);
    ahead = ahead < AHEAD_MAX_MS ? ahead : AHEAD_MAX_MS;
    *call = (struct call){.kind = due.kind, .begun_ms = now_ms};
    do {
        call_add(fetcher, call, due.city, now_ms);
        due = due_with(fetcher, call->kind);
        if (!due.city || due.kind != call->kind ||
            !schedule_joins(schedule_for(fetcher, due.kind), &city_polls(due.city, due.kind)->item, ahead, now_ms))
            break;
        most = places_max(fetcher, &due) < most ? places_max(fetcher, &due) : most;
    } while (call->count < most && weight_of(fetcher, call->kind, call->count + 1) <= room);
    return call;
}

/* ---- requests ---- */

static int send_request(struct fetcher *fetcher, struct call *call)
{
    int64_t wall = clock_wall_ms();
    struct provider_request request = {.call = call->kind,
                                       .places = call->places,
                                       .count = call->count,
                                       .start_ms = wall - fetcher->history_ms + HISTORY_MARGIN_MS,
                                       .end_ms = wall};
    struct buf *url = &fetcher->url;
    buf_reset(url);
    const struct buf *base = call->kind == FETCH_AIR ? &fetcher->air_base_url : &fetcher->base_url;
    fetcher->provider->url(&request, base->data, fetcher->options->api_key, url);
    int status = transfers_start(fetcher->transfers, url->data, call);
    explicit_bzero(url->data, url->size);
    return status;
}

void calls_begin(struct fetcher *fetcher, int64_t now_ms)
{
    struct call *call = gather(fetcher, now_ms);
    int status = send_request(fetcher, call);
    if (status != 0) {
        log_error("call_not_started", LOG_INT("city", call->places[0].city_id), LOG_INT("places", call->count),
                  LOG_TEXT("reason", error_name(status)));
        for (size_t i = 0; i < call->count; i++)
            schedule_failed(schedule_for(fetcher, call->kind), &city_polls(call->cities[i], call->kind)->item, now_ms);
        call_free(call);
        return;
    }
    for (size_t i = 0; i < call->count; i++)
        city_polls(call->cities[i], call->kind)->in_call = true;
    call->weight = weight_of(fetcher, call->kind, call->count);
    meter_begin(&fetcher->meter, call->weight, now_ms);
    fetcher->air_running += call->kind == FETCH_AIR;
    fetcher->metrics.calls_total++;
    fetcher->metrics.places_asked_total += (int64_t)call->count;
    fetcher->metrics.cost_milli_total += call->weight;
}

/* It may have reached the API: its weight counts from now on for a while. Cities that have left meanwhile become NULL.
 */
static void call_ended(struct fetcher *fetcher, struct call *call, int64_t now_ms)
{
    meter_end(&fetcher->meter, call->weight, now_ms);
    fetcher->air_running -= call->kind == FETCH_AIR;
    for (size_t i = 0; i < call->count; i++) {
        if (!cities_call_ended(call->cities[i], call->kind))
            call->cities[i] = NULL;
    }
}

void calls_abort(struct fetcher *fetcher)
{
    struct call *call;
    while ((call = transfers_abort(fetcher->transfers)) != NULL) {
        fetcher->metrics.calls_aborted_total++;
        call_ended(fetcher, call, loop_now_ms(fetcher->loop));
        call_free(call);
    }
}

/* ---- what was read ---- */

/* Nothing new: the row says that the source was asked, and repeats the reading's time. */
static void make_checked(struct observation *row)
{
    struct observation checked = {.kind = ISOBAR__V1__ROW_KIND__CHECKED,
                                  .city_id = row->city_id,
                                  .provider = row->provider,
                                  .observed_at_ms = row->observed_at_ms,
                                  .fetched_at_ms = row->fetched_at_ms};
    *row = checked;
}

/*
 * What workers must know of a city, before its first reading: the zone decides which day a reading belongs to, the
 * interval how many there should be.
 */
static void tell(struct fetcher *fetcher, struct city *city, int32_t provider)
{
    int64_t now_ms = clock_wall_ms();
    struct observation row = {.kind = ISOBAR__V1__ROW_KIND__CONTROL,
                              .city_id = city->id,
                              .provider = provider,
                              .observed_at_ms = now_ms,
                              .fetched_at_ms = now_ms};
    struct control control = {.zone = zone_name(city->zone),
                              .country = city->country,
                              .interval_s = (int32_t)(fetcher->schedule.interval_ms / 1000)};
    outbox_send_control(fetcher->outbox, city->shard, &row, &control);
    city->told = true;
    fetcher->metrics.controls_total++;
}

/* What the answer says of one city: `count` rows. */
static void send_rows(struct fetcher *fetcher, struct city *city, enum fetch_call kind, struct observation *rows,
                      size_t count)
{
    struct city_polls *polls = city_polls(city, kind);
    if (!city->told)
        tell(fetcher, city, count ? rows[0].provider : 0);
    if (kind != FETCH_HISTORY && count)
        schedule_saw(schedule_for(fetcher, kind), &polls->item, rows[0].observed_at_ms);
    if (kind == FETCH_HISTORY) {
        city->history_done = true;
        fetcher->metrics.history_rows_total += (int64_t)count;
        if (count)
            city_saw(polls, rows[count - 1].observed_at_ms);
    } else if (count && city_has_seen(polls, rows[0].observed_at_ms)) {
        make_checked(&rows[0]);
        fetcher->metrics.checked_total++;
    } else if (count) {
        city_saw(polls, rows[0].observed_at_ms);
        fetcher->metrics.observations_total++;
    }
    outbox_send(fetcher->outbox, city->shard, rows, count);
}

/* Hands every city its rows, which are in the order of the call's places. */
static void send_answer(struct fetcher *fetcher, const struct call *call)
{
    struct provider_rows *rows = &fetcher->rows;
    size_t first = 0;
    for (size_t i = 0; i < call->count; i++) {
        size_t end = first;
        while (end < rows->count && rows->rows[end].city_id == call->places[i].city_id)
            end++;
        if (call->cities[i] && rows->statuses[i] == FETCH_OK)
            send_rows(fetcher, call->cities[i], call->kind, rows->rows + first, end - first);
        first = end;
    }
}

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
        return fetcher->provider->parse(&answer, &fetcher->rows);
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
    call_ended(fetcher, call, now);
    watch_answer(fetcher, call, status, now);
    if (status == FETCH_OK)
        send_answer(fetcher, call);
    outcome_of_call(fetcher, call, status, result, now);
    call_free(call);
    fetcher_pump(fetcher);
}
