/* See standby.h. */
#include "standby.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MS               1000
#define STANDBY_SILENT_MS_TEXT "4000"
#define LIST_BYTES_MAX         65536 /* above any that the script can give: 64 names and endpoints */

static const char standby_script[] = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
                                     "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3])) "
                                     "if ARGV[1] == '1' then redis.call('ZREM', KEYS[1], ARGV[2]) "
                                     "else redis.call('ZADD', KEYS[1], now, ARGV[2]) end "
                                     "return table.concat(redis.call('ZRANGE', KEYS[1], 0, 63), '\\n')";

static void on_list(void *arg, int status, const struct store_reply *reply)
{
    struct coordinator *coordinator = arg;
    coordinator->standbys_asked = false;
    if (status != 0 || reply->type != STORE_TEXT || reply->size >= LIST_BYTES_MAX)
        return;
    buf_reset(&coordinator->standbys);
    buf_text(&coordinator->standbys, reply->text);
}

void standby_tick(struct coordinator *coordinator)
{
    char key[256], self[sizeof coordinator->id + 257];
    if (coordinator->standbys_asked || coordinator->now_ms < coordinator->standbys_ms || !store_up(coordinator->store))
        return;
    coordinator->standbys_asked = true;
    coordinator->standbys_ms = coordinator->now_ms + EVERY_MS;
    snprintf(key, sizeof key, "%sstandbys", coordinator->options->prefix);
    snprintf(self, sizeof self, "%s %s", coordinator->id, coordinator->endpoint);
    store_send(coordinator->store, on_list, coordinator, "EVAL", standby_script, "1", key,
               lease_held(coordinator->lease) ? "1" : "0", self, STANDBY_SILENT_MS_TEXT, NULL);
}

static int by_id(const void *a, const void *b)
{
    const json_t *const *one = a, *const *other = b;
    return strcmp(json_string_value(json_object_get(*one, "id")), json_string_value(json_object_get(*other, "id")));
}

json_t *standby_json(const struct coordinator *coordinator)
{
    json_t *found[64], *list = json_array();
    size_t count = 0;
    const char *line = coordinator->standbys.size ? coordinator->standbys.data : "";
    while (*line && count < sizeof found / sizeof *found) {
        char id[65], endpoint[256], one[sizeof id + sizeof endpoint];
        size_t size = strcspn(line, "\n");
        snprintf(one, sizeof one, "%.*s", (int)size, line);
        if (sscanf(one, "%64s %255s", id, endpoint) == 2) {
            json_t *entry = json_pack("{s:s,s:s}", "id", id, "endpoint", endpoint);
            if (entry) /* not UTF-8: somebody else's */
                found[count++] = entry;
        }
        line += size + (line[size] == '\n');
    }
    qsort(found, count, sizeof *found, by_id);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, found[i]);
    return list;
}
