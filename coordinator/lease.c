/* See lease.h. */
#include "lease.h"

#include "entropy.h"
#include "log.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE_MS_TEXT "3000"
#define RENEW_MS      1000
#define ACT_MS        2000

static const char renew_script[] = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0";
static const char yield_script[] = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

struct lease {
    struct loop *loop;
    struct store *store;
    struct loop_timer *timer;
    char *key, *value;
    lease_fn *fn;
    void *arg;
    bool held, asked;
    int64_t sent_ms, until_ms; /* of the request on the way; acting allowed until */
};

static void set_held(struct lease *lease, bool held)
{
    if (lease->held == held)
        return;
    lease->held = held;
    lease->fn(lease->arg, held);
}

static void on_answer(void *arg, int status, const struct store_reply *reply)
{
    struct lease *lease = arg;
    lease->asked = false;
    bool yes = status == 0 && ((reply->type == STORE_STATUS && strcmp(reply->text, "OK") == 0) || (reply->type == STORE_INT && reply->integer == 1));
    if (yes) {
        lease->until_ms = lease->sent_ms + ACT_MS;
        set_held(lease, true);
    } else if (status == 0 && lease->held) {
        log_warn("lease_lost", LOG_TEXT("reason", "another coordinator has it, or it ran out"));
        set_held(lease, false);
    }
}

static void on_timer(void *arg)
{
    struct lease *lease = arg;
    int64_t now = loop_now_ms(lease->loop);
    if (lease->held && now >= lease->until_ms) {
        log_warn("lease_lost", LOG_TEXT("reason", "Redis did not confirm it in time"));
        set_held(lease, false);
    }
    if (lease->asked || !store_up(lease->store) || (now - lease->sent_ms < RENEW_MS && lease->sent_ms != 0))
        return;
    lease->asked = true;
    lease->sent_ms = now;
    if (lease->held)
        store_send(lease->store, on_answer, lease, "EVAL", renew_script, "1", lease->key, lease->value, LEASE_MS_TEXT, NULL);
    else
        store_send(lease->store, on_answer, lease, "SET", lease->key, lease->value, "NX", "PX", LEASE_MS_TEXT, NULL);
}

struct lease *lease_new(struct loop *loop, struct store *store, const char *prefix, const char *id, const char *endpoint, lease_fn *fn, void *arg)
{
    struct lease *lease = mem_alloc(sizeof *lease);
    struct buf text = BUF_EMPTY;
    char nonce[ENTROPY_ID_BYTES];
    entropy_id(nonce);
    *lease = (struct lease){.loop = loop, .store = store, .fn = fn, .arg = arg};
    buf_printf(&text, "%sleader", prefix);
    lease->key = buf_take(&text);
    buf_printf(&text, "%s %s %s", nonce, id, endpoint);
    lease->value = buf_take(&text);
    lease->timer = loop_timer_new(loop, on_timer, lease);
    loop_timer_set(lease->timer, 0, 100);
    return lease;
}

static void on_yielded(void *arg, int status, const struct store_reply *reply)
{
    (void)arg, (void)status, (void)reply;
}

void lease_yield(struct lease *lease)
{
    if (lease->held && store_up(lease->store))
        store_send(lease->store, on_yielded, NULL, "EVAL", yield_script, "1", lease->key, lease->value, NULL);
    loop_timer_cancel(lease->timer);
}

void lease_free(struct lease *lease)
{
    if (!lease)
        return;
    loop_timer_free(lease->timer);
    free(lease->key);
    free(lease->value);
    free(lease);
}

bool lease_held(const struct lease *lease)
{
    return lease->held;
}
