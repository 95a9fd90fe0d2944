/*
 * The structured log (log.h). A line is put together in a buffer on the stack and written by one write(2), so that lines of
 * several threads or processes do not mix; a line longer than the buffer is cut at a field's end.
 */
#include "log.h"

#include "clock.h"
#include "error.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 4096

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct {
    const char *component;
    enum log_level level;
    bool json;
} setup = {"isobar", LOG_INFO, false};

struct line {
    char text[LINE_BYTES];
    size_t size;
    bool full;
};

void log_setup(const char *component, enum log_level level, bool json)
{
    setup.component = component;
    setup.level = level;
    setup.json = json;
}

int log_level_parse(const char *text, enum log_level *level)
{
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    size_t room = LINE_BYTES - 16 - line->size;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line->text + line->size, room, format, args);
    va_end(args);
    if (line->full || size < 0 || (size_t)size >= room) {
        line->text[line->size] = '\0';
        line->full = true;
        return;
    }
    line->size += (size_t)size;
}

/* Text between quotes; the escapes are valid in JSON and in logfmt. */
static void add_quoted(struct line *line, const char *text)
{
    add(line, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p && !line->full; p++) {
        if (*p == '"' || *p == '\\')
            add(line, "\\%c", *p);
        else if (*p == '\n')
            add(line, "\\n");
        else if (*p < 0x20 || *p == 0x7f)
            add(line, "\\u%04x", *p);
        else
            add(line, "%c", *p);
    }
    if (line->full && line->size < LINE_BYTES - 8) /* close what was cut */
        line->text[line->size++] = '"';
    else
        add(line, "\"");
}

static bool is_plain(const char *text)
{
    if (!*text)
        return false;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p <= ' ' || *p == '"' || *p == '=' || *p == '\\' || *p == 0x7f)
            return false;
    }
    return true;
}

static void add_key(struct line *line, const char *key)
{
    if (setup.json)
        add(line, "%s\"%s\":", line->size > 1 ? "," : "", key);
    else
        add(line, "%s%s=", line->size ? " " : "", key);
}

static void add_text(struct line *line, const char *key, const char *text)
{
    add_key(line, key);
    text = text ? text : "";
    if (!setup.json && is_plain(text))
        add(line, "%s", text);
    else
        add_quoted(line, text);
}

static void add_field(struct line *line, const struct log_field *field)
{
    if (field->type == LOG_TYPE_TEXT) {
        add_text(line, field->key, field->text);
        return;
    }
    add_key(line, field->key);
    if (field->type == LOG_TYPE_INT)
        add(line, "%lld", (long long)field->integer);
    else if (isfinite(field->real))
        add(line, "%.6g", field->real);
    else
        add(line, setup.json ? "null" : "nan");
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (level < setup.level)
        return;
    struct line line = {.size = 0};
    char ts[CLOCK_TEXT_BYTES];
    if (setup.json)
        add(&line, "{");
    add_text(&line, "ts", clock_text(clock_wall_ms(), ts, sizeof ts));
    add_text(&line, "level", level_names[level]);
    add_text(&line, "component", setup.component);
    add_text(&line, "event", event);
    for (; fields->type != LOG_TYPE_END && !line.full; fields++)
        add_field(&line, fields);
    if (setup.json)
        line.text[line.size++] = '}';
    line.text[line.size++] = '\n';
    ssize_t written = write(STDERR_FILENO, line.text, line.size);
    (void)written; /* there is nowhere to report a failing log */
}

bool log_limit_pass(struct log_limit *limit, int64_t now_ms, int64_t every_ms, int64_t *suppressed)
{
    if (limit->next_ms != 0 && now_ms < limit->next_ms) {
        limit->held++;
        return false;
    }
    if (suppressed)
        *suppressed = limit->held;
    limit->held = 0;
    limit->next_ms = now_ms + every_ms;
    return true;
}
