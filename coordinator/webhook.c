/*
 * See webhook.h. Each partition goes round: its place is read (START), entries behind it (READY, the list empty), the
 * first is posted (POSTING), its place is stored (ASKING), and so on. One thing at a time is on its way for a
 * partition, so there is nothing to put in order. When the lead ends the answer that is still missing is dropped
 * (DROPPED).
 */
#include "webhook.h"

#include "clock.h"
#include "delivery.h"
#include "log.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS      500 /* between two looks at a stream without entries */
#define SAY_EVERY_MS 10000
#define CONNECT_MS   5000
#define KEY_BYTES    256
#define FIELD_BYTES  16

enum state { START, ASKING, READY, POSTING, DROPPED };

struct hook {
    struct webhook *webhook;
    int32_t partition;
    enum state state;
    char place[DELIVERY_ID_BYTES]; /* the last entry that is done */
    struct delivery list[WEBHOOK_READ];
    size_t first, count; /* of the list: next to post, and its end */
    int attempt;
    int64_t due_ms; /* next look at the stream, or attempt */
};

struct webhook {
    struct loop *loop;
    struct store *store;
    struct webhook_config config;
    struct coordinator_metrics *metrics;
    struct transfers *transfers;
    struct jitter jitter;
    struct log_limit limit;
    struct hook *hooks;
    int32_t hook_count;
    bool leading;
};

static void step(struct hook *hook);

static void key_of(const struct hook *hook, char key[KEY_BYTES])
{
    snprintf(key, KEY_BYTES, "%s{%d}:alerts", hook->webhook->config.prefix, hook->partition);
}

static void global_key(const struct webhook *webhook, const char *name, char key[KEY_BYTES])
{
    snprintf(key, KEY_BYTES, "%s%s", webhook->config.prefix, name);
}

static void forget_list(struct hook *hook)
{
    for (size_t i = hook->first; i < hook->count; i++)
        delivery_release(&hook->list[i]);
    hook->first = hook->count = 0;
}

/* Begins anew from what Redis has, after a while. */
static void restart(struct hook *hook)
{
    forget_list(hook);
    hook->state = START;
    hook->attempt = 0;
    hook->due_ms = loop_now_ms(hook->webhook->loop) + POLL_MS;
}

/* True when the answer of Redis is still wanted and is of that type; else the hook begins anew. */
static bool wanted(struct hook *hook, int status, const struct store_reply *reply, enum store_type type)
{
    if (hook->state == ASKING && status == 0 && reply->type == type)
        return true;
    restart(hook);
    return false;
}

/* ---- the place ---- */

/* Where Redis keeps it: in a field of the partition. */
static void place_of(const struct hook *hook, char key[KEY_BYTES], char field[FIELD_BYTES])
{
    global_key(hook->webhook, "webhook", key);
    snprintf(field, FIELD_BYTES, "%d", hook->partition);
}

static void on_placed(void *arg, int status, const struct store_reply *reply)
{
    struct hook *hook = arg;
    (void)status, (void)reply;
    restart(hook); /* and read what is there: another coordinator may have been first */
    hook->due_ms = 0;
}

/* There never was a place: what is told begins now. */
static void on_last(void *arg, int status, const struct store_reply *reply)
{
    struct hook *hook = arg;
    struct delivery last;
    char key[KEY_BYTES], field[FIELD_BYTES];
    if (!wanted(hook, status, reply, STORE_ARRAY))
        return;
    bool any = reply->count > 0 && delivery_take(&last, hook->partition, reply->elements[0]);
    place_of(hook, key, field);
    store_send(hook->webhook->store, on_placed, hook, "HSETNX", key, field, any ? last.id : "0-0", NULL);
    if (any)
        delivery_release(&last);
}

static void on_place(void *arg, int status, const struct store_reply *reply)
{
    struct hook *hook = arg;
    char key[KEY_BYTES], next[DELIVERY_ID_BYTES];
    if (hook->state == ASKING && status == 0 && reply->type == STORE_NIL) {
        key_of(hook, key);
        store_send(hook->webhook->store, on_last, hook, "XREVRANGE", key, "+", "-", "COUNT", "1", NULL);
        return;
    }
    if (!wanted(hook, status, reply, STORE_TEXT) || reply->size >= DELIVERY_ID_BYTES ||
        !delivery_next_id(reply->text, next)) {
        restart(hook);
        return;
    }
    memcpy(hook->place, reply->text, reply->size + 1);
    hook->state = READY;
    hook->due_ms = 0;
    step(hook);
}

static void ask_place(struct hook *hook)
{
    char key[KEY_BYTES], field[FIELD_BYTES];
    place_of(hook, key, field);
    hook->state = ASKING;
    store_send(hook->webhook->store, on_place, hook, "HGET", key, field, NULL);
}

