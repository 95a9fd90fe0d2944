/* A configuration file, read for a program with an option of each type. */
#include "fuzz.h"
#include "option.h"
#include "option_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUZZ_OPTIONS(X)                                                                                                \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "a text")                                                                   \
    X(INT, commit_ms, "5", 1, 1000, "a number")                                                                        \
    X(FLAG, insecure, "false", 0, 0, "yes or no")                                                                      \
    X(WORD, log_format, "logfmt|json", 0, 0, "one of several words")                                                   \
    X(SECRET, api_key, "", 0, 0, "a secret")

struct options {
    OPTION_STRUCT(FUZZ_OPTIONS)
};
#define OPTION_OWNER struct options
static const struct option_row rows[] = {
    // clang-format off
    FUZZ_OPTIONS(OPTION_ROW)
    // clang-format on
};
#define ROWS (sizeof rows / sizeof *rows)

/* Reads the file; what it says on stderr is in `*said`, which the caller frees. */
static int read_quietly(struct option_parse *parse, const char *path, char **said)
{
    size_t size;
    FILE *stream = open_memstream(said, &size), *kept = stderr;
    stderr = stream;
    int status = option_read_file(parse, path);
    stderr = kept;
    (void)fclose(stream);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct option_program program = {"isobar-fuzz", "fuzz", "", "", rows, ROWS};
    static int file = -1;
    char path[32], *said;
    const char *origins[ROWS] = {0};
    struct options values = {0};
    struct option_parse parse = {&program, (char *)&values, origins};
    if (file < 0)
        file = memfd_create("fuzz", 0);
    FUZZ_CHECK(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int status = read_quietly(&parse, path, &said);
    FUZZ_CHECK((status == 0) == (*said == '\0'));
    if (status == 0) {
        FUZZ_CHECK(!values.commit_ms || (values.commit_ms >= 1 && values.commit_ms <= 1000));
        FUZZ_CHECK(!values.log_format || !strcmp(values.log_format, "json") || !strcmp(values.log_format, "logfmt"));
        FUZZ_CHECK(!values.api_key); /* no secret is taken from a file that others may read */
    }
    free(said);
    option_release(&program, &values);
    return 0;
}
