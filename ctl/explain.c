/*
 * isobarctl explain: the records behind a window's value. What is stored is read at one moment, with the ledger's
 * offset; then the log is read from before the window to that offset, or to where nothing can count any more, and
 * judged by the worker's own processing (judge.h), which must make the same value.
 */
#include "city_find.h"
#include "clock.h"
#include "command.h"
#include "context.h"
#include "error.h"
#include "explanation.h"
#include "installation.h"
#include "kafka_scan.h"
#include "mem.h"
#include "rule_store.h"
#include "stored.h"
#include "window_spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPLAIN_OPTIONS(X)                                                                                             \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers")                                                  \
    X(INT, series, "0", 0, 1000, "series of the readings; 0 is the primary one")                                       \
    X(INT, limit, "10000", 1, 1000000, "how many rows to list; all of them count")                                     \
    X(FLAG, all, "false", 0, 0, "reads on to the end of what was applied, so that rows that came too late are listed") \
    X(FLAG, json, "false", 0, 0, "prints one JSON object")                                                             \
    X(FLAG, csv, "false", 0, 0, "prints the rows as CSV")

struct explain_options {
    OPTION_STRUCT(EXPLAIN_OPTIONS)
};
#define OPTION_OWNER struct explain_options
static const struct option_row rows[] = {EXPLAIN_OPTIONS(OPTION_ROW)};

#define PROGRESS_MS  200
#define RULES_LOADED 64 /* versions that one stretch of the log may name */

struct explain {
    const struct explain_options *options;
    struct context context;
    struct installation installation;
    struct window_spec spec;
    struct stored stored;
    struct explanation explanation;
    struct rules *rules[RULES_LOADED]; /* owned: those that were read */
    size_t rules_count;
    struct kafka_scan *scan;
    struct judge *judge;
    int64_t said_ms; /* monotonic, of the progress shown last; 0: none */
};

/* ---- rules ---- */

/* Those of the version; NULL when there are none: said. */
static const struct rules *rules_of(void *arg, int64_t version)
{
    struct explain *explain = arg;
    for (size_t i = 0; i < explain->rules_count; i++) {
        if (explain->rules[i]->version == version)
            return explain->rules[i];
    }
    if (explain->rules_count == RULES_LOADED)
        return NULL;
    struct rules *rules = mem_alloc(sizeof *rules);
    if (rule_store_read(&explain->context, version, explain->installation.pane_ms, rules) != 0) {
        free(rules);
        return NULL;
    }
    rules->partitions = explain->installation.partitions;
    explain->rules[explain->rules_count++] = rules;
    return rules;
}

/* ---- what is asked for ---- */

static int find_window(struct explain *explain, const char *text)
{
    struct explanation *explanation = &explain->explanation;
    const struct city_found *city = &explanation->city;
    struct buf error = BUF_EMPTY;
    int code = stored_city(&explain->context, city->partition, city->city_id, explanation->series, &explain->stored);
    if (code != EXIT_CODE_OK)
        return code;
    const struct citystate *state = &explain->stored.city;
    bool has_city = explain->stored.has_city;
    int64_t newest_ms = has_city && state->watermark_ms > 0 ? state->watermark_ms : explanation->shown_at_ms;
    const struct windowset *windows = &explain->installation.rules.windows;
    const struct zone *zone = has_city ? state->zone : zone_get(city->zone);
    if (window_spec_parse(&explain->spec, text, windows, zone, newest_ms, &error) != 0)
        code = context_fail(&explain->context, EXIT_CODE_USAGE, "%s", error.data);
    buf_release(&error);
    stored_release(&explain->stored);
    explanation->size_name = windows->sizes[explain->spec.size].name;
    explanation->start_ms = explain->spec.span.start_ms;
    explanation->end_ms = explain->spec.span.end_ms;
    return code;
}

static int read_stored(struct explain *explain)
{
    struct explanation *explanation = &explain->explanation;
    const struct city_found *city = &explanation->city;
    struct stored *stored = &explain->stored;
    int code =
        stored_window(&explain->context, city->partition, city->city_id, explanation->series,
                      &explain->installation.rules.windows.sizes[explain->spec.size], &explain->spec.span, stored);
    explanation->ledger_offset = stored->offset;
    explanation->closed_through_ms = stored->has_city ? stored->city.closed_through_ms : 0;
    if (code != EXIT_CODE_OK || !stored->has_window)
        return code;
    explanation->has_stored = true;
    explanation->stored = stored->window;
    explanation->start_ms = stored->window.start_ms; /* that of a day may have been widened, when its zone changed */
    explanation->end_ms = stored->window.end_ms;
    stored->has_window = false; /* it is the explanation's now */
    return EXIT_CODE_OK;
}

