/*
 * What all four daemons share around their own work: the loop, the life-cycle phase and its one door, signals,
 * the admin port and the log set-up. A main.c reads: parse options, daemon_init, build parts, daemon_run,
 * tear parts down in reverse, daemon_release.
 */
#ifndef ISOBAR_DAEMON_H
#define ISOBAR_DAEMON_H

#include "httpd.h"
#include "loop.h"
#include "metric.h"

#include <stdbool.h>

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_DRAINING, PHASE_STOPPED };

struct daemon;

/*
 * Called once when SIGTERM or SIGINT asks the running program to drain; the program calls daemon_stop when it is done.
 * A signal that comes while the parts are still being built stops the program at once, with exit code 0.
 */
typedef void daemon_drain_fn(void *arg);
/* Appends one line per missing dependency to `out` ("kafka: no broker answers"); nothing when ready. */
typedef void daemon_ready_fn(void *arg, struct buf *out);

struct daemon_config {
    const char *component; /* worker: in logs and metric names */
    const char *log_level;
    const char *log_format;
    const char *admin_bind;
    int admin_port;         /* -1 off, 0 any */
    bool insecure;          /* allows admin_bind other than loopback */
    int64_t drain_limit_ms; /* after this the process stops even if not drained, with a log line */
    const struct metric_page *metrics;
    daemon_drain_fn *drain;
    daemon_ready_fn *ready;
    void *arg; /* of drain and ready */
};

/*
 * Sets up log, loop, signals (TERM, INT; PIPE ignored) and the admin port. NULL after logging why; `exit_code`
 * then holds 69 or 78. `config` and what it points to are borrowed until daemon_free.
 */
struct daemon *daemon_new(const struct daemon_config *config, int *exit_code) __attribute__((warn_unused_result));
/* Frees the admin server and the loop last of all. NULL allowed. */
void daemon_free(struct daemon *daemon);
/* The loop, borrowed: sources of the parts are removed before daemon_free. */
struct loop *daemon_loop(struct daemon *daemon);
/* Where the program is in its life. */
enum phase daemon_phase(const struct daemon *daemon);
/* The admin port, or -1 when it is off. */
int daemon_admin_port(const struct daemon *daemon);
/* Phase RUNNING, logs `started`, runs the loop to the end; returns the exit code. A second TERM stops at once. */
int daemon_run(struct daemon *daemon);
/* Ends the program with `exit_code` (0 after a drain); callable from any callback. */
void daemon_stop(struct daemon *daemon, int exit_code);
/* True for an address in 127.0.0.0/8, ::1 and "localhost", with or without a port ("127.0.0.1:7070", "[::1]:7070"). */
bool daemon_is_loopback(const char *address);

#endif
