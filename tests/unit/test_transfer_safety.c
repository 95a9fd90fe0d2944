/*
 * Transfers to servers that mean no good, over real sockets: endless, slow, cut off and blown up answers, and names
 * that lead where they must not. getaddrinfo is this file's, so that names lead where a test wants.
 */
#include "loop_kit.h"
#include "raw_server.h"
#include "transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* ---- names ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool stuck; /* looking up "stuck.test" waits for ever */
    int waiting, lookups;
} names = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

/* "a-<address>[-<address>].test" has these addresses, with _ for a colon; nothing else has one. */
static int add_address(const char *text, int port, struct addrinfo **list)
{
    struct addrinfo *info = calloc(1, sizeof *info + sizeof(struct sockaddr_storage)), **last = list;
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)(info + 1);
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)(info + 1);
    info->ai_addr = (struct sockaddr *)(info + 1);
    info->ai_socktype = SOCK_STREAM;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        info->ai_family = v4->sin_family = AF_INET;
        info->ai_addrlen = sizeof *v4;
        v4->sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        info->ai_family = v6->sin6_family = AF_INET6;
        info->ai_addrlen = sizeof *v6;
        v6->sin6_port = htons((uint16_t)port);
    }
    while (*last)
        last = &(*last)->ai_next;
    *last = info;
    return info->ai_family;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    char text[256], *saved = NULL;
    (void)hints;
    *out = NULL;
    pthread_mutex_lock(&names.lock);
    names.lookups++;
    bool stuck = strcmp(name, "stuck.test") == 0;
    names.waiting += stuck;
    pthread_cond_broadcast(&names.change);
    while (stuck && names.stuck)
        pthread_cond_wait(&names.change, &names.lock);
    names.waiting -= stuck;
    pthread_cond_broadcast(&names.change);
    pthread_mutex_unlock(&names.lock);
    snprintf(text, sizeof text, "%s", name);
    char *end = strstr(text, ".test");
    if (stuck || !end || strncmp(text, "a-", 2) != 0)
        return strcmp(name, "later.test") == 0 ? EAI_AGAIN : EAI_NONAME;
    *end = '\0';
    for (char *c = text; *c; c++)
        *c = *c == '_' ? ':' : *c;
    for (char *at = strtok_r(text + 2, "-", &saved); at; at = strtok_r(NULL, "-", &saved))
        assert_true(add_address(at, service ? atoi(service) : 0, out) != 0);
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

/* ---- the fixture ---- */

struct fixture {
    struct loop *loop;
    struct raw_server server;
    struct transfers *transfers;
    struct transfer_config config;
    struct netlist allowed;
    int ends;
    bool done;
    struct transfer_result result;
    char reason[256];
};

