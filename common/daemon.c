/*
 * What all daemons share (daemon.h). The phase changes through set_phase only. The admin server answers from the same
 * loop as the work, so /livez failing to answer tells a wedged program.
 */
#include "daemon.h"

#include "error.h"
#include "log.h"
#include "mem.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ADMIN_CONNECTIONS 64
#define ADMIN_DEADLINE_MS 5000

struct daemon {
    const struct daemon_config *config;
    struct loop *loop;
    struct httpd *admin;
    struct loop_timer *drain_timer;
    enum phase phase;
    int exit_code;
};

static const char *const phase_names[] = {"starting", "running", "draining", "stopped"};

static void set_phase(struct daemon *daemon, enum phase phase)
{
    if (phase == daemon->phase)
        return;
    log_debug("phase", LOG_TEXT("from", phase_names[daemon->phase]), LOG_TEXT("to", phase_names[phase]));
    daemon->phase = phase;
}

bool daemon_is_loopback(const char *address)
{
    char host[64];
    struct in_addr v4;
    struct in6_addr v6;
    const char *start = *address == '[' ? address + 1 : address, *colon = strchr(start, ':');
    size_t size = *address == '['                    ? strcspn(start, "]")
                  : colon && !strchr(colon + 1, ':') ? (size_t)(colon - start)
                                                     : strlen(start);
    if (size >= sizeof host)
        return false;
    memcpy(host, start, size);
    host[size] = '\0';
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(host, "localhost") == 0 || (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}

static void reply_ready(struct daemon *daemon, struct httpd_request *request)
{
    struct buf missing = BUF_EMPTY;
    if (daemon->phase != PHASE_RUNNING)
        buf_printf(&missing, "%s\n", phase_names[daemon->phase]);
    if (daemon->config->ready)
        daemon->config->ready(daemon->config->arg, &missing);
    int status = missing.size ? 503 : 200;
    if (status == 200)
        buf_text(&missing, "ok\n");
    if (status != 200 && !httpd_query(request, "verbose")) {
        buf_reset(&missing);
        buf_text(&missing, "not ready; ?verbose tells why\n");
    }
    httpd_reply(request, status, "text/plain; charset=utf-8", missing.data, missing.size);
    buf_release(&missing);
}

static void on_admin(void *arg, struct httpd_request *request)
{
    struct daemon *daemon = arg;
    const char *path = httpd_path(request), *method = httpd_method(request);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        httpd_reply_header(request, "Allow", "GET, HEAD");
        httpd_reply_problem(request, 405, "Method not allowed", method);
    } else if (strcmp(path, "/livez") == 0) {
        httpd_reply(request, 200, "text/plain", "ok\n", 3);
    } else if (strcmp(path, "/readyz") == 0) {
        reply_ready(daemon, request);
    } else if (strcmp(path, "/metrics") == 0) {
        struct buf out = BUF_EMPTY;
        metric_render(daemon->config->metrics, &out);
        httpd_reply(request, 200, "text/plain; version=0.0.4; charset=utf-8", out.data, out.size);
        buf_release(&out);
    } else {
        httpd_reply_problem(request, 404, "Not found", path);
    }
}

void daemon_stop(struct daemon *daemon, int exit_code)
{
    if (daemon->phase == PHASE_STOPPED)
        return;
    daemon->exit_code = exit_code;
    set_phase(daemon, PHASE_STOPPED);
    loop_stop(daemon->loop);
}

static void on_drain_limit(void *arg)
{
    struct daemon *daemon = arg;
    log_error("drain_timeout", LOG_INT("limit_ms", daemon->config->drain_limit_ms));
    daemon_stop(daemon, EXIT_CODE_FAILURE);
}

static void on_signal(void *arg, int signo)
{
    struct daemon *daemon = arg;
    if (daemon->phase == PHASE_STOPPED)
        return; /* TERM and INT arrived together */
    if (daemon->phase == PHASE_DRAINING) {
        log_warn("stopped_at_once", LOG_TEXT("signal", strsignal(signo)));
        daemon_stop(daemon, EXIT_CODE_FAILURE);
        return;
    }
    if (daemon->phase == PHASE_STARTING) { /* nothing was taken in, and the parts may not exist yet */
        log_info("stopped_while_starting", LOG_TEXT("signal", strsignal(signo)));
        daemon_stop(daemon, EXIT_CODE_OK);
        return;
    }
    log_info("draining", LOG_TEXT("signal", strsignal(signo)));
    set_phase(daemon, PHASE_DRAINING);
    loop_timer_set(daemon->drain_timer, daemon->config->drain_limit_ms, 0);
    daemon->config->drain(daemon->config->arg);
}

