/*
 * One call to the source: request, answer, and what follows from it (fetcher.h). Every answer has one status, and one
 * place here says what each status does to the city, to the gate and to the log. Repeated errors are rate-limited per
 * status.
 */
#include "fetcher.h"

#include "clock.h"
#include "error.h"

#include <string.h>

#define SAY_EVERY_MS      10000
#define HISTORY_ATTEMPTS  3      /* then the city does without */
#define HISTORY_MARGIN_MS 600000 /* the oldest item must not be beyond the lateness horizon when it is processed */

void calls_begin(struct fetcher *fetcher, struct city *city, int64_t now_ms)
{
    int64_t wall = clock_wall_ms();
    struct provider_request request = {.call = city->history_done ? FETCH_CURRENT : FETCH_HISTORY,
                                       .latitude_e5 = city->latitude_e5,
                                       .longitude_e5 = city->longitude_e5,
                                       .start_ms = wall - fetcher->history_ms + HISTORY_MARGIN_MS,
                                       .end_ms = wall};
    struct buf *url = &fetcher->url;
    buf_reset(url);
    fetcher->provider->url(&request, fetcher->base_url.data, fetcher->options->api_key, url);
    int status = transfers_start(fetcher->transfers, url->data, city);
    explicit_bzero(url->data, url->size);
    if (status != 0) {
        log_error("call_not_started", LOG_INT("city", city->id), LOG_TEXT("reason", error_name(status)));
        schedule_failed(&fetcher->schedule, &city->item, now_ms);
        return;
    }
    city->call = request.call;
    city->in_call = true;
    bucket_begin(&fetcher->bucket, now_ms);
    fetcher->metrics.calls_total++;
}

