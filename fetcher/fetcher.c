/* A fetcher process (fetcher.h): start, end, the clockwork, and what is told about it. */
#include "fetcher.h"

#include "clock.h"
#include "entropy.h"
#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 256 /* records without an acknowledgement, beyond those of a call, at which polling is held back   \
                         */
#define SECOND_MS    1000
#define FLUSH_MS     700 /* that a drain waits for Kafka */
#define SAY_EVERY_MS 10000
#define HOUR_MS      INT64_C(3600000)
#define TOGETHER_MS  5000 /* cities whose readings change at the same time are asked for in few calls */

static int64_t now_of(const struct fetcher *fetcher)
{
    return loop_now_ms(fetcher->loop);
}

/* ---- the clockwork ---- */

/* Kafka does not take what is polled: nothing may pile up. */
static bool held_back(const struct fetcher *fetcher)
{
    int64_t waiting = outbox_waiting(fetcher->outbox);
    int64_t of_a_call = 2 * (int64_t)fetcher->provider->places_max; /* its rows, and what is said of their cities */
    return waiting >= WAITING_MAX + of_a_call || (outbox_stuck(fetcher->outbox) && waiting > 0);
}

/* When the next call may start: now or later; INT64_MAX when an event, not time, decides. */
static int64_t next_start_ms(struct fetcher *fetcher, int64_t now_ms)
{
    int64_t running = transfers_running(fetcher->transfers);
    if (fetcher->draining || !fetcher->has_target || running >= fetcher->concurrency || held_back(fetcher))
        return INT64_MAX;
    int64_t due = calls_due_ms(fetcher, now_ms);
    return due > now_ms ? due : calls_start_ms(fetcher, now_ms);
}

void fetcher_pump(struct fetcher *fetcher)
{
    int64_t now = now_of(fetcher), next;
    while ((next = next_start_ms(fetcher, now)) <= now)
        calls_begin(fetcher, now);
    if (next == INT64_MAX)
        loop_timer_cancel(fetcher->timer);
    else
        loop_timer_set(fetcher->timer, next - now, 0);
}

static void on_timer(void *arg)
{
    fetcher_pump(arg);
}

static void update_gauges(struct fetcher *fetcher, int64_t now_ms)
{
    struct fetcher_metrics *metrics = &fetcher->metrics;
    struct cities_counts counts = cities_count(&fetcher->cities);
    int64_t version = INT64_MAX;
    for (int32_t s = 0; s < fetcher->cities.shard_count; s++) {
        if (fetcher->cities.shards[s].held && fetcher->cities.shards[s].version < version)
            version = fetcher->cities.shards[s].version;
    }
    metrics->catalogue_version = version == INT64_MAX ? 0 : version;
    metrics->shards = counts.shards;
    metrics->cities = counts.cities;
    metrics->cities_heard = counts.heard;
    metrics->cities_failing = counts.failing;
    metrics->cities_parked = counts.parked;
    metrics->records_waiting = outbox_waiting(fetcher->outbox);
    metrics->in_flight = transfers_running(fetcher->transfers);
    metrics->stopped = fetcher->gate.state;
    metrics->stopped_milliseconds =
        fetcher->gate.state != GATE_OPEN && fetcher->gate.until_ms > now_ms ? fetcher->gate.until_ms - now_ms : 0;
    metrics->redirects_total = link_redirects(fetcher->link);
    metrics->share_milli = fetcher->meter.minute.share_milli;
    const struct schedule *weather = &fetcher->schedule, *air = &fetcher->air_schedule;
    metrics->rhythm_hits_total = weather->outcomes[RHYTHM_HIT] + air->outcomes[RHYTHM_HIT];
    metrics->rhythm_misses_total = weather->outcomes[RHYTHM_MISS] + air->outcomes[RHYTHM_MISS];
    metrics->polls_saved = weather->put_off_ms / weather->interval_ms;
    metrics->polls_saved += fetcher->air ? air->put_off_ms / air->interval_ms : 0;
    metrics->allowance_milli =
        fetcher->meter.allowance.unlimited ? -1 : allowance_room(&fetcher->meter.allowance, now_ms);
    metrics->forgone_milli_total = fetcher->meter.allowance.forgone_milli;
    metrics->kafka_up = !outbox_stuck(fetcher->outbox);
    metrics->values_left_out_total = fetcher->rows.left_out;
    metrics->history_items_skipped_total = fetcher->rows.skipped;
    metrics->places_empty_total = fetcher->rows.empty;
    if (fetcher->history_ms && !fetcher->history_said && counts.cities > 0 && counts.complete == counts.shards &&
        counts.history_wanted == 0) {
        fetcher->history_said = true;
        log_info("history_read", LOG_INT("cities", counts.cities), LOG_INT("rows", metrics->history_rows_total),
                 LOG_INT("hours", fetcher->history_ms / HOUR_MS));
    }
}

