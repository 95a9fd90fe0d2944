/* See link.h. All messages are state, so nothing is queued: what cannot be sent now is said by the next heartbeat. */
#include "link.h"

#include "error.h"
#include "log.h"
#include "mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MS      100 /* of a HELLO that found no connection: a dial takes a moment */
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
    int64_t heard_ms;
    bool welcomed, up, silent;
};

bool link_valid_id(const char *id)
{
    size_t size = strlen(id);
    for (const unsigned char *p = (const unsigned char *)id; *p; p++) {
        if (!isalnum(*p) && *p != '.' && *p != '_' && *p != '-')
            return false;
    }
    return size >= 1 && size <= 64;
}

void link_default_id(char *out, size_t size)
{
    char host[40] = "host";
    (void)gethostname(host, sizeof host - 1);
    host[sizeof host - 1] = '\0';
    snprintf(out, size, "%s-%ld", host, (long)getpid());
    for (char *p = out; *p; p++) {
        if (!isalnum((unsigned char)*p) && *p != '.' && *p != '_' && *p != '-')
            *p = '-';
    }
}

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
    return channel_send(link->channel, &envelope);
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
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &heartbeat;
    (void)!channel_send(link->channel, &envelope);
}

static void on_timer(void *arg)
{
    struct link *link = arg;
    if (loop_now_ms(link->loop) - link->heard_ms > LINK_SILENCE_MS) {
        set_up(link, false);
        link->welcomed = false;
        link->heard_ms = loop_now_ms(link->loop);
        channel_redial(link->channel);
    }
    link_beat(link);
}

static void on_welcome(struct link *link, const Isobar__V1__Welcome *welcome)
{
    link->term = welcome->term;
    link->welcomed = true;
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
    link->heard_ms = loop_now_ms(link->loop);
    if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_WELCOME)
        on_welcome(link, envelope->welcome);
    else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_TARGET)
        on_target(link, envelope->target);
    else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT)
        on_heartbeat(link, envelope->heartbeat);
    else if (link->events.message)
        link->events.message(link->events.arg, envelope);
}

struct link *link_new(struct loop *loop, const struct link_config *config, const struct link_events *events,
                      struct buf *error)
{
    struct link *link = mem_alloc(sizeof *link);
    *link = (struct link){.loop = loop,
                          .events = *events,
                          .id = mem_strdup(config->id),
                          .zone = mem_strdup(config->zone),
                          .incarnation = config->incarnation,
                          .role = config->role,
                          .capacity = config->capacity,
                          .heard_ms = loop_now_ms(loop)};
    (void)gethostname(link->host, sizeof link->host - 1);
    link->channel = channel_dial(loop, config->endpoints, config->id, config->incarnation, on_message, link, error);
    link->timer = loop_timer_new(loop, on_timer, link);
    if (!link->channel) {
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
    (void)!channel_send(link->channel, &envelope);
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
    (void)!channel_send(link->channel, &envelope);
    channel_linger(link->channel, BYE_LINGER_MS);
    link->silent = true;
    loop_timer_cancel(link->timer);
}

bool link_up(const struct link *link)
{
    return link->up;
}
