/*
 * Who may connect (coordinator.h). Plain only on loopback, or where the operator takes the risk with --insecure; with
 * keys anywhere. The list of who may connect can be replaced while the coordinator runs: whoever was taken off it is
 * not heard any more, though its connection stands until it goes by itself.
 */
#include "coordinator.h"

#include "allow.h"
#include "channel_endpoint.h"

#include <signal.h>
#include <string.h>

static bool bind_allowed(const struct coordinator *coordinator, struct buf *error)
{
    const struct coordinator_options *options = coordinator->options;
    if (strncmp(options->bind, "tcp://", 6) != 0 || !endpoint_valid(options->bind, true))
        buf_printf(error, "bind %s: want tcp://host:port", options->bind);
    else if (*options->advertise && !endpoint_valid(options->advertise, false))
        buf_printf(error, "advertise %s: want tcp://host:port", options->advertise);
    else if (!endpoint_is_loopback(options->bind) && !coordinator->curve && !options->insecure)
        buf_printf(error,
                   "bind %s is not loopback and there are no keys: give --curve-key-file and --curve-allow-file, or "
                   "--insecure to allow it",
                   options->bind);
    return error->size == 0;
}

static void warn(const struct coordinator *coordinator)
{
    const struct coordinator_options *options = coordinator->options;
    bool everywhere = strstr(options->bind, "//0.0.0.0:") || strstr(options->bind, "//*:");
    if (everywhere && !*options->advertise)
        log_warn("not_advertised", LOG_TEXT("bind", options->bind),
                 LOG_TEXT("meaning", "no member on another host can be told where this one is"),
                 LOG_TEXT("do", "--advertise tcp://host:port"));
}

bool security_start(struct coordinator *coordinator, struct buf *error)
{
    const struct coordinator_options *options = coordinator->options;
    if (!curve_server_read(options->curve_key_file, options->curve_allow_file, &coordinator->curve, error) ||
        !bind_allowed(coordinator, error))
        return false;
    warn(coordinator);
    if (!coordinator->curve)
        return true;
    log_info("keys_read", LOG_TEXT("public_key", coordinator->curve->pair.public_key),
             LOG_INT("allowed", allow_count(coordinator->curve->allow)));
    if (loop_signal(coordinator->loop, SIGHUP, security_reload, coordinator) == 0)
        return true;
    buf_text(error, "SIGHUP cannot be watched");
    return false;
}

void security_reload(void *arg, int signo)
{
    struct coordinator *coordinator = arg;
    struct buf error = BUF_EMPTY;
    struct allow *allow = allow_read(coordinator->options->curve_allow_file, &error);
    (void)signo;
    if (allow) {
        allow_free(coordinator->curve->allow);
        coordinator->curve->allow = allow;
        log_info("allow_file_read", LOG_INT("allowed", allow_count(allow)));
    } else {
        log_error("allow_file_bad", LOG_TEXT("reason", error.data), LOG_TEXT("meaning", "the old list stays"));
    }
    buf_release(&error);
}
