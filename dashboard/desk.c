/* See desk.h. */
#include "desk.h"

#include "../ctl/cities.h"
#include "../ctl/request.h"
#include "access.h"
#include "channel_envelope.h"
#include "city_form.h"
#include "clerk.h"
#include "clock.h"
#include "curve.h"
#include "error.h"
#include "log.h"
#include "mem.h"
#include "problem.h"
#include "query.h"
#include "shard.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_MS   3000                     /* until the leader has answered, and for each answer of Redis */
#define WAIT_MS      4000                     /* in the queue; together below the server's time for a request */
#define WAITING_MOST 16                       /* of each kind */
#define OBJECT_BYTES (CHANNEL_MEMBER_MAX + 1) /* a member, the longest of what commands name */

struct desk {
    const struct dashboard_options *options;
    struct dashboard_metrics *metrics;
    struct clerk *leader, *catalogue;
};

enum act { ACT_DRAIN, ACT_UNDRAIN, ACT_RESUME, ACT_ADD, ACT_REMOVE, ACTS };

/* One command under way. */
struct errand {
    struct clerk_job job;
    struct desk *desk;
    struct httpd_request *request;
    enum act act;
    char who[ACCESS_WHO_BYTES], object[OBJECT_BYTES]; /* a member, partition or city */
    struct city_form form;
    /* what became of it */
    int code; /* exit code of the command */
    struct request_answer answer;
    struct buf answers, errors;
    const char *fault;
};

static const struct {
    const char *before, *after, *method;
    bool leader; /* else it is for the catalogue */
} acts[ACTS] = {
    [ACT_DRAIN] = {"/api/v1/members/", "/drain", "POST", true},
    [ACT_UNDRAIN] = {"/api/v1/members/", "/undrain", "POST", true},
    [ACT_RESUME] = {"/api/v1/partitions/", "/resume", "POST", true},
    [ACT_ADD] = {"/api/v1/cities", "", "POST", false},
    [ACT_REMOVE] = {"/api/v1/cities/", "", "DELETE", false},
};

/* ---- in the clerks' threads ---- */

static struct context context_of(struct errand *errand)
{
    const struct dashboard_options *options = errand->desk->options;
    return (struct context){.command = "dashboard",
                            .redis = options->redis,
                            .prefix = options->prefix,
                            .timeout_ms = COMMAND_MS,
                            .answers = &errand->answers,
                            .errors = &errand->errors,
                            .who = errand->who};
}

static void tell_leader(struct clerk_job *job)
{
    static const Isobar__V1__CommandWhat what[] = {[ACT_DRAIN] = ISOBAR__V1__COMMAND_WHAT__DRAIN,
                                                   [ACT_UNDRAIN] = ISOBAR__V1__COMMAND_WHAT__UNDRAIN,
                                                   [ACT_RESUME] = ISOBAR__V1__COMMAND_WHAT__RESUME};
    struct errand *errand = (struct errand *)job;
    struct context context = context_of(errand);
    struct request_config config = REQUEST_OF(errand->desk->options);
    struct request *request = request_new(&context, &config);
    Isobar__V1__Command command = ISOBAR__V1__COMMAND__INIT;
    command.what = what[errand->act];
    if (errand->act == ACT_RESUME)
        command.partition = (int32_t)strtol(errand->object, NULL, 10);
    else
        command.member = errand->object;
    errand->code = request ? request_ask(request, &command, COMMAND_MS, &errand->answer) : context.exit_code;
    request_free(request);
    context_close(&context);
}

