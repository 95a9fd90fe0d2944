/*
 * isobarctl produce (produce.h): what is given, opened and told at the end.
 */
#include "produce.h"

#include "city_find.h"
#include "clock.h"
#include "error.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPTION_OWNER struct produce_options
static const struct option_row rows[] = {PRODUCE_OPTIONS(OPTION_ROW)};

static int check_options(struct produce *produce)
{
    const struct produce_options *options = produce->options;
    if (*options->header && strcmp(options->format, "ndjson") == 0)
        return context_fail(&produce->context, EXIT_CODE_USAGE, "--header is for CSV");
    if (*options->city && options->any_city)
        return context_fail(&produce->context, EXIT_CODE_USAGE, "--any-city is for a column with cities");
    return EXIT_CODE_OK;
}

static int open_input(struct produce *produce, const char *file)
{
    struct stat status;
    produce->name = file && strcmp(file, "-") != 0 ? file : "-";
    produce->input = *produce->name == '-' && !produce->name[1] ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (produce->input < 0 || fstat(produce->input, &status) != 0)
        return context_fail(&produce->context, EXIT_CODE_CONFIG, "%s: %s", produce->name, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return context_fail(&produce->context, EXIT_CODE_CONFIG, "%s: a folder", produce->name);
    produce->regular = S_ISREG(status.st_mode);
    if (produce->regular && !produce->options->follow)
        produce->input_bytes = status.st_size;
    return EXIT_CODE_OK;
}

static int open_rejects(struct produce *produce)
{
    struct buf error = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    if (*produce->options->rejects && rejects_open(&produce->rejects, produce->options->rejects, &error) != 0)
        code = context_fail(&produce->context, EXIT_CODE_CONFIG, "%s", error.data);
    buf_release(&error);
    return code;
}

/* Redis is needed for the names of cities and metrics, and not any more when rows flow. */
static int open_installation(struct produce *produce)
{
    const struct produce_options *options = produce->options;
    struct city_found found = {0};
    int code =
        installation_open(&produce->context, options->redis_user, options->redis_password, &produce->installation);
    if (code != EXIT_CODE_OK)
        return code;
    gazetteer_init(&produce->gazetteer, produce->installation.partitions);
    code = gazetteer_load(&produce->gazetteer, &produce->context);
    if (code == EXIT_CODE_OK && *options->city)
        code = city_find(&produce->context, &produce->installation, options->city, &found);
    if (code == EXIT_CODE_OK && *options->city) {
        if (!*found.name)
            return context_fail(&produce->context, EXIT_CODE_USAGE, "--city %s: the catalogue has no such city",
                                options->city);
        produce->city = gazetteer_take(&produce->gazetteer, found.city_id);
    }
    context_close(&produce->context);
    return code;
}

static int open_intake(struct produce *produce)
{
    const struct produce_options *options = produce->options;
    struct sheet_terms terms = {.customs = &produce->installation.rules.customs,
                                .left_out = *options->leave_out ? options->leave_out : NULL,
                                .has_city = produce->city != NULL,
                                .accumulation_s = (int32_t)options->accumulation_s};
    enum intake_format format = strcmp(options->format, "csv") == 0      ? INTAKE_CSV
                                : strcmp(options->format, "ndjson") == 0 ? INTAKE_NDJSON
                                                                         : INTAKE_UNKNOWN;
    int code = EXIT_CODE_OK;
    intake_init(&produce->intake, &terms, format);
    if (*options->header && intake_header(&produce->intake, options->header, &produce->error) != 0)
        code = context_fail(&produce->context, EXIT_CODE_USAGE, "--header: %s", produce->error.data);
    return code;
}

/* ---- the end ---- */

static int judge(struct produce *produce, int code)
{
    int64_t delivered = produce_delivered(produce);
    if (code == EXIT_CODE_CONFIG)
        return code;
    if (!produce->options->dry_run && delivered < produce->rows)
        return context_fail(
            &produce->context, code == EXIT_CODE_OK ? EXIT_CODE_FAILURE : code,
            "%" PRId64 " of %" PRId64
            " rows are delivered. Produce all of them again: what is there already does not count twice",
            delivered, produce->rows);
    if (produce->stopped && !produce->options->follow)
        return context_fail(&produce->context, EXIT_CODE_FAILURE, "stopped at line %" PRId64 " of %s",
                            produce->lines.number, produce->name);
    return code == EXIT_CODE_OK && produce->rejected > 0 ? EXIT_CODE_FAILURE : code;
}

static void print_text(const struct produce *produce, int64_t count, int64_t rate)
{
    struct buf text = BUF_EMPTY;
    progress_number(&text, count);
    buf_printf(&text, " row%s of %" PRId64 " cit%s %s", count == 1 ? "" : "s", produce->cities,
               produce->cities == 1 ? "y" : "ies", produce->options->dry_run ? "would be delivered" : "delivered");
    if (!produce->options->dry_run)
        buf_printf(&text, " in %" PRId64 " records, %" PRId64 " rows/s", produce->acked_records, rate);
    if (produce->rejected > 0) {
        buf_text(&text, "; ");
        progress_number(&text, produce->rejected);
        buf_printf(&text, " line%s rejected%s%s", produce->rejected == 1 ? "" : "s",
                   *produce->options->rejects ? ", kept in " : "", produce->options->rejects);
    }
    puts(text.data);
    buf_release(&text);
}

static void print_result(const struct produce *produce, int64_t elapsed_ms)
{
    int64_t count = produce->options->dry_run ? produce->rows : produce_delivered(produce);
    struct progress progress = {.rows = count, .elapsed_ms = elapsed_ms};
    if (!produce->options->json)
        print_text(produce, count, progress_rate(&progress));
    else
        printf("{\"rows\":%" PRId64 ",\"delivered\":%" PRId64 ",\"rejected\":%" PRId64 ",\"lines\":%" PRId64
               ",\"cities\":%" PRId64 ",\"controls\":%" PRId64 ",\"records\":%" PRId64 ",\"milliseconds\":%" PRId64
               ",\"rows_per_s\":%" PRId64 "}\n",
               produce->rows, produce_delivered(produce), produce->rejected, produce->lines.number, produce->cities,
               produce->controls, produce->acked_records, elapsed_ms, progress_rate(&progress));
}

static int carry_out(struct produce *produce, const char *file)
{
    int code = check_options(produce);
    if (code == EXIT_CODE_OK)
        code = open_input(produce, file);
    if (code == EXIT_CODE_OK)
        code = open_installation(produce);
    if (code == EXIT_CODE_OK)
        code = open_intake(produce);
    if (code == EXIT_CODE_OK)
        code = open_rejects(produce);
    if (code != EXIT_CODE_OK)
        return code;
    code = judge(produce, produce_run(produce));
    if (code != EXIT_CODE_CONFIG)
        print_result(produce, clock_monotonic_ms() - produce->begun_ms);
    return code;
}

static int run(const void *values, char *const *operands)
{
    const struct produce_options *options = values;
    struct produce produce = {
        .options = options, .context = CONTEXT_OF("produce", options), .error = BUF_EMPTY, .input = -1};
    cells_init(&produce.intake.cells);
    buf_init(&produce.intake.header);
    lines_init(&produce.lines, CELLS_LINE_MAX);
    int code = carry_out(&produce, operands[0]);
    if (produce.input > STDERR_FILENO)
        (void)close(produce.input);
    rejects_close(&produce.rejects);
    gazetteer_release(&produce.gazetteer);
    intake_release(&produce.intake);
    lines_release(&produce.lines);
    buf_release(&produce.error);
    context_close(&produce.context);
    return code;
}

const struct command command_produce = {
    .name = "produce",
    .summary = "puts readings of one's own, CSV or NDJSON, onto the topic",
    .details =
        "Reads FILE, or standard input, and produces its rows as observations (docs/producing.md). CSV has a header, "
        "NDJSON keys:\n"
        "  city,time,temperature[degF],wind_speed[km/h],pressure_sea_level[hPa],rain[mm/h]\n"
        "  {\"city\":5809844,\"time\":\"2026-11-30T12:00:00Z\",\"temperature[degF]\":51.3}\n"
        "Refused lines are explained, with line and column, and kept (--rejects).\n\n"
        "Exit codes: 0 all are delivered; 1 some lines were refused, or it was stopped; 2 usage; 69 Kafka or Redis is "
        "missing;\n"
        "78 the file cannot be read, or its header is wrong.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct produce_options),
    .operands = "[FILE]",
    .operand_count = 0,
    .operands_more = 1,
    .run_operands = run,
};
