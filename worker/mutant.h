/*
 * Wrong variants of the commit protocol (ISOBAR_MUTANT, common/failpoint.h), which tests must catch. In test builds
 * only; elsewhere all of it is nothing. The mutants:
 *
 *   cid_unchecked      commits are accepted whatever id the ledger has
 *   unchecked_load     state is read whatever id the ledger has
 *   increments_after   counts of panes are added by commands of their own, after the commit
 *   blind_resend       a commit without an answer is made again without looking whether it was executed
 *                      (session_takeover.c)
 *   offset_reset       an offset that Kafka does not have goes on at the log's end (kafka_consumer.c)
 */
#ifndef WORKER_MUTANT_H
#define WORKER_MUTANT_H

#include "store.h"

#ifdef ISOBAR_FAULTS

/* The script as it is, or with a check less; then it is never freed. */
const char *mutant_script(const char *name, const char *source);
/* A commit is sent: `argc` arguments that begin with its `keys`. Notes the counts that it would have added. */
void mutant_commit(const char *const *argv, size_t keys, size_t argc, uint64_t ticket);
/* Its answer (NULL: none): adds them when it was {'ok'}. */
void mutant_answered(struct store *store, uint64_t ticket, const struct store_reply *reply);

#else

static inline const char *mutant_script(const char *name, const char *source)
{
    (void)name;
    return source;
}
static inline void mutant_commit(const char *const *argv, size_t keys, size_t argc, uint64_t ticket)
{
    (void)argv, (void)keys, (void)argc, (void)ticket;
}
static inline void mutant_answered(struct store *store, uint64_t ticket, const struct store_reply *reply)
{
    (void)store, (void)ticket, (void)reply;
}

#endif
#endif
