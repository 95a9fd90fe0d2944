/*
 * Commands to the leader (proto/control.proto, Command): finds it, dials it as an operator and asks until it answers.
 * The coordinators that are named (--coordinator) are tried in turn, and a standby's word about the leader is followed
 * by the rules of common/link.h; then the key `leader` in Redis is looked at, or from the start when none is named. A
 * leader that does not answer may have lost the lead meanwhile, so all of it is gone through again.
 */
#ifndef CTL_REQUEST_H
#define CTL_REQUEST_H

#include "context.h"

#include "control.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_TEXT_BYTES 256

/* How a command reaches the leader; after COMMAND_OPTIONS. */
#define REQUEST_OPTIONS(X)                                                                                             \
    X(TEXT, id, "", 0, 0, "with keys: this operator's id in the coordinators' allow file")                             \
    X(TEXT, curve_key_file, "", 0, 0, "file with this operator's secret key; with it coordinators need CURVE")         \
    X(TEXT, curve_server_key, "", 0, 0, "coordinators' public key, or a file with those to try; or one per endpoint")  \
    X(TEXT, coordinator, "", 0, 0, "coordinators, tcp://host:port[,...]; empty: the leader that Redis names")          \
    X(FLAG, insecure, "false", 0, 0, "allow a leader on other than loopback without keys")

struct request_config {
    const char *id, *curve_key_file, *curve_server_key;
    const char *coordinator;                 /* comma list; may be empty */
    const char *redis_user, *redis_password; /* for a context that is not connected */
    bool insecure;
};

#define REQUEST_OF(options_)                                                                                           \
    ((struct request_config){.id = (options_)->id,                                                                     \
                             .curve_key_file = (options_)->curve_key_file,                                             \
                             .curve_server_key = (options_)->curve_server_key,                                         \
                             .coordinator = (options_)->coordinator,                                                   \
                             .redis_user = (options_)->redis_user,                                                     \
                             .redis_password = (options_)->redis_password,                                             \
                             .insecure = (options_)->insecure})

struct request;

struct request_answer {
    bool ok;
    int64_t number;                /* as Answer.number */
    char text[REQUEST_TEXT_BYTES]; /* without control characters */
};

/*
 * `context`, which need not be connected when coordinators are named, and the texts of `config` are borrowed. Keys are
 * read when somebody is dialled. NULL, which is said with exit code 1, when the system has no descriptor left.
 */
struct request *request_new(struct context *context, const struct request_config *config)
    __attribute__((warn_unused_result));
/* NULL allowed. */
void request_free(struct request *request);
/*
 * Has `command` (what, member, partition and detail set; `id` and `who` are filled in) carried out within
 * `deadline_ms`. 0 with `out` filled, whatever the answer is. Else the exit code, and the reason is said.
 */
int request_ask(struct request *request, Isobar__V1__Command *command, int64_t deadline_ms, struct request_answer *out)
    __attribute__((warn_unused_result));

#endif