/* ---- the log ---- */

static int open_log(struct explain *explain)
{
    const struct installation *installation = &explain->installation;
    struct buf error = BUF_EMPTY;
    struct kafka_scan_topic topic;
    int code = EXIT_CODE_OK;
    explain->scan = kafka_scan_new(explain->options->kafka, installation->topic, explain->context.timeout_ms, &error);
    if (!explain->scan)
        code = context_fail(&explain->context, EXIT_CODE_CONFIG, "%s", error.data);
    else if (kafka_scan_describe(explain->scan, &topic, &error) != 0)
        code = context_fail(&explain->context, EXIT_CODE_UNAVAILABLE, "%s", error.data);
    else if (*installation->cluster_id && strcmp(installation->cluster_id, topic.cluster_id) != 0)
        code = context_fail(&explain->context, EXIT_CODE_REFUSED,
                            "Kafka at %s is cluster %s, and the installation belongs to %s: point --kafka at the right "
                            "one",
                            explain->options->kafka, topic.cluster_id, installation->cluster_id);
    buf_release(&error);
    return code;
}

/* Finds where to begin, and whether the log still has it all. */
static int find_begin(struct explain *explain)
{
    const struct rules *rules = &explain->installation.rules;
    struct explanation *explanation = &explain->explanation;
    int32_t partition = explanation->city.partition;
    int64_t before_ms = JUDGE_BEFORE_MS + rules->idle_ms + rules->allowed_delay_ms + 2 * rules->windows.pane_ms;
    struct buf error = BUF_EMPTY;
    int64_t low = 0, high = 0, begin = 0;
    int status = kafka_scan_ends(explain->scan, partition, &low, &high, &error);
    if (status == 0)
        status = kafka_scan_seek(explain->scan, partition, explanation->start_ms - before_ms, &begin, &error);
    int code = status == 0 ? EXIT_CODE_OK : context_fail(&explain->context, EXIT_CODE_UNAVAILABLE, "%s", error.data);
    buf_release(&error);
    if (code != EXIT_CODE_OK)
        return code;
    int64_t first = explain->stored.first_offset;
    explanation->from = begin > first ? begin : first;
    explanation->complete = low <= first || explanation->from > low;
    return EXIT_CODE_OK;
}

static void show_progress(struct explain *explain, int64_t offset)
{
    const struct explanation *explanation = &explain->explanation;
    int64_t now = clock_monotonic_ms(), all = explanation->ledger_offset - explanation->from;
    if (!isatty(STDERR_FILENO) || now - explain->said_ms < PROGRESS_MS)
        return;
    explain->said_ms = now;
    fprintf(stderr, "\r%" PRId64 " of %" PRId64 " records read ", offset - explanation->from, all);
}

/* Nothing that comes later can count: its pane is older than the horizon. */
static bool is_over(const struct explain *explain)
{
    const struct rules *rules = &explain->installation.rules;
    return !explain->options->all &&
           judge_clock_ms(explain->judge) - explain->explanation.end_ms > rules->lateness_ms + rules->windows.pane_ms;
}

static bool take_record(void *arg, const struct kafka_record *record)
{
    struct explain *explain = arg;
    judge_record(explain->judge, record);
    explain->explanation.to = record->offset + 1;
    show_progress(explain, record->offset);
    return !is_over(explain);
}

static void take_row(void *arg, const struct judged *row)
{
    explanation_add(arg, row);
}

/* Judges the stretch, beginning with these rules. */
static int read_log(struct explain *explain, const struct rules *rules)
{
    struct explanation *explanation = &explain->explanation;
    struct buf error = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    struct judge_config config = {.rules = rules,
                                  .rules_of = rules_of,
                                  .topic = explain->installation.topic,
                                  .partition = explanation->city.partition,
                                  .city_id = explanation->city.city_id,
                                  .series = explanation->series,
                                  .zone = explain->stored.has_city ? explain->stored.city.zone : NULL,
                                  .fn = take_row,
                                  .arg = explanation,
                                  .rules_arg = explain};
    judge_free(explain->judge);
    explain->judge = judge_new(&config);
    explanation_restart(explanation);
    explanation->to = explanation->from;
    if (kafka_scan_run(explain->scan, explanation->city.partition, explanation->from, explanation->ledger_offset,
                       take_record, explain, &error) != 0)
        code = context_fail(&explain->context, EXIT_CODE_UNAVAILABLE, "%s", error.data);
    if (explain->said_ms)
        fputs("\r\033[K", stderr);
    buf_release(&error);
    return code;
}

