/*
 * isobar-owmsim: answers like OpenWeatherMap, Open-Meteo and aviationweather.gov, for runs without a key and for tests.
 * Series of data/ (series.c), limits, a time factor, and every error of the real things on request (fault.c).
 *
 *   GET  /data/2.5/weather?lat=&lon=&appid=             current weather, metric units always
 *   GET  /data/2.5/history/city?lat=&lon=&start=&end=&appid=   10-minute items
 *   GET  /data/2.5/air_pollution?lat=&lon=&appid=       the air at the last full hour
 *   GET  /v1/forecast?latitude=&longitude=&current=     Open-Meteo's current weather, of many places; always with m/s
 *   GET  /v1/air-quality?latitude=&longitude=&current=  and its air, at the last full hour
 *   GET  /api/data/metar?ids=KSEA,EGLL&format=json      aviationweather.gov's reports of aerodromes
 *   POST /control/fault?kind=&percent=&count=&lat=&lon=&retry_after=   adds a fault rule; kind=none clears all;
 *                                                       station=KSEA instead of lat and lon
 *   GET  /control/stats                                 {"calls":…,"busiest_minute":…,"refused":…,"answers":{"200":…},
 *                                                       "weight_milli":…,"places":…,"air":…,"stations":…}; weight of
 *                                                       Open-Meteo's; stations that were asked for, counted each time
 *   GET  /livez
 *
 * Listens on loopback only. It is a test tool: it keeps no secret and checks the key for equality only.
 */
#include "account.h"
#include "answer.h"
#include "clock.h"
#include "daemon.h"
#include "error.h"
#include "fault.h"
#include "log.h"
#include "mem.h"
#include "metar.h"
#include "openmeteo.h"
#include "option.h"
#include "series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIM_OPTIONS(X)                                                                                                 \
    OPTION_COMMON(X)                                                                                                   \
    X(INT, port, "0", 0, 65535, "port on 127.0.0.1; 0 takes a free one and logs it")                                   \
    X(TEXT, data, "data", 0, 0, "folder with seattle_normals.csv and weather_daily.csv")                               \
    X(TEXT, key, "", 0, 0, "the only API key accepted; empty accepts any")                                             \
    X(INT, update_s, "1", 1, 86400, "seconds between two values of dt: answers in between repeat")                     \
    X(INT, time_factor, "1", 1, 100000, "seconds of the series that pass in a second, counted from the start")         \
    X(INT, calls_per_minute, "0", 0, 1000000, "calls in any 60 s above which 429 is answered; 0: no limit")            \
    X(TEXT, limits, "unlimited", 0, 0, "of Open-Meteo's endpoints, weighed: 600/m,5000/h,10000/d")                     \
    X(TEXT, faults, "", 0, 0, "faults from the start: kind[:percent],…")                                               \
    X(INT, seed, "1", 0, 1000000000, "of the dice that faults throw; 0 is random")

struct sim_options {
    OPTION_STRUCT(SIM_OPTIONS)
};
#define OPTION_OWNER struct sim_options
static const struct option_row option_rows[] = {SIM_OPTIONS(OPTION_ROW)};

#define SIM_METRICS(X)                                                                                                 \
    X(COUNTER, calls_total, "API calls received")                                                                      \
    X(COUNTER, refused_total, "API calls answered with 429 by a limit")                                                \
    X(COUNTER, faults_total, "API calls answered with a fault")
struct sim_metrics {
    METRIC_STRUCT(SIM_METRICS)
};
#define METRIC_OWNER struct sim_metrics
static const struct metric_row metric_rows[] = {SIM_METRICS(METRIC_ROW)};

#define HOUR_S    3600
#define CALL_RING 65536 /* calls remembered for the rolling minute */

struct sim {
    struct sim_options options;
    struct sim_metrics metrics;
    struct series *series;
    struct faults faults;
    struct jitter dice;
    int64_t frozen_s;         /* dt of answers that stand still */
    int64_t origin_s;         /* from here the series runs time_factor times as fast */
    int64_t calls[CALL_RING]; /* monotonic ms, a ring */
    uint64_t call_count;      /* ever */
    uint64_t window_start;    /* index of the oldest call inside the last minute */
    int64_t busiest_minute;
    int64_t answers[600]; /* by status */
    struct account account;
    int64_t places, air; /* asked of Open-Meteo for weather; calls for the air of either */
    int64_t stations;    /* asked for reports */
};

