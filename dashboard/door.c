/* See door.h. */
#include "door.h"

#include "clock.h"
#include "diary.h"
#include "log.h"
#include "problem.h"
#include "text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define API          "/api/"
#define DESCRIPTION  "/api/v1/openapi.json" /* says nothing of this installation */
#define SESSION      "/api/v1/session"
#define AUDIT        "/api/v1/audit"
#define SESSION_MAX  1024 /* bytes of a body */
#define WRONG_LOG_MS 10000
#define CHALLENGE    "Bearer realm=\"isobar\""

/* What the proxy says, which may stand below a line of that name that its client sent. */
static const char *proxy_says(const struct httpd_request *request, const char *name)
{
    int count;
    return httpd_header_last(request, name, &count);
}

/* Two names are none: one of them may be the client's. */
static const char *user_of(const struct httpd_request *request, const char *name)
{
    int count = 0;
    const char *user = *name ? httpd_header_last(request, name, &count) : NULL;
    return count == 1 ? user : NULL;
}

static struct access_facts facts_of(const struct door *door, const struct httpd_request *request)
{
    return (struct access_facts){.peer = httpd_peer_address(request),
                                 .authorization = httpd_header(request, "Authorization"),
                                 .cookie = httpd_header(request, "Cookie"),
                                 .user = user_of(request, door->access.user_header),
                                 .forwarded_for = proxy_says(request, "X-Forwarded-For"),
                                 .forwarded_proto = proxy_says(request, "X-Forwarded-Proto"),
                                 .forwarded_host = proxy_says(request, "X-Forwarded-Host"),
                                 .host = httpd_header(request, "Host"),
                                 .origin = httpd_header(request, "Origin"),
                                 .fetch_site = httpd_header(request, "Sec-Fetch-Site"),
                                 .content_type = httpd_header(request, "Content-Type"),
                                 .csrf = httpd_header(request, "X-Isobar-CSRF")};
}

/* ---- refusals ---- */

static void refuse_nobody(struct door *door, struct httpd_request *request, const char *detail)
{
    door->metrics->denied_total++;
    httpd_reply_header(request, "WWW-Authenticate", CHALLENGE);
    problem_reply(door->metrics, request, 401, "Not signed in", detail);
}

static void refuse(struct door *door, struct httpd_request *request, int status, const char *title, const char *detail)
{
    door->metrics->denied_total++;
    problem_reply(door->metrics, request, status, title, detail);
}

static void refuse_token(struct door *door, struct httpd_request *request, enum access_verdict verdict, int64_t wait_ms)
{
    static struct log_limit limit;
    char address[NETLIST_TEXT_BYTES], seconds[24];
    int64_t held = 0;
    struct access_facts facts = facts_of(door, request);
    struct sockaddr_storage room;
    if (log_limit_pass(&limit, clock_monotonic_ms(), WRONG_LOG_MS, &held))
        log_warn("wrong_token", LOG_TEXT("address", net_text(access_client(&door->access, &facts, &room), address)),
                 LOG_INT("more", held));
    if (verdict == ACCESS_WRONG) {
        refuse_nobody(door, request, "the token of Authorization: Bearer is none of this server");
        return;
    }
    snprintf(seconds, sizeof seconds, "%" PRId64, (wait_ms + 999) / 1000);
    httpd_reply_header(request, "Retry-After", seconds);
    refuse(door, request, 429, "Too many wrong tokens", "this address has to wait before another one is looked at");
}

/* ---- sessions ---- */

static void reply_session(struct httpd_request *request, const struct door *door, const struct identity *identity,
                          int status)
{
    static const char *const roles[] = {
        [PASS_NOBODY] = "nobody", [PASS_READER] = "reader", [PASS_OPERATOR] = "operator"};
    static const char *const vias[] = {
        [ACCESS_NOTHING] = "none", [ACCESS_BEARER] = "token", [ACCESS_SESSION] = "session", [ACCESS_PROXY] = "proxy"};
    const struct access *access = &door->access;
    struct buf out = BUF_EMPTY;
    buf_printf(&out, "{\"role\":\"%s\",\"via\":\"%s\",\"who\":", roles[identity->role], vias[identity->via]);
    text_json(&out, identity->who);
    buf_printf(&out, ",\"sign_in\":%s,\"commands\":%s,\"public\":%s",
               access->operator.set || access->reader.set ? "true" : "false",
               access_commands(access) ? "true" : "false", access_open(access) ? "true" : "false");
    if (identity->csrf[0] != '\0')
        buf_printf(&out, ",\"csrf\":\"%s\"", identity->csrf);
    if (identity->ends_s > 0)
        buf_printf(&out, ",\"ends\":%" PRId64, identity->ends_s * 1000);
    buf_text(&out, "}\n");
    httpd_reply_header(request, "Cache-Control", "no-store");
    httpd_reply(request, status, "application/json", out.data, out.size);
    buf_release(&out);
}

static void set_cookie(struct httpd_request *request, const struct identity *identity, const char *value, int64_t age_s)
{
    char cookie[PASS_BYTES + 128];
    snprintf(cookie, sizeof cookie, "%s=%s; Path=/; Max-Age=%" PRId64 "; HttpOnly; SameSite=Strict%s", ACCESS_COOKIE,
             value, age_s, identity->secure ? "; Secure" : "");
    httpd_reply_header(request, "Set-Cookie", cookie);
}