/*
 * Reads with the rules that are in force now; when a record of the stretch put them in force, once more, with those
 * before.
 */
static int judge_all(struct explain *explain)
{
    const struct rules *rules = rules_of(explain, explain->stored.config_version);
    int64_t offset;
    int code = rules ? read_log(explain, rules) : explain->context.exit_code;
    if (code != EXIT_CODE_OK || !rules)
        return code;
    int64_t version = judge_first_version(explain->judge, &offset);
    if (version == 0 || version > rules->version)
        return EXIT_CODE_OK;
    rules = version > 1 ? rules_of(explain, version - 1) : NULL;
    if (rules)
        return read_log(explain, rules);
    explain->explanation.complete = false;
    return EXIT_CODE_OK;
}

/* ---- the answer ---- */

static int print(const struct explain *explain)
{
    const struct explanation *explanation = &explain->explanation;
    struct buf out = BUF_EMPTY, differences = BUF_EMPTY;
    if (explain->options->json)
        explanation_json(explanation, &out);
    else if (explain->options->csv)
        explanation_csv(explanation, &out);
    else
        explanation_text(explanation, &out);
    fputs(out.data, stdout);
    bool differs = explanation_differs(explanation, &differences);
    if (explain->options->csv && differs)
        context_warn(&explain->context, "what is stored is not what the rows make");
    buf_release(&out);
    buf_release(&differences);
    return differs || !explanation->complete ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

static int dispatch(struct explain *explain, const char *city, const char *window)
{
    const struct explain_options *options = explain->options;
    struct explanation *explanation = &explain->explanation;
    if (options->json && options->csv)
        return context_fail(&explain->context, EXIT_CODE_USAGE, "--json or --csv, not both");
    int code =
        installation_open(&explain->context, options->redis_user, options->redis_password, &explain->installation);
    if (code != EXIT_CODE_OK)
        return code;
    explanation->series = (int32_t)options->series;
    explanation->topic = explain->installation.topic;
    explanation->shown_at_ms = clock_wall_ms();
    code = city_find(&explain->context, &explain->installation, city, &explanation->city);
    if (code == EXIT_CODE_OK)
        code = find_window(explain, window);
    if (code == EXIT_CODE_OK)
        code = open_log(explain);
    if (code == EXIT_CODE_OK)
        code = read_stored(explain);
    if (code == EXIT_CODE_OK)
        code = find_begin(explain);
    if (code == EXIT_CODE_OK)
        code = judge_all(explain);
    if (code != EXIT_CODE_OK)
        return code;
    explanation->complete &= judge_knows_rules(explain->judge);
    explanation->undecodable = judge_undecodable(explain->judge);
    explanation->has_made = judge_window(explain->judge, explain->spec.size, explanation->start_ms, explanation->end_ms,
                                         &explanation->made);
    return print(explain);
}

static int run(const void *values, char *const *operands)
{
    const struct explain_options *options = values;
    struct explain explain = {.options = options, .context = CONTEXT_OF("explain", options)};
    explanation_init(&explain.explanation, (size_t)options->limit);
    int code = dispatch(&explain, operands[0], operands[1]);
    judge_free(explain.judge);
    kafka_scan_free(explain.scan);
    explanation_release(&explain.explanation);
    stored_release(&explain.stored);
    for (size_t i = 0; i < explain.rules_count; i++)
        free(explain.rules[i]);
    context_close(&explain.context);
    return code;
}

const struct command command_explain = {
    .name = "explain",
    .summary = "lists the records behind a value, and what became of each",
    .details = "Lists the rows of a city that lie in a window: partition, offset and row, provider, times (observed, "
               "fetched, produced,\n"
               "processed by the partition's clock), values, flags, and what became of each: in, late, duplicate, "
               "correction, retired,\n"
               "bad. Says whether they make the value that is stored.\n"
               "<city> is an id or a name, <window> 1h@2026-11-30T12:00Z, 1d@2026-11-30 (the city's day), or 10m, the "
               "newest one.\n\n"
               "Exit codes: 0 the rows make what is stored; 1 they do not, or the log does not have all of them any "
               "more; 2 usage;\n"
               "69 Redis or Kafka is missing; 77 Kafka is another cluster.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct explain_options),
    .operands = "<city> <window>",
    .operand_count = 2,
    .run_operands = run,
};
