/*
 * What every librdkafka handle of Isobar shares: settings, and errors and log lines that arrive as events on
 * the loop, through an eventfd that librdkafka writes to when a queue stops being empty. So no callback runs
 * on a thread of librdkafka and nothing is printed behind the log's back. Log lines are rate-limited: a
 * broker that is away repeats itself several times a second.
 *
 * It does not know about consuming or producing.
 */
#include "kafka_internal.h"

#include "error.h"
#include "mem.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define LOG_EVERY_MS   5000
#define DESTROY_S      5
#define SYSLOG_WARNING 4 /* librdkafka's levels are those of syslog(3) */

const char *kafka_library_version(void)
{
    return rd_kafka_version_str();
}

int kafka_error_of(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return 0;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        return ERR_TIMEOUT;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return ERR_NOT_FOUND;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return ERR_BUSY;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return ERR_TOO_LARGE;
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
        return ERR_UNSUPPORTED;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return ERR_REFUSED;
    default:
        return ERR_UNAVAILABLE;
    }
}

void kafka_conf_text(struct kafka_conf *conf, const char *name, const char *value)
{
    char reason[256];

    if (conf->failed) {
        return;
    }
    if (rd_kafka_conf_set(conf->conf, name, value, reason, sizeof(reason)) != RD_KAFKA_CONF_OK) {
        conf->failed = true;
        buf_printf(conf->error, "%s=%s: %s", name, value, reason);
    }
}

void kafka_conf_number(struct kafka_conf *conf, const char *name, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    kafka_conf_text(conf, name, text);
}

void kafka_conf_begin(struct kafka_conf *conf, const char *client_id, struct buf *error)
{
#ifdef KAFKA_THREADS_NEEDED
    kafka_threads_anchor();
#endif
    *conf = (struct kafka_conf){.conf = rd_kafka_conf_new(), .error = error};
    kafka_conf_text(conf, "client.id", client_id ? client_id : "isobar");
    kafka_conf_text(conf, "socket.nagle.disable", "true");
    kafka_conf_text(conf, "socket.keepalive.enable", "true");
    kafka_conf_text(conf, "log.connection.close", "false");
    /* A broker that hangs must be noticed well before an alarm about progress; the default is a minute. */
    kafka_conf_number(conf, "socket.timeout.ms", 10000);
    kafka_conf_number(conf, "socket.connection.setup.timeout.ms", 5000);
    /* A broker that comes back must be used again within 2 s; the default backs off to 10 s. */
    kafka_conf_number(conf, "reconnect.backoff.max.ms", 1000);
}

rd_kafka_t *kafka_conf_finish(struct kafka_conf *conf, rd_kafka_type_t type, const char *brokers)
{
    char reason[256];
    rd_kafka_t *rk = NULL;

    if (!conf->failed) {
        rk = rd_kafka_new(type, conf->conf, reason, sizeof(reason));
        if (rk == NULL) {
            buf_text(conf->error, reason);
        }
    }
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf->conf);
        return NULL;
    }
    if (brokers == NULL || rd_kafka_brokers_add(rk, brokers) == 0) {
        buf_printf(conf->error, "no broker in \"%s\" (host:port,...)", brokers ? brokers : "");
        rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        return NULL;
    }
    return rk;
}

int kafka_client_init(struct kafka_client *client, struct loop *loop, rd_kafka_t *rk, loop_fd_fn *serve,
                      void *serve_arg)
{
    static const uint64_t one = 1;

    client->rk = rk;
    client->loop = loop;
    client->main = rd_kafka_queue_get_main(rk);
    client->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (client->fd < 0) {
        return ERR_SYSTEM;
    }
    client->source = loop_fd_add(loop, client->fd, LOOP_READ, serve, serve_arg);
    if (client->source == NULL) {
        return ERR_SYSTEM;
    }
    rd_kafka_queue_io_event_enable(client->main, client->fd, &one, sizeof(one));
    /* A queue writes only when it becomes non-empty: one that has an event by now would stay silent for ever. */
    kafka_client_wake(client);
    return rd_kafka_set_log_queue(rk, client->main) ? ERR_SYSTEM : 0;
}

