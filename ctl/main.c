/*
 * isobarctl: what an operator does to an installation, one subcommand each. To add one, write its file and
 * put a row into the table below.
 */
#include "command.h"

#include "error.h"
#include "mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const commands[] = {&command_plan,
                                                 &command_init,
                                                 &command_status,
                                                 &command_members,
                                                 &command_partitions,
                                                 &command_why,
                                                 &command_drain,
                                                 &command_undrain,
                                                 &command_partition,
                                                 &command_verify,
                                                 &command_explain,
                                                 &command_deadletter,
                                                 &command_normals,
                                                 &command_produce,
                                                 &command_replay,
                                                 &command_rules,
                                                 &command_cities,
                                                 &command_keygen,
                                                 NULL};
#define NAME_BYTES   64 /* of a command, with "isobarctl " before it */
#define COMMANDS_MAX (sizeof commands / sizeof commands[0])

static void print_usage(FILE *out)
{
    fprintf(out,
            "isobarctl %s\nmakes, shows, checks and runs an installation\n\nUsage: isobarctl <command> "
            "[options]\n\nCommands:\n",
            ISOBAR_VERSION);
    for (size_t i = 0; commands[i]; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("  help       shows this, or the options of a command: isobarctl help init\n\n"
          "Exit codes: 0 done and well, 1 done and the answer is bad, 2 usage, 69 Kafka or Redis is missing, "
          "77 refused, 78 configuration\n",
          out);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int unknown(const char *name)
{
    struct option_row names[COMMANDS_MAX] = {0};
    struct option_program program = {.rows = names};
    for (; commands[program.row_count]; program.row_count++)
        names[program.row_count].name = commands[program.row_count]->name;
    const struct option_row *best = option_nearest(&program, name);
    fprintf(stderr, "isobarctl: unknown command '%s'%s%s%s; isobarctl help lists all\n", name,
            best ? "; did you mean '" : "", best ? best->name : "", best ? "'?" : "");
    return EXIT_CODE_USAGE;
}

/* False when the words besides options are not those that the command takes: said. */
static bool operands_fit(const struct command *command, int operands, char **argv)
{
    bool fits = operands >= command->operand_count && operands <= command->operand_count + command->operands_more;
    if (!fits && command->operand_count + command->operands_more == 0)
        fprintf(stderr, "isobarctl %s: unexpected argument '%s'; it takes options only\n", command->name, argv[1]);
    else if (!fits)
        fprintf(stderr, "isobarctl %s: %s wanted, not %d argument%s; isobarctl help %s shows more\n", command->name,
                command->operands, operands, operands == 1 ? "" : "s", command->name);
    return fits;
}

static int run(const struct command *command, int argc, char **argv)
{
    char name[NAME_BYTES], usage[NAME_BYTES];
    snprintf(name, sizeof name, "isobarctl %s", command->name);
    snprintf(usage, sizeof usage, "%s%s[options]", command->operands ? command->operands : "",
             command->operands ? " " : "");
    struct option_program program = {.name = name,
                                     .section = command->name,
                                     .summary = command->details,
                                     .usage = usage,
                                     .rows = command->rows,
                                     .row_count = command->row_count};
    void *options = mem_alloc(command->options_size);
    int operands = 0, code = EXIT_CODE_OK;
    if (option_parse(&program, options, argc, argv, &operands, &code) == OPTION_RUN) {
        if (argc > operands + 1)
            argv[operands + 1] = NULL; /* options were there */
        if (!operands_fit(command, operands, argv))
            code = EXIT_CODE_USAGE;
        else
            code = command->run ? command->run(options) : command->run_operands(options, argv + 1);
    }
    option_release(&program, options);
    free(options);
    return code;
}

static int help(const char *name)
{
    const struct command *command = name ? find(name) : NULL;
    char word[] = "isobarctl", flag[] = "--help";
    if (command)
        return run(command, 2, (char *[]){word, flag, NULL});
    if (name)
        return unknown(name);
    print_usage(stdout);
    return EXIT_CODE_OK;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_CODE_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
        return help(argc > 2 ? argv[2] : NULL);
    if (strcmp(argv[1], "--version") == 0) {
        printf("isobarctl %s\n", ISOBAR_VERSION);
        return EXIT_CODE_OK;
    }
    if (argv[1][0] == '-') {
        fprintf(stderr, "isobarctl: '%s': the command comes first, then its options; isobarctl help lists all\n",
                argv[1]);
        return EXIT_CODE_USAGE;
    }
    const struct command *command = find(argv[1]);
    return command ? run(command, argc - 1, argv + 1) : unknown(argv[1]);
}

int main(int argc, char **argv)
{
    int code = dispatch(argc, argv);
    if (fflush(stdout) != 0 && code == EXIT_CODE_OK) {
        perror("isobarctl: standard output");
        code = EXIT_CODE_FAILURE;
    }
    return code;
}
