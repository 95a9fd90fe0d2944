/*
 * See model.h. Life of a connection: meta -> per partition: catalogue and states by HSCAN -> ready; from then on hints
 * mark fields dirty, and a timer reads the dirty ones of all partitions in one pipeline. Not here: HTTP, windows.
 */
#include "model.h"

#include "clock.h"
#include "error.h"
#include "log.h"
#include "mem.h"
#include "shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_COUNT     "500"
#define CLUSTER_MS     1000
#define META_RETRY_MS  1000
#define MAX_CATALOGUE  1000000 /* cities mirrored: a bound on what Redis can make us hold */
#define MAX_ENTRY      4096    /* bytes of a catalogue entry */

struct dirty {
    char field[CITY_FIELD_BYTES];
    UT_hash_handle hh;
};

struct part {
    struct model *model;
    int32_t index;
    char cid[33];       /* of the last hint; empty: none seen */
    bool read;          /* catalogue and states are complete */
    bool scanning;
    bool scan_cities;   /* the scan under way is of the catalogue */
    bool again;         /* a gap was seen while scanning: once more */
    struct dirty *dirty;
    struct dirty *asked; /* fields of the read under way */
};

struct model {
    struct model_config config;
    struct model_events events;
    struct store *store, *hints;
    struct loop_timer *update_timer, *cluster_timer, *meta_timer;
    struct city *cities;
    struct part *parts;
    int32_t part_count;
    char *windows;
    char *cluster;
    int64_t cluster_at_ms;
    int64_t catalogue_version, version_read;
    bool up;
    int64_t state_since_ms;
    bool not_initialised;
    bool freeing;
};

/* ---- records ---- */

static struct city *city_get(struct model *model, int64_t id)
{
    struct city *city;
    HASH_FIND(hh, model->cities, &id, sizeof id, city);
    if (city || HASH_COUNT(model->cities) >= MAX_CATALOGUE)
        return city;
    city = mem_alloc(sizeof *city);
    city->id = id;
    city->partition = model->part_count ? shard_of_city(id, model->part_count) : 0;
    HASH_ADD(hh, model->cities, id, sizeof city->id, city);
    return city;
}

static bool valid_entry(const Isobar__V1__City *entry)
{
    return entry->city_id > 0 && strlen(entry->name) <= 200 && strlen(entry->ascii_name) <= 200 && strlen(entry->country) <= 8 &&
           strlen(entry->zone) <= 64;
}

static void take_entry(struct model *model, const char *bytes, size_t size)
{
    Isobar__V1__City *entry = size <= MAX_ENTRY ? isobar__v1__city__unpack(NULL, size, (const uint8_t *)bytes) : NULL;
    struct city *city = entry && valid_entry(entry) ? city_get(model, entry->city_id) : NULL;
    if (!city) {
        model->config.metrics->bad_records_total++;
        isobar__v1__city__free_unpacked(entry, NULL);
        return;
    }
    isobar__v1__city__free_unpacked(city->entry, NULL);
    city->entry = entry;
    city->changed = true;
}

static void take_state(struct model *model, const char *bytes, size_t size)
{
    struct citystate state;
    if (citystate_decode(&state, bytes, size) != 0) {
        model->config.metrics->bad_records_total++;
        return;
    }
    struct city *city = state.series == 0 ? city_get(model, state.city_id) : NULL;
    if (city) {
        city->heard = true;
        bool newer = !city->has_latest || state.latest.observed_at_ms != city->latest.observed_at_ms;
        city->has_latest = state.has_latest;
        city->latest = state.latest;
        city->produced_at_ms = state.latest_produced_at_ms;
        if (newer)
            city->committed_at_ms = clock_wall_ms();
        city->checked_at_ms = state.checked_at_ms;
        city->watermark_ms = state.watermark_ms;
        city->closed_through_ms = state.closed_through_ms;
        city->rows_in = state.rows_in;
        city->rows_late = state.rows_late;
        city->rows_duplicate = state.rows_duplicate;
        city->rows_retired = state.rows_retired;
        city->rows_bad = state.rows_bad;
        city->changed = true;
    }
    citystate_release(&state);
}

static void key_of(const struct part *part, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s{%d}:%s", part->model->config.prefix, part->index, name);
}

