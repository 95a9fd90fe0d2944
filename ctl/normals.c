/*
 * isobarctl normals import, list and remove: what is usual in the cities, from a table that somebody published. The
 * dashboard shows how far a reading is from it.
 */
#include "city_find.h"
#include "command.h"
#include "context.h"
#include "error.h"
#include "installation.h"
#include "normals_store.h"
#include "normals_table.h"
#include "quantity.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NORMALS_OPTIONS(X)                                                                                             \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(TEXT, city, "", 0, 0, "city, by id or name: of all rows of the file, or the one to list or remove")              \
    X(TEXT, metric, "", 0, 0, "remove: only this metric, such as temperature")                                         \
    X(FLAG, all, "false", 0, 0, "remove: those of all cities")                                                         \
    X(FLAG, json, "false", 0, 0, "prints the result as one JSON object")

struct normals_options {
    OPTION_STRUCT(NORMALS_OPTIONS)
};
#define OPTION_OWNER struct normals_options
static const struct option_row rows[] = {NORMALS_OPTIONS(OPTION_ROW)};

struct normals_command {
    const struct normals_options *options;
    struct context context;
    struct installation installation;
    struct city_found city; /* of --city; id 0: not given */
    const struct quantity *quantity;
    struct buf out;
    int64_t listed, damaged;
};

/* ---- import ---- */

static int check_cities(struct normals_command *command, const struct normals_table *table, const char *file)
{
    struct city_found city;
    for (size_t i = 0; i < table->count; i++) {
        char id[24];
        snprintf(id, sizeof id, "%" PRId64, table->list[i].city_id);
        int code = city_find(&command->context, &command->installation, id, &city);
        if (code != EXIT_CODE_OK)
            return code;
        if (!*city.name)
            return context_fail(&command->context, EXIT_CODE_CONFIG, "%s: no city of the catalogue has the id %s", file,
                                id);
    }
    return EXIT_CODE_OK;
}

static int read_table(struct normals_command *command, struct normals_table *table, const char *file)
{
    struct buf error = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    FILE *stream = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    if (!stream)
        return context_fail(&command->context, EXIT_CODE_CONFIG, "%s: %s", file, strerror(errno));
    if (normals_table_read(table, stream, file, command->city.city_id, &error) != 0)
        code = context_fail(&command->context, EXIT_CODE_CONFIG, "nothing was imported\n%s", error.data);
    if (stream != stdin)
        fclose(stream);
    buf_release(&error);
    return code;
}

static int import(struct normals_command *command, const char *file)
{
    struct normals_table table = {0};
    int code = read_table(command, &table, file);
    if (code == EXIT_CODE_OK)
        code = check_cities(command, &table, file);
    if (code == EXIT_CODE_OK)
        code = normals_write(&command->context, &command->installation, &table);
    if (code == EXIT_CODE_OK)
        printf(command->options->json ? "{\"rows\":%zu,\"normals\":%zu}\n"
                                      : "%zu rows: normals of %zu cities times "
                                        "metrics are stored\n",
               table.rows, table.count);
    normals_table_release(&table);
    return code;
}

/* ---- list and remove ---- */

/* What the slots of it have. */
static void parts_of(const struct normals *normals, size_t *deviations, size_t *quantiles)
{
    *deviations = *quantiles = 0;
    for (int32_t i = 0; i < NORMALS_DAYS * normals->hours; i++) {
        *deviations += normals->slots[i].has_deviation;
        *quantiles += normals->slots[i].has_quantiles;
    }
}

static void list_one(void *arg, const char *field, const struct normals *normals, size_t size)
{
    struct normals_command *command = arg;
    const struct quantity *quantity = normals ? quantity_get(normals->metric) : NULL;
    size_t deviations, quantiles;
    if (!quantity) {
        command->damaged++;
        context_warn(&command->context, "%s is damaged: import it again, or remove it", field);
        return;
    }
    parts_of(normals, &deviations, &quantiles);
    double resolution = (double)normals->step / quantity->scale;
    if (command->options->json)
        buf_printf(&command->out,
                   "%s{\"city\":%" PRId64 ",\"metric\":\"%s\",\"hours\":%d,\"means\":%zu,\"deviations\":%zu,"
                   "\"percentiles\":%zu,\"resolution\":%g,\"unit\":\"%s\",\"bytes\":%zu}",
                   command->listed ? "," : "", normals->city_id, quantity->name, normals->hours, normals_count(normals),
                   deviations, quantiles, resolution, quantity->unit, size);
    else
        buf_printf(&command->out, "%16" PRId64 "  %-20s %6s %6zu %6zu %6zu  %g %s, %zu bytes\n", normals->city_id,
                   quantity->name, normals->hours == 24 ? "hour" : "day", normals_count(normals), deviations, quantiles,
                   resolution, quantity->unit, size);
    command->listed++;
}