/* ---- the end of a handle ---- */

struct ending {
    rd_kafka_t *rk;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ended, left; /* left: nobody waits any more, the thread frees this */
};

static void ending_free(struct ending *ending)
{
    pthread_cond_destroy(&ending->changed);
    pthread_mutex_destroy(&ending->lock);
    free(ending);
}

static void *ending_main(void *arg)
{
    struct ending *ending = arg;

    rd_kafka_destroy_flags(ending->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    pthread_mutex_lock(&ending->lock);
    ending->ended = true;
    bool left = ending->left;
    pthread_cond_signal(&ending->changed);
    pthread_mutex_unlock(&ending->lock);
    if (left) {
        ending_free(ending);
    }
    return NULL;
}

static bool ending_start(struct ending *ending)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main loop's */
    bool started = pthread_create(&thread, NULL, ending_main, ending) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) {
        pthread_detach(thread);
    }
    return started;
}

void kafka_handle_destroy(rd_kafka_t *rk)
{
    struct ending *ending = mem_alloc(sizeof(*ending));
    struct timespec until;
    pthread_condattr_t attr;

    ending->rk = rk;
    pthread_mutex_init(&ending->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ending->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (!ending_start(ending)) {
        rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        ending_free(ending);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += DESTROY_S;
    pthread_mutex_lock(&ending->lock);
    while (!ending->ended && pthread_cond_timedwait(&ending->changed, &ending->lock, &until) == 0) {
    }
    bool ended = ending->ended;
    ending->left = !ended;
    pthread_mutex_unlock(&ending->lock);
    if (ended) {
        ending_free(ending);
    } else {
        log_warn("kafka_client_left",
                 LOG_TEXT("meaning", "librdkafka does not give a client up; it ends with the process"));
    }
}

/* ---- a client ---- */

void kafka_client_release(struct kafka_client *client)
{
    loop_fd_remove(client->source);
    if (client->main != NULL) {
        rd_kafka_queue_io_event_enable(client->main, -1, NULL, 0);
        rd_kafka_queue_destroy(client->main);
    }
    if (client->rk != NULL) {
        kafka_handle_destroy(client->rk);
    }
    if (client->fd >= 0) {
        close(client->fd);
    }
}

void kafka_client_wake(const struct kafka_client *client)
{
    uint64_t one = 1;

    /* It can only fail when the counter is about to overflow: then it is readable anyway. */
    ssize_t written = write(client->fd, &one, sizeof(one));
    (void)written;
}

void kafka_client_awake(const struct kafka_client *client)
{
    uint64_t count;

    ssize_t got = read(client->fd, &count, sizeof(count));
    (void)got;
}

static void client_log(struct kafka_client *client, rd_kafka_event_t *event)
{
    const char *facility = "";
    const char *text = "";
    int level = SYSLOG_WARNING;
    int64_t suppressed = 0;

    rd_kafka_event_log(event, &facility, &text, &level);
    if (level > SYSLOG_WARNING) {
        log_debug("kafka_client", LOG_TEXT("facility", facility), LOG_TEXT("text", text));
    } else if (log_limit_pass(&client->limit, loop_now_ms(client->loop), LOG_EVERY_MS, &suppressed)) {
        log_warn("kafka_client", LOG_TEXT("facility", facility), LOG_TEXT("text", text),
                 LOG_INT("suppressed", suppressed));
    }
}

static void client_error(struct kafka_client *client, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    char reason[512];

    if (rd_kafka_event_error_is_fatal(event)) {
        rd_kafka_resp_err_t original = rd_kafka_fatal_error(client->rk, reason, sizeof(reason));
        client->failed(client->arg, true, original ? reason : rd_kafka_event_error_string(event));
    } else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        client->down = true;
        client->failed(client->arg, false, rd_kafka_event_error_string(event));
    }
    /* The rest (one broker of several, a host name) has a log line of its own, and librdkafka tries again. */
}

void kafka_client_event(struct kafka_client *client, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_LOG:
        client_log(client, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        client_error(client, event);
        break;
    default:
        break;
    }
}
