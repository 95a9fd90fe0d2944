/*
 * What an installation says of itself in the hash `meta`, and its newest rules (docs/contracts.md). Fixed when it is
 * made, the versions of rules and catalogue aside.
 */
#ifndef CTL_INSTALLATION_H
#define CTL_INSTALLATION_H

#include "context.h"
#include "rules.h"

#include <stddef.h>
#include <stdint.h>

#define INSTALLATION_FORMAT     1
#define INSTALLATION_FORMER     64
#define INSTALLATION_CITIES_MAX 1000000 /* what a dashboard holds */

struct installation {
    char cluster_id[64]; /* of Kafka; "" when the broker has none */
    char topic[256];
    int32_t partitions;
    int64_t pane_ms;                      /* for ever; 0: made before rules were kept, isobarctl init adds them */
    int64_t catalogue_version;            /* 0: no cities yet */
    int64_t city_max;                     /* most cities it may have; INSTALLATION_CITIES_MAX when that was never set */
    struct rules rules;                   /* the newest, with the installation's pane */
    char former[INSTALLATION_FORMER][16]; /* sizes of other versions: their windows may still be there */
    size_t former_count;                  /* 0 until rule_store_former */
};

/*
 * Reads meta. 0; ERR_NOT_FOUND when there is none (nothing is said); ERR_INVALID when it is damaged or of
 * newer software, or ERR_UNAVAILABLE without an answer: both are said.
 */
int installation_read(struct context *context, struct installation *out) __attribute__((warn_unused_result));
/*
 * The same for commands that need one: ERR_NOT_FOUND is said too, with the command that makes an
 * installation, and exit code 69.
 */
int installation_require(struct context *context, struct installation *out) __attribute__((warn_unused_result));
/* Connects the context as this user, and does installation_require. Returns the exit code; what is wrong is said. */
int installation_open(struct context *context, const char *user, const char *password, struct installation *out)
    __attribute__((warn_unused_result));

#endif
