/*
 * See request.h. The command is sent again until an answer comes: the leader knows it by its id. One round is the list,
 * a coordinator after the other, and then Redis.
 */
#include "request.h"

#include "channel.h"
#include "channel_endpoint.h"
#include "channel_envelope.h"
#include "clock.h"
#include "entropy.h"
#include "error.h"
#include "loop.h"
#include "mem.h"
#include "text.h"
#include "trace.h"
#include "tried.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEND_MS     100
#define FIND_MS     200  /* between two looks for a leader */
#define PROBE_MS    800  /* without an answer from one of the list: the next */
#define SILENCE_MS  1500 /* without an answer: who leads now? */
#define FOLLOWS_MAX 3    /* words of standbys in a round */

struct request {
    struct context *context;
    struct request_config config;
    struct curve_client *curve; /* NULL: plain, or not read yet */
    struct loop *loop;
    struct loop_timer *timer;
    struct channel *channel;       /* NULL: none yet */
    bool listening;                /* to the channel; else there is nobody to listen to */
    char endpoint[ENDPOINT_BYTES]; /* of the leader, as Redis or a standby has it; empty: not known */
    char told[ENDPOINT_BYTES];     /* by a standby, not followed yet */
    bool standby;                  /* one has answered */
    bool moved;                    /* the wait is over: done, or `standby` */
    size_t list_count, next;       /* coordinators named, and the one in turn: list_count is Redis */
    int follows;
    struct tried tried;
    char id[CONTEXT_KEY_BYTES], who[160];
    int64_t incarnation;
    Isobar__V1__Command *command;
    struct request_answer *answer;
    bool done;
};

/* ---- messages ---- */

static void send_command(void *arg)
{
    struct request *request = arg;
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Hello hello = ISOBAR__V1__HELLO__INIT;
    envelope.format = 1;
    envelope.member = request->id;
    envelope.incarnation = request->incarnation;
    hello.role = ISOBAR__V1__ROLE__OPERATOR;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
    envelope.hello = &hello;
    if (!request->channel || channel_send(request->channel, &envelope) != 0)
        return; /* not connected yet */
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_COMMAND;
    envelope.command = request->command;
    (void)!channel_send(request->channel, &envelope);
}

static void on_answer(struct request *request, const Isobar__V1__Answer *answer)
{
    if (!request->command || request->done || answer->id != request->command->id)
        return;
    request->answer->ok = answer->ok;
    request->answer->number = answer->number;
    text_copy(request->answer->text, sizeof request->answer->text, answer->text);
    for (char *p = request->answer->text; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
    request->done = request->moved = true;
}

/* It stands by. What it names is followed when the wait is over: the channel is in use here. */
static void on_redirect(struct request *request, const Isobar__V1__Redirect *redirect)
{
    if (request->done || strlen(redirect->endpoint) >= sizeof request->told)
        return;
    snprintf(request->told, sizeof request->told, "%s", redirect->endpoint);
    request->standby = request->moved = true;
}

static void on_message(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct request *request = arg;
    if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_ANSWER)
        on_answer(request, envelope->answer);
    else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_REDIRECT)
        on_redirect(request, envelope->redirect);
}

/* ---- the leader ---- */

static void hang_up(struct request *request)
{
    channel_free(request->channel);
    request->channel = NULL;
    request->listening = false;
}

/* Redis is connected when it is needed; that it is not there is one of the things that were tried. */
static bool reach_redis(struct request *request, const char *where)
{
    struct buf error = BUF_EMPTY;
    bool there = request->context->store || context_try(request->context, request->config.redis_user,
                                                        request->config.redis_password, &error) == EXIT_CODE_OK;
    if (!there)
        tried_note(&request->tried, where, error.data);
    buf_release(&error);
    return there;
}

