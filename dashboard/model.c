/*
 * See model.h. Life of a connection: meta, then each partition as a whole (part.h), then ready; from then on
 * hints name fields, and a timer reads those of all partitions at once. Meta is looked at four times a second, so
 * that a new version of the catalogue, or another installation, is seen; of the catalogue only shards that changed are
 * read. Not here: HTTP, windows, what a record means
 * (atlas.h).
 */
#include "model.h"

#include "clock.h"
#include "edition.h"
#include "log.h"
#include "mem.h"
#include "naming.h"
#include "part.h"
#include "shard.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIEW_MS           1000
#define META_MS           250 /* a change of the catalogue is wanted on the page within a second */
#define KEY_BYTES         256
#define CATALOGUES_PER_MS 1024 /* more changes than there can be, so that no run counts into the next one's numbers */
#define TEXT_BYTES        512  /* windows, as configured */
#define ID_BYTES          64   /* of an installation */

struct model {
    struct model_config config;
    struct model_events events;
    struct store *store, *hints;
    struct loop_timer *update_timer, *view_timer, *meta_timer;
    struct atlas atlas;
    struct view view;
    struct naming naming;
    struct climate climate;
    struct part_context context;
    struct part *parts;
    int32_t part_count;
    int reads; /* part_reads under way */
    char *windows;
    struct edition edition;
    bool anew;                   /* the next answer about the edition has everything read, not the catalogue only */
    char installation[ID_BYTES]; /* empty: made before there were ids */
    bool store_up, hints_up, up;
    int64_t since_ms; /* of `up`, wall clock */
    bool meta_read, meta_missing, meta_foreign;
    bool freeing;
};

/* ---- partitions ---- */

static void arm_update(void *arg)
{
    struct model *model = arg;
    if (!model->freeing && !loop_timer_armed(model->update_timer))
        loop_timer_set(model->update_timer, model->config.update_ms, 0);
}

/* One event when the last of the reads has ended, however many partitions they were of. */
static void on_read(void *arg)
{
    struct model *model = arg;
    if (--model->reads == 0 && !model->freeing)
        model->events.changed(model->events.arg);
}

static void on_update(void *arg)
{
    struct model *model = arg;
    bool idle = model->reads == 0;
    for (int32_t i = 0; model->up && i < model->part_count; i++)
        model->reads += part_read(&model->parts[i]);
    if (idle && model->reads == 0)
        model->events.changed(model->events.arg);
}

static void on_hint(void *arg, const char *channel, const char *text, size_t size)
{
    struct model *model = arg;
    struct hint hint;
    (void)channel;
    model->config.metrics->updates_total++;
    if (hint_parse(&hint, text, size, model->part_count) && part_hint(&model->parts[hint.partition], &hint))
        arm_update(model);
}

static void parts_make(struct model *model, int32_t count)
{
    model->context = (struct part_context){.store = model->store,
                                           .prefix = model->config.prefix,
                                           .atlas = &model->atlas,
                                           .metrics = model->config.metrics,
                                           .scanned = arm_update,
                                           .read = on_read,
                                           .arg = model};
    model->parts = mem_calloc((size_t)count, sizeof *model->parts);
    model->part_count = count;
    atlas_init(&model->atlas, count);
    atlas_count_from(&model->atlas, (uint64_t)clock_wall_ms() * CATALOGUES_PER_MS);
    edition_init(&model->edition, count);
    for (int32_t i = 0; i < count; i++)
        part_init(&model->parts[i], &model->context, i);
}

/* ---- meta ---- */

static void on_edition(void *arg, int status, const struct store_reply *reply)
{
    struct model *model = arg;
    if (status != 0 || model->freeing)
        return; /* the connection is gone, and with the next one everything is read */
    bool *changed = mem_calloc((size_t)model->part_count, sizeof *changed), anew = model->anew;
    (void)edition_take(&model->edition, reply, changed);
    model->anew = false;
    for (int32_t i = 0; i < model->part_count; i++) {
        if (anew)
            part_scan(&model->parts[i]);
        else if (changed[i])
            part_scan_entries(&model->parts[i]);
    }
    free(changed);
}

