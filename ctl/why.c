/*
 * isobarctl why: how a partition came to its owner, and what would take it from there. From the leader's view and the
 * stream `moves`, which outlives leaders.
 */
#include "clock.h"
#include "cluster.h"
#include "command.h"
#include "context.h"
#include "error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_OPTIONS(X)                                                                                                 \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(FLAG, json, "false", 0, 0, "prints all of it as one JSON object")                                                \
    X(INT, moves, "10", 1, 1000, "how many moves to show")

struct why_options {
    OPTION_STRUCT(WHY_OPTIONS)
};
#define OPTION_OWNER struct why_options
static const struct option_row rows[] = {WHY_OPTIONS(OPTION_ROW)};

#define READ_COUNT "20000" /* moves of all partitions; as many as are kept */

struct why {
    const struct why_options *options;
    struct context context;
    struct cluster cluster;
    int32_t partition;
    json_t *answer; /* what is printed */
};

/* ---- the history ---- */

static const char *field_of(const struct store_reply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->count; i += 2) {
        if (strcmp(fields->elements[i]->text, name) == 0)
            return fields->elements[i + 1]->text;
    }
    return "";
}

/* The fields of a move as an object like those of the view's `rebalances`; NULL when it is of another partition. */
static json_t *move_of(const struct why *why, const struct store_reply *fields)
{
    char index[16];
    snprintf(index, sizeof index, "%d", (int)why->partition);
    if (strcmp(field_of(fields, "kind"), "partition") != 0 || strcmp(field_of(fields, "index"), index) != 0)
        return NULL;
    return json_pack("{s:I,s:s,s:s,s:I,s:s}", "at_ms", (json_int_t)strtoll(field_of(fields, "at_ms"), NULL, 10), "from",
                     field_of(fields, "from"), "to", field_of(fields, "to"), "number",
                     (json_int_t)strtoll(field_of(fields, "number"), NULL, 10), "reason", field_of(fields, "reason"));
}

static json_t *read_moves(struct why *why)
{
    char key[CONTEXT_KEY_BYTES];
    json_t *moves = json_array();
    struct store_reply *reply = CONTEXT_ASK(&why->context, "XREVRANGE", context_key(&why->context, "moves", key), "+",
                                            "-", "COUNT", READ_COUNT);
    for (size_t i = 0; reply && i < reply->count && json_array_size(moves) < (size_t)why->options->moves; i++) {
        const struct store_reply *entry = reply->elements[i];
        json_t *move = entry->count == 2 ? move_of(why, entry->elements[1]) : NULL;
        if (move)
            json_array_append_new(moves, move);
    }
    store_reply_free(reply);
    return moves;
}

/* ---- what would move it ---- */

static double share_of(const struct why *why, const json_t *owner)
{
    const json_t *list = json_object_get(why->cluster.view, "members");
    char text[CLUSTER_TEXT_BYTES];
    int64_t total = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *member = json_array_get(list, i);
        if (strcmp(cluster_text(member, "role", text), "worker") == 0 &&
            strcmp(cluster_text(member, "state", text), "live") == 0)
            total += cluster_number(member, "capacity");
    }
    return total ? (double)cluster_number(owner, "capacity") * why->cluster.installation.partitions / (double)total : 0;
}

__attribute__((format(printf, 2, 3))) static void add_line(json_t *list, const char *format, ...)
{
    struct buf line = BUF_EMPTY;
    va_list args;
    va_start(args, format);
    buf_vprintf(&line, format, args);
    va_end(args);
    json_array_append_new(list, json_string(line.data));
    buf_release(&line);
}