static void on_done(void *arg, void *opaque, const struct transfer_result *result)
{
    struct fixture *fixture = arg;
    (void)opaque;
    fixture->ends++;
    fixture->result = *result;
    fixture->result.body = NULL;
    snprintf(fixture->reason, sizeof fixture->reason, "%s", result->reason);
    fixture->done = true;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->loop = loop_new();
    raw_open(&fixture->server, fixture->loop);
    fixture->config = (struct transfer_config){.allow_http = true,
                                               .agent = "isobar-fetcher",
                                               .proxy = "",
                                               .ca_file = "",
                                               .allowed = &fixture->allowed,
                                               .concurrency = 4,
                                               .connect_timeout_ms = 300,
                                               .timeout_ms = 1000};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    transfers_free(fixture->transfers);
    raw_close(&fixture->server);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void open_transfers(struct fixture *fixture)
{
    struct buf error = BUF_EMPTY;
    transfers_free(fixture->transfers);
    fixture->transfers = transfers_new(fixture->loop, &fixture->config, on_done, fixture, &error);
    assert_non_null(fixture->transfers);
}

static void wait_for_end(struct fixture *fixture)
{
    fixture->done = false;
    assert_int_equal(loop_run_until(fixture->loop, &fixture->done, LIMIT_MS), 0);
}

static void start(struct fixture *fixture, const char *host)
{
    char url[256];
    snprintf(url, sizeof url, "http://%s:%d/x?appid=SECRET", host, fixture->server.port);
    assert_int_equal(transfers_start(fixture->transfers, url, NULL), 0);
}

static enum transfer_end get(struct fixture *fixture, const char *host)
{
    start(fixture, host);
    wait_for_end(fixture);
    assert_null(strstr(fixture->reason, "SECRET"));
    return fixture->result.end;
}

/* GETs from a server on loopback, which is allowed, that says this. */
static enum transfer_end get_from(struct fixture *fixture, enum raw_mode mode, const char *head, const char *piece)
{
    if (!fixture->transfers) {
        netlist_add_host(&fixture->allowed, "127.0.0.1");
        open_transfers(fixture);
    }
    raw_say(&fixture->server, mode, head, piece);
    return get(fixture, "127.0.0.1");
}

/* ---- answers ---- */

static void test_endless_bodies_end_at_the_cap(void **state)
{
    struct fixture *fixture = *state;
    static char piece[65536];
    memset(piece, 'x', sizeof piece - 1);
    assert_int_equal(get_from(fixture, RAW_FLOOD, "HTTP/1.1 200 OK\r\n\r\n", piece), TRANSFER_TOO_LARGE);
    assert_non_null(strstr(fixture->reason, "1 MiB"));
    assert_true(fixture->server.sent < 16 * TRANSFER_BODY_MAX); /* what was on its way in buffers */
    assert_int_equal(get_from(fixture, RAW_FLOOD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                              "8\r\nxxxxxxxx\r\n8\r\nxxxxxxxx\r\n"),
                     TRANSFER_TOO_LARGE);
    /* One that tells its size is not even begun. */
    assert_int_equal(get_from(fixture, RAW_HOLD, "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", ""),
                     TRANSFER_TOO_LARGE);
}

static void test_endless_headers_end_at_the_cap(void **state)
{
    struct fixture *fixture = *state;
    static char line[1000];
    assert_int_equal(get_from(fixture, RAW_FLOOD, "HTTP/1.1 200 OK\r\n", "X-Header: 0123456789\r\n"),
                     TRANSFER_TOO_LARGE);
    assert_non_null(strstr(fixture->reason, "64 KiB"));
    memset(line, 'x', sizeof line - 1);
    assert_int_not_equal(get_from(fixture, RAW_FLOOD, "HTTP/1.1 200 OK\r\nX: ", line), TRANSFER_ANSWERED);
    assert_int_not_equal(get_from(fixture, RAW_FLOOD, "HTTP/1.1 100 Continue\r\n\r\n",
                                  "HTTP/1.1 100 Continue\r\nX-Header: 0123456789\r\n\r\n"),
                         TRANSFER_ANSWERED);
}

static void test_slow_servers_are_given_up(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum raw_mode mode;
        const char *head, *piece;
    } rows[] = {{RAW_HOLD, "", ""},
                {RAW_HOLD, "HTTP/1.1 200 OK\r\n", ""},
                {RAW_DRIP, "HTTP/1.1 200 OK\r\n", "X: y\r\n"},
                {RAW_DRIP, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "xxxxx"},
                {RAW_DRIP, "HTTP/1.1 200 OK\r\n\r\n", "x"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t before = clock_monotonic_ms();
        assert_int_equal(get_from(fixture, rows[i].mode, rows[i].head, rows[i].piece), TRANSFER_TIMEOUT);
        assert_in_range(clock_monotonic_ms() - before, 900, 5000);
    }
}

static void test_what_is_cut_off_is_no_answer(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *head, *piece;
    } rows[] = {{"", ""},
                {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "{\"a\":"},
                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "8\r\n{\"a\""},
                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "zz\r\n"},
                {"220 ftp.example.org ready\r\n", ""},
                {"HTTP/0.9 is text without headers", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum transfer_end end = get_from(fixture, RAW_CLOSE, rows[i].head, rows[i].piece);
        if (end != TRANSFER_NETWORK)
            fail_msg("%zu: %s, %s", i, transfer_end_name(end), fixture->reason);
        assert_true(*fixture->reason != '\0');
    }
    assert_int_equal(get_from(fixture, RAW_CLOSE, "HTTP/1.1 204 No Content\r\n\r\n", ""), TRANSFER_ANSWERED);
    assert_int_equal(fixture->result.http_status, 204);
}

/* A gzip stream of `size` zeros. */
static size_t bomb(size_t size, Bytef *out, size_t room)
{
    static Bytef zeros[65536];
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    for (size_t done = 0; done < size; done += sizeof zeros) {
        stream.next_in = zeros;
        stream.avail_in = sizeof zeros;
        assert_int_equal(deflate(&stream, done + sizeof zeros < size ? Z_NO_FLUSH : Z_FINISH) >= 0, 1);
    }
    assert_int_equal(deflateEnd(&stream), Z_OK);
    return room - stream.avail_out;
}

