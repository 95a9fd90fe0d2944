/*
 * Options of a program: one X-macro row each, from which the struct, --help, the environment variable, the
 * configuration key and the checks fall out. Precedence: default < file < environment < flag.
 *
 *   #define WORKER_OPTIONS(X) \
 *       X(TEXT,   kafka,       "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers, host:port[,host:port]") \
 *       X(INT,    commit_ms,   "5", 1, 1000, "least time between two commits of a partition, ms") \
 *       X(FLAG,   insecure,    "false", 0, 0, "allow binding to other than loopback without authentication") \
 *       X(WORD,   log_format,  "logfmt|json", 0, 0, "format of log lines") \
 *       X(SECRET, api_key,     "", 0, 0, "API key; only from the environment or a file")
 *   struct worker_options { OPTION_STRUCT(WORKER_OPTIONS) };
 *   static const struct option_row rows[] = { OPTION_ROWS(struct worker_options, WORKER_OPTIONS) };
 *
 * The row `commit_ms` is the flag --commit-ms, the variable ISOBAR_COMMIT_MS and the key commit_ms in the
 * [worker] or [isobar] section of the file given by --config (inih; lines of up to 199 characters). [isobar] is for all
 * programs: there a key that this one does not have is another's, unless it looks like a slip of one of ours. FLAG rows
 * also have --no-<name>. SECRET rows have no flag; they have ISOBAR_<NAME> and, when that is not set,
 * ISOBAR_<NAME>_FILE (a file whose first line is the value), and are masked in dumps. Types: TEXT char *, INT int64_t
 * within [low, high], FLAG bool, WORD char *, one of the words between '|', of which the first is the default, SECRET
 * char *. A file is a regular one of at most 1 MiB.
 */
#ifndef ISOBAR_OPTION_H
#define ISOBAR_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type { OPTION_TEXT, OPTION_INT, OPTION_FLAG, OPTION_WORD, OPTION_SECRET };

struct option_row {
    enum option_type type;
    const char *name;    /* with underscores */
    const char *initial; /* the default; of a WORD all that are allowed */
    int64_t low, high;   /* INT only */
    const char *help;    /* one sentence */
    size_t offset;
};

#define OPTION_CTYPE_TEXT                                  char *
#define OPTION_CTYPE_INT                                   int64_t
#define OPTION_CTYPE_FLAG                                  bool
#define OPTION_CTYPE_WORD                                  char *
#define OPTION_CTYPE_SECRET                                char *
#define OPTION_FIELD(type, name, initial, low, high, help) OPTION_CTYPE_##type name;
#define OPTION_STRUCT(LIST)                                LIST(OPTION_FIELD)
/* Use inside an array initialiser; OPTION_OWNER must be defined as the struct type before. */
#define OPTION_ROW(type, name, initial, low, high, help)                                                               \
    {OPTION_##type, #name, initial, low, high, help, offsetof(OPTION_OWNER, name)},

/* Options that every daemon has; put it first in the program's list. */
#define OPTION_COMMON(X)                                                                                               \
    X(TEXT, config, "", 0, 0, "configuration file; keys are the options with underscores")                             \
    X(WORD, log_level, "info|debug|warn|error", 0, 0, "lowest level logged")                                           \
    X(WORD, log_format, "logfmt|json", 0, 0, "format of log lines")                                                    \
    X(TEXT, admin_bind, "127.0.0.1", 0, 0, "address of the admin port (/livez, /readyz, /metrics)")                    \
    X(INT, admin_port, "0", -1, 65535, "admin port; 0 takes a free one and logs it, -1 turns it off")                  \
    X(FLAG, insecure, "false", 0, 0, "allow addresses other than loopback without authentication")

struct option_program {
    const char *name;    /* isobar-worker */
    const char *section; /* worker */
    const char *summary; /* one sentence */
    const char *usage;   /* operands, e.g. "[options]" */
    const struct option_row *rows;
    size_t row_count;
};

enum option_result {
    OPTION_RUN = 0,  /* go on */
    OPTION_EXIT = 1, /* --help, --version or --dump-config was answered: exit 0 */
    /* negative: ERR_INVALID after the error was written; exit with *exit_code (2 for flags, 78 for a file) */
};

/*
 * Fills `values` (the program's struct, zeroed) from defaults, file, environment and argv. Operands (words
 * that are no options) are left in argv[1..*operands]; `operands` NULL: they are refused. Errors are written to stderr,
 * each naming the option, variable, or file and line; an unknown key or option is an error that suggests the nearest
 * known one. `values` must be released with option_release in every case.
 */
int option_parse(const struct option_program *program, void *values, int argc, char **argv, int *operands,
                 int *exit_code) __attribute__((warn_unused_result));
/* Frees the strings in `values`. */
void option_release(const struct option_program *program, void *values);
/* The row whose name is so like `name` that it may be meant, or NULL; only the rows' names are read. */
const struct option_row *option_nearest(const struct option_program *program, const char *name);

#endif
