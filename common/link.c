/* See link.h. All messages are state, so nothing is queued: what cannot be sent now is said by the next heartbeat. */
#include "link.h"

#include "channel_endpoint.h"
#include "error.h"
#include "log.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MS      100  /* of a HELLO that found no connection: a dial takes a moment */
#define PROBE_MS      1000 /* that an endpoint has for its first answer when there are others */
#define PARKED_MS     250  /* between two HELLOs to a standby that waits for a leader, too */
#define AVOID_MS      3000 /* the lease of a leader that fell silent has run out by then */
#define FOLLOWS_MAX   3    /* words of others followed without a welcome */
#define SAY_MS        5000
#define BYE_LINGER_MS 200 /* the process ends right after its BYE: without it a drain looks like a crash */

struct link {
    struct loop *loop;
    struct channel *channel;
    struct loop_timer *timer;
    struct link_events events;
    char *id, *zone;
    char host[64];
    int64_t incarnation;
    Isobar__V1__Role role;
    int32_t capacity;
    int64_t term;                        /* highest heard */
    int64_t target_version, target_term; /* of the newest target */
    int32_t calls_per_minute_milli;      /* of the newest target */
    int32_t calls_per_second_milli;
    int64_t heard_ms;
    struct curve_client *curve;
    bool insecure;
    bool welcomed, up, silent;
    bool answered; /* on the connection that stands */
    bool parked;   /* by a standby that knows no leader worth following */
    bool several;  /* there is more than one endpoint to try */
    int follows;   /* since the last welcome or silence */
    int64_t redirects;
    char left[ENDPOINT_BYTES]; /* where it was silent */
    int64_t left_ms;
    struct log_limit silent_limit, refused_limit;
};

static void envelope_init(const struct link *link, Isobar__V1__Envelope *envelope)
{
    isobar__v1__envelope__init(envelope);
    envelope->format = 1;
    envelope->member = link->id;
    envelope->incarnation = link->incarnation;
}

static void set_up(struct link *link, bool up)
{
    if (link->up == up)
        return;
    link->up = up;
    if (link->events.state)
        link->events.state(link->events.arg, up);
}

static int send(struct link *link, const Isobar__V1__Envelope *envelope)
{
    return link->channel ? channel_send(link->channel, envelope) : ERR_UNAVAILABLE;
}

static int say_hello(struct link *link)
{
    Isobar__V1__Envelope envelope;
    Isobar__V1__Hello hello = ISOBAR__V1__HELLO__INIT;
    envelope_init(link, &envelope);
    hello.role = link->role;
    hello.capacity = link->capacity;
    hello.zone = link->zone;
    hello.host = link->host;
    hello.version = (char *)ISOBAR_VERSION;
    hello.pid = getpid();
    hello.term = link->term;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
    envelope.hello = &hello;
    return send(link, &envelope);
}

void link_beat(struct link *link)
{
    if (link->silent)
        return;
    if (!link->welcomed) {
        if (say_hello(link) != 0)
            loop_timer_set(link->timer, RETRY_MS, LINK_HEARTBEAT_MS);
        return;
    }
    Isobar__V1__Envelope envelope;
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    envelope_init(link, &envelope);
    link->events.heartbeat(link->events.arg, &heartbeat);
    heartbeat.term = link->term;
    heartbeat.target_version = link->target_term == link->term ? link->target_version : 0;
    heartbeat.calls_per_minute_milli = link->calls_per_minute_milli;
    heartbeat.calls_per_second_milli = link->calls_per_second_milli;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &heartbeat;
    (void)!send(link, &envelope);
}

/* ---- finding the leader ---- */

/* Nobody is told twice a second: what to look at when it stays silent. */
static void say_silent(struct link *link)
{
    const char *trouble = channel_trouble(link->channel);
    if (!trouble && link->answered)
        return; /* it was there, and is gone: the member's own line says that */
    if (!trouble)
        trouble = link->curve ? "the coordinator does not answer: is the key in its allow file, under this id and role?"
                              : "the coordinator does not answer";
    if (log_limit_pass(&link->silent_limit, loop_now_ms(link->loop), SAY_MS, NULL))
        log_warn("no_welcome", LOG_TEXT("endpoint", channel_endpoint(link->channel)), LOG_TEXT("reason", trouble));
}

/* Another connection: what was said on the old one is said again. */
static void start_over(struct link *link)
{
    set_up(link, false);
    link->welcomed = link->answered = link->parked = false;
    link->heard_ms = loop_now_ms(link->loop);
}

