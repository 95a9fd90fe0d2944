/*
 * isobar-sim: plays worlds (sim.h), one per seed, and tells of the first in which an invariant breaks.
 *
 *   isobar-sim --seeds A-B [--jobs N] [--mutant NAME]    plays many; exit code 1 when one fails
 *   isobar-sim --seed N [--verbose] [--mutant NAME]      plays one and tells what happened
 *
 * Many are played without an account of what happens; the one that fails is played again with it.
 */
#include "feed.h"
#include "redis.h"

#include "mem.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOTES      60
#define NOTE_BYTES 600
#define SETTLE_MS  15000 /* the bound: after the faults, until held = target and all is read */
#define WEDGED_MS  15000 /* more, when a worker must be found that gets on with nothing */
#define STEPS_MAX  2000000
#define POLL_MS    50
#define JOBS_MAX   64

struct world world;

static char notes[NOTES][NOTE_BYTES];
static uint64_t note_count;
static bool verbose;
static const char *const mutant_names[MUTANTS] = {"none",  "cid",   "load",  "resend", "after",
                                                  "reset", "stall", "shard", "quota"};

/* ---- chance ---- */

int64_t between(int64_t low, int64_t high)
{
    return low + jitter_below(&world.random, high - low + 1);
}

bool chance(int64_t permille)
{
    return jitter_below(&world.random, 1000) < permille;
}

bool fault(int64_t permille)
{
    return world.faults && permille > 0 && chance(permille);
}

/* ---- what happens ---- */

void note(const char *format, ...)
{
    if (!world.trace)
        return;
    char *text = notes[note_count++ % NOTES];
    int used =
        snprintf(text, NOTE_BYTES, "%7lld ms, step %llu: ", (long long)world.now_ms, (unsigned long long)world.steps);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, (size_t)(NOTE_BYTES - used), format, args);
    va_end(args);
    if (verbose)
        puts(text);
}

/* Plays the seed again, with an account. */
static void again(void)
{
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)world.seed);
    execl("/proc/self/exe", "isobar-sim", "--seed", seed, "--mutant", mutant_names[world.mutant], "--again",
          (char *)NULL);
    _exit(3);
}

void violation(const char *format, ...)
{
    if (!world.trace)
        again();
    uint64_t first = note_count > NOTES ? note_count - NOTES : 0;
    for (uint64_t i = first; !verbose && i < note_count; i++)
        puts(notes[i % NOTES]);
    printf("VIOLATION seed %llu, step %llu, %lld ms: ", (unsigned long long)world.seed, (unsigned long long)world.steps,
           (long long)world.now_ms);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n  again: isobar-sim --seed %llu --verbose%s%s\n", (unsigned long long)world.seed,
           world.mutant ? " --mutant " : "", world.mutant ? mutant_names[world.mutant] : "");
    fflush(stdout);
    _exit(1);
}

static void on_signal(int signo)
{
    violation("signal %d, an assertion or worse", signo);
}

/* ---- a world ---- */

static void step(void)
{
    if (!event_run())
        violation("nothing happens any more");
    if (++world.steps > STEPS_MAX)
        violation("it does not come to rest");
    check_step();
}

static void settle(void)
{
    char why[256] = "";
    int64_t bound_ms = SETTLE_MS;
    for (int i = 0; i < world.node_count; i++)
        bound_ms += world.nodes[i].wedged ? WEDGED_MS : 0;
    for (int64_t next_ms = world.now_ms; !settled(why); next_ms += POLL_MS) {
        if (next_ms > world.faults_end_ms + bound_ms)
            violation("not settled %lld ms after the last fault: %s", (long long)bound_ms, why);
        while (world.now_ms < next_ms)
            step();
    }
    int64_t took = world.now_ms - world.faults_end_ms;
    world.counters->settle_ms_sum += took;
    if (took > world.counters->settle_ms_max)
        world.counters->settle_ms_max = took;
    note("settled");
}

static void play(uint64_t seed, enum mutant mutant, struct counters *counters, bool trace)
{
    world = (struct world){.seed = seed, .mutant = mutant, .counters = counters, .trace = trace};
    jitter_init(&world.random, seed + 1);
    redis = (struct redis){0};
    life_begin();
    feed_begin();
    redis_begin();
    api_begin();
    chaos_begin();
    while (world.faults)
        step();
    settle();
    check_results();
    anew_play();
    life_end();
    feed_end();
    events_clear();
    redis_end();
    counters->seeds++;
    counters->steps += (int64_t)world.steps;
}

/* ---- many ---- */

struct options {
    uint64_t first, last;
    int jobs;
    enum mutant mutant;
    bool one, again;
};