static void on_second(void *arg)
{
    struct fetcher *fetcher = arg;
    int64_t now = now_of(fetcher);
    update_gauges(fetcher, now);
    watch_second(fetcher, fetcher->metrics.cities, now);
    if (held_back(fetcher)) {
        fetcher->metrics.held_back_milliseconds_total += fetcher->held_back_ms ? now - fetcher->held_back_ms : 0;
        fetcher->held_back_ms = now;
        if (log_limit_pass(&fetcher->held_limit, now, SAY_EVERY_MS, NULL))
            log_warn("polling_held_back", LOG_TEXT("brokers", fetcher->options->kafka),
                     LOG_INT("records_waiting", outbox_waiting(fetcher->outbox)),
                     LOG_TEXT("meaning", "Kafka does not acknowledge; no more is polled until it does"));
    } else {
        fetcher->held_back_ms = 0;
    }
    fetcher_pump(fetcher);
}

/* ---- Kafka ---- */

static void finish(struct fetcher *fetcher)
{
    if (fetcher->link)
        link_bye(fetcher->link, "drained");
    daemon_stop(fetcher->daemon, EXIT_CODE_OK);
}

static void on_room(void *arg)
{
    struct fetcher *fetcher = arg;
    if (fetcher->draining && outbox_waiting(fetcher->outbox) == 0)
        finish(fetcher);
    else
        fetcher_pump(fetcher);
}

static void on_fatal(void *arg, const char *reason)
{
    struct fetcher *fetcher = arg;
    log_error("kafka_fatal", LOG_TEXT("brokers", fetcher->options->kafka), LOG_TEXT("reason", reason));
    daemon_stop(fetcher->daemon, EXIT_CODE_FAILURE);
}

static void on_drain_timer(void *arg)
{
    finish(arg);
}

/* ---- start ---- */

static void start_pure(struct fetcher *fetcher)
{
    const struct fetcher_options *options = fetcher->options;
    int64_t now = now_of(fetcher), own = fetcher->provider->interval_ms;
    int64_t interval = options->interval_s ? options->interval_s * 1000 : own;
    int64_t hours = options->history_hours >= 0 ? options->history_hours : fetcher->provider->history_hours;
    if (interval < own)
        log_warn("interval_short", LOG_INT("interval_s", interval / 1000), LOG_INT("source_s", own / 1000),
                 LOG_TEXT("meaning", "the source has nothing new that often; calls are wasted"));
    fetcher->concurrency =
        fetcher->provider->concurrency_max && fetcher->provider->concurrency_max < options->concurrency
            ? fetcher->provider->concurrency_max
            : options->concurrency;
    fetcher->history_ms = fetcher->provider->history_hours ? hours * HOUR_MS : 0;
    schedule_init(&fetcher->schedule, interval, clock_wall_ms() - clock_monotonic_ms(), 0);
    schedule_init(&fetcher->air_schedule, fetcher->provider->air_interval_ms, clock_wall_ms() - clock_monotonic_ms(),
                  0);
    if (strcmp(options->rhythm, "on") == 0) {
        int64_t together = fetcher->provider->places_max > 1 ? TOGETHER_MS : 0;
        schedule_follow(&fetcher->schedule, own, together);
        schedule_follow(&fetcher->air_schedule, fetcher->provider->air_interval_ms, together);
    }
    watch_init(fetcher, now);
    gate_init(&fetcher->gate, 0);
    gate_init(&fetcher->air_gate, 0);
    meter_init(&fetcher->meter, now);
    cities_init(&fetcher->cities, &fetcher->schedule, fetcher->history_ms > 0);
    fetcher->cities.air_schedule = fetcher->air ? &fetcher->air_schedule : NULL;
    fetcher->timer = loop_timer_new(fetcher->loop, on_timer, fetcher);
    fetcher->second_timer = loop_timer_new(fetcher->loop, on_second, fetcher);
    fetcher->drain_timer = loop_timer_new(fetcher->loop, on_drain_timer, fetcher);
    loop_timer_set(fetcher->second_timer, SECOND_MS, SECOND_MS);
    log_info("source", LOG_TEXT("name", fetcher->provider->name), LOG_TEXT("base_url", fetcher->base_url.data),
             LOG_INT("interval_s", interval / 1000), LOG_INT("history_hours", fetcher->history_ms / HOUR_MS),
             LOG_INT("air_interval_s", fetcher->air ? fetcher->provider->air_interval_ms / 1000 : 0));
}

static void start_connections(struct fetcher *fetcher, struct buf *error)
{
    const struct fetcher_options *options = fetcher->options;
    struct outbox_config outbox = {.brokers = options->kafka,
                                   .client_id = fetcher->id,
                                   .topic = options->topic,
                                   .compression = options->compression,
                                   .counts = {.records = &fetcher->metrics.records_total,
                                              .rows = &fetcher->metrics.rows_produced_total,
                                              .failures = &fetcher->metrics.produce_failures_total,
                                              .rows_lost = &fetcher->metrics.rows_lost_total}};
    struct outbox_events outbox_events = {.room = on_room, .fatal = on_fatal, .arg = fetcher};
    struct transfer_config transfers = {.agent = "isobar-fetcher",
                                        .allow_http = options->allow_http,
                                        .proxy = options->proxy,
                                        .ca_file = options->ca_file,
                                        .allowed = &fetcher->allowed,
                                        .concurrency = fetcher->concurrency,
                                        .connect_timeout_ms = options->connect_timeout_ms,
                                        .timeout_ms = options->timeout_ms};
    struct link_events events = fetcher_link_events;
    struct link_config link = {.endpoints = options->coordinator,
                               .id = fetcher->id,
                               .incarnation = fetcher->incarnation,
                               .role = ISOBAR__V1__ROLE__FETCHER,
                               .capacity = (int32_t)options->capacity,
                               .zone = options->zone,
                               .curve = fetcher->curve,
                               .insecure = options->insecure};
    events.arg = fetcher;
    fetcher->outbox = outbox_new(fetcher->loop, &outbox, &outbox_events, error);
    if (fetcher->outbox)
        fetcher->transfers = transfers_new(fetcher->loop, &transfers, calls_done, fetcher, error);
    if (fetcher->transfers)
        fetcher->link = link_new(fetcher->loop, &link, &events, error);
}

