/* The allow list: what is a list, and who may say what. Also key files. */
#include "allow.h"

#include "log.h"
#include "temp_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define A "ErZS+t@>w(YI.[[?dSqDH57(-[.hiSL[f%Npw[OI"

static struct curve_pair pairs[3];

static int make_pairs(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR + 1, false); /* warnings of exposed files are meant here */
    for (int i = 0; i < 3; i++)
        assert_int_equal(curve_pair_make(&pairs[i]), 0);
    return 0;
}

static struct allow *parse(const char *text, struct buf *error)
{
    buf_reset(error);
    return allow_parse("list", text, error);
}

static void what_is_a_list(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY, text = BUF_EMPTY;
    static const char *const empty[] = {"", "\n\n", "# nobody\n", "  # nobody\n \t\n", "#"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        struct allow *allow = parse(empty[i], &error);
        assert_non_null(allow);
        assert_int_equal(allow_count(allow), 0);
        assert_null(allow_find(allow, pairs[0].public_key));
        allow_free(allow);
    }
    buf_printf(&text, "# all\r\nw-1 worker %s\r\n\tw-1\tfetcher,operator %s  \nf operator %s", pairs[0].public_key,
               pairs[1].public_key, pairs[2].public_key);
    struct allow *allow = parse(text.data, &error);
    assert_non_null(allow);
    assert_int_equal(allow_count(allow), 3);
    assert_string_equal(allow_find(allow, pairs[1].public_key)->member, "w-1");
    assert_string_equal(allow_find(allow, pairs[2].public_key)->member, "f");
    assert_null(allow_find(allow, pairs[0].secret_key));
    assert_null(allow_find(allow, ""));
    allow_free(allow);
    allow_free(NULL);
    buf_release(&text);
    buf_release(&error);
}

static void what_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {{"w", "three words"},
                {"w worker", "three words"},
                {"# x\nw worker key more", "list:2: three words"},
                {"w/1 worker " A, "id"},
                {"w king " A, "roles"},
                {"w worker,king " A, "roles"},
                {"w , " A, "roles"},
                {"w worker short", "no public key"},
                {"w worker ErZS+t@>w(YI.[[?dSqDH57(-[.hiSL[f%Npw[O\"", "no public key"},
                {"w worker ########################################", "no public key"}};
    struct buf error = BUF_EMPTY, text = BUF_EMPTY;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(parse(rows[i].text, &error));
        if (!strstr(error.data, rows[i].says))
            fail_msg("%s: %s", rows[i].text, error.data);
    }
    buf_printf(&text, "a worker %s\nb worker %s\n", pairs[0].public_key, pairs[0].public_key);
    assert_null(parse(text.data, &error));
    assert_non_null(strstr(error.data, "same key"));
    buf_reset(&error);
    assert_null(allow_read("/nowhere/list", &error));
    assert_non_null(strstr(error.data, "/nowhere/list"));
    buf_release(&text);
    buf_release(&error);
}

/* ---- who may say what ---- */

static bool may(const struct allow *allow, int pair, const char *member, Isobar__V1__Envelope *envelope)
{
    envelope->member = (char *)member;
    return allow_message(allow, pairs[pair].public_key, envelope);
}

static void who_may_say_what(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY, text = BUF_EMPTY;
    buf_printf(&text, "w worker %s\nf fetcher %s\no operator %s\n", pairs[0].public_key, pairs[1].public_key,
               pairs[2].public_key);
    struct allow *allow = parse(text.data, &error);
    Isobar__V1__Hello hello = ISOBAR__V1__HELLO__INIT;
    Isobar__V1__Heartbeat beat = ISOBAR__V1__HEARTBEAT__INIT;
    Isobar__V1__Released released = ISOBAR__V1__RELEASED__INIT;
    Isobar__V1__Command command = ISOBAR__V1__COMMAND__INIT;
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    static const char *const names[] = {"w", "f", "o"};
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
    envelope.hello = &hello;
    for (int role = -1; role <= 40; role++) {
        hello.role = (Isobar__V1__Role)role;
        for (int i = 0; i < 3; i++)
            assert_int_equal(may(allow, i, names[i], &envelope), role == i + 1);
    }
    hello.role = ISOBAR__V1__ROLE__WORKER;
    assert_false(may(allow, 0, "f", &envelope)); /* another's name */
    assert_false(may(allow, 1, "w", &envelope)); /* another's key */
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &beat;
    for (int i = 0; i < 3; i++) {
        beat.n_partitions = beat.n_shards = 0;
        assert_true(may(allow, i, names[i], &envelope));
        beat.n_partitions = 1;
        assert_int_equal(may(allow, i, names[i], &envelope), i == 0);
        beat.n_shards = 1;
        assert_false(may(allow, i, names[i], &envelope));
        beat.n_partitions = 0;
        assert_int_equal(may(allow, i, names[i], &envelope), i == 1);
    }
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_RELEASED;
    envelope.released = &released;
    for (int i = 0; i < 3; i++)
        assert_int_equal(may(allow, i, names[i], &envelope), i == 0);
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_COMMAND;
    envelope.command = &command;
    for (int i = 0; i < 3; i++)
        assert_int_equal(may(allow, i, names[i], &envelope), i == 2);
    allow_free(allow);
    buf_release(&text);
    buf_release(&error);
}

