/*
 * What becomes of a line (produce.h): the row of a city that is known, on its way to the city's shard; or a refused
 * line, which is explained, counted, and kept as it came.
 */
#include "produce.h"

#include "city_table.h"
#include "clock.h"
#include "error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AHEAD_MS         300000 /* workers refuse what is further ahead of the clock */
#define CATALOGUE_AGE_MS 1000   /* it is read again at most so often */

/* ---- refused lines ---- */

/* Bytes of a refused line on a terminal, which must not obey them. */
static void show(const char *text, size_t size)
{
    struct buf line = BUF_EMPTY;
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    buf_append(&line, text, size);
    intake_fit(&line);
    (void)fprintf(stderr, "%s\n", line.data);
    buf_release(&line);
}

/* Keeps bytes of a refused line: in the file for it, or, when they would be gone with the pipe, on stderr. */
static void keep(struct produce *produce, const char *text, size_t size)
{
    if (produce->rejects.stream)
        rejects_write(&produce->rejects, &produce->intake.header, text, size);
    else if (!produce->regular && !isatty(STDERR_FILENO))
        (void)fwrite(text, 1, size, stderr);
    else if (!produce->regular)
        show(text, size);
}

static void end_line(struct produce *produce, bool ended)
{
    if (produce->rejects.stream)
        rejects_end_line(&produce->rejects);
    else if (!produce->regular && !ended && !isatty(STDERR_FILENO))
        (void)fputc('\n', stderr);
}

/* Counts and explains; every line that is kept on stderr is explained, too. */
static void explain(struct produce *produce, int64_t line)
{
    int64_t most = produce->options->errors;
    bool all = most == 0 || (!produce->rejects.stream && !produce->regular);
    produce->rejected++;
    intake_fit(&produce->error);
    if (all || produce->rejected <= most)
        produce_say(produce, "%s:%" PRId64 ": %s", produce->name, line, produce->error.data);
    if (!all && produce->rejected == most)
        produce_say(produce, "further refused lines are counted only; --errors 0 explains all");
}

static void reject(struct produce *produce, const struct line *line)
{
    explain(produce, line->number);
    keep(produce, line->text, line->raw_size);
    end_line(produce, line->raw_size > line->size);
}

/* ---- cities ---- */

/* Reads the catalogue again when it has changed. True when it did. Redis may be away: cities that are known go on. */
static bool catalogue_changed(struct produce *produce)
{
    const struct produce_options *options = produce->options;
    struct context context = CONTEXT_OF("produce", options);
    struct buf reason = BUF_EMPTY;
    int64_t now = clock_monotonic_ms(), version = 0;
    char key[CONTEXT_KEY_BYTES];
    bool changed = false;
    if (!options->follow || now - produce->catalogue_ms < CATALOGUE_AGE_MS)
        return false;
    produce->catalogue_ms = now;
    if (context_try(&context, options->redis_user, options->redis_password, &reason) == EXIT_CODE_OK) {
        struct store_reply *reply =
            CONTEXT_ASK(&context, "HGET", context_key(&context, "meta", key), "catalogue_version");
        if (reply && context_integer(reply, 0, INT64_MAX, &version) &&
            version != produce->installation.catalogue_version)
            changed = gazetteer_load(&produce->gazetteer, &context) == EXIT_CODE_OK;
        store_reply_free(reply);
    }
    if (changed)
        produce->installation.catalogue_version = version;
    context_close(&context);
    buf_release(&reason);
    return changed;
}

static struct gazetteer_city *find_city(struct produce *produce, const struct sheet_row *row)
{
    struct gazetteer_city *city = produce->city;
    enum gazetteer_result result = GAZETTEER_FOUND;
    if (city)
        return city;
    result = gazetteer_find(&produce->gazetteer, row->city, &city);
    if (result == GAZETTEER_NONE && catalogue_changed(produce))
        result = gazetteer_find(&produce->gazetteer, row->city, &city);
    int64_t id = gazetteer_id(row->city);
    if (result == GAZETTEER_NONE && id > 0 && produce->options->any_city)
        return gazetteer_take(&produce->gazetteer, id);
    if (result == GAZETTEER_FOUND)
        return city;
    buf_printf(&produce->error, "column \"%s\": \"%.80s\": ", row->city_head, row->city);
    if (result == GAZETTEER_SEVERAL && strchr(row->city, ','))
        buf_text(&produce->error, "several cities are called so: the id wanted");
    else if (result == GAZETTEER_SEVERAL)
        buf_printf(&produce->error, "several cities are called so: the id wanted, or the country as in \"%.80s,US\"",
                   row->city);
    else
        buf_printf(&produce->error, "the id or name of a city of the catalogue wanted%s",
                   id > 0 ? "; --any-city takes other ids" : "");
    return NULL;
}

