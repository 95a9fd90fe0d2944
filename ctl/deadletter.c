/*
 * isobarctl deadletter list and replay: what could not be used, and another chance for it once its cause is repaired.
 * This file finds the letters: options, installation, Kafka, and the pass over the topic (deadletter.h).
 */
#include "deadletter.h"

#include "city_find.h"
#include "clock.h"
#include "error.h"
#include "mem.h"
#include "moment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_OWNER struct deadletter_options
static const struct option_row rows[] = {DEADLETTER_OPTIONS(OPTION_ROW)};

/* ---- a pass ---- */

struct pass {
    struct deadletter *deadletter;
    bool say;
    deadletter_fn *fn;
    void *arg;
    int code;
};

static void note_bad(const struct pass *pass, const struct kafka_record *record, const char *reason)
{
    struct deadletter *of = pass->deadletter;
    if (++of->bad > DEADLETTER_BAD_SHOWN)
        return;
    if (pass->say)
        context_warn(&of->context, "%s/%d offset %" PRId64 " is no letter: %s", of->options->deadletter_topic,
                     record->partition, record->offset, reason);
    buf_printf(&of->bad_list, "%s{\"partition\":%d,\"offset\":%" PRId64 ",\"error\":\"%s\"}",
               of->bad_list.size ? "," : "", record->partition, record->offset, reason);
}

static int take_letter(const struct pass *pass, const struct letter *letter)
{
    struct deadletter *of = pass->deadletter;
    char key[LETTER_KEY_BYTES];
    of->matched++;
    if (of->keys.count >= DEADLETTER_KEYS_MAX)
        return context_fail(&of->context, EXIT_CODE_FAILURE, "more than %d letters match: narrow them by --since",
                            DEADLETTER_KEYS_MAX);
    if (!keyset_add(&of->keys, letter_key(letter, key))) {
        of->repeated++;
        return EXIT_CODE_OK;
    }
    return pass->fn(pass->arg, letter);
}

static bool take_record(void *arg, const struct kafka_record *record)
{
    struct pass *pass = arg;
    struct deadletter *of = pass->deadletter;
    struct letter letter;
    const char *reason = NULL;
    of->read++;
    if (letter_read(of->reader, record, &letter, &reason) != 0)
        note_bad(pass, record, reason);
    else if (letter_matches(&letter, &of->filter))
        pass->code = take_letter(pass, &letter);
    return pass->code == EXIT_CODE_OK;
}

int deadletter_pass(struct deadletter *deadletter, bool say, deadletter_fn *fn, void *arg)
{
    struct pass pass = {.deadletter = deadletter, .say = say, .fn = fn, .arg = arg};
    struct buf error = BUF_EMPTY;
    keyset_release(&deadletter->keys);
    buf_reset(&deadletter->bad_list);
    deadletter->read = deadletter->bad = deadletter->matched = deadletter->repeated = 0;
    for (int32_t p = 0; p < deadletter->partitions && pass.code == EXIT_CODE_OK; p++) {
        const struct stretch_of_letters *stretch = &deadletter->stretches[p];
        if (kafka_scan_run(deadletter->scan, p, stretch->from, stretch->to, take_record, &pass, &error) != 0)
            pass.code = context_fail(&deadletter->context, EXIT_CODE_UNAVAILABLE, "%s", error.data);
    }
    if (say && deadletter->bad > DEADLETTER_BAD_SHOWN)
        context_warn(&deadletter->context, "%" PRId64 " records are no letters", deadletter->bad);
    buf_release(&error);
    return pass.code;
}

/* ---- where to look ---- */

/* A list without a filter needs the newest only. */
static bool newest_only(const struct deadletter *deadletter, bool lists)
{
    const struct letter_filter *filter = &deadletter->filter;
    return lists && !*filter->reason && filter->city_id == 0 && filter->since_ms == 0;
}

static int find_stretches(struct deadletter *deadletter, bool lists, struct buf *error)
{
    for (int32_t p = 0; p < deadletter->partitions; p++) {
        struct stretch_of_letters *stretch = &deadletter->stretches[p];
        int status = kafka_scan_ends(deadletter->scan, p, &stretch->from, &stretch->to, error);
        if (status == 0 && deadletter->filter.since_ms > 0)
            status = kafka_scan_seek(deadletter->scan, p, deadletter->filter.since_ms, &stretch->from, error);
        if (status != 0)
            return status;
        if (newest_only(deadletter, lists) && stretch->to - deadletter->options->limit > stretch->from)
            stretch->from = stretch->to - deadletter->options->limit;
    }
    return 0;
}

