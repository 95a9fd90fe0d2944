/*
 * See rules.h. inih splits the lines; its reader is ours (as in option_source.c), so that lines are counted, every bad
 * one is told, and an indented line is a key of its own.
 */
#include "rules.h"

#include "custom_rules.h"
#include "duration.h"
#include "error.h"
#include "quality_rules.h"
#include "text.h"

#include <ini.h>
#include <stdarg.h>
#include <string.h>

#define LINE_BYTES    200 /* inih's own buffer */
#define LATENESS_LOW  DURATION_MINUTE
#define SLIDING       "sliding"
#define LATENESS_HIGH (100 * DURATION_YEAR) /* as the retention of windows */
#define ALERT         "alert "              /* sections of alerts: [alert frost] */
#define METRIC        "metric "             /* and of metrics: [metric soil_moisture] */
#define WORD_SHOWN    64                    /* bytes of a value that an error quotes */

#define TIME_ROW(name_, low_, high_, start_, help_)                                                                    \
    {                                                                                                                  \
        .section = "time", .name = #name_, .unit = "time", .start = (start_), .help = (help_),                         \
        .offset = offsetof(struct rules, name_##_ms), .low = (low_), .high = (high_)                                   \
    }

static const struct rules_key keys[] = {
    TIME_ROW(lateness, LATENESS_LOW, LATENESS_HIGH, "2d",
             "how long after its pane's end, by the partition's clock, a reading still counts"),
    TIME_ROW(allowed_delay, 0, DURATION_DAY, "5m", "how long after a pane's end its readings are still in time"),
    TIME_ROW(idle, DURATION_SECOND, 7 * DURATION_DAY, "30m",
             "after this silence of a city its panes are closed by the clock"),
};
#define KEYS (sizeof keys / sizeof *keys)

const struct rules_key *rules_keys(size_t *count)
{
    *count = KEYS;
    return keys;
}

/* ---- parsing ---- */

struct parse {
    struct rules *rules;
    struct buf *error;
    const char *text, *end;
    int line, windows_line; /* of the section's first key */
    int errors;
    bool given[KEYS], given_quality[QUALITY_KEYS];
    struct buf windows; /* as windowset_parse takes them */
    struct custom_rules customs;
};

__attribute__((format(printf, 3, 4))) static void wrong(struct parse *parse, int line, const char *format, ...)
{
    if (++parse->errors > RULES_ERRORS_MAX)
        return;
    size_t from = parse->error->size;
    va_list args;
    va_start(args, format);
    if (line > 0)
        buf_printf(parse->error, "line %d: ", line);
    buf_vprintf(parse->error, format, args);
    text_tame(parse->error, from);
    buf_byte(parse->error, '\n');
    va_end(args);
}

static void take_number(struct parse *parse, const struct rules_key *key, const char *value)
{
    int64_t number = 0;
    if (duration_parse(value, strlen(value), key->low, key->high, &number)) {
        memcpy((char *)parse->rules + key->offset, &number, sizeof number);
        return;
    }
    struct buf range = BUF_EMPTY;
    duration_print(key->low, &range);
    buf_text(&range, " to ");
    duration_print(key->high, &range);
    wrong(parse, parse->line, "%s is \"%.*s\": a number with s, m, h, d or y wanted, %s", key->name, WORD_SHOWN, value,
          range.data);
    buf_release(&range);
}

static void take_key(struct parse *parse, const char *section, const char *name, const char *value)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
            continue;
        if (parse->given[i])
            wrong(parse, parse->line, "%s is there twice", name);
        parse->given[i] = true;
        take_number(parse, &keys[i], value);
        return;
    }
    wrong(parse, parse->line, "unknown key \"%.*s\" in [%s]", WORD_SHOWN, name, section);
}

