/* Parameters of the API's requests, and the header that names an ETag: a line each. */
#include "../../dashboard/body.h"
#include "../../dashboard/query.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1795500000000)
#define IDS    8

static void check_status(int status, struct buf *error)
{
    FUZZ_CHECK((status == 0) == (error->size == 0));
    fuzz_check_text(error->data, 512);
    buf_reset(error);
}

static void check_windows(const struct query_text *text, const struct windowset *set, struct buf *error)
{
    struct window_query query = {0};
    int status = query_windows(text, set, NOW_MS, &query, error);
    check_status(status, error);
    if (status != 0)
        return;
    struct reader_keys keys = reader_plan(&query);
    FUZZ_CHECK(keys.count <= READER_MAX_KEYS && keys.first_ms % query.size.size_ms == 0);
    FUZZ_CHECK(query.limit >= 1 && query.limit <= READER_MAX_WINDOWS && query.series >= 0 && query.from_ms >= 0);
}

static void check_others(const struct alerts_text *text, const char *ids, struct buf *error)
{
    struct alarm_filter now = {0};
    struct history_query history = {0};
    int64_t list[IDS];
    size_t count;
    int status = query_alerts(text, &now, &history, error);
    check_status(status, error);
    FUZZ_CHECK(status != 0 || (now.limit <= HISTORY_LIMIT && history.limit <= HISTORY_LIMIT));
    status = query_ids(ids, list, IDS, &count, error);
    check_status(status, error);
    for (size_t i = 0; status == 0 && i < count; i++)
        FUZZ_CHECK(list[i] >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_lines lines = fuzz_lines(data, size);
    struct windowset set = {0};
    struct buf error = BUF_EMPTY;
    const char *line;
    char *words[10] = {0};
    size_t count = 0;
    FUZZ_CHECK(windowset_parse(&set, "10m:2d,1h:30d,1d:2y,24h/1h,7d/1d", &error) == 0);
    for (; count < 10 && (line = fuzz_line(&lines)) != NULL; count++)
        words[count] = *line ? fuzz_copy(line, strlen(line)) : NULL; /* empty: not given */
    check_windows(&(struct query_text){words[0], words[1], words[2], words[3], words[4], 0}, &set, &error);
    check_others(&(struct alerts_text){words[5], words[6], words[7]}, words[8] ? words[8] : "", &error);
    FUZZ_CHECK(body_matches(words[9], "W/\"abc\"") || !words[9] || strcmp(words[9], "W/\"abc\"") != 0);
    for (size_t i = 0; i < count; i++)
        free(words[i]);
    fuzz_lines_release(&lines);
    buf_release(&error);
    return 0;
}
