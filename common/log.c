/*
 * The structured log (log.h). A line is put together in a buffer on the stack and written by one write(2), so that
 * lines of several threads or processes do not mix. A line longer than the buffer ends at a field's end with cut=true,
 * so it parses.
 */
#include "log.h"

#include "clock.h"
#include "error.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES  4096
#define CUT_BYTES   32   /* kept free for the mark of a cut line and its end */
#define VALUE_BYTES 1024 /* of one text, escaped; longer ones end in an ellipsis */

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct {
    const char *component;
    enum log_level level;
    bool json;
} setup = {"isobar", LOG_INFO, false};

/* A line under way. `full` once something did not fit: nothing is added any more. */
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

static void put(struct line *line, const char *text, size_t size)
{
    if (line->full || size > LINE_BYTES - CUT_BYTES - line->size) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* Text between quotes; the escapes are valid in JSON and in logfmt. */
static void put_quoted(struct line *line, const char *text)
{
    char escaped[TEXT_ESCAPE_BYTES];
    size_t most = line->size + VALUE_BYTES;
    put_text(line, "\"");
    while (*text && !line->full && line->size < most) {
        text += text_escape(text, escaped);
        put_text(line, escaped);
    }
    put_text(line, *text ? "…\"" : "\"");
}

/* True for a text that logfmt takes without quotes. */
static bool is_plain(const char *text)
{
    size_t size = strcspn(text, "\"=\\");
    if (size == 0 || size > VALUE_BYTES || text[size] || !text_is_utf8(text))
        return false;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p <= ' ' || *p == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0))
            return false;
    }
    return true;
}

static void put_key(struct line *line, const char *key)
{
    if (setup.json)
        put_text(line, line->size > 1 ? ",\"" : "\"");
    else if (line->size)
        put_text(line, " ");
    put_text(line, key);
    put_text(line, setup.json ? "\":" : "=");
}

static void put_named(struct line *line, const char *key, const char *text)
{
    put_key(line, key);
    text = text ? text : "";
    if (!setup.json && is_plain(text))
        put_text(line, text);
    else
        put_quoted(line, text);
}

static void put_field(struct line *line, const struct log_field *field)
{
    char number[32] = "";
    size_t start = line->size;
    if (field->type == LOG_TYPE_TEXT) {
        put_named(line, field->key, field->text);
    } else {
        put_key(line, field->key);
        if (field->type == LOG_TYPE_INT)
            snprintf(number, sizeof number, "%lld", (long long)field->integer);
        else if (isfinite(field->real))
            snprintf(number, sizeof number, "%.6g", field->real);
        put_text(line, *number ? number : setup.json ? "null" : "nan");
    }
    if (line->full)
        line->size = start; /* all of a field or nothing */
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (level < setup.level)
        return;
    struct line line = {.size = 0};
    char ts[CLOCK_TEXT_BYTES];
    if (setup.json)
        put_text(&line, "{");
    put_named(&line, "ts", clock_text(clock_wall_ms(), ts, sizeof ts));
    put_named(&line, "level", level_names[level]);
    put_named(&line, "component", setup.component);
    put_named(&line, "event", event);
    for (; fields->type != LOG_TYPE_END && !line.full; fields++)
        put_field(&line, fields);
    const char *end = setup.json ? line.full ? ",\"cut\":true}\n" : "}\n" : line.full ? " cut=true\n" : "\n";
    memcpy(line.text + line.size, end, strlen(end)); /* fits in CUT_BYTES */
    line.size += strlen(end);
    ssize_t written = write(STDERR_FILENO, line.text, line.size);
    (void)written; /* there is nowhere to report a failing log */
}