/* "<nonce> <coordinator id> <endpoint>". Returns the exit code; `endpoint` stays empty when nobody leads. */
static int find_leader(struct request *request)
{
    char key[CONTEXT_KEY_BYTES], where[ENDPOINT_BYTES + 8];
    request->endpoint[0] = '\0';
    snprintf(where, sizeof where, "Redis %.200s", request->context->redis);
    if (!reach_redis(request, where))
        return EXIT_CODE_OK;
    struct store_reply *reply = CONTEXT_ASK(request->context, "GET", context_key(request->context, "leader", key));
    if (!reply)
        return request->context->exit_code;
    const char *id = reply->type == STORE_TEXT ? strchr(reply->text, ' ') : NULL;
    const char *endpoint = id ? strchr(id + 1, ' ') : NULL;
    snprintf(request->endpoint, sizeof request->endpoint, "%s", endpoint ? endpoint + 1 : "");
    char what[ENDPOINT_BYTES + 8] = "names no leader";
    if (endpoint)
        snprintf(what, sizeof what, "names %s", request->endpoint);
    tried_note(&request->tried, where, what);
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

/* Reads the keys once; the exit code tells whether the endpoints (a comma list) may be dialled with what there is. */
static int secure(struct request *request, const char *what, const char *endpoints)
{
    const struct request_config *config = &request->config;
    struct buf error = BUF_EMPTY;
    struct endpoints list = {.count = 0};
    bool loopback = endpoints_split(&list, endpoints, false);
    for (size_t i = 0; i < list.count; i++)
        loopback &= endpoint_is_loopback(list.list[i]);
    endpoints_release(&list);
    if (!request->curve &&
        curve_client_read(config->curve_key_file, config->curve_server_key, &request->curve, &error) &&
        !request->curve && !config->insecure && !loopback)
        buf_printf(&error, "%s %s is not on loopback: give --curve-key-file and --curve-server-key, or --insecure",
                   what, endpoints);
    if (request->curve && !channel_member_valid(config->id))
        buf_text(&error, "--id has to be the operator's in the coordinators' allow file");
    int code = error.size ? context_fail(request->context, EXIT_CODE_CONFIG, "%s", error.data) : EXIT_CODE_OK;
    buf_release(&error);
    return code;
}

/* The first connection, to the first of `endpoints`. Returns the exit code. */
static int dial(struct request *request, const char *what, const char *endpoints)
{
    struct buf error = BUF_EMPTY;
    int code = secure(request, what, endpoints);
    if (code == EXIT_CODE_OK) {
        struct channel_member member = {
            .id = request->id, .incarnation = request->incarnation, .curve = request->curve};
        request->channel = channel_dial_as(request->loop, endpoints, &member, on_message, request, &error);
        request->listening = request->channel != NULL;
        if (!request->channel)
            code = context_fail(request->context, EXIT_CODE_CONFIG, "%s: %s", what, error.data);
    }
    buf_release(&error);
    return code;
}

/* Goes to where the leader is said to be. Returns the exit code. */
static int go_to(struct request *request, const char *endpoint)
{
    if (!request->channel)
        return dial(request, "the leader at", endpoint);
    request->listening = channel_may_dial(request->channel, endpoint, request->config.insecure) &&
                         channel_redial_to(request->channel, endpoint) == 0;
    if (!request->listening)
        tried_note(&request->tried, endpoint,
                   "leads, but is not in --coordinator, and no shared server key or --insecure allows others");
    return EXIT_CODE_OK;
}

/* The next place to look at: what a standby named, the next of the list, or what Redis names. */
static int go_on(struct request *request)
{
    char told[ENDPOINT_BYTES];
    int code = EXIT_CODE_OK;
    memcpy(told, request->told, sizeof told);
    request->told[0] = '\0';
    request->standby = false;
    if (*told && request->follows < FOLLOWS_MAX) {
        request->follows++;
        snprintf(request->endpoint, sizeof request->endpoint, "%s", told);
        return go_to(request, told);
    }
    if (request->next < request->list_count) {
        request->listening = true;
        if (!request->channel)
            code = dial(request, "--coordinator", request->config.coordinator);
        else
            channel_redial(request->channel);
        request->next++;
        return code;
    }
    request->next = 0;
    request->follows = 0;
    request->listening = false;
    code = find_leader(request);
    return code == EXIT_CODE_OK && *request->endpoint ? go_to(request, request->endpoint) : code;
}

/* ---- asking ---- */

static void name_operator(struct request *request)
{
    if (request->context->who)
        text_copy(request->who, sizeof request->who, request->context->who);
    else
        (void)trace_who(request->who);
    request->incarnation = entropy_i63();
    if (*request->config.id)
        snprintf(request->id, sizeof request->id, "%s", request->config.id);
    else
        snprintf(request->id, sizeof request->id, "%s-%d", request->context->who ? "isobar-dashboard" : "isobarctl",
                 (int)getpid());
}

struct request *request_new(struct context *context, const struct request_config *config)
{
    struct request *request = mem_alloc(sizeof *request);
    request->context = context;
    request->config = *config;
    request->loop = loop_new();
    if (!request->loop) {
        (void)context_fail(context, EXIT_CODE_FAILURE, "no event loop: %s", strerror(errno));
        free(request);
        return NULL;
    }
    request->timer = loop_timer_new(request->loop, send_command, request);
    name_operator(request);
    for (const char *at = config->coordinator; *at; at = strchr(at, ','), at = at ? at + 1 : "")
        request->list_count++;
    return request;
}

void request_free(struct request *request)
{
    if (!request)
        return;
    hang_up(request);
    curve_client_free(request->curve);
    loop_timer_free(request->timer);
    loop_free(request->loop);
    free(request);
}

static int no_answer(struct request *request)
{
    struct buf tried = BUF_EMPTY;
    int code;
    tried_text(&request->tried, &tried);
    if (*request->endpoint && request->list_count == 0)
        code =
            context_fail(request->context, EXIT_CODE_UNAVAILABLE, "the leader does not answer: tried %s", tried.data);
    else
        code = context_fail(request->context, EXIT_CODE_UNAVAILABLE,
                            "there is no leader: start isobar-coordinator; tried %s", tried.data);
    buf_release(&tried);
    return code;
}

/* What became of the coordinator that was listened to. */
static void note(struct request *request)
{
    const char *where = channel_endpoint(request->channel), *trouble = channel_trouble(request->channel);
    char what[ENDPOINT_BYTES + 32] = "stands by, and knows no leader";
    bool itself = strcmp(request->told, where) == 0;
    if (request->standby && *request->told && !itself)
        snprintf(what, sizeof what, "stands by, and names %s", request->told);
    else if (!request->standby && request->curve && !trouble)
        trouble = "does not answer: is the key in its allow file as an operator's, under this id?";
    if (itself)
        request->told[0] = '\0';
    tried_note(&request->tried, where, request->standby ? what : trouble ? trouble : "does not answer");
}

/* Sends and waits; a coordinator that stays silent, or stands by, is left. */
static void listen_for(struct request *request, int64_t left_ms)
{
    bool probing = request->listening && request->list_count > 0 &&
                   strcmp(channel_endpoint(request->channel), request->endpoint) != 0;
    int64_t wait_ms = !request->listening ? FIND_MS : probing ? PROBE_MS : SILENCE_MS;
    request->moved = false;
    loop_timer_set(request->timer, 0, SEND_MS);
    (void)!loop_run_until(request->loop, request->listening ? &request->moved : &request->done,
                          wait_ms < left_ms ? wait_ms : left_ms);
    if (request->done || !request->listening)
        return;
    note(request);
    if (request->standby && !*request->told) /* it may be the next one: not at once again */
        (void)!loop_run_until(request->loop, &request->done, FIND_MS < left_ms ? FIND_MS : left_ms);
    if (!request->done && request->list_count == 0 && !*request->told)
        hang_up(request);
}

int request_ask(struct request *request, Isobar__V1__Command *command, int64_t deadline_ms, struct request_answer *out)
{
    int64_t end_ms = clock_monotonic_ms() + deadline_ms;
    int code = EXIT_CODE_OK;
    bool first = true;
    *out = (struct request_answer){0};
    command->id = entropy_i63();
    command->who = request->who;
    request->command = command;
    request->answer = out;
    request->done = request->standby = false;
    request->told[0] = '\0';
    while (!request->done && code == EXIT_CODE_OK) {
        int64_t left_ms = end_ms - clock_monotonic_ms();
        bool stays = first && request->listening; /* to who answered the command before */
        first = false;
        if (left_ms <= 0)
            code = no_answer(request);
        else if (stays || (code = go_on(request)) == EXIT_CODE_OK)
            listen_for(request, left_ms);
    }
    loop_timer_cancel(request->timer);
    request->command = NULL;
    return code;
}