static void on_timer(void *arg)
{
    struct link *link = arg;
    int64_t now = loop_now_ms(link->loop);
    if (link->channel && now - link->heard_ms > (link->answered || !link->several ? LINK_SILENCE_MS : PROBE_MS)) {
        say_silent(link);
        if (!link->parked) {
            snprintf(link->left, sizeof link->left, "%s", channel_endpoint(link->channel));
            link->left_ms = now;
        }
        link->follows = 0;
        start_over(link);
        channel_redial(link->channel);
    }
    link_beat(link);
}

static void on_message(void *arg, const Isobar__V1__Envelope *envelope);

/* The first endpoint that a link without a list hears of is its list. */
static void dial_first(struct link *link, const char *endpoint)
{
    struct channel_member member = {.id = link->id, .incarnation = link->incarnation, .curve = link->curve};
    struct buf error = BUF_EMPTY;
    if (link->curve || link->insecure || endpoint_is_loopback(endpoint))
        link->channel = channel_dial_as(link->loop, endpoint, &member, on_message, link, &error);
    else
        buf_text(&error, "it is not loopback: give CURVE keys, or --insecure to allow it");
    if (!link->channel && log_limit_pass(&link->refused_limit, loop_now_ms(link->loop), SAY_MS, NULL))
        log_warn("leader_not_dialled", LOG_TEXT("endpoint", endpoint), LOG_TEXT("reason", error.data));
    buf_release(&error);
}

/* Whether a word about the leader leads anywhere: the rules of link.h. */
static bool worth_following(struct link *link, const char *endpoint)
{
    int64_t now = loop_now_ms(link->loop);
    if (!*endpoint || strcmp(endpoint, channel_endpoint(link->channel)) == 0 || link->follows >= FOLLOWS_MAX)
        return false;
    if (strcmp(endpoint, link->left) == 0 && now - link->left_ms < AVOID_MS)
        return false;
    if (channel_may_dial(link->channel, endpoint, link->insecure))
        return true;
    if (log_limit_pass(&link->refused_limit, now, SAY_MS, NULL))
        log_warn("leader_not_dialled", LOG_TEXT("endpoint", endpoint),
                 LOG_TEXT("reason", "it is not in the list of endpoints, and no shared server key or --insecure allows "
                                    "others"));
    return false;
}

/* Goes where the leader is said to be. False when it stays. */
static bool follow(struct link *link, const char *endpoint)
{
    bool first = !link->channel;
    if (!link->channel)
        dial_first(link, endpoint);
    else if (!worth_following(link, endpoint) || channel_redial_to(link->channel, endpoint) != 0)
        return false;
    if (!link->channel)
        return false;
    link->several |= !first;
    link->follows++;
    link->redirects++;
    log_info("leader_found", LOG_TEXT("endpoint", endpoint));
    start_over(link);
    loop_timer_set(link->timer, 0, LINK_HEARTBEAT_MS);
    return true;
}

/*
 * A standby that waits for a leader, too, is asked again soon: it may be the next one. While there is no leader
 * for us the term says nothing: after Redis has gone back one begins below what members know, and learns that from
 * them.
 */
static void on_redirect(struct link *link, const Isobar__V1__Redirect *redirect)
{
    if (link->welcomed && redirect->term > 0 && redirect->term < link->term)
        return; /* overtaken by the welcome */
    if (follow(link, redirect->endpoint))
        return;
    link->parked = true;
    set_up(link, false);
    link->welcomed = false;
    loop_timer_set(link->timer, PARKED_MS, LINK_HEARTBEAT_MS);
}

void link_leader(struct link *link, const char *leader)
{
    const char *id = strchr(leader, ' '), *endpoint = id ? strchr(id + 1, ' ') : NULL;
    if (endpoint && !link->up && !link->silent && endpoint_valid(endpoint + 1, false))
        (void)follow(link, endpoint + 1);
}

int64_t link_redirects(const struct link *link)
{
    return link->redirects;
}

/* ---- what the coordinator says ---- */

static void on_welcome(struct link *link, const Isobar__V1__Welcome *welcome)
{
    link->term = welcome->term;
    link->welcomed = true;
    link->follows = 0;
    link->events.welcome(link->events.arg, welcome);
    set_up(link, true);
    link_beat(link);
}

static void on_target(struct link *link, const Isobar__V1__Target *target)
{
    if (target->term == link->target_term && target->version <= link->target_version)
        return;
    link->term = link->target_term = target->term;
    link->target_version = target->version;
    link->calls_per_minute_milli = target->calls_per_minute_milli;
    link->calls_per_second_milli = target->calls_per_second_milli;
    link->events.target(link->events.arg, target);
    link_beat(link);
}

/* A leader that is new, or does not know us: introduce ourselves. */
static void on_heartbeat(struct link *link, const Isobar__V1__Heartbeat *heartbeat)
{
    if (!link->welcomed || (heartbeat->term == link->term && !heartbeat->greet))
        return;
    link->welcomed = false;
    link_beat(link);
}

