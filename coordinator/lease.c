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
#define TRY_MS        200
#define ACT_MS        2000
#define CLOCK_MS      100
#define KNOWN_MS      1000 /* that a word of Redis about the leader counts */
#define TERM_MAX      (INT64_C(1) << 52)

/* A value that is ours already is taken as well: it is left from a lease that was not confirmed in time. Another's is
 * returned. */
static const char take_script[] = "local v = redis.call('GET', KEYS[1]) if v and v ~= ARGV[1] then return v end "
                                  "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1";
static const char renew_script[] =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0";
static const char yield_script[] =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

struct lease {
    struct loop *loop;
    struct store *store;
    struct loop_timer *timer;
    char *key, *value, *term_key;
    struct lease_leader leader;
    int64_t known_ms; /* when Redis said so */
    lease_fn *fn;
    void *arg;
    struct log_limit limit;
    bool held, asked, yielded;
    int64_t next_ms;           /* of the next request */
    int64_t sent_ms, until_ms; /* of the request on the way; acting allowed until */
};

static void set_held(struct lease *lease, bool held)
{
    if (lease->held == held)
        return;
    lease->held = held;
    lease->fn(lease->arg, held);
}

/* "<nonce> <id> <endpoint>" of another; what has another form names nobody. */
static void take_leader(struct lease *lease, const char *value)
{
    struct lease_leader *leader = &lease->leader;
    char nonce[ENTROPY_ID_BYTES], rest;
    *leader->id = *leader->endpoint = '\0';
    if (sscanf(value, "%32s %64s %255s %c", nonce, leader->id, leader->endpoint, &rest) != 3)
        *leader->id = *leader->endpoint = '\0';
    lease->known_ms = loop_now_ms(lease->loop);
}

static void on_term(void *arg, int status, const struct store_reply *reply)
{
    struct lease *lease = arg;
    if (status != 0 || reply->type != STORE_TEXT)
        return;
    long long term = strtoll(reply->text, NULL, 10);
    lease->leader.term = term > 0 && term < TERM_MAX ? term : 0;
}

static void on_answer(void *arg, int status, const struct store_reply *reply)
{
    struct lease *lease = arg;
    lease->asked = false;
    if (lease->yielded || status != 0)
        return;
    if (!lease->held && reply->type == STORE_TEXT)
        take_leader(lease, reply->text);
    if (reply->type == STORE_INT && reply->integer == 1) {
        lease->until_ms = lease->sent_ms + ACT_MS;
        if (loop_now_ms(lease->loop) < lease->until_ms)
            set_held(lease, true);
    } else if (reply->type == STORE_ERROR) {
        if (log_limit_pass(&lease->limit, loop_now_ms(lease->loop), 5000, NULL))
            log_error("lease_refused", LOG_TEXT("key", lease->key), LOG_TEXT("reason", reply->text));
    } else if (lease->held) {
        log_warn("lease_lost", LOG_TEXT("reason", "another coordinator has it, or Redis has forgotten it"));
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
        lease->next_ms = now;
    }
    if (lease->asked || now < lease->next_ms || !store_up(lease->store))
        return;
    lease->asked = true;
    lease->sent_ms = now;
    lease->next_ms = now + (lease->held ? RENEW_MS : TRY_MS);
    store_send(lease->store, on_answer, lease, "EVAL", lease->held ? renew_script : take_script, "1", lease->key,
               lease->value, LEASE_MS_TEXT, NULL);
    if (!lease->held)
        store_send(lease->store, on_term, lease, "GET", lease->term_key, NULL);
}

struct lease *lease_new(struct loop *loop, struct store *store, const char *prefix, const char *id,
                        const char *endpoint, lease_fn *fn, void *arg)
{
    struct lease *lease = mem_alloc(sizeof *lease);
    struct buf text = BUF_EMPTY;
    char nonce[ENTROPY_ID_BYTES];
    entropy_id(nonce);
    *lease = (struct lease){.loop = loop, .store = store, .fn = fn, .arg = arg};
    buf_printf(&text, "%sleader", prefix);
    lease->key = buf_take(&text);
    buf_printf(&text, "%sterm", prefix);
    lease->term_key = buf_take(&text);
    lease->known_ms = INT64_MIN / 2;
    buf_printf(&text, "%s %s %s", nonce, id, endpoint);
    lease->value = buf_take(&text);
    lease->timer = loop_timer_new(loop, on_timer, lease);
    loop_timer_set(lease->timer, 0, CLOCK_MS);
    return lease;
}

static void on_yielded(void *arg, int status, const struct store_reply *reply)
{
    (void)arg, (void)status, (void)reply;
}

void lease_yield(struct lease *lease)
{
    if (!lease->yielded && store_up(lease->store))
        store_send(lease->store, on_yielded, NULL, "EVAL", yield_script, "1", lease->key, lease->value, NULL);
    lease->yielded = true;
    lease->held = false;
    loop_timer_cancel(lease->timer);
}

void lease_free(struct lease *lease)
{
    if (!lease)
        return;
    loop_timer_free(lease->timer);
    free(lease->key);
    free(lease->value);
    free(lease->term_key);
    free(lease);
}

bool lease_held(const struct lease *lease)
{
    return lease->held && loop_now_ms(lease->loop) < lease->until_ms;
}

bool lease_leader(const struct lease *lease, struct lease_leader *out)
{
    if (lease->held || lease->yielded || loop_now_ms(lease->loop) - lease->known_ms > KNOWN_MS)
        return false;
    *out = lease->leader;
    return true;
}
