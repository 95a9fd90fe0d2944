/*
 * isobar-dashboard: the page, the JSON and CSV API and the live event stream, read from Redis. Operators'
 * commands come through the door (who is it?) to the desk (the leader, the catalogue), without them it writes nothing.
 * Parts: model (mirror of Redis: atlas, part, hint, view), live (streams), reader (windows on demand), api (routes:
 * query, body, page), encode (JSON and CSV).
 */
#include "api.h"
#include "clock.h"
#include "daemon.h"
#include "entropy.h"
#include "error.h"
#include "live.h"
#include "log.h"
#include "metrics.h"
#include "model.h"
#include "options.h"
#include "page.h"
#include "secret.h"
#include "survey.h"

#include <signal.h>
#include <stdlib.h>

#define OPTION_OWNER struct dashboard_options
static const struct option_row option_rows[] = {DASHBOARD_OPTIONS(OPTION_ROW)};
#define METRIC_OWNER struct dashboard_metrics
static const struct metric_row metric_rows[] = {DASHBOARD_METRICS(METRIC_ROW)};

struct dashboard {
    struct dashboard_options options;
    struct dashboard_metrics metrics;
    struct daemon *daemon;
    struct model *model;
    struct live *live;
    struct httpd *httpd;
    struct desk *desk;
    struct api api;
};

static void on_changed(void *arg)
{
    struct dashboard *d = arg;
    live_changed(d->live);
}

static void on_viewed(void *arg)
{
    struct dashboard *d = arg;
    live_viewed(d->live);
}

static void on_state(void *arg)
{
    struct dashboard *d = arg;
    live_state(d->live);
}

static void on_drain(void *arg)
{
    struct dashboard *d = arg;
    daemon_stop(d->daemon, EXIT_CODE_OK);
}

static void on_ready(void *arg, struct buf *out)
{
    struct dashboard *d = arg;
    model_missing(d->model, out);
}

static void on_metrics(void *arg, struct buf *out)
{
    struct dashboard *d = arg;
    if (d->model)
        survey_families(model_atlas(d->model), clock_wall_ms(), out);
}

static bool start_model(struct dashboard *d, struct buf *error)
{
    struct live_config live = {.loop = daemon_loop(d->daemon), .prefix = d->options.prefix, .metrics = &d->metrics};
    struct model_config model = {.loop = daemon_loop(d->daemon),
                                 .store = {.address = d->options.redis,
                                           .user = d->options.redis_user,
                                           .password = d->options.redis_password,
                                           .timeout_ms = d->options.redis_timeout_ms},
                                 .prefix = d->options.prefix,
                                 .update_ms = d->options.update_ms,
                                 .metrics = &d->metrics};
    struct model_events events = {.changed = on_changed, .viewed = on_viewed, .state = on_state, .arg = d};
    d->live = live_new(&live);
    d->model = model_new(&model, &events, error);
    if (d->model)
        live_attach(d->live, d->model);
    return d->model != NULL;
}

/* ---- who may do what ---- */

static int load_tokens(struct dashboard *d, struct buf *error)
{
    const struct dashboard_options *o = &d->options;
    const struct secret_source operates = {"operator_token", o->operator_token_file, o->operator_token},
                               reads = {"read_token", o->read_token_file, o->read_token};
    return secret_load(&operates, &reads, &d->api.door.access, error);
}

static void on_hangup(void *arg, int signo)
{
    struct buf error = BUF_EMPTY;
    struct dashboard *d = arg;
    unsigned before = d->api.door.access.changes;
    (void)signo;
    bool read = load_tokens(d, &error) == 0;
    /* A stream was let in once; who may not read any more must not go on doing so. */
    if (d->live && d->api.door.access.changes != before && !access_open(&d->api.door.access))
        live_end(d->live);
    if (read)
        log_info("tokens_read", LOG_TEXT("effect", "sessions of a token that changed have ended"));
    else
        log_error("tokens_kept", LOG_TEXT("reason", error.data));
    buf_release(&error);
}

static bool start_access(struct dashboard *d, struct buf *error)
{
    const struct dashboard_options *o = &d->options;
    struct access *access = &d->api.door.access;
    access_init(access, o->proxy_user_header, o->operators);
    access->throttle.seed = (uint64_t)entropy_i63();
    if (load_tokens(d, error) != 0)
        return false;
    if (netlist_parse(&access->proxies, o->proxy_from, error) != 0)
        return false;
    if (*o->proxy_user_header && access->proxies.count == 0)
        buf_text(error, "--proxy-user-header needs --proxy-from: anybody could name himself");
    else if (*o->operators && !*o->proxy_user_header)
        buf_text(error, "--operators are users of a proxy: --proxy-user-header is wanted");
    else if (!daemon_is_loopback(o->bind) && access_open(access) && !o->insecure)
        buf_printf(error,
                   "bind %s is not loopback and everybody could read: put a proxy before 127.0.0.1, or give "
                   "--read-token-file, --proxy-user-header or --insecure",
                   o->bind);
    else if (loop_signal(daemon_loop(d->daemon), SIGHUP, on_hangup, d) != 0)
        buf_text(error, "SIGHUP cannot be watched");
    else
        return true;
    return false;
}