static int start_admin(struct daemon *daemon)
{
    const struct daemon_config *config = daemon->config;
    if (config->admin_port < 0)
        return EXIT_CODE_OK;
    if (!daemon_is_loopback(config->admin_bind) && !config->insecure) {
        log_error("bind_refused", LOG_TEXT("address", config->admin_bind),
                  LOG_TEXT("reason", "the admin port has no authentication: bind it to loopback, or give --insecure"));
        return EXIT_CODE_CONFIG;
    }
    struct buf error = BUF_EMPTY;
    struct httpd_config admin = {.bind = config->admin_bind,
                                 .port = config->admin_port,
                                 .connections = ADMIN_CONNECTIONS,
                                 .connections_per_address = ADMIN_CONNECTIONS,
                                 .deadline_ms = ADMIN_DEADLINE_MS};
    daemon->admin = httpd_new(daemon->loop, &admin, on_admin, daemon, &error);
    if (daemon->admin)
        log_info("admin_listening", LOG_TEXT("address", config->admin_bind),
                 LOG_INT("port", httpd_port(daemon->admin)));
    else
        log_error("admin_failed", LOG_TEXT("reason", error.data));
    buf_release(&error);
    return daemon->admin ? EXIT_CODE_OK : EXIT_CODE_UNAVAILABLE;
}

struct daemon *daemon_new(const struct daemon_config *config, int *exit_code)
{
    enum log_level level;
    bool json = strcasecmp(config->log_format, "json") == 0;
    int parsed = log_level_parse(config->log_level, &level);
    log_setup(config->component, parsed == 0 ? level : LOG_INFO, json);
    *exit_code = EXIT_CODE_CONFIG;
    if (parsed != 0 || (!json && strcmp(config->log_format, "logfmt") != 0)) {
        log_error("bad_option", LOG_TEXT("option", parsed != 0 ? "log_level" : "log_format"),
                  LOG_TEXT("value", parsed != 0 ? config->log_level : config->log_format),
                  LOG_TEXT("allowed", parsed != 0 ? "debug, info, warn or error" : "logfmt or json"));
        return NULL;
    }
    struct daemon *daemon = mem_alloc(sizeof *daemon);
    daemon->config = config;
    daemon->loop = loop_new();
    *exit_code = EXIT_CODE_FAILURE;
    if (!daemon->loop) {
        free(daemon);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    daemon->drain_timer = loop_timer_new(daemon->loop, on_drain_limit, daemon);
    if (loop_signal(daemon->loop, SIGTERM, on_signal, daemon) == 0 &&
        loop_signal(daemon->loop, SIGINT, on_signal, daemon) == 0)
        *exit_code = start_admin(daemon);
    if (*exit_code == EXIT_CODE_OK)
        return daemon;
    daemon_free(daemon);
    return NULL;
}

void daemon_free(struct daemon *daemon)
{
    if (!daemon)
        return;
    httpd_free(daemon->admin);
    loop_timer_free(daemon->drain_timer);
    loop_free(daemon->loop);
    free(daemon);
}

struct loop *daemon_loop(struct daemon *daemon)
{
    return daemon->loop;
}

enum phase daemon_phase(const struct daemon *daemon)
{
    return daemon->phase;
}

int daemon_admin_port(const struct daemon *daemon)
{
    return daemon->admin ? httpd_port(daemon->admin) : -1;
}

int daemon_run(struct daemon *daemon)
{
    if (daemon->phase == PHASE_STOPPED)
        return daemon->exit_code; /* a part gave up while starting */
    set_phase(daemon, PHASE_RUNNING);
    log_info("started", LOG_TEXT("version", ISOBAR_VERSION));
    if (loop_run(daemon->loop) != 0) {
        log_error("loop_failed");
        return EXIT_CODE_FAILURE;
    }
    log_info("stopped", LOG_INT("exit_code", daemon->exit_code));
    return daemon->exit_code;
}
