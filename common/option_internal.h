/* What the files of the option module share (option.c, option_name.c, option_source.c, option_print.c). */
#ifndef ISOBAR_OPTION_INTERNAL_H
#define ISOBAR_OPTION_INTERNAL_H

#include "buf.h"
#include "option.h"

#define OPTION_NAME_BYTES 128

/* One run of option_parse. */
struct option_parse {
    const struct option_program *program;
    char *values;
    const char **origins; /* per row, static text */
};

/* Sets `row` from `text`, checked by its type; `origin` is static text. ERR_INVALID, with the reason appended to
 * `error`. */
int option_set(struct option_parse *parse, const struct option_row *row, const char *text, const char *origin,
               struct buf *error) __attribute__((warn_unused_result));
/* The place of a TEXT, WORD or SECRET row's value. */
char **option_text(const struct option_parse *parse, const struct option_row *row);

/* Appends the words of a WORD row, "a, b or c", to `out`. */
void option_words(const struct option_row *row, struct buf *out);

/* The row called `name` (with underscores), or NULL. */
const struct option_row *option_find(const struct option_program *program, const char *name);
/* True when `name` is so like `known` that it is a slip of it rather than another word; false when they are equal. */
bool option_is_slip(const char *name, const char *known);
/* Writes `name` to `out` (OPTION_NAME_BYTES) with every `from` replaced by `to`, in capitals when wanted; returns it.
 */
const char *option_spelled(const char *name, char from, char to, bool capitals, char *out);

/* Sets what the configuration file at `path` has; errors are written to stderr, all of them. 0 or ERR_INVALID. */
int option_read_file(struct option_parse *parse, const char *path) __attribute__((warn_unused_result));
/* Sets what the environment has, secret files included; errors are written to stderr. 0 or ERR_INVALID. */
int option_read_environment(struct option_parse *parse) __attribute__((warn_unused_result));

/* Prints --help to stdout. */
void option_print_help(const struct option_program *program);
/* Prints the values and where they came from to stdout, as a configuration file, secrets masked. */
void option_dump(const struct option_parse *parse);

#endif