/* The style sheet, which is configuration, before anything is connected. */
static bool start_api(struct dashboard *d, struct buf *error)
{
    const struct asset *asset = page_find("/");
    struct buf page = BUF_EMPTY;
    bool good = true;
    api_init(&d->api, d->options.prefix, NULL, NULL, &d->metrics);
    if (d->options.style[0] != '\0') {
        good = asset && page_plain(asset, &page) && style_load(&d->api.style, d->options.style, &page, error) == 0;
        buf_release(&page);
    }
    if (!good || !start_access(d, error))
        return false;
    if (access_commands(&d->api.door.access))
        d->desk = desk_new(daemon_loop(d->daemon), &d->options, &d->metrics, error);
    return d->desk || !access_commands(&d->api.door.access);
}

/* What is left is for all other requests: an eighth, or 64, but never more than half. */
static int stream_places(int connections)
{
    int others = connections / 8 > 64 ? connections / 8 : 64;
    return connections - (others < connections / 2 ? others : connections / 2);
}

static bool start_httpd(struct dashboard *d, struct buf *error)
{
    struct httpd_config config = {.bind = d->options.bind,
                                  .port = (int)d->options.port,
                                  .connections = (int)d->options.connections,
                                  .streams = stream_places((int)d->options.connections),
                                  .connections_per_address = (int)d->options.connections_per_address,
                                  .deadline_ms = d->options.deadline_ms};
    d->api.model = d->model;
    d->api.live = d->live;
    d->api.door.desk = d->desk;
    d->api.door.store = model_store(d->model);
    d->httpd = httpd_new(daemon_loop(d->daemon), &config, api_handle, &d->api, error);
    if (d->httpd)
        log_info("listening", LOG_TEXT("address", d->options.bind), LOG_INT("port", httpd_port(d->httpd)));
    return d->httpd != NULL;
}

/* Waiting requests are answered when the store ends their reads; from then on the server has nothing to read
 * from. */
static void stop(struct dashboard *d)
{
    d->api.door.desk = NULL;
    d->api.door.store = NULL;
    desk_free(d->desk);
    model_free(d->model);
    d->model = d->api.model = NULL;
    if (d->live)
        live_attach(d->live, NULL);
    httpd_free(d->httpd);
    api_release(&d->api);
    live_free(d->live);
    daemon_free(d->daemon);
}

static int serve(struct dashboard *d)
{
    struct buf error = BUF_EMPTY;
    int code = EXIT_CODE_CONFIG;
    struct metric_page page = {.component = "dashboard",
                               .rows = metric_rows,
                               .row_count = sizeof metric_rows / sizeof *metric_rows,
                               .values = &d->metrics,
                               .more = on_metrics,
                               .arg = d};
    struct daemon_config config = {.component = "dashboard",
                                   .log_level = d->options.log_level,
                                   .log_format = d->options.log_format,
                                   .admin_bind = d->options.admin_bind,
                                   .admin_port = (int)d->options.admin_port,
                                   .insecure = d->options.insecure,
                                   .drain_limit_ms = 2000,
                                   .metrics = &page,
                                   .drain = on_drain,
                                   .ready = on_ready,
                                   .arg = d};
    d->daemon = daemon_new(&config, &code);
    if (!d->daemon)
        return code;
    code = EXIT_CODE_CONFIG;
    if (start_api(d, &error) && start_model(d, &error)) {
        code = EXIT_CODE_UNAVAILABLE;
        if (start_httpd(d, &error))
            code = daemon_run(d->daemon);
    }
    if (error.size)
        log_error("failed", LOG_TEXT("reason", error.data));
    stop(d);
    buf_release(&error);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option_program program = {
        .name = "isobar-dashboard",
        .section = "dashboard",
        .usage = "[options]",
        .summary = "serves the page, the API and the live stream from what Redis holds",
        .rows = option_rows,
        .row_count = sizeof option_rows / sizeof *option_rows};
    static struct dashboard dashboard;
    int code = EXIT_CODE_OK;
    if (option_parse(&program, &dashboard.options, argc, argv, NULL, &code) == OPTION_RUN)
        code = serve(&dashboard);
    option_release(&program, &dashboard.options);
    return code;
}
