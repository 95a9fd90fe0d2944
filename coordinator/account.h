/*
 * The accounts whose limits this installation keeps: what --quota says, and the ledger of each. An account is what a
 * provider counts calls for, over all keys and products. Pure.
 */
#ifndef COORDINATOR_ACCOUNT_H
#define COORDINATOR_ACCOUNT_H

#include "buf.h"
#include "key_plan.h"
#include "limit.h"
#include "quota_ledger.h"

#include <stdbool.h>
#include <stddef.h>

#define ACCOUNTS_MAX 16

struct account {
    char name[33];
    const struct key_plan *plan; /* NULL: its limits were written out */
    struct limits limits;
    struct quota_ledger ledger;
    size_t turn; /* of quota_deal */
    bool noting; /* a note is on its way to Redis */
};

struct accounts {
    struct account *list;
    size_t count;
};

/*
 * Reads `account=plan` or `account=limits`, joined by ';' (empty: none). 0, or ERR_INVALID with one line in `error`.
 * Released with accounts_release in both cases; ledgers are empty.
 */
int accounts_parse(struct accounts *accounts, const char *text, struct buf *error) __attribute__((warn_unused_result));
void accounts_release(struct accounts *accounts);
/* The account of that name; NULL when there is none. */
struct account *accounts_find(const struct accounts *accounts, const char *name);

#endif
