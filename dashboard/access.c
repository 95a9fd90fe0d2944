/* See access.h. */
#include "access.h"

#include "bearer.h"
#include "text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ADDRESS_BYTES 64

void access_init(struct access *access, const char *user_header, const char *operators)
{
    *access = (struct access){.user_header = user_header, .operators = operators};
}

/* What is compared is the digest, so that neither length nor place of a difference shows in the time taken. */
static const char *digest_of(const char *token, char out[HMAC_HEX_BYTES])
{
    static const char use[] = "isobar token 1";
    return hmac_sha256_hex(token, use, sizeof use - 1, out);
}

/* True when it is another one than before. */
static bool keep(struct access_token *kept, const char *token)
{
    struct access_token before = *kept;
    *kept = (struct access_token){.set = token != NULL};
    if (token) {
        (void)digest_of(token, kept->digest);
        (void)pass_key(token, kept->key);
    }
    return before.set != kept->set || strcmp(before.digest, kept->digest) != 0;
}

void access_tokens(struct access *access, const char *operator_token, const char *read_token)
{
    access->changes += keep(&access->operator, operator_token);
    access->changes += keep(&access->reader, read_token);
}

bool access_open(const struct access *access)
{
    return !access->reader.set && !*access->user_header;
}

bool access_commands(const struct access *access)
{
    return access->operator.set ||(*access->user_header && *access->operators);
}

/* ---- addresses ---- */

static bool trusted(const struct access *access, const struct access_facts *facts)
{
    return netlist_has(&access->proxies, facts->peer);
}

/* The last address of X-Forwarded-For is the one that the proxy saw; those before are what its client says. */
const struct sockaddr *access_client(const struct access *access, const struct access_facts *facts,
                                     struct sockaddr_storage *room)
{
    char text[ADDRESS_BYTES];
    const char *last = facts->forwarded_for && trusted(access, facts) ? strrchr(facts->forwarded_for, ',') : NULL;
    if (!facts->forwarded_for || !trusted(access, facts))
        return facts->peer;
    last = last ? last + 1 : facts->forwarded_for;
    last += strspn(last, " ");
    text_copy(text, sizeof text, last);
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)room;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)room;
    memset(room, 0, sizeof *room);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1)
        room->ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1)
        room->ss_family = AF_INET6;
    return room->ss_family ? (const struct sockaddr *)room : facts->peer;
}

/* ---- who ---- */

static bool listed(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        if (length == size && memcmp(at, name, size) == 0)
            return true;
        at += length;
        at += *at == ',';
    }
    return false;
}

static const struct access_token *token_of(const struct access *access, const char *token, enum pass_role *role)
{
    char digest[HMAC_HEX_BYTES];
    (void)digest_of(token, digest);
    bool operates = bearer_equal(digest, access->operator.digest) && access->operator.set;
    bool reads = bearer_equal(digest, access->reader.digest) && access->reader.set;
    *role = operates ? PASS_OPERATOR : reads ? PASS_READER : PASS_NOBODY;
    return operates ? &access->operator: reads ? &access->reader : NULL;
}

static enum access_verdict by_token(struct access *access, const struct access_facts *facts, int64_t mono_ms,
                                    struct identity *out, int64_t *wait_ms)
{
    char token[BEARER_BYTES];
    struct sockaddr_storage room;
    const struct sockaddr *client = access_client(access, facts, &room);
    *wait_ms = throttle_wait_ms(&access->throttle, client, mono_ms);
    if (*wait_ms > 0)
        return ACCESS_LIMITED;
    if (!bearer_token(facts->authorization, token) || !token_of(access, token, &out->role)) {
        throttle_wrong(&access->throttle, client, mono_ms);
        return ACCESS_WRONG;
    }
    out->via = ACCESS_BEARER;
    snprintf(out->who, sizeof out->who, "%s (token)", ACCESS_NAME_GIVEN);
    return ACCESS_FINE;
}

