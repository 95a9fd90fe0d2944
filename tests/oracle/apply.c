/*
 * isobar-apply: a partition's log through the worker's own state code (worker/state.h), without Kafka, Redis or clock.
 *
 *   isobar-apply RECORDS DUMP name=value ...
 *
 * RECORDS: per record int64 offset, int64 timestamp, uint32 size (all little-endian) and its bytes, in log order. DUMP
 * gets what a Redis would hold at the end: per value uint32 and uint32 (sizes), "<key> <field>" and the bytes; dead
 * letters as "letter <offset>/<row>" and the reason, what is derived from windows as "figures <key> <field>"
 * (figures.h). Names are those of `settings` below.
 *
 * With `seed` above 0, at random places, commits are made; some are answered only after further records, some are lost;
 * and owners change: all memory is thrown away and the next one goes on from what was stored. All of it must not change
 * a bit of the results. With seed 0 there is one commit, at the end.
 */
#include "figures.h"
#include "keep.h"

#include "../../worker/commit.h"
#include "../../worker/state.h"

#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_VERSION 1 /* of the rules */
#define FRAME_HEAD    20
#define LATER_MAX     5 /* records between a commit and its answer */
#define ARENA_BYTES   ((size_t)1 << 30)

struct apply {
    struct rules rules, later; /* `later` has another version, and says the same */
    struct worker_metrics metrics;
    struct state state;
    struct cache cache;
    struct batch *batch;
    struct args args;
    struct keep keep;
    struct kafka_record *records;
    size_t count, capacity;
    uint64_t random;
    int64_t answer_at; /* index of the record before which a commit on the way is answered */
    bool executed;     /* it was */
    FILE *dump;
};

static char windows_text[256] = "10m:2d,1h:30d,1d:2y";
static int64_t partition, partitions = 1, lateness_ms = INT64_C(172800000), allowed_delay_ms = 300000,
                          idle_ms = 1800000, seed, commit_permille = 50, handover_permille = 5, cache_bytes = 65536;

static const struct {
    const char *name;
    int64_t *number; /* NULL: text */
} settings[] = {
    {"windows", NULL},
    {"partition", &partition},
    {"partitions", &partitions},
    {"lateness_ms", &lateness_ms},
    {"allowed_delay_ms", &allowed_delay_ms},
    {"idle_ms", &idle_ms},
    {"seed", &seed},
    {"commit_permille", &commit_permille},
    {"handover_permille", &handover_permille},
    {"cache_bytes", &cache_bytes},
};

static _Noreturn void fail(const char *what, const char *detail)
{
    fprintf(stderr, "isobar-apply: %s: %s\n", what, detail);
    exit(2);
}

static const struct commit_ids ids = {
    .prefix = "", .expected = "00000000000000000000000000000000", .next = "11111111111111111111111111111111"};

/* xorshift64*: results must not depend on it, so that it need not be good. */
static bool chance(struct apply *apply, int64_t permille)
{
    if (seed == 0)
        return false;
    apply->random ^= apply->random >> 12;
    apply->random ^= apply->random << 25;
    apply->random ^= apply->random >> 27;
    return (int64_t)((apply->random * UINT64_C(2685821657736338717) >> 33) % 1000) < permille;
}

/* ---- the dump ---- */

static void put(struct apply *apply, const struct buf *name, const void *bytes, size_t size)
{
    uint32_t sizes[2] = {(uint32_t)name->size, (uint32_t)size};
    if (fwrite(sizes, sizeof sizes, 1, apply->dump) != 1 || fwrite(name->data, name->size, 1, apply->dump) != 1 ||
        (size && fwrite(bytes, size, 1, apply->dump) != 1))
        fail("the dump", strerror(errno));
}

static void on_letter(void *arg, const char *reason, const struct kafka_record *record, int64_t row)
{
    struct buf name = BUF_EMPTY;
    buf_printf(&name, "letter %lld/%lld", (long long)record->offset, (long long)row);
    put(arg, &name, reason, strlen(reason));
    buf_release(&name);
}

/* "figures w:<size>:<start> <field>" for a stored window. */
static void put_figures(struct apply *apply, const struct keep_hash *hash, const struct keep_field *field)
{
    struct window window;
    struct buf name = BUF_EMPTY, text = BUF_EMPTY;
    if (window_decode(&window, field->value.data, field->value.size) != 0)
        fail("a stored window cannot be decoded", hash->name);
    figures_of(&window, &text);
    buf_printf(&name, "figures %s %s", hash->name, field->name);
    put(apply, &name, text.data, text.size);
    window_release(&window);
    buf_release(&name);
    buf_release(&text);
}