static void test_a_compressed_bomb_ends_at_the_cap(void **state)
{
    struct fixture *fixture = *state;
    static Bytef packed[256 * 1024];
    size_t size = bomb(64 * TRANSFER_BODY_MAX, packed, sizeof packed);
    assert_true(size < TRANSFER_BODY_MAX / 8);
    netlist_add_host(&fixture->allowed, "127.0.0.1");
    open_transfers(fixture);
    raw_say(&fixture->server, RAW_CLOSE, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "");
    fixture->server.piece = (const char *)packed;
    fixture->server.piece_size = size;
    assert_int_equal(get(fixture, "127.0.0.1"), TRANSFER_TOO_LARGE);
    size = bomb(TRANSFER_BODY_MAX, packed, sizeof packed); /* as much as is allowed */
    fixture->server.piece_size = size;
    assert_int_equal(get(fixture, "127.0.0.1"), TRANSFER_ANSWERED);
    assert_int_equal(fixture->result.size, TRANSFER_BODY_MAX);
}

static void test_only_gzip_is_undone(void **state)
{
    struct fixture *fixture = *state;
    static const char *const heads[] = {"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\nCONTENT-ENCODING:zstd\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: zstd, chunked\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        assert_int_equal(get_from(fixture, RAW_CLOSE, heads[i], "x"), TRANSFER_NETWORK);
        assert_non_null(strstr(fixture->reason, "encod"));
    }
    assert_int_equal(get_from(fixture, RAW_CLOSE, "HTTP/1.1 200 OK\r\nContent-Encoding: identity \r\n\r\n", "x"),
                     TRANSFER_ANSWERED);
    assert_int_equal(get_from(fixture, RAW_CLOSE, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "not gzip"),
                     TRANSFER_NETWORK);
}

static void test_the_answer_to_a_post_is_not_read_for_ever(void **state)
{
    struct fixture *fixture = *state;
    static char piece[65536], url[64];
    memset(piece, 'x', sizeof piece - 1);
    netlist_add_host(&fixture->allowed, "localhost");
    fixture->config.timeout_ms = LIMIT_MS;
    open_transfers(fixture);
    raw_say(&fixture->server, RAW_FLOOD, "HTTP/1.1 200 OK\r\n\r\n", piece);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", fixture->server.port);
    assert_int_equal(transfers_post(fixture->transfers, url, NULL, 0, "x", 1, NULL), 0);
    wait_for_end(fixture);
    assert_int_equal(fixture->result.end, TRANSFER_ANSWERED);
    assert_int_equal(fixture->result.http_status, 200);
    assert_true(fixture->server.sent < 64 * TRANSFER_BODY_MAX);
}

/* ---- addresses ---- */

static void test_names_that_lead_inside_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const rows[][2] = {
        {"a-127.0.0.1.test", "127.0.0.1, a loopback address"},
        {"a-10.1.2.3.test", "10.1.2.3, a private address"},
        {"a-192.168.1.1.test", "192.168.1.1, a private address"},
        {"a-169.254.169.254.test", "169.254.169.254, a metadata address"},
        {"a-224.0.0.1.test", "multicast"},
        {"a-0.0.0.0.test", "reserved"},
        {"a-__1.test", "::1, a loopback address"},
        {"a-fe80__1.test", "link-local"},
        {"a-fd00_ec2__254.test", "metadata"},
        {"a-__ffff_127.0.0.1.test", "127.0.0.1, a loopback address"},
        {"a-64_ff9b__7f00_1.test", "loopback"},
        {"127.0.0.1", "127.0.0.1, a loopback address"},
        {"[::1]", "::1"},
        {"localhost", "loopback"},
        {"2130706433", "127.0.0.1"}, /* as a number */
        {"0x7f.1", "127.0.0.1"},
        {"a-10.1.2.3-192.168.1.1.test", "a private address"},
    };
    open_transfers(fixture);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum transfer_end end = get(fixture, rows[i][0]);
        if (end != TRANSFER_REFUSED || !strstr(fixture->reason, rows[i][1]))
            fail_msg("%s: %s, %s", rows[i][0], transfer_end_name(end), fixture->reason);
    }
    assert_int_equal(fixture->server.accepted, 0);
    assert_string_equal(transfer_end_name(TRANSFER_REFUSED), "address_refused");
}