/* Says what is known of the city, before its first row (docs/semantics.md, "Facts about a city"). */
static void tell(struct produce *produce, struct gazetteer_city *city, const struct observation *row)
{
    struct observation fact = {.kind = ISOBAR__V1__ROW_KIND__CONTROL,
                               .city_id = city->id,
                               .provider = row->provider,
                               .observed_at_ms = row->fetched_at_ms,
                               .fetched_at_ms = row->fetched_at_ms};
    struct control control = {
        .zone = city->zone, .country = city->country, .interval_s = (int32_t)produce->options->interval_s};
    city->told = true;
    produce->cities++;
    if (!*control.zone && !*control.country && control.interval_s == 0)
        return;
    produce->controls++;
    if (produce->outbox)
        outbox_send_control(produce->outbox, city->shard, &fact, &control);
}

/* ---- rows ---- */

static void send_row(struct produce *produce, struct gazetteer_city *city, struct observation *row)
{
    row->fetched_at_ms = clock_wall_ms();
    if (!city->told)
        tell(produce, city, row);
    produce->rows++;
    batcher_add(&produce->batcher, city->shard, row, clock_monotonic_ms());
}

/*
 * Puts a recorded row where it would be if the recording had begun now and went on so many times as fast; it is held
 * until then. Its period shrinks alike, so that what has fallen stays what has fallen.
 */
static void shift(struct produce *produce, struct observation *row)
{
    int64_t speed = produce->options->at_speed;
    row->provider = ISOBAR__V1__PROVIDER__RECORDED;
    if (produce->start_ms == 0) {
        produce->start_ms = clock_wall_ms();
        produce->first_ms = row->observed_at_ms;
    }
    row->observed_at_ms = produce->start_ms + (row->observed_at_ms - produce->first_ms) / speed;
    if (row->accumulation_s > 0)
        row->accumulation_s = row->accumulation_s > speed ? (int32_t)(row->accumulation_s / speed) : 1;
    produce->due_ms = row->observed_at_ms;
}

void produce_held(struct produce *produce)
{
    struct gazetteer_city *city = produce->held_city;
    produce->held_city = NULL;
    send_row(produce, city, &produce->held);
}

static bool take_row(struct produce *produce, struct sheet_row *row)
{
    struct observation *observation = &row->row;
    struct gazetteer_city *city = find_city(produce, row);
    if (!city)
        return false;
    observation->kind = ISOBAR__V1__ROW_KIND__OBSERVATION;
    observation->city_id = city->id;
    observation->provider = ISOBAR__V1__PROVIDER__STATION;
    observation->series = (int32_t)produce->options->series;
    if (produce->options->at_speed == 0) {
        send_row(produce, city, observation);
        return true;
    }
    shift(produce, observation);
    produce->held = *observation;
    produce->held_city = city;
    if (produce->due_ms <= clock_wall_ms())
        produce_held(produce);
    return true;
}

bool produce_line(struct produce *produce, enum lines_kind kind, const struct line *line)
{
    struct sheet_row row;
    bool replays = produce->options->at_speed > 0;
    int64_t now = clock_wall_ms(), lateness = produce->installation.rules.lateness_ms;
    int64_t oldest = replays || produce->options->any_age ? 0 : now - lateness;
    buf_reset(&produce->error);
    if (kind != LINES_WHOLE) {
        keep(produce, line->text, line->raw_size);
        if (kind == LINES_PIECE)
            return true;
        end_line(produce, line->raw_size > line->size);
        buf_printf(&produce->error, "the line is longer than %d bytes", CELLS_LINE_MAX);
        explain(produce, line->number);
        return true;
    }
    switch (
        intake_line(&produce->intake, line, oldest, replays ? TIME_MAX_MS : now + AHEAD_MS, &row, &produce->error)) {
    case INTAKE_NOTHING:
        return true;
    case INTAKE_ROW:
        if (!take_row(produce, &row))
            reject(produce, line);
        return true;
    case INTAKE_BAD:
        reject(produce, line);
        return true;
    default:
        (void)context_fail(&produce->context, EXIT_CODE_CONFIG, "%s:%" PRId64 ": %s", produce->name, line->number,
                           produce->error.data);
        return false;
    }
}
