/*
 * isobarctl deadletter replay (deadletter.h): one pass counts and says what would be done; when the operator agrees, a
 * second pass over the same stretch produces the same originals. Each is acknowledged by all replicas, or named.
 *
 * A worker judges an original that comes again like any other record: one that counts already is a duplicate, and one
 * whose cause is not repaired becomes a letter again.
 */
#include "deadletter.h"

#include "error.h"
#include "mem.h"
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PENDING_MAX   1000 /* originals on the way at once */
#define FAILURES_SAID 10

struct replay {
    struct deadletter *deadletter;
    struct letter_target target;
    struct buf original; /* of the letter at hand */
    int64_t fates[LETTER_FATES];
    /* the second pass */
    struct loop *loop;
    struct kafka_producer *producer;
    int64_t pending, delivered, failed;
    bool fewer; /* fewer are on the way than before */
};

static enum letter_fate judge(struct replay *replay, const struct letter *letter)
{
    return letter_original(replay->deadletter->reader, letter, &replay->target, &replay->original);
}

static int count(void *arg, const struct letter *letter)
{
    struct replay *replay = arg;
    replay->fates[judge(replay, letter)]++;
    return EXIT_CODE_OK;
}

/* ---- what is said ---- */

static void print_plan(const struct replay *replay)
{
    printf("%" PRId64 " letters match, of %" PRId64 " read\n", replay->deadletter->matched, replay->deadletter->read);
    for (int fate = 0; fate < LETTER_FATES; fate++) {
        if (fate == LETTER_REPLAY || replay->fates[fate] > 0)
            printf("  %8" PRId64 " %s\n", replay->fates[fate], letter_fate_text((enum letter_fate)fate));
    }
}

static void print_json(const struct replay *replay)
{
    const int64_t *fates = replay->fates;
    printf("{\"read\":%" PRId64 ",\"bad\":%" PRId64 ",\"matched\":%" PRId64 ",\"replay\":%" PRId64
           ",\"repeated\":%" PRId64 ",\"too_old\":%" PRId64 ",\"cut\":%" PRId64 ",\"foreign\":%" PRId64
           ",\"row_missing\":%" PRId64 ",\"delivered\":%" PRId64 ",\"failed\":%" PRId64 "}\n",
           replay->deadletter->read, replay->deadletter->bad, replay->deadletter->matched, fates[LETTER_REPLAY],
           fates[LETTER_REPEATED], fates[LETTER_OLD], fates[LETTER_CUT], fates[LETTER_FOREIGN],
           fates[LETTER_ROW_MISSING], replay->delivered, replay->failed);
}

static int confirm(const struct replay *replay)
{
    struct context *context = &replay->deadletter->context;
    char line[16] = "";
    if (replay->deadletter->options->yes)
        return EXIT_CODE_OK;
    if (!isatty(STDIN_FILENO))
        return context_fail(context, EXIT_CODE_USAGE, "not on a terminal: give --yes. Nothing was replayed");
    fputs("replay them? Type yes: ", stdout);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin) || strcmp(line, "yes\n") != 0)
        return context_fail(context, EXIT_CODE_FAILURE, "nothing was replayed");
    return EXIT_CODE_OK;
}

/* Before anything is produced, so that no replay goes unnoticed. */
static int enter_audit(const struct replay *replay)
{
    const struct deadletter *of = replay->deadletter;
    struct buf detail = BUF_EMPTY;
    buf_printf(&detail, "%" PRId64 " letters of %s", replay->fates[LETTER_REPLAY], of->options->deadletter_topic);
    for (int32_t p = 0; p < of->partitions && p < 4; p++)
        buf_printf(&detail, "%s partition %d offsets %" PRId64 " to %" PRId64, p ? "," : ":", p, of->stretches[p].from,
                   of->stretches[p].to);
    if (*of->filter.reason)
        buf_printf(&detail, ", reason %s", of->filter.reason);
    if (of->filter.city_id)
        buf_printf(&detail, ", city %" PRId64, of->filter.city_id);
    if (replay->target.all)
        buf_text(&detail, ", with those too old");
    int code = trace_write(&replay->deadletter->context, "deadletter_replay", detail.data);
    buf_release(&detail);
    return code;
}

/* ---- producing ---- */

static void on_delivered(void *arg, void *opaque, int32_t partition, int64_t offset, const char *error)
{
    struct replay *replay = arg;
    char *key = opaque;
    (void)partition, (void)offset;
    replay->pending--;
    replay->fewer = true;
    replay->delivered += error == NULL;
    if (error && ++replay->failed <= FAILURES_SAID)
        context_warn(&replay->deadletter->context, "%s was not delivered: %s", key, error);
    free(key);
}

