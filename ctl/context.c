/*
 * The connection of a command to Redis and its way of saying errors (context.h). Blocking: a command does one
 * thing after the other, and the time-out bounds each.
 */
#include "context.h"

#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words of the command line and of tables are said as they came, but a terminal gets none of their controls. */
static void hide_controls(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if ((*p < 0x20 && *p != '\n') || *p == 0x7f)
            *p = '?';
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
            p[0] = p[1] = '?';
    }
}

__attribute__((format(printf, 3, 0))) static void say(const struct context *context, const char *kind,
                                                      const char *format, va_list args)
{
    struct buf text = BUF_EMPTY;
    buf_vprintf(&text, format, args);
    if (text.size)
        hide_controls(text.data);
    if (context->errors)
        buf_printf(context->errors, "%s%s%s", context->errors->size ? "\n" : "", kind, text.data);
    else
        fprintf(stderr, "isobarctl %s: %s%s\n", context->command, kind, text.data);
    buf_release(&text);
}

int context_fail(struct context *context, int exit_code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(context, "", format, args);
    va_end(args);
    context->exit_code = exit_code;
    return exit_code;
}

void context_warn(const struct context *context, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(context, "warning: ", format, args);
    va_end(args);
}

void context_answer(const struct context *context, const char *text)
{
    if (context->answers)
        buf_text(context->answers, text);
    else
        puts(text);
}

/* Braces would move the hash tag, and blanks cannot be typed into other tools. */
static bool prefix_valid(const char *prefix)
{
    size_t size = strlen(prefix);
    if (size == 0 || size > CONTEXT_PREFIX_MAX)
        return false;
    for (const char *p = prefix; *p; p++) {
        if (*p <= ' ' || *p > '~' || *p == '{' || *p == '}')
            return false;
    }
    return true;
}

int context_try(struct context *context, const char *user, const char *password, struct buf *error)
{
    if (!prefix_valid(context->prefix)) {
        buf_printf(error, "prefix \"%s\": 1 to %d printable ASCII characters without blanks and braces wanted",
                   context->prefix, CONTEXT_PREFIX_MAX);
        return EXIT_CODE_CONFIG;
    }
    struct store_config config = {.address = context->redis,
                                  .user = user,
                                  .password = password,
                                  .timeout_ms = context->timeout_ms,
                                  .name = "isobarctl"};
    struct buf reason = BUF_EMPTY;
    context->store = store_sync_new(&config, &reason);
    if (!context->store)
        buf_printf(error, "Redis: %s", reason.data);
    buf_release(&reason);
    return context->store ? EXIT_CODE_OK : EXIT_CODE_UNAVAILABLE;
}

int context_connect(struct context *context, const char *user, const char *password)
{
    struct buf error = BUF_EMPTY;
    int code = context_try(context, user, password, &error);
    if (code != EXIT_CODE_OK)
        (void)context_fail(context, code, "%s", error.data);
    buf_release(&error);
    return code;
}

void context_close(struct context *context)
{
    store_sync_free(context->store);
    context->store = NULL;
}

struct store_reply *context_ask(struct context *context, size_t argc, const char *const *argv, const size_t *sizes)
{
    struct buf error = BUF_EMPTY;
    struct store_reply *reply = store_sync_command(context->store, argc, argv, sizes, &error);
    if (!reply) {
        (void)context_fail(context, EXIT_CODE_UNAVAILABLE, "Redis: %s", error.data);
    } else if (reply->type == STORE_ERROR) {
        (void)context_fail(context, EXIT_CODE_REFUSED, "Redis at %s refuses %s: %s", context->redis, argv[0],
                           reply->text);
        store_reply_free(reply);
        reply = NULL;
    }
    buf_release(&error);
    return reply;
}

const char *context_key(const struct context *context, const char *name, char *out)
{
    snprintf(out, CONTEXT_KEY_BYTES, "%s%s", context->prefix, name);
    return out;
}

const char *context_partition_key(const struct context *context, int32_t partition, const char *name, char *out)
{
    snprintf(out, CONTEXT_KEY_BYTES, "%s{%d}:%s", context->prefix, partition, name);
    return out;
}

bool context_integer(const struct store_reply *reply, int64_t low, int64_t high, int64_t *out)
{
    char *end = NULL;
    if (reply->type != STORE_TEXT || reply->size == 0 || strlen(reply->text) != reply->size)
        return false;
    errno = 0;
    long long number = strtoll(reply->text, &end, 10);
    if (errno != 0 || *end != '\0' || number < low || number > high)
        return false;
    *out = number;
    return true;
}
