/*
 * Options from defaults, file, environment and flags (option.h). All sources go through one function, option_set, so that
 * types and ranges are checked alike; `origin` remembers which source a value came from, for --dump-config.
 */
#include "option.h"

#include "buf.h"
#include "error.h"
#include "mem.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES   128
#define SECRET_BYTES 4096

struct parse {
    const struct option_program *program;
    char *values;
    const char **origins; /* per row */
    const char *file;
    int file_errors;
    int line; /* of the file; Debian's inih does not tell handlers */
    FILE *stream;
};

static char **text_at(const struct parse *parse, const struct option_row *row)
{
    return (char **)(void *)(parse->values + row->offset);
}

static void set_text(const struct parse *parse, const struct option_row *row, const char *text)
{
    char **place = text_at(parse, row);
    free(*place);
    *place = mem_strdup(text);
}

static int set_flag(const struct parse *parse, const struct option_row *row, const char *text, struct buf *error)
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

static int set_integer(const struct parse *parse, const struct option_row *row, const char *text, struct buf *error)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (!*text || *end || errno != 0 || number < row->low || number > row->high) {
        buf_printf(error, "'%s' is not a whole number from %lld to %lld", text, (long long)row->low, (long long)row->high);
        return ERR_INVALID;
    }
    int64_t value = number;
    memcpy(parse->values + row->offset, &value, sizeof value);
    return 0;
}

/* `row` is one of the program's; `origin` is static text. */
static int option_set(struct parse *parse, const struct option_row *row, const char *text, const char *origin, struct buf *error)
{
    int status = 0;
    if (row->type == OPTION_INT)
        status = set_integer(parse, row, text, error);
    else if (row->type == OPTION_FLAG)
        status = set_flag(parse, row, text, error);
    else
        set_text(parse, row, text);
    if (status == 0)
        parse->origins[row - parse->program->rows] = origin;
    return status;
}

static const struct option_row *find(const struct option_program *program, const char *name)
{
    for (size_t i = 0; i < program->row_count; i++) {
        if (strcmp(program->rows[i].name, name) == 0)
            return &program->rows[i];
    }
    return NULL;
}

/* The name with every `from` replaced by `to`, and in capitals when wanted. */
static const char *spelled(const char *name, char from, char to, bool capitals, char *out)
{
    size_t i = 0;
    for (; name[i] && i < NAME_BYTES - 1; i++) {
        char c = name[i] == from ? to : name[i];
        out[i] = capitals ? (char)toupper((unsigned char)c) : c;
    }
    out[i] = '\0';
    return out;
}

/* Levenshtein distance of two short words. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_BYTES + 1], width = strlen(b);
    if (strlen(a) > NAME_BYTES - 1 || width > NAME_BYTES - 1)
        return NAME_BYTES;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[width];
}

static const struct option_row *nearest(const struct option_program *program, const char *name)
{
    const struct option_row *best = NULL;
    size_t least = strlen(name) / 3 + 2;
    for (size_t i = 0; i < program->row_count; i++) {
        size_t d = distance(name, program->rows[i].name);
        if (d < least) {
            least = d;
            best = &program->rows[i];
        }
    }
    return best;
}

/* ---- sources ---- */

static void set_defaults(struct parse *parse)
{
    struct buf error = BUF_EMPTY;
    for (size_t i = 0; i < parse->program->row_count; i++) {
        const struct option_row *row = &parse->program->rows[i];
        if (option_set(parse, row, row->initial, "default", &error) != 0) {
            fprintf(stderr, "%s: default of %s: %s\n", parse->program->name, row->name, error.data);
            abort(); /* the table itself is wrong */
        }
    }
    buf_release(&error);
}

static int on_file_line(void *arg, const char *section, const char *name, const char *value)
{
    struct parse *parse = arg;
    int line = parse->line;
    bool ours = strcmp(section, parse->program->section) == 0;
    if (!ours && strcmp(section, "isobar") != 0 && *section != '\0')
        return 1; /* another program's section */
    struct buf error = BUF_EMPTY;
    const struct option_row *row = find(parse->program, name);
    if (!row && ours) {
        const struct option_row *near = nearest(parse->program, name);
        fprintf(stderr, "%s: %s:%d: unknown key '%s'%s%s%s\n", parse->program->name, parse->file, line, name,
                near ? "; did you mean '" : "", near ? near->name : "", near ? "'?" : "");
        parse->file_errors++;
    } else if (row && row->type == OPTION_SECRET) {
        fprintf(stderr, "%s: %s:%d: %s is a secret: give it in the environment or in a file of its own\n", parse->program->name,
                parse->file, line, name);
        parse->file_errors++;
    } else if (row && option_set(parse, row, value, "file", &error) != 0) {
        fprintf(stderr, "%s: %s:%d: %s: %s\n", parse->program->name, parse->file, line, name, error.data);
        parse->file_errors++;
    }
    buf_release(&error);
    return 1;
}