/* ---- scanning a partition ---- */

static void arm_update(struct model *model)
{
    if (!loop_timer_armed(model->update_timer))
        loop_timer_set(model->update_timer, model->config.update_ms, 0);
}

static void scan_step(struct part *part, const char *cursor);

static void scan_done(struct part *part)
{
    if (part->scan_cities) {
        part->scan_cities = false;
        scan_step(part, "0");
        return;
    }
    part->scanning = false;
    part->read = true;
    if (part->again) {
        part->again = false;
        part->scanning = part->scan_cities = true;
        scan_step(part, "0");
    }
    arm_update(part->model);
}

static void on_scan(void *arg, int status, const struct store_reply *reply)
{
    struct part *part = arg;
    if (status != 0 || reply->type != STORE_ARRAY || reply->count != 2 || reply->elements[1]->type != STORE_ARRAY) {
        part->scanning = false;
        if (status == 0 && !part->model->freeing)
            store_reconnect(part->model->store, reply->type == STORE_ERROR ? reply->text : "unexpected answer to HSCAN");
        return;
    }
    const struct store_reply *items = reply->elements[1];
    for (size_t i = 1; i < items->count; i += 2) {
        const struct store_reply *value = items->elements[i];
        if (value->type != STORE_TEXT)
            continue;
        if (part->scan_cities)
            take_entry(part->model, value->text, value->size);
        else
            take_state(part->model, value->text, value->size);
    }
    if (strcmp(reply->elements[0]->text, "0") == 0)
        scan_done(part);
    else
        scan_step(part, reply->elements[0]->text);
}

static void scan_step(struct part *part, const char *cursor)
{
    char key[256];
    key_of(part, part->scan_cities ? "cities" : "city", key, sizeof key);
    store_send(part->model->store, on_scan, part, "HSCAN", key, cursor, "COUNT", SCAN_COUNT, NULL);
}

static void scan_start(struct part *part)
{
    if (part->scanning) {
        part->again = true;
        return;
    }
    part->scanning = part->scan_cities = true;
    scan_step(part, "0");
}

/* ---- hints ---- */

static void dirty_clear(struct dirty **set)
{
    struct dirty *item, *next;
    HASH_ITER(hh, *set, item, next) {
        HASH_DEL(*set, item);
        free(item);
    }
}

static void dirty_add(struct part *part, const char *field, size_t size)
{
    char name[CITY_FIELD_BYTES];
    if (size == 0 || size >= sizeof name)
        return;
    memcpy(name, field, size);
    name[size] = '\0';
    struct dirty *item;
    HASH_FIND_STR(part->dirty, name, item);
    if (item)
        return;
    item = mem_alloc(sizeof *item);
    memcpy(item->field, name, size + 1);
    HASH_ADD_STR(part->dirty, field, item);
}

/* "<partition> <previous cid> <new cid> <field>,<field>,…" */
static void on_hint(void *arg, const char *channel, const char *text, size_t size)
{
    struct model *model = arg;
    int partition = -1, used = 0;
    char previous[33], next[33];
    (void)channel;
    model->config.metrics->updates_total++;
    if (sscanf(text, "%d %32s %32s%n", &partition, previous, next, &used) != 3 || partition < 0 || partition >= model->part_count)
        return;
    struct part *part = &model->parts[partition];
    bool gap = part->cid[0] != '\0' && strcmp(part->cid, previous) != 0;
    memcpy(part->cid, next, sizeof part->cid);
    if (gap) {
        model->config.metrics->gaps_total++;
        scan_start(part);
        return;
    }
    const char *p = text + used, *end = text + size;
    for (p += p < end && *p == ' '; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        dirty_add(part, p, (size_t)(stop - p));
        p = stop + 1;
    }
    arm_update(model);
}

static void on_fields(void *arg, int status, const struct store_reply *reply)
{
    struct part *part = arg;
    if (status == 0 && reply->type == STORE_ARRAY) {
        for (size_t i = 0; i < reply->count; i++) {
            if (reply->elements[i]->type == STORE_TEXT)
                take_state(part->model, reply->elements[i]->text, reply->elements[i]->size);
        }
    }
    dirty_clear(&part->asked);
    if (status == 0 && !part->model->freeing)
        part->model->events.changed(part->model->events.arg);
    if (part->dirty && !part->model->freeing)
        arm_update(part->model);
}