/* The name of {"name":"ana"} into `out`, "" without one; false when the body is something else. */
static bool read_name(const struct httpd_request *request, char out[PASS_NAME_BYTES])
{
    size_t size;
    const char *body = httpd_body(request, &size), *name = "";
    out[0] = '\0';
    if (size == 0)
        return true;
    json_t *root = size <= SESSION_MAX ? json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *given = json_object_get(root, "name");
    bool good = json_is_object(root) && json_object_size(root) == (given ? 1 : 0) && (!given || json_is_string(given));
    if (good && given)
        name = json_string_value(given);
    good = good && (!*name || pass_name_valid(name));
    if (good)
        text_copy(out, PASS_NAME_BYTES, name);
    json_decref(root);
    return good;
}

static void sign_in(struct door *door, struct httpd_request *request, const struct identity *identity)
{
    char pass[PASS_BYTES], name[PASS_NAME_BYTES], cookie[PASS_BYTES + sizeof ACCESS_COOKIE + 1];
    if (identity->via != ACCESS_BEARER) {
        refuse_nobody(door, request, "a session is begun with Authorization: Bearer and a token of this server");
        return;
    }
    if (!read_name(request, name)) {
        problem_reply_field(door->metrics, request, 400, "Bad request",
                            "{\"name\":…} wanted: your name for the audit, of 1 to 64 bytes without control characters",
                            "name");
        return;
    }
    int64_t now_s = clock_wall_ms() / 1000, wait_ms;
    (void)access_pass(&door->access, identity, *name ? name : NULL, now_s + ACCESS_SESSION_S, pass);
    snprintf(cookie, sizeof cookie, "%s=%s", ACCESS_COOKIE, pass);
    set_cookie(request, identity, pass, ACCESS_SESSION_S);
    struct identity session; /* who comes with that cookie */
    struct access_facts facts = facts_of(door, request);
    facts.authorization = facts.user = NULL;
    facts.cookie = cookie;
    (void)!access_identify(&door->access, &facts, 0, now_s, &session, &wait_ms);
    log_info("signed_in", LOG_TEXT("who", session.who),
             LOG_TEXT("role", session.role == PASS_OPERATOR ? "operator" : "reader"));
    reply_session(request, door, &session, 201);
}

static void sign_out(struct door *door, struct httpd_request *request, const struct identity *identity)
{
    struct identity nobody = {.role = access_open(&door->access) ? PASS_READER : PASS_NOBODY};
    set_cookie(request, identity, "", 0);
    reply_session(request, door, &nobody, 200);
}

/* ---- what is asked for ---- */

static bool reads(const struct httpd_request *request)
{
    const char *method = httpd_method(request);
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* Sessions and commands: all that is no reading. Answers in every case. */
static void take_order(struct door *door, struct httpd_request *request, const struct identity *identity)
{
    const char *path = httpd_path(request), *method = httpd_method(request), *others = desk_allows(path);
    bool session = strcmp(path, SESSION) == 0, in = strcmp(method, "POST") == 0;
    struct access_facts facts = facts_of(door, request);
    bool known = session ? in || strcmp(method, "DELETE") == 0 : others && strcmp(method, others) == 0;
    bool orders = door->desk && access_commands(&door->access);
    if (!known || (!session && !orders)) {
        httpd_reply_header(request, "Allow", session ? "GET, HEAD, POST, DELETE" : "GET, HEAD");
        problem_reply(door->metrics, request, 405, "Method not allowed",
                      orders ? "there is no such command" : "this server is read-only");
        return;
    }
    const char *foreign = access_foreign(&door->access, &facts, identity);
    if (foreign)
        refuse(door, request, access_json(&facts) ? 403 : 415, "Refused", foreign);
    else if (session && in)
        sign_in(door, request, identity);
    else if (session)
        sign_out(door, request, identity);
    else if (identity->role < PASS_OPERATOR && identity->via == ACCESS_NOTHING)
        refuse_nobody(door, request, "commands need the operators' token");
    else if (identity->role < PASS_OPERATOR)
        refuse(door, request, 403, "Not an operator",
               "commands need the operators' token, or a user who is an operator");
    else if (!desk_handle(door->desk, request, identity->who))
        problem_reply(door->metrics, request, 404, "Not found", path);
}

static void show_audit(struct door *door, struct httpd_request *request, const struct identity *identity)
{
    if (identity->role == PASS_OPERATOR)
        diary_reply(request, door->store, door->prefix, door->metrics);
    else if (identity->via == ACCESS_NOTHING)
        refuse_nobody(door, request, "the audit is for operators");
    else
        refuse(door, request, 403, "Not an operator", "the audit is for operators");
}

bool door_opens(struct door *door, struct httpd_request *request)
{
    const char *path = httpd_path(request);
    bool api = strncmp(path, API, sizeof API - 1) == 0 && strcmp(path, DESCRIPTION) != 0;
    struct access_facts facts = facts_of(door, request);
    struct identity identity;
    int64_t wait_ms;
    if (!api || !door->store)
        return true;
    enum access_verdict verdict =
        access_identify(&door->access, &facts, clock_monotonic_ms(), clock_wall_ms() / 1000, &identity, &wait_ms);
    if (!access_open(&door->access))
        httpd_reply_header(request, "Cache-Control", "private"); /* beside what the answer says */
    if (verdict != ACCESS_FINE)
        refuse_token(door, request, verdict, wait_ms);
    else if (!reads(request))
        take_order(door, request, &identity);
    else if (strcmp(path, SESSION) == 0)
        reply_session(request, door, &identity, 200);
    else if (strcmp(path, AUDIT) == 0)
        show_audit(door, request, &identity);
    else if (identity.role == PASS_NOBODY)
        refuse_nobody(door, request, "reading needs a token, or a user whom the proxy names");
    else
        return true;
    return false;
}