static void test_what_is_allowed_is_called(void **state)
{
    struct fixture *fixture = *state;
    struct buf error = BUF_EMPTY;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    raw_say(&fixture->server, RAW_HOLD, answer, "");
    assert_int_equal(netlist_parse(&fixture->allowed, "127.0.0.0/8", &error), 0);
    open_transfers(fixture);
    assert_int_equal(get(fixture, "a-127.0.0.1.test"), TRANSFER_ANSWERED);
    assert_int_equal(get(fixture, "a-__ffff_127.0.0.1.test"), TRANSFER_ANSWERED);
    assert_int_equal(get(fixture, "a-10.1.2.3.test"), TRANSFER_REFUSED);
    /* One address of several is enough, and the others are still not called. */
    assert_int_equal(get(fixture, "a-10.1.2.3-127.0.0.1.test"), TRANSFER_ANSWERED);
    fixture->allowed.count = 0;
    transfer_allow_host(&fixture->allowed, "http://127.0.0.1:1/path");
    open_transfers(fixture);
    assert_int_equal(get(fixture, "127.0.0.1"), TRANSFER_ANSWERED);
    assert_int_equal(get(fixture, "a-127.0.0.2.test"), TRANSFER_REFUSED);
    fixture->allowed.count = 0;
    transfer_allow_host(&fixture->allowed, "https://api.example.org");
    transfer_allow_host(&fixture->allowed, "nonsense");
    assert_int_equal(fixture->allowed.count, 0);
    transfer_allow_host(&fixture->allowed, "https://localhost:9/");
    open_transfers(fixture);
    assert_int_equal(get(fixture, "127.0.0.1"), TRANSFER_ANSWERED);
}

/* The name is good at first; a second answer of DNS does not get around the check. */
static void test_a_kept_connection_is_the_checked_one(void **state)
{
    struct fixture *fixture = *state;
    netlist_add_host(&fixture->allowed, "127.0.0.1");
    open_transfers(fixture);
    raw_say(&fixture->server, RAW_HOLD, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "");
    for (int i = 0; i < 5; i++)
        assert_int_equal(get(fixture, "a-127.0.0.1.test"), TRANSFER_ANSWERED);
    assert_int_equal(fixture->server.accepted, 1);
}

static void test_a_proxy_is_the_operators_choice(void **state)
{
    struct fixture *fixture = *state;
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", fixture->server.port);
    fixture->config.proxy = proxy;
    open_transfers(fixture);
    raw_say(&fixture->server, RAW_HOLD, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "");
    int lookups = names.lookups;
    assert_int_equal(get(fixture, "api.example.org"), TRANSFER_ANSWERED);
    assert_int_equal(names.lookups, lookups); /* the proxy looks it up */
}

/* ---- names without an address ---- */

static void test_names_without_an_address(void **state)
{
    struct fixture *fixture = *state;
    open_transfers(fixture);
    assert_int_equal(get(fixture, "nowhere.test"), TRANSFER_NO_NAME);
    assert_non_null(strstr(fixture->reason, "nowhere.test"));
    assert_int_equal(get(fixture, "later.test"), TRANSFER_NO_NAME);
    assert_string_equal(transfer_end_name(TRANSFER_NO_NAME), "name_not_found");
}

/* A name server that does not answer holds up nothing but the transfer that asked. */
static void test_a_silent_name_server_does_not_stop_the_loop(void **state)
{
    struct fixture *fixture = *state;
    names.stuck = true;
    netlist_add_host(&fixture->allowed, "127.0.0.1");
    open_transfers(fixture);
    raw_say(&fixture->server, RAW_HOLD, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "");
    start(fixture, "stuck.test");
    assert_int_equal(get(fixture, "127.0.0.1"), TRANSFER_ANSWERED); /* meanwhile */
    int64_t before = clock_monotonic_ms();
    wait_for_end(fixture);
    assert_int_equal(fixture->result.end, TRANSFER_TIMEOUT);
    assert_true(clock_monotonic_ms() - before < 3000);
    assert_int_equal(get(fixture, "127.0.0.1"), TRANSFER_ANSWERED);
    start(fixture, "stuck.test"); /* and one is aborted */
    assert_null(transfers_abort(fixture->transfers));
    pthread_mutex_lock(&names.lock);
    names.stuck = false;
    pthread_cond_broadcast(&names.change);
    while (names.waiting > 0)
        pthread_cond_wait(&names.change, &names.lock);
    pthread_mutex_unlock(&names.lock);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_endless_bodies_end_at_the_cap),
        TEST(test_endless_headers_end_at_the_cap),
        TEST(test_slow_servers_are_given_up),
        TEST(test_what_is_cut_off_is_no_answer),
        TEST(test_a_compressed_bomb_ends_at_the_cap),
        TEST(test_only_gzip_is_undone),
        TEST(test_the_answer_to_a_post_is_not_read_for_ever),
        TEST(test_names_that_lead_inside_are_refused),
        TEST(test_what_is_allowed_is_called),
        TEST(test_a_kept_connection_is_the_checked_one),
        TEST(test_a_proxy_is_the_operators_choice),
        TEST(test_names_without_an_address),
        TEST(test_a_silent_name_server_does_not_stop_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