/* The term that the message names; -1 when messages of its kind have none. */
static int64_t term_of(const Isobar__V1__Envelope *envelope)
{
    switch (envelope->body_case) {
    case ISOBAR__V1__ENVELOPE__BODY_WELCOME:
        return envelope->welcome->term;
    case ISOBAR__V1__ENVELOPE__BODY_TARGET:
        return envelope->target->term;
    case ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT:
        return envelope->heartbeat->term;
    default:
        return -1;
    }
}

static void on_message(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct link *link = arg;
    int64_t term = term_of(envelope);
    if (link->silent || (term >= 0 && term < link->term))
        return; /* a former leader that does not know yet is no sign of life */
    link->answered = true;
    if (envelope->body_case != ISOBAR__V1__ENVELOPE__BODY_REDIRECT) /* a standby is not what we look for */
        link->heard_ms = loop_now_ms(link->loop);
    if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_REDIRECT)
        on_redirect(link, envelope->redirect);
    else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_WELCOME)
        on_welcome(link, envelope->welcome);
    else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_TARGET)
        on_target(link, envelope->target);
    else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT)
        on_heartbeat(link, envelope->heartbeat);
    else if (link->events.message)
        link->events.message(link->events.arg, envelope);
}

/* False, with text in `error`, when an endpoint of the list is plain and must not be. */
static bool plain_allowed(const struct link_config *config, struct buf *error)
{
    struct endpoints list = {.count = 0};
    bool good = config->curve || config->insecure || !endpoints_split(&list, config->endpoints, false);
    for (size_t i = 0; !good && i < list.count && endpoint_is_loopback(list.list[i]); i++)
        good = i + 1 == list.count;
    if (!good)
        buf_printf(error,
                   "coordinator %s: not loopback and without CURVE: give keys (--curve-key-file, --curve-server-key), "
                   "or --insecure to allow it",
                   config->endpoints);
    endpoints_release(&list);
    return good;
}

struct link *link_new(struct loop *loop, const struct link_config *config, const struct link_events *events,
                      struct buf *error)
{
    struct link *link = mem_alloc(sizeof *link);
    struct channel_member member = {.id = config->id, .incarnation = config->incarnation, .curve = config->curve};
    *link = (struct link){.loop = loop,
                          .events = *events,
                          .id = mem_strdup(config->id),
                          .zone = mem_strdup(config->zone),
                          .incarnation = config->incarnation,
                          .role = config->role,
                          .capacity = config->capacity,
                          .curve = config->curve,
                          .insecure = config->insecure,
                          .several = strchr(config->endpoints, ',') != NULL,
                          .heard_ms = loop_now_ms(loop)};
    (void)gethostname(link->host, sizeof link->host - 1);
    bool waits = config->told && !*config->endpoints;
    if (!waits && plain_allowed(config, error))
        link->channel = channel_dial_as(loop, config->endpoints, &member, on_message, link, error);
    link->timer = loop_timer_new(loop, on_timer, link);
    if (error->size) {
        link_free(link);
        return NULL;
    }
    loop_timer_set(link->timer, 0, LINK_HEARTBEAT_MS);
    return link;
}

void link_free(struct link *link)
{
    if (!link)
        return;
    loop_timer_free(link->timer);
    channel_free(link->channel);
    free(link->id);
    free(link->zone);
    free(link);
}

void link_released(struct link *link, int32_t partition, int64_t number)
{
    Isobar__V1__Envelope envelope;
    Isobar__V1__Released released = ISOBAR__V1__RELEASED__INIT;
    Isobar__V1__Assignment assignment = ISOBAR__V1__ASSIGNMENT__INIT;
    Isobar__V1__Assignment *list[] = {&assignment};
    if (link->silent || !link->welcomed)
        return; /* the next heartbeat says that it is not held */
    envelope_init(link, &envelope);
    assignment.index = partition;
    assignment.number = number;
    released.n_partitions = 1;
    released.partitions = list;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_RELEASED;
    envelope.released = &released;
    (void)!send(link, &envelope);
}

void link_bye(struct link *link, const char *reason)
{
    Isobar__V1__Envelope envelope;
    Isobar__V1__Bye bye = ISOBAR__V1__BYE__INIT;
    if (link->silent)
        return;
    envelope_init(link, &envelope);
    bye.reason = (char *)reason;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_BYE;
    envelope.bye = &bye;
    (void)!send(link, &envelope);
    if (link->channel)
        channel_linger(link->channel, BYE_LINGER_MS);
    link->silent = true;
    loop_timer_cancel(link->timer);
}

bool link_up(const struct link *link)
{
    return link->up;
}
