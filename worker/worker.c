/* See worker.h: start and end of the process, what Redis brings, and the clockwork. What Kafka brings is in intake.c,
 * what sessions send in effects.c. */
#include "worker.h"

#include "clock.h"
#include "error.h"
#include "log.h"
#include "mem.h"
#include "mutant.h"
#include "script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define META_RETRY_MS 1000
#define SAY_EVERY_MS  5000
#define FLUSH_MS      1500
#define NEWS_MS       20  /* partitions that come together are told together */
#define CHANGES_MS    250 /* and logged together */

/* ---- clockwork ---- */

void worker_plan(struct worker *worker)
{
    int64_t due = INT64_MAX;
    bool changed = false;
    for (int32_t p = 0; worker->sessions && p < worker->meta.partitions; p++) {
        const struct session *session = worker->sessions[p];
        changed |= changes_put(&worker->changes, p, session && session->phase == SESSION_RUNNING);
        if (session && session->ticket == 0 && session->due_ms < due)
            due = session->due_ms;
    }
    if (due != INT64_MAX)
        loop_timer_set(worker->timer, due - clock_monotonic_ms(), 0);
    if (worker->metrics.partitions_running > worker->running_told)
        loop_timer_set(worker->news_timer, NEWS_MS, 0);
    worker->running_told = worker->metrics.partitions_running;
    if (changed && !loop_timer_armed(worker->changes_timer))
        loop_timer_set(worker->changes_timer, CHANGES_MS, 0);
}

static void tick(struct worker *worker, struct session *session, int64_t now)
{
    if (session->phase != SESSION_RUNNING || worker->options->replay ||
        now - session->tick_ms < worker->options->tick_s * 1000)
        return;
    session->tick_ms = now;
    deadletters_tick(worker->letters, worker->meta.topic, session->partition, clock_wall_ms());
}

static void bury(struct worker *worker)
{
    while (worker->gone) {
        struct session *session = worker->gone;
        worker->gone = session->next_gone;
        session_free(session);
    }
}

static void on_timer(void *arg)
{
    struct worker *worker = arg;
    bury(worker);
    int64_t now = clock_monotonic_ms();
    for (int32_t p = 0; worker->sessions && p < worker->meta.partitions; p++) {
        if (worker->sessions[p])
            session_step(worker->sessions[p], now);
    }
    if (worker->replay.parts)
        worker_replay_step(worker, now);
    worker_plan(worker);
}

/* The coordinator waits for a partition to run before it moves the next one. */
static void on_news(void *arg)
{
    struct worker *worker = arg;
    if (worker->link)
        link_beat(worker->link);
}

static void on_changes(void *arg)
{
    struct worker *worker = arg;
    changes_say(&worker->changes);
}

/* Once a second: ticks, checks of logs, and gauges. */
static void on_second(void *arg)
{
    struct worker *worker = arg;
    int64_t now = clock_monotonic_ms();
    worker_awake(worker, now);
    worker->second_ms = now;
    bury(worker);
    worker_find_leader(worker);
    if (worker->options->replay && worker->replay.parts)
        worker_replay_step(worker, now);
    else if (worker->options->replay)
        worker_replay_ask(worker);
    worker->metrics.window_cache_bytes = (int64_t)worker->cache.bytes;
    for (int32_t p = 0; worker->sessions && p < worker->meta.partitions; p++) {
        struct session *session = worker->sessions[p];
        if (session) {
            tick(worker, session, now);
            session_watch(session, now);
        }
    }
    worker_plan(worker);
}

/* ---- start ---- */

static void start_sessions(struct worker *worker)
{
    const struct worker_options *options = worker->options;
    worker_effects(worker);
    worker->second_ms = clock_monotonic_ms();
    worker->batch = batch_new();
    changes_init(&worker->changes, worker->meta.partitions);
    worker->session_config = (struct session_config){.io = &worker->io,
                                                     .metrics = &worker->metrics,
                                                     .prefix = options->prefix,
                                                     .owner = worker->owner,
                                                     .cluster_id = worker->meta.cluster_id,
                                                     .topic = worker->meta.topic,
                                                     .partitions = worker->meta.partitions,
                                                     .commit_ms = options->commit_ms,
                                                     .commit_max_ms = options->commit_max_ms,
                                                     .commit_fields = options->commit_fields,
                                                     .check_ms = options->log_check_s * 1000,
                                                     .batch = worker->batch,
                                                     .args = &worker->args,
                                                     .cache = &worker->cache,
                                                     .pace = &worker->pace};
    worker->pace.per_second = options->acquires_per_second;
    worker->cache.limit = (size_t)options->window_memory << 20;
    worker->sessions = mem_calloc((size_t)worker->meta.partitions, sizeof(struct session *));
    worker->statuses = mem_calloc((size_t)worker->meta.partitions, sizeof *worker->statuses);
    worker->status_list = mem_calloc((size_t)worker->meta.partitions, sizeof(Isobar__V1__PartitionStatus *));
}

