/*
 * The coordinator's orders to a worker, and what it tells the coordinator. A TARGET is the whole set to hold: sessions
 * are made for what is new, released when they are not in it. A heartbeat is the whole set held. worker.h has the
 * prototypes.
 */
#include "worker.h"

#include "clock.h"
#include "error.h"
#include "failpoint.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

/* How old the newest readings are, by provider. */
static void tell_ages(struct worker *worker, Isobar__V1__Heartbeat *heartbeat, int64_t wall_ms)
{
    size_t count = 0;
    for (int32_t provider = 0; provider < AGES_PROVIDERS; provider++) {
        Isobar__V1__SourceAge *age = &worker->age_list[count];
        isobar__v1__source_age__init(age);
        age->provider = provider;
        age->observed_ms = ages_newest_ms(&worker->ages, provider, AGES_OBSERVED, wall_ms);
        age->fetched_ms = ages_newest_ms(&worker->ages, provider, AGES_FETCHED, wall_ms);
        age->produced_ms = ages_newest_ms(&worker->ages, provider, AGES_PRODUCED, wall_ms);
        age->committed_ms = ages_newest_ms(&worker->ages, provider, AGES_COMMITTED, wall_ms);
        worker->age_pointers[count] = age;
        count += age->committed_ms >= 0;
    }
    heartbeat->n_ages = count;
    heartbeat->ages = worker->age_pointers;
}

static void on_heartbeat(void *arg, Isobar__V1__Heartbeat *heartbeat)
{
    struct worker *worker = arg;
    int64_t now = clock_monotonic_ms(), wall = clock_wall_ms();
    size_t count = 0;
    static Isobar__V1__PartitionPhase phases[] = {[SESSION_ACQUIRING] = ISOBAR__V1__PARTITION_PHASE__ACQUIRING,
                                                  [SESSION_LOADING] = ISOBAR__V1__PARTITION_PHASE__ACQUIRING,
                                                  [SESSION_CHECKING] = ISOBAR__V1__PARTITION_PHASE__ACQUIRING,
                                                  [SESSION_RUNNING] = ISOBAR__V1__PARTITION_PHASE__RUNNING,
                                                  [SESSION_RELEASING] = ISOBAR__V1__PARTITION_PHASE__RELEASING,
                                                  [SESSION_STOPPED] = ISOBAR__V1__PARTITION_PHASE__STOPPED,
                                                  [SESSION_GONE] = ISOBAR__V1__PARTITION_PHASE__RELEASING};
    for (int32_t p = 0; p < worker->meta.partitions; p++) {
        struct session *session = worker->sessions[p];
        if (!session || session->phase == SESSION_GONE)
            continue;
        Isobar__V1__PartitionStatus *status = &worker->statuses[count];
        const struct ledger *ledger = session->has_state ? &session->state.ledger : NULL;
        int64_t high = session->assigned ? kafka_consumer_high(worker->consumer, p) : -1;
        isobar__v1__partition_status__init(status);
        status->partition = p;
        status->phase = phases[session->phase];
        status->assignment = session_number(session);
        status->offset = session->last_offset;
        status->lag = ledger && high >= 0 ? (high > ledger->offset ? high - ledger->offset : 0) : -1;
        if (status->lag == 0 && session->last_offset < ledger->offset)
            status->lag = 1; /* applied, not yet committed */
        else if (status->lag == 0)
            session->progress_ms = now;
        status->progress_age_ms = now - session->progress_ms;
        status->clock_ms = ledger ? ledger->clock_ms : 0;
        status->lag_ms = status->lag == 0 ? 0 : ledger && ledger->clock_ms ? wall - ledger->clock_ms : -1;
        status->watermark_ms = ledger ? state_watermark(&session->state) : 0;
        status->rows = ledger ? ledger->rows : 0;
        status->alarm = session->alarm;
        if (session_number(session) > worker->assignment_max)
            worker->assignment_max = session_number(session);
        worker->status_list[count++] = status;
    }
    heartbeat->n_partitions = count;
    heartbeat->partitions = worker->status_list;
    heartbeat->assignment_max = worker->assignment_max;
    heartbeat->records = worker->metrics.records_total;
    heartbeat->draining = worker->draining;
    heartbeat->commits = worker->metrics.commits_total;
    heartbeat->commit_p50_ms = commit_times_quantile(&worker->commit_times, 500);
    heartbeat->commit_p99_ms = commit_times_quantile(&worker->commit_times, 990);
    tell_ages(worker, heartbeat, wall);
}

