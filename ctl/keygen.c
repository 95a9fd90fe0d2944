/*
 * isobarctl keygen: a pair of keys for the control plane (common/curve.h), in two new files. It never writes over one:
 * a coordinator's key that is gone locks every member out.
 */
#include "allow.h"
#include "channel_envelope.h"
#include "command.h"
#include "context.h"
#include "curve.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEYGEN_OPTIONS(X)                                                                                              \
    X(TEXT, config, "", 0, 0, "configuration file; keys are the options with underscores")                             \
    X(TEXT, out, ".", 0, 0, "directory for the files")                                                                 \
    X(TEXT, role, "worker", 0, 0, "role in the line for the allow file: worker, fetcher or operator, or several")

struct keygen_options {
    OPTION_STRUCT(KEYGEN_OPTIONS)
};
#define OPTION_OWNER struct keygen_options
static const struct option_row rows[] = {KEYGEN_OPTIONS(OPTION_ROW)};

#define PATH_BYTES 4096

/* Appends the member's line for the allow file; the exit code tells whether it is a good one. */
static int make_line(struct context *context, const char *name, const char *role, const char *key, struct buf *line)
{
    struct buf error = BUF_EMPTY;
    buf_printf(line, "%s %s %s", name, role, key);
    struct allow *allow = allow_parse("the line for the allow file", line->data, &error);
    int code = allow ? EXIT_CODE_OK : context_fail(context, EXIT_CODE_USAGE, "%s", error.data);
    allow_free(allow);
    buf_release(&error);
    return code;
}

/* Writes a file that was not there; 0 or errno. What was begun and failed is taken away. */
static int write_new(const char *path, mode_t mode, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return errno;
    size_t size = strlen(text);
    bool good = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
    int saved_errno = good ? 0 : errno ? errno : EIO;
    if (close(fd) != 0 && good)
        saved_errno = errno;
    if (saved_errno)
        (void)unlink(path);
    return saved_errno;
}

static int save(struct context *context, const char *path, mode_t mode, const char *text)
{
    int failed = write_new(path, mode, text);
    if (failed == EEXIST)
        return context_fail(context, EXIT_CODE_REFUSED, "%s is there already: keys are not written over", path);
    if (failed)
        return context_fail(context, EXIT_CODE_FAILURE, "%s: %s", path, strerror(failed));
    return EXIT_CODE_OK;
}

static int save_both(struct context *context, const char *stem, const char *name, const struct curve_pair *pair)
{
    char secret[PATH_BYTES + 16], public[PATH_BYTES + 16], text[512];
    snprintf(secret, sizeof secret, "%s.secret", stem);
    snprintf(public, sizeof public, "%s.public", stem);
    snprintf(text, sizeof text, "# Isobar, secret key of %s: whoever has it can speak as %s.\n%s\n", name, name,
             pair->secret_key);
    int code = save(context, secret, 0600, text);
    explicit_bzero(text, sizeof text);
    if (code != EXIT_CODE_OK)
        return code;
    snprintf(text, sizeof text, "# Isobar, public key of %s.\n%s\n", name, pair->public_key);
    code = save(context, public, 0644, text);
    if (code != EXIT_CODE_OK)
        (void)unlink(secret);
    return code;
}

static int run(const void *arg, char *const *operands)
{
    const struct keygen_options *options = arg;
    struct context context = {.command = "keygen"};
    struct curve_pair pair;
    const char *name = operands[0];
    char stem[PATH_BYTES];
    if (!channel_member_valid(name) || name[0] == '.')
        return context_fail(&context, EXIT_CODE_USAGE, "'%s' is no member's id: 1 to 64 of A-Z a-z 0-9 . _ -", name);
    if (snprintf(stem, sizeof stem, "%s/%s", options->out, name) >= (int)sizeof stem)
        return context_fail(&context, EXIT_CODE_USAGE, "the name of the directory is too long");
    if (curve_pair_make(&pair) != 0)
        return context_fail(&context, EXIT_CODE_FAILURE, "libzmq was built without CURVE");
    struct buf line = BUF_EMPTY;
    int code = make_line(&context, name, options->role, pair.public_key, &line);
    if (code == EXIT_CODE_OK && (code = save_both(&context, stem, name, &pair)) == EXIT_CODE_OK)
        puts(line.data);
    buf_release(&line);
    explicit_bzero(&pair, sizeof pair);
    return code;
}

const struct command command_keygen = {
    .name = "keygen",
    .summary = "makes a pair of keys for the control plane",
    .details = "Writes <name>.secret (mode 0600) and <name>.public, and prints the member's line for the coordinators' "
               "allow file. Coordinators share one pair, which needs no line. Files that are there stay: exit code 1.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct keygen_options),
    .operands = "<name>",
    .operand_count = 1,
    .run_operands = run};
