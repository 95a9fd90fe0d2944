/*
 * Options from the configuration file and the environment (option_internal.h). inih splits the lines; its reader is
 * ours, so that lines are counted (Debian's build does not tell handlers), an indented line is a key of its own rather
 * than the continuation of the one above, and a line longer than inih's buffer is an error rather than two lines.
 */
#include "option_internal.h"

#include "error.h"
#include "file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_BYTES   4096
#define FILE_MAX_BYTES (1024 * 1024)

/* ---- the configuration file ---- */

struct file {
    struct option_parse *parse;
    const char *path;
    FILE *stream;
    int line;
    int errors;
};

/* Starts a line on stderr about the file's current line, whose end the caller writes. */
static void file_error(struct file *file)
{
    file->errors++;
    fprintf(stderr, "%s: %s:%d: ", file->parse->program->name, file->path, file->line);
}

/* A section of another program's is passed over, but not one that is a slip of ours. */
static bool section_is_ours(struct file *file, const char *section)
{
    const char *own = file->parse->program->section;
    if (strcmp(section, own) == 0 || strcmp(section, "isobar") == 0 || *section == '\0')
        return true;
    bool slip = option_is_slip(section, own);
    if (slip || option_is_slip(section, "isobar")) {
        file_error(file);
        fprintf(stderr, "unknown section [%s]; did you mean [%s]?\n", section, slip ? own : "isobar");
    }
    return false;
}

/* In our own section every key must be known; elsewhere it may be another program's, unless it is a slip of one of
 * ours. */
static void unknown_key(struct file *file, const char *section, const char *name)
{
    const struct option_row *near = option_nearest(file->parse->program, name);
    bool ours = strcmp(section, file->parse->program->section) == 0;
    if (!ours && !(near && option_is_slip(name, near->name)))
        return;
    file_error(file);
    fprintf(stderr, "unknown key '%s'%s%s%s\n", name, near ? "; did you mean '" : "", near ? near->name : "",
            near ? "'?" : "");
}

static int on_key(void *arg, const char *section, const char *name, const char *value)
{
    struct file *file = arg;
    struct option_parse *parse = file->parse;
    if (!section_is_ours(file, section))
        return 1;
    struct buf error = BUF_EMPTY;
    const struct option_row *row = option_find(parse->program, name);
    if (!row) {
        unknown_key(file, section, name);
    } else if (row->type == OPTION_SECRET) {
        file_error(file);
        fprintf(stderr, "%s is a secret: give it in the environment or in a file of its own\n", name);
    } else if (option_set(parse, row, value, "file", &error) != 0) {
        file_error(file);
        fprintf(stderr, "%s: %s\n", name, error.data);
    }
    buf_release(&error);
    return 1;
}

static char *next_line(char *line, int size, void *arg)
{
    struct file *file = arg;
    file->line++;
    if (!fgets(line, size, file->stream))
        return NULL;
    size_t used = strlen(line);
    int next = used + 1 == (size_t)size && line[used - 1] != '\n' ? fgetc(file->stream) : EOF;
    if (next != EOF && next != '\n') {
        file_error(file);
        fprintf(stderr, "a line of more than %d characters\n", size - 1);
        while (next != EOF && next != '\n')
            next = fgetc(file->stream);
        used = 0;
        line[0] = '\0';
    }
    size_t blank = strspn(line, " \t");
    memmove(line, line + blank, used - blank + 1);
    return line;
}

int option_read_file(struct option_parse *parse, const char *path)
{
    struct buf error = BUF_EMPTY;
    struct file file = {.parse = parse, .path = path, .stream = file_open(path, FILE_MAX_BYTES, &error)};
    if (!file.stream)
        fprintf(stderr, "%s: %s\n", parse->program->name, error.data);
    buf_release(&error);
    if (!file.stream)
        return ERR_INVALID;
    int status = ini_parse_stream(next_line, &file, on_key, &file);
    bool unreadable = ferror(file.stream);
    fclose(file.stream);
    if (status > 0)
        fprintf(stderr, "%s: %s:%d: not a line of the form key = value\n", parse->program->name, path, status);
    else if (status < 0 || unreadable)
        fprintf(stderr, "%s: %s: cannot be read\n", parse->program->name, path);
    return status != 0 || unreadable || file.errors ? ERR_INVALID : 0;
}

/* ---- the environment ---- */

/* Says what is wrong with the secret file `path` that `variable` names. */
static int secret_error(const struct option_parse *parse, const char *variable, const char *path, const char *reason)
{
    fprintf(stderr, "%s: %s: %s: %s\n", parse->program->name, variable, path, reason);
    return ERR_INVALID;
}

static int read_secret_file(struct option_parse *parse, const struct option_row *row, const char *variable,
                            const char *path)
{
    char line[SECRET_BYTES];
    struct buf error = BUF_EMPTY;
    int status = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return secret_error(parse, variable, path, strerror(errno));
    bool got = fgets(line, sizeof line, file);
    bool whole = got && (strchr(line, '\n') || fgetc(file) == EOF);
    fclose(file);
    if (got)
        line[strcspn(line, "\r\n")] = '\0';
    if (!got || !*line)
        status = secret_error(parse, variable, path, "has no first line");
    else if (!whole)
        status = secret_error(parse, variable, path, "has a first line that is too long");
    else
        status = option_set(parse, row, line, "secret file", &error); /* a secret is any text */
    explicit_bzero(line, sizeof line);
    buf_release(&error);
    return status;
}

int option_read_environment(struct option_parse *parse)
{
    int status = 0;
    struct buf error = BUF_EMPTY;
    for (size_t i = 0; i < parse->program->row_count; i++) {
        const struct option_row *row = &parse->program->rows[i];
        char variable[OPTION_NAME_BYTES + 16] = "ISOBAR_";
        option_spelled(row->name, '-', '_', true, variable + 7);
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
