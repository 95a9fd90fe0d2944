/* Recorded payloads of weather APIs: where they are, and what is checked of each (test_fixtures.c). */
#ifndef ISOBAR_TEST_FIXTURE_FILES_H
#define ISOBAR_TEST_FIXTURE_FILES_H

#include "../../fetcher/provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NONE     INT32_MIN              /* the file does not say it */
#define FETCHED  INT64_C(1795500000000) /* long after all of them */
#define FILE_MAX (4 * 1024 * 1024)

static char folder[PATH_MAX];

/* Finds the folder; false when there is none. */
static inline bool find_folder(void)
{
    const char *given = getenv("ISOBAR_FIXTURES");
    char program[PATH_MAX / 2];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    if (given && *given) {
        snprintf(folder, sizeof folder, "%s", given);
    } else if (size > 0) {
        program[size] = '\0';
        for (int i = 0; i < 4 && strrchr(program, '/'); i++) /* build/gcc/unit/test_fixtures */
            *strrchr(program, '/') = '\0';
        snprintf(folder, sizeof folder, "%s/../shared/fixtures", program);
    }
    return access(folder, R_OK | X_OK) == 0;
}

#define NEED_FOLDER                                                                                                    \
    if (!find_folder()) {                                                                                              \
        fprintf(stderr, "SKIPPED: no recorded payloads in '%s'; set ISOBAR_FIXTURES\n", folder);                       \
        skip();                                                                                                        \
    }

/* Reads a file of the folder into `out`. */
static inline void read_file(const char *name, struct buf *out)
{
    char path[PATH_MAX + 256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be read", path);
    buf_reset(out);
    size_t got = fread(buf_reserve(out, FILE_MAX), 1, FILE_MAX, file);
    buf_advance(out, got);
    assert_true(feof(file) || got < FILE_MAX);
    fclose(file);
}

/* What the parser makes must be what a worker takes. */
static inline void check_decodes(const char *file, const struct provider_rows *rows)
{
    struct buf bytes = BUF_EMPTY;
    struct batch *batch = batch_new();
    const char *reason = NULL;
    size_t count = rows->count < BATCH_MAX_ROWS ? rows->count : BATCH_MAX_ROWS;
    assert_int_equal(batch_encode(rows->rows, count, 0, &bytes), 0);
    if (batch_decode(batch, bytes.data, bytes.size, &reason) != 0)
        fail_msg("%s: a worker refuses the batch: %s", file, reason);
    assert_int_equal(batch_rows(batch), count);
    batch_free(batch);
    buf_release(&bytes);
}

static inline void check_value(const char *file, const char *what, const struct observation *row, int bit, int32_t want)
{
    bool has = observation_has(row, bit);
    if (has != (want != NONE))
        fail_msg("%s: %s is %s", file, what, has ? "there but not in the file" : "missing");
    if (has && row->value[bit] != want)
        fail_msg("%s: %s is %d, want %d", file, what, row->value[bit], want);
}

#endif
