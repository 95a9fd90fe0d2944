/* The files of tests/compat (the rule is in its README.md). */
#ifndef ISOBAR_TEST_COMPAT_FILES_H
#define ISOBAR_TEST_COMPAT_FILES_H

#include "citystate.h"
#include "error.h"
#include "mem.h"
#include "observation.h"
#include "window.h"

#include "control.pb-c.h"

#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define START INT64_C(1789999200000)

static char directory[4096];
static int files_read;

/* Tests run in directories of their own: the source tree is found from the program, build/<kind>/unit/<name>. */
static inline int find_directory(void **state)
{
    (void)state;
    char program[2048];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    assert_true(size > 0);
    program[size] = '\0';
    for (int up = 0; up < 4; up++)
        *strrchr(program, '/') = '\0';
    snprintf(directory, sizeof directory, "%s/tests/compat", program);
    return 0;
}

static inline int digit(int c)
{
    return isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of <name>.hex; the caller releases them. */
static inline struct buf bytes_of(const char *name)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s.hex", directory, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be read", path);
    struct buf bytes = BUF_EMPTY;
    int c;
    while ((c = getc(file)) != EOF) {
        if (c == '\n')
            continue;
        int high = digit(c), low = digit(getc(file));
        assert_true(high >= 0 && low >= 0);
        buf_byte(&bytes, (char)(high * 16 + low));
    }
    fclose(file);
    files_read++;
    return bytes;
}

static inline bool is_envelope(const char *name)
{
    return strncmp(name, "envelope_", strlen("envelope_")) == 0;
}

/* All files of envelopes, or all others, have been read: whoever adds one must add what reads it. */
static inline void assert_none_left_out(bool envelopes)
{
    DIR *folder = opendir(directory);
    assert_non_null(folder);
    int files = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        const char *dot = strrchr(entry->d_name, '.');
        files += dot && strcmp(dot, ".hex") == 0 && is_envelope(entry->d_name) == envelopes;
    }
    closedir(folder);
    assert_int_equal(files, files_read);
}

#endif
