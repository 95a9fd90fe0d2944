/*
 * Structured log on stderr, one line per event: logfmt (default) or JSON.
 *   ts=2026-11-23T08:15:30.123Z level=info component=worker event=partition_acquired partition=3 offset=117
 * Values are typed fields, so quoting and JSON types are right by construction. Event names are fixed
 * snake_case words; what varies goes into fields. There is no line per record: count those. No secret may
 * be passed to a field. Not thread-safe except that each line is written by one write(2).
 */
#ifndef ISOBAR_LOG_H
#define ISOBAR_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_type { LOG_TYPE_END, LOG_TYPE_TEXT, LOG_TYPE_INT, LOG_TYPE_REAL };

struct log_field {
    enum log_type type;
    const char *key;
    const char *text;
    int64_t integer;
    double real;
};

#define LOG_TEXT(key_, text_)  ((struct log_field){.type = LOG_TYPE_TEXT, .key = (key_), .text = (text_)})
#define LOG_INT(key_, value_)  ((struct log_field){.type = LOG_TYPE_INT, .key = (key_), .integer = (int64_t)(value_)})
#define LOG_REAL(key_, value_) ((struct log_field){.type = LOG_TYPE_REAL, .key = (key_), .real = (value_)})
#ifdef __cppcheck__ /* knows no __VA_OPT__ and would skip every file that logs */
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__})
#else
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.type = LOG_TYPE_END}})
#endif

#define log_debug(event, ...) log_write(LOG_DEBUG, event, LOG_FIELDS(__VA_ARGS__))
#define log_info(event, ...)  log_write(LOG_INFO, event, LOG_FIELDS(__VA_ARGS__))
#define log_warn(event, ...)  log_write(LOG_WARN, event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...) log_write(LOG_ERROR, event, LOG_FIELDS(__VA_ARGS__))

/* Sets the component's name (borrowed for the life of the process), the lowest level shown and the format. */
void log_setup(const char *component, enum log_level level, bool json);
/*
 * Writes one line when `level` is shown. A NULL text is written as "". Control characters are escaped, bytes that are
 * no UTF-8 become U+FFFD, a text is cut at 1 KiB and a line at 4 KiB (it then ends in cut=true). Lost when stderr takes
 * no more.
 */
void log_write(enum log_level level, const char *event, const struct log_field *fields);
/* Parses "debug", "info", "warn", "error" into `level`; ERR_INVALID otherwise. */
int log_level_parse(const char *text, enum log_level *level) __attribute__((warn_unused_result));

/* Lets at most one line per `every_ms` through and counts what it held back. Zero-initialise. */
struct log_limit {
    int64_t next_ms;
    int64_t held;
};

/*
 * True when a line may be written at monotonic time `now_ms`; then `*suppressed` (may be NULL) is how many
 * were held back since the last one.
 */
bool log_limit_pass(struct log_limit *limit, int64_t now_ms, int64_t every_ms, int64_t *suppressed);

#endif