static bool start_link(struct worker *worker, struct buf *error)
{
    struct link_events events = worker_link_events;
    struct link_config config = {.endpoints = worker->options->coordinator,
                                 .id = worker->id,
                                 .incarnation = worker->incarnation,
                                 .role = ISOBAR__V1__ROLE__WORKER,
                                 .capacity = (int32_t)worker->options->capacity,
                                 .zone = worker->options->zone,
                                 .curve = worker->curve,
                                 .told = true,
                                 .insecure = worker->options->insecure};
    events.arg = worker;
    worker->link = link_new(worker->loop, &config, &events, error);
    return worker->link != NULL;
}

static void on_meta(void *arg, int status, const struct store_reply *reply)
{
    struct worker *worker = arg;
    struct buf error = BUF_EMPTY;
    if (status != 0 || worker->has_meta || worker->draining)
        return;
    int parsed = reply->type == STORE_ERROR ? ERR_INVALID : meta_parse(&worker->meta, reply, &error);
    if (parsed == ERR_NOT_FOUND) {
        log_error("redis_not_initialised", LOG_TEXT("redis", worker->options->redis),
                  LOG_TEXT("prefix", worker->options->prefix),
                  LOG_TEXT("do", "isobarctl init, or point --redis and --prefix at the right one"));
        daemon_stop(worker->daemon, EXIT_CODE_UNAVAILABLE);
    } else if (parsed != 0) {
        log_error("bad_meta", LOG_TEXT("redis", worker->options->redis),
                  LOG_TEXT("reason", reply->type == STORE_ERROR ? reply->text : error.data));
        daemon_stop(worker->daemon, EXIT_CODE_CONFIG);
    } else {
        worker->has_meta = true;
        (void)worker_rules(worker, worker->meta.config_version); /* mostly those that partitions need */
        start_sessions(worker);
        if (!worker_start_kafka(worker, &error) || (!worker->options->replay && !start_link(worker, &error))) {
            log_error("failed", LOG_TEXT("reason", error.data));
            daemon_stop(worker->daemon, EXIT_CODE_CONFIG);
        } else if (worker->options->replay) {
            worker_replay_ask(worker);
        }
    }
    buf_release(&error);
}

static void on_info(void *arg, int status, const struct store_reply *reply)
{
    struct worker *worker = arg;
    char policy[32], append[8];
    if (status != 0)
        return;
    if (reply->type != STORE_TEXT) {
        log_warn("redis_settings_unknown", LOG_TEXT("redis", worker->options->redis), LOG_TEXT("reason", reply->text),
                 LOG_TEXT("do", "let the user run INFO, and see to it that maxmemory-policy is noeviction"));
        return;
    }
    meta_info_value(reply->text, "maxmemory_policy", policy, sizeof policy);
    meta_info_value(reply->text, "aof_enabled", append, sizeof append);
    if (*policy && strcmp(policy, "noeviction") != 0) {
        log_error("redis_evicts", LOG_TEXT("redis", worker->options->redis), LOG_TEXT("maxmemory_policy", policy),
                  LOG_TEXT("do", "set maxmemory-policy noeviction: results are the state"));
        daemon_stop(worker->daemon, EXIT_CODE_CONFIG);
    } else if (strcmp(append, "0") == 0) {
        log_warn("redis_without_aof", LOG_TEXT("redis", worker->options->redis),
                 LOG_TEXT("meaning", "a restart of Redis loses what is replayed from Kafka"));
    }
}

static void ask_meta(void *arg)
{
    struct worker *worker = arg;
    char key[256];
    if (worker->has_meta) {
        on_second(worker);
        return;
    }
    if (!store_up(worker->store))
        return;
    snprintf(key, sizeof key, "%smeta", worker->options->prefix);
    store_send(worker->store, on_meta, worker, "HMGET", key, meta_fields[0], meta_fields[1], meta_fields[2],
               meta_fields[3], meta_fields[4], meta_fields[5], NULL);
}

