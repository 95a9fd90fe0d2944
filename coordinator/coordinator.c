/* A coordinator process (coordinator.h): start, end, and what wakes it. */
#include "coordinator.h"

#include "clock.h"
#include "duration.h"
#include "error.h"
#include "link.h"
#include "standby.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 250

void coordinator_wake(struct coordinator *coordinator)
{
    coordinator->now_ms = loop_now_ms(coordinator->loop);
    coordinator->wall_ms = clock_wall_ms();
}

static int on_send(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct coordinator *coordinator = arg;
    return channel_send(coordinator->channel, envelope);
}

static void on_message(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct coordinator *coordinator = arg;
    coordinator->metrics.messages_total++;
    if (!lease_held(coordinator->lease)) {
        redirect_answer(coordinator, envelope);
        return;
    }
    coordinator_wake(coordinator);
    leader_message(coordinator, envelope);
}

static void tell_webhook(struct coordinator *coordinator)
{
    if (coordinator->webhook)
        webhook_tick(coordinator->webhook, coordinator->leading == LEAD_ACTING ? coordinator->partition_count : 0);
}

static void on_timer(void *arg)
{
    struct coordinator *coordinator = arg;
    coordinator->metrics.rejected_total = channel_rejected(coordinator->channel) + coordinator->refused;
    coordinator->metrics.refused_total = channel_refused(coordinator->channel);
    coordinator_wake(coordinator);
    publish_late(coordinator);
    tell_webhook(coordinator);
    standby_tick(coordinator);
    if (!lease_held(coordinator->lease))
        return;
    leader_tick(coordinator);
}

static void on_lease(void *arg, bool held)
{
    struct coordinator *coordinator = arg;
    coordinator_wake(coordinator);
    leader_changed(coordinator, held);
}

static void on_store(void *arg, bool up, const char *reason)
{
    struct coordinator *coordinator = arg;
    if (up)
        log_info("redis_up", LOG_TEXT("redis", coordinator->options->redis));
    else if (log_limit_pass(&coordinator->redis_limit, loop_now_ms(coordinator->loop), 5000, NULL))
        log_warn("redis_down", LOG_TEXT("redis", coordinator->options->redis), LOG_TEXT("reason", reason));
}

/* The id given, or one made up. False when it is malformed. */
static bool take_id(struct coordinator *coordinator, struct buf *error)
{
    if (*coordinator->options->id)
        snprintf(coordinator->id, sizeof coordinator->id, "%s", coordinator->options->id);
    else
        link_default_id(coordinator->id, sizeof coordinator->id);
    if (link_valid_id(coordinator->id))
        return true;
    buf_printf(error, "id '%s' must be 1 to 64 letters, digits, '.', '_' or '-'", coordinator->options->id);
    return false;
}

/* False when one is wanted and cannot be. */
static bool start_webhook(struct coordinator *coordinator, struct buf *error)
{
    const struct coordinator_options *options = coordinator->options;
    struct webhook_config config = {.url = options->webhook_url,
                                    .secret = options->webhook_secret,
                                    .ca_file = options->webhook_ca_file,
                                    .allow_net = options->webhook_allow_net,
                                    .prefix = options->prefix,
                                    .insecure = options->insecure,
                                    .timeout_ms = options->webhook_timeout_ms};
    if (*options->webhook_url)
        coordinator->webhook =
            webhook_new(coordinator->loop, coordinator->store, &config, &coordinator->metrics, error);
    return !*options->webhook_url || coordinator->webhook;
}

/* False when --every is no span of time. */
static bool take_every(struct coordinator *coordinator, struct buf *error)
{
    const char *every = coordinator->options->every;
    if (!*every || duration_parse(every, strlen(every), DURATION_SECOND, DURATION_YEAR, &coordinator->every_ms))
        return true;
    buf_printf(error, "every '%s' is no span of time such as 90s, 10m or 1h", every);
    return false;
}

