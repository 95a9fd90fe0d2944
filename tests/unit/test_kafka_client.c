/* A handle's events reach the loop (kafka_client.c), also those that were there before anybody listened. */
#include "clock.h"
#include "kafka_internal.h"
#include "loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#define DEADLINE_MS 10000

struct served {
    struct kafka_client client;
    bool done;
};

static void on_serve(void *arg, unsigned events)
{
    struct served *served = arg;
    rd_kafka_event_t *event;
    (void)events;
    kafka_client_awake(&served->client);
    while ((event = rd_kafka_queue_poll(served->client.main, 0)) != NULL) {
        served->done = true;
        rd_kafka_event_destroy(event);
    }
}

/* A handle whose broker refuses connections, so that errors are queued from the start. */
static rd_kafka_t *refused(struct buf *error)
{
    struct kafka_conf conf;
    kafka_conf_begin(&conf, "test", error);
    kafka_conf_text(&conf, "log.queue", "true");
    rd_kafka_conf_set_events(conf.conf, RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return kafka_conf_finish(&conf, RD_KAFKA_PRODUCER, "127.0.0.1:1");
}

static void events_from_before_the_loop_listened_wake_it(void **state)
{
    struct buf error = BUF_EMPTY;
    struct loop *loop = loop_new();
    struct served served = {.client.fd = -1};
    const struct timespec moment = {.tv_nsec = 1000000};
    rd_kafka_t *rk = refused(&error);
    (void)state;
    assert_non_null(rk);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(rk);
    int64_t end_ms = clock_monotonic_ms() + DEADLINE_MS;
    while (rd_kafka_queue_length(queue) == 0 && clock_monotonic_ms() < end_ms)
        nanosleep(&moment, NULL);
    assert_true(rd_kafka_queue_length(queue) > 0);
    rd_kafka_queue_destroy(queue);
    assert_int_equal(kafka_client_init(&served.client, loop, rk, on_serve, &served), 0);
    assert_int_equal(loop_run_until(loop, &served.done, DEADLINE_MS), 0);
    kafka_client_release(&served.client);
    loop_free(loop);
    buf_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(events_from_before_the_loop_listened_wake_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
