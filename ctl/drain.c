/*
 * isobarctl drain and undrain: a member that is drained is given nothing, and what it holds goes to others by the
 * graceful hand-over. The command waits until it holds nothing, by asking the leader again: that changes nothing and
 * tells how much is left.
 */
#include "channel_envelope.h"
#include "clock.h"
#include "command.h"
#include "context.h"
#include "error.h"
#include "request.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#define DRAIN_OPTIONS(X)                                                                                               \
    COMMAND_OPTIONS(X)                                                                                                 \
    REQUEST_OPTIONS(X)                                                                                                 \
    X(INT, deadline_s, "60", 0, 86400, "how long to wait until the member holds nothing, s; 0: does not wait")         \
    X(FLAG, json, "false", 0, 0, "prints the result as one JSON object")

struct drain_options {
    OPTION_STRUCT(DRAIN_OPTIONS)
};
#define OPTION_OWNER struct drain_options
static const struct option_row rows[] = {DRAIN_OPTIONS(OPTION_ROW)};

#define AGAIN_MS 50

static int ask(struct request *request, const char *member, Isobar__V1__CommandWhat what, int64_t deadline_ms,
               struct request_answer *answer)
{
    Isobar__V1__Command command = ISOBAR__V1__COMMAND__INIT;
    command.what = what;
    command.member = (char *)member;
    return request_ask(request, &command, deadline_ms, answer);
}

/* The result, when all went well. `handed_over` slots in `took_ms`. */
static void print(bool json, const char *member, const char *text, int64_t handed_over, int64_t took_ms)
{
    if (json) /* an id needs no escapes */
        printf("{\"member\":\"%s\",\"handed_over\":%" PRId64 ",\"took_ms\":%" PRId64 "}\n", member, handed_over,
               took_ms);
    else if (text)
        puts(text);
    else
        printf("%s is drained: handed over %" PRId64 " in %.1f s\n", member, handed_over, (double)took_ms / 1000);
}

/* Asks until nothing is held. */
static int wait_empty(const struct drain_options *options, struct context *context, struct request *request,
                      const char *member, struct request_answer *answer)
{
    int64_t deadline_ms = options->deadline_s * 1000, begun_ms = clock_monotonic_ms(), held = answer->number;
    int code = EXIT_CODE_OK;
    while (answer->number > 0 && code == EXIT_CODE_OK) {
        int64_t left_ms = begun_ms + deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0)
            return context_fail(context, EXIT_CODE_FAILURE,
                                "%s still holds %" PRId64 " of %" PRId64
                                " after %.1f s; it stays drained, isobarctl members shows it",
                                member, answer->number, held, (double)deadline_ms / 1000);
        (void)poll(NULL, 0, AGAIN_MS);
        code = ask(request, member, ISOBAR__V1__COMMAND_WHAT__DRAIN, left_ms, answer);
        if (code == EXIT_CODE_OK && !answer->ok)
            return context_fail(context, EXIT_CODE_FAILURE, "%s", answer->text);
    }
    if (code == EXIT_CODE_OK)
        print(options->json, member, NULL, held, clock_monotonic_ms() - begun_ms);
    return code;
}

static int command(const struct drain_options *options, const char *member, Isobar__V1__CommandWhat what,
                   struct context *context)
{
    if (!channel_member_valid(member))
        return context_fail(context, EXIT_CODE_USAGE, "'%s' is no member's id: 1 to 64 of A-Z a-z 0-9 . _ -", member);
    int code = EXIT_CODE_OK;
    if (!*options->coordinator) /* else Redis is asked only when no coordinator knows the leader */
        code = context_connect(context, options->redis_user, options->redis_password);
    if (code != EXIT_CODE_OK)
        return code;
    struct request_config config = REQUEST_OF(options);
    struct request *request = request_new(context, &config);
    struct request_answer answer;
    if (!request)
        return context->exit_code;
    code = ask(request, member, what, context->timeout_ms, &answer);
    if (code == EXIT_CODE_OK && !answer.ok)
        code = context_fail(context, EXIT_CODE_FAILURE, "%s", answer.text);
    else if (code == EXIT_CODE_OK && what == ISOBAR__V1__COMMAND_WHAT__DRAIN && options->deadline_s > 0)
        code = wait_empty(options, context, request, member, &answer);
    else if (code == EXIT_CODE_OK)
        print(options->json, member, answer.text, 0, 0);
    request_free(request);
    return code;
}

static int run_drain(const void *options, char *const *operands)
{
    struct context context = CONTEXT_OF("drain", (const struct drain_options *)options);
    int code = command(options, operands[0], ISOBAR__V1__COMMAND_WHAT__DRAIN, &context);
    context_close(&context);
    return code;
}

static int run_undrain(const void *options, char *const *operands)
{
    struct context context = CONTEXT_OF("undrain", (const struct drain_options *)options);
    int code = command(options, operands[0], ISOBAR__V1__COMMAND_WHAT__UNDRAIN, &context);
    context_close(&context);
    return code;
}

const struct command command_drain = {
    .name = "drain",
    .summary = "takes everything from a member, gracefully, and waits until it is done",
    .details =
        "Gives a worker or fetcher nothing more, and hands over what it holds: batch, commit, release. It stays "
        "so, whoever\n"
        "leads, until isobarctl undrain, or until the process ends or is started again.\n\n"
        "Exit codes: 0 it holds nothing; 1 it still holds something at the deadline, or there is no such member; "
        "69 Redis or\n"
        "the leader is missing.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct drain_options),
    .operands = "<member>",
    .operand_count = 1,
    .run_operands = run_drain,
};

const struct command command_undrain = {
    .name = "undrain",
    .summary = "lets a drained member work again",
    .details = "Ends a drain: the member is planned with again.\n\n"
               "Exit codes: 0 done, or it was not drained; 69 Redis or the leader is missing.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct drain_options),
    .operands = "<member>",
    .operand_count = 1,
    .run_operands = run_undrain,
};