/* ---- files ---- */

/* Writes the text, in which \1 and \2 stand for two secret keys, and \3 and \4 for two public ones. */
static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (const char *p = text; *p; p++) {
        if (*p == '\1' || *p == '\2')
            fputs(pairs[*p - 1].secret_key, file);
        else if (*p == '\3' || *p == '\4')
            fputs(pairs[*p - 2].public_key, file);
        else
            fputc(*p, file);
    }
    assert_int_equal(fclose(file), 0);
}

static char directory[TEMP_DIRECTORY_BYTES], secret[TEMP_DIRECTORY_BYTES + 16], servers[TEMP_DIRECTORY_BYTES + 16];

static int make_files(void **state)
{
    (void)state;
    if (!temp_directory(directory))
        return -1;
    snprintf(secret, sizeof secret, "%s/key", directory);
    snprintf(servers, sizeof servers, "%s/server", directory);
    put(secret, "\1\n");
    put(servers, "\3\n");
    return 0;
}

static int drop_files(void **state)
{
    (void)state;
    return unlink(secret) == 0 && unlink(servers) == 0 && rmdir(directory) == 0 ? 0 : -1;
}

static void secret_key_files(void **state)
{
    (void)state;
    struct curve_pair read;
    struct buf error = BUF_EMPTY;
    static const char *const good[] = {"\1", "\1\n", "# secret, of w\n\1\n", "\n# x\r\n\1  \r\n\n"};
    static const char *const bad[] = {"", "# \1\n", "x\1\n", "\1\n\2\n", "\1\nx\n", "not a key\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        put(secret, good[i]);
        assert_int_equal(curve_pair_read(secret, &read, &error), 0);
        assert_string_equal(read.secret_key, pairs[0].secret_key);
        assert_string_equal(read.public_key, pairs[0].public_key);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(secret, bad[i]);
        buf_reset(&error);
        assert_int_not_equal(curve_pair_read(secret, &read, &error), 0);
        assert_non_null(strstr(error.data, secret));
        assert_null(strstr(error.data, pairs[0].secret_key));
    }
    buf_reset(&error);
    assert_int_not_equal(curve_pair_read(directory, &read, &error), 0);
    buf_release(&error);
}

/* A file may hold several keys of one server, so that they can be replaced. */
static void server_key_files(void **state)
{
    (void)state;
    struct curve_client *client;
    struct buf error = BUF_EMPTY;
    static const char *const few[] = {"\3\n", "# new\n\3\n# old\n\4\n", "\3\n\4\n\3\n\4\n"};
    static const size_t counts[] = {1, 2, 4};
    static const char *const none[] = {"", "\3\n\4\n\3\n\4\n\3\n", "\3\nx\n"};
    for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
        put(servers, few[i]);
        assert_true(curve_client_read(secret, servers, &client, &error));
        assert_int_equal(client->servers[0].count, counts[i]);
        assert_string_equal(client->servers[0].list[0], pairs[1].public_key);
        curve_client_free(client);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        put(servers, none[i]);
        buf_reset(&error);
        assert_false(curve_client_read(secret, servers, &client, &error));
        assert_non_null(strstr(error.data, servers));
    }
    buf_release(&error);
}

static void the_keys_of_both_sides(void **state)
{
    (void)state;
    struct curve_client *client;
    struct curve_server *server;
    struct buf error = BUF_EMPTY;
    char both[128];
    snprintf(both, sizeof both, "%s, %s", pairs[1].public_key, pairs[2].public_key);
    assert_true(curve_client_read(secret, both, &client, &error));
    assert_int_equal(client->server_count, 2);
    assert_string_equal(client->servers[1].list[0], pairs[2].public_key);
    curve_client_free(client);
    assert_true(curve_client_read("", "", &client, &error) && client == NULL);
    assert_false(curve_client_read(secret, "", &client, &error));
    assert_false(curve_client_read("", both, &client, &error));
    assert_false(curve_client_read(secret, ",", &client, &error));
    assert_false(curve_client_read(secret, "/nowhere/x.public", &client, &error));
    assert_false(curve_client_read(secret, secret, &client, &error)); /* the secret key is nobody's public one */
    assert_false(curve_server_read(secret, "", &server, &error));
    assert_false(curve_server_read(secret, secret, &server, &error));
    assert_true(curve_server_read("", "", &server, &error) && server == NULL);
    assert_null(strstr(error.data, pairs[0].secret_key));
    buf_release(&error);
}

#define FILES_TEST(name) cmocka_unit_test_setup_teardown(name, make_files, drop_files)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_list), cmocka_unit_test(what_is_none), cmocka_unit_test(who_may_say_what),
        FILES_TEST(secret_key_files),     FILES_TEST(server_key_files),   FILES_TEST(the_keys_of_both_sides),
    };
    return cmocka_run_group_tests(tests, make_pairs, NULL);
}
