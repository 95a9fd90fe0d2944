/* See account.h. */
#include "account.h"

#include "error.h"
#include "mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool name_valid(const char *text, size_t size)
{
    if (size == 0 || size >= sizeof((struct account *)NULL)->name)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && text[i] != '-')
            return false;
    }
    return true;
}

/* One `account=…` of `size` bytes. */
static int add(struct accounts *accounts, const char *text, size_t size, struct buf *error)
{
    const char *equals = memchr(text, '=', size);
    size_t length = equals ? (size_t)(equals - text) : 0;
    struct buf reason = BUF_EMPTY;
    if (!name_valid(text, length)) {
        buf_printf(error, "quota: '%.*s' must be account=plan or account=60/m,1000000/mo", size < 60 ? (int)size : 60,
                   text);
        return ERR_INVALID;
    }
    struct account *account = &accounts->list[accounts->count];
    *account = (struct account){0};
    snprintf(account->name, sizeof account->name, "%.*s", (int)length, text);
    if (accounts_find(accounts, account->name))
        buf_printf(error, "quota: account %s is given twice", account->name);
    else if (accounts->count == ACCOUNTS_MAX)
        buf_printf(error, "quota: more than %d accounts", ACCOUNTS_MAX);
    else if (key_plan_limits(account->name, equals + 1, size - length - 1, &account->limits, &account->plan, &reason) !=
             0)
        buf_printf(error, "quota: account %s: %s", account->name, reason.data);
    buf_release(&reason);
    if (error->size)
        return ERR_INVALID;
    quota_ledger_init(&account->ledger, &account->limits, 0);
    accounts->count++;
    return 0;
}

int accounts_parse(struct accounts *accounts, const char *text, struct buf *error)
{
    *accounts = (struct accounts){.list = mem_calloc(ACCOUNTS_MAX + 1, sizeof *accounts->list)};
    while (*text) {
        size_t size = strcspn(text, ";");
        if (add(accounts, text, size, error) != 0)
            return ERR_INVALID;
        text += size;
        text += *text == ';';
    }
    return 0;
}

void accounts_release(struct accounts *accounts)
{
    for (size_t i = 0; i < accounts->count; i++)
        quota_ledger_release(&accounts->list[i].ledger);
    free(accounts->list);
    *accounts = (struct accounts){0};
}

struct account *accounts_find(const struct accounts *accounts, const char *name)
{
    for (size_t i = 0; i < accounts->count; i++) {
        if (strcmp(accounts->list[i].name, name) == 0)
            return &accounts->list[i];
    }
    return NULL;
}
