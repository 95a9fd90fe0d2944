/* See rule_store.h. No step can be done twice by two operators, whatever comes between: versions are claimed by HSETNX.
 */
#include "rule_store.h"

#include "error.h"
#include "file.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Raises meta.config_version, never lowers it. ARGV: version, windows, lateness. */
static const char raise_script[] =
    "if (tonumber(redis.call('HGET', KEYS[1], 'config_version')) or 0) >= tonumber(ARGV[1]) then return 0 end\n"
    "redis.call('HSET', KEYS[1], 'config_version', ARGV[1], 'windows', ARGV[2], 'lateness_ms', ARGV[3])\n"
    "return 1\n";

/* ---- files ---- */

/* Says each line of `mistakes` on its own. */
static int say_mistakes(struct context *context, const char *path, char *mistakes)
{
    int code = EXIT_CODE_CONFIG;
    for (char *line, *rest = mistakes; (line = strsep(&rest, "\n"));) {
        if (*line)
            code = context_fail(context, EXIT_CODE_CONFIG, "%s: %s", path, line);
    }
    return code;
}

int rule_file_read(struct context *context, const char *path, struct rules *rules)
{
    struct buf error = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    FILE *stream = file_open(path, RULES_MAX_BYTES, &error);
    if (!stream) {
        code = context_fail(context, EXIT_CODE_CONFIG, "%s", error.data);
        buf_release(&error);
        return code;
    }
    char *text = mem_calloc(1, RULES_MAX_BYTES + 1);
    size_t size = fread(text, 1, RULES_MAX_BYTES + 1, stream);
    fclose(stream);
    if (rules_parse(rules, text, size, &error) != 0)
        code = say_mistakes(context, path, error.data);
    free(text);
    buf_release(&error);
    return code;
}

/* ---- the hash config ---- */

static const char *field_of(int64_t version, char out[24])
{
    snprintf(out, 24, "%" PRId64, version);
    return out;
}

int rule_store_text(struct context *context, int64_t version, struct buf *text)
{
    char key[CONTEXT_KEY_BYTES], field[24];
    struct store_reply *reply =
        CONTEXT_ASK(context, "HGET", context_key(context, "config", key), field_of(version, field));
    if (!reply)
        return ERR_UNAVAILABLE;
    bool there = reply->type == STORE_TEXT;
    if (there)
        buf_append(text, reply->text, reply->size);
    store_reply_free(reply);
    return there ? 0 : ERR_NOT_FOUND;
}

int rule_store_read(struct context *context, int64_t version, int64_t pane_ms, struct rules *rules)
{
    struct buf text = BUF_EMPTY, error = BUF_EMPTY;
    int status = rule_store_text(context, version, &text);
    if (status == ERR_NOT_FOUND)
        (void)context_fail(context, EXIT_CODE_CONFIG,
                           "Redis at %s has no rules of version %" PRId64
                           " under %sconfig: restore it from a backup; isobarctl rules versions shows what there is",
                           context->redis, version, context->prefix);
    if (status == 0 &&
        (rules_parse(rules, text.data, text.size, &error) != 0 || rules_set_pane(rules, pane_ms, &error) != 0)) {
        error.data[strcspn(error.data, "\n")] = '\0';
        (void)context_fail(context, EXIT_CODE_CONFIG, "the rules of version %" PRId64 " cannot be used: %s", version,
                           error.data);
        status = ERR_INVALID;
    }
    rules->version = version;
    buf_release(&text);
    buf_release(&error);
    return status;
}

static void add_former(struct installation *installation, const struct window_size *size)
{
    bool known = windowset_find(&installation->rules.windows, size->name) != NULL;
    for (size_t i = 0; i < installation->former_count; i++)
        known |= strcmp(installation->former[i], size->name) == 0;
    if (!known && installation->former_count < INSTALLATION_FORMER)
        memcpy(installation->former[installation->former_count++], size->name, sizeof installation->former[0]);
}

/* The next version may be in force in some partitions already. One that cannot be read any more names nothing. */
int rule_store_former(struct context *context, struct installation *installation)
{
    int status = 0;
    for (int64_t version = 1; version <= installation->rules.version + 1 && status != ERR_UNAVAILABLE; version++) {
        struct buf text = BUF_EMPTY, error = BUF_EMPTY;
        struct rules rules;
        status = rule_store_text(context, version, &text);
        if (status == 0 && rules_parse(&rules, text.data, text.size, &error) == 0) {
            for (size_t i = 0; i < rules.windows.count; i++)
                add_former(installation, &rules.windows.sizes[i]);
        }
        buf_release(&text);
        buf_release(&error);
    }
    return status == ERR_UNAVAILABLE ? status : 0;
}

int rule_store_claim(struct context *context, int64_t version, const struct rules *rules, bool *claimed)
{
    char key[CONTEXT_KEY_BYTES], field[24];
    struct buf text = BUF_EMPTY;
    rules_print(rules, &text);
    struct store_reply *reply =
        CONTEXT_ASK(context, "HSETNX", context_key(context, "config", key), field_of(version, field), text.data);
    buf_release(&text);
    if (!reply)
        return context->exit_code;
    *claimed = reply->integer == 1;
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

int rule_store_copy(struct context *from, struct context *into)
{
    char key[CONTEXT_KEY_BYTES], to[CONTEXT_KEY_BYTES];
    struct store_reply *all = CONTEXT_ASK(from, "HGETALL", context_key(from, "config", key));
    int code = all ? EXIT_CODE_OK : from->exit_code;
    context_key(into, "config", to);
    for (size_t i = 0; all && i + 1 < all->count && code == EXIT_CODE_OK; i += 2) {
        struct store_reply *reply = CONTEXT_ASK(into, "HSET", to, all->elements[i]->text, all->elements[i + 1]->text);
        code = reply ? EXIT_CODE_OK : into->exit_code;
        store_reply_free(reply);
    }
    store_reply_free(all);
    return code;
}

int rule_store_raise(struct context *context, const struct rules *rules, bool *raised)
{
    char key[CONTEXT_KEY_BYTES], version[24], lateness[24];
    struct buf windows = BUF_EMPTY;
    rules_windows(rules, &windows);
    struct store_reply *reply =
        CONTEXT_ASK(context, "EVAL", raise_script, "1", context_key(context, "meta", key),
                    field_of(rules->version, version), windows.data, field_of(rules->lateness_ms, lateness));
    buf_release(&windows);
    if (!reply)
        return context->exit_code;
    *raised = reply->integer == 1;
    store_reply_free(reply);
    return EXIT_CODE_OK;
}