static void start_parts(struct coordinator *coordinator)
{
    const char *prefix = coordinator->options->prefix;
    coordinator->post = (struct post){on_send, coordinator};
    const char *bound = channel_endpoint(coordinator->channel), *advertise = coordinator->options->advertise;
    coordinator->endpoint = *advertise ? advertise : bound;
    log_info("listening", LOG_TEXT("endpoint", bound), LOG_TEXT("advertised", coordinator->endpoint),
             LOG_TEXT("security", coordinator->curve ? "curve" : "plain"));
    coordinator->catalogue = catalogue_new(coordinator->store, prefix);
    coordinator->lease = lease_new(coordinator->loop, coordinator->store, prefix, coordinator->id,
                                   coordinator->endpoint, on_lease, coordinator);
    coordinator->timer = loop_timer_new(coordinator->loop, on_timer, coordinator);
    loop_timer_set(coordinator->timer, TICK_MS, TICK_MS);
}

int coordinator_start(struct coordinator *coordinator, struct daemon *daemon)
{
    const struct coordinator_options *options = coordinator->options;
    struct store_config store = {.address = options->redis,
                                 .user = options->redis_user,
                                 .password = options->redis_password,
                                 .timeout_ms = options->redis_timeout_ms,
                                 .name = "isobar-coordinator"};
    struct buf error = BUF_EMPTY;
    int code = EXIT_CODE_CONFIG;
    coordinator->daemon = daemon;
    coordinator->loop = daemon_loop(daemon);
    coordinator->started_ms = loop_now_ms(coordinator->loop);
    coordinator->partitions = (struct slots){.kind = "partition", .role = ISOBAR__V1__ROLE__WORKER};
    coordinator->shards = (struct slots){.kind = "shard", .role = ISOBAR__V1__ROLE__FETCHER};
    if (take_id(coordinator, &error) && take_every(coordinator, &error) &&
        accounts_parse(&coordinator->accounts, options->quota, &error) == 0 && security_start(coordinator, &error))
        coordinator->store = store_new(coordinator->loop, &store, on_store, coordinator, &error);
    backlog_init(&coordinator->backlog, coordinator->store);
    if (coordinator->store && start_webhook(coordinator, &error)) {
        code = EXIT_CODE_UNAVAILABLE;
        coordinator->channel =
            channel_listen_curve(coordinator->loop, options->bind, coordinator->curve, on_message, coordinator, &error);
    }
    if (coordinator->channel) {
        code = EXIT_CODE_OK;
        start_parts(coordinator);
    }
    if (error.size)
        log_error("failed", LOG_TEXT("reason", error.data));
    buf_release(&error);
    return code;
}

static void on_drained(void *arg, int status, const struct store_reply *reply)
{
    struct coordinator *coordinator = arg;
    (void)status, (void)reply;
    daemon_stop(coordinator->daemon, EXIT_CODE_OK);
}

void coordinator_drain(struct coordinator *coordinator)
{
    coordinator_wake(coordinator);
    if (coordinator->leading == LEAD_ACTING)
        publish(coordinator); /* who has left meanwhile is not waited for by the next leader */
    lease_yield(coordinator->lease);
    if (coordinator->leading != LEAD_NOT)
        leader_changed(coordinator, false);
    tell_webhook(coordinator);
    /* Answers come in order: this one after the lease's. */
    store_send(coordinator->store, on_drained, coordinator, "PING", NULL);
}

void coordinator_release(struct coordinator *coordinator)
{
    store_free(coordinator->store);
    webhook_free(coordinator->webhook);
    backlog_release(&coordinator->backlog);
    lease_free(coordinator->lease);
    catalogue_free(coordinator->catalogue);
    channel_free(coordinator->channel);
    curve_server_free(coordinator->curve);
    loop_timer_free(coordinator->timer);
    members_clear(&coordinator->members);
    drained_clear(&coordinator->drained);
    accounts_release(&coordinator->accounts);
    buf_release(&coordinator->standbys);
    free(coordinator->progress);
    free(coordinator->partitions.slots);
    free(coordinator->partitions.views);
    free(coordinator->partitions.loads);
    free(coordinator->shards.slots);
    free(coordinator->shards.views);
    free(coordinator->shards.loads);
}

void coordinator_missing(const struct coordinator *coordinator, struct buf *out)
{
    if (!store_up(coordinator->store))
        buf_printf(out, "redis: %s does not answer\n", coordinator->options->redis);
    else if (coordinator->leading == LEAD_READING)
        buf_printf(out, "redis: no installation read yet under the prefix %s\n", coordinator->options->prefix);
}