/* Another installation may have the same version of its catalogue: it is another one all the same. */
static void meta_take(struct model *model, int32_t partitions, const struct store_reply *const *values)
{
    const char *windows = values[1]->text, *installation = values[3]->type == STORE_TEXT ? values[3]->text : "";
    int64_t catalogue_version = strtoll(values[2]->text, NULL, 10);
    if (model->part_count == 0)
        parts_make(model, partitions);
    if (!model->windows || strcmp(model->windows, windows) != 0) {
        free(model->windows);
        model->windows = mem_strdup(windows);
    }
    bool same = strncmp(model->installation, installation, ID_BYTES - 1) == 0;
    bool anew = !model->meta_read || !same;
    if (!anew && catalogue_version == model->edition.version)
        return;
    model->meta_read = true;
    text_copy(model->installation, sizeof model->installation, installation);
    if (anew)
        edition_forget(&model->edition);
    model->anew |= anew;
    model->edition.version = catalogue_version;
    edition_ask(&model->edition, model->store, model->config.prefix, on_edition, model);
}

static bool meta_shape(const struct store_reply *reply)
{
    bool good = reply->type == STORE_ARRAY && reply->count == 6;
    for (size_t i = 0; good && i < 3; i++)
        good = reply->elements[i]->type == STORE_TEXT && reply->elements[i]->size < TEXT_BYTES;
    return good;
}

static void on_meta(void *arg, int status, const struct store_reply *reply)
{
    struct model *model = arg;
    if (status != 0 || model->freeing)
        return;
    long partitions = meta_shape(reply) ? strtol(reply->elements[0]->text, NULL, 10) : 0;
    bool missing = partitions < 1 || partitions > SHARD_MAX_PARTITIONS;
    bool foreign = !missing && model->part_count && partitions != model->part_count;
    if (missing && !model->meta_missing)
        log_warn("redis_not_initialised", LOG_TEXT("redis", model->config.store.address),
                 LOG_TEXT("prefix", model->config.prefix), LOG_TEXT("do", "isobarctl init"));
    if (foreign && !model->meta_foreign) /* the number is fixed for the life of an installation: this is another */
        log_error("partitions_changed", LOG_INT("before", model->part_count), LOG_INT("now", partitions),
                  LOG_TEXT("do", "restart isobar-dashboard"));
    model->meta_missing = missing;
    model->meta_foreign = foreign;
    if (missing || foreign)
        return;
    meta_take(model, (int32_t)partitions, (const struct store_reply *const *)reply->elements);
    climate_update(&model->climate, (int32_t)partitions, strtoll(reply->elements[4]->text, NULL, 10));
    naming_update(&model->naming, strtoll(reply->elements[5]->text, NULL, 10));
}

static void on_meta_time(void *arg)
{
    struct model *model = arg;
    char key[KEY_BYTES];
    if (!model->up)
        return;
    snprintf(key, sizeof key, "%smeta", model->config.prefix);
    store_send(model->store, on_meta, model, "HMGET", key, "partitions", "windows", "catalogue_version", "installation",
               "normals_version", "config_version", NULL);
}

/* ---- the leader's view ---- */

static void on_view(void *arg, int status, const struct store_reply *reply)
{
    struct model *model = arg;
    if (status != 0 || model->freeing)
        return;
    if (reply->type == STORE_NIL)
        view_release(&model->view);
    else if (reply->type != STORE_TEXT || view_take(&model->view, reply->text, reply->size, clock_wall_ms()) != 0)
        model->config.metrics->bad_records_total++;
    model->events.viewed(model->events.arg);
}

static void on_view_time(void *arg)
{
    struct model *model = arg;
    char key[KEY_BYTES];
    snprintf(key, sizeof key, "%scluster", model->config.prefix);
    if (!model->up)
        return;
    store_send(model->store, on_view, model, "GET", key, NULL);
    for (int32_t i = 0; i < model->part_count; i++)
        part_retry(&model->parts[i]);
    model->config.metrics->cities = (int64_t)atlas_count(&model->atlas);
}

/* ---- connections ---- */

static void update_up(struct model *model)
{
    bool up = model->store_up && model->hints_up;
    if (up == model->up || model->freeing)
        return;
    model->up = up;
    model->config.metrics->redis_up = up;
    model->since_ms = clock_wall_ms();
    if (up) {
        log_info("redis_up", LOG_TEXT("redis", model->config.store.address));
        model->meta_read = false; /* read everything again: hints were missed */
        climate_expire(&model->climate);
        naming_expire(&model->naming);
        on_meta_time(model);
        on_view_time(model);
    }
    model->events.state(model->events.arg);
}

