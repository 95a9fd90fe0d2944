/* See trace.h. The stream is cut to the length that the leader keeps (coordinator/publish.c). */
#include "trace.h"

#include "error.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#define KEPT "10000"

const char *trace_who(char out[TRACE_WHO_BYTES])
{
    char host[65] = "";
    const struct passwd *user = getpwuid(geteuid());
    (void)gethostname(host, sizeof host - 1);
    if (user)
        snprintf(out, TRACE_WHO_BYTES, "%.64s@%s", user->pw_name, host);
    else
        snprintf(out, TRACE_WHO_BYTES, "%u@%s", (unsigned)geteuid(), host);
    return out;
}

int trace_write(struct context *context, const char *what, const char *detail)
{
    char key[CONTEXT_KEY_BYTES], user[TRACE_WHO_BYTES];
    const char *who = context->who ? context->who : trace_who(user);
    struct store_reply *reply = CONTEXT_ASK(context, "XADD", context_key(context, "audit", key), "MAXLEN", "~", KEPT,
                                            "*", "what", what, "who", who, "detail", detail);
    if (!reply)
        return context->exit_code;
    store_reply_free(reply);
    return EXIT_CODE_OK;
}
