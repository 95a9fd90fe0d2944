/*
 * The webhook against a real Redis and an HTTP server on the same loop: everything is told at least once and in order,
 * whatever the receiver answers, whoever leads; nothing after the lead was lost.
 */
#include "../../coordinator/webhook.h"
#include "alert_event.h"
#include "hmac.h"
#include "httpd.h"
#include "loop_kit.h"
#include "mem.h"
#include "redis_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTITIONS 3
#define SEEN_MAX   256

struct leader {
    struct store *store;
    struct webhook *webhook;
    struct coordinator_metrics metrics;
};

static struct {
    struct loop *loop;
    struct httpd *httpd;
    struct leader leaders[2];
    int answers[8]; /* statuses of the next requests; 0: 200 */
    bool hangs;     /* requests are not answered */
    struct httpd_request *held;
    char seen[SEEN_MAX][64]; /* event ids, as they came */
    int seen_count, bad;
    char url[64];
} world;

static bool is_signed(const struct httpd_request *request)
{
    size_t size;
    char code[HMAC_HEX_BYTES], wanted[96];
    struct buf text = BUF_EMPTY;
    const char *body = httpd_body(request, &size), *at = httpd_header(request, "Isobar-Timestamp"),
               *signature = httpd_header(request, "Isobar-Signature");
    if (!at || !signature)
        return false;
    buf_printf(&text, "%s.", at);
    buf_append(&text, body, size);
    (void)snprintf(wanted, sizeof wanted, "sha256=%s", hmac_sha256_hex("quiet", text.data, text.size, code));
    buf_release(&text);
    return strcmp(signature, wanted) == 0;
}

static void on_request(void *arg, struct httpd_request *request)
{
    (void)arg;
    const char *id = httpd_header(request, "Isobar-Event-Id");
    int status = world.answers[0] ? world.answers[0] : 200;
    memmove(world.answers, world.answers + 1, sizeof world.answers - sizeof *world.answers);
    world.bad += !id || !is_signed(request) || strcmp(httpd_method(request), "POST") != 0;
    if (world.hangs) {
        httpd_defer(request);
        world.held = request;
        return;
    }
    if (status == 200)
        (void)snprintf(world.seen[world.seen_count++ % SEEN_MAX], sizeof *world.seen, "%s", id ? id : "");
    if (status == 429)
        httpd_reply_header(request, "Retry-After", "0");
    httpd_reply(request, status, "text/plain", "thanks", 6);
}

/* Appends an event to the partition's stream, whose onset is `number`. */
static void tell(int32_t partition, int64_t number)
{
    struct alert_event event = {.rule = "heat",
                                .city_id = 100 + partition,
                                .onset_ms = number,
                                .change = ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_RAISED,
                                .metric = 1,
                                .name = "temperature",
                                .scale = 100,
                                .statistic = 1};
    struct buf bytes = BUF_EMPTY;
    char key[64];
    alert_event_encode(&event, &bytes);
    (void)snprintf(key, sizeof key, "t:{%d}:alerts", partition);
    const char *words[] = {"XADD", key, "*", "e", bytes.data};
    const size_t sizes[] = {4, strlen(key), 1, 1, bytes.size};
    redis_do(5, words, sizes);
    buf_release(&bytes);
}

static void on_state(void *arg, bool up, const char *reason)
{
    (void)arg, (void)up, (void)reason;
}

static void open_leader(int i)
{
    struct leader *leader = &world.leaders[i];
    struct store_config store = {.address = server.address, .timeout_ms = 2000};
    struct webhook_config config = {.url = world.url,
                                    .secret = "quiet",
                                    .ca_file = "",
                                    .allow_net = "",
                                    .prefix = "t:",
                                    .insecure = true,
                                    .timeout_ms = 5000};
    struct buf error = BUF_EMPTY;
    *leader = (struct leader){.store = store_new(world.loop, &store, on_state, NULL, &error)};
    leader->webhook = webhook_new(world.loop, leader->store, &config, &leader->metrics, &error);
    assert_non_null(leader->webhook);
    UNTIL(world.loop, store_up(leader->store));
    buf_release(&error);
}