static json_t *conditions(const struct why *why, const json_t *partition)
{
    char id[CLUSTER_TEXT_BYTES], phase[CLUSTER_TEXT_BYTES], state[CLUSTER_TEXT_BYTES];
    json_t *list = json_array();
    const json_t *owner = cluster_member(&why->cluster, cluster_text(partition, "owner", id));
    int64_t stall_ms = cluster_number(why->cluster.view, "stall_ms");
    if (!owner) {
        add_line(list, "a worker joins, or one that is drained is let work again");
        return list;
    }
    if (strcmp(cluster_text(partition, "phase", phase), "stopped") == 0)
        add_line(list, "it is stopped and stays with %s until its alarm is resolved", id);
    if (strcmp(cluster_text(owner, "state", state), "draining") == 0)
        add_line(list, "%s drains: it moves when it is committed and released", id);
    else
        add_line(list, "%s ends, or is drained (isobarctl drain %s)", id, id);
    add_line(list, "%s is silent for 2 s", id);
    if (stall_ms > 0)
        add_line(list, "it has lag and makes no progress for %.1f s while other workers do", (double)stall_ms / 1000);
    add_line(list, "shares change, as workers come and go: %s holds %" PRId64 ", its share by capacity is %.1f of %d",
             id, cluster_number(owner, "held"), share_of(why, owner), why->cluster.installation.partitions);
    if (cluster_number(owner, "load_percent") >= 0)
        add_line(list,
                 "loads change: %s carries %" PRId64
                 "%% of its part of the measured load; from 110%% on it gives to the "
                 "worker that has least for its part",
                 id, cluster_number(owner, "load_percent"));
    return list;
}

/* What the plan measured of each worker that it counts on. */
static json_t *loads(const struct why *why)
{
    const json_t *list = json_object_get(why->cluster.view, "members");
    json_t *result = json_array();
    char text[CLUSTER_TEXT_BYTES];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *member = json_array_get(list, i);
        double records = json_number_value(json_object_get(member, "records_per_s"));
        if (strcmp(cluster_text(member, "role", text), "worker") != 0 || !json_object_get(member, "load_percent"))
            continue;
        json_array_append_new(result,
                              json_pack("{s:s,s:I,s:I,s:f,s:I,s:I,s:I}", "member", cluster_text(member, "id", text),
                                        "capacity", (json_int_t)cluster_number(member, "capacity"), "held",
                                        (json_int_t)cluster_number(member, "held"), "records_per_s", records, "lag",
                                        (json_int_t)cluster_number(member, "lag"), "load",
                                        (json_int_t)cluster_number(member, "load"), "load_percent",
                                        (json_int_t)cluster_number(member, "load_percent")));
    }
    return result;
}

/* ---- the answer ---- */

static void explain(struct why *why, const json_t *partition)
{
    json_t *moves = read_moves(why), *last = json_array_get(moves, 0);
    const char *owner = json_string_value(json_object_get(partition, "owner"));
    const char *to = json_string_value(json_object_get(last, "to"));
    bool explained = owner && to && strcmp(owner, to) == 0;
    why->answer = json_deep_copy(partition);
    json_object_set_new(why->answer, "since_ms", json_integer(explained ? cluster_number(last, "at_ms") : 0));
    json_object_set_new(why->answer, "reason",
                        explained ? json_copy(json_object_get(last, "reason")) : json_string(""));
    json_object_set_new(why->answer, "moves_when", conditions(why, partition));
    json_object_set_new(why->answer, "loads", loads(why));
    json_object_set_new(why->answer, "moves", moves);
}