static void part_read_dirty(struct part *part)
{
    part->asked = part->dirty;
    part->dirty = NULL;
    unsigned count = HASH_COUNT(part->asked);
    const char **argv = mem_calloc(count + 2, sizeof *argv);
    char key[256];
    key_of(part, "city", key, sizeof key);
    argv[0] = "HMGET";
    argv[1] = key;
    size_t argc = 2;
    for (struct dirty *item = part->asked; item; item = item->hh.next)
        argv[argc++] = item->field;
    store_command(part->model->store, argc, argv, NULL, on_fields, part);
    free(argv);
}

static void on_update(void *arg)
{
    struct model *model = arg;
    if (!model->up)
        return;
    for (int32_t i = 0; i < model->part_count; i++) {
        struct part *part = &model->parts[i];
        if (part->dirty && !part->asked && !part->scanning)
            part_read_dirty(part);
    }
    model->events.changed(model->events.arg);
}

/* ---- meta and the leader's view ---- */

static void parts_free(struct model *model)
{
    for (int32_t i = 0; i < model->part_count; i++) {
        dirty_clear(&model->parts[i].dirty);
        dirty_clear(&model->parts[i].asked);
    }
    free(model->parts);
    model->parts = NULL;
    model->part_count = 0;
}

static void meta_apply(struct model *model, int32_t partitions, const char *windows, int64_t version)
{
    if (model->part_count == 0) {
        model->parts = mem_calloc((size_t)partitions, sizeof *model->parts);
        model->part_count = partitions;
        for (int32_t i = 0; i < partitions; i++) {
            model->parts[i].model = model;
            model->parts[i].index = i;
        }
    }
    free(model->windows);
    model->windows = mem_strdup(windows);
    model->version_read = version;
    for (int32_t i = 0; i < partitions; i++)
        scan_start(&model->parts[i]);
}

static void on_meta(void *arg, int status, const struct store_reply *reply)
{
    struct model *model = arg;
    if (status != 0 || model->freeing)
        return;
    bool good = reply->type == STORE_ARRAY && reply->count == 3;
    for (size_t i = 0; good && i < 3; i++)
        good = reply->elements[i]->type == STORE_TEXT;
    long partitions = good ? strtol(reply->elements[0]->text, NULL, 10) : 0;
    if (partitions < 1 || partitions > SHARD_MAX_PARTITIONS) {
        if (!model->not_initialised)
            log_warn("redis_not_initialised", LOG_TEXT("redis", model->config.store.address), LOG_TEXT("prefix", model->config.prefix),
                     LOG_TEXT("do", "isobarctl init"));
        model->not_initialised = true;
        return;
    }
    model->not_initialised = false;
    if (model->part_count && partitions != model->part_count) {
        /* The number is fixed for the life of an installation: this is another one. */
        log_error("partitions_changed", LOG_INT("before", model->part_count), LOG_INT("now", partitions),
                  LOG_TEXT("do", "restart isobar-dashboard"));
        return;
    }
    int64_t version = strtoll(reply->elements[2]->text, NULL, 10);
    if (model->part_count == 0 || version != model->version_read)
        meta_apply(model, (int32_t)partitions, reply->elements[1]->text, version);
}

static void meta_ask(void *arg)
{
    struct model *model = arg;
    char key[256];
    snprintf(key, sizeof key, "%smeta", model->config.prefix);
    if (model->up)
        store_send(model->store, on_meta, model, "HMGET", key, "partitions", "windows", "catalogue_version", NULL);
}

static void on_cluster(void *arg, int status, const struct store_reply *reply)
{
    struct model *model = arg;
    if (status != 0 || reply->type != STORE_TEXT || model->freeing)
        return;
    free(model->cluster);
    model->cluster = mem_strdup(reply->text);
    model->cluster_at_ms = clock_wall_ms();
    model->events.cluster(model->events.arg);
}

static void cluster_ask(void *arg)
{
    struct model *model = arg;
    char key[256];
    snprintf(key, sizeof key, "%scluster", model->config.prefix);
    if (model->up)
        store_send(model->store, on_cluster, model, "GET", key, NULL);
}

/* ---- connection ---- */

