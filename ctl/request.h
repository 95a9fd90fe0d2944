/*
 * Commands to the leader (proto/control.proto, Command): finds it by the key `leader` in Redis, dials it as an operator
 * and asks until it answers. A leader that does not answer may have lost the lead meanwhile, so Redis is asked again.
 */
#ifndef CTL_REQUEST_H
#define CTL_REQUEST_H

#include "context.h"

#include "control.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_TEXT_BYTES 256

struct request;

struct request_answer {
    bool ok;
    int64_t number;                /* as Answer.number */
    char text[REQUEST_TEXT_BYTES]; /* without control characters */
};

/* `context` is connected and borrowed. */
struct request *request_new(struct context *context) __attribute__((returns_nonnull, warn_unused_result));
/* NULL allowed. */
void request_free(struct request *request);
/*
 * Has `command` (what, member, partition and detail set; `id` and `who` are filled in) carried out within
 * `deadline_ms`. 0 with `out` filled, whatever the answer is. Else the exit code, and the reason is said.
 */
int request_ask(struct request *request, Isobar__V1__Command *command, int64_t deadline_ms, struct request_answer *out)
    __attribute__((warn_unused_result));

#endif
