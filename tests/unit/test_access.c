/* Who a request is from, and whether it may be another site's: decided without a socket, on a clock of the test's. */
#include "../../dashboard/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define NOW_S     INT64_C(1796000000)
#define MONO_MS   INT64_C(5000)
#define OPERATOR  "the-token-of-operators"
#define READER    "the-token-of-readers-"
#define BEARER(t) "Bearer " t

static struct sockaddr_in somebody, proxy;

static int addresses(void **state)
{
    (void)state;
    somebody = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
    proxy = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a010203)};
    return 0;
}

static struct access made(const char *operator_token, const char *reader, const char *header)
{
    struct access access;
    struct buf error = BUF_EMPTY;
    access_init(&access, header, "ana,luis");
    access.throttle.seed = 1; /* with 0 two of the addresses below share a place */
    access_tokens(&access, operator_token, reader);
    assert_int_equal(netlist_parse(&access.proxies, "10.1.0.0/16", &error), 0);
    return access;
}

static struct access_facts from(const struct sockaddr_in *peer)
{
    return (struct access_facts){.peer = (const struct sockaddr *)peer};
}

static struct identity who(struct access *access, const struct access_facts *facts)
{
    struct identity identity;
    int64_t wait_ms;
    assert_int_equal(access_identify(access, facts, MONO_MS, NOW_S, &identity, &wait_ms), ACCESS_FINE);
    return identity;
}

/* The cookie of a session begun with that token. */
static void begin_session(struct access *access, const char *authorization, const char *name,
                          char cookie[PASS_BYTES + 32])
{
    char pass[PASS_BYTES];
    struct access_facts facts = from(&somebody);
    facts.authorization = authorization;
    struct identity identity = who(access, &facts);
    assert_int_equal(identity.via, ACCESS_BEARER);
    snprintf(cookie, PASS_BYTES + 32, "%s=%s", ACCESS_COOKIE, access_pass(access, &identity, name, NOW_S + 60, pass));
}

static void without_tokens_everybody_reads(void **state)
{
    struct access access = made(NULL, NULL, "");
    struct access_facts facts = from(&somebody);
    (void)state;
    facts.authorization = "Bearer anything-at-all-here";
    facts.cookie = "isobar_session=x";
    facts.user = "ana";
    assert_int_equal(who(&access, &facts).role, PASS_READER);
    assert_int_equal(who(&access, &facts).via, ACCESS_NOTHING);
    assert_true(access_open(&access));
    assert_false(access_commands(&access));
}

static void tokens_make_roles(void **state)
{
    struct access access = made(OPERATOR, READER, "");
    struct access_facts facts = from(&somebody);
    (void)state;
    assert_false(access_open(&access));
    assert_true(access_commands(&access));
    assert_int_equal(who(&access, &facts).role, PASS_NOBODY);
    facts.authorization = BEARER(READER);
    assert_int_equal(who(&access, &facts).role, PASS_READER);
    facts.authorization = BEARER(OPERATOR);
    assert_int_equal(who(&access, &facts).role, PASS_OPERATOR);
    assert_string_equal(who(&access, &facts).who, "operator (token)");
    facts.authorization = "Basic YTpi"; /* the proxy's affair */
    assert_int_equal(who(&access, &facts).role, PASS_NOBODY);
    access = made(OPERATOR, NULL, "");
    assert_true(access_open(&access));
    assert_int_equal(who(&access, &facts).role, PASS_READER);
}

static void wrong_tokens_are_limited(void **state)
{
    static const char *const wrong[] = {"Bearer the-token-of-operatorx", "Bearer", "Bearer a b",
                                        "Bearer the-token-of-operators-", "Bearer x"};
    struct access access = made(OPERATOR, NULL, "");
    struct access_facts facts = from(&somebody), other = from(&proxy);
    struct identity identity;
    int64_t wait_ms;
    (void)state;
    for (size_t i = 0; i < THROTTLE_BURST; i++) {
        facts.authorization = wrong[i];
        assert_int_equal(access_identify(&access, &facts, MONO_MS, NOW_S, &identity, &wait_ms), ACCESS_WRONG);
        assert_int_equal(identity.role, PASS_NOBODY);
    }
    facts.authorization = other.authorization = BEARER(OPERATOR);
    assert_int_equal(access_identify(&access, &facts, MONO_MS, NOW_S, &identity, &wait_ms), ACCESS_LIMITED);
    assert_int_equal(wait_ms, THROTTLE_EVERY_MS);
    assert_int_equal(identity.role, PASS_NOBODY);
    assert_int_equal(access_identify(&access, &facts, MONO_MS + wait_ms, NOW_S, &identity, &wait_ms), ACCESS_FINE);
    assert_int_equal(who(&access, &other).role, PASS_OPERATOR);
    /* behind the proxy each client counts by itself, and not by what it says of itself */
    other.authorization = wrong[0];
    other.forwarded_for = "192.0.2.77, 198.51.100.1";
    for (int i = 0; i < THROTTLE_BURST; i++)
        assert_int_equal(access_identify(&access, &other, MONO_MS, NOW_S, &identity, &wait_ms), ACCESS_WRONG);
    other.forwarded_for = "203.0.113.9,198.51.100.1";
    assert_int_equal(access_identify(&access, &other, MONO_MS, NOW_S, &identity, &wait_ms), ACCESS_LIMITED);
    other.forwarded_for = "198.51.100.1, 203.0.113.9";
    assert_int_equal(access_identify(&access, &other, MONO_MS, NOW_S, &identity, &wait_ms), ACCESS_WRONG);
    other.forwarded_for = "unknown";
    assert_int_equal(access_identify(&access, &other, MONO_MS, NOW_S, &identity, &wait_ms), ACCESS_WRONG);
}