static void on_stored(void *arg, int status, const struct store_reply *reply)
{
    struct hook *hook = arg;
    if (!wanted(hook, status, reply, STORE_INT))
        return;
    struct delivery *done = &hook->list[hook->first++];
    memcpy(hook->place, done->id, sizeof hook->place);
    delivery_release(done);
    hook->state = READY;
    hook->attempt = 0;
    hook->due_ms = 0;
    step(hook);
}

/* The first of the list is done. */
static void store_place(struct hook *hook)
{
    char key[KEY_BYTES], field[FIELD_BYTES];
    place_of(hook, key, field);
    hook->state = ASKING;
    store_send(hook->webhook->store, on_stored, hook, "HSET", key, field, hook->list[hook->first].id, NULL);
}

/* ---- entries ---- */

static void on_entries(void *arg, int status, const struct store_reply *reply)
{
    struct hook *hook = arg;
    if (!wanted(hook, status, reply, STORE_ARRAY))
        return;
    for (size_t i = 0; i < reply->count && hook->count < WEBHOOK_READ; i++) {
        if (!delivery_take(&hook->list[hook->count], hook->partition, reply->elements[i]))
            break;
        hook->count++;
    }
    hook->state = READY;
    hook->due_ms = hook->count > 0 ? 0 : loop_now_ms(hook->webhook->loop) + POLL_MS;
    step(hook);
}

static void ask_entries(struct hook *hook)
{
    char key[KEY_BYTES], next[DELIVERY_ID_BYTES], count[16];
    hook->first = hook->count = 0;
    if (!delivery_next_id(hook->place, next)) {
        restart(hook);
        return;
    }
    key_of(hook, key);
    snprintf(count, sizeof count, "%d", WEBHOOK_READ);
    hook->state = ASKING;
    store_send(hook->webhook->store, on_entries, hook, "XRANGE", key, next, "+", "COUNT", count, NULL);
}

/* ---- posts ---- */

static void on_parked(void *arg, int status, const struct store_reply *reply)
{
    (void)arg, (void)status, (void)reply; /* the place is stored behind it on the same connection */
}

static void park(struct hook *hook, int http_status)
{
    struct webhook *webhook = hook->webhook;
    const struct delivery *delivery = &hook->list[hook->first];
    char key[KEY_BYTES], partition[16], code[16];
    global_key(webhook, "webhook:parked", key);
    snprintf(partition, sizeof partition, "%d", hook->partition);
    snprintf(code, sizeof code, "%d", http_status);
    webhook->metrics->webhook_parked_total++;
    if (log_limit_pass(&webhook->limit, loop_now_ms(webhook->loop), SAY_EVERY_MS, NULL))
        log_warn("webhook_parked", LOG_TEXT("event", delivery->event_id), LOG_INT("http_status", http_status));
    store_send(webhook->store, on_parked, NULL, "XADD", key, "MAXLEN", "~", WEBHOOK_PARKED, "*", "partition", partition,
               "entry", delivery->id, "event", delivery->event_id, "http_status", code, "body", delivery->body.data,
               NULL);
    store_place(hook);
}

static void retry(struct hook *hook, const struct transfer_result *result)
{
    struct webhook *webhook = hook->webhook;
    int64_t now_ms = loop_now_ms(webhook->loop);
    webhook->metrics->webhook_retries_total++;
    hook->state = READY;
    hook->due_ms = now_ms + delivery_wait_ms(&webhook->jitter, hook->attempt++, result);
    if (log_limit_pass(&webhook->limit, now_ms, SAY_EVERY_MS, NULL))
        log_warn("webhook_failed", LOG_TEXT("event", hook->list[hook->first].event_id),
                 LOG_TEXT("why", transfer_end_name(result->end)), LOG_INT("http_status", result->http_status),
                 LOG_TEXT("reason", result->reason), LOG_INT("attempts", hook->attempt));
}

static void on_posted(void *arg, void *opaque, const struct transfer_result *result)
{
    struct webhook *webhook = arg;
    struct hook *hook = opaque;
    switch (delivery_judge(result)) {
    case DELIVERY_DONE:
        webhook->metrics->webhook_sent_total++;
        store_place(hook);
        break;
    case DELIVERY_RETRY:
        retry(hook, result);
        break;
    default:
        park(hook, result->http_status);
        break;
    }
}

