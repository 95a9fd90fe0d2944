/*
 * isobarctl rules check, show, versions and set: the text that processing depends on (docs/rules.md). `set` claims the
 * next version by writing its text, tells every partition by a control record, and only then makes it the newest. It
 * may die anywhere: a version that was claimed and is not the newest yet is what the next `set` begins with, and
 * partitions take no notice of what they are told twice.
 */
#include "clock.h"
#include "command.h"
#include "context.h"
#include "error.h"
#include "installation.h"
#include "rule_change.h"
#include "rule_store.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_OPTIONS(X)                                                                                               \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers, for set")                                         \
    X(FLAG, resume, "false", 0, 0, "set: without a file, finishes what another one has begun")                         \
    X(INT, deadline_s, "15", 0, 3600, "set: how long to wait until all partitions work by them, s; 0: does not wait")

struct rules_options {
    OPTION_STRUCT(RULES_OPTIONS)
};
#define OPTION_OWNER struct rules_options
static const struct option_row rows[] = {RULES_OPTIONS(OPTION_ROW)};

#define LOOK_MS 100

struct rules_command {
    const struct rules_options *options;
    struct context context;
    struct installation installation;
};

static void print(const struct rules *rules)
{
    struct buf text = BUF_EMPTY;
    rules_print(rules, &text);
    fputs(text.data, stdout);
    buf_release(&text);
}

/* ---- check, show, versions ---- */

static int check(struct rules_command *command, const char *file)
{
    struct rules rules;
    int code = rule_file_read(&command->context, file, &rules);
    if (code == EXIT_CODE_OK)
        print(&rules);
    return code;
}

static int show(struct rules_command *command, const char *version)
{
    struct buf text = BUF_EMPTY;
    char *end = NULL;
    int code = EXIT_CODE_OK;
    if (!version) {
        print(&command->installation.rules);
        return code;
    }
    errno = 0;
    long long number = strtoll(version, &end, 10);
    int status = errno != 0 || *end || number < 1 ? ERR_NOT_FOUND : rule_store_text(&command->context, number, &text);
    if (status == ERR_NOT_FOUND)
        code = context_fail(&command->context, EXIT_CODE_FAILURE, "there are no rules of version %s", version);
    else if (status != 0)
        code = command->context.exit_code;
    else
        fputs(text.data, stdout);
    buf_release(&text);
    return code;
}

static int print_version(struct rules_command *command, int64_t version)
{
    int64_t newest = command->installation.rules.version;
    int32_t count = 0;
    int code = rule_change_count(&command->context, &command->installation, version, &count);
    if (code == EXIT_CODE_OK)
        printf("%" PRId64 ": in force or passed in %d of %d partitions%s\n", version, count,
               command->installation.partitions,
               version == newest  ? ", the newest"
               : version > newest ? "; was begun and not finished: isobarctl rules set --resume"
                                  : "");
    return code;
}

static int versions(struct rules_command *command)
{
    int64_t newest = command->installation.rules.version;
    int code = EXIT_CODE_OK;
    for (int64_t version = 1; version <= newest + 1 && code == EXIT_CODE_OK; version++) {
        struct buf text = BUF_EMPTY;
        int status = rule_store_text(&command->context, version, &text);
        buf_release(&text);
        if (status == ERR_UNAVAILABLE)
            code = command->context.exit_code;
        else if (status == 0)
            code = print_version(command, version);
    }
    return code;
}

/* ---- set ---- */

/* Finishes the version after the newest one, if there is one. */
static int resume(struct rules_command *command, const struct rule_change *change, bool *some)
{
    struct installation *installation = &command->installation;
    struct rules rules;
    struct buf text = BUF_EMPTY;
    int64_t version = installation->rules.version + 1;
    int status = rule_store_text(&command->context, version, &text);
    buf_release(&text);
    *some = status == 0;
    if (status != 0)
        return status == ERR_NOT_FOUND ? EXIT_CODE_OK : command->context.exit_code;
    if (rule_store_read(&command->context, version, installation->pane_ms, &rules) != 0)
        return command->context.exit_code;
    int code = rule_change_announce(change, &rules);
    if (code != EXIT_CODE_OK)
        return code;
    installation->rules = rules;
    printf("rules %" PRId64 ", which were begun by another: every partition was told\n", version);
    return EXIT_CODE_OK;
}

/* Claims the next version for the rules and tells every partition. */
static int put(struct rules_command *command, const struct rule_change *change, struct rules *rules)
{
    bool claimed = false;
    rules->version = command->installation.rules.version + 1;
    int code = rule_store_claim(&command->context, rules->version, rules, &claimed);
    if (code == EXIT_CODE_OK && !claimed)
        code = context_fail(&command->context, EXIT_CODE_REFUSED,
                            "another isobarctl sets rules %" PRId64 " right now: look at them, and try again",
                            rules->version);
    if (code == EXIT_CODE_OK)
        code = rule_change_announce(change, rules);
    if (code != EXIT_CODE_OK)
        return code;
    command->installation.rules = *rules;
    printf("rules %" PRId64 ": every partition was told\n", rules->version);
    return EXIT_CODE_OK;
}

