/* See query.h. */
#include "query.h"

#include "civil.h"
#include "error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 1000
#define ALERTS_LIMIT  100
#define LATEST_MS     253402300800000 /* the year 10000 */

int query_integer(const char *text, int64_t low, int64_t high, int64_t *out)
{
    char *end = NULL;
    if (!*text || strspn(text, "-0123456789") != strlen(text))
        return ERR_INVALID;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < low || value > high)
        return ERR_INVALID;
    *out = value;
    return 0;
}

static int bounded(const char *name, const char *text, int64_t low, int64_t high, int64_t *out, struct buf *error)
{
    if (!text || query_integer(text, low, high, out) == 0)
        return 0;
    buf_printf(error, "%s must be a whole number from %lld to %lld", name, (long long)low, (long long)high);
    return ERR_INVALID;
}

static void unknown_size(const struct windowset *set, struct buf *error)
{
    buf_text(error, "size must be one of");
    for (size_t i = 0; i < set->count; i++)
        buf_printf(error, "%s %s", i ? "," : "", set->sizes[i].name);
    for (size_t i = 0; i < set->slide_count; i++)
        buf_printf(error, ", %s", set->slides[i].name);
}

/* Windows can exist from the retention's start to the one after the present one: no other key is asked for.
 */
static void clamp(struct window_query *query, int64_t now_ms)
{
    int64_t size_ms = query->slide.size_ms ? query->slide.size_ms : query->size.size_ms;
    int64_t slack = query->size.days ? CIVIL_SLACK_MS : 0, present = window_start(now_ms, size_ms);
    int64_t low = present - query->size.retention_ms - size_ms - slack, high = present + 2 * size_ms + slack;
    if (query->slide.size_ms) /* the newest one ends with the next step */
        high = now_ms + query->slide.step_ms - size_ms + 1;
    if (query->from_ms < low)
        query->from_ms = low;
    if (query->from_ms < 0)
        query->from_ms = 0;
    if (query->to_ms > high)
        query->to_ms = high;
}

int query_windows(const struct query_text *text, const struct windowset *set, int64_t now_ms,
                  struct window_query *query, struct buf *error)
{
    const struct window_size *size = set->sizes;
    const struct window_slide *slide = text->size ? windowset_slide(set, text->size) : NULL;
    if (slide)
        size = &set->sizes[slide->part];
    else if (text->size && !(size = windowset_find(set, text->size))) {
        unknown_size(set, error);
        return ERR_INVALID;
    }
    int64_t series = 0;
    query->size = *size;
    query->slide = slide ? *slide : (struct window_slide){0};
    int64_t most = text->most ? text->most : READER_MAX_WINDOWS;
    query->limit = text->from && most > READER_MAX_WINDOWS ? most : DEFAULT_LIMIT;
    query->to_ms = window_start(now_ms, size->size_ms) + size->size_ms + (size->days ? CIVIL_SLACK_MS : 0);
    if (bounded("to", text->to, 0, LATEST_MS, &query->to_ms, error) != 0)
        return ERR_INVALID;
    query->from_ms = query->to_ms - size->retention_ms - (slide ? slide->size_ms : size->size_ms);
    query->from_ms = query->from_ms < 0 ? 0 : query->from_ms;
    if (bounded("from", text->from, 0, LATEST_MS, &query->from_ms, error) != 0 ||
        bounded("limit", text->limit, 1, most, &query->limit, error) != 0 ||
        bounded("series", text->series, 0, 1000, &series, error) != 0)
        return ERR_INVALID;
    query->series = (int32_t)series;
    if (query->from_ms >= query->to_ms) {
        buf_text(error, "from must be before to");
        return ERR_INVALID;
    }
    clamp(query, now_ms);
    return 0;
}

int query_alerts(const struct alerts_text *text, struct alarm_filter *now, struct history_query *history,
                 struct buf *error)
{
    static const struct {
        const char *name;
        int32_t phase, change;
    } states[] = {{"pending", ISOBAR__V1__ALERT_PHASE__ALERT_PENDING, 0},
                  {"raised", ISOBAR__V1__ALERT_PHASE__ALERT_RAISED, ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_RAISED},
                  {"stale", ISOBAR__V1__ALERT_PHASE__ALERT_STALE, ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_STALE},
                  {"cleared", 0, ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_CLEARED}};
    size_t at = 0, count = sizeof states / sizeof *states;
    int64_t limit = ALERTS_LIMIT, city = 0;
    while (text->state && at < count && strcmp(text->state, states[at].name) != 0)
        at++;
    if (at == count) {
        buf_text(error, "state must be one of pending, raised, stale, cleared");
        return ERR_INVALID;
    }
    if (bounded("limit", text->limit, 1, HISTORY_LIMIT, &limit, error) != 0 ||
        bounded("city", text->city, 1, INT64_MAX, &city, error) != 0)
        return ERR_INVALID;
    *now = (struct alarm_filter){.city_id = city, .phase = ALARM_FILTER_ANY, .limit = (size_t)limit};
    *history = (struct history_query){.city_id = city, .limit = (size_t)limit};
    if (text->state) {
        now->phase = states[at].phase;
        now->limit = states[at].phase ? now->limit : 0;
        history->change = states[at].change;
        history->limit = states[at].change ? history->limit : 0;
    }
    return 0;
}

int query_ids(const char *text, int64_t *ids, size_t most, size_t *count, struct buf *error)
{
    *count = 0;
    while (*text) {
        char word[24];
        size_t size = strcspn(text, ",");
        if (*count == most) {
            buf_printf(error, "at most %zu cities can be followed", most);
            return ERR_INVALID;
        }
        bool fits = size > 0 && size < sizeof word;
        if (fits) {
            memcpy(word, text, size);
            word[size] = '\0';
        }
        if (!fits || query_integer(word, 1, INT64_MAX, &ids[*count]) != 0) {
            buf_text(error, "cities must be city ids separated by commas");
            return ERR_INVALID;
        }
        (*count)++;
        text += size + (text[size] == ',');
    }
    return 0;
}