static void sum(struct counters *all, const struct counters *counters, int jobs)
{
    for (int j = 0; j < jobs; j++) {
        const int64_t *from = (const int64_t *)(const void *)&counters[j];
        int64_t *to = (int64_t *)(void *)all, most = all->settle_ms_max;
        for (size_t i = 0; i < sizeof *all / sizeof(int64_t); i++)
            to[i] += from[i];
        all->settle_ms_max = most > counters[j].settle_ms_max ? most : counters[j].settle_ms_max;
    }
}

/* How long it took on the clock, and on processors, which does not depend on what else they had to do. */
static void tell(const struct counters *c, double seconds, double processor_s)
{
    int64_t seeds = c->seeds ? c->seeds : 1;
    printf(
        "%lld seeds, %.1f s, of processors %.1f s: %lld steps, %lld records, %lld commits, %lld acquires, %lld "
        "messages\n"
        "  %lld crashes, %lld pauses, %lld drains, %lld rollbacks of redis, %lld stalls, %lld cuts, %lld connections "
        "muted, %lld commits executed late\n"
        "  redis another one %lld times, %lld partitions stopped; %lld workers wedged, %lld clocks set, %lld commands, "
        "%lld calls\n"
        "  settled after %lld ms on average, %lld at most\n",
        (long long)c->seeds, seconds, processor_s, (long long)c->steps, (long long)c->records, (long long)c->commits,
        (long long)c->acquires, (long long)c->messages, (long long)c->crashes, (long long)c->pauses,
        (long long)c->drains, (long long)c->rollbacks, (long long)c->stalls, (long long)c->cuts,
        (long long)c->answers_lost, (long long)c->late_commits, (long long)c->emptied, (long long)c->stops,
        (long long)c->wedges, (long long)c->clocks, (long long)c->orders, (long long)c->calls,
        (long long)(c->settle_ms_sum / seeds), (long long)c->settle_ms_max);
}

static double children_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int many(const struct options *options)
{
    struct counters all = {0}, *counters = mmap(NULL, sizeof *counters * JOBS_MAX, PROT_READ | PROT_WRITE,
                                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct timespec begun, ended;
    int failed = 0, status;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (int j = 0; j < options->jobs; j++) {
        fflush(stdout);
        if (fork() != 0)
            continue;
        for (uint64_t seed = options->first + (uint64_t)j; seed <= options->last; seed += (uint64_t)options->jobs)
            play(seed, options->mutant, &counters[j], false);
        _exit(0);
    }
    while (wait(&status) > 0)
        failed += status != 0;
    clock_gettime(CLOCK_MONOTONIC, &ended);
    sum(&all, counters, options->jobs);
    tell(&all, (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9, children_s());
    return failed ? 1 : 0;
}

static int one(const struct options *options)
{
    struct counters counters = {0};
    play(options->first, options->mutant, &counters, true);
    if (options->again) {
        printf("seed %llu failed, but not when it was played again\n", (unsigned long long)options->first);
        return 3;
    }
    tell(&counters, 0, 0);
    return 0;
}

static enum mutant mutant_named(const char *name)
{
    for (int i = 0; i < MUTANTS; i++) {
        if (strcmp(name, mutant_names[i]) == 0)
            return (enum mutant)i;
    }
    fprintf(stderr, "isobar-sim: no such mutant: %s\n", name);
    exit(2);
}

static bool parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){.last = 0, .jobs = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        char *end = NULL;
        if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
            continue;
        }
        if (strcmp(argv[i], "--again") == 0) {
            options->again = true;
            continue;
        }
        if (strcmp(argv[i], "--mutant") == 0) {
            options->mutant = mutant_named(value);
        } else if (strcmp(argv[i], "--jobs") == 0) {
            options->jobs = atoi(value);
        } else if (strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--seeds") == 0) {
            options->one = argv[i][6] == '\0';
            options->first = options->last = strtoull(value, &end, 10);
            if (!options->one && *end == '-')
                options->last = strtoull(end + 1, NULL, 10);
        } else {
            return false;
        }
        i++;
    }
    return options->jobs >= 1 && options->jobs <= JOBS_MAX;
}

int main(int argc, char **argv)
{
    struct options options;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
    if (!parse(argc, argv, &options)) {
        fputs("isobar-sim --seeds A-B [--jobs N] | --seed N [--verbose]  [--mutant "
              "cid|load|resend|after|reset|stall|shard|quota]\n",
              stderr);
        return 2;
    }
    sigaction(SIGABRT, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    return options.one ? one(&options) : many(&options);
}