enum product { PRODUCT_CURRENT, PRODUCT_HISTORY, PRODUCT_AIR };

static int64_t now_s(void)
{
    return clock_wall_ms() / 1000;
}

/* Counts the call; false when it is over the limit. Refused calls count too, as they do at the real service. */
static bool within_rate(struct sim *sim)
{
    int64_t now = clock_monotonic_ms();
    sim->calls[sim->call_count++ % CALL_RING] = now;
    if (sim->call_count - sim->window_start > CALL_RING)
        sim->window_start = sim->call_count - CALL_RING;
    while (sim->calls[sim->window_start % CALL_RING] <= now - 60000)
        sim->window_start++;
    int64_t in_minute = (int64_t)(sim->call_count - sim->window_start);
    if (in_minute > sim->busiest_minute)
        sim->busiest_minute = in_minute;
    return sim->options.calls_per_minute == 0 || in_minute <= sim->options.calls_per_minute;
}

/* A number in a query parameter, within bounds. */
static bool query_number(const struct httpd_request *request, const char *key, double low, double high, double *out)
{
    const char *text = httpd_query(request, key);
    char *end = NULL;
    if (!text || !*text)
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out) && *out >= low && *out <= high;
}

static void reply(struct sim *sim, struct httpd_request *request, struct answer *answer)
{
    sim->answers[answer->status]++;
    httpd_reply(request, answer->status, answer->content_type, answer->body.data, answer->body.size);
}

typedef void fault_fn(const struct fault_rule *rule, const struct buf *good, struct answer *answer);

static void reply_fault(struct sim *sim, struct httpd_request *request, const struct fault_rule *rule,
                        const struct buf *good, fault_fn *fill)
{
    struct answer answer = {.body = BUF_EMPTY};
    fill(rule, good, &answer);
    if (rule->retry_after_s > 0) {
        char text[16];
        snprintf(text, sizeof text, "%d", rule->retry_after_s);
        httpd_reply_header(request, "Retry-After", text);
    }
    if (rule->kind == FAULT_REDIRECT)
        httpd_reply_header(request, "Location", "http://127.0.0.1:1/elsewhere");
    if (rule->kind == FAULT_HANG) {
        sim->answers[200]++;
        (void)httpd_reply_stream(request, "application/json", NULL, NULL);
    } else {
        reply(sim, request, &answer);
    }
    buf_release(&answer.body);
}

/* The series' time for wall time `at_s`. */
static int64_t series_time(const struct sim *sim, int64_t at_s)
{
    return at_s <= sim->origin_s ? at_s : sim->origin_s + (at_s - sim->origin_s) * sim->options.time_factor;
}

static void body_current(const struct sim *sim, double latitude, double longitude, const struct fault_rule *rule,
                         struct buf *out)
{
    int64_t at = now_s() / sim->options.update_s * sim->options.update_s;
    int64_t dt = rule && rule->kind == FAULT_BACKWARDS ? at - 80
                 : rule && rule->kind == FAULT_FROZEN  ? sim->frozen_s
                                                       : at;
    if (sim->options.time_factor == 1) {
        answer_current(sim->series, latitude, longitude, dt, rule && rule->kind == FAULT_SPARSE, out);
        return;
    }
    /* Faster than life: the weather of another moment under today's dt. */
    struct buf body = BUF_EMPTY;
    answer_current(sim->series, latitude, longitude, series_time(sim, dt), false, &body);
    char from[40];
    int size = snprintf(from, sizeof from, "\"dt\":%lld", (long long)series_time(sim, dt));
    char *place = strstr(body.data, from);
    buf_append(out, body.data, (size_t)(place - body.data));
    buf_printf(out, "\"dt\":%lld%s", (long long)dt, place + size);
    buf_release(&body);
}