/* Waits until all partitions work by the newest rules; that some do not yet is no failure. */
static int await(struct rules_command *command)
{
    int64_t end_ms = clock_monotonic_ms() + command->options->deadline_s * 1000;
    int64_t version = command->installation.rules.version;
    for (;;) {
        int32_t count = 0;
        int code = rule_change_count(&command->context, &command->installation, version, &count);
        if (code != EXIT_CODE_OK)
            return code;
        if (count == command->installation.partitions || clock_monotonic_ms() >= end_ms) {
            printf("in force in %d of %d partitions%s\n", count, command->installation.partitions,
                   count == command->installation.partitions ? "" : "; the others come to it as they read on");
            return EXIT_CODE_OK;
        }
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static int read_new(struct rules_command *command, const char *file, struct rules *rules)
{
    struct buf error = BUF_EMPTY;
    int code = rule_file_read(&command->context, file, rules);
    if (code == EXIT_CODE_OK && rules_set_pane(rules, command->installation.pane_ms, &error) != 0)
        code = context_fail(&command->context, EXIT_CODE_REFUSED, "%s: %.*s", file, (int)strcspn(error.data, "\n"),
                            error.data);
    buf_release(&error);
    return code;
}

static int set(struct rules_command *command, const char *file)
{
    struct rule_change change = {&command->context, &command->installation, command->options->kafka};
    struct rules rules;
    bool some = false;
    int code = file ? read_new(command, file, &rules) : EXIT_CODE_OK;
    if (code == EXIT_CODE_OK)
        code = rule_change_check(&change);
    if (code == EXIT_CODE_OK)
        code = resume(command, &change, &some);
    if (code != EXIT_CODE_OK)
        return code;
    if (file && rules_same(&rules, &command->installation.rules))
        printf("rules %" PRId64 " say the same: nothing changes\n", command->installation.rules.version);
    else if (file)
        code = put(command, &change, &rules);
    else if (!some)
        puts("nothing was begun");
    return code == EXIT_CODE_OK ? await(command) : code;
}

/* ---- the command ---- */

/* What needs the installation. */
static int work(struct rules_command *command, const char *verb, const char *operand)
{
    if (installation_require(&command->context, &command->installation) != 0)
        return command->context.exit_code;
    if (command->installation.pane_ms == 0)
        return context_fail(&command->context, EXIT_CODE_REFUSED,
                            "the installation was made before rules were kept: isobarctl init adds them");
    if (strcmp(verb, "show") == 0)
        return show(command, operand);
    return strcmp(verb, "versions") == 0 ? versions(command) : set(command, operand);
}

/* True when the verb is one and has what it takes. */
static bool fits(const struct rules_options *options, const char *verb, const char *operand)
{
    if (strcmp(verb, "check") == 0)
        return operand != NULL;
    if (strcmp(verb, "set") == 0)
        return (operand != NULL) != options->resume;
    return strcmp(verb, "show") == 0 || (strcmp(verb, "versions") == 0 && !operand);
}

static int run(const void *values, char *const *operands)
{
    const struct rules_options *options = values;
    struct rules_command command = {.options = options, .context = CONTEXT_OF("rules", options)};
    int code = EXIT_CODE_OK;
    if (!fits(options, operands[0], operands[1]))
        return context_fail(&command.context, EXIT_CODE_USAGE,
                            "check FILE, show [VERSION], versions, set FILE or set --resume wanted");
    if (strcmp(operands[0], "check") == 0)
        return check(&command, operands[1]);
    code = context_connect(&command.context, options->redis_user, options->redis_password);
    if (code == EXIT_CODE_OK)
        code = work(&command, operands[0], operands[1]);
    context_close(&command.context);
    return code;
}

const struct command command_rules = {
    .name = "rules",
    .summary = "checks, shows and changes the rules: windows, lateness, limits",
    .details =
        "check FILE says what is wrong with a text, and prints what it means; show [VERSION] prints the rules of "
        "the\n"
        "installation, versions lists them. set FILE puts rules in force: each partition works by them from the "
        "record on that\n"
        "tells it so. What is stored stays; new sizes begin with their next window. docs/rules.md documents the "
        "text.\n\n"
        "Exit codes: 0 done; 1 there is no such version; 2 usage; 69 Redis or Kafka is missing; 77 another sets "
        "rules, or\n"
        "these windows need other panes; 78 the text is wrong.",
    .operands = "check|show|versions|set [FILE|VERSION]",
    .operand_count = 1,
    .operands_more = 1,
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct rules_options),
    .run_operands = run,
};
