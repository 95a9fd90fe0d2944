/*
 * The live stream over real sockets, with a mirror of 4,000 cities: a client that does not read misses
 * updates, costs a bounded queue, and ends with a snapshot of the newest state; the others get every update
 * meanwhile.
 */
#include "../../dashboard/live.h"
#include "dashboard_records.h"
#include "httpd.h"
#include "loop_kit.h"
#include "mem.h"
#include "redis_server.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define CITIES     4000
#define ROUNDS     24
#define FULL_BYTES 500000 /* a snapshot has more */

struct fixture {
    struct redis_server server;
    struct store_sync *redis;
    struct loop *loop;
    struct dashboard_metrics metrics;
    struct live *live;
    struct model *model;
    struct httpd *httpd;
};

struct client {
    int fd;
    char tail[64]; /* the last bytes of what came before, to find words across reads */
    size_t bytes;
    int snapshots, latests;
};

static void on_changed(void *arg)
{
    live_changed(((struct fixture *)arg)->live);
}

static void on_viewed(void *arg)
{
    live_viewed(((struct fixture *)arg)->live);
}

static void on_state(void *arg)
{
    live_state(((struct fixture *)arg)->live);
}

static void on_request(void *arg, struct httpd_request *request)
{
    live_open(((struct fixture *)arg)->live, request, &(struct live_request){0});
}

/* Writes `count` fields of `key` with one command, and announces them. */
static void put(struct fixture *f, const char *kind, int32_t partition, const struct buf *values, const int64_t *ids,
                size_t count)
{
    const char **argv = mem_calloc(2 + 2 * count, sizeof *argv);
    size_t *sizes = mem_calloc(2 + 2 * count, sizeof *sizes);
    char(*fields)[CITY_FIELD_BYTES] = mem_calloc(count, sizeof *fields), key[64];
    struct buf error = BUF_EMPTY;
    (void)snprintf(key, sizeof key, "t:{%d}:%s", partition, kind);
    argv[0] = "HSET", argv[1] = key;
    for (size_t i = 0; i < count; i++) {
        argv[2 + 2 * i] = citystate_field(ids[i], 0, fields[i]);
        argv[3 + 2 * i] = values[i].data;
        sizes[3 + 2 * i] = values[i].size;
    }
    for (size_t i = 0; i < 2 + 2 * count; i++)
        sizes[i] = sizes[i] ? sizes[i] : strlen(argv[i]);
    struct store_reply *reply = store_sync_command(f->redis, 2 + 2 * count, argv, sizes, &error);
    assert_true(reply && reply->type != STORE_ERROR);
    store_reply_free(reply);
    free(argv);
    free(sizes);
    free(fields);
}

/* All cities of all partitions: entries once, or states at `at_ms`, which are announced. */
static void put_all(struct fixture *f, int64_t at_ms)
{
    static struct buf values[CITIES];
    static int64_t ids[CITIES];
    for (int32_t partition = 0; partition < PARTS; partition++) {
        struct buf text = BUF_EMPTY, error = BUF_EMPTY;
        size_t count = 0;
        buf_printf(&text, "%d 0123456789abcdef0123456789abcdef 0123456789abcdef0123456789abcdef ", partition);
        for (int64_t id = 1; id <= CITIES; id++) {
            if (shard_of_city(id, PARTS) != partition)
                continue;
            struct observation row = record_reading(id, at_ms, (int32_t)(at_ms % 4000));
            values[count] = at_ms ? record_state(&row, 0) : record_entry(id, "a city with a name of usual length");
            buf_printf(&text, "%s%d", count ? "," : "", (int)id);
            ids[count++] = id;
        }
        put(f, at_ms ? "city" : "cities", partition, values, ids, count);
        if (at_ms)
            store_reply_free(store_sync_send(f->redis, &error, "PUBLISH", "t:updates", text.data, NULL));
        for (size_t i = 0; i < count; i++)
            buf_release(&values[i]);
        buf_release(&text);
    }
}

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    struct buf error = BUF_EMPTY;
    assert_true(redis_server_start(&f->server, NULL));
    f->redis = redis_server_connect(&f->server);
    f->loop = loop_new();
    assert_true(f->redis && f->loop);
    store_reply_free(store_sync_send(f->redis, &error, "HSET", "t:meta", "partitions", "24", "windows", "10m:2d",
                                     "catalogue_version", "1", NULL));
    put_all(f, 0);
    put_all(f, AT);
    struct live_config live = {.loop = f->loop, .prefix = "t:", .metrics = &f->metrics};
    struct model_config model = {.loop = f->loop,
                                 .store = {.address = f->server.address, .timeout_ms = 5000},
                                 .prefix = "t:",
                                 .update_ms = 20,
                                 .metrics = &f->metrics};
    struct model_events events = {.changed = on_changed, .viewed = on_viewed, .state = on_state, .arg = f};
    struct httpd_config httpd = {
        .bind = "127.0.0.1", .connections = 20, .streams = 10, .connections_per_address = 10, .deadline_ms = 5000};
    f->live = live_new(&live);
    f->model = model_new(&model, &events, &error);
    live_attach(f->live, f->model);
    f->httpd = httpd_new(f->loop, &httpd, on_request, f, &error);
    assert_true(f->live && f->model && f->httpd);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    model_free(f->model);
    live_attach(f->live, NULL);
    httpd_free(f->httpd);
    live_free(f->live);
    store_sync_free(f->redis);
    loop_free(f->loop);
    redis_server_stop(&f->server);
    free(f);
    return 0;
}

