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
#include "api.h"
#include "control.h"
#include "daemon.h"
#include "error.h"
#include "log.h"
#include "mem.h"
#include "series.h"
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define OPTION_OWNER struct sim_options
static const struct option_row option_rows[] = {SIM_OPTIONS(OPTION_ROW)};

#define METRIC_OWNER struct sim_metrics
static const struct metric_row metric_rows[] = {SIM_METRICS(METRIC_ROW)};

static void on_request(void *arg, struct httpd_request *request)
{
    struct sim *sim = arg;
    const char *path = httpd_path(request);
    bool post = strcmp(httpd_method(request), "POST") == 0;
    if (strcmp(path, "/data/2.5/weather") == 0)
        api_weather(sim, request, API_CURRENT);
    else if (strcmp(path, "/data/2.5/air_pollution") == 0)
        api_weather(sim, request, API_AIR);
    else if (strcmp(path, "/v1/forecast") == 0)
        api_places(sim, request, false);
    else if (strcmp(path, "/v1/air-quality") == 0)
        api_places(sim, request, true);
    else if (strcmp(path, "/api/data/metar") == 0)
        api_stations(sim, request);
    else if (strcmp(path, "/data/2.5/history/city") == 0)
        api_weather(sim, request, API_HISTORY);
    else if (strcmp(path, "/control/fault") == 0 && post)
        control_fault(sim, request);
    else if (strcmp(path, "/control/stats") == 0)
        control_stats(sim, request);
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
                                  .connections = 1100,
                                  .streams = 100,
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
    sim->origin_s = sim->frozen_s = sim_now_s();
    int code = EXIT_CODE_OK;
    if (option_parse(&program, &sim->options, argc, argv, NULL, &code) == OPTION_RUN)
        code = serve(sim);
    option_release(&program, &sim->options);
    free(sim);
    return code;
}
