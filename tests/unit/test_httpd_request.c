/* Requests as the handler sees them and answers as the client does: methods, decoding, headers, HEAD, gzip, late
 * answers. */
#include "httpd.h"

#include "capture.h"
#include "http_fixture.h"

#include <jansson.h>

#define END " HTTP/1.1\r\nHost: x\r\n\r\n"

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture, (struct httpd_config){.deadline_ms = 10000});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

static void assert_echo(const char *request, const char *expected)
{
    struct response response;
    ask(&fixture, request, &response);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body, expected);
    response_free(&response);
}

static void the_handler_sees_the_request(void **state)
{
    (void)state;
    assert_echo("GET /echo" END, "method=GET path=/echo a=(none) header=(none) size=0 body=");
    assert_echo("GET /a%20b/%C3%A9?x=1&a=1%2B1+2&b" END, "method=GET path=/a b/é a=1+1 2 header=(none) size=0 body=");
    assert_echo("GET /?a" END, "method=GET path=/ a= header=(none) size=0 body=");
    assert_echo("GET /?a=" END, "method=GET path=/ a= header=(none) size=0 body=");
    assert_echo("GET /?a=first&a=second" END, "method=GET path=/ a=first header=(none) size=0 body=");
    /* a NUL neither ends nor hides anything */
    assert_echo("GET /%00hidden" END, "method=GET path=/\x01hidden a=(none) header=(none) size=0 body=");
    assert_echo("GET /%00" END, "method=GET path=/\x01 a=(none) header=(none) size=0 body=");
    assert_echo("GET /?a=1%002" END, "method=GET path=/ a=1\x01"
                                     "2 header=(none) size=0 body=");
    assert_echo("GET /%zz" END, "method=GET path=/%zz a=(none) header=(none) size=0 body=");
    assert_echo("POST /p HTTP/1.1\r\nHost: x\r\nX-TEST: some value\r\nContent-Length: 5\r\n\r\nab\ncd",
                "method=POST path=/p a=(none) header=some value size=5 body=ab\ncd");
    assert_echo("POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                "method=POST path=/p a=(none) header=(none) size=5 body=abcde");
    assert_echo("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
                "method=POST path=/p a=(none) header=(none) size=0 body=");
}

static void of_several_lines_the_last_is_found(void **state)
{
    (void)state;
#define LAST "GET /last HTTP/1.1\r\nHost: x\r\n"
    assert_echo(LAST "\r\n", "0 (none)");
    assert_echo(LAST "X-Test: a\r\nX-Tes: c\r\nX-Tests: d\r\n\r\n", "1 a");
    assert_echo(LAST "X-Test: a\r\nOther: b\r\nx-TEST: c, d\r\n\r\n", "2 c, d");
    assert_echo(LAST "X-Test: a\r\nX-Test:\r\n\r\n", "2 ");
}

static void any_method_reaches_the_handler(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW", "get", "TRACE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char request[64], expected[96];
        snprintf(request, sizeof request, "%s /m" END, methods[i]);
        snprintf(expected, sizeof expected, "method=%s path=/m a=(none) header=(none) size=0 body=", methods[i]);
        assert_echo(request, expected);
    }
}

/* Two requests on one connection: were a body sent after the first, the second answer would not be found. */
static void head_has_the_header_only(void **state)
{
    (void)state;
    static const char *const paths[] = {"/static", "/big?n=100000", "/problem?detail=x"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char request[128];
        struct client client;
        struct response head, get;
        connect_to(&fixture, &client);
        snprintf(request, sizeof request, "HEAD %s" END "GET %s" END, paths[i], paths[i]);
        client_send(fixture.loop, &client, request);
        UNTIL(fixture.loop, response_take(&client, true, &head));
        UNTIL(fixture.loop, response_take(&client, false, &get));
        assert_int_equal(head.status, get.status);
        assert_true(strtoul(head_find(head.head, "Content-Length"), NULL, 10) == get.size && get.size > 0);
        assert_int_equal(client.in.size, 0);
        response_free(&head);
        response_free(&get);
        client_close(&client, false);
    }
}

static void head_of_a_stream_ends(void **state)
{
    (void)state;
    struct response response;
    int closed = fixture.closed;
    ask(&fixture, "HEAD /stream" END, &response);
    assert_int_equal(response.status, 200);
    assert_memory_equal(head_find(response.head, "Content-Type"), "text/event-stream\r\n", 19);
    response_free(&response);
    UNTIL(fixture.loop, fixture.closed == closed + 1); /* its owner hears of it */
}

