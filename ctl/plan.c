/*
 * isobarctl plan: what so many cities of a provider will cost under a plan, whether that fits, and what would. Asks
 * nobody: figures are the provider's own weights, the plan's limits, and sizes that were measured (plan_size.h).
 */
#include "../fetcher/provider.h"
#include "cadence.h"
#include "command.h"
#include "context.h"
#include "duration.h"
#include "error.h"
#include "key_plan.h"
#include "plan_size.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_OPTIONS(X)                                                                                                \
    X(TEXT, config, "", 0, 0, "configuration file; keys are the options with underscores")                             \
    X(TEXT, provider, "openweathermap", 0, 0, "whose data: openweathermap, open-meteo, metar")                         \
    X(TEXT, key_plan, "free", 0, 0, "its plan, as free, or limits, as 60/m,1000000/mo")                                \
    X(INT, cities, "500", 1, 10000000, "how many cities")                                                              \
    X(TEXT, every, "", 0, 0, "time between two polls of a city, as 10m; empty: the provider's own")                    \
    X(WORD, air, "auto|on|off", 0, 0, "air quality as well; auto: as fetchers do")                                     \
    X(TEXT, windows, "10m:2d,1h:30d,1d:2y", 0, 0, "windows as size:retention")                                         \
    X(TEXT, lateness, "2d", 0, 0, "how late a reading may come and still count")                                       \
    X(INT, workers, "2", 1, 10000, "worker programs")                                                                  \
    X(FLAG, json, "false", 0, 0, "prints all of it as one JSON object")

struct plan_options {
    OPTION_STRUCT(PLAN_OPTIONS)
};
#define OPTION_OWNER struct plan_options
static const struct option_row rows[] = {PLAN_OPTIONS(OPTION_ROW)};

struct plan {
    const struct plan_options *options;
    struct context context;
    const struct provider *provider;
    const struct key_plan *key_plan; /* NULL: limits were written out */
    struct limits limits;
    struct windowset windows;
    int64_t lateness_ms;
    struct cadence cadence;
    /* The answer. */
    bool fits;
    int64_t fits_cities, fits_interval_ms; /* nearest that fit; 0: none */
    struct plan_size size;
};

/* ---- reading the question ---- */

static int wrong(struct plan *plan, const char *option, const char *text, const struct buf *reason)
{
    return context_fail(&plan->context, EXIT_CODE_CONFIG, "--%s '%s': %s", option, text, reason->data);
}

static int read_span(struct plan *plan, const char *option, const char *text, int64_t *ms)
{
    if (duration_parse(text, strlen(text), DURATION_SECOND, DURATION_YEAR, ms))
        return EXIT_CODE_OK;
    return context_fail(&plan->context, EXIT_CODE_CONFIG, "--%s '%s' is no span of time such as 90s, 10m or 1h", option,
                        text);
}

static int read_provider(struct plan *plan)
{
    struct buf names = BUF_EMPTY;
    plan->provider = provider_find(plan->options->provider);
    if (!plan->provider) {
        provider_names(&names);
        (void)context_fail(&plan->context, EXIT_CODE_CONFIG, "--provider '%s' is not one of %s",
                           plan->options->provider, names.data);
    }
    buf_release(&names);
    return plan->provider ? EXIT_CODE_OK : EXIT_CODE_CONFIG;
}

static int read_limits(struct plan *plan)
{
    const char *text = plan->options->key_plan;
    struct buf reason = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    if (key_plan_limits(plan->provider->account, text, strlen(text), &plan->limits, &plan->key_plan, &reason) != 0)
        code = wrong(plan, "key-plan", text, &reason);
    else if (windowset_parse(&plan->windows, plan->options->windows, &reason) != 0)
        code = wrong(plan, "windows", plan->options->windows, &reason);
    buf_release(&reason);
    return code;
}

static int read_cadence(struct plan *plan)
{
    const struct provider *provider = plan->provider;
    const char *air = plan->options->air, *every = plan->options->every;
    int64_t every_ms = 0;
    if (strcmp(air, "on") == 0 && !provider->air_interval_ms)
        return context_fail(&plan->context, EXIT_CODE_CONFIG, "--air on: %s has no air quality", provider->name);
    int code = *every ? read_span(plan, "every", every, &every_ms) : EXIT_CODE_OK;
    bool wanted = strcmp(air, "on") == 0 || (strcmp(air, "auto") == 0 && provider->air_by_default);
    plan->cadence = provider_cadence(provider, wanted, every_ms);
    return code;
}

/* ---- the answer ---- */

static void decide(struct plan *plan)
{
    int64_t cities = plan->options->cities;
    int64_t least = plan->provider->interval_ms;
    least = plan->cadence.interval_ms < least ? plan->cadence.interval_ms : least;
    plan->fits = cadence_fits(&plan->cadence, cities, &plan->limits);
    plan->fits_cities = cadence_cities(&plan->cadence, &plan->limits);
    plan->fits_interval_ms = cadence_interval_ms(&plan->cadence, cities, &plan->limits, least);
    plan->size =
        plan_size(&plan->windows, plan->lateness_ms, plan->cadence.interval_ms, cities, plan->options->workers);
}

static const char *span(int64_t ms, struct buf *out)
{
    buf_reset(out);
    duration_print(ms, out);
    return out->data;
}

