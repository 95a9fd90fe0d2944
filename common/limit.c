/* See limit.h. */
#include "limit.h"

#include "duration.h"
#include "error.h"
#include "text.h"

#include <ctype.h>
#include <string.h>

static const struct {
    const char *name, *word;
    int64_t ms, units_max;
} windows[LIMIT_WINDOWS] = {[LIMIT_SECOND] = {"s", "second", DURATION_SECOND, LIMIT_SHORT_MAX},
                            [LIMIT_MINUTE] = {"m", "minute", DURATION_MINUTE, LIMIT_SHORT_MAX},
                            [LIMIT_HOUR] = {"h", "hour", DURATION_HOUR, LIMIT_UNITS_MAX},
                            [LIMIT_DAY] = {"d", "day", DURATION_DAY, LIMIT_UNITS_MAX},
                            [LIMIT_MONTH] = {"mo", "month", 31 * DURATION_DAY, LIMIT_UNITS_MAX}};

struct limits limits_none(void)
{
    struct limits limits;
    for (int w = 0; w < LIMIT_WINDOWS; w++)
        limits.units[w] = LIMIT_NONE;
    return limits;
}

static enum limit_window window_of(const char *name, size_t size)
{
    int w = 0;
    while (w < LIMIT_WINDOWS && (strlen(windows[w].name) != size || memcmp(windows[w].name, name, size) != 0))
        w++;
    return (enum limit_window)w;
}

/* Digits up to the slash; LIMIT_NONE when they are none or too many. */
static int64_t number_of(const char *text, size_t size)
{
    int64_t number = 0;
    if (size == 0 || (size > 1 && text[0] == '0'))
        return LIMIT_NONE;
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)text[i]))
            return LIMIT_NONE;
        number = number * 10 + (text[i] - '0');
        if (number > LIMIT_UNITS_MAX)
            return LIMIT_NONE;
    }
    return number;
}

/* One limit, e.g. `60/m`. */
static int parse_one(const char *text, size_t size, struct limits *out, struct buf *error)
{
    const char *slash = memchr(text, '/', size);
    size_t digits = slash ? (size_t)(slash - text) : 0;
    enum limit_window window = slash ? window_of(slash + 1, size - digits - 1) : LIMIT_WINDOWS;
    int64_t number = number_of(text, digits);
    int shown = size < 40 ? (int)size : 40;
    size_t from = error->size;
    if (window == LIMIT_WINDOWS)
        buf_printf(error, "'%.*s' is no limit: write it as 60/m, with s, m, h, d or mo (31 days) after the slash",
                   shown, text);
    else if (number < 0 || number > windows[window].units_max)
        buf_printf(error, "'%.*s': the number before the slash must be 0 to %lld", shown, text,
                   (long long)windows[window].units_max);
    else if (out->units[window] != LIMIT_NONE)
        buf_printf(error, "'%.*s': there is a limit per %s already", shown, text, windows[window].name);
    else
        out->units[window] = number;
    text_tame(error, from);
    return error->size > from ? ERR_INVALID : 0;
}

int limits_parse(const char *text, size_t size, struct limits *out, struct buf *error)
{
    static const char unlimited[] = "unlimited";
    *out = limits_none();
    if (size == sizeof unlimited - 1 && memcmp(text, unlimited, size) == 0)
        return 0;
    for (size_t at = 0;;) {
        const char *comma = at < size ? memchr(text + at, ',', size - at) : NULL;
        size_t end = comma ? (size_t)(comma - text) : size;
        if (parse_one(text + at, end - at, out, error) != 0)
            return ERR_INVALID;
        if (!comma)
            return 0;
        at = end + 1;
    }
}

void limits_print(const struct limits *limits, struct buf *out)
{
    const char *between = "";
    if (limits_unlimited(limits))
        buf_text(out, "unlimited");
    for (int w = 0; w < LIMIT_WINDOWS; w++) {
        if (limits->units[w] == LIMIT_NONE)
            continue;
        buf_printf(out, "%s%lld/%s", between, (long long)limits->units[w], windows[w].name);
        between = ",";
    }
}

bool limits_unlimited(const struct limits *limits)
{
    bool unlimited = true;
    for (int w = 0; w < LIMIT_WINDOWS; w++)
        unlimited &= limits->units[w] == LIMIT_NONE;
    return unlimited;
}

int64_t limit_window_ms(enum limit_window window)
{
    return windows[window].ms;
}

const char *limit_window_name(enum limit_window window)
{
    return windows[window].name;
}

const char *limit_window_word(enum limit_window window)
{
    return windows[window].word;
}