static void by_proxy(const struct access *access, const struct access_facts *facts, struct identity *out)
{
    if (!*access->user_header || !facts->user || !trusted(access, facts) || !pass_name_valid(facts->user))
        return;
    const struct access_token *bound = access->operator.set ? &access->operator: & access->reader;
    out->role = listed(access->operators, facts->user) ? PASS_OPERATOR : PASS_READER;
    out->via = ACCESS_PROXY;
    snprintf(out->who, sizeof out->who, "%s (proxy)", facts->user);
    (void)pass_csrf(facts->user, bound->key, out->csrf); /* without a token known to all; the header itself protects */
}

/* A session may be more than what the proxy says, never less. */
static void by_session(const struct access *access, const struct access_facts *facts, int64_t now_s,
                       struct identity *out)
{
    const struct access_token *const tokens[] = {&access->operator, & access->reader };
    char text[PASS_BYTES];
    struct pass pass;
    if (!bearer_cookie(facts->cookie, ACCESS_COOKIE, text, sizeof text))
        return;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        if (!tokens[i]->set || !pass_open(text, tokens[i]->key, now_s, &pass))
            continue;
        /* Who knows the readers' token can derive its key, and seal what he likes. */
        enum pass_role role = tokens[i] == &access->operator? pass.role : PASS_READER;
        if (role <= out->role)
            continue;
        out->role = role;
        out->via = ACCESS_SESSION;
        out->ends_s = pass.ends_s;
        snprintf(out->who, sizeof out->who, "%s (token)", pass.name);
        (void)pass_csrf(text, tokens[i]->key, out->csrf);
    }
}

enum access_verdict access_identify(struct access *access, const struct access_facts *facts, int64_t mono_ms,
                                    int64_t now_s, struct identity *out, int64_t *wait_ms)
{
    *out = (struct identity){.role = PASS_NOBODY};
    *wait_ms = 0;
    out->secure = facts->forwarded_proto && trusted(access, facts) && strcasecmp(facts->forwarded_proto, "https") == 0;
    /* Other schemes are between the browser and its proxy. */
    bool bearer = facts->authorization && strncasecmp(facts->authorization, "Bearer", 6) == 0;
    if (bearer && (access->operator.set || access->reader.set))
        return by_token(access, facts, mono_ms, out, wait_ms);
    by_proxy(access, facts, out);
    by_session(access, facts, now_s, out);
    if (out->role == PASS_NOBODY && access_open(access))
        out->role = PASS_READER;
    return ACCESS_FINE;
}

/* ---- commands ---- */

bool access_json(const struct access_facts *facts)
{
    static const char json[] = "application/json";
    const char *type = facts->content_type;
    size_t size = sizeof json - 1;
    return type && strncasecmp(type, json, size) == 0 && (type[size] == '\0' || type[size] == ';' || type[size] == ' ');
}

/* Whether the origin, "https://isobar.example:8443", is the host that was asked. */
static bool own_origin(const struct access *access, const struct access_facts *facts)
{
    const char *host = facts->forwarded_host && trusted(access, facts) ? facts->forwarded_host : facts->host;
    const char *name = strstr(facts->origin, "://");
    return name && host && strcasecmp(name + 3, host) == 0;
}

const char *access_foreign(const struct access *access, const struct access_facts *facts,
                           const struct identity *identity)
{
    if (!access_json(facts))
        return "Content-Type has to be application/json";
    if (facts->fetch_site && strcmp(facts->fetch_site, "same-origin") != 0)
        return "the browser says that another site sends it (Sec-Fetch-Site)";
    if (facts->origin && !own_origin(access, facts))
        return "Origin is another one than Host: another site, or a proxy that does not pass Host on";
    if (identity->via == ACCESS_SESSION || identity->via == ACCESS_PROXY) {
        if (!facts->csrf || !bearer_equal(facts->csrf, identity->csrf))
            return "X-Isobar-CSRF has to be what GET /api/v1/session gives as \"csrf\"";
    }
    return NULL;
}

const char *access_pass(const struct access *access, const struct identity *identity, const char *name, int64_t ends_s,
                        char out[PASS_BYTES])
{
    struct pass pass = {.role = identity->role, .ends_s = ends_s};
    text_copy(pass.name, sizeof pass.name, name && pass_name_valid(name) ? name : ACCESS_NAME_GIVEN);
    return pass_seal(&pass, identity->role == PASS_OPERATOR ? access->operator.key : access->reader.key, out);
}
