/*
 * isobar-devbroker: a Kafka for development and fault tests, in one small process that forgets everything at
 * its end. It is librdkafka's mock cluster, with the topics made at start, since the mock cluster lacks
 * CreateTopics. Loopback only.
 *
 *   isobar-devbroker [--brokers N] [--topic NAME:PARTITIONS]... [--port-file FILE] [--exit-on-eof]
 *
 * Prints `bootstrap=127.0.0.1:PORT[,…]` once it listens, and writes the same line to the port file. Then
 * carries out the commands that it reads from standard input (command.h) until SIGTERM, SIGINT or its
 * parent's death. Exit codes: 0 stopped by a signal, 1 could not start, 2 wrong usage.
 *
 * What differs from a real Kafka: messages keep the producer's time whatever the topic is to do; an empty
 * fetch waits its whole fetch.wait.max.ms even when a message comes; idempotent producers are accepted but
 * their duplicates are not dropped; offsets cannot be looked up by time; topics asked for are made with 4
 * partitions; a partition keeps 5 MiB or 100,000 batches; the cluster id changes with every start.
 *
 * One thread waits in poll() for a signal or a line; librdkafka's own threads serve the clients. poll(), not
 * epoll, as standard input may be /dev/null or a file, which epoll refuses.
 */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES  1024
#define BROKERS_MAX 16
#define EXIT_USAGE  2

struct options {
    int brokers;
    struct topic topics[TOPICS_MAX];
    int topic_count;
    const char *port_file;
    bool exit_on_eof;
};

struct devbroker {
    rd_kafka_t *rk;
    struct target target;
    const char *port_file; /* NULL until it is written */
    int signals;           /* signalfd, or -1 */
    bool input_open;
    bool stop_at_eof;
    bool skip_line; /* the rest of a line that was too long */
    size_t used;
    char line[LINE_BYTES];
};

static const char usage[] =
    "usage: isobar-devbroker [--brokers N] [--topic NAME:PARTITIONS]... [--port-file FILE] [--exit-on-eof]\n"
    "A Kafka on loopback for development and tests; it keeps everything in memory and forgets it at exit.\n"
    "  --brokers N                number of brokers, 1 to 16 (1)\n"
    "  --topic NAME:PARTITIONS    makes a topic at start, on up to 3 brokers\n"
    "  --port-file FILE           writes the line bootstrap=HOST:PORT[,...] there too\n"
    "  --exit-on-eof              ends when standard input, a pipe, is closed\n"
    "Commands on standard input, each answered with ok or error: push-error API CODE COUNT,\n"
    "clear-errors API, broker-down ID, broker-up ID, leader TOPIC PARTITION ID,\n"
    "follower TOPIC PARTITION ID, rtt ID MS, topic NAME:PARTITIONS.\n";

/* Writes one logfmt line to standard error; quotes and control characters of `text` become apostrophes. */
static void log_error(const char *event, const char *text)
{
    char clean[512], when[32];
    snprintf(clean, sizeof clean, "%s", text);
    for (char *p = clean; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == '"' || *p == '\\' || *p == 0x7f)
            *p = '\'';
    }
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    fprintf(stderr, "ts=%s.%03dZ level=error component=devbroker event=%s error=\"%s\"\n", when,
            (int)(now.tv_nsec / 1000000), event, clean);
}

/* Only errors come here (log_level 3); called from librdkafka's threads. */
static void on_library_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    log_error("librdkafka", text);
}

static int add_topic_option(struct options *options, const char *text)
{
    if (options->topic_count == TOPICS_MAX) {
        fprintf(stderr, "isobar-devbroker: --topic: at most %d\n", TOPICS_MAX);
        return -1;
    }
    const char *problem = topic_parse(text, &options->topics[options->topic_count]);
    if (problem) {
        fprintf(stderr, "isobar-devbroker: --topic %s: %s\n", text, problem);
        return -1;
    }
    options->topic_count++;
    return 0;
}

static int set_brokers(struct options *options, const char *text)
{
    char *end;
    errno = 0;
    long brokers = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || brokers < 1 || brokers > BROKERS_MAX) {
        fprintf(stderr, "isobar-devbroker: --brokers %s: expected 1 to %d\n", text, BROKERS_MAX);
        return -1;
    }
    options->brokers = (int)brokers;
    return 0;
}

/* Fills in `options` from the command line. Returns 0, or -1 after saying what is wrong; --help ends the
 * program. */
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"brokers", required_argument, NULL, 'b'},
        {"topic", required_argument, NULL, 't'},
        {"port-file", required_argument, NULL, 'p'},
        {"exit-on-eof", no_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int name;
    *options = (struct options){.brokers = 1};
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 'b':
            if (set_brokers(options, optarg) != 0)
                return -1;
            break;
        case 't':
            if (add_topic_option(options, optarg) != 0)
                return -1;
            break;
        case 'p':
            options->port_file = optarg;
            break;
        case 'e':
            options->exit_on_eof = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            return -1;
        }
    }
    if (optind != argc) {
        fprintf(stderr, "isobar-devbroker: unexpected argument %s\n", argv[optind]);
        return -1;
    }
    return 0;
}

/*
 * Blocks the signals that end the program, before librdkafka starts threads that inherit the mask, and opens
 * the signalfd. SIGTTIN is blocked so that a read from the terminal in the background fails instead of
 * stopping the process. Returns 0, or -1 when the parent is dead already or the kernel refuses.
 */
