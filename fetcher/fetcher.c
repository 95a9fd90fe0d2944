/* A fetcher process (fetcher.h): start, end, the clockwork, and what is told about it. */
#include "fetcher.h"

#include "duration.h"
#include "entropy.h"
#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Records without an acknowledgement, beyond those of a call, at which polling is held back. */
#define WAITING_MAX  256
#define SECOND_MS    1000
#define FLUSH_MS     700 /* that a drain waits for Kafka */
#define SAY_EVERY_MS 10000

static int64_t now_of(const struct fetcher *fetcher)
{
    return loop_now_ms(fetcher->loop);
}

/* ---- the clockwork ---- */

/* Kafka does not take what is polled: nothing may pile up. */
static bool held_back(const struct fetcher *fetcher)
{
    int64_t waiting = outbox_waiting(fetcher->outbox);
    int64_t of_a_call = 0; /* its rows, and what is said of their cities */
    for (int32_t s = 0; s < fetcher->source_count; s++)
        of_a_call += 2 * (int64_t)fetcher->sources[s].provider->places_max;
    return waiting >= WAITING_MAX + of_a_call || (outbox_stuck(fetcher->outbox) && waiting > 0);
}

/* When the source's next call may start: now or later; INT64_MAX when an event, not time, decides. */
static int64_t next_start_ms(const struct fetcher *fetcher, struct source *source, int64_t now_ms)
{
    if (fetcher->draining || !fetcher->has_target || source->running >= source->concurrency || held_back(fetcher))
        return INT64_MAX;
    int64_t due = calls_due_ms(source, now_ms);
    return due > now_ms ? due : calls_start_ms(source, now_ms);
}

void fetcher_pump(struct fetcher *fetcher)
{
    int64_t now = now_of(fetcher), first = INT64_MAX;
    for (int32_t s = 0; s < fetcher->source_count; s++) {
        struct source *source = &fetcher->sources[s];
        int64_t next;
        while ((next = next_start_ms(fetcher, source, now)) <= now)
            calls_begin(fetcher, source, now);
        first = next < first ? next : first;
    }
    if (first == INT64_MAX)
        loop_timer_cancel(fetcher->timer);
    else
        loop_timer_set(fetcher->timer, first - now, 0);
}

static void on_timer(void *arg)
{
    fetcher_pump(arg);
}

/* Sums over the sources; what cannot be summed is that of the first (the families in sources.c have each). */
static void update_source_gauges(struct fetcher *fetcher, int64_t now_ms)
{
    struct fetcher_metrics *metrics = &fetcher->metrics;
    struct source *first = &fetcher->sources[0];
    int64_t left = first->gate.until_ms - now_ms;
    metrics->stopped = first->gate.state;
    metrics->stopped_milliseconds = first->gate.state != GATE_OPEN && left > 0 ? left : 0;
    metrics->share_milli = first->meter.minute.share_milli;
    metrics->allowance_milli = first->meter.allowance.unlimited ? -1 : allowance_room(&first->meter.allowance, now_ms);
    metrics->forgone_milli_total = metrics->rhythm_hits_total = metrics->rhythm_misses_total = metrics->polls_saved = 0;
    for (int32_t s = 0; s < fetcher->source_count; s++) {
        const struct source *source = &fetcher->sources[s];
        metrics->forgone_milli_total += source->meter.allowance.forgone_milli;
        for (enum product p = 0; p < PRODUCTS; p++) {
            const struct schedule *schedule = &source->schedules[p];
            metrics->rhythm_hits_total += schedule->outcomes[RHYTHM_HIT];
            metrics->rhythm_misses_total += schedule->outcomes[RHYTHM_MISS];
            if (p == PRODUCT_WEATHER || source->air)
                metrics->polls_saved += schedule->put_off_ms / schedule->interval_ms;
        }
    }
}

static int64_t oldest_catalogue(const struct cities *cities)
{
    int64_t version = INT64_MAX;
    for (int32_t s = 0; s < cities->shard_count; s++) {
        if (cities->shards[s].held && cities->shards[s].version < version)
            version = cities->shards[s].version;
    }
    return version == INT64_MAX ? 0 : version;
}

static void say_history(struct fetcher *fetcher, const struct cities_counts *counts)
{
    const struct source *first = &fetcher->sources[0];
    if (!first->history_ms || fetcher->history_said || counts->cities == 0 || counts->complete != counts->shards ||
        counts->history_wanted != 0)
        return;
    fetcher->history_said = true;
    log_info("history_read", LOG_INT("cities", counts->cities), LOG_INT("rows", fetcher->metrics.history_rows_total),
             LOG_INT("hours", first->history_ms / DURATION_HOUR));
}