static void close_leader(int i)
{
    store_free(world.leaders[i].store);
    webhook_free(world.leaders[i].webhook);
    world.leaders[i] = (struct leader){0};
}

static int begin(void **state)
{
    (void)state;
    struct httpd_config listen = {
        .bind = "127.0.0.1", .connections = 50, .connections_per_address = 50, .deadline_ms = 60000};
    memset(&world, 0, sizeof world);
    REDIS_DO("FLUSHALL");
    world.loop = loop_new();
    world.httpd = httpd_new(world.loop, &listen, on_request, NULL, NULL);
    assert_non_null(world.httpd);
    (void)snprintf(world.url, sizeof world.url, "http://127.0.0.1:%d/hook?token=x", httpd_port(world.httpd));
    open_leader(0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        if (world.leaders[i].store)
            close_leader(i);
    }
    assert_int_equal(world.bad, 0);
    httpd_free(world.httpd);
    loop_free(world.loop);
    return 0;
}

static void tick(int i)
{
    webhook_tick(world.leaders[i].webhook, PARTITIONS);
}

/* The first place of every partition is noted: what is told begins now. */
static void begin_to_lead(int i)
{
    struct store_reply *reply = NULL;
    int64_t known = 0;
    UNTIL(world.loop, (tick(i), reply = REDIS_CALL("HLEN", "t:webhook"), known = reply->integer,
                       store_reply_free(reply), known == PARTITIONS));
}

/* Each of the events 1 to `count` of the partition came, the first time in order; how often any came again. */
static int assert_told(int32_t partition, int64_t count)
{
    int again = 0;
    int64_t next = 1;
    for (int i = 0; i < world.seen_count; i++) {
        char id[64];
        (void)snprintf(id, sizeof id, "heat/%d/", 100 + partition);
        if (strncmp(world.seen[i], id, strlen(id)) != 0)
            continue;
        int64_t number = strtoll(world.seen[i] + strlen(id), NULL, 10);
        assert_true(number <= next);
        again += number < next;
        next += number == next;
    }
    assert_int_equal(next, count + 1);
    return again;
}

static void everything_is_told_once_and_in_order(void **state)
{
    (void)state;
    tell(0, 77); /* before there was a webhook */
    begin_to_lead(0);
    for (int64_t number = 1; number <= 40; number++) {
        for (int32_t partition = 0; partition < PARTITIONS; partition++)
            tell(partition, number);
    }
    UNTIL(world.loop, (tick(0), world.seen_count >= 40 * PARTITIONS));
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        assert_int_equal(assert_told(partition, 40), 0);
    UNTIL(world.loop, (tick(0), world.leaders[0].metrics.webhook_waiting == 0));
    assert_int_equal(world.leaders[0].metrics.webhook_sent_total, 120);
    assert_int_equal(world.leaders[0].metrics.webhook_retries_total, 0);
}

static void failures_are_tried_again(void **state)
{
    (void)state;
    begin_to_lead(0);
    const int answers[] = {500, 429, 408, 503};
    memcpy(world.answers, answers, sizeof answers);
    tell(1, 1);
    tell(1, 2);
    UNTIL(world.loop, (tick(0), world.seen_count == 2));
    assert_int_equal(assert_told(1, 2), 0);
    assert_int_equal(world.leaders[0].metrics.webhook_retries_total, 4);
    assert_int_equal(world.leaders[0].metrics.webhook_parked_total, 0);
}