static void a_change_of_tokens_is_counted(void **state)
{
    (void)state;
    struct access access = made(OPERATOR, READER, "");
    unsigned before = access.changes;
    access_tokens(&access, OPERATOR, READER);
    assert_int_equal(access.changes, before);
    access_tokens(&access, OPERATOR, "another-token-of-readers");
    assert_int_equal(access.changes, before + 1);
    access_tokens(&access, OPERATOR, NULL);
    assert_int_equal(access.changes, before + 2);
    access_tokens(&access, READER, NULL);
    assert_int_equal(access.changes, before + 3);
}

static void sessions(void **state)
{
    struct access access = made(OPERATOR, READER, "");
    struct access_facts facts = from(&somebody);
    char cookie[PASS_BYTES + 32];
    (void)state;
    begin_session(&access, BEARER(OPERATOR), "Ana", cookie);
    facts.cookie = cookie;
    struct identity identity = who(&access, &facts);
    assert_int_equal(identity.role, PASS_OPERATOR);
    assert_int_equal(identity.via, ACCESS_SESSION);
    assert_string_equal(identity.who, "Ana (token)");
    assert_int_equal(identity.ends_s, NOW_S + 60);
    struct access replica = made(OPERATOR, READER, "");
    assert_string_equal(who(&replica, &facts).csrf, identity.csrf);
    access_tokens(&access, "another-token-of-operators", READER);
    assert_int_equal(who(&access, &facts).role, PASS_NOBODY);
    access_tokens(&access, NULL, READER);
    assert_int_equal(who(&access, &facts).role, PASS_NOBODY);
    begin_session(&access, BEARER(READER), NULL, cookie);
    assert_int_equal(who(&access, &facts).role, PASS_READER);
    assert_string_equal(who(&access, &facts).who, "operator (token)");
    begin_session(&access, BEARER(READER), "a\nb", cookie);
    assert_string_equal(who(&access, &facts).who, "operator (token)");
    struct pass forged = {
        .role = PASS_OPERATOR, .ends_s = NOW_S + 60, .name = "eva"}; /* by who knows the readers' token */
    char key[HMAC_HEX_BYTES], pass[PASS_BYTES];
    snprintf(cookie, sizeof cookie, "%s=%s", ACCESS_COOKIE, pass_seal(&forged, pass_key(READER, key), pass));
    assert_int_equal(who(&access, &facts).role, PASS_READER);
}

static void users_are_believed_from_the_proxy_only(void **state)
{
    static const char *const bad[] = {"", "a\x01z", "\xff",
                                      "0123456789012345678901234567890123456789012345678901234567890123456789"};
    struct access access = made(NULL, NULL, "X-Remote-User");
    struct access_facts facts = from(&somebody);
    (void)state;
    facts.user = "ana";
    assert_int_equal(who(&access, &facts).role, PASS_NOBODY);
    facts.peer = (const struct sockaddr *)&proxy;
    assert_int_equal(who(&access, &facts).role, PASS_OPERATOR);
    assert_string_equal(who(&access, &facts).who, "ana (proxy)");
    facts.user = "an";
    assert_int_equal(who(&access, &facts).role, PASS_READER);
    facts.user = "ana,luis";
    assert_int_equal(who(&access, &facts).role, PASS_READER);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        facts.user = bad[i];
        assert_int_equal(who(&access, &facts).role, PASS_NOBODY);
    }
    facts.user = NULL;
    assert_int_equal(who(&access, &facts).role, PASS_NOBODY);
}

static void a_session_adds_to_what_the_proxy_says(void **state)
{
    struct access access = made(OPERATOR, NULL, "X-Remote-User");
    struct access_facts facts = from(&proxy);
    char cookie[PASS_BYTES + 32];
    (void)state;
    begin_session(&access, BEARER(OPERATOR), "eva", cookie);
    facts.cookie = cookie;
    facts.user = "eva";
    assert_string_equal(who(&access, &facts).who, "eva (token)");
    assert_int_equal(who(&access, &facts).role, PASS_OPERATOR);
    facts.user = "ana"; /* known for sure, so it is that name */
    assert_string_equal(who(&access, &facts).who, "ana (proxy)");
}

