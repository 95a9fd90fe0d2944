/*
 * Who sends a request, and what he may: the one place where that is decided. Somebody is known by a token (header
 * Authorization, or the cookie that it was changed into, pass.h), or by a name that a front proxy gives, which counts
 * only from the networks of proxies that the operator named. Without a token for reading and without such a proxy
 * everybody may read. Facts and time are given; no socket, no clock. The caller answers.
 */
#ifndef DASHBOARD_ACCESS_H
#define DASHBOARD_ACCESS_H

#include "netlist.h"
#include "pass.h"
#include "throttle.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ACCESS_COOKIE     "isobar_session"
#define ACCESS_WHO_BYTES  (PASS_NAME_BYTES + 16)
#define ACCESS_SESSION_S  (INT64_C(12) * 3600)
#define ACCESS_NAME_GIVEN "operator" /* of who shows a token and gives no name */

/* A token as it is kept: no longer itself. */
struct access_token {
    bool set;
    char digest[HMAC_HEX_BYTES], key[HMAC_HEX_BYTES]; /* to compare with; of passes */
};

struct access {
    struct access_token operator, reader;
    const char *user_header; /* "": no proxy names users. Borrowed */
    const char *operators;   /* comma list of such users who may give commands. Borrowed */
    struct netlist proxies;
    struct throttle throttle;
    unsigned changes; /* of tokens; counted on */
};

/* What a request says about its sender; texts are NULL when they are not there. Borrowed. */
struct access_facts {
    const struct sockaddr *peer; /* of the connection */
    const char *authorization, *cookie;
    const char *user;                            /* value of user_header */
    const char *forwarded_for, *forwarded_proto; /* believed from a proxy only, as is the next */
    const char *forwarded_host;
    const char *host, *origin, *fetch_site, *content_type, *csrf;
};

enum access_via { ACCESS_NOTHING, ACCESS_BEARER, ACCESS_SESSION, ACCESS_PROXY };

struct identity {
    enum pass_role role; /* NOBODY: may not even read */
    enum access_via via;
    int64_t ends_s;             /* of a session; else 0 */
    char who[ACCESS_WHO_BYTES]; /* "ana (token)", "ana (proxy)", for the audit; "" when nothing is known */
    char csrf[PASS_CSRF_BYTES]; /* what a page of this session, or of this user, sends with a command */
    bool secure;                /* the browser speaks https with a trusted proxy */
};

enum access_verdict { ACCESS_FINE, ACCESS_WRONG, ACCESS_LIMITED };

/* Nobody has a token. `access` refers to the texts as long as it is used. */
void access_init(struct access *access, const char *user_header, const char *operators);
/* The tokens from now on; NULL: none. Passes of other ones end. */
void access_tokens(struct access *access, const char *operator_token, const char *read_token);
/* Whether everybody may read. */
bool access_open(const struct access *access);
/* Whether somebody may give commands. */
bool access_commands(const struct access *access);
/*
 * Who it is. WRONG: a token was shown that is none; LIMITED: `*wait_ms` has to pass before one of this address is
 * looked at. Both say nothing of the sender. `mono_ms` is for the limit, `now_s` Unix time.
 */
enum access_verdict access_identify(struct access *access, const struct access_facts *facts, int64_t mono_ms,
                                    int64_t now_s, struct identity *out, int64_t *wait_ms)
    __attribute__((warn_unused_result));
/* Whose wrong tokens are counted together: the peer, or whom a trusted proxy names last; may lie in `room`. */
const struct sockaddr *access_client(const struct access *access, const struct access_facts *facts,
                                     struct sockaddr_storage *room);
/* Whether the request says that its body is JSON, which no form of a browser can. */
bool access_json(const struct access_facts *facts);
/*
 * Why a request that writes is not from a page of ours or a script, but could be another site's, sent by a browser;
 * NULL when it is fine. Whatever proves who it is: the content type must be JSON, which no form sends, and what the
 * browser says about where it comes from must be here. Cookies and proxies' users, which browsers add by themselves,
 * need the header with what only a page of ours can know as well.
 */
const char *access_foreign(const struct access *access, const struct access_facts *facts,
                           const struct identity *identity) __attribute__((warn_unused_result));
/* Seals a pass for who has shown a token (`identity` is BEARER's), under the name (NULL: none given), until `ends_s`.
 */
const char *access_pass(const struct access *access, const struct identity *identity, const char *name, int64_t ends_s,
                        char out[PASS_BYTES]);

#endif
