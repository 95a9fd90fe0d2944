/* The operator's style sheet: what is taken, what is refused, and the page that links it. */
#include "../../dashboard/style.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define SHEET ":root { --accent: #a00; }\n"

static struct buf page_of(const char *html)
{
    struct buf page = BUF_EMPTY;
    buf_text(&page, html);
    return page;
}

static void put(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void test_it_is_linked_last(void **state)
{
    struct style style;
    struct buf error = BUF_EMPTY, page = page_of("<html><head><link href=\"ours\">\n</head><body></body></html>");
    (void)state;
    style_init(&style);
    assert_string_equal(style.path, "");
    put("own.css", SHEET, strlen(SHEET));
    assert_int_equal(style_load(&style, "own.css", &page, &error), 0);
    assert_string_equal(style.sheet.plain.data, SHEET);
    assert_int_equal(strlen(style.path), strlen("/assets/operator-0123456789abcdef.css"));
    char link[128];
    snprintf(link, sizeof link,
             "<link href=\"ours\">\n<link rel=\"stylesheet\" href=\"%s\">\n</head><body></body></html>", style.path);
    assert_non_null(strstr(style.page.plain.data, link));
    assert_non_null(strstr(style.sheet.etag, "\""));
    style_release(&style);
    assert_string_equal(style.path, "");
    buf_release(&page);
    buf_release(&error);
}

static void test_another_sheet_has_another_name(void **state)
{
    struct style first, second;
    struct buf error = BUF_EMPTY, page = page_of("<head></head>");
    (void)state;
    style_init(&first);
    style_init(&second);
    put("a.css", "a{}", 3);
    put("b.css", "b{}", 3);
    assert_int_equal(style_load(&first, "a.css", &page, &error), 0);
    assert_int_equal(style_load(&second, "b.css", &page, &error), 0);
    assert_string_not_equal(first.path, second.path);
    assert_string_not_equal(first.page.etag, second.page.etag);
    style_release(&first);
    style_release(&second);
    buf_release(&page);
    buf_release(&error);
}

static void refused(const char *path, const char *html, const char *reason)
{
    struct style style;
    struct buf error = BUF_EMPTY, page = page_of(html);
    style_init(&style);
    assert_int_not_equal(style_load(&style, path, &page, &error), 0);
    assert_non_null(strstr(error.data, path));
    assert_non_null(strstr(error.data, reason));
    assert_string_equal(style.path, "");
    style_release(&style);
    buf_release(&page);
    buf_release(&error);
}

static void test_what_is_no_sheet_is_refused(void **state)
{
    static char large[STYLE_MAX_BYTES + 1];
    (void)state;
    memset(large, ' ', sizeof large);
    put("large.css", large, sizeof large);
    put("bytes.css", "a{\xff}", 4);
    put("nul.css", "a{}\0b{}", 7);
    assert_int_equal(mkdir("folder.css", 0700), 0);
    refused("large.css", "<head></head>", "larger than 64 KiB");
    refused("bytes.css", "<head></head>", "not UTF-8 text");
    refused("nul.css", "<head></head>", "not UTF-8 text");
    refused("folder.css", "<head></head>", "not a regular file");
    refused("missing.css", "<head></head>", "No such file");
    put("good.css", "a{}", 3);
    refused("good.css", "<p>no head</p>", "no head");
}

static void test_the_largest_and_the_empty_are_taken(void **state)
{
    static char large[STYLE_MAX_BYTES];
    struct buf error = BUF_EMPTY, page = page_of("<head></head>");
    (void)state;
    memset(large, ' ', sizeof large);
    put("full.css", large, sizeof large);
    put("empty.css", "", 0);
    for (int i = 0; i < 2; i++) {
        struct style style;
        style_init(&style);
        assert_int_equal(style_load(&style, i ? "empty.css" : "full.css", &page, &error), 0);
        assert_int_equal(style.sheet.plain.size, i ? 0 : sizeof large);
        style_release(&style);
    }
    buf_release(&page);
    buf_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_linked_last), cmocka_unit_test(test_another_sheet_has_another_name),
        cmocka_unit_test(test_what_is_no_sheet_is_refused), cmocka_unit_test(test_the_largest_and_the_empty_are_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
