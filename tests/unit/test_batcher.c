/* Rows in batches by shard, progress as text, and refused lines in their file. */
#include "../../ctl/batcher.h"

#include "../../ctl/progress.h"
#include "../../ctl/rejects.h"
#include "error.h"
#include "shard.h"
#include "temp_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct sent {
    struct buf shown; /* "shard:first+count " */
    int64_t rows, next[8];
};

static void note(void *arg, int32_t shard, const struct observation *rows, size_t count)
{
    struct sent *sent = arg;
    buf_printf(&sent->shown, "%d:%lld+%zu ", shard, (long long)rows[0].observed_at_ms, count);
    for (size_t i = 0; i < count; i++) {
        sent->rows++;
        if (shard < 8)
            assert_int_equal(rows[i].observed_at_ms, sent->next[shard]++);
    }
}

static void add(struct batcher *batcher, int32_t shard, int64_t number, int64_t now_ms)
{
    struct observation row = {.observed_at_ms = number};
    batcher_add(batcher, shard, &row, now_ms);
}

static void batches_keep_the_order_of_their_shard(void **state)
{
    struct sent sent = {.shown = BUF_EMPTY};
    struct batcher batcher;
    (void)state;
    batcher_init(&batcher, 3, note, &sent);
    for (int i = 0; i < 1100; i++)
        add(&batcher, 1, i, 1000);
    add(&batcher, 0, 0, 1500);
    add(&batcher, 0, 1, 2500);
    assert_string_equal(sent.shown.data, "1:0+512 1:512+512 ");
    assert_int_equal(batcher.held, 78);
    batcher_flush(&batcher, 999);
    assert_int_equal(sent.rows, 1024);
    batcher_flush(&batcher, 1000);
    assert_string_equal(sent.shown.data, "1:0+512 1:512+512 1:1024+76 ");
    batcher_flush(&batcher, 1499);
    assert_int_equal(batcher.held, 2);
    batcher_flush(&batcher, 1500); /* the first one's age counts */
    assert_string_equal(sent.shown.data, "1:0+512 1:512+512 1:1024+76 0:0+2 ");
    assert_int_equal(batcher.held, 0);
    batcher_flush(&batcher, INT64_MAX);
    add(&batcher, 2, 0, 5);
    batcher_release(&batcher); /* what waits is dropped */
    assert_int_equal(sent.rows, 1102);
    buf_release(&sent.shown);
}

static void memory_is_bounded_with_many_shards(void **state)
{
    struct sent sent = {.shown = BUF_EMPTY};
    struct batcher batcher;
    (void)state;
    batcher_init(&batcher, SHARD_MAX_PARTITIONS, note, &sent);
    for (int i = 0; i < 100; i++)
        add(&batcher, SHARD_MAX_PARTITIONS - 1, i, 0);
    assert_int_equal(sent.rows, 96); /* batches of 32 */
    batcher_flush(&batcher, 0);
    assert_int_equal(sent.rows, 100);
    batcher_release(&batcher);
    buf_release(&sent.shown);
}

static void progress_is_one_line(void **state)
{
    static const struct {
        struct progress progress;
        const char *text;
    } rows[] = {
        {{0, 0, 0, 0, 0}, "0 rows, 0/s"},
        {{10, 0, 1, 1, 1000}, "1 row, 1/s, 1 line rejected"},
        {{0, 200, 0, 0, 5}, "[------------------------] 0 %  0 rows, 0/s"},
        {{100, 200, 1234567, 1000, 2000},
         "[############------------] 50 %  1,234,567 rows, 617,283/s, 1,000 lines rejected"},
        {{300, 200, 100, 2, 1000}, "[########################] 100 %  100 rows, 100/s, 2 lines rejected"},
    };
    struct buf text = BUF_EMPTY;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_reset(&text);
        progress_text(&rows[i].progress, &text);
        assert_string_equal(text.data, rows[i].text);
    }
    static const struct {
        int64_t number;
        const char *text;
    } numbers[] = {{999, "999"}, {-999, "-999"}, {-1000, "-1,000"}, {1000000, "1,000,000"}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        buf_reset(&text);
        progress_number(&text, numbers[i].number);
        assert_string_equal(text.data, numbers[i].text);
    }
    buf_release(&text);
}

static void content_of(const char *path, char *out, size_t size)
{
    FILE *stream = fopen(path, "re");
    assert_non_null(stream);
    out[fread(out, 1, size - 1, stream)] = '\0';
    fclose(stream);
}

static void refused_lines_are_appended_as_they_came(void **state)
{
    static char csv[] = "a,b\r\n";
    struct buf header = {csv, 5, 0}, error = BUF_EMPTY;
    struct rejects rejects;
    char text[256], directory[TEMP_DIRECTORY_BYTES], path[TEMP_DIRECTORY_BYTES + 16];
    (void)state;
    assert_true(temp_directory(directory));
    snprintf(path, sizeof path, "%s/rejects.csv", directory);
    assert_int_equal(rejects_open(&rejects, path, &error), 0);
    rejects_write(&rejects, &header, "1,x\r\n", 5);
    rejects_end_line(&rejects);
    rejects_write(&rejects, &header, "2,", 2); /* a long one, in pieces */
    rejects_write(&rejects, &header, "y", 1);
    rejects_end_line(&rejects);
    assert_true(rejects_flush(&rejects));
    rejects_close(&rejects);
    content_of(path, text, sizeof text);
    assert_string_equal(text, "a,b\r\n1,x\r\n2,y\n");
    assert_int_equal(rejects_open(&rejects, path, &error), 0); /* what was there stays */
    rejects_write(&rejects, &header, "3,z\n", 4);
    assert_true(rejects_flush(&rejects));
    rejects_close(&rejects);
    content_of(path, text, sizeof text);
    assert_string_equal(text, "a,b\r\n1,x\r\n2,y\n3,z\n");
    assert_int_equal(rejects_open(&rejects, "/nowhere/rejects.csv", &error), ERR_SYSTEM);
    assert_non_null(strstr(error.data, "/nowhere/rejects.csv: No such file"));
    assert_int_equal(rejects_open(&rejects, "/dev/full", &error), 0);
    rejects_write(&rejects, &header, "1\n", 2);
    assert_false(rejects_flush(&rejects));
    rejects_close(&rejects);
    assert_int_equal(unlink(path) + rmdir(directory), 0);
    buf_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_keep_the_order_of_their_shard),
        cmocka_unit_test(memory_is_bounded_with_many_shards),
        cmocka_unit_test(progress_is_one_line),
        cmocka_unit_test(refused_lines_are_appended_as_they_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