static void change_catalogue(struct clerk_job *job)
{
    struct errand *errand = (struct errand *)job;
    const struct dashboard_options *own = errand->desk->options;
    char(*texts)[CITY_FORM_TEXT_BYTES] = errand->form.texts;
    struct cities_options options = {.redis = own->redis,
                                     .redis_user = own->redis_user,
                                     .redis_password = own->redis_password,
                                     .prefix = own->prefix,
                                     .timeout_ms = COMMAND_MS,
                                     .name = texts[CITY_FORM_NAME],
                                     .ascii_name = texts[CITY_FORM_ASCII_NAME],
                                     .latitude = texts[CITY_FORM_LAT],
                                     .longitude = texts[CITY_FORM_LON],
                                     .zone = texts[CITY_FORM_ZONE],
                                     .country = texts[CITY_FORM_COUNTRY],
                                     .elevation = texts[CITY_FORM_ELEVATION],
                                     .station = texts[CITY_FORM_STATION],
                                     .table = own->table,
                                     .zoneinfo = own->zoneinfo,
                                     .json = true};
    struct cities cities = {.options = &options, .context = context_of(errand)};
    bool adds = errand->act == ACT_ADD;
    char *words[] = {adds ? texts[CITY_FORM_ID] : errand->object, NULL};
    errand->code = adds ? cities_add(&cities, words) : cities_remove(&cities, words);
    errand->fault = cities.fault;
    cities_close(&cities);
}

/* ---- answers ---- */

static void reply_json(struct httpd_request *request, int status, struct buf *out)
{
    httpd_reply_header(request, "Cache-Control", "no-store");
    buf_byte(out, '\n');
    httpd_reply(request, status, "application/json", out->data, out->size);
}

static void reply_leader(struct errand *errand)
{
    struct dashboard_metrics *metrics = errand->desk->metrics;
    struct buf out = BUF_EMPTY;
    if (errand->code == EXIT_CODE_UNAVAILABLE) {
        problem_reply(metrics, errand->request, 503, "No leader answers", errand->errors.data);
    } else if (errand->code != EXIT_CODE_OK) {
        problem_reply(metrics, errand->request, 500, "The command cannot be sent", errand->errors.data);
    } else if (!errand->answer.ok) {
        problem_reply(metrics, errand->request, 409, "The leader refuses", errand->answer.text);
    } else {
        buf_text(&out, "{\"text\":");
        text_json(&out, errand->answer.text);
        buf_printf(&out, ",\"number\":%lld}", (long long)errand->answer.number);
        reply_json(errand->request, 200, &out);
    }
    buf_release(&out);
}

static int status_of(const struct errand *errand)
{
    switch (errand->code) {
    case EXIT_CODE_USAGE:
        return errand->act == ACT_REMOVE ? 404 : 400;
    case EXIT_CODE_UNAVAILABLE:
        return 503;
    case EXIT_CODE_CONFIG:
        return 500;
    default:
        return 409;
    }
}

static void reply_catalogue(struct errand *errand)
{
    struct dashboard_metrics *metrics = errand->desk->metrics;
    if (errand->code == EXIT_CODE_OK) {
        bool added = errand->act == ACT_ADD && strstr(errand->answers.data, "{\"what\":\"added\"") != NULL;
        reply_json(errand->request, added ? 201 : 200, &errand->answers);
        return;
    }
    const char *detail = errand->errors.data;
    detail += strncmp(detail, "--", 2) == 0 ? 2 : 0; /* options are fields here */
    problem_reply_field(metrics, errand->request, status_of(errand), "The catalogue was not changed", detail,
                        city_form_field_of(errand->fault));
}

static void end(struct clerk_job *job, bool done)
{
    struct errand *errand = (struct errand *)job;
    log_info("command", LOG_TEXT("method", httpd_method(errand->request)),
             LOG_TEXT("path", httpd_path(errand->request)), LOG_TEXT("who", errand->who),
             LOG_INT("code", done ? errand->code : -1), LOG_TEXT("reason", errand->errors.data));
    if (!done)
        problem_reply(errand->desk->metrics, errand->request, 503, "Not done", "the server is busy, or stops");
    else if (acts[errand->act].leader)
        reply_leader(errand);
    else
        reply_catalogue(errand);
    buf_release(&errand->answers);
    buf_release(&errand->errors);
    free(errand);
}

/* ---- routes ---- */

/* Splits a path into an act and its object; ACTS: none. */
static enum act act_of(const char *path, const char *method, char object[OBJECT_BYTES])
{
    for (enum act act = 0; act < ACTS; act++) {
        size_t before = strlen(acts[act].before), after = strlen(acts[act].after), size = strlen(path);
        if ((method && strcmp(acts[act].method, method) != 0) || size < before + after ||
            strncmp(path, acts[act].before, before) != 0 || strcmp(path + size - after, acts[act].after) != 0)
            continue;
        size -= before + after;
        bool named = act != ACT_ADD;
        if (size >= OBJECT_BYTES || (size > 0) != named || memchr(path + before, '/', size))
            continue;
        memcpy(object, path + before, size);
        object[size] = '\0';
        return act;
    }
    return ACTS;
}