static char *count_line(char *line, int size, void *arg)
{
    struct parse *parse = arg;
    parse->line++;
    return fgets(line, size, parse->stream);
}

static int read_file(struct parse *parse, const char *path)
{
    parse->file = path;
    parse->stream = fopen(path, "r");
    if (!parse->stream) {
        fprintf(stderr, "%s: %s: %s\n", parse->program->name, path, strerror(errno));
        return ERR_INVALID;
    }
    int status = ini_parse_stream(count_line, parse, on_file_line, parse);
    fclose(parse->stream);
    if (status != 0)
        fprintf(stderr, "%s: %s:%d: not a line of the form key = value\n", parse->program->name, path, status);
    return status != 0 || parse->file_errors ? ERR_INVALID : 0;
}

static int read_secret_file(struct parse *parse, const struct option_row *row, const char *variable, const char *path)
{
    char line[SECRET_BYTES];
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof line, file)) {
        fprintf(stderr, "%s: %s: %s: %s\n", parse->program->name, variable, path, file ? "is empty" : strerror(errno));
        if (file)
            fclose(file);
        return ERR_INVALID;
    }
    fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    set_text(parse, row, line);
    parse->origins[row - parse->program->rows] = "secret file";
    memset(line, 0, sizeof line);
    return 0;
}

static int read_environment(struct parse *parse)
{
    int status = 0;
    struct buf error = BUF_EMPTY;
    for (size_t i = 0; i < parse->program->row_count; i++) {
        const struct option_row *row = &parse->program->rows[i];
        char variable[NAME_BYTES + 16] = "ISOBAR_";
        spelled(row->name, '-', '_', true, variable + 7);
        const char *value = getenv(variable);
        if (value && option_set(parse, row, value, "environment", &error) != 0) {
            fprintf(stderr, "%s: %s: %s\n", parse->program->name, variable, error.data);
            buf_reset(&error);
            status = ERR_INVALID;
        }
        if (row->type != OPTION_SECRET || value)
            continue;
        strncat(variable, "_FILE", sizeof variable - strlen(variable) - 1);
        value = getenv(variable);
        if (value && read_secret_file(parse, row, variable, value) != 0)
            status = ERR_INVALID;
    }
    buf_release(&error);
    return status;
}

/* ---- answers ---- */

static void print_help(const struct option_program *program)
{
    char name[NAME_BYTES], variable[NAME_BYTES];
    printf("%s %s\n%s\n\nUsage: %s %s\n\nOptions:\n", program->name, ISOBAR_VERSION, program->summary, program->name, program->usage);
    for (size_t i = 0; i < program->row_count; i++) {
        const struct option_row *row = &program->rows[i];
        spelled(row->name, '_', '-', false, name);
        spelled(row->name, '-', '_', true, variable);
        if (row->type == OPTION_SECRET) {
            printf("  ISOBAR_%s\n        %s\n        (or ISOBAR_%s_FILE: a file whose first line is the value)\n", variable, row->help, variable);
            continue;
        }
        printf("  --%s%s\n        %s\n        (default %s; environment ISOBAR_%s)\n", name, row->type == OPTION_FLAG ? "" : " VALUE", row->help,
               *row->initial ? row->initial : "empty", variable);
    }
    printf("  --help, --version, --dump-config\n");
}

static void dump(const struct parse *parse)
{
    printf("[%s]\n", parse->program->section);
    for (size_t i = 0; i < parse->program->row_count; i++) {
        const struct option_row *row = &parse->program->rows[i];
        int64_t integer;
        bool flag;
        switch (row->type) {
        case OPTION_INT:
            memcpy(&integer, parse->values + row->offset, sizeof integer);
            printf("%s = %lld", row->name, (long long)integer);
            break;
        case OPTION_FLAG:
            memcpy(&flag, parse->values + row->offset, sizeof flag);
            printf("%s = %s", row->name, flag ? "true" : "false");
            break;
        case OPTION_SECRET:
            printf("; %s = %s", row->name, **text_at(parse, row) ? "****" : "");
            break;
        case OPTION_TEXT:
            printf("%s = %s", row->name, *text_at(parse, row));
            break;
        }
        printf("  ; %s\n", parse->origins[i]);
    }
}

