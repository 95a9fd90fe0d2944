/* See naming.h. */
#include "naming.h"

#include "log.h"
#include "mem.h"
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_BYTES 256

void naming_init(struct naming *naming, struct store *store, const char *prefix, struct custom_set *set)
{
    *naming = (struct naming){.store = store, .prefix = prefix, .set = set};
}

static void tell(struct naming *naming, const char *reason)
{
    if (naming->told == naming->asked)
        return;
    naming->told = naming->asked;
    log_warn("rules_not_read", LOG_INT("version", naming->asked), LOG_TEXT("reason", reason),
             LOG_TEXT("meaning", "metrics of your own are shown by the names they had"));
}

static void take(struct naming *naming, const struct store_reply *reply)
{
    struct rules *rules = mem_alloc(sizeof *rules);
    struct buf error = BUF_EMPTY;
    if (rules_parse(rules, reply->text, reply->size, &error) == 0)
        *naming->set = rules->customs;
    else
        tell(naming, error.data);
    buf_release(&error);
    free(rules);
}

/* A version's text never changes, so one that was answered need not be read twice, however bad it is. */
static void on_rules(void *arg, int status, const struct store_reply *reply)
{
    struct naming *naming = arg;
    if (status == 0 && reply->type == STORE_TEXT) {
        take(naming, reply);
        naming->version = naming->asked;
    } else if (status == 0) {
        tell(naming, "the hash config does not have them");
    }
    naming->asked = 0; /* what was not answered is asked again, when meta is next read */
}

void naming_update(struct naming *naming, int64_t version)
{
    char key[KEY_BYTES], field[24];
    if (version <= 0 || version == naming->version || naming->asked != 0)
        return;
    naming->asked = version;
    snprintf(key, sizeof key, "%sconfig", naming->prefix);
    snprintf(field, sizeof field, "%lld", (long long)version);
    store_send(naming->store, on_rules, naming, "HGET", key, field, NULL);
}

void naming_expire(struct naming *naming)
{
    naming->version = 0;
}
