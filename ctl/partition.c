/*
 * isobarctl partition resume and reset: what resolves the alarm of a stopped partition. Resume has it tried again under
 * a new assignment number; reset sets its ledger to another offset first (reset.h). Both wait until it runs, or until
 * it has stopped again, and then show its alarm.
 */
#include "clock.h"
#include "cluster.h"
#include "command.h"
#include "context.h"
#include "error.h"
#include "installation.h"
#include "kafka.h"
#include "mem.h"
#include "request.h"
#include "reset.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARTITION_OPTIONS(X)                                                                                           \
    COMMAND_OPTIONS(X)                                                                                                 \
    REQUEST_OPTIONS(X)                                                                                                 \
    X(TEXT, to, "", 0, 0, "reset: the next record to read, low or high (of the log) or an offset in it")               \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers, for reset")                                       \
    X(FLAG, yes, "false", 0, 0, "reset: does not ask")                                                                 \
    X(INT, deadline_s, "15", 0, 3600, "how long to wait until the partition runs, s; 0: does not wait")                \
    X(FLAG, json, "false", 0, 0, "prints the result as one JSON object; with reset, give --yes too")

struct partition_options {
    OPTION_STRUCT(PARTITION_OPTIONS)
};
#define OPTION_OWNER struct partition_options
static const struct option_row rows[] = {PARTITION_OPTIONS(OPTION_ROW)};

#define LOOK_MS 200

struct partition_command {
    const struct partition_options *options;
    struct context context;
    struct installation installation;
    int32_t partition;
    char detail[160]; /* of a reset */
    /* what was done, for --json */
    struct reset plan;
    bool reset, running;
    int64_t number;
};

/* ---- what became of it ---- */

/* The view's word on the partition under `number` or a later one, as a phase; "" when it says nothing yet. */
static const char *phase_of(const struct cluster *cluster, int32_t partition, int64_t number, char *out)
{
    const json_t *object = cluster_partition(cluster, partition);
    if (!object || cluster_number(object, "number") < number)
        return "";
    return cluster_text(object, "phase", out);
}