static void answers_of_every_kind(void **state)
{
    (void)state;
    struct response response;
    ask(&fixture, "GET /static" END, &response);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body, "body{}");
    assert_memory_equal(head_find(response.head, "Content-Type"), "text/css\r\n", 10);
    response_free(&response);
    ask(&fixture, "GET /big?n=3000000" END, &response);
    assert_int_equal(response.size, 3000000);
    for (size_t i = 0; i < response.size; i++)
        if (response.body[i] != (char)('a' + i % 26))
            fail_msg("byte %zu", i);
    response_free(&response);
    ask(&fixture, "GET /big?n=0" END, &response);
    assert_int_equal(response.size, 0);
    assert_memory_equal(head_find(response.head, "Content-Length"), "0\r\n", 3);
    response_free(&response);
}

static void problems_are_json(void **state)
{
    (void)state;
    static const struct {
        const char *query, *detail;
    } table[] = {
        {"plain", "plain"},
        {"%22quoted%22%5C", "\"quoted\"\\"},
        {"a%0Ab%09c", "a\nb\tc"},
        {"%C3%A9", "é"},
        {"%3Cscript%3E", "<script>"},
        {"%FF%FE", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"%E2%82", "\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char request[128];
        struct response response;
        json_error_t error;
        snprintf(request, sizeof request, "GET /problem?detail=%s" END, table[i].query);
        ask(&fixture, request, &response);
        assert_int_equal(response.status, 503);
        assert_memory_equal(head_find(response.head, "Content-Type"), "application/problem+json\r\n", 26);
        assert_memory_equal(head_find(response.head, "Retry-After"), "7\r\n", 3);
        assert_memory_equal(head_find(response.head, "X-Kind"), "test\r\n", 6);
        assert_null(strchr(response.body, '<'));
        json_t *problem = json_loads(response.body, 0, &error);
        if (!problem)
            fail_msg("%s: %s", error.text, response.body);
        assert_string_equal(json_string_value(json_object_get(problem, "type")), "about:blank");
        assert_string_equal(json_string_value(json_object_get(problem, "title")), "Not \"now\"");
        assert_int_equal(json_integer_value(json_object_get(problem, "status")), 503);
        assert_string_equal(json_string_value(json_object_get(problem, "detail")), table[i].detail);
        json_decref(problem);
        response_free(&response);
    }
}

static void gzip_is_taken_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *accept; /* NULL: no such header */
        bool yes;
    } table[] = {
        {NULL, false},
        {"", false},
        {"gzip", true},
        {"GZip", true},
        {"x-gzip", true},
        {"gzip, deflate, br", true},
        {"deflate, gzip;q=1.0, *;q=0.5", true},
        {"br,gzip", true},
        {"gzip;q=0.001", true},
        {"gzip;q=0", false},
        {"gzip; q=0", false},
        {"gzip ;q=0.000", false},
        {"gzip;Q=0", false},
        {"gzip;level=9;q=0", false},
        {"deflate, gzip;q=0, br", false},
        {"identity", false},
        {"identity, br;q=0.5", false},
        {"gzipped", false},
        {"not-gzip", false},
        {"br;x=gzip", false},
        {"*", true},
        {"*;q=0", false},
        {"*;q=0, gzip", true},
        {"gzip;q=0, *", false},
        {",, ,", false},
        {" , gzip", true},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char request[160];
        struct response response;
        snprintf(request, sizeof request, "GET /gzip HTTP/1.1\r\nHost: x\r\n%s%s%s\r\n",
                 table[i].accept ? "Accept-Encoding: " : "", table[i].accept ? table[i].accept : "",
                 table[i].accept ? "\r\n" : "");
        ask(&fixture, request, &response);
        if (response.status != (table[i].yes ? 200 : 406))
            fail_msg("'%s'", table[i].accept ? table[i].accept : "(none)");
        response_free(&response);
    }
}

/* ---- answers given later ---- */

static void an_answer_may_come_later(void **state)
{
    (void)state;
    struct client client;
    struct response response;
    connect_to(&fixture, &client);
    for (int i = 0; i < 3; i++) { /* on one connection */
        fixture.deferred = NULL;
        client_send(fixture.loop, &client, "GET /later?a=kept" END);
        UNTIL(fixture.loop, fixture.deferred);
        for (int k = 0; k < 5; k++)
            turn(fixture.loop);
        assert_int_equal(client_read(&client), false);
        assert_string_equal(httpd_path(fixture.deferred), "/later"); /* stays valid */
        assert_string_equal(httpd_query(fixture.deferred, "a"), "kept");
        httpd_reply_header(fixture.deferred, "X-Late", "yes");
        httpd_reply(fixture.deferred, 202, "text/plain", "late", 4);
        UNTIL(fixture.loop, response_take(&client, false, &response)); /* although nobody else moves */
        assert_int_equal(response.status, 202);
        assert_string_equal(response.body, "late");
        assert_non_null(head_find(response.head, "X-Late"));
        response_free(&response);
    }
    client_send(fixture.loop, &client, "GET /later-now" END);
    UNTIL(fixture.loop, response_take(&client, false, &response));
    assert_string_equal(response.body, "now");
    response_free(&response);
    client_close(&client, false);
}