/* A sliding window has no retention: it is made of others. */
static void take_slide(struct parse *parse, const char *name, const char *value)
{
    if (strcmp(value, SLIDING) != 0 || strpbrk(name, ",:"))
        wrong(parse, parse->line, "a sliding window is size/step = " SLIDING ", for example 24h/1h = " SLIDING);
    else
        buf_printf(&parse->windows, "%s%s", parse->windows.size ? "," : "", name);
}

/* A mistake in one size is told with its line; what they are together is seen at the end. */
static void take_window(struct parse *parse, const char *name, const char *value)
{
    struct windowset alone;
    struct buf item = BUF_EMPTY, reason = BUF_EMPTY;
    buf_printf(&item, "%s:%s", name, value);
    parse->windows_line = parse->windows_line ? parse->windows_line : parse->line;
    if (strchr(item.data, ','))
        wrong(parse, parse->line, "a window is size = retention, for example 10m = 2d");
    else if (windowset_parse(&alone, item.data, &reason) != 0)
        wrong(parse, parse->line, "%s", reason.data);
    else
        buf_printf(&parse->windows, "%s%s", parse->windows.size ? "," : "", item.data);
    buf_release(&item);
    buf_release(&reason);
}

static void take_quality(struct parse *parse, const char *name, const char *value)
{
    struct buf reason = BUF_EMPTY;
    int key = quality_rules_find(name);
    if (key < 0)
        wrong(parse, parse->line, "unknown key \"%.*s\" in [quality]", WORD_SHOWN, name);
    else if (parse->given_quality[key])
        wrong(parse, parse->line, "%s is there twice", name);
    else if (quality_rules_set(&parse->rules->quality, key, value, &reason) != 0)
        wrong(parse, parse->line, "%s", reason.data);
    if (key >= 0)
        parse->given_quality[key] = true;
    buf_release(&reason);
}

static void take_alert(struct parse *parse, const char *alert, const char *name, const char *value)
{
    struct buf reason = BUF_EMPTY;
    struct alert_rule *rule = alert_rules_section(&parse->rules->alerts, alert, &reason);
    if (rule && alert_rule_set(rule, name, value, &reason) != 0) /* no rule: said where the section begins */
        wrong(parse, parse->line, "%s", reason.data);
    buf_release(&reason);
}

static void take_metric(struct parse *parse, const char *metric, const char *name, const char *value)
{
    struct buf reason = BUF_EMPTY;
    if (custom_rules_set(&parse->customs, metric, name, value, &reason) != 0)
        wrong(parse, parse->line, "%s", reason.data);
    buf_release(&reason);
}

static bool is_section(const char *section)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].section, section) == 0)
            return true;
    }
    return false;
}

static int on_key(void *arg, const char *section, const char *name, const char *value)
{
    struct parse *parse = arg;
    if (*section == '\0')
        wrong(parse, parse->line, "\"%.*s\" stands before the first section", WORD_SHOWN, name);
    else if (strcmp(section, "windows") == 0 && strchr(name, '/'))
        take_slide(parse, name, value);
    else if (strcmp(section, "windows") == 0)
        take_window(parse, name, value);
    else if (strcmp(section, "quality") == 0)
        take_quality(parse, name, value);
    else if (strncmp(section, ALERT, sizeof ALERT - 1) == 0)
        take_alert(parse, section + sizeof ALERT - 1, name, value);
    else if (strncmp(section, METRIC, sizeof METRIC - 1) == 0)
        take_metric(parse, section + sizeof METRIC - 1, name, value);
    else if (is_section(section))
        take_key(parse, section, name, value);
    else
        wrong(parse, parse->line, "unknown section [%.*s]", WORD_SHOWN, section);
    return 1;
}