static void https_is_believed_from_the_proxy_only(void **state)
{
    struct access access = made(OPERATOR, NULL, "");
    struct access_facts facts = from(&somebody);
    (void)state;
    facts.forwarded_proto = "https";
    assert_false(who(&access, &facts).secure);
    facts.peer = (const struct sockaddr *)&proxy;
    assert_true(who(&access, &facts).secure);
    facts.forwarded_proto = "http";
    assert_false(who(&access, &facts).secure);
}

/* A case of what a browser or script sends, and whether it is refused. */
struct sent {
    const char *type, *csrf, *site, *origin, *host;
    enum access_via via;
    bool refused;
};

static void other_sites_are_seen(void **state)
{
    static const char good[] = "0123456789abcdef0123456789abcdef", json[] = "application/json";
    const struct sent cases[] = {
        {json, NULL, NULL, NULL, "h", ACCESS_BEARER, false},
        {"Application/JSON; charset=utf-8", NULL, NULL, NULL, "h", ACCESS_BEARER, false},
        {NULL, NULL, NULL, NULL, "h", ACCESS_BEARER, true},
        {"text/plain", NULL, NULL, NULL, "h", ACCESS_BEARER, true},
        {"application/jsonx", NULL, NULL, NULL, "h", ACCESS_BEARER, true},
        {"multipart/form-data", NULL, NULL, NULL, "h", ACCESS_BEARER, true},
        {json, NULL, "cross-site", NULL, "h", ACCESS_BEARER, true},
        {json, NULL, "same-origin", "http://h", "h", ACCESS_BEARER, false},
        {json, NULL, NULL, NULL, "h", ACCESS_SESSION, true},
        {json, "", NULL, NULL, "h", ACCESS_SESSION, true},
        {json, "0123456789abcdef0123456789abcdee", NULL, NULL, "h", ACCESS_SESSION, true},
        {json, good, NULL, NULL, "h", ACCESS_SESSION, false},
        {json, good, "same-origin", "https://H:8443", "h:8443", ACCESS_SESSION, false},
        {json, good, "same-site", NULL, "h", ACCESS_SESSION, true},
        {json, good, "none", NULL, "h", ACCESS_SESSION, true},
        {json, good, NULL, "https://h", "h:8443", ACCESS_SESSION, true},
        {json, good, NULL, "https://h.evil.example", "h", ACCESS_SESSION, true},
        {json, good, NULL, "null", "h", ACCESS_SESSION, true},
        {json, good, NULL, "", "h", ACCESS_SESSION, true},
        {json, good, NULL, "https://h", NULL, ACCESS_SESSION, true},
        {json, NULL, NULL, NULL, "h", ACCESS_PROXY, true},
        {json, good, NULL, NULL, "h", ACCESS_PROXY, false},
    };
    struct access access = made(OPERATOR, NULL, "");
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct identity identity = {.role = PASS_OPERATOR, .via = cases[i].via};
        struct access_facts facts = from(&somebody);
        memcpy(identity.csrf, good, sizeof good);
        facts.content_type = cases[i].type;
        facts.csrf = cases[i].csrf;
        facts.fetch_site = cases[i].site;
        facts.origin = cases[i].origin;
        facts.host = cases[i].host;
        facts.forwarded_host = "evil.example"; /* not from a proxy */
        const char *reason = access_foreign(&access, &facts, &identity);
        if ((reason != NULL) != cases[i].refused)
            fail_msg("case %zu: %s", i, reason ? reason : "let in");
    }
}

static void the_proxy_says_which_host_was_asked(void **state)
{
    struct access access = made(OPERATOR, NULL, "");
    struct access_facts facts = from(&proxy);
    struct identity identity = {.role = PASS_OPERATOR, .via = ACCESS_BEARER};
    (void)state;
    facts.content_type = "application/json";
    facts.origin = "https://isobar.example";
    facts.host = "127.0.0.1:8080";
    assert_non_null(access_foreign(&access, &facts, &identity));
    facts.forwarded_host = "isobar.example";
    assert_null(access_foreign(&access, &facts, &identity));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_tokens_everybody_reads),
        cmocka_unit_test(tokens_make_roles),
        cmocka_unit_test(wrong_tokens_are_limited),
        cmocka_unit_test(a_change_of_tokens_is_counted),
        cmocka_unit_test(sessions),
        cmocka_unit_test(users_are_believed_from_the_proxy_only),
        cmocka_unit_test(a_session_adds_to_what_the_proxy_says),
        cmocka_unit_test(https_is_believed_from_the_proxy_only),
        cmocka_unit_test(other_sites_are_seen),
        cmocka_unit_test(the_proxy_says_which_host_was_asked),
    };
    return cmocka_run_group_tests(tests, addresses, NULL);
}
