/*
 * What an installation says of itself in the hash `meta` (docs/contracts.md). Fixed when it is made, the
 * catalogue's version aside.
 */
#ifndef CTL_INSTALLATION_H
#define CTL_INSTALLATION_H

#include "context.h"
#include "windowset.h"

#include <stdint.h>

#define INSTALLATION_FORMAT       1
#define INSTALLATION_LATENESS_MIN INT64_C(60000) /* ms; what workers accept */

struct installation {
    char cluster_id[64]; /* of Kafka; "" when the broker has none */
    char topic[256];
    int32_t partitions;
    char windows_text[512];
    struct windowset windows; /* of the text */
    int64_t lateness_ms;
    int64_t config_version;
    int64_t catalogue_version; /* 0: no cities yet */
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

#endif