static void on_state(void *arg, bool up, const char *reason)
{
    struct model *model = arg;
    if (model->freeing)
        return;
    model->up = up;
    model->config.metrics->redis_up = up;
    model->state_since_ms = clock_wall_ms();
    if (up) {
        log_info("redis_up", LOG_TEXT("redis", model->config.store.address));
        model->version_read = -1; /* read everything again: hints were missed */
        for (int32_t i = 0; i < model->part_count; i++) {
            model->parts[i].scanning = model->parts[i].again = model->parts[i].read = false;
            model->parts[i].cid[0] = '\0';
        }
        meta_ask(model);
        cluster_ask(model);
    } else {
        log_warn("redis_down", LOG_TEXT("redis", model->config.store.address), LOG_TEXT("reason", reason));
    }
    model->events.state(model->events.arg, up);
}

static void on_hints_state(void *arg, bool up, const char *reason)
{
    struct model *model = arg;
    (void)reason;
    /* Hints may have been missed while the subscription was away. */
    if (up && !model->freeing && model->up) {
        for (int32_t i = 0; i < model->part_count; i++) {
            model->parts[i].cid[0] = '\0';
            scan_start(&model->parts[i]);
        }
    }
}

struct model *model_new(const struct model_config *config, const struct model_events *events, struct buf *error)
{
    struct model *model = mem_alloc(sizeof *model);
    model->config = *config;
    model->events = *events;
    model->version_read = -1;
    model->state_since_ms = clock_wall_ms();
    model->store = store_new(config->loop, &config->store, on_state, model, error);
    model->hints = model->store ? store_new(config->loop, &config->store, on_hints_state, model, error) : NULL;
    if (!model->hints) {
        model->freeing = true;
        store_free(model->store);
        free(model);
        return NULL;
    }
    char channel[256];
    snprintf(channel, sizeof channel, "%supdates", config->prefix);
    store_subscribe(model->hints, channel, on_hint, model);
    model->update_timer = loop_timer_new(config->loop, on_update, model);
    model->cluster_timer = loop_timer_new(config->loop, cluster_ask, model);
    model->meta_timer = loop_timer_new(config->loop, meta_ask, model);
    loop_timer_set(model->cluster_timer, CLUSTER_MS, CLUSTER_MS);
    loop_timer_set(model->meta_timer, META_RETRY_MS, META_RETRY_MS);
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
    loop_timer_free(model->cluster_timer);
    loop_timer_free(model->meta_timer);
    struct city *city, *next;
    HASH_ITER(hh, model->cities, city, next) {
        HASH_DEL(model->cities, city);
        isobar__v1__city__free_unpacked(city->entry, NULL);
        free(city);
    }
    parts_free(model);
    free(model->windows);
    free(model->cluster);
    free(model);
}

/* ---- questions ---- */

const struct city *model_city(const struct model *model, int64_t id)
{
    struct city *city;
    HASH_FIND(hh, model->cities, &id, sizeof id, city);
    return city && city->entry ? city : NULL;
}

const struct city *model_cities(const struct model *model)
{
    return model->cities;
}

void model_clear_changes(struct model *model)
{
    for (struct city *city = model->cities; city; city = city->hh.next)
        city->changed = false;
}

const char *model_cluster(const struct model *model, int64_t *at_ms)
{
    *at_ms = model->cluster_at_ms;
    return model->cluster;
}

const char *model_windows(const struct model *model)
{
    return model->windows;
}

bool model_ready(const struct model *model)
{
    bool ready = model->up && model->part_count > 0 && !model->not_initialised;
    for (int32_t i = 0; ready && i < model->part_count; i++)
        ready = model->parts[i].read;
    return ready;
}

void model_missing(const struct model *model, struct buf *out)
{
    if (!model->up)
        buf_printf(out, "redis: %s does not answer\n", model->config.store.address);
    else if (model->not_initialised)
        buf_printf(out, "redis: %s has no installation under the prefix %s; run isobarctl init\n", model->config.store.address,
                   model->config.prefix);
    else if (!model_ready(model))
        buf_text(out, "redis: the first read is under way\n");
}

struct store *model_store(struct model *model)
{
    return model->store;
}

bool model_redis_up(const struct model *model, int64_t *since_ms)
{
    *since_ms = model->state_since_ms;
    return model->up;
}
