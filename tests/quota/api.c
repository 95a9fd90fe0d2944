/* See api.h. */
#include "api.h"

#include "mem.h"

#include <stdlib.h>

void api_init(struct api *api, const struct limits *limits)
{
    *api = (struct api){.limits = *limits};
}

void api_release(struct api *api)
{
    free(api->log);
    free(api->pending);
}

static void append(struct arrival **list, size_t *count, size_t *capacity, struct arrival arrival)
{
    if (*count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 1024;
        *list = mem_grow(*list, *capacity, sizeof **list);
    }
    (*list)[(*count)++] = arrival;
}

void api_arrive(struct api *api, int64_t at_ms, int64_t milli)
{
    append(&api->pending, &api->pending_count, &api->pending_capacity, (struct arrival){at_ms, milli});
}

static int by_time(const void *a, const void *b)
{
    const struct arrival *left = a, *right = b;
    return (left->at_ms > right->at_ms) - (left->at_ms < right->at_ms);
}

static void count(struct api *api, struct arrival arrival)
{
    bool over = false;
    append(&api->log, &api->count, &api->capacity, arrival);
    api->total_milli += arrival.milli;
    for (enum limit_window w = 0; w < LIMIT_WINDOWS; w++) {
        int64_t *inside = &api->inside_milli[w];
        *inside += arrival.milli;
        while (api->log[api->first[w]].at_ms <= arrival.at_ms - limit_window_ms(w))
            *inside -= api->log[api->first[w]++].milli;
        api->most_milli[w] = *inside > api->most_milli[w] ? *inside : api->most_milli[w];
        over |= api->limits.units[w] != LIMIT_NONE && *inside > api->limits.units[w] * 1000;
    }
    api->over += over;
}

void api_count(struct api *api, int64_t now_ms)
{
    size_t kept = 0, at = 0;
    if (api->pending_count == 0)
        return;
    qsort(api->pending, api->pending_count, sizeof *api->pending, by_time);
    for (; at < api->pending_count && api->pending[at].at_ms < now_ms; at++)
        count(api, api->pending[at]);
    while (at < api->pending_count)
        api->pending[kept++] = api->pending[at++];
    api->pending_count = kept;
}