/* Once: what is missing is in the catalogue, and nothing fails for want of it. */
static void say_stations(struct fetcher *fetcher, const struct cities_counts *counts)
{
    if (fetcher->stations_said || counts->stationless == 0 || counts->complete != counts->shards)
        return;
    fetcher->stations_said = true;
    log_info("cities_without_station", LOG_INT("cities", counts->stationless), LOG_INT("of", counts->cities),
             LOG_TEXT("meaning", "a source has reports of stations only and is not asked for these; isobarctl cities "
                                 "list shows which, cities add --station changes it"));
}

static void update_gauges(struct fetcher *fetcher, const struct cities_counts *counts, int64_t now_ms)
{
    struct fetcher_metrics *metrics = &fetcher->metrics;
    metrics->catalogue_version = oldest_catalogue(&fetcher->cities);
    metrics->shards = counts->shards;
    metrics->cities = counts->cities;
    metrics->cities_heard = counts->heard;
    metrics->cities_failing = counts->failing;
    metrics->cities_parked = counts->parked;
    metrics->cities_without_station = counts->stationless;
    metrics->cities_failed_over = counts->cities - counts->used[0];
    metrics->records_waiting = outbox_waiting(fetcher->outbox);
    metrics->in_flight = transfers_running(fetcher->transfers);
    metrics->redirects_total = link_redirects(fetcher->link);
    metrics->kafka_up = !outbox_stuck(fetcher->outbox);
    metrics->values_left_out_total = fetcher->rows.left_out;
    metrics->history_items_skipped_total = fetcher->rows.skipped;
    metrics->places_empty_total = fetcher->rows.empty;
    update_source_gauges(fetcher, now_ms);
    say_history(fetcher, counts);
    say_stations(fetcher, counts);
}

static void on_second(void *arg)
{
    struct fetcher *fetcher = arg;
    int64_t now = now_of(fetcher);
    choice_second(fetcher, now);
    struct cities_counts counts = cities_count(&fetcher->cities);
    update_gauges(fetcher, &counts, now);
    watch_second(fetcher, &counts, now);
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

static void start_sources(struct fetcher *fetcher)
{
    int64_t now = now_of(fetcher);
    cities_init(&fetcher->cities, fetcher->source_count,
                fetcher->sources[0].provider->history_hours > 0 && fetcher->options->history_hours != 0);
    for (int32_t s = 0; s < fetcher->source_count; s++) {
        struct source *source = &fetcher->sources[s];
        source_start(source, fetcher->options, now);
        watch_begin(source, now);
        fetcher->cities.schedules[s][PRODUCT_WEATHER] = &source->schedules[PRODUCT_WEATHER];
        fetcher->cities.schedules[s][PRODUCT_AIR] = source->air ? &source->schedules[PRODUCT_AIR] : NULL;
    }
    choice_init(fetcher);
    fetcher->timer = loop_timer_new(fetcher->loop, on_timer, fetcher);
    fetcher->second_timer = loop_timer_new(fetcher->loop, on_second, fetcher);
    fetcher->drain_timer = loop_timer_new(fetcher->loop, on_drain_timer, fetcher);
    loop_timer_set(fetcher->second_timer, SECOND_MS, SECOND_MS);
}

static int64_t concurrency(const struct fetcher *fetcher)
{
    int64_t sum = 0;
    for (int32_t s = 0; s < fetcher->source_count; s++)
        sum += fetcher->sources[s].concurrency;
    return sum;
}

/* Whom to ask, and where. */
static void choose_sources(struct fetcher *fetcher, struct buf *error)
{
    struct buf reason = BUF_EMPTY;
    fetcher->source_count = sources_choose(fetcher->sources, fetcher->options, &fetcher->allowed, error);
    if (error->size == 0 && netlist_parse(&fetcher->allowed, fetcher->options->allow_net, &reason) != 0)
        buf_printf(error, "allow_net: %s", reason.data);
    buf_release(&reason);
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
                                        .concurrency = concurrency(fetcher),
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
    buf_init(&fetcher->url);
    if (*options->id)
        snprintf(fetcher->id, sizeof fetcher->id, "%s", options->id);
    else
        link_default_id(fetcher->id, sizeof fetcher->id);
    if (!link_valid_id(fetcher->id))
        buf_printf(&error, "id '%s' must be 1 to 64 letters, digits, '.', '_' or '-'", fetcher->id);
    else if (curve_client_read(options->curve_key_file, options->curve_server_key, &fetcher->curve, &error))
        choose_sources(fetcher, &error);
    if (error.size == 0) {
        start_sources(fetcher);
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
    for (int i = 0; i < SOURCES_MAX; i++)
        source_end(&fetcher->sources[i]);
    provider_rows_release(&fetcher->rows);
    loop_timer_free(fetcher->timer);
    loop_timer_free(fetcher->second_timer);
    loop_timer_free(fetcher->drain_timer);
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
    sources_missing(fetcher, out);
}