/* OpenWeatherMap's three endpoints. */
static void handle_weather(struct sim *sim, struct httpd_request *request, enum product product)
{
    bool history = product == PRODUCT_HISTORY;
    static const struct fault_rule refused = {.kind = FAULT_RATE_LIMITED}, bad_key = {.kind = FAULT_INVALID_KEY},
                                   bad_place = {.kind = FAULT_BAD_REQUEST};
    sim->metrics.calls_total++;
    const char *key = httpd_query(request, "appid");
    double latitude = 0, longitude = 0, start = 0, end = 0;
    bool place =
        query_number(request, "lat", -90, 90, &latitude) && query_number(request, "lon", -180, 180, &longitude);
    bool span =
        !history || (query_number(request, "start", 0, 1e11, &start) && query_number(request, "end", 0, 1e11, &end));
    struct buf good = BUF_EMPTY;
    if (!within_rate(sim)) {
        sim->metrics.refused_total++;
        reply_fault(sim, request, &refused, &good, answer_fault);
    } else if (!key || !*key || (*sim->options.key && strcmp(key, sim->options.key) != 0)) {
        reply_fault(sim, request, &bad_key, &good, answer_fault);
    } else if (!place || !span) {
        reply_fault(sim, request, &bad_place, &good, answer_fault);
    } else {
        const struct fault_rule *rule = faults_choose(&sim->faults, latitude, longitude, &sim->dice);
        sim->air += product == PRODUCT_AIR;
        if (product == PRODUCT_AIR)
            answer_air(sim->series, latitude, longitude, now_s() / HOUR_S * HOUR_S, &good);
        else if (history)
            answer_history(sim->series, latitude, longitude, (int64_t)start,
                           end > (double)now_s() ? now_s() : (int64_t)end, &good);
        else
            body_current(sim, latitude, longitude, rule, &good);
        sim->metrics.faults_total += rule != NULL;
        static const struct fault_rule none = {.kind = FAULT_NONE};
        reply_fault(sim, request, rule ? rule : &none, &good, answer_fault);
    }
    buf_release(&good);
}

/* The first place whose rule changes the whole answer decides; of nulls each has its own. */
static const struct fault_rule *choose_rules(struct sim *sim, struct openmeteo_place *places, size_t count)
{
    const struct fault_rule *whole = NULL;
    for (size_t i = 0; i < count; i++) {
        places[i].rule = faults_choose(&sim->faults, places[i].latitude, places[i].longitude, &sim->dice);
        sim->metrics.faults_total += places[i].rule != NULL;
        if (!whole && places[i].rule && places[i].rule->kind != FAULT_NULLS)
            whole = places[i].rule;
    }
    return whole;
}

static bool all_on_earth(const struct openmeteo_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!openmeteo_on_earth(&places[i]))
            return false;
    }
    return count > 0;
}

static void handle_places(struct sim *sim, struct httpd_request *request, bool air)
{
    static struct openmeteo_place places[OPENMETEO_PLACES];
    static const struct fault_rule none = {.kind = FAULT_NONE};
    size_t count = openmeteo_places(httpd_query(request, "latitude"), httpd_query(request, "longitude"), places);
    int64_t weight = openmeteo_weight(httpd_query(request, "current"), count);
    enum limit_window over = account_take(&sim->account, weight, clock_monotonic_ms());
    struct answer answer = {.body = BUF_EMPTY};
    struct buf good = BUF_EMPTY;
    sim->metrics.calls_total++;
    if (over != LIMIT_WINDOWS) {
        sim->metrics.refused_total++;
        openmeteo_limited(over, &answer);
        reply(sim, request, &answer);
    } else if (!all_on_earth(places, count)) {
        openmeteo_off_earth(&answer);
        reply(sim, request, &answer);
    } else {
        int64_t step = air ? HOUR_S : sim->options.update_s;
        const struct fault_rule *rule = choose_rules(sim, places, count);
        sim->places += air ? 0 : (int64_t)count;
        sim->air += air;
        openmeteo_body(sim->series, places, count, air, now_s() / step * step, &good);
        reply_fault(sim, request, rule ? rule : &none, &good, openmeteo_fault);
    }
    buf_release(&good);
    buf_release(&answer.body);
}

/* As of places: of what one station's rule does to the whole answer the first counts. */
static const struct fault_rule *choose_station_rules(struct sim *sim, struct metar_station *stations, size_t count)
{
    const struct fault_rule *whole = NULL;
    for (size_t i = 0; i < count; i++) {
        struct metar_station *station = &stations[i];
        station->rule = faults_choose(&sim->faults, station->latitude, station->longitude, &sim->dice);
        sim->metrics.faults_total += station->rule != NULL;
        if (!whole && station->rule && station->rule->kind != FAULT_NULLS && metar_reports(station))
            whole = station->rule;
    }
    return whole;
}