/* inih tells of keys only: a section without any must be heard of as well. */
static void begin_section(struct parse *parse, const char *line)
{
    struct buf name = BUF_EMPTY, reason = BUF_EMPTY;
    const char *end = strchr(line, ']');
    bool alert = strncmp(line + 1, ALERT, sizeof ALERT - 1) == 0;
    bool metric = strncmp(line + 1, METRIC, sizeof METRIC - 1) == 0;
    const char *from = line + 1 + (alert ? sizeof ALERT - 1 : metric ? sizeof METRIC - 1 : 0);
    if ((alert || metric) && end > from)
        buf_append(&name, from, (size_t)(end - from));
    if ((metric && custom_rules_begin(&parse->customs, name.data, parse->line, &reason) != 0) ||
        (alert && !alert_rules_section(&parse->rules->alerts, name.data, &reason)))
        wrong(parse, parse->line, "%s", reason.data);
    buf_release(&name);
    buf_release(&reason);
}

/* False for a line that inih would stumble over: it tells only the first. */
static bool line_fits(const char *line)
{
    if (*line == '[')
        return strchr(line, ']') != NULL;
    return *line == '\0' || *line == ';' || *line == '#' || strpbrk(line, "=:") != NULL;
}

/* inih's reader: the next line without blanks around it, "" in the place of a bad one. */
static char *next_line(char *line, int size, void *arg)
{
    struct parse *parse = arg;
    if (parse->text == parse->end)
        return NULL;
    const char *stop = memchr(parse->text, '\n', (size_t)(parse->end - parse->text));
    const char *from = parse->text, *to = stop ? stop : parse->end;
    parse->text = stop ? stop + 1 : parse->end;
    parse->line++;
    while (from < to && strchr(" \t\r", *from))
        from++;
    while (to > from && strchr(" \t\r", to[-1]))
        to--;
    size_t used = (size_t)(to - from);
    line[0] = '\0';
    if (used + 1 >= (size_t)size) {
        wrong(parse, parse->line, "a line of more than %d characters", size - 2);
        return line;
    }
    memcpy(line, from, used);
    line[used] = '\0';
    if (!line_fits(line)) {
        wrong(parse, parse->line, "not a line of the form key = value");
        line[0] = '\0';
    }
    if (*line == '[')
        begin_section(parse, line);
    return line;
}

static void take_windows(struct parse *parse)
{
    struct buf reason = BUF_EMPTY;
    if (parse->windows_line == 0)
        wrong(parse, 0, "[windows] has no size: at least one is wanted, for example 10m = 2d");
    else if (parse->windows.size && windowset_parse(&parse->rules->windows, parse->windows.data, &reason) != 0)
        wrong(parse, parse->windows_line, "%s", reason.data);
    buf_release(&reason);
}

static void take_metrics(struct parse *parse)
{
    struct buf reason = BUF_EMPTY;
    for (size_t i = 0; i < parse->customs.count; i++, buf_reset(&reason))
        if (custom_rules_take(&parse->customs, i, &parse->rules->customs, &parse->rules->quality, &reason) != 0)
            wrong(parse, parse->customs.list[i].line, "%s", reason.data);
    buf_release(&reason);
}

/* Only when all else is well: a missing window would make more mistakes than there are. */
static void take_alerts(struct parse *parse)
{
    struct buf reason = BUF_EMPTY;
    struct rules *rules = parse->rules;
    if (parse->errors == 0 && alert_rules_finish(&rules->alerts, &rules->windows, &rules->customs, &reason) != 0)
        wrong(parse, 0, "%s", reason.data);
    buf_release(&reason);
}

void rules_defaults(struct rules *rules)
{
    struct parse parse = {.rules = rules};
    memset(rules, 0, sizeof *rules);
    quality_defaults(&rules->quality);
    for (size_t i = 0; i < KEYS; i++)
        take_number(&parse, &keys[i], keys[i].start);
}

/* The text as lines that inih may see; false, with the reason told, when it is none. */
static bool is_text(struct parse *parse, const char *text, size_t size)
{
    if (size > RULES_MAX_BYTES) {
        wrong(parse, 0, "the rules have more than %d bytes", RULES_MAX_BYTES);
        return false;
    }
    struct buf copy = BUF_EMPTY;
    buf_append(&copy, text, size);
    bool good = strlen(copy.data) == size && text_is_utf8(copy.data);
    buf_release(&copy);
    if (!good)
        wrong(parse, 0, "the rules are no UTF-8 text");
    return good;
}