static void print_state(const struct why *why)
{
    const json_t *answer = why->answer;
    char owner[CLUSTER_TEXT_BYTES], phase[CLUSTER_TEXT_BYTES], age[CLUSTER_TEXT_BYTES], reason[CLUSTER_TEXT_BYTES * 2];
    const char *text = json_string_value(json_object_get(answer, "reason"));
    snprintf(reason, sizeof reason, "%s", text && *text ? text : "not known: no move is recorded");
    for (char *p = reason; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
    printf("partition   %d\nowner       %s, %s, assignment number %" PRId64 "\n", why->partition,
           cluster_text(answer, "owner", owner), cluster_text(answer, "phase", phase),
           cluster_number(answer, "number"));
    printf("since       %s\nbecause     %s\n",
           cluster_span(cluster_age(&why->cluster, cluster_number(answer, "since_ms")), age), reason);
    printf("offset      %" PRId64 ", %" PRId64 " records behind; ", cluster_number(answer, "offset"),
           cluster_number(answer, "lag"));
    printf("progress %s ago\n", cluster_span(cluster_number(answer, "progress_age_ms"), age));
}

static void print_moves(const struct why *why)
{
    const json_t *moves = json_object_get(why->answer, "moves");
    char at[CLOCK_TEXT_BYTES], from[CLUSTER_TEXT_BYTES], to[CLUSTER_TEXT_BYTES], reason[CLUSTER_TEXT_BYTES];
    printf("\n%-24s  %-24s %-24s %8s  %s\n", "moved at", "from", "to", "number", "because");
    for (size_t i = 0; i < json_array_size(moves); i++) {
        const json_t *move = json_array_get(moves, i);
        printf("%-24s  %-24s %-24s %8" PRId64 "  %s\n", clock_text(cluster_number(move, "at_ms"), at, sizeof at),
               cluster_text(move, "from", from), cluster_text(move, "to", to), cluster_number(move, "number"),
               cluster_text(move, "reason", reason));
    }
    if (json_array_size(moves) == 0)
        puts("(no moves are recorded)");
}

static void print_loads(const struct why *why)
{
    const json_t *list = json_object_get(why->answer, "loads");
    char id[CLUSTER_TEXT_BYTES];
    printf("\n%-24s %9s %9s %10s %9s %12s\n", "measured load of", "capacity", "held", "records/s", "lag",
           "of its part");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *load = json_array_get(list, i);
        printf("%-24s %9" PRId64 " %9" PRId64 " %10.1f %9" PRId64 " ", cluster_text(load, "member", id),
               cluster_number(load, "capacity"), cluster_number(load, "held"),
               json_number_value(json_object_get(load, "records_per_s")), cluster_number(load, "lag"));
        if (cluster_number(load, "load_percent") >= 0)
            printf("%11" PRId64 "%%\n", cluster_number(load, "load_percent"));
        else
            printf("%12s\n", "-");
    }
}

static void print_all(const struct why *why)
{
    const json_t *lines = json_object_get(why->answer, "moves_when");
    char alarm[512];
    const char *text = json_string_value(json_object_get(why->answer, "alarm"));
    print_state(why);
    snprintf(alarm, sizeof alarm, "%s", text ? text : "");
    for (char *p = alarm; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
    if (*alarm)
        printf("alarm       %s\n", alarm);
    print_moves(why);
    print_loads(why);
    puts("\nit moves when");
    for (size_t i = 0; i < json_array_size(lines); i++)
        printf("  %s\n", json_string_value(json_array_get(lines, i)));
}

static int answer(struct why *why, const char *operand)
{
    char *end = NULL;
    errno = 0;
    long number = strtol(operand, &end, 10);
    int32_t partitions = why->cluster.installation.partitions;
    if (*operand < '0' || *operand > '9' || *end || errno || number >= partitions)
        return context_fail(&why->context, EXIT_CODE_USAGE, "'%s': a partition from 0 to %d wanted", operand,
                            partitions - 1);
    why->partition = (int32_t)number;
    const json_t *partition = cluster_partition(&why->cluster, why->partition);
    if (!partition)
        return context_fail(&why->context, EXIT_CODE_UNAVAILABLE,
                            "no leader has written of it yet: start isobar-coordinator");
    explain(why, partition);
    if (why->context.exit_code != EXIT_CODE_OK)
        return why->context.exit_code;
    if (why->options->json) {
        char *dump = json_dumps(why->answer, JSON_COMPACT);
        puts(dump ? dump : "null");
        free(dump);
    } else {
        print_all(why);
    }
    return EXIT_CODE_OK;
}

static int run(const void *values, char *const *operands)
{
    const struct why_options *options = values;
    struct why why = {.options = options, .context = CONTEXT_OF("why", options), .cluster = {.wrong = BUF_EMPTY}};
    int code = context_connect(&why.context, options->redis_user, options->redis_password);
    if (code == EXIT_CODE_OK)
        code = cluster_read(&why.cluster, &why.context);
    if (code == EXIT_CODE_OK)
        code = answer(&why, operands[0]);
    json_decref(why.answer);
    cluster_release(&why.cluster);
    context_close(&why.context);
    return code;
}

const struct command command_why = {
    .name = "why",
    .summary = "tells how a partition came to its owner, and what would move it",
    .details = "Tells who has a partition, since when and by what reason, its last moves, and what would move it.\n\n"
               "Exit codes: 0 shown; 2 no such partition; 69 Redis is missing, or there is no installation or view.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct why_options),
    .operands = "<partition>",
    .operand_count = 1,
    .run_operands = run,
};
