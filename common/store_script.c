/*
 * Lua scripts by their hash. A script that Redis lost (SCRIPT FLUSH, restart, fail-over) is loaded again, but
 * the call that found out is not repeated: only its owner knows whether it is still wanted.
 */
#include "store_internal.h"

#include "error.h"
#include "mem.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One EVALSHA under way. Freed when its owner has been told. */
struct evaluation {
    struct store *store;
    const struct store_script *script;
    store_reply_fn *fn;
    void *arg;
};

void store_script_init(struct store_script *script, const char *name, const char *source)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    (void)SHA1((const unsigned char *)source, strlen(source), digest);
    script->name = name;
    script->source = source;
    for (size_t i = 0; i < sizeof(digest); i++)
        (void)snprintf(script->sha + 2 * i, 3, "%02x", digest[i]);
}

static void finish(struct evaluation *evaluation, int status, const struct store_reply *reply)
{
    store_reply_fn *fn = evaluation->fn;
    void *arg = evaluation->arg;
    free(evaluation);
    fn(arg, status, reply);
}

static void on_preloaded(void *arg, int status, const struct store_reply *reply)
{
    (void)arg, (void)status, (void)reply; /* store_eval loads it again when this failed, and tells why */
}

void store_script_load(struct store *store, const struct store_script *script)
{
    store_send(store, on_preloaded, NULL, "SCRIPT", "LOAD", script->source, NULL);
}

/* However the loading ended, the script itself was not executed. */
static void on_loaded(void *arg, int status, const struct store_reply *reply)
{
    bool refused = status == 0 && reply->type == STORE_ERROR;
    finish(arg, refused ? 0 : ERR_REFUSED, refused ? reply : NULL);
}

static void on_evaluated(void *arg, int status, const struct store_reply *reply)
{
    struct evaluation *evaluation = arg;
    if (status == 0 && store_reply_is_error(reply, "NOSCRIPT"))
        store_send(evaluation->store, on_loaded, evaluation, "SCRIPT", "LOAD", evaluation->script->source, NULL);
    else
        finish(evaluation, status, reply);
}

void store_eval(struct store *store, struct store_script *script, size_t keys, size_t argc, const char *const *argv,
                const size_t *argv_sizes, store_reply_fn *fn, void *arg)
{
    assert(keys <= argc);
    struct evaluation *evaluation = mem_alloc(sizeof(*evaluation));
    *evaluation = (struct evaluation){.store = store, .script = script, .fn = fn, .arg = arg};
    char key_count[24];
    (void)snprintf(key_count, sizeof(key_count), "%zu", keys);
    const char **words = mem_calloc(argc + 3, sizeof(*words));
    size_t *sizes = mem_calloc(argc + 3, sizeof(*sizes));
    words[0] = "EVALSHA";
    words[1] = script->sha;
    words[2] = key_count;
    for (size_t i = 0; i < 3; i++)
        sizes[i] = strlen(words[i]);
    for (size_t i = 0; i < argc; i++) {
        words[i + 3] = argv[i];
        sizes[i + 3] = argv_sizes != NULL ? argv_sizes[i] : strlen(argv[i]);
    }
    store_command(store, argc + 3, words, sizes, on_evaluated, evaluation);
    free(sizes);
    free(words);
}
