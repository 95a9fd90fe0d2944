/*
 * Options from defaults, file, environment and flags (option.h). All sources go through one function, option_set, so
 * that types and ranges are checked alike; `origin` remembers which source a value came from, for --dump-config.
 */
#include "option_internal.h"

#include "error.h"
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char **option_text(const struct option_parse *parse, const struct option_row *row)
{
    return (char **)(void *)(parse->values + row->offset);
}

static void set_text(const struct option_parse *parse, const struct option_row *row, const char *text)
{
    char **place = option_text(parse, row);
    free(*place);
    *place = mem_strdup(text);
}

static int set_flag(const struct option_parse *parse, const struct option_row *row, const char *text, struct buf *error)
{
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcmp(text, "yes") == 0;
    bool no = strcmp(text, "false") == 0 || strcmp(text, "0") == 0 || strcmp(text, "no") == 0;
    if (!yes && !no) {
        buf_printf(error, "'%s' is neither true nor false", text);
        return ERR_INVALID;
    }
    memcpy(parse->values + row->offset, &yes, sizeof yes);
    return 0;
}

static int set_integer(const struct option_parse *parse, const struct option_row *row, const char *text,
                       struct buf *error)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (!*text || *end || errno != 0 || number < row->low || number > row->high) {
        buf_printf(error, "'%s' is not a whole number from %lld to %lld", text, (long long)row->low,
                   (long long)row->high);
        return ERR_INVALID;
    }
    int64_t value = number;
    memcpy(parse->values + row->offset, &value, sizeof value);
    return 0;
}

void option_words(const struct option_row *row, struct buf *out)
{
    for (const char *word = row->initial; word;) {
        const char *bar = strchr(word, '|');
        const char *before = word == row->initial ? "" : bar ? ", " : " or ";
        buf_printf(out, "%s%.*s", before, (int)strcspn(word, "|"), word);
        word = bar ? bar + 1 : NULL;
    }
}

static int set_word(const struct option_parse *parse, const struct option_row *row, const char *text, struct buf *error)
{
    size_t size = strlen(text);
    for (const char *word = row->initial, *bar; word; word = bar ? bar + 1 : NULL) {
        bar = strchr(word, '|');
        if (strcspn(word, "|") == size && strncmp(word, text, size) == 0) {
            set_text(parse, row, text);
            return 0;
        }
    }
    buf_printf(error, "'%s' is not one of ", text);
    option_words(row, error);
    return ERR_INVALID;
}

int option_set(struct option_parse *parse, const struct option_row *row, const char *text, const char *origin,
               struct buf *error)
{
    int status = 0;
    if (row->type == OPTION_INT)
        status = set_integer(parse, row, text, error);
    else if (row->type == OPTION_FLAG)
        status = set_flag(parse, row, text, error);
    else if (row->type == OPTION_WORD)
        status = set_word(parse, row, text, error);
    else
        set_text(parse, row, text);
    if (status == 0)
        parse->origins[row - parse->program->rows] = origin;
    return status;
}

static void set_defaults(struct option_parse *parse)
{
    struct buf error = BUF_EMPTY;
    for (size_t i = 0; i < parse->program->row_count; i++) {
        const struct option_row *row = &parse->program->rows[i];
        char word[OPTION_NAME_BYTES];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(row->initial, "|"), row->initial);
        if (option_set(parse, row, row->type == OPTION_WORD ? word : row->initial, "default", &error) != 0) {
            fprintf(stderr, "%s: default of %s: %s\n", parse->program->name, row->name, error.data);
            abort(); /* the table itself is wrong */
        }
    }
    buf_release(&error);
}

/* ---- flags ---- */

/* Says what is wrong with argument `flag`, of which only the name is shown: the value may be a secret given by mistake.
 */
static int flag_error(const struct option_parse *parse, const char *flag, const char *reason)
{
    fprintf(stderr, "%s: %.*s: %s\n", parse->program->name, (int)strcspn(flag, "="), flag, reason);
    return ERR_INVALID;
}

static int unknown_flag(const struct option_parse *parse, const char *flag, const char *name)
{
    const struct option_row *near = option_nearest(parse->program, name);
    char dashed[OPTION_NAME_BYTES];
    fprintf(stderr, "%s: unknown option '%.*s'%s%s%s; --help lists all\n", parse->program->name,
            (int)strcspn(flag, "="), flag, near ? "; did you mean '--" : "",
            near ? option_spelled(near->name, '_', '-', false, dashed) : "", near ? "'?" : "");
    return ERR_INVALID;
}

/* The row that --`name` means, with its value when the name alone says it ("no_" before a FLAG); NULL when there is
 * none. */
static const struct option_row *flag_row(const struct option_program *program, const char *name, const char **value)
{
    const struct option_row *row = option_find(program, name);
    if (row || *value || strncmp(name, "no_", 3) != 0)
        return row;
    row = option_find(program, name + 3);
    *value = "false";
    return row && row->type == OPTION_FLAG ? row : NULL;
}