static void what_is_refused_is_parked(void **state)
{
    (void)state;
    begin_to_lead(0);
    const int answers[] = {404, 302};
    memcpy(world.answers, answers, sizeof answers);
    REDIS_DO("XADD", "t:{1}:alerts", "*", "e", "junk");
    tell(1, 1);
    tell(1, 2);
    tell(1, 3);
    UNTIL(world.loop, (tick(0), world.seen_count == 1));
    assert_string_equal(world.seen[0], "heat/101/3/raised");
    assert_int_equal(world.leaders[0].metrics.webhook_parked_total, 3);
    struct store_reply *reply = REDIS_CALL("XRANGE", "t:webhook:parked", "-", "+");
    assert_int_equal(reply->count, 3);
    const struct store_reply *fields = reply->elements[1]->elements[1];
    assert_string_equal(fields->elements[5]->text, "heat/101/1/raised");
    assert_string_equal(fields->elements[7]->text, "404");
    store_reply_free(reply);
}

static void who_leads_next_goes_on(void **state)
{
    (void)state;
    begin_to_lead(0);
    open_leader(1);
    for (int64_t number = 1; number <= 5; number++)
        tell(2, number);
    UNTIL(world.loop, (tick(0), world.seen_count >= 2));
    webhook_tick(world.leaders[0].webhook, 0); /* it lost the lead, perhaps with one under way */
    int so_far = world.seen_count;
    run_for(world.loop, 50);
    webhook_tick(world.leaders[0].webhook, 0);
    assert_true(world.seen_count <= so_far + 1);
    UNTIL(world.loop, (tick(1), world.seen_count >= 5 && world.leaders[1].metrics.webhook_waiting == 0 &&
                                    strcmp(world.seen[world.seen_count - 1], "heat/102/5/raised") == 0));
    assert_in_range(assert_told(2, 5), 0, 1);
    /* And back again. */
    webhook_tick(world.leaders[1].webhook, 0);
    tell(2, 6);
    UNTIL(world.loop, (tick(0), strcmp(world.seen[world.seen_count - 1], "heat/102/6/raised") == 0));
    assert_in_range(assert_told(2, 6), 0, 2);
}

/* The receiver has it, but its answer never came: it is told again. */
static void a_leader_that_ends_while_it_posts(void **state)
{
    (void)state;
    begin_to_lead(0);
    world.hangs = true;
    tell(0, 1);
    UNTIL(world.loop, (tick(0), world.held != NULL));
    close_leader(0);
    world.hangs = false;
    httpd_reply(world.held, 200, "text/plain", "", 0);
    open_leader(1);
    UNTIL(world.loop, (tick(1), world.seen_count == 1));
    assert_int_equal(assert_told(0, 1), 0);
}

static void what_is_not_configured_well(void **state)
{
    (void)state;
    static const struct {
        const char *url, *secret, *allow_net;
        bool insecure;
        const char *reason;
    } rows[] = {{"http://example.org/", "s", "", false, "only https"},
                {"ftp://example.org/", "s", "", true, "https://"},
                {"https://user:key@example.org/", "s", "", true, "user"},
                {"https://example.org/#x", "s", "", true, "fragment"},
                {"nonsense", "s", "", false, "want https://"},
                {"https://example.org/x", "s", "10.0.0.1/8", false, "webhook_allow_net: '10.0.0.1/8'"},
                {"https://example.org/x", "", "", false, "SECRET"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct webhook_config config = {.url = rows[i].url,
                                        .secret = rows[i].secret,
                                        .ca_file = "",
                                        .allow_net = rows[i].allow_net,
                                        .prefix = "t:",
                                        .insecure = rows[i].insecure,
                                        .timeout_ms = 1000};
        struct buf error = BUF_EMPTY;
        assert_null(webhook_new(world.loop, world.leaders[0].store, &config, &world.leaders[0].metrics, &error));
        if (!strstr(error.data, rows[i].reason))
            fail_msg("%s: %s", rows[i].url, error.data);
        assert_null(strstr(error.data, "key@"));
        buf_release(&error);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_is_told_once_and_in_order),
        TEST(failures_are_tried_again),
        TEST(what_is_refused_is_parked),
        TEST(who_leads_next_goes_on),
        TEST(a_leader_that_ends_while_it_posts),
        TEST(what_is_not_configured_well),
    };
    return cmocka_run_group_tests(tests, redis_client_start, redis_client_stop);
}