static int list(struct normals_command *command)
{
    if (command->options->json)
        buf_text(&command->out, "{\"normals\":[");
    else
        buf_printf(&command->out, "%16s  %-20s %6s %6s %6s %6s  %s\n", "city", "metric", "by", "mean", "sd", "p10-90",
                   "resolution");
    int code = normals_each(&command->context, &command->installation, command->city.city_id, list_one, command);
    if (command->options->json)
        buf_printf(&command->out, "],\"damaged\":%" PRId64 "}\n", command->damaged);
    if (code == EXIT_CODE_OK)
        fputs(command->out.data, stdout);
    return code == EXIT_CODE_OK && command->damaged > 0 ? EXIT_CODE_FAILURE : code;
}

static int discard(struct normals_command *command)
{
    int64_t removed;
    if (command->options->all == (command->city.city_id > 0))
        return context_fail(&command->context, EXIT_CODE_USAGE, "remove wants --city or --all");
    int code = normals_remove(&command->context, &command->installation, command->city.city_id,
                              command->quantity ? command->quantity->metric : 0, &removed);
    if (code == EXIT_CODE_OK)
        printf(command->options->json ? "{\"removed\":%" PRId64 "}\n" : "%" PRId64 " are removed\n", removed);
    return code;
}

/* ---- the command ---- */

static int open_installation(struct normals_command *command)
{
    const struct normals_options *options = command->options;
    int code =
        installation_open(&command->context, options->redis_user, options->redis_password, &command->installation);
    if (code != EXIT_CODE_OK)
        return code;
    return *options->city ? city_find(&command->context, &command->installation, options->city, &command->city)
                          : EXIT_CODE_OK;
}

static int dispatch(struct normals_command *command, const char *verb, const char *file)
{
    const struct normals_options *options = command->options;
    bool imports = strcmp(verb, "import") == 0, removes = strcmp(verb, "remove") == 0;
    if (!imports && !removes && strcmp(verb, "list") != 0)
        return context_fail(&command->context, EXIT_CODE_USAGE, "'%s': import, list or remove wanted", verb);
    if (imports != (file != NULL))
        return context_fail(&command->context, EXIT_CODE_USAGE,
                            imports ? "import wants a file" : "only import takes a file");
    if (!removes && (*options->metric || options->all))
        return context_fail(&command->context, EXIT_CODE_USAGE, "--metric and --all are for remove");
    command->quantity = *options->metric ? quantity_by_name(options->metric) : NULL;
    if (*options->metric && !command->quantity)
        return context_fail(&command->context, EXIT_CODE_USAGE, "--metric %s: there is no such metric",
                            options->metric);
    int code = open_installation(command);
    if (code != EXIT_CODE_OK)
        return code;
    return imports ? import(command, file) : removes ? discard(command) : list(command);
}

static int run(const void *values, char *const *operands)
{
    const struct normals_options *options = values;
    struct normals_command command = {.options = options, .context = CONTEXT_OF("normals", options), .out = BUF_EMPTY};
    int code = dispatch(&command, operands[0], operands[1]);
    buf_release(&command.out);
    context_close(&command.context);
    return code;
}

const struct command command_normals = {
    .name = "normals",
    .summary = "imports, lists or removes what is usual in the cities",
    .details =
        "import FILE: reads climate normals as CSV (docs/normals.md; - is standard input) and stores them, all or "
        "none; those\n"
        "of other cities and metrics stay.\n"
        "list: which there are. remove: takes those of a city (and metric) away, or all.\n\n"
        "Exit codes: 0 done; 1 some are damaged; 2 usage; 69 Redis is missing; 78 the file is wrong: lines say "
        "where.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct normals_options),
    .operands = "import FILE|list|remove",
    .operand_count = 1,
    .operands_more = 1,
    .run_operands = run,
};