const char *desk_allows(const char *path)
{
    char object[OBJECT_BYTES];
    enum act act = act_of(path, NULL, object);
    return act < ACTS ? acts[act].method : NULL;
}

/* False when it has been answered already: object or body are none. */
static bool understood(struct errand *errand)
{
    struct buf error = BUF_EMPTY;
    const char *field = NULL, *body;
    int64_t number;
    size_t size;
    if ((errand->act == ACT_DRAIN || errand->act == ACT_UNDRAIN) && !channel_member_valid(errand->object))
        buf_text(&error, "a member's id is 1 to 64 of A-Z a-z 0-9 . _ -");
    else if (errand->act == ACT_RESUME && query_integer(errand->object, 0, SHARD_MAX_PARTITIONS - 1, &number) != 0)
        buf_text(&error, "a partition is a number from 0");
    else if (errand->act == ACT_REMOVE && query_integer(errand->object, 1, INT64_MAX, &number) != 0)
        buf_text(&error, "a city id is a positive whole number");
    body = httpd_body(errand->request, &size);
    if (errand->act == ACT_ADD)
        (void)!city_form_read(body, size, &errand->form, &field, &error);
    bool good = error.size == 0;
    if (!good)
        problem_reply_field(errand->desk->metrics, errand->request, 400, "Bad request", error.data, field);
    buf_release(&error);
    return good;
}

bool desk_handle(struct desk *desk, struct httpd_request *request, const char *who)
{
    struct errand *errand = mem_alloc(sizeof *errand);
    *errand = (struct errand){.desk = desk, .request = request, .answers = BUF_EMPTY, .errors = BUF_EMPTY};
    errand->act = act_of(httpd_path(request), httpd_method(request), errand->object);
    if (errand->act == ACTS || !understood(errand)) {
        bool ours = errand->act != ACTS;
        free(errand);
        return ours;
    }
    bool leader = acts[errand->act].leader;
    text_copy(errand->who, sizeof errand->who, who);
    errand->job.run = leader ? tell_leader : change_catalogue;
    errand->job.end = end;
    errand->job.until_ms = clock_monotonic_ms() + WAIT_MS;
    if (clerk_give(leader ? desk->leader : desk->catalogue, &errand->job) == 0) {
        desk->metrics->commands_total++;
        httpd_defer(request);
        return true;
    }
    problem_reply(desk->metrics, request, 503, "Busy", "too many commands are under way");
    free(errand);
    return true;
}

/* ---- life ---- */

/* What every command would end with is told at the start. */
static bool keys_fit(const struct dashboard_options *options, struct buf *error)
{
    struct curve_client *curve = NULL;
    bool good = curve_client_read(options->curve_key_file, options->curve_server_key, &curve, error);
    if (good && curve && !channel_member_valid(options->id)) {
        buf_text(error, "--id has to be this program's in the coordinators' allow file");
        good = false;
    }
    curve_client_free(curve);
    return good;
}

struct desk *desk_new(struct loop *loop, const struct dashboard_options *options, struct dashboard_metrics *metrics,
                      struct buf *error)
{
    if (!keys_fit(options, error))
        return NULL;
    struct desk *desk = mem_alloc(sizeof *desk);
    *desk = (struct desk){.options = options, .metrics = metrics};
    desk->leader = clerk_new(loop, WAITING_MOST);
    desk->catalogue = desk->leader ? clerk_new(loop, WAITING_MOST) : NULL;
    if (desk->catalogue)
        return desk;
    buf_printf(error, "no thread for commands: %s", strerror(errno));
    desk_free(desk);
    return NULL;
}

void desk_free(struct desk *desk)
{
    if (!desk)
        return;
    clerk_free(desk->leader);
    clerk_free(desk->catalogue);
    free(desk);
}