static void print_limits(const struct plan *plan)
{
    printf("\n  %-8s %14s %14s\n", "in any", "needed", "allowed");
    for (int w = 0; w < LIMIT_WINDOWS; w++) {
        double needs = (double)cadence_needs(&plan->cadence, plan->options->cities, (enum limit_window)w) / 1000;
        if (plan->limits.units[w] != LIMIT_NONE)
            printf("  %-8s %14.1f %14lld  %.0f %%\n", limit_window_word((enum limit_window)w), needs,
                   (long long)plan->limits.units[w],
                   plan->limits.units[w] ? 100 * needs / (double)plan->limits.units[w] : INFINITY);
        else if (w == LIMIT_DAY || w == LIMIT_MONTH)
            printf("  %-8s %14.1f %14s\n", limit_window_word((enum limit_window)w), needs, "no limit");
    }
}

static void print_verdict(const struct plan *plan, struct buf *text)
{
    long long cities = plan->options->cities;
    printf("\n%s: %lld cities every %s%s.\n", plan->fits ? "Fits" : "Does not fit", cities,
           span(plan->cadence.interval_ms, text), plan->fits ? "" : " are more than the plan allows");
    if (!plan->fits && plan->fits_interval_ms)
        printf("  %lld cities fit every %s.\n", cities, span(plan->fits_interval_ms, text));
    if (!limits_unlimited(&plan->limits))
        printf("  Every %s, %lld cities fit.\n", span(plan->cadence.interval_ms, text), (long long)plan->fits_cities);
    if (plan->fits)
        printf("  No reading gets older than %s, though fetchers, coordinators and Redis are killed now and then.\n",
               span(cadence_age_ms(plan->cadence.interval_ms), text));
    if (plan->cadence.interval_ms < plan->provider->interval_ms)
        printf("  %s has nothing new more often than every %s: calls are wasted.\n", plan->provider->name,
               span(plan->provider->interval_ms, text));
}

static void print_text(const struct plan *plan)
{
    struct buf limits = BUF_EMPTY, text = BUF_EMPTY;
    limits_print(&plan->limits, &limits);
    printf("%s, %s\n", plan->provider->name, limits.data);
    if (plan->key_plan)
        printf("  plan %s: %s\n", plan->key_plan->name, plan->key_plan->source);
    if (plan->key_plan && *plan->key_plan->note)
        printf("  note: %s\n", plan->key_plan->note);
    printf("%lld cities every %s, %g calls each", (long long)plan->options->cities,
           span(plan->cadence.interval_ms, &text), (double)plan->cadence.cost_milli / 1000);
    if (plan->cadence.air_interval_ms)
        printf("; their air every %s, %g calls each", span(plan->cadence.air_interval_ms, &text),
               (double)plan->cadence.air_cost_milli / 1000);
    printf("\n");
    print_limits(plan);
    print_verdict(plan, &text);
    printf("\nMemory, about: Redis %.0f MB with windows %s full (%.2f MB a city), %lld workers %.0f MB together, a "
           "fetcher %.0f MB.\n",
           (double)plan->size.redis_bytes / 1e6, plan->options->windows, (double)plan->size.city_bytes / 1e6,
           (long long)plan->options->workers, (double)plan->size.worker_bytes / 1e6,
           (double)plan->size.fetcher_bytes / 1e6);
    buf_release(&limits);
    buf_release(&text);
}

static void print_json(const struct plan *plan)
{
    json_t *spans = json_object();
    for (int w = 0; w < LIMIT_WINDOWS; w++) {
        json_t *limit = plan->limits.units[w] == LIMIT_NONE ? json_null() : json_integer(plan->limits.units[w]);
        double needs = (double)cadence_needs(&plan->cadence, plan->options->cities, (enum limit_window)w) / 1000;
        json_object_set_new(spans, limit_window_word((enum limit_window)w),
                            json_pack("{s:f,s:o}", "needed", needs, "allowed", limit));
    }
    json_t *root = json_pack(
        "{s:s,s:I,s:f,s:f,s:f,s:b,s:o,s:I,s:f,s:I,s:I,s:I,s:I}", "provider", plan->provider->name, "cities",
        (json_int_t)plan->options->cities, "every_s", (double)plan->cadence.interval_ms / 1000, "oldest_s",
        (double)cadence_age_ms(plan->cadence.interval_ms) / 1000, "cost_per_call",
        (double)plan->cadence.cost_milli / 1000, "fits", plan->fits, "spans", spans, "cities_that_fit",
        (json_int_t)plan->fits_cities, "every_s_that_fits", (double)plan->fits_interval_ms / 1000, "redis_bytes",
        (json_int_t)plan->size.redis_bytes, "redis_bytes_per_city", (json_int_t)plan->size.city_bytes, "worker_bytes",
        (json_int_t)plan->size.worker_bytes, "fetcher_bytes", (json_int_t)plan->size.fetcher_bytes);
    (void)json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    printf("\n");
    json_decref(root);
}

static int run(const void *options)
{
    struct plan plan = {.options = options, .context = {.command = "plan"}};
    int code = read_provider(&plan);
    if (code == EXIT_CODE_OK)
        code = read_limits(&plan);
    if (code == EXIT_CODE_OK)
        code = read_span(&plan, "lateness", plan.options->lateness, &plan.lateness_ms);
    if (code == EXIT_CODE_OK)
        code = read_cadence(&plan);
    if (code != EXIT_CODE_OK)
        return code;
    decide(&plan);
    if (plan.options->json)
        print_json(&plan);
    else
        print_text(&plan);
    return plan.fits ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

const struct command command_plan = {
    .name = "plan",
    .summary = "says what so many cities will cost, and what fits a provider's plan",
    .details = "Says which rhythm fits a provider's limits, what a day and a month will cost, and how much memory\n"
               "Redis, workers and fetchers will take. Asks nobody and changes nothing.\n"
               "Exit codes: 0 it fits, 1 it does not, 2 usage, 78 provider, plan, span or windows are wrong.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct plan_options),
    .run = run,
};