/* "tendency <field>" for a stored city. */
static void put_tendency(struct apply *apply, const struct keep_field *field)
{
    struct citystate city;
    struct buf name = BUF_EMPTY, text = BUF_EMPTY;
    if (citystate_decode(&city, field->value.data, field->value.size) != 0)
        fail("a stored city cannot be decoded", field->name);
    figures_of_city(&city, &text);
    buf_printf(&name, "tendency %s", field->name);
    put(apply, &name, text.data, text.size);
    citystate_release(&city);
    buf_release(&name);
    buf_release(&text);
}

static void put_hashes(struct apply *apply)
{
    struct buf name = BUF_EMPTY;
    for (const struct keep_hash *hash = apply->keep.hashes; hash; hash = hash->hh.next) {
        for (const struct keep_field *field = hash->fields; field; field = field->hh.next) {
            buf_reset(&name);
            buf_printf(&name, "%s %s", hash->name, field->name);
            put(apply, &name, field->value.data, field->value.size);
            if (strncmp(hash->name, "w:", 2) == 0 && strcmp(field->name, "#n") != 0)
                put_figures(apply, hash, field);
            if (strcmp(hash->name, "city") == 0)
                put_tendency(apply, field);
        }
    }
    buf_release(&name);
}

/* ---- owners ---- */

static void take_cities(struct apply *apply)
{
    const struct keep_hash *cities = keep_find(&apply->keep, "city");
    for (const struct keep_field *field = cities ? cities->fields : NULL; field; field = field->hh.next) {
        if (state_take_city(&apply->state, field->name, field->value.data, field->value.size) != 0)
            fail("a stored city cannot be taken", field->name);
    }
}

/* A new owner takes what is stored. */
static void begin(struct apply *apply)
{
    const struct keep_hash *stored = keep_find(&apply->keep, "ledger");
    bool later = stored && keep_integer(stored, "config_version") > FIRST_VERSION;
    struct state_config config = {.rules = later ? &apply->later : &apply->rules,
                                  .metrics = &apply->metrics,
                                  .partition = (int32_t)partition,
                                  .topic = "weather.observations",
                                  .batch = apply->batch,
                                  .cache = &apply->cache,
                                  .letter = on_letter,
                                  .letter_arg = apply};
    state_init(&apply->state, &config);
    struct ledger *ledger = &apply->state.ledger;
    if (stored) {
        struct arena arena;
        struct buf error = BUF_EMPTY;
        arena_init(&arena, ARENA_BYTES);
        if (ledger_parse(ledger, keep_pairs(stored, &arena), &apply->rules.windows, &error) != 0)
            fail("the ledger", error.data);
        arena_release(&arena);
        buf_release(&error);
    } else {
        ledger->config_version = FIRST_VERSION;
        ledger->record_offset = ledger->anchor_offset = -1;
        ledger->first_offset = ledger->offset = apply->count ? apply->records[0].offset : 0;
    }
    take_cities(apply);
}

/* ---- commits ---- */

/* The arguments as texts, in `arena`. */
static struct keep_call call_of(struct apply *apply, size_t keys, struct arena *arena)
{
    const struct args *args = &apply->args;
    const char *const *pointers = args_pointers(&apply->args);
    const char **texts = arena_calloc(arena, args->count, sizeof(const char *));
    for (size_t i = 0; i < args->count; i++) {
        char *text = arena_calloc(arena, args->sizes[i] + 1, 1);
        memcpy(text, pointers[i], args->sizes[i]);
        texts[i] = text;
    }
    return (struct keep_call){.keys = keys, .argv = texts, .sizes = args->sizes};
}

static void load(struct apply *apply)
{
    struct buf error = BUF_EMPTY;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct keep_call call = call_of(apply, load_build(&apply->state, &ids, &apply->args), &arena);
    if (load_take(&apply->state, keep_load(&apply->keep, &call, &arena), &error) != 0)
        fail("a load", error.data);
    arena_release(&arena);
    buf_release(&error);
}

static void answer(struct apply *apply)
{
    if (!apply->state.sent.any)
        return;
    if (apply->executed)
        state_committed(&apply->state);
    else
        state_uncommitted(&apply->state);
    state_evict(&apply->state);
}

/* Sends a commit that is answered before record `answer_at`. */
static void commit(struct apply *apply, bool executed, int64_t answer_at)
{
    do {
        if (apply->state.missing_count > 0)
            load(apply);
        state_resolve(&apply->state);
    } while (apply->state.missing_count > 0);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct keep_call call = call_of(apply, commit_build(&apply->state, &ids, &apply->args), &arena);
    if (executed)
        keep_commit(&apply->keep, &call);
    arena_release(&arena);
    apply->executed = executed;
    apply->answer_at = answer_at;
}

/* The next record puts rules of another version in force. */
static void offer(struct apply *apply)
{
    answer(apply);
    do {
        commit(apply, true, 0);
        answer(apply);
    } while (!state_settled(&apply->state));
    apply->later = apply->rules;
    apply->later.version = apply->state.wanted_version;
    state_offer(&apply->state, &apply->later);
}