void calls_abort(struct fetcher *fetcher)
{
    struct city *city;
    while ((city = transfers_abort(fetcher->transfers)) != NULL) {
        fetcher->metrics.calls_aborted_total++;
        bucket_end(&fetcher->bucket, loop_now_ms(fetcher->loop));
        cities_call_ended(city);
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
static void tell(struct fetcher *fetcher, struct city *city)
{
    int64_t now_ms = clock_wall_ms();
    struct observation row = {.kind = ISOBAR__V1__ROW_KIND__CONTROL,
                              .city_id = city->id,
                              .provider = fetcher->rows.count ? fetcher->rows.rows[0].provider : 0,
                              .observed_at_ms = now_ms,
                              .fetched_at_ms = now_ms};
    struct control control = {.zone = zone_name(city->zone),
                              .country = city->country,
                              .interval_s = (int32_t)(fetcher->schedule.interval_ms / 1000)};
    outbox_send_control(fetcher->outbox, city->shard, &row, &control);
    city->told = true;
    fetcher->metrics.controls_total++;
}

static void send_rows(struct fetcher *fetcher, struct city *city)
{
    struct provider_rows *rows = &fetcher->rows;
    if (!city->told)
        tell(fetcher, city);
    if (city->call == FETCH_HISTORY) {
        city->history_done = true;
        fetcher->metrics.history_rows_total += (int64_t)rows->count;
        if (rows->count)
            city_saw(city, rows->rows[rows->count - 1].observed_at_ms);
    } else if (city_has_seen(city, rows->rows[0].observed_at_ms)) {
        make_checked(&rows->rows[0]);
        fetcher->metrics.checked_total++;
    } else {
        city_saw(city, rows->rows[0].observed_at_ms);
        fetcher->metrics.observations_total++;
    }
    outbox_send(fetcher->outbox, city->shard, rows->rows, rows->count);
}

static enum fetch_status read_answer(struct fetcher *fetcher, const struct city *city,
                                     const struct transfer_result *result)
{
    struct provider_answer answer = {.call = city->call,
                                     .http_status = result->http_status,
                                     .body = result->body,
                                     .size = result->size,
                                     .city_id = city->id,
                                     .fetched_at_ms = clock_wall_ms()};
    switch (result->end) {
    case TRANSFER_NETWORK:
        return FETCH_NETWORK;
    case TRANSFER_TIMEOUT:
        return FETCH_TIMEOUT;
    case TRANSFER_TOO_LARGE:
        return FETCH_TOO_LARGE;
    default:
        return fetcher->provider->parse(&answer, &fetcher->rows);
    }
}

/* ---- what follows ---- */

static void say_stopped(struct fetcher *fetcher, int http_status, const char *text, int64_t now_ms)
{
    fetcher->metrics.stops_total++;
    log_warn("calls_stopped", LOG_TEXT("why", gate_state_name(fetcher->gate.state)), LOG_INT("http", http_status),
             LOG_INT("retry_in_ms", fetcher->gate.until_ms - now_ms), LOG_TEXT("meaning", text));
}

static void on_key_refused(struct fetcher *fetcher, struct city *city, int http_status, int64_t now_ms)
{
    const char *text = fetcher->key_worked
                           ? "the API refuses the key that it took before; it is tried slowly from now on"
                           : "the API refuses the key; a new key takes up to two hours to work, so it is tried slowly. "
                             "Is ISOBAR_API_KEY right?";
    if (gate_key_refused(&fetcher->gate, city->item.begun_ms, now_ms))
        say_stopped(fetcher, http_status, text, now_ms);
    else if (log_limit_pass(&fetcher->status_limits[FETCH_KEY_REFUSED], now_ms, SAY_EVERY_MS, NULL))
        log_warn("key_still_refused", LOG_INT("http", http_status),
                 LOG_INT("retry_in_ms", fetcher->gate.until_ms - now_ms));
}

static void on_rate_limited(struct fetcher *fetcher, struct city *city, const struct transfer_result *result,
                            int64_t now_ms)
{
    if (gate_rate_limited(&fetcher->gate, city->item.begun_ms, now_ms, result->retry_after_ms))
        say_stopped(fetcher, result->http_status,
                    "the API counts too many calls on this account; none is made for a while", now_ms);
    else if (log_limit_pass(&fetcher->status_limits[FETCH_RATE_LIMITED], now_ms, SAY_EVERY_MS, NULL))
        log_warn("still_rate_limited", LOG_INT("http", result->http_status),
                 LOG_INT("retry_in_ms", fetcher->gate.until_ms - now_ms));
}

static void say_failed(struct fetcher *fetcher, const struct city *city, enum fetch_status status,
                       const struct transfer_result *result, int64_t now_ms)
{
    int64_t suppressed = 0;
    if (!log_limit_pass(&fetcher->status_limits[status], now_ms, SAY_EVERY_MS, &suppressed))
        return;
    log_warn("call_failed", LOG_TEXT("why", fetch_status_name(status)), LOG_INT("city", city->id),
             LOG_TEXT("name", city->name),
             LOG_TEXT("reason", result->end == TRANSFER_ANSWERED ? fetcher->rows.reason : result->reason),
             LOG_INT("failures", city->item.attempt + 1), LOG_INT("suppressed", suppressed));
}

static void on_host_failed(struct fetcher *fetcher, struct city *city, enum fetch_status status,
                           const struct transfer_result *result, int64_t now_ms)
{
    say_failed(fetcher, city, status, result, now_ms);
    if (gate_host_failed(&fetcher->gate, city->id, city->item.begun_ms, now_ms, result->retry_after_ms))
        say_stopped(fetcher, result->http_status,
                    "the source fails for city after city; it is tried with one call at a time", now_ms);
    if (city->call == FETCH_HISTORY && city->item.attempt + 1 >= HISTORY_ATTEMPTS) {
        city->history_done = true;
        log_warn("history_given_up", LOG_INT("city", city->id), LOG_TEXT("name", city->name),
                 LOG_TEXT("why", fetch_status_name(status)));
    }
}

static void on_bad_place(struct fetcher *fetcher, struct city *city, int http_status, int64_t now_ms)
{
    if (city->call == FETCH_HISTORY) {
        city->history_done = true; /* no history there; the place itself may be right */
    } else if (log_limit_pass(&fetcher->status_limits[FETCH_BAD_PLACE], now_ms, SAY_EVERY_MS, NULL)) {
        log_warn(
            "city_parked", LOG_INT("city", city->id), LOG_TEXT("name", city->name), LOG_INT("http", http_status),
            LOG_TEXT("meaning", "the source does not know this place; it is asked again rarely, the others go on"));
    }
}

/* The API answered and took the key. */
static void on_answered(struct fetcher *fetcher, const struct city *city, enum fetch_status status, int64_t now_ms)
{
    fetcher->key_worked = true;
    if (status == FETCH_OK && schedule_parked(&city->item))
        log_info("city_known_again", LOG_INT("city", city->id), LOG_TEXT("name", city->name));
    if (gate_answered(&fetcher->gate, city->item.begun_ms))
        log_info("calls_resumed", LOG_INT("stopped_ms", now_ms - fetcher->gate.closed_ms));
}

static void reschedule(struct fetcher *fetcher, struct city *city, enum fetch_status status, int64_t now_ms)
{
    struct schedule *schedule = &fetcher->schedule;
    if (!cities_wanted(&fetcher->cities, city)) {
        city->item.polled |= status == FETCH_OK;
        return;
    }
    switch (status) {
    case FETCH_OK:
        schedule_polled(schedule, &city->item, now_ms);
        break;
    case FETCH_KEY_REFUSED:
    case FETCH_RATE_LIMITED:
        schedule_defer(schedule, &city->item, fetcher->gate.until_ms);
        break;
    case FETCH_BAD_PLACE:
        if (city->call == FETCH_HISTORY)
            schedule_defer(schedule, &city->item, now_ms);
        else
            schedule_park(schedule, &city->item, now_ms);
        break;
    default:
        schedule_failed(schedule, &city->item, now_ms);
        break;
    }
}

static void react(struct fetcher *fetcher, struct city *city, enum fetch_status status,
                  const struct transfer_result *result, int64_t now_ms)
{
    switch (status) {
    case FETCH_OK:
        on_answered(fetcher, city, status, now_ms);
        send_rows(fetcher, city);
        break;
    case FETCH_KEY_REFUSED:
        on_key_refused(fetcher, city, result->http_status, now_ms);
        break;
    case FETCH_RATE_LIMITED:
        on_rate_limited(fetcher, city, result, now_ms);
        break;
    case FETCH_BAD_PLACE:
        on_answered(fetcher, city, status, now_ms);
        on_bad_place(fetcher, city, result->http_status, now_ms);
        break;
    default:
        on_host_failed(fetcher, city, status, result, now_ms);
        break;
    }
    reschedule(fetcher, city, status, now_ms);
}

void calls_done(void *arg, void *opaque, const struct transfer_result *result)
{
    struct fetcher *fetcher = arg;
    struct city *city = opaque;
    int64_t now = loop_now_ms(fetcher->loop);
    enum fetch_status status = read_answer(fetcher, city, result);
    bucket_end(&fetcher->bucket, now);
    fetcher->answers[status]++;
    fetcher->metrics.call_milliseconds_total += result->took_ms;
    fetcher->metrics.body_bytes_total += (int64_t)result->size;
    if (cities_call_ended(city))
        react(fetcher, city, status, result, now);
    fetcher_pump(fetcher);
}