static void on_failed(void *arg, bool fatal, const char *reason)
{
    struct replay *replay = arg;
    if (fatal)
        context_warn(&replay->deadletter->context, "Kafka: %s", reason);
}

/* Waits until at most `most` are on the way. False when none is acknowledged for the time-out. */
static bool wait_pending(struct replay *replay, int64_t most)
{
    while (replay->pending > most) {
        replay->fewer = false;
        if (loop_run_until(replay->loop, &replay->fewer, replay->deadletter->context.timeout_ms) != 0)
            return false;
    }
    return true;
}

static int not_acknowledged(const struct replay *replay)
{
    return context_fail(&replay->deadletter->context, EXIT_CODE_UNAVAILABLE,
                        "Kafka at %s acknowledges nothing: %" PRId64 " of %" PRId64 " are delivered",
                        replay->deadletter->options->kafka, replay->delivered, replay->fates[LETTER_REPLAY]);
}

static int produce(void *arg, const struct letter *letter)
{
    struct replay *replay = arg;
    char key[LETTER_KEY_BYTES];
    size_t key_size;
    if (judge(replay, letter) != LETTER_REPLAY)
        return EXIT_CODE_OK;
    if (!wait_pending(replay, PENDING_MAX))
        return not_acknowledged(replay);
    char *opaque = mem_strdup(letter_key(letter, key));
    const void *original_key = letter_original_key(replay->deadletter->reader, &key_size);
    int status = kafka_produce(replay->producer, replay->target.topic, letter->source_partition, original_key, key_size,
                               replay->original.data, replay->original.size, 0, opaque);
    if (status != 0) {
        free(opaque);
        return context_fail(&replay->deadletter->context, EXIT_CODE_UNAVAILABLE, "%s cannot be produced: %s", key,
                            error_name(status));
    }
    replay->pending++;
    return EXIT_CODE_OK;
}

static int open_producer(struct replay *replay)
{
    struct kafka_config kafka = {.brokers = replay->deadletter->options->kafka,
                                 .client_id = "isobarctl-deadletter",
                                 .compression = "none",
                                 .topic = replay->target.topic};
    struct buf error = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    replay->loop = loop_new();
    if (replay->loop)
        replay->producer = kafka_producer_new(replay->loop, &kafka, on_delivered, on_failed, replay, &error);
    if (!replay->producer)
        code = context_fail(&replay->deadletter->context, EXIT_CODE_UNAVAILABLE, "Kafka: %s",
                            error.size ? error.data : "no descriptors left");
    buf_release(&error);
    return code;
}

static int produce_all(struct replay *replay)
{
    int code = open_producer(replay);
    if (code == EXIT_CODE_OK)
        code = deadletter_pass(replay->deadletter, false, produce, replay);
    if (code == EXIT_CODE_OK && !wait_pending(replay, 0))
        code = not_acknowledged(replay);
    if (code == EXIT_CODE_OK && replay->failed > 0)
        code =
            context_fail(&replay->deadletter->context, EXIT_CODE_UNAVAILABLE,
                         "%" PRId64 " of %" PRId64 " were not delivered", replay->failed, replay->fates[LETTER_REPLAY]);
    kafka_producer_free(replay->producer, 0);
    if (replay->loop)
        loop_free(replay->loop);
    return code;
}

static int carry_out(struct replay *replay)
{
    const struct deadletter_options *options = replay->deadletter->options;
    int code = deadletter_pass(replay->deadletter, !options->json, count, replay);
    replay->fates[LETTER_REPEATED] = replay->deadletter->repeated;
    if (code != EXIT_CODE_OK)
        return code;
    if (!options->json)
        print_plan(replay);
    if (!options->dry_run && replay->fates[LETTER_REPLAY] > 0) {
        code = confirm(replay);
        if (code == EXIT_CODE_OK)
            code = enter_audit(replay);
        if (code != EXIT_CODE_OK)
            return code;
        code = produce_all(replay);
        if (!options->json)
            printf("%" PRId64 " delivered\n", replay->delivered);
    }
    if (options->json)
        print_json(replay);
    return code;
}

int deadletter_replay(struct deadletter *deadletter)
{
    struct replay replay = {.deadletter = deadletter,
                            .target = {.topic = deadletter->installation.topic,
                                       .partitions = deadletter->installation.partitions,
                                       .all = deadletter->options->all},
                            .original = BUF_EMPTY};
    int code = carry_out(&replay);
    buf_release(&replay.original);
    return code;
}