/* What may happen between two records, or between two steps of a tick. True when there is a new owner. */
static bool meanwhile(struct apply *apply, size_t next)
{
    struct state *state = &apply->state;
    if (state->sent.any && (int64_t)next >= apply->answer_at)
        answer(apply);
    if (!state->sent.any && state->changed && chance(apply, commit_permille))
        commit(apply, !chance(apply, 200), (int64_t)next + (chance(apply, 500) ? LATER_MAX : 0));
    if (!chance(apply, handover_permille))
        return false;
    state_release(state);
    begin(apply);
    return true;
}

/* ---- the log ---- */

/* Index of the first record that is not applied. */
static size_t place(const struct apply *apply)
{
    size_t at = 0;
    while (at < apply->count && apply->records[at].offset < apply->state.ledger.offset)
        at++;
    return at;
}

static void apply_all(struct apply *apply)
{
    struct state *state = &apply->state;
    for (size_t next = place(apply); next < apply->count || state_ticking(state);) {
        if (state_ticking(state)) {
            state_tick_step(state);
        } else {
            if (!state_apply(state, &apply->records[next])) {
                offer(apply);
                continue;
            }
            state_note_hash(state, &apply->records[next++]);
        }
        if (meanwhile(apply, next))
            next = place(apply);
    }
    answer(apply);
    while (state->changed || state->late_count || !keep_find(&apply->keep, "ledger")) {
        commit(apply, true, 0);
        answer(apply);
    }
}

/* Splits the bytes of RECORDS, which stay. */
static void read_records(struct apply *apply, const struct buf *bytes)
{
    for (size_t at = 0; at + FRAME_HEAD <= bytes->size;) {
        struct kafka_record record = {.topic = "weather.observations", .partition = (int32_t)partition};
        uint32_t size;
        memcpy(&record.offset, bytes->data + at, sizeof record.offset);
        memcpy(&record.timestamp_ms, bytes->data + at + 8, sizeof record.timestamp_ms);
        memcpy(&size, bytes->data + at + 16, sizeof size);
        record.value = bytes->data + at + FRAME_HEAD;
        record.size = size;
        at += FRAME_HEAD + size;
        if (at > bytes->size)
            fail("RECORDS", "cut off");
        if (apply->count == apply->capacity) {
            apply->capacity = apply->capacity ? apply->capacity * 2 : 1024;
            apply->records = mem_grow(apply->records, apply->capacity, sizeof *apply->records);
        }
        apply->records[apply->count++] = record;
    }
}

static void set(const char *argument)
{
    const char *equals = strchr(argument, '=');
    for (size_t i = 0; equals && i < sizeof settings / sizeof *settings; i++) {
        if (strlen(settings[i].name) != (size_t)(equals - argument) ||
            strncmp(settings[i].name, argument, (size_t)(equals - argument)) != 0)
            continue;
        if (settings[i].number)
            *settings[i].number = strtoll(equals + 1, NULL, 10);
        else
            snprintf(windows_text, sizeof windows_text, "%s", equals + 1);
        return;
    }
    fail("no such setting", argument);
}

static void set_rules(struct apply *apply)
{
    struct buf error = BUF_EMPTY;
    apply->rules = (struct rules){.version = FIRST_VERSION,
                                  .partitions = (int32_t)partitions,
                                  .lateness_ms = lateness_ms,
                                  .allowed_delay_ms = allowed_delay_ms,
                                  .idle_ms = idle_ms};
    if (windowset_parse(&apply->rules.windows, windows_text, &error) != 0)
        fail("windows", error.data);
    quality_defaults(&apply->rules.quality);
    apply->cache.limit = (size_t)cache_bytes;
    apply->random = (uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

int main(int argc, char **argv)
{
    struct apply apply = {.batch = batch_new()};
    struct buf bytes = BUF_EMPTY;
    if (argc < 3)
        fail("usage", "isobar-apply RECORDS DUMP name=value ...");
    for (int i = 3; i < argc; i++)
        set(argv[i]);
    set_rules(&apply);
    args_init(&apply.args);
    FILE *file = fopen(argv[1], "rb");
    apply.dump = fopen(argv[2], "wb");
    if (!file || !apply.dump)
        fail("a file", strerror(errno));
    for (size_t got = 1; got > 0; buf_advance(&bytes, got))
        got = fread(buf_reserve(&bytes, 1 << 20), 1, 1 << 20, file);
    fclose(file);
    read_records(&apply, &bytes);
    begin(&apply);
    apply_all(&apply);
    state_release(&apply.state);
    put_hashes(&apply);
    if (fclose(apply.dump) != 0)
        fail("the dump", strerror(errno));
    keep_release(&apply.keep);
    args_release(&apply.args);
    batch_free(apply.batch);
    free(apply.records);
    buf_release(&bytes);
    return 0;
}