static void handle_stations(struct sim *sim, struct httpd_request *request)
{
    static struct metar_station stations[METAR_STATIONS];
    static const struct fault_rule none = {.kind = FAULT_NONE}, refused = {.kind = FAULT_RATE_LIMITED},
                                   bad = {.kind = FAULT_BAD_REQUEST};
    size_t count = metar_stations(httpd_query(request, "ids"), stations);
    const char *format = httpd_query(request, "format");
    struct buf good = BUF_EMPTY;
    sim->metrics.calls_total++;
    sim->stations += (int64_t)count;
    if (!within_rate(sim)) {
        sim->metrics.refused_total++;
        reply_fault(sim, request, &refused, &good, answer_fault);
    } else if (count == 0 || !format || strcmp(format, "json") != 0) {
        reply_fault(sim, request, &bad, &good, answer_fault);
    } else {
        const struct fault_rule *rule = choose_station_rules(sim, stations, count);
        size_t reports =
            metar_body(sim->series, stations, count, now_s() / sim->options.update_s * sim->options.update_s, &good);
        if (!rule && reports == 0) {
            sim->answers[204]++;
            httpd_reply(request, 204, "application/json", "", 0);
        } else {
            reply_fault(sim, request, rule ? rule : &none, &good, answer_fault);
        }
    }
    buf_release(&good);
}

/* Where the rule is to apply, when not everywhere. */
static bool fault_place(const struct httpd_request *request, struct fault_rule *rule)
{
    const char *id = httpd_query(request, "station");
    struct metar_station station;
    if (id && metar_station_set(&station, id, strlen(id))) {
        rule->latitude = station.latitude;
        rule->longitude = station.longitude;
        return true;
    }
    return query_number(request, "lat", -90, 90, &rule->latitude) &&
           query_number(request, "lon", -180, 180, &rule->longitude);
}

static void handle_fault(struct sim *sim, struct httpd_request *request)
{
    const char *name = httpd_query(request, "kind");
    struct fault_rule rule = {.kind = name ? fault_parse(name) : FAULT_KINDS, .percent = 100, .remaining = -1};
    if (rule.kind == FAULT_KINDS) {
        httpd_reply_problem(request, 400, "Unknown fault", name ? name : "kind is missing");
        return;
    }
    if (rule.kind == FAULT_NONE) {
        sim->faults.count = 0;
        httpd_reply(request, 200, "application/json", "{}", 2);
        return;
    }
    double value;
    if (query_number(request, "percent", 0, 100, &value))
        rule.percent = (int)value;
    if (query_number(request, "count", 0, 1e9, &value))
        rule.remaining = (int64_t)value;
    if (query_number(request, "retry_after", 0, 86400, &value))
        rule.retry_after_s = (int)value;
    rule.everywhere = !fault_place(request, &rule);
    if (rule.kind == FAULT_FROZEN)
        sim->frozen_s = now_s();
    if (faults_add(&sim->faults, &rule) != 0)
        httpd_reply_problem(request, 409, "Too many rules", "clear them with kind=none");
    else
        httpd_reply(request, 200, "application/json", "{}", 2);
}

static void handle_stats(const struct sim *sim, struct httpd_request *request)
{
    struct buf out = BUF_EMPTY;
    buf_printf(&out, "{\"calls\":%lld,\"refused\":%lld,\"faults\":%lld,\"busiest_minute\":%lld,\"answers\":{",
               (long long)sim->metrics.calls_total, (long long)sim->metrics.refused_total,
               (long long)sim->metrics.faults_total, (long long)sim->busiest_minute);
    const char *comma = "";
    for (int status = 0; status < 600; status++) {
        if (sim->answers[status]) {
            buf_printf(&out, "%s\"%d\":%lld", comma, status, (long long)sim->answers[status]);
            comma = ",";
        }
    }
    buf_printf(&out, "},\"weight_milli\":%lld,\"places\":%lld,\"air\":%lld,\"stations\":%lld}\n",
               (long long)sim->account.used_milli, (long long)sim->places, (long long)sim->air,
               (long long)sim->stations);
    httpd_reply(request, 200, "application/json", out.data, out.size);
    buf_release(&out);
}

