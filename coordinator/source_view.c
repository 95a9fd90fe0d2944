/* What members say of sources (source_report.h), as parts of the leader's view (coordinator.h). */
#include "coordinator.h"

#include "quantity.h"

#include <jansson.h>

#define PROVIDERS 32 /* numbers of isobar.v1.Provider that are shown */

static json_t *alarm_json(const struct coordinator *coordinator, const struct member *member,
                          const struct source_alarm_report *alarm)
{
    int64_t since = alarm->since_ms < 0 ? 0 : alarm->since_ms + coordinator->redis_ahead_ms;
    return json_pack("{s:s,s:s,s:s,s:I,s:s}", "name", alarm->name, "source", alarm->source, "member", member->id,
                     "since", (json_int_t)since, "text", alarm->text);
}

json_t *source_alarms_json(const struct coordinator *coordinator)
{
    json_t *list = json_array();
    for (const struct member *member = coordinator->members.first; member; member = member->next) {
        for (size_t i = 0; member_reachable(member) && i < member->sources.alarm_count; i++)
            json_array_append_new(list, alarm_json(coordinator, member, &member->sources.alarms[i]));
    }
    return list;
}

/* Ages of the newest reading that any worker knows of; NULL when none does. */
static json_t *ages_json(const struct coordinator *coordinator, int32_t provider)
{
    static const char *const names[SOURCE_STAGES] = {"observed_age_ms", "fetched_age_ms", "produced_age_ms",
                                                     "committed_age_ms"};
    json_t *object = json_pack("{s:s}", "source", provider_name(provider));
    bool known = false;
    for (int stage = 0; stage < SOURCE_STAGES; stage++) {
        int64_t newest = -1;
        for (const struct member *member = coordinator->members.first; member; member = member->next) {
            int64_t at = member_reachable(member) ? source_at_ms(&member->sources, provider, stage) : -1;
            newest = at > newest ? at : newest;
        }
        known |= newest >= 0;
        json_object_set_new(object, names[stage], json_integer(newest < 0 ? -1 : coordinator->now_ms - newest));
    }
    if (known)
        return object;
    json_decref(object);
    return NULL;
}

json_t *source_ages_json(const struct coordinator *coordinator)
{
    json_t *list = json_array();
    for (int32_t provider = 0; provider < PROVIDERS; provider++) {
        json_t *ages = ages_json(coordinator, provider);
        if (ages)
            json_array_append_new(list, ages);
    }
    return list;
}