static int stopped_again(struct partition_command *command, const struct cluster *cluster)
{
    const char *alarm = json_string_value(json_object_get(cluster_partition(cluster, command->partition), "alarm"));
    char text[512];
    snprintf(text, sizeof text, "%s", alarm ? alarm : "");
    for (char *p = text; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
    return context_fail(&command->context, EXIT_CODE_FAILURE, "partition %d has stopped again: %s", command->partition,
                        text);
}

/* Looks at views until one that was written since tells that it runs or has stopped. */
static int wait_running(struct partition_command *command, int64_t number)
{
    int64_t end_ms = clock_monotonic_ms() + command->options->deadline_s * 1000, first_ms = -1;
    for (;;) {
        struct cluster cluster;
        char phase[CLUSTER_TEXT_BYTES];
        int code = cluster_read(&cluster, &command->context);
        int64_t at_ms = cluster_number(cluster.view, "at_ms");
        first_ms = first_ms < 0 ? at_ms : first_ms;
        const char *word =
            code == EXIT_CODE_OK && at_ms != first_ms ? phase_of(&cluster, command->partition, number, phase) : "";
        bool runs = strcmp(word, "running") == 0, stopped = strcmp(word, "stopped") == 0;
        command->running = runs;
        if (runs && !command->options->json)
            printf("partition %d runs\n", command->partition);
        if (stopped)
            code = stopped_again(command, &cluster);
        else if (!runs && code == EXIT_CODE_OK && clock_monotonic_ms() >= end_ms)
            code = context_fail(&command->context, EXIT_CODE_FAILURE,
                                "partition %d does not run yet: isobarctl why %d shows what it waits for",
                                command->partition, command->partition);
        cluster_release(&cluster);
        if (runs || code != EXIT_CODE_OK)
            return code;
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static int tell_leader(struct partition_command *command, Isobar__V1__CommandWhat what)
{
    struct request_config config = REQUEST_OF(command->options);
    struct request *request = request_new(&command->context, &config);
    struct request_answer answer;
    Isobar__V1__Command message = ISOBAR__V1__COMMAND__INIT;
    if (!request)
        return command->context.exit_code;
    message.what = what;
    message.partition = command->partition;
    message.detail = command->detail;
    int code = request_ask(request, &message, command->context.timeout_ms, &answer);
    if (code == EXIT_CODE_OK && !answer.ok)
        code = context_fail(&command->context, EXIT_CODE_FAILURE, "%s", answer.text);
    request_free(request);
    if (code != EXIT_CODE_OK)
        return code;
    command->number = answer.number;
    if (!command->options->json)
        puts(answer.text);
    return command->options->deadline_s > 0 ? wait_running(command, answer.number) : EXIT_CODE_OK;
}

/* ---- reset ---- */

/* The log's ends of this partition. */
static int ask_kafka(struct partition_command *command, int64_t *low, int64_t *high)
{
    const struct installation *installation = &command->installation;
    int32_t partitions = installation->partitions;
    int64_t *lows = mem_calloc((size_t)partitions, sizeof *lows),
            *highs = mem_calloc((size_t)partitions, sizeof *highs);
    char cluster_id[64];
    struct buf error = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    if (kafka_topic_describe(command->options->kafka, installation->topic, command->context.timeout_ms, cluster_id,
                             &partitions, lows, highs, &error) != 0)
        code = context_fail(&command->context, EXIT_CODE_UNAVAILABLE, "Kafka at %s: %s", command->options->kafka,
                            error.data);
    else if (*installation->cluster_id && strcmp(installation->cluster_id, cluster_id) != 0)
        code = context_fail(&command->context, EXIT_CODE_REFUSED,
                            "Kafka at %s is cluster %s, and the installation belongs to %s: point --kafka at the right "
                            "one",
                            command->options->kafka, cluster_id, installation->cluster_id);
    else if (partitions != installation->partitions)
        code =
            context_fail(&command->context, EXIT_CODE_REFUSED, "topic %s has %d partitions, and there are %d ledgers",
                         installation->topic, partitions, installation->partitions);
    if (code == EXIT_CODE_OK) {
        *low = lows[command->partition];
        *high = highs[command->partition];
    }
    buf_release(&error);
    free(lows);
    free(highs);
    return code;
}

/* --to as an offset; false when it is none of the log. */
static bool offset_of(const char *to, int64_t low, int64_t high, int64_t *out)
{
    char *end = NULL;
    if (strcmp(to, "low") == 0 || strcmp(to, "high") == 0) {
        *out = strcmp(to, "low") == 0 ? low : high;
        return true;
    }
    errno = 0;
    long long number = strtoll(to, &end, 10);
    *out = number;
    return *to >= '0' && *to <= '9' && *end == '\0' && errno == 0 && number >= low && number <= high;
}

/* True when the operator agrees on the terminal. */
static bool confirmed(void)
{
    char line[16] = "";
    fputs("change the ledger? Type yes: ", stdout);
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && strcmp(line, "yes\n") == 0;
}

static int change(struct partition_command *command, struct reset *reset)
{
    bool json = command->options->json;
    if (!json)
        reset_print(reset);
    if (!command->options->yes && json)
        return context_fail(&command->context, EXIT_CODE_USAGE, "--json does not ask: give --yes too");
    if (!command->options->yes && !isatty(STDIN_FILENO))
        return context_fail(&command->context, EXIT_CODE_USAGE, "not on a terminal: give --yes. Nothing was changed");
    if (!command->options->yes && !confirmed())
        return context_fail(&command->context, EXIT_CODE_FAILURE, "nothing was changed");
    int code = reset_write(&command->context, reset);
    if (code != EXIT_CODE_OK)
        return code;
    snprintf(command->detail, sizeof command->detail, "offset %" PRId64 " to %" PRId64 ", first_offset %" PRId64,
             reset->before.offset, reset->after.offset, reset->after.first_offset);
    command->reset = true;
    if (!json)
        printf("the ledger of partition %d is changed\n", command->partition);
    code = tell_leader(command, ISOBAR__V1__COMMAND_WHAT__NOTE_RESET);
    if (code == EXIT_CODE_UNAVAILABLE)
        context_warn(&command->context,
                     "the change is made and no leader was told: isobarctl partition resume %d later",
                     command->partition);
    return code;
}

static int reset(struct partition_command *command)
{
    int64_t low, high, to;
    struct reset *plan = &command->plan;
    if (!*command->options->to)
        return context_fail(&command->context, EXIT_CODE_USAGE, "reset wants --to low, --to high or --to <offset>");
    int code = ask_kafka(command, &low, &high);
    if (code != EXIT_CODE_OK)
        return code;
    if (!offset_of(command->options->to, low, high, &to))
        return context_fail(&command->context, EXIT_CODE_USAGE,
                            "--to %s: low, high, or an offset from %" PRId64 " to %" PRId64 " wanted",
                            command->options->to, low, high);
    code = reset_read(&command->context, command->partition, plan);
    if (code != EXIT_CODE_OK)
        return code;
    reset_plan(plan, to);
    return change(command, plan);
}

/* ---- the command ---- */

static bool partition_parse(const char *text, int32_t partitions, int32_t *out)
{
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    *out = (int32_t)number;
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && number < partitions;
}

static int dispatch(struct partition_command *command, const char *verb, const char *partition)
{
    bool resets = strcmp(verb, "reset") == 0;
    if (!resets && strcmp(verb, "resume") != 0)
        return context_fail(&command->context, EXIT_CODE_USAGE, "'%s': resume or reset wanted", verb);
    if (!resets && (*command->options->to || command->options->yes))
        return context_fail(&command->context, EXIT_CODE_USAGE, "--to and --yes are for reset");
    int code = installation_open(&command->context, command->options->redis_user, command->options->redis_password,
                                 &command->installation);
    if (code != EXIT_CODE_OK)
        return code;
    if (!partition_parse(partition, command->installation.partitions, &command->partition))
        return context_fail(&command->context, EXIT_CODE_USAGE, "'%s': a partition from 0 to %d wanted", partition,
                            command->installation.partitions - 1);
    return resets ? reset(command) : tell_leader(command, ISOBAR__V1__COMMAND_WHAT__RESUME);
}

static json_t *ledger_json(const struct reset_ledger *ledger)
{
    return json_pack("{s:I,s:I,s:I,s:I}", "offset", (json_int_t)ledger->offset, "first_offset",
                     (json_int_t)ledger->first_offset, "applied", (json_int_t)ledger->applied, "gaps",
                     (json_int_t)ledger->gaps);
}

static void print_json(const struct partition_command *command)
{
    json_t *root = json_pack("{s:i,s:b,s:I}", "partition", (int)command->partition, "running", (int)command->running,
                             "number", (json_int_t)command->number);
    if (command->reset) {
        json_object_set_new(root, "before", ledger_json(&command->plan.before));
        json_object_set_new(root, "after", ledger_json(&command->plan.after));
    }
    char *dump = json_dumps(root, JSON_COMPACT);
    puts(dump ? dump : "null");
    free(dump);
    json_decref(root);
}

static int run(const void *values, char *const *operands)
{
    const struct partition_options *options = values;
    struct partition_command command = {.options = options, .context = CONTEXT_OF("partition", options)};
    int code = dispatch(&command, operands[0], operands[1]);
    if (options->json && (code == EXIT_CODE_OK || command.reset))
        print_json(&command);
    context_close(&command.context);
    return code;
}

const struct command command_partition = {
    .name = "partition",
    .summary = "resumes a stopped partition, or resets it to another offset",
    .details = "resume <partition>: has a stopped partition tried again, when what its alarm says was repaired.\n"
               "reset <partition> --to low|high|<offset>: sets its ledger to another record first, when the log was "
               "trimmed or made\n"
               "anew. Forwards, what is skipped counts as gaps; backwards, counting begins anew. Shows before and "
               "after and asks.\n\n"
               "Exit codes: 0 the partition runs; 1 it does not, or nothing was changed; 2 usage; 69 Redis, Kafka or "
               "the leader is\n"
               "missing; 77 what is there does not fit what was asked for: nothing was changed.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct partition_options),
    .operands = "resume|reset <partition>",
    .operand_count = 2,
    .run_operands = run,
};