int rules_parse(struct rules *rules, const char *text, size_t size, struct buf *error)
{
    struct parse parse = {.rules = rules, .error = error, .text = text, .end = text + size};
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        parse.text += 3; /* a byte order mark */
    buf_init(&parse.windows);
    rules_defaults(rules);
    if (is_text(&parse, text, size)) {
        if (ini_parse_stream(next_line, &parse, on_key, &parse) != 0)
            wrong(&parse, 0, "the rules cannot be read");
        take_windows(&parse);
        take_metrics(&parse);
        take_alerts(&parse);
    }
    if (parse.errors > RULES_ERRORS_MAX)
        buf_printf(error, "and %d more\n", parse.errors - RULES_ERRORS_MAX);
    buf_release(&parse.windows);
    return parse.errors == 0 ? 0 : size > RULES_MAX_BYTES ? ERR_TOO_LARGE : ERR_INVALID;
}

/* ---- printing ---- */

void rules_windows(const struct rules *rules, struct buf *out)
{
    for (size_t i = 0; i < rules->windows.count; i++) {
        buf_printf(out, "%s%s:", i ? "," : "", rules->windows.sizes[i].name);
        duration_print(rules->windows.sizes[i].retention_ms, out);
    }
    for (size_t i = 0; i < rules->windows.slide_count; i++)
        buf_printf(out, ",%s", rules->windows.slides[i].name);
}

void rules_print(const struct rules *rules, struct buf *out)
{
    buf_text(out, "[windows]\n");
    for (size_t i = 0; i < rules->windows.count; i++) {
        buf_printf(out, "%s = ", rules->windows.sizes[i].name);
        duration_print(rules->windows.sizes[i].retention_ms, out);
        buf_byte(out, '\n');
    }
    for (size_t i = 0; i < rules->windows.slide_count; i++)
        buf_printf(out, "%s = " SLIDING "\n", rules->windows.slides[i].name);
    for (size_t i = 0; i < KEYS; i++) {
        int64_t number;
        if (i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0)
            buf_printf(out, "\n[%s]\n", keys[i].section);
        memcpy(&number, (const char *)rules + keys[i].offset, sizeof number);
        buf_printf(out, "%s = ", keys[i].name);
        duration_print(number, out);
        buf_byte(out, '\n');
    }
    buf_text(out, "\n[quality]\n");
    quality_rules_print(&rules->quality, out);
    custom_rules_print(&rules->customs, out);
    alert_rules_print(&rules->alerts, out);
}

bool rules_same(const struct rules *one, const struct rules *other)
{
    struct buf left = BUF_EMPTY, right = BUF_EMPTY;
    rules_print(one, &left);
    rules_print(other, &right);
    bool same = strcmp(left.data, right.data) == 0;
    buf_release(&left);
    buf_release(&right);
    return same;
}

int rules_set_pane(struct rules *rules, int64_t pane_ms, struct buf *error)
{
    int64_t own_ms = rules->windows.pane_ms;
    if (pane_ms > 0 && own_ms % pane_ms == 0) {
        rules->windows.pane_ms = pane_ms;
        return 0;
    }
    struct buf pane = BUF_EMPTY, own = BUF_EMPTY;
    duration_print(pane_ms > 0 ? pane_ms : 0, &pane);
    duration_print(own_ms, &own);
    buf_printf(
        error,
        "these windows need panes of %s, and the installation's are %s for ever: choose multiples of that, or make "
        "another installation with these rules and replay the log into it\n",
        own.data, pane.data);
    buf_release(&pane);
    buf_release(&own);
    return ERR_INVALID;
}