int fetcher_start(struct fetcher *fetcher, struct daemon *daemon)
{
    const struct fetcher_options *options = fetcher->options;
    struct buf error = BUF_EMPTY;
    fetcher->daemon = daemon;
    fetcher->loop = daemon_loop(daemon);
    fetcher->incarnation = entropy_i63();
    buf_init(&fetcher->base_url);
    buf_init(&fetcher->air_base_url);
    buf_init(&fetcher->url);
    if (*options->id)
        snprintf(fetcher->id, sizeof fetcher->id, "%s", options->id);
    else
        link_default_id(fetcher->id, sizeof fetcher->id);
    if (!link_valid_id(fetcher->id))
        buf_printf(&error, "id '%s' must be 1 to 64 letters, digits, '.', '_' or '-'", fetcher->id);
    else if (curve_client_read(options->curve_key_file, options->curve_server_key, &fetcher->curve, &error))
        fetcher_choose_source(fetcher, &error);
    if (error.size == 0) {
        start_pure(fetcher);
        start_connections(fetcher, &error);
    }
    if (error.size)
        log_error("bad_option", LOG_TEXT("reason", error.data));
    int code = fetcher->link ? EXIT_CODE_OK : EXIT_CODE_CONFIG;
    buf_release(&error);
    return code;
}

/* ---- the end ---- */

void fetcher_drain(struct fetcher *fetcher)
{
    fetcher->draining = true;
    calls_abort(fetcher);
    link_beat(fetcher->link);
    if (outbox_waiting(fetcher->outbox) == 0)
        finish(fetcher);
    else
        loop_timer_set(fetcher->drain_timer, FLUSH_MS, 0);
}

void fetcher_release(struct fetcher *fetcher)
{
    if (fetcher->transfers)
        calls_abort(fetcher);
    link_free(fetcher->link);
    curve_client_free(fetcher->curve);
    transfers_free(fetcher->transfers);
    outbox_free(fetcher->outbox);
    cities_release(&fetcher->cities);
    schedule_release(&fetcher->schedule);
    schedule_release(&fetcher->air_schedule);
    provider_rows_release(&fetcher->rows);
    loop_timer_free(fetcher->timer);
    loop_timer_free(fetcher->second_timer);
    loop_timer_free(fetcher->drain_timer);
    buf_release(&fetcher->base_url);
    buf_release(&fetcher->air_base_url);
    buf_release(&fetcher->url);
    free(fetcher->statuses);
    free(fetcher->status_list);
}

/* ---- what is told ---- */

void fetcher_missing(const struct fetcher *fetcher, struct buf *out)
{
    if (!link_up(fetcher->link))
        buf_printf(out, "coordinator: none of %s answers\n", fetcher->options->coordinator);
    else if (!fetcher->has_target)
        buf_text(out, "coordinator: no target yet\n");
    else if (fetcher->metrics.catalogue_version == 0 && fetcher->metrics.shards > 0)
        buf_text(out, "coordinator: no catalogue of some shards yet\n");
    if (outbox_stuck(fetcher->outbox))
        buf_printf(out, "kafka: no broker of %s answers\n", fetcher->options->kafka);
    else if (held_back(fetcher))
        buf_printf(out, "kafka: %lld records wait for an acknowledgement\n",
                   (long long)outbox_waiting(fetcher->outbox));
    if (fetcher->gate.state != GATE_OPEN)
        buf_printf(out, "source: calls are stopped: %s\n", gate_state_name(fetcher->gate.state));
    if (fetcher->air_gate.state != GATE_OPEN)
        buf_printf(out, "air: calls are stopped: %s\n", gate_state_name(fetcher->air_gate.state));
}

void fetcher_families(const struct fetcher *fetcher, struct buf *out)
{
    char label[64];
    metric_head(out, "fetcher", "answers_total", METRIC_COUNTER, "calls by what became of them");
    for (int status = 0; status < FETCH_STATUS_COUNT; status++) {
        snprintf(label, sizeof label, "outcome=\"%s\"", fetch_status_name((enum fetch_status)status));
        metric_sample(out, "fetcher", "answers_total", label, (double)fetcher->answers[status]);
    }
    watch_families(fetcher, now_of(fetcher), out);
}
