/*
 * isobar-crowd: clients of the dashboard for tests of its load, told by lines on standard input what to do; each has
 * one answer, a line of JSON.
 *
 *   isobar-crowd PORT [PATH]      of the live stream, /api/v1/events
 *     open N      N more; answers when each has had its first event, or was refused
 *     arrived     events since the last `reset`, and how many are still missing at how many clients
 *     ticks       the same, and how late they were
 *     reset       what came so far is not measured
 *     vanish N    N of them take no packet any more; pause N: do not read any more; resume: those read again
 *   isobar-crowd PORT ask CONNECTIONS COUNT PATH [HEADER…]     asks and ends; a header is "Name: value"
 */
#include "ask.h"
#include "crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 100

/* ---- orders ---- */

static void tell_clients(const struct crowd *crowd)
{
    printf("{\"live\":%d,\"refused\":%d,\"status\":%d,\"ended\":%d,\"behind\":%d}\n", crowd->live, crowd->refused,
           crowd->status, crowd->ended, crowd_behind(crowd));
}

static void tell_arrived(const struct crowd *crowd)
{
    const struct ticks *ticks = &crowd->ticks;
    long long expected = (long long)ticks->count * crowd->live;
    printf("{\"ticks\":%zu,\"complete\":%zu,\"missing\":%lld,\"live\":%d,\"ended\":%d,\"behind\":%d,\"bytes\":%lld,"
           "\"first_bytes\":%lld",
           ticks->count, ticks_complete(ticks, (uint32_t)crowd->live), expected - (long long)ticks->late.count,
           crowd->live, crowd->ended, crowd_behind(crowd), (long long)crowd->bytes, (long long)crowd->first_bytes);
}

static void tell_late(struct ticks *ticks)
{
    printf(",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"first_p99_ms\":%.3f,\"first_max_ms\":%.3f",
           samples_quantile(&ticks->late, 0.5), samples_quantile(&ticks->late, 0.99), samples_quantile(&ticks->late, 1),
           samples_quantile(&ticks->behind, 0.99), samples_quantile(&ticks->behind, 1));
}

/* False: there is no such order. */
static bool follow(struct crowd *crowd, const char *order)
{
    int number = (int)strtol(order + strcspn(order, " "), NULL, 10);
    bool told = strcmp(order, "ticks") == 0 || strcmp(order, "arrived") == 0;
    if (strncmp(order, "open ", 5) == 0)
        for (crowd_open(crowd, number); !crowd_settled(crowd);)
            crowd_turn(crowd, WAIT_MS);
    else if (strncmp(order, "vanish ", 7) == 0)
        crowd_vanish(crowd, number);
    else if (strncmp(order, "pause ", 6) == 0)
        crowd_pause(crowd, number);
    else if (strcmp(order, "resume") == 0)
        crowd_resume(crowd);
    else if (strcmp(order, "reset") == 0)
        ticks_reset(&crowd->ticks), crowd->bytes = 0;
    else if (!told)
        return false;
    if (!told) {
        tell_clients(crowd);
        return true;
    }
    tell_arrived(crowd);
    if (strcmp(order, "ticks") == 0)
        tell_late(&crowd->ticks);
    printf("}\n");
    return true;
}

static int listen_to(struct crowd *crowd)
{
    char order[256];
    crowd_watch(crowd, STDIN_FILENO);
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0); /* so that epoll knows of every order that waits */
    for (;;) {
        if (!crowd_turn(crowd, WAIT_MS))
            continue;
        if (!fgets(order, sizeof order, stdin))
            return 0;
        order[strcspn(order, "\n")] = '\0';
        if (!follow(crowd, order))
            return 2;
    }
}

static int ask(int port, int count, char **words)
{
    char headers[1024] = "";
    for (int i = 3; i < count; i++) {
        strncat(headers, words[i], sizeof headers - strlen(headers) - 1);
        strncat(headers, "\r\n", sizeof headers - strlen(headers) - 1);
    }
    struct question question = {.port = port,
                                .path = words[2],
                                .headers = headers,
                                .connections = (int)strtol(words[0], NULL, 10),
                                .count = (int)strtol(words[1], NULL, 10)};
    struct answers answers = ask_all(&question);
    printf(
        "{\"status\":%d,\"failed\":%d,\"bytes\":%lld,\"per_s\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
        answers.status, answers.failed, (long long)answers.bytes,
        (double)answers.took.count * 1e6 / (double)answers.elapsed_us, samples_quantile(&answers.took, 0.5),
        samples_quantile(&answers.took, 0.99), samples_quantile(&answers.took, 1));
    samples_release(&answers.took);
    return 0;
}

int main(int argc, char **argv)
{
    struct crowd crowd;
    if (argc < 2) {
        fprintf(stderr, "isobar-crowd PORT [PATH] | PORT ask CONNECTIONS COUNT PATH [HEADER…]\n");
        return 2;
    }
    int port = (int)strtol(argv[1], NULL, 10);
    if (argc > 5 && strcmp(argv[2], "ask") == 0)
        return ask(port, argc - 3, argv + 3);
    crowd_init(&crowd, port, argc > 2 ? argv[2] : "/api/v1/events");
    int code = listen_to(&crowd);
    crowd_release(&crowd);
    return code;
}