static void a_late_answer_may_be_a_stream(void **state)
{
    (void)state;
    struct client client;
    int closed = fixture.closed;
    fixture.deferred = NULL;
    connect_to(&fixture, &client);
    client_send(fixture.loop, &client, "GET /later" END);
    UNTIL(fixture.loop, fixture.deferred);
    open_stream(&fixture, fixture.deferred, "text/event-stream");
    struct httpd_stream *stream = fixture.streams[fixture.opened - 1];
    stream_text(stream, "data: 1\n\n"); /* before the header is out */
    UNTIL(fixture.loop, client_has(&client, "data: 1\n\n"));
    httpd_stream_close(stream);
    UNTIL(fixture.loop, client_has(&client, "\r\n0\r\n\r\n"));
    UNTIL(fixture.loop, fixture.closed == closed + 1);
    client_close(&client, false);
}

static void the_client_may_be_gone_before_a_late_answer(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        struct client client;
        fixture.deferred = NULL;
        connect_to(&fixture, &client);
        client_send(fixture.loop, &client, "GET /later" END);
        UNTIL(fixture.loop, fixture.deferred);
        client_close(&client, reset);
        for (int i = 0; i < 20; i++)
            turn(fixture.loop);
        assert_string_equal(httpd_path(fixture.deferred), "/later"); /* it is the owner's until answered */
        httpd_reply(fixture.deferred, 200, "text/plain", "nobody", 6);
        UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    }
}

static void many_late_answers_in_any_order(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    struct client clients[COUNT];
    struct httpd_request *requests[COUNT];
    struct response response;
    for (int i = 0; i < COUNT; i++) {
        fixture.deferred = NULL;
        connect_to(&fixture, &clients[i]);
        client_send(fixture.loop, &clients[i], "GET /later" END);
        UNTIL(fixture.loop, fixture.deferred);
        requests[i] = fixture.deferred;
    }
    for (int k = 0; k < COUNT; k++) {
        int i = k * 37 % COUNT;
        char text[16];
        snprintf(text, sizeof text, "number %d", i);
        httpd_reply(requests[i], 200, "text/plain", text, strlen(text));
        if (k % 3 == 0)
            turn(fixture.loop); /* some one by one, some together */
    }
    for (int i = 0; i < COUNT; i++) {
        UNTIL(fixture.loop, response_take(&clients[i], false, &response));
        assert_int_equal(atoi(response.body + 7), i);
        response_free(&response);
        client_close(&clients[i], false);
    }
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
}

/* ---- misuse ---- */

static void on_silent(void *arg, struct httpd_request *request)
{
    (void)arg, (void)request; /* neither answers nor defers */
}

static void on_twice(void *arg, struct httpd_request *request)
{
    (void)arg;
    httpd_reply(request, 200, "text/plain", "1", 1);
    httpd_reply(request, 200, "text/plain", "2", 1);
}

static void serve_one(void *arg)
{
    struct loop *loop = loop_new();
    struct httpd_config config = {
        .bind = "127.0.0.1", .connections = 9, .connections_per_address = 9, .deadline_ms = 1000};
    struct httpd *httpd = httpd_new(loop, &config, *(httpd_fn **)arg, NULL, NULL);
    struct client client;
    client_open(&client, httpd_port(httpd), NULL, 0);
    (void)client_write(&client, "GET /" END, sizeof "GET /" END - 1);
    for (int64_t limit = clock_monotonic_ms() + 5000; clock_monotonic_ms() < limit && !client_read(&client);)
        turn(loop);
}

static void a_handler_answers_exactly_once(void **state)
{
    (void)state;
    httpd_fn *silent = on_silent, *twice = on_twice;
    assert_true(dies(serve_one, &silent));
    assert_true(dies(serve_one, &twice));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_several_lines_the_last_is_found),
        cmocka_unit_test(the_handler_sees_the_request),
        cmocka_unit_test(any_method_reaches_the_handler),
        cmocka_unit_test(head_has_the_header_only),
        cmocka_unit_test(head_of_a_stream_ends),
        cmocka_unit_test(answers_of_every_kind),
        cmocka_unit_test(problems_are_json),
        cmocka_unit_test(gzip_is_taken_or_refused),
        cmocka_unit_test(an_answer_may_come_later),
        cmocka_unit_test(a_late_answer_may_be_a_stream),
        cmocka_unit_test(the_client_may_be_gone_before_a_late_answer),
        cmocka_unit_test(many_late_answers_in_any_order),
        cmocka_unit_test(a_handler_answers_exactly_once),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
