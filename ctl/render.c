/* Tables of the leader's view on a terminal (render.h). */
#include "render.h"

#include <inttypes.h>
#include <stdio.h>

void render_head(const struct cluster *cluster)
{
    char age[CLUSTER_TEXT_BYTES];
    if (*cluster->leader)
        printf("leader      %s, term %" PRId64 "\n", cluster->leader, cluster->term);
    else
        printf("leader      none; the last term was %" PRId64 "\n", cluster->term);
    if (cluster->view)
        printf("view        %s old; topic %s\n", cluster_span(cluster->age_ms, age), cluster->installation.topic);
    else
        puts("view        none");
}

void render_members(const struct cluster *cluster)
{
    const json_t *list = json_object_get(cluster->view, "members");
    char by[CLUSTER_TEXT_BYTES], id[CLUSTER_TEXT_BYTES], role[CLUSTER_TEXT_BYTES], state[CLUSTER_TEXT_BYTES],
        host[CLUSTER_TEXT_BYTES], age[CLUSTER_TEXT_BYTES];
    printf("%-24s %-8s %-9s %5s %10s  %-20s %-7s %s\n", "member", "role", "state", "held", "heartbeat", "host", "pid",
           "drained by");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *member = json_array_get(list, i);
        printf("%-24s %-8s %-9s %5" PRId64 " %10s  %-20s %-7" PRId64 " %s\n", cluster_text(member, "id", id),
               cluster_text(member, "role", role), cluster_text(member, "state", state), cluster_number(member, "held"),
               cluster_span(cluster_number(member, "heartbeat_age_ms"), age), cluster_text(member, "host", host),
               cluster_number(member, "pid"), cluster_text(member, "drained_by", by));
    }
    if (json_array_size(list) == 0)
        puts("(none)");
}

void render_partitions(const struct cluster *cluster)
{
    const json_t *list = json_object_get(cluster->view, "partition_list");
    char owner[CLUSTER_TEXT_BYTES], phase[CLUSTER_TEXT_BYTES], age[CLUSTER_TEXT_BYTES];
    printf("%9s  %-24s %-10s %12s %9s %12s %12s\n", "partition", "owner", "phase", "offset", "lag", "rows",
           "watermark");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *partition = json_array_get(list, i);
        printf("%9" PRId64 "  %-24s %-10s %12" PRId64 " %9" PRId64 " %12" PRId64 " %12s\n",
               cluster_number(partition, "partition"), cluster_text(partition, "owner", owner),
               cluster_text(partition, "phase", phase), cluster_number(partition, "offset"),
               cluster_number(partition, "lag"), cluster_number(partition, "rows"),
               cluster_span(cluster_age(cluster, cluster_number(partition, "watermark_ms")), age));
    }
}

void render_shards(const struct cluster *cluster)
{
    size_t owned = 0;
    int64_t cities = 0, failing = 0;
    const json_t *list = json_object_get(cluster->view, "shard_list"), *quota = json_object_get(cluster->view, "quota");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *shard = json_array_get(list, i);
        const char *owner = json_string_value(json_object_get(shard, "owner"));
        owned += owner && *owner;
        cities += cluster_number(shard, "cities");
        failing += cluster_number(shard, "failing");
    }
    printf("shards      %zu of %zu have a fetcher; %" PRId64 " cities, %" PRId64 " failing; catalogue version %" PRId64
           "\n",
           owned, json_array_size(list), cities, failing, cluster_number(cluster->view, "catalogue_version"));
    int64_t calls = cluster_number(quota, "calls_per_minute"), fetchers = cluster_number(quota, "fetchers");
    if (calls < 0)
        fputs("quota       no limit", stdout);
    else
        printf("quota       %" PRId64 " calls a minute", calls);
    printf(", %" PRId64 " fetcher%s", fetchers, fetchers == 1 ? "" : "s");
    if (calls >= 0 && fetchers > 1)
        printf(", %.1f each", json_number_value(json_object_get(quota, "share_per_minute")));
    puts("");
}

void render_sources(const struct cluster *cluster)
{
    static const char *const stages[] = {"observed_age_ms", "fetched_age_ms", "produced_age_ms", "committed_age_ms"};
    const json_t *list = json_object_get(cluster->view, "sources");
    char source[CLUSTER_TEXT_BYTES], age[CLUSTER_TEXT_BYTES];
    if (json_array_size(list) == 0)
        return;
    printf("\n%-20s %12s %12s %12s %12s  of the newest reading\n", "source", "observed", "fetched", "produced",
           "committed");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        printf("%-20s", cluster_text(one, "source", source));
        for (size_t stage = 0; stage < sizeof stages / sizeof *stages; stage++)
            printf(" %12s", cluster_span(cluster_number(one, stages[stage]), age));
        puts("");
    }
}