/* ---- flags ---- */

static int unknown_flag(const struct parse *parse, const char *flag, const char *name)
{
    const struct option_row *near = nearest(parse->program, name);
    char dashed[NAME_BYTES];
    fprintf(stderr, "%s: unknown option '%s'%s%s%s; --help lists all\n", parse->program->name, flag, near ? "; did you mean '--" : "",
            near ? spelled(near->name, '_', '-', false, dashed) : "", near ? "'?" : "");
    return ERR_INVALID;
}

/* Handles argv[*at], which starts with "--"; moves *at over a value taken from the next word. */
static int one_flag(struct parse *parse, int argc, char **argv, int *at)
{
    char name[NAME_BYTES];
    const char *flag = argv[*at], *value = strchr(flag, '=');
    size_t size = value ? (size_t)(value - flag) - 2 : strlen(flag) - 2;
    if (size >= sizeof name)
        return unknown_flag(parse, flag, "");
    memcpy(name, flag + 2, size);
    name[size] = '\0';
    for (char *p = name; *p; p++)
        *p = *p == '-' ? '_' : *p;
    const struct option_row *row = find(parse->program, name);
    value = value ? value + 1 : NULL;
    if (!row && strncmp(name, "no_", 3) == 0 && !value && (row = find(parse->program, name + 3)) && row->type == OPTION_FLAG)
        value = "false";
    if (!row)
        return unknown_flag(parse, flag, name);
    if (row->type == OPTION_SECRET) {
        fprintf(stderr, "%s: %.*s: a secret is given in the environment or a file, never as a flag\n", parse->program->name, (int)size + 2, flag);
        return ERR_INVALID;
    }
    if (!value && row->type == OPTION_FLAG)
        value = "true";
    if (!value && *at + 1 < argc)
        value = argv[++*at];
    struct buf error = BUF_EMPTY;
    int status = value ? option_set(parse, row, value, "flag", &error) : ERR_INVALID;
    if (status != 0)
        fprintf(stderr, "%s: %.*s: %s\n", parse->program->name, (int)size + 2, flag, value ? error.data : "wants a value");
    buf_release(&error);
    return status;
}

static int read_flags(struct parse *parse, int argc, char **argv, int *operands)
{
    int status = 0;
    *operands = 0;
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
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0)
            path = argv[i] + 9;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            path = argv[i + 1];
    }
    return path;
}

int option_parse(const struct option_program *program, void *values, int argc, char **argv, int *operands, int *exit_code)
{
    struct parse parse = {.program = program, .values = values, .origins = mem_calloc(program->row_count, sizeof(char *))};
    int result = OPTION_RUN;
    *exit_code = EXIT_CODE_OK;
    set_defaults(&parse);
    if (has_word(argc, argv, "--help")) {
        print_help(program);
        result = OPTION_EXIT;
    } else if (has_word(argc, argv, "--version")) {
        printf("%s %s\n", program->name, ISOBAR_VERSION);
        result = OPTION_EXIT;
    } else {
        const char *path = find(program, "config") ? config_path(argc, argv) : NULL;
        bool dumping = has_word(argc, argv, "--dump-config");
        bool bad_config = path && *path && read_file(&parse, path) != 0;
        bad_config = read_environment(&parse) != 0 || bad_config; /* all errors of all sources are shown */
        bool bad_flags = read_flags(&parse, argc, argv, operands) != 0;
        if (bad_config || bad_flags) {
            *exit_code = bad_flags ? EXIT_CODE_USAGE : EXIT_CODE_CONFIG;
            result = ERR_INVALID;
        } else if (dumping) {
            dump(&parse);
            result = OPTION_EXIT;
        }
    }
    free(parse.origins);
    return result;
}

void option_release(const struct option_program *program, void *values)
{
    for (size_t i = 0; i < program->row_count; i++) {
        const struct option_row *row = &program->rows[i];
        if (row->type != OPTION_TEXT && row->type != OPTION_SECRET)
            continue;
        char **place = (char **)(void *)((char *)values + row->offset);
        if (row->type == OPTION_SECRET && *place)
            explicit_bzero(*place, strlen(*place));
        free(*place);
        *place = NULL;
    }
}