static void post(struct hook *hook)
{
    struct webhook *webhook = hook->webhook;
    const struct delivery *delivery = &hook->list[hook->first];
    struct buf headers[DELIVERY_HEADERS];
    const char *lines[DELIVERY_HEADERS];
    if (delivery->body.size == 0) {
        park(hook, 0);
        return;
    }
    delivery_headers(delivery, webhook->config.secret, clock_wall_ms(), headers);
    for (int i = 0; i < DELIVERY_HEADERS; i++)
        lines[i] = headers[i].data;
    if (transfers_post(webhook->transfers, webhook->config.url, lines, DELIVERY_HEADERS, delivery->body.data,
                       delivery->body.size, hook) == 0)
        hook->state = POSTING; /* else the next tick tries again: all are under way */
    for (int i = 0; i < DELIVERY_HEADERS; i++)
        buf_release(&headers[i]);
}

static void step(struct hook *hook)
{
    struct webhook *webhook = hook->webhook;
    bool idle = hook->state == START || hook->state == READY;
    if (!webhook->leading || !idle || hook->due_ms > loop_now_ms(webhook->loop) || !store_up(webhook->store))
        return;
    if (hook->state == START)
        ask_place(hook);
    else if (hook->first == hook->count)
        ask_entries(hook);
    else
        post(hook);
}

/* ---- the lead ---- */

static void begin(struct webhook *webhook, int32_t partitions)
{
    webhook->leading = true;
    if (webhook->hooks)
        return; /* the number of partitions never changes */
    webhook->hooks = mem_calloc((size_t)partitions, sizeof *webhook->hooks);
    webhook->hook_count = partitions;
    for (int32_t i = 0; i < partitions; i++)
        webhook->hooks[i] = (struct hook){.webhook = webhook, .partition = i};
}

static void stop(struct webhook *webhook)
{
    webhook->leading = false;
    while (transfers_abort(webhook->transfers))
        ;
    for (int32_t i = 0; i < webhook->hook_count; i++) {
        struct hook *hook = &webhook->hooks[i];
        bool asking = hook->state == ASKING || hook->state == DROPPED;
        forget_list(hook);
        hook->attempt = 0;
        hook->due_ms = 0;
        hook->state = asking ? DROPPED : START;
    }
}

static void count_waiting(struct webhook *webhook)
{
    int64_t waiting = 0;
    for (int32_t i = 0; i < webhook->hook_count; i++)
        waiting += (int64_t)(webhook->hooks[i].count - webhook->hooks[i].first);
    webhook->metrics->webhook_waiting = waiting;
}

void webhook_tick(struct webhook *webhook, int32_t partitions)
{
    if (partitions > 0 && !webhook->leading)
        begin(webhook, partitions);
    else if (partitions == 0 && webhook->leading)
        stop(webhook);
    for (int32_t i = 0; i < webhook->hook_count; i++)
        step(&webhook->hooks[i]);
    count_waiting(webhook);
}

/* ---- life ---- */

struct webhook *webhook_new(struct loop *loop, struct store *store, const struct webhook_config *config,
                            struct coordinator_metrics *metrics, struct buf *error)
{
    struct buf reason = BUF_EMPTY;
    struct webhook *webhook = NULL;
    struct netlist allowed = {0};
    struct transfer_config transfers = {.agent = "isobar-coordinator",
                                        .allow_http = config->insecure,
                                        .proxy = "",
                                        .ca_file = config->ca_file,
                                        .allowed = &allowed,
                                        .concurrency = WEBHOOK_POSTS,
                                        .connect_timeout_ms = CONNECT_MS,
                                        .timeout_ms = config->timeout_ms};
    if (transfer_check_url(config->url, config->insecure, &reason) != 0) {
        buf_printf(error, "webhook_url: %s", reason.data); /* not the URL: it may have a key in it */
    } else if (netlist_parse(&allowed, config->allow_net, &reason) != 0) {
        buf_printf(error, "webhook_allow_net: %s", reason.data);
    } else if (!*config->secret) {
        buf_text(error, "webhook_url is given without ISOBAR_WEBHOOK_SECRET: what it is sent has to be signed");
    } else {
        webhook = mem_alloc(sizeof *webhook);
        *webhook = (struct webhook){.loop = loop, .store = store, .config = *config, .metrics = metrics};
        jitter_init(&webhook->jitter, 0);
        transfer_allow_host(&allowed, config->url);
        webhook->transfers = transfers_new(loop, &transfers, on_posted, webhook, error);
    }
    if (webhook && !webhook->transfers) {
        webhook_free(webhook);
        webhook = NULL;
    }
    buf_release(&reason);
    return webhook;
}

void webhook_free(struct webhook *webhook)
{
    if (!webhook)
        return;
    if (webhook->transfers)
        stop(webhook);
    transfers_free(webhook->transfers);
    free(webhook->hooks);
    free(webhook);
}