static void on_request(void *arg, struct httpd_request *request)
{
    struct sim *sim = arg;
    const char *path = httpd_path(request);
    bool post = strcmp(httpd_method(request), "POST") == 0;
    if (strcmp(path, "/data/2.5/weather") == 0)
        handle_weather(sim, request, PRODUCT_CURRENT);
    else if (strcmp(path, "/data/2.5/air_pollution") == 0)
        handle_weather(sim, request, PRODUCT_AIR);
    else if (strcmp(path, "/v1/forecast") == 0)
        handle_places(sim, request, false);
    else if (strcmp(path, "/v1/air-quality") == 0)
        handle_places(sim, request, true);
    else if (strcmp(path, "/api/data/metar") == 0)
        handle_stations(sim, request);
    else if (strcmp(path, "/data/2.5/history/city") == 0)
        handle_weather(sim, request, PRODUCT_HISTORY);
    else if (strcmp(path, "/control/fault") == 0 && post)
        handle_fault(sim, request);
    else if (strcmp(path, "/control/stats") == 0)
        handle_stats(sim, request);
    else if (strcmp(path, "/livez") == 0)
        httpd_reply(request, 200, "text/plain", "ok\n", 3);
    else
        httpd_reply_problem(request, 404, "Not found", path);
}

static void on_drain(void *arg)
{
    daemon_stop(*(struct daemon **)arg, EXIT_CODE_OK);
}

/* Everything after the options; returns the exit code. */
static int serve(struct sim *sim)
{
    struct buf error = BUF_EMPTY;
    struct daemon *daemon = NULL;
    struct httpd *httpd = NULL;
    int code = EXIT_CODE_CONFIG;
    struct metric_page page = {.component = "owmsim",
                               .rows = metric_rows,
                               .row_count = sizeof metric_rows / sizeof *metric_rows,
                               .values = &sim->metrics};
    struct daemon_config config = {.component = "owmsim",
                                   .log_level = sim->options.log_level,
                                   .log_format = sim->options.log_format,
                                   .admin_bind = sim->options.admin_bind,
                                   .admin_port = (int)sim->options.admin_port,
                                   .drain_limit_ms = 1000,
                                   .metrics = &page,
                                   .drain = on_drain,
                                   .arg = &daemon};
    struct httpd_config listen = {.bind = "127.0.0.1",
                                  .port = (int)sim->options.port,
                                  .connections = 1000,
                                  .connections_per_address = 1000,
                                  .deadline_ms = 10000};
    daemon = daemon_new(&config, &code);
    if (!daemon)
        return code;
    code = EXIT_CODE_CONFIG;
    sim->series = series_new(sim->options.data, &error);
    account_init(&sim->account);
    if (!sim->series || faults_parse(&sim->faults, sim->options.faults, &error) != 0 ||
        (strcmp(sim->options.limits, "unlimited") != 0 &&
         limits_parse(sim->options.limits, strlen(sim->options.limits), &sim->account.limits, &error) != 0))
        goto out;
    jitter_init(&sim->dice, (uint64_t)sim->options.seed);
    code = EXIT_CODE_UNAVAILABLE;
    httpd = httpd_new(daemon_loop(daemon), &listen, on_request, sim, &error);
    if (!httpd)
        goto out;
    log_info("listening", LOG_TEXT("address", "127.0.0.1"), LOG_INT("port", httpd_port(httpd)));
    code = daemon_run(daemon);
out:
    if (error.size)
        log_error("failed", LOG_TEXT("reason", error.data));
    httpd_free(httpd);
    series_free(sim->series);
    account_release(&sim->account);
    daemon_free(daemon);
    buf_release(&error);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option_program program = {
        .name = "isobar-owmsim",
        .section = "owmsim",
        .usage = "[options]",
        .summary = "answers like OpenWeatherMap, Open-Meteo and aviationweather.gov, from recorded "
                   "series and normals, for runs without a key and tests",
        .rows = option_rows,
        .row_count = sizeof option_rows / sizeof *option_rows};
    struct sim *sim = mem_alloc(sizeof *sim);
    sim->origin_s = sim->frozen_s = now_s();
    int code = EXIT_CODE_OK;
    if (option_parse(&program, &sim->options, argc, argv, NULL, &code) == OPTION_RUN)
        code = serve(sim);
    option_release(&program, &sim->options);
    free(sim);
    return code;
}
