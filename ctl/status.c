/*
 * isobarctl status, members and partitions: the leader's view (cluster.h) on a terminal, all of it or one table. What
 * is wrong decides the exit code of status only: the others are lists.
 */
#include "cluster.h"
#include "command.h"
#include "context.h"
#include "error.h"
#include "render.h"

#include <stdio.h>
#include <stdlib.h>

#define STATUS_OPTIONS(X)                                                                                              \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(FLAG, json, "false", 0, 0, "prints JSON as in the leader's view; status adds its age as age_ms")

struct status_options {
    OPTION_STRUCT(STATUS_OPTIONS)
};
#define OPTION_OWNER struct status_options
static const struct option_row rows[] = {STATUS_OPTIONS(OPTION_ROW)};

typedef int print_fn(const struct cluster *cluster, bool json);

static void print_json(const json_t *value)
{
    char *dump = json_dumps(value, JSON_COMPACT);
    puts(dump ? dump : "null");
    free(dump);
}

static int print_status(const struct cluster *cluster, bool json)
{
    if (json) {
        print_json(cluster->view);
        fputs(cluster->wrong.data, stderr);
    } else {
        render_head(cluster);
        if (cluster->view) {
            puts("");
            render_members(cluster);
            puts("");
            render_partitions(cluster);
            puts("");
            render_shards(cluster);
            render_sources(cluster);
        }
        puts("");
        fputs(cluster->wrong.size ? cluster->wrong.data : "all partitions run\n", stdout);
    }
    return cluster->wrong.size ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

/* A list is as good as the view is; when that is old, or there is none, it says so. */
static int print_list(const struct cluster *cluster, bool json, const char *key,
                      void (*render)(const struct cluster *cluster))
{
    if (!cluster->view)
        return context_fail(cluster->context, EXIT_CODE_UNAVAILABLE,
                            "no leader has written its view yet: start isobar-coordinator");
    if (!*cluster->leader)
        context_warn(cluster->context, "there is no leader, the view is %lld ms old", (long long)cluster->age_ms);
    if (json)
        print_json(json_object_get(cluster->view, key));
    else
        render(cluster);
    return EXIT_CODE_OK;
}

static int print_members(const struct cluster *cluster, bool json)
{
    return print_list(cluster, json, "members", render_members);
}

static int print_partitions(const struct cluster *cluster, bool json)
{
    return print_list(cluster, json, "partition_list", render_partitions);
}

static int show(const struct status_options *options, const char *name, print_fn *print)
{
    struct context context = CONTEXT_OF(name, options);
    struct cluster cluster = {.wrong = BUF_EMPTY};
    int code = context_connect(&context, options->redis_user, options->redis_password);
    if (code == EXIT_CODE_OK)
        code = cluster_read(&cluster, &context);
    if (code == EXIT_CODE_OK) {
        cluster_judge(&cluster);
        code = print(&cluster, options->json);
    }
    cluster_release(&cluster);
    context_close(&context);
    return code;
}

static int run_status(const void *options)
{
    return show(options, "status", print_status);
}

static int run_members(const void *options)
{
    return show(options, "members", print_members);
}

static int run_partitions(const void *options)
{
    return show(options, "partitions", print_partitions);
}

const struct command command_status = {
    .name = "status",
    .summary = "shows the leader, the members and the partitions, and what is wrong",
    .details = "Shows the leader's view: members, partitions, shards and quota, and at the end what is "
               "wrong, with the command that\n"
               "resolves it.\n\n"
               "Exit codes: 0 there is a leader and all partitions run; 1 something is wrong; 69 Redis is "
               "missing, or there is no\n"
               "installation.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct status_options),
    .run = run_status,
};

#define LIST_EXITS                                                                                                     \
    "\n\nExit codes: 0 shown; 69 Redis is missing, or there is no installation, or no leader was ever there."

const struct command command_members = {
    .name = "members",
    .summary = "lists workers and fetchers, and what they hold",
    .details = "Lists workers and fetchers by the leader's view. One that is drained shows by whom." LIST_EXITS,
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct status_options),
    .run = run_members,
};

const struct command command_partitions = {
    .name = "partitions",
    .summary = "lists the partitions, their owners, offsets and lag",
    .details = "Lists the partitions by the leader's view. isobarctl why <partition> tells how one came to its "
               "owner." LIST_EXITS,
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct status_options),
    .run = run_partitions,
};