static void on_store_state(void *arg, bool up, const char *reason)
{
    struct model *model = arg;
    if (up) {
        for (int32_t i = 0; i < model->part_count; i++)
            part_reset(&model->parts[i]);
    }
    if (!up && !model->freeing)
        log_warn("redis_down", LOG_TEXT("redis", model->config.store.address), LOG_TEXT("reason", reason));
    model->store_up = up;
    update_up(model);
}

static void on_hints_state(void *arg, bool up, const char *reason)
{
    struct model *model = arg;
    for (int32_t i = 0; up && i < model->part_count; i++)
        model->parts[i].cid[0] = '\0';
    if (!up && model->store_up && !model->freeing)
        log_warn("redis_hints_down", LOG_TEXT("redis", model->config.store.address), LOG_TEXT("reason", reason));
    model->hints_up = up;
    update_up(model);
}

/* ---- life ---- */

static bool connect_stores(struct model *model, struct buf *error)
{
    struct store_config config = model->config.store;
    config.name = "isobar-dashboard";
    model->store = store_new(model->config.loop, &config, on_store_state, model, error);
    if (!model->store)
        return false;
    config.name = "isobar-dashboard-hints";
    model->hints = store_new(model->config.loop, &config, on_hints_state, model, error);
    if (!model->hints)
        return false;
    char channel[KEY_BYTES];
    snprintf(channel, sizeof channel, "%supdates", model->config.prefix);
    store_subscribe(model->hints, channel, on_hint, model);
    return true;
}

struct model *model_new(const struct model_config *config, const struct model_events *events, struct buf *error)
{
    struct model *model = mem_alloc(sizeof *model);
    model->config = *config;
    model->events = *events;
    model->since_ms = clock_wall_ms();
    view_init(&model->view);
    if (!connect_stores(model, error)) {
        model_free(model);
        return NULL;
    }
    climate_init(&model->climate, model->store, model->config.prefix, config->metrics);
    naming_init(&model->naming, model->store, model->config.prefix, &model->atlas.custom);
    model->update_timer = loop_timer_new(config->loop, on_update, model);
    model->view_timer = loop_timer_new(config->loop, on_view_time, model);
    model->meta_timer = loop_timer_new(config->loop, on_meta_time, model);
    loop_timer_set(model->view_timer, VIEW_MS, VIEW_MS);
    loop_timer_set(model->meta_timer, META_MS, META_MS);
    return model;
}

void model_free(struct model *model)
{
    if (!model)
        return;
    model->freeing = true;
    store_free(model->store);
    store_free(model->hints);
    loop_timer_free(model->update_timer);
    loop_timer_free(model->view_timer);
    loop_timer_free(model->meta_timer);
    for (int32_t i = 0; i < model->part_count; i++)
        part_release(&model->parts[i]);
    atlas_release(&model->atlas);
    edition_release(&model->edition);
    climate_release(&model->climate);
    view_release(&model->view);
    free(model->parts);
    free(model->windows);
    free(model);
}

/* ---- questions ---- */

const struct atlas *model_atlas(const struct model *model)
{
    return &model->atlas;
}

const struct view *model_view(const struct model *model)
{
    return &model->view;
}

const struct climate *model_climate(const struct model *model)
{
    return &model->climate;
}

const char *model_windows(const struct model *model)
{
    return model->windows;
}

bool model_ready(const struct model *model)
{
    bool ready = model->up && model->meta_read && !model->meta_missing && !model->meta_foreign;
    for (int32_t i = 0; ready && i < model->part_count; i++)
        ready = model->parts[i].read;
    return ready;
}

void model_missing(const struct model *model, struct buf *out)
{
    const char *redis = model->config.store.address;
    if (!model->up)
        buf_printf(out, "redis: %s does not answer\n", redis);
    else if (model->meta_missing)
        buf_printf(out, "redis: %s has no installation under the prefix %s; run isobarctl init\n", redis,
                   model->config.prefix);
    else if (model->meta_foreign)
        buf_printf(out, "redis: %s holds another installation than at the start; restart isobar-dashboard\n", redis);
    else if (!model_ready(model))
        buf_text(out, "redis: the first read is under way\n");
    for (int32_t i = 0; model->up && i < model->part_count; i++) {
        if (model->parts[i].trouble[0])
            buf_printf(out, "redis: partition %d cannot be read: %s\n", i, model->parts[i].trouble);
    }
}

struct store *model_store(struct model *model)
{
    return model->store;
}

bool model_redis_up(const struct model *model, int64_t *since_ms)
{
    *since_ms = model->since_ms;
    return model->up;
}