/* Handles argv[*at], which starts with "--"; moves *at over a value taken from the next word. */
static int one_flag(struct option_parse *parse, int argc, char **argv, int *at)
{
    char name[OPTION_NAME_BYTES];
    const char *flag = argv[*at], *value = strchr(flag, '=');
    size_t size = value ? (size_t)(value - flag) - 2 : strlen(flag) - 2;
    if (size >= sizeof name)
        return unknown_flag(parse, flag, "");
    memcpy(name, flag + 2, size);
    name[size] = '\0';
    for (char *p = name; *p; p++)
        *p = *p == '-' ? '_' : *p;
    value = value ? value + 1 : NULL;
    const struct option_row *row = flag_row(parse->program, name, &value);
    if (!row)
        return unknown_flag(parse, flag, name);
    if (row->type == OPTION_SECRET)
        return flag_error(parse, flag, "a secret is given in the environment or a file, never as a flag");
    if (!value && row->type == OPTION_FLAG)
        value = "true";
    if (!value && *at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0)
        value = argv[++*at];
    if (!value)
        return flag_error(parse, flag, "wants a value");
    struct buf error = BUF_EMPTY;
    int status = option_set(parse, row, value, "flag", &error);
    if (status != 0)
        status = flag_error(parse, flag, error.data);
    buf_release(&error);
    return status;
}

static int read_flags(struct option_parse *parse, int argc, char **argv, int *operands)
{
    int status = 0;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0 && argv[i][2] == '\0') {
            for (i++; i < argc; i++)
                argv[++*operands] = argv[i];
        } else if (strncmp(argv[i], "--", 2) == 0) {
            if (strcmp(argv[i], "--dump-config") != 0 && one_flag(parse, argc, argv, &i) != 0)
                status = ERR_INVALID;
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            fprintf(stderr, "%s: unknown option '%s'; options have two dashes\n", parse->program->name, argv[i]);
            status = ERR_INVALID;
        } else {
            argv[++*operands] = argv[i];
        }
    }
    return status;
}

static bool has_word(int argc, char **argv, const char *word)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], word) == 0)
            return true;
    }
    return false;
}

/* The file must be known before the flags are applied over it. */
static const char *config_path(int argc, char **argv)
{
    const char *path = getenv("ISOBAR_CONFIG");
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0)
            path = argv[i] + 9;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            path = argv[i + 1];
    }
    return path;
}

/* Applies all sources in order of precedence; all errors of all of them are shown. */
static int read_sources(struct option_parse *parse, int argc, char **argv, int *operands, int *exit_code)
{
    const char *path = option_find(parse->program, "config") ? config_path(argc, argv) : NULL;
    bool dumping = has_word(argc, argv, "--dump-config"); /* read_flags moves operands over the words */
    bool bad_config = path && *path && option_read_file(parse, path) != 0;
    bad_config = option_read_environment(parse) != 0 || bad_config;
    int count = 0;
    bool bad_flags = read_flags(parse, argc, argv, operands ? operands : &count) != 0;
    if (count > 0) {
        fprintf(stderr, "%s: unexpected argument '%s'; it takes options only\n", parse->program->name, argv[1]);
        bad_flags = true;
    }
    if (bad_config || bad_flags) {
        *exit_code = bad_flags ? EXIT_CODE_USAGE : EXIT_CODE_CONFIG;
        return ERR_INVALID;
    }
    if (!dumping)
        return OPTION_RUN;
    option_dump(parse);
    return OPTION_EXIT;
}

int option_parse(const struct option_program *program, void *values, int argc, char **argv, int *operands,
                 int *exit_code)
{
    struct option_parse parse = {
        .program = program, .values = values, .origins = mem_calloc(program->row_count, sizeof(char *))};
    int result = OPTION_EXIT;
    *exit_code = EXIT_CODE_OK;
    if (operands)
        *operands = 0;
    set_defaults(&parse);
    if (has_word(argc, argv, "--help"))
        option_print_help(program);
    else if (has_word(argc, argv, "--version"))
        printf("%s %s\n", program->name, ISOBAR_VERSION);
    else
        result = read_sources(&parse, argc, argv, operands, exit_code);
    free(parse.origins);
    return result;
}

void option_release(const struct option_program *program, void *values)
{
    for (size_t i = 0; i < program->row_count; i++) {
        const struct option_row *row = &program->rows[i];
        if (row->type == OPTION_INT || row->type == OPTION_FLAG)
            continue;
        char **place = (char **)(void *)((char *)values + row->offset);
        if (row->type == OPTION_SECRET && *place)
            explicit_bzero(*place, strlen(*place));
        free(*place);
        *place = NULL;
    }
}