static struct client client_open(const struct fixture *f)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    struct client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)httpd_port(f->httpd))};
    int small = 65536; /* of the kernel's own queue */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(client.fd, request, sizeof request - 1, 0), sizeof request - 1);
    return client;
}

static int occurrences(const char *text, const char *word)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        count++;
    return count;
}

/* Takes what is there and counts the events in it. */
static void client_read(struct client *client)
{
    static char block[65536 + 64];
    for (;;) {
        size_t kept = strlen(client->tail);
        memcpy(block, client->tail, kept);
        ssize_t size = recv(client->fd, block + kept, 65536 - 1, MSG_DONTWAIT);
        if (size <= 0)
            return;
        size_t all = kept + (size_t)size;
        block[all] = '\0';
        client->bytes += (size_t)size;
        client->snapshots += occurrences(block, "event: snapshot");
        client->latests += occurrences(block, "event: latest");
        size_t keep = all < 14 ? all : 14; /* shorter than the words: none is counted twice */
        const char *from = block + all - keep;
        const char *line = strstr(from, "event: latest"); /* 13 bytes would fit: begin behind it */
        (void)snprintf(client->tail, sizeof client->tail, "%s", line ? line + 1 : from);
    }
}

static uint64_t version_of(const struct fixture *f)
{
    return model_atlas(f->model)->version;
}

static void a_slow_client_holds_nobody_up(void **state)
{
    struct fixture *f = *state;
    UNTIL(f->loop, model_ready(f->model));
    struct client slow = client_open(f), quick = client_open(f);
    UNTIL(f->loop, f->metrics.streams == 2);
    UNTIL(f->loop, (client_read(&quick), quick.snapshots == 1));
    UNTIL(f->loop, (client_read(&quick), quick.bytes > FULL_BYTES));
    for (int round = 1; round <= ROUNDS; round++) {
        uint64_t version = version_of(f);
        int latests = quick.latests;
        put_all(f, AT + round);
        /* A quick one reads all the time, or it is a slow one; that the other reads nothing is nothing to it. */
        UNTIL(f->loop, (client_read(&quick), version_of(f) >= version + CITIES));
        UNTIL(f->loop, (client_read(&quick), quick.latests > latests));
    }
    assert_int_equal(quick.snapshots, 1);
    assert_true(f->metrics.skipped_total >= 1);
    assert_int_equal(slow.bytes, 0);
    UNTIL(f->loop, (client_read(&slow), slow.snapshots == 2)); /* it reads at last, and begins anew by itself */
    assert_true(slow.latests < ROUNDS);
    assert_true(slow.bytes < ROUNDS * FULL_BYTES); /* less than was sent to the other: the kernel's queue and ours */
    assert_true(quick.bytes > ROUNDS * FULL_BYTES);
    int latests = slow.latests;
    put_all(f, AT + ROUNDS + 1);
    UNTIL(f->loop,
          (client_read(&slow), client_read(&quick), slow.latests > latests)); /* and is one like the others again */
    close(slow.fd);
    close(quick.fd);
    UNTIL(f->loop, f->metrics.streams == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_slow_client_holds_nobody_up, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
