/* See meta.h. */
#include "meta.h"

#include "error.h"
#include "shard.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PANE_MAX_MS INT64_C(86400000)

const char *const meta_fields[] = {"format", "cluster_id", "topic", "partitions", "pane_ms", "config_version", NULL};

static int integer(const struct store_reply *value, int64_t low, int64_t high, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    if (value->size == 0 || !isdigit((unsigned char)value->text[0]))
        return ERR_INVALID;
    long long number = strtoll(value->text, &end, 10);
    if (errno != 0 || end != value->text + value->size || number < low || number > high)
        return ERR_INVALID;
    *out = number;
    return 0;
}

static int copy(const struct store_reply *value, char *out, size_t size)
{
    if (value->size >= size || strlen(value->text) != value->size)
        return ERR_INVALID;
    memcpy(out, value->text, value->size + 1);
    return 0;
}

int meta_parse(struct meta *meta, const struct store_reply *values, struct buf *error)
{
    int64_t format = 0, partitions = 0;
    if (values->type != STORE_ARRAY || values->count != META_FIELDS || values->elements[0]->type == STORE_NIL)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < META_FIELDS; i++) {
        if (values->elements[i]->type != STORE_TEXT) {
            buf_printf(error, "meta has no field %s; isobarctl init adds those of this version", meta_fields[i]);
            return ERR_INVALID;
        }
    }
    const struct store_reply *const *v = values->elements;
    const char *wrong = NULL;
    if (integer(v[0], 1, 1, &format) != 0)
        wrong = "format";
    else if (copy(v[1], meta->cluster_id, sizeof meta->cluster_id) != 0)
        wrong = "cluster_id";
    else if (v[2]->size == 0 || copy(v[2], meta->topic, sizeof meta->topic) != 0)
        wrong = "topic";
    else if (integer(v[3], 1, SHARD_MAX_PARTITIONS, &partitions) != 0)
        wrong = "partitions";
    else if (integer(v[4], 1000, PANE_MAX_MS, &meta->pane_ms) != 0)
        wrong = "pane_ms";
    else if (integer(v[5], 1, INT64_MAX / 4, &meta->config_version) != 0)
        wrong = "config_version";
    if (wrong) {
        buf_printf(error, "meta has a bad %s", wrong);
        return ERR_INVALID;
    }
    meta->partitions = (int32_t)partitions;
    return 0;
}

void meta_info_value(const char *info, const char *name, char *out, size_t size)
{
    size_t length = strlen(name);
    out[0] = '\0';
    for (const char *line = info; line; line = strchr(line, '\n'), line += line != NULL) {
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            size_t used = strcspn(line + length + 1, "\r\n");
            used = used < size - 1 ? used : size - 1;
            memcpy(out, line + length + 1, used);
            out[used] = '\0';
            return;
        }
    }
}
