/*
 * What is said first on a connection: who we are, a question whether Redis is ready, and the subscriptions.
 * Only when all of it has been answered is the store up, so that nobody hears of a connection that is of no
 * use.
 */
#include "store_internal.h"

#include "error.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define PING_PERIOD_MS 5000

static void greeted(struct store *store)
{
    if (store->phase != STORE_GREETING || --store->greetings > 0)
        return;
    store->phase = STORE_UP;
    store->attempt = 0;
    if (!SLIST_EMPTY(&store->subscriptions))
        loop_timer_set(store->ping_timer, PING_PERIOD_MS, PING_PERIOD_MS);
    store_report(store, true);
}

/* Answer to AUTH and SUBSCRIBE, which must succeed. */
static void on_needed(void *arg, int status, const struct store_reply *reply)
{
    struct store *store = arg;
    if (status != 0)
        return;
    if (reply->type == STORE_ERROR)
        store_lose(store, reply->text);
    else
        greeted(store);
}

/*
 * Answer to CLIENT SETNAME and PING. Lacking a permission or the command does not matter, nor does a full
 * disk, which concerns writes; all else (NOAUTH, LOADING, too many clients) says that Redis is not ready for
 * us.
 */
static void on_asked(void *arg, int status, const struct store_reply *reply)
{
    struct store *store = arg;
    if (status != 0)
        return;
    bool harmless = store_reply_is_error(reply, "NOPERM") || store_reply_is_error(reply, "ERR unknown") ||
                    store_reply_is_error(reply, "MISCONF");
    if (reply->type == STORE_ERROR && !harmless)
        store_lose(store, reply->text);
    else
        greeted(store);
}

static void greet(struct store *store, store_reply_fn *fn, size_t argc, const char *const *argv)
{
    store->greetings++;
    store_append(store, store_request_new(fn, store), argc, argv, NULL);
}

void store_greet(struct store *store)
{
    if (*store->password != '\0' && *store->user != '\0')
        greet(store, on_needed, 3, (const char *[]){"AUTH", store->user, store->password});
    else if (*store->password != '\0')
        greet(store, on_needed, 2, (const char *[]){"AUTH", store->password});
    greet(store, on_asked, 3, (const char *[]){"CLIENT", "SETNAME", store->name});
    struct subscription *subscription;
    for (subscription = SLIST_FIRST(&store->subscriptions); subscription != NULL;
         subscription = SLIST_NEXT(subscription, next))
        greet(store, on_needed, 2, (const char *[]){"SUBSCRIBE", subscription->channel});
    greet(store, on_asked, 1, (const char *[]){"PING"});
}

void store_ping(void *arg)
{
    struct store *store = arg;
    store_send(store, on_asked, store, "PING", NULL);
}

void store_subscribe(struct store *store, const char *channel, store_message_fn *fn, void *arg)
{
    struct subscription *subscription = mem_alloc(sizeof(*subscription));
    subscription->channel = mem_strdup(channel);
    subscription->fn = fn;
    subscription->arg = arg;
    SLIST_INSERT_HEAD(&store->subscriptions, subscription, next);
    if (store->phase == STORE_GREETING) {
        greet(store, on_needed, 2, (const char *[]){"SUBSCRIBE", channel});
        store_watch_write(store, true);
    } else if (store->phase == STORE_UP) {
        store_send(store, on_needed, store, "SUBSCRIBE", channel, NULL);
        loop_timer_set(store->ping_timer, PING_PERIOD_MS, PING_PERIOD_MS);
    }
}

bool store_take_message(struct store *store, const struct store_reply *reply)
{
    if (SLIST_EMPTY(&store->subscriptions) || reply->type != STORE_ARRAY || reply->count != 3 ||
        strcmp(reply->elements[0]->text, "message") != 0)
        return false;
    const char *channel = reply->elements[1]->text;
    struct subscription *subscription;
    for (subscription = SLIST_FIRST(&store->subscriptions); subscription != NULL;
         subscription = SLIST_NEXT(subscription, next)) {
        if (strcmp(subscription->channel, channel) != 0)
            continue;
        store->callbacks++;
        subscription->fn(subscription->arg, channel, reply->elements[2]->text, reply->elements[2]->size);
        store->callbacks--;
    }
    return true;
}

void store_free_subscriptions(struct store *store)
{
    for (struct subscription *first; (first = SLIST_FIRST(&store->subscriptions)) != NULL;) {
        SLIST_REMOVE_HEAD(&store->subscriptions, next);
        free(first->channel);
        free(first);
    }
}
