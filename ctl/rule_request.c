/* See rule_request.h. */
#include "rule_request.h"

#include "duration.h"
#include "error.h"
#include "rule_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LATENESS_MIN_S 60

/* The rules by windows and lateness; all else at its default. */
static int from_options(struct context *context, const struct rule_request *request, struct rules *rules)
{
    const char *windows = *request->windows ? request->windows : RULE_REQUEST_WINDOWS;
    struct buf error = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    rules_defaults(rules);
    if (windowset_parse(&rules->windows, windows, &error) != 0)
        code = context_fail(context, EXIT_CODE_CONFIG, "--windows: %s", error.data);
    else if (request->lateness_s > 0 && request->lateness_s < LATENESS_MIN_S)
        code = context_fail(context, EXIT_CODE_CONFIG, "--lateness-s: at least %d", LATENESS_MIN_S);
    if (request->lateness_s > 0)
        rules->lateness_ms = request->lateness_s * 1000;
    buf_release(&error);
    return code;
}

/* The pane is that of the rules, or a divisor of it that leaves room for windows to come. */
static int set_pane(struct context *context, const char *text, struct installation *wanted)
{
    struct buf error = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    wanted->pane_ms = wanted->rules.windows.pane_ms;
    if (*text && !duration_parse(text, strlen(text), DURATION_SECOND, DURATION_DAY, &wanted->pane_ms))
        code = context_fail(context, EXIT_CODE_CONFIG, "--pane \"%s\": 1s to 1d wanted, for example 1m", text);
    else if (rules_set_pane(&wanted->rules, wanted->pane_ms, &error) != 0)
        code = context_fail(context, EXIT_CODE_CONFIG, "--pane \"%s\": these windows are no multiples of it", text);
    buf_release(&error);
    return code;
}

int rule_request_read(struct context *context, const struct rule_request *request, struct installation *wanted)
{
    struct rules *rules = &wanted->rules;
    if (*request->file && (*request->windows || request->lateness_s > 0))
        return context_fail(context, EXIT_CODE_CONFIG,
                            "--rules has windows and lateness: give either it, or --windows and --lateness-s");
    int code = *request->file ? rule_file_read(context, request->file, rules) : from_options(context, request, rules);
    rules->version = 1;
    rules->partitions = wanted->partitions;
    return code == EXIT_CODE_OK ? set_pane(context, request->pane, wanted) : code;
}

static int differs(struct context *context, const char *what, const char *there, const char *wanted)
{
    return context_fail(context, EXIT_CODE_REFUSED,
                        "the installation %s at Redis %s has %s %s, not %s: isobarctl rules set FILE changes the rules "
                        "of an installation",
                        context->prefix, context->redis, what, there, wanted);
}

static int compare_windows(struct context *context, const struct rules *there, const struct rules *wanted)
{
    struct buf has = BUF_EMPTY, wants = BUF_EMPTY;
    rules_windows(there, &has);
    rules_windows(wanted, &wants);
    int code = strcmp(has.data, wants.data) == 0 ? EXIT_CODE_OK : differs(context, "the windows", has.data, wants.data);
    buf_release(&has);
    buf_release(&wants);
    return code;
}

static int compare_numbers(struct context *context, const char *what, int64_t there, int64_t wanted)
{
    char has[24], wants[24];
    snprintf(has, sizeof has, "%" PRId64, there);
    snprintf(wants, sizeof wants, "%" PRId64, wanted);
    return there == wanted ? EXIT_CODE_OK : differs(context, what, has, wants);
}

int rule_request_compare(struct context *context, const struct rule_request *request, const struct installation *there,
                         const struct installation *wanted)
{
    const struct rules *has = &there->rules, *wants = &wanted->rules;
    bool file = *request->file != '\0';
    int code = EXIT_CODE_OK;
    if (*request->pane && has->windows.pane_ms != wanted->pane_ms)
        return context_fail(context, EXIT_CODE_REFUSED,
                            "the installation %s at Redis %s has panes of %" PRId64 " ms for ever, not %" PRId64
                            ": make another one under a --prefix and --topic of its own",
                            context->prefix, context->redis, has->windows.pane_ms, wanted->pane_ms);
    if (file && there->pane_ms)
        return rules_same(has, wants) ? EXIT_CODE_OK
                                      : differs(context, "rules that", "isobarctl rules show shows", request->file);
    if (file || *request->windows)
        code = compare_windows(context, has, wants);
    if (code == EXIT_CODE_OK && (file || request->lateness_s > 0))
        code = compare_numbers(context, "lateness-s", has->lateness_ms / 1000, wants->lateness_ms / 1000);
    return code;
}