static int watch_signals(struct devbroker *broker, pid_t parent)
{
    sigset_t ends, blocked;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    blocked = ends;
    sigaddset(&blocked, SIGTTIN);
    sigaddset(&blocked, SIGPIPE);
    if (sigprocmask(SIG_BLOCK, &blocked, NULL) != 0)
        return -1;
    broker->signals = signalfd(-1, &ends, SFD_CLOEXEC);
    if (broker->signals < 0)
        return -1;
    return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent ? 0 : -1;
}

/* Makes the cluster and its topics. Returns 0, or -1 after logging. devbroker_stop() frees what there is. */
static int start_cluster(struct devbroker *broker, const struct options *options)
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, on_library_log);
    /* It answers as a real one does: with Nagle's algorithm an answer may wait 40 ms for the client to acknowledge
     * another. */
    if (rd_kafka_conf_set(conf, "log_level", "3", text, sizeof text) != RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, "socket.nagle.disable", "true", text, sizeof text) != RD_KAFKA_CONF_OK) {
        log_error("configuration", text);
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    broker->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!broker->rk) {
        log_error("start", text);
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    broker->target.brokers = options->brokers;
    broker->target.cluster = rd_kafka_mock_cluster_new(broker->rk, options->brokers);
    if (!broker->target.cluster) {
        log_error("start", "the mock cluster could not be made");
        return -1;
    }
    for (int i = 0; i < options->topic_count; i++) {
        const char *problem = target_add_topic(&broker->target, &options->topics[i]);
        if (problem) {
            log_error("topic", problem);
            return -1;
        }
    }
    return 0;
}

/* Prints the bootstrap line and writes it to the port file, which appears whole or not at all. Returns 0 or
 * -1. */
static int announce(struct devbroker *broker, const char *path)
{
    const char *bootstrap = rd_kafka_mock_cluster_bootstraps(broker->target.cluster);
    if (path) {
        char temporary[4096];
        int size = snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
        FILE *file = size > 0 && (size_t)size < sizeof temporary ? fopen(temporary, "we") : NULL;
        bool written = file && fprintf(file, "bootstrap=%s\n", bootstrap) > 0;
        if (file)
            written = fclose(file) == 0 && written;
        if (!written || rename(temporary, path) != 0) {
            log_error("port_file", strerror(errno));
            if (file)
                unlink(temporary);
            return -1;
        }
        broker->port_file = path;
    }
    printf("bootstrap=%s\n", bootstrap);
    fflush(stdout);
    return 0;
}

/* Answers one command. An answer that nobody reads is no error: the broker goes on. */
static void answer(struct devbroker *broker, char *line)
{
    char text[256];
    command_run(&broker->target, line, text, sizeof text);
    puts(text);
    fflush(stdout);
}

/* Takes `size` new bytes at the end of the buffer, runs the lines that are whole and keeps the rest. */
static void take_input(struct devbroker *broker, size_t size)
{
    char *start = broker->line;
    char *end = broker->line + broker->used + size;
    char *newline;
    while ((newline = memchr(start, '\n', (size_t)(end - start))) != NULL) {
        *newline = '\0';
        if (!broker->skip_line)
            answer(broker, start);
        broker->skip_line = false;
        start = newline + 1;
    }
    broker->used = (size_t)(end - start);
    memmove(broker->line, start, broker->used);
    if (broker->used < sizeof broker->line)
        return;
    if (!broker->skip_line)
        puts("error the line is too long");
    fflush(stdout);
    broker->skip_line = true;
    broker->used = 0;
}

/* Reads what standard input has. Returns false when its end is a reason to stop. */
static bool read_input(struct devbroker *broker)
{
    ssize_t size = read(STDIN_FILENO, broker->line + broker->used, sizeof broker->line - broker->used);
    if (size > 0) {
        take_input(broker, (size_t)size);
        return true;
    }
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    broker->input_open = false;
    return !broker->stop_at_eof;
}

/* Serves commands until a signal comes, or the end of input when that is a reason. */
static void serve(struct devbroker *broker)
{
    for (;;) {
        struct pollfd events[2] = {
            {.fd = broker->signals, .events = POLLIN},
            {.fd = broker->input_open ? STDIN_FILENO : -1, .events = POLLIN},
        };
        if (poll(events, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            log_error("poll", strerror(errno));
            return;
        }
        if (events[0].revents)
            return;
        if (events[1].revents && !read_input(broker))
            return;
    }
}

/* Frees everything, in the reverse order of its making. */
static void devbroker_stop(struct devbroker *broker)
{
    if (broker->port_file)
        unlink(broker->port_file);
    if (broker->target.cluster)
        rd_kafka_mock_cluster_destroy(broker->target.cluster);
    if (broker->rk)
        rd_kafka_destroy(broker->rk);
    if (broker->signals >= 0)
        close(broker->signals);
}

int main(int argc, char **argv)
{
    static struct devbroker broker = {.signals = -1, .input_open = true};
    static struct options options;
    pid_t parent = getppid();
    struct stat input;
    int code = EXIT_FAILURE;
    if (parse_options(argc, argv, &options) != 0) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    bool is_pipe = fstat(STDIN_FILENO, &input) == 0 && (S_ISFIFO(input.st_mode) || S_ISSOCK(input.st_mode));
    broker.stop_at_eof = options.exit_on_eof && is_pipe;
    if (watch_signals(&broker, parent) != 0)
        log_error("signals", "could not watch for signals, or the parent has ended");
    else if (start_cluster(&broker, &options) == 0 && announce(&broker, options.port_file) == 0) {
        serve(&broker);
        code = EXIT_SUCCESS;
    }
    devbroker_stop(&broker);
    return code;
}