static void on_welcome(void *arg, const Isobar__V1__Welcome *welcome)
{
    struct worker *worker = arg;
    log_info("welcomed", LOG_TEXT("leader", welcome->leader), LOG_INT("term", welcome->term));
    if (welcome->partitions != worker->meta.partitions)
        log_error("partitions_differ", LOG_INT("coordinator", welcome->partitions),
                  LOG_INT("meta", worker->meta.partitions),
                  LOG_TEXT("do", "point coordinator and worker at the same Redis"));
}

static const Isobar__V1__Assignment *wanted(const Isobar__V1__Target *target, int32_t partition)
{
    for (size_t i = 0; i < target->n_partitions; i++) {
        if (target->partitions[i]->index == partition)
            return target->partitions[i];
    }
    return NULL;
}

static void on_target(void *arg, const Isobar__V1__Target *target)
{
    struct worker *worker = arg;
    int64_t now = clock_monotonic_ms();
    worker->metrics.target_term = target->term;
    if (worker->draining)
        return;
    for (int32_t p = 0; p < worker->meta.partitions; p++) {
        const Isobar__V1__Assignment *assignment = wanted(target, p);
        struct session *session = worker->sessions[p];
        if (assignment && assignment->number > worker->assignment_max)
            worker->assignment_max = assignment->number;
        if (session && session->phase == SESSION_GONE)
            continue; /* the next target finds it gone */
        if (assignment && !session) {
            worker->sessions[p] = session_new(&worker->session_config, p, assignment->number, now);
            worker->session_count++;
        } else if (assignment) {
            session_renumber(session, assignment->number);
        } else if (session) {
            session_release(session, now);
        }
    }
    worker_plan(worker);
}

static void on_state(void *arg, bool up)
{
    struct worker *worker = arg;
    worker->metrics.coordinator_up = up;
    if (!up)
        log_warn("coordinator_silent", LOG_TEXT("endpoints", worker->options->coordinator),
                 LOG_TEXT("meaning", "work goes on with what is held"));
}

const struct link_events worker_link_events = {
    .heartbeat = on_heartbeat, .welcome = on_welcome, .target = on_target, .state = on_state};

static void on_leader(void *arg, int status, const struct store_reply *reply)
{
    struct worker *worker = arg;
    if (status == 0 && reply->type == STORE_TEXT && worker->link)
        link_leader(worker->link, reply->text);
}

void worker_find_leader(struct worker *worker)
{
    char key[256];
    if (!worker->link)
        return;
    worker->metrics.redirects_total = link_redirects(worker->link);
    if (link_up(worker->link) || worker->draining || !store_up(worker->store))
        return;
    snprintf(key, sizeof key, "%sleader", worker->options->prefix);
    store_send(worker->store, on_leader, worker, "GET", key, NULL);
}

/* ---- the end ---- */

/* Says BYE and stops the daemon, once. */
static void finish(struct worker *worker)
{
    if (worker->finished)
        return;
    worker->finished = true;
    worker_plan(worker);
    changes_say(&worker->changes);
    if (worker->link)
        link_bye(worker->link, "drained");
    daemon_stop(worker->daemon, EXIT_CODE_OK);
}

void worker_drain(struct worker *worker)
{
    worker->draining = true;
    if (worker->link)
        link_beat(worker->link); /* before any RELEASED, so that each partition goes to another at once */
    for (int32_t p = 0; worker->sessions && p < worker->meta.partitions; p++) {
        if (worker->sessions[p])
            session_release(worker->sessions[p], clock_monotonic_ms());
    }
    if (worker->session_count == 0)
        finish(worker);
    else
        worker_plan(worker);
}

void worker_session_gone(struct worker *worker, struct session *session)
{
    log_debug("partition_released", LOG_INT("partition", session->partition), LOG_INT("offset", session->last_offset));
    (void)FAILPOINT("release-after");
    worker->sessions[session->partition] = NULL;
    worker->session_count--;
    if (worker->link)
        link_released(worker->link, session->partition, session_number(session));
    session->next_gone = worker->gone;
    worker->gone = session;
    if ((worker->draining || worker->options->replay) && worker->session_count == 0)
        finish(worker);
}
