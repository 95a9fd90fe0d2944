/* The configured windows, and one of them as an operator names it: the first line and the others. */
#include "../../ctl/window_spec.h"
#include "fuzz.h"
#include "windowset.h"

#define NEWEST_MS INT64_C(1795500000000)

static void check_set(const struct windowset *set)
{
    char key[WINDOW_KEY_BYTES];
    FUZZ_CHECK(set->count >= 1 && set->count <= WINDOWSET_MAX && set->slide_count <= WINDOWSET_SLIDES_MAX);
    FUZZ_CHECK(set->pane_ms > 0 && set->pane_ms % 1000 == 0);
    for (size_t i = 0; i < set->count; i++) {
        const struct window_size *size = &set->sizes[i];
        struct window_span span = window_span_at(size, NULL, NEWEST_MS);
        FUZZ_CHECK(size->size_ms % set->pane_ms == 0 && size->retention_ms > 0);
        FUZZ_CHECK(i == 0 || set->sizes[i - 1].size_ms < size->size_ms);
        FUZZ_CHECK(windowset_find(set, size->name) == size);
        FUZZ_CHECK(span.start_ms <= NEWEST_MS && span.end_ms > NEWEST_MS);
        FUZZ_CHECK(window_span_fits(size, span.key_ms, span.start_ms, span.end_ms));
        fuzz_check_text(window_key_text(size, span.key_ms, key), WINDOW_KEY_BYTES);
    }
    for (size_t i = 0; i < set->slide_count; i++) {
        const struct window_slide *slide = &set->slides[i];
        FUZZ_CHECK(slide->part < set->count && slide->step_ms > 0 && slide->size_ms >= slide->step_ms);
        FUZZ_CHECK(slide->step_ms % set->sizes[slide->part].size_ms == 0);
        FUZZ_CHECK(slide->size_ms % set->sizes[slide->part].size_ms == 0);
        FUZZ_CHECK(windowset_slide(set, slide->name) == slide);
    }
}

static void check_specs(const struct windowset *set, struct fuzz_lines *lines)
{
    const char *line;
    struct buf error = BUF_EMPTY;
    const struct zone *zone = zone_get("Asia/Kathmandu");
    for (int i = 0; i < 8 && (line = fuzz_line(lines)) != NULL; i++) {
        struct window_spec spec;
        int status = window_spec_parse(&spec, line, set, i & 1 ? zone : NULL, NEWEST_MS, &error);
        FUZZ_CHECK((status == 0) == (error.size == 0));
        FUZZ_CHECK(status != 0 || (spec.size < set->count && spec.span.start_ms < spec.span.end_ms));
        fuzz_check_text(error.data, 1024);
        buf_reset(&error);
    }
    buf_release(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct windowset set;
    struct fuzz_lines lines = fuzz_lines(data, size);
    const char *text = fuzz_line(&lines);
    struct buf error = BUF_EMPTY;
    if (windowset_parse(&set, text ? text : "", &error) == 0) {
        FUZZ_CHECK(error.size == 0);
        check_set(&set);
        check_specs(&set, &lines);
    } else {
        FUZZ_CHECK(error.size > 0);
        fuzz_check_text(error.data, 512);
    }
    buf_release(&error);
    fuzz_lines_release(&lines);
    return 0;
}
