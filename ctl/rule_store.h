/*
 * Rules in Redis (docs/contracts.md): the hash `config` has the canonical text of every version, meta.config_version
 * names the newest one that is in force. A version above it was claimed by a `rules set` that has not finished.
 */
#ifndef CTL_RULE_STORE_H
#define CTL_RULE_STORE_H

#include "context.h"
#include "installation.h"
#include "rules.h"

#include <stdint.h>

/* Reads a text file of rules; its mistakes are said, one line each. Returns the exit code. */
int rule_file_read(struct context *context, const char *path, struct rules *rules) __attribute__((warn_unused_result));

/*
 * Reads a version and gives it the pane of the installation. 0; ERR_NOT_FOUND, ERR_INVALID or ERR_UNAVAILABLE: said.
 */
int rule_store_read(struct context *context, int64_t version, int64_t pane_ms, struct rules *rules)
    __attribute__((warn_unused_result));
/* Appends the text of a version. 0; ERR_NOT_FOUND, which is not said, or ERR_UNAVAILABLE. */
int rule_store_text(struct context *context, int64_t version, struct buf *text) __attribute__((warn_unused_result));
/*
 * Names the sizes that other versions have and the newest one has not, in `installation->former`, as many as there is
 * room for. 0, or ERR_UNAVAILABLE.
 */
int rule_store_former(struct context *context, struct installation *installation) __attribute__((warn_unused_result));
/* Copies all versions into another namespace. Returns the exit code. */
int rule_store_copy(struct context *from, struct context *into) __attribute__((warn_unused_result));
/*
 * Writes the text under a version that has none. Returns the exit code; `*claimed` tells whether it was free: whoever
 * claims a version is the only one who does.
 */
int rule_store_claim(struct context *context, int64_t version, const struct rules *rules, bool *claimed)
    __attribute__((warn_unused_result));
/*
 * Makes `rules->version` the newest, with what readers of before look for, unless a later one is. Returns the exit
 * code;
 * `*raised` tells whether it changed.
 */
int rule_store_raise(struct context *context, const struct rules *rules, bool *raised)
    __attribute__((warn_unused_result));

#endif