static int ask_kafka(struct deadletter *deadletter, bool lists, struct buf *error)
{
    const struct deadletter_options *options = deadletter->options;
    const struct installation *installation = &deadletter->installation;
    struct context *context = &deadletter->context;
    struct kafka_scan_topic topic;
    deadletter->scan = kafka_scan_new(options->kafka, options->deadletter_topic, context->timeout_ms, error);
    if (!deadletter->scan)
        return context_fail(context, EXIT_CODE_CONFIG, "%s", error->data);
    if (kafka_scan_describe(deadletter->scan, &topic, error) != 0)
        return context_fail(context, EXIT_CODE_UNAVAILABLE, "%s", error->data);
    if (*installation->cluster_id && strcmp(installation->cluster_id, topic.cluster_id) != 0)
        return context_fail(context, EXIT_CODE_REFUSED,
                            "Kafka at %s is cluster %s, and the installation belongs to %s: point --kafka at the right "
                            "one",
                            options->kafka, topic.cluster_id, installation->cluster_id);
    deadletter->partitions = topic.partitions;
    deadletter->stretches = mem_calloc((size_t)topic.partitions, sizeof *deadletter->stretches);
    if (find_stretches(deadletter, lists, error) != 0)
        return context_fail(context, EXIT_CODE_UNAVAILABLE, "%s", error->data);
    return EXIT_CODE_OK;
}

/* ---- the command ---- */

static int read_filter(struct deadletter *deadletter)
{
    const struct deadletter_options *options = deadletter->options;
    struct city_found city;
    deadletter->filter.reason = options->reason;
    if (*options->since && moment_parse(options->since, clock_wall_ms(), &deadletter->filter.since_ms) != 0)
        return context_fail(&deadletter->context, EXIT_CODE_USAGE, "--since %s: %s wanted", options->since,
                            MOMENT_WANTED);
    int code = installation_open(&deadletter->context, options->redis_user, options->redis_password,
                                 &deadletter->installation);
    if (code != EXIT_CODE_OK)
        return code;
    if (!*options->city)
        return EXIT_CODE_OK;
    code = city_find(&deadletter->context, &deadletter->installation, options->city, &city);
    deadletter->filter.city_id = city.city_id;
    return code;
}

static int dispatch(struct deadletter *deadletter, const char *verb)
{
    const struct deadletter_options *options = deadletter->options;
    bool lists = strcmp(verb, "list") == 0;
    struct buf error = BUF_EMPTY;
    if (!lists && strcmp(verb, "replay") != 0)
        return context_fail(&deadletter->context, EXIT_CODE_USAGE, "'%s': list or replay wanted", verb);
    if (lists && (options->all || options->dry_run || options->yes))
        return context_fail(&deadletter->context, EXIT_CODE_USAGE, "--all, --dry-run and --yes are for replay");
    if (!lists && options->json && !options->yes && !options->dry_run)
        return context_fail(&deadletter->context, EXIT_CODE_USAGE, "--json does not ask: give --yes or --dry-run too");
    int code = read_filter(deadletter);
    if (code == EXIT_CODE_OK)
        code = ask_kafka(deadletter, lists, &error);
    buf_release(&error);
    if (code != EXIT_CODE_OK)
        return code;
    return lists ? deadletter_list(deadletter) : deadletter_replay(deadletter);
}

static int run(const void *values, char *const *operands)
{
    const struct deadletter_options *options = values;
    struct deadletter deadletter = {.options = options,
                                    .context = CONTEXT_OF("deadletter", options),
                                    .reader = letter_reader_new(),
                                    .bad_list = BUF_EMPTY};
    int code = dispatch(&deadletter, operands[0]);
    kafka_scan_free(deadletter.scan);
    letter_reader_free(deadletter.reader);
    keyset_release(&deadletter.keys);
    buf_release(&deadletter.bad_list);
    free(deadletter.stretches);
    context_close(&deadletter.context);
    return code;
}

const struct command command_deadletter = {
    .name = "deadletter",
    .summary = "lists what could not be used, or gives it another chance",
    .details = "list: shows the newest dead letters: when, why, the place of the original, the city where that can be "
               "told.\n"
               "replay: produces their originals again to the partitions they came from, of a row the row alone; each "
               "once, however\n"
               "often it was put there. Says first how many, and asks. Those that were too old are replayed with --all "
               "only.\n\n"
               "Exit codes: 0 done; 1 not confirmed, or too many match; 2 usage; 69 Redis or Kafka is missing, or an "
               "original was not\n"
               "delivered; 77 Kafka is another cluster.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct deadletter_options),
    .operands = "list|replay",
    .operand_count = 1,
    .run_operands = run,
};
