/* Tokens from files and from the environment: what is taken, what is said of what is not, and what is kept then. */
#include "../../dashboard/secret.h"

#include "error.h"
#include "temp_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define TOKEN "0123456789abcdef"

static char directory[TEMP_DIRECTORY_BYTES], path[TEMP_DIRECTORY_BYTES + 8];

static int make(void **state)
{
    (void)state;
    if (!temp_directory(directory))
        return -1;
    snprintf(path, sizeof path, "%s/token", directory);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static void put(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* What is wrong with the operators' source, "" when nothing is. */
static const char *load(const struct secret_source *operates, const char *read_token, struct access *access)
{
    static char said[512];
    struct secret_source reads = {"read_token", "", read_token};
    struct buf error = BUF_EMPTY;
    int status = secret_load(operates, &reads, access, &error);
    assert_int_equal(status, error.size ? ERR_INVALID : 0);
    snprintf(said, sizeof said, "%s", error.data);
    buf_release(&error);
    return said;
}

static void tokens_are_read(void **state)
{
    static const char *const good[] = {TOKEN, TOKEN "\n", TOKEN "\r\n", TOKEN "\nmore\n"};
    const struct secret_source file = {"operator_token", path, "the-environment-is-not-asked"},
                               none = {"operator_token", "", ""}, value = {"operator_token", "", TOKEN};
    struct access access, same;
    (void)state;
    access_init(&access, "", "");
    access_init(&same, "", "");
    access_tokens(&same, TOKEN, NULL);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        put(good[i]);
        assert_string_equal(load(&file, "", &access), "");
        assert_string_equal(access.operator.digest, same.operator.digest);
    }
    assert_string_equal(load(&value, "", &access), "");
    assert_string_equal(access.operator.digest, same.operator.digest);
    assert_string_equal(load(&none, "", &access), "");
    assert_false(access.operator.set);
    assert_false(access.reader.set);
}

static void others_are_refused_and_the_old_ones_kept(void **state)
{
    static const char *const bad[] = {"", "\n", "short", "0123456789 abcdefgh", "\n0123456789abcdef\n"};
    const struct secret_source file = {"operator_token", path, ""}, value = {"operator_token", "", "short"},
                               nowhere = {"operator_token", "/nowhere/token", ""}, same = {"operator_token", "", TOKEN};
    struct access access;
    (void)state;
    access_init(&access, "", "");
    access_tokens(&access, TOKEN, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(bad[i]);
        assert_non_null(strstr(load(&file, "", &access), path));
    }
    char longer[400];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    put(longer);
    assert_non_null(strstr(load(&file, "", &access), path));
    assert_non_null(strstr(load(&nowhere, "", &access), "/nowhere/token"));
    assert_non_null(strstr(load(&value, "", &access), "environment"));
    assert_null(strstr(load(&value, "", &access), "short"));
    assert_non_null(strstr(load(&same, TOKEN, &access), "differ"));
    assert_non_null(strstr(load(&same, "short", &access), "read_token"));
    assert_true(access.operator.set);
    assert_false(access.reader.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_read),
        cmocka_unit_test(others_are_refused_and_the_old_ones_kept),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