static void on_store(void *arg, bool up, const char *reason)
{
    struct worker *worker = arg;
    worker->metrics.redis_up = up;
    if (!up) {
        if (log_limit_pass(&worker->redis_limit, clock_monotonic_ms(), SAY_EVERY_MS, NULL))
            log_warn("redis_down", LOG_TEXT("redis", worker->options->redis), LOG_TEXT("reason", reason));
        return;
    }
    log_info("redis_up", LOG_TEXT("redis", worker->options->redis));
    for (size_t i = 0; i < sizeof worker->scripts / sizeof *worker->scripts; i++)
        store_script_load(worker->store, &worker->scripts[i]);
    store_send(worker->store, on_info, worker, "INFO", NULL);
    ask_meta(worker);
    for (int32_t p = 0; worker->sessions && p < worker->meta.partitions; p++) {
        struct session *session = worker->sessions[p];
        if (session && session->phase == SESSION_ACQUIRING && session->ticket == 0)
            session->due_ms = clock_monotonic_ms(); /* no back-off: it answers again */
    }
    worker_plan(worker);
}

int worker_start(struct worker *worker, struct daemon *daemon)
{
    const struct worker_options *options = worker->options;
    static const char *const names[] = {"acquire", "load", "commit"};
    const char *const sources[] = {script_acquire_lua, script_load_lua, script_commit_lua};
    struct store_config store = {.address = options->redis,
                                 .user = options->redis_user,
                                 .password = options->redis_password,
                                 .timeout_ms = options->redis_timeout_ms,
                                 .name = "isobar-worker"};
    struct buf error = BUF_EMPTY;
    worker->daemon = daemon;
    worker->loop = daemon_loop(daemon);
    worker->incarnation = entropy_i63();
    if (*options->id)
        snprintf(worker->id, sizeof worker->id, "%s", options->id);
    else
        link_default_id(worker->id, sizeof worker->id);
    snprintf(worker->owner, sizeof worker->owner, "%s/%llx", worker->id, (unsigned long long)worker->incarnation);
    for (int i = 0; i < 3; i++)
        store_script_init(&worker->scripts[i], names[i], mutant_script(names[i], sources[i]));
    if (*options->journal && !(worker->journal = fopen(options->journal, "a")))
        buf_printf(&error, "journal %s: %s", options->journal, strerror(errno));
    args_init(&worker->args);
    worker->timer = loop_timer_new(worker->loop, on_timer, worker);
    worker->meta_timer = loop_timer_new(worker->loop, ask_meta, worker);
    worker->news_timer = loop_timer_new(worker->loop, on_news, worker);
    worker->changes_timer = loop_timer_new(worker->loop, on_changes, worker);
    loop_timer_set(worker->meta_timer, META_RETRY_MS, META_RETRY_MS);
    if (error.size == 0 && !link_valid_id(worker->id))
        buf_printf(&error, "id '%s' must be 1 to 64 letters, digits, '.', '_' or '-'", worker->id);
    if (error.size == 0 &&
        curve_client_read(options->curve_key_file, options->curve_server_key, &worker->curve, &error))
        worker->store = store_new(worker->loop, &store, on_store, worker, &error);
    if (error.size)
        log_error("bad_option", LOG_TEXT("reason", error.data));
    int code = error.size ? EXIT_CODE_CONFIG : EXIT_CODE_OK;
    buf_release(&error);
    return code;
}

void worker_missing(const struct worker *worker, struct buf *out)
{
    if (!worker->metrics.redis_up)
        buf_printf(out, "redis: %s does not answer\n", worker->options->redis);
    else if (!worker->has_meta)
        buf_printf(out, "redis: no installation read yet under the prefix %s\n", worker->options->prefix);
    if (worker->link && !link_up(worker->link))
        buf_printf(out, "coordinator: none of %s answers\n",
                   *worker->options->coordinator ? worker->options->coordinator : "those that Redis names");
}

void worker_release(struct worker *worker)
{
    /* Answers that come now meet no session. */
    for (int32_t p = 0; worker->sessions && p < worker->meta.partitions; p++) {
        if (worker->sessions[p])
            session_free(worker->sessions[p]);
        worker->sessions[p] = NULL;
    }
    bury(worker);
    link_free(worker->link);
    curve_client_free(worker->curve);
    store_free(worker->store);
    kafka_consumer_free(worker->consumer);
    worker_forget_checks(worker);
    worker_forget_rules(worker);
    deadletters_free(worker->letters, FLUSH_MS);
    loop_timer_free(worker->timer);
    loop_timer_free(worker->meta_timer);
    loop_timer_free(worker->news_timer);
    loop_timer_free(worker->changes_timer);
    loop_timer_free(worker->replay_timer);
    replay_release(&worker->replay);
    changes_release(&worker->changes);
    batch_free(worker->batch);
    args_release(&worker->args);
    free(worker->sessions);
    free(worker->statuses);
    free(worker->status_list);
    if (worker->journal)
        fclose(worker->journal);
}
