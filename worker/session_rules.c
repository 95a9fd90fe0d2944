/*
 * Which rules a session works by (session.h): those in force at the ledger's offset when it takes over, and others from
 * the control record on that puts them in force. They are read before they are needed and never change, so that a
 * partition is the same function of its log whoever has it.
 */
#include "session_internal.h"

#define AGAIN_MS 1000 /* until rules are asked for again that did not come */

void session_await_rules(struct session *session, int64_t version, int64_t now_ms)
{
    session->rules_version = version;
    session->due_ms = now_ms + AGAIN_MS;
}

bool session_may_change_rules(const struct session *session)
{
    const struct state *state = &session->state;
    return state_waits(state) && !session->releasing && session->letters == 0 && !state->changed &&
           state_settled(state);
}

void session_change_rules(struct session *session, int64_t now_ms)
{
    const struct session_io *io = session->config->io;
    int64_t version = session->state.wanted_version;
    const struct rules *rules = io->rules(io->arg, session, version);
    if (!rules) {
        session_await_rules(session, version, now_ms);
        return;
    }
    session->rules_version = 0;
    state_offer(&session->state, rules);
    session->full = false;
    session->due_ms = SESSION_NEVER;
    io->resume(io->arg);
}

void session_rules(struct session *session, int64_t version, const char *reason, int64_t now_ms)
{
    if (session->rules_version == 0 || session->rules_version != version || session->releasing)
        return;
    session->rules_version = 0;
    if (reason)
        session_stop(
            session,
            "rules %lld, which the log of partition %d puts in force, %.160s; what there is: isobarctl rules "
            "versions; restore Redis, or write them with isobarctl rules set, then isobarctl partition resume %d",
            (long long)version, session->partition, reason, session->partition);
    else if (session->ticket == 0)
        session->due_ms = now_ms;
}
