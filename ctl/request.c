/* See request.h. The command is sent again until an answer comes: the leader knows it by its id. */
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

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEND_MS    100
#define FIND_MS    200  /* between two looks for a leader */
#define SILENCE_MS 1500 /* without an answer: who leads now? */

struct request {
    struct context *context;
    struct request_config config;
    struct curve_client *curve; /* NULL: plain, or not read yet */
    struct loop *loop;
    struct loop_timer *timer;
    struct channel *channel; /* to `endpoint`; NULL: none */
    char endpoint[ENDPOINT_BYTES], trouble[160];
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

static void on_message(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct request *request = arg;
    if (envelope->body_case != ISOBAR__V1__ENVELOPE__BODY_ANSWER || !request->command || request->done ||
        envelope->answer->id != request->command->id)
        return;
    request->answer->ok = envelope->answer->ok;
    request->answer->number = envelope->answer->number;
    text_copy(request->answer->text, sizeof request->answer->text, envelope->answer->text);
    for (char *p = request->answer->text; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
    request->done = true;
}

/* ---- the leader ---- */

static void hang_up(struct request *request)
{
    channel_free(request->channel);
    request->channel = NULL;
}

/* "<nonce> <coordinator id> <endpoint>". Returns the exit code; `endpoint` stays empty when nobody leads. */
static int find_leader(struct request *request)
{
    char key[CONTEXT_KEY_BYTES];
    struct store_reply *reply = CONTEXT_ASK(request->context, "GET", context_key(request->context, "leader", key));
    if (!reply)
        return request->context->exit_code;
    const char *id = reply->type == STORE_TEXT ? strchr(reply->text, ' ') : NULL;
    const char *endpoint = id ? strchr(id + 1, ' ') : NULL;
    snprintf(request->endpoint, sizeof request->endpoint, "%s", endpoint ? endpoint + 1 : "");
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

/* Reads the keys once; the exit code tells whether the endpoint may be dialled with what there is. */
static int secure(struct request *request)
{
    const struct request_config *config = &request->config;
    struct buf error = BUF_EMPTY;
    if (!request->curve &&
        curve_client_read(config->curve_key_file, config->curve_server_key, &request->curve, &error) &&
        !request->curve && !config->insecure && !endpoint_is_loopback(request->endpoint))
        buf_printf(&error,
                   "the leader at %s is not on loopback: give --curve-key-file and --curve-server-key, or --insecure",
                   request->endpoint);
    if (request->curve && !channel_member_valid(config->id))
        buf_text(&error, "--id has to be the operator's in the coordinators' allow file");
    int code = error.size ? context_fail(request->context, EXIT_CODE_CONFIG, "%s", error.data) : EXIT_CODE_OK;
    buf_release(&error);
    return code;
}

static int dial(struct request *request)
{
    struct buf error = BUF_EMPTY;
    int code = find_leader(request);
    if (code == EXIT_CODE_OK && *request->endpoint && (code = secure(request)) == EXIT_CODE_OK) {
        struct channel_member member = {
            .id = request->id, .incarnation = request->incarnation, .curve = request->curve};
        request->channel = channel_dial_as(request->loop, request->endpoint, &member, on_message, request, &error);
        if (!request->channel)
            code = context_fail(request->context, EXIT_CODE_FAILURE, "the leader's endpoint: %s", error.data);
    }
    buf_release(&error);
    return code;
}

/* ---- asking ---- */

static void name_operator(struct request *request)
{
    char host[65] = "";
    const struct passwd *user = getpwuid(geteuid());
    (void)gethostname(host, sizeof host - 1);
    if (user)
        snprintf(request->who, sizeof request->who, "%.64s@%s", user->pw_name, host);
    else
        snprintf(request->who, sizeof request->who, "%u@%s", (unsigned)geteuid(), host);
    request->incarnation = entropy_i63();
    if (*request->config.id)
        snprintf(request->id, sizeof request->id, "%s", request->config.id);
    else
        snprintf(request->id, sizeof request->id, "isobarctl-%d", (int)getpid());
}

struct request *request_new(struct context *context, const struct request_config *config)
{
    struct request *request = mem_alloc(sizeof *request);
    request->context = context;
    request->config = *config;
    request->loop = loop_new();
    if (!request->loop)
        abort(); /* no descriptors at the start of a process */
    request->timer = loop_timer_new(request->loop, send_command, request);
    name_operator(request);
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
    const char *keys = request->curve ? ": is the key in its allow file as an operator's, under this id?" : "";
    if (*request->endpoint)
        return context_fail(request->context, EXIT_CODE_UNAVAILABLE, "the leader at %s does not answer%s%s",
                            request->endpoint, *request->trouble ? ": " : keys, request->trouble);
    return context_fail(request->context, EXIT_CODE_UNAVAILABLE, "there is no leader: start isobar-coordinator");
}

/* Sends and waits; a leader that stays silent is left. */
static void listen_for(struct request *request, int64_t left_ms)
{
    int64_t wait_ms = request->channel ? SILENCE_MS : FIND_MS;
    loop_timer_set(request->timer, 0, SEND_MS);
    (void)!loop_run_until(request->loop, &request->done, wait_ms < left_ms ? wait_ms : left_ms);
    if (request->done)
        return;
    const char *trouble = request->channel ? channel_trouble(request->channel) : NULL;
    text_copy(request->trouble, sizeof request->trouble, trouble);
    hang_up(request);
}

int request_ask(struct request *request, Isobar__V1__Command *command, int64_t deadline_ms, struct request_answer *out)
{
    int64_t end_ms = clock_monotonic_ms() + deadline_ms;
    int code = EXIT_CODE_OK;
    *out = (struct request_answer){0};
    command->id = entropy_i63();
    command->who = request->who;
    request->command = command;
    request->answer = out;
    request->done = false;
    while (!request->done && code == EXIT_CODE_OK) {
        int64_t left_ms = end_ms - clock_monotonic_ms();
        if (left_ms <= 0)
            code = no_answer(request);
        else if (request->channel || (code = dial(request)) == EXIT_CODE_OK)
            listen_for(request, left_ms);
    }
    loop_timer_cancel(request->timer);
    request->command = NULL;
    return code;
}
