/*
 * What anybody may send to be known by: the headers Authorization, Cookie, X-Forwarded-For, the user's, Origin, Host
 * and X-Isobar-CSRF, a line each, then a city to be added. Nobody who does not have the token becomes an operator.
 */
#include "../../dashboard/access.h"
#include "../../dashboard/bearer.h"
#include "../../dashboard/city_form.h"
#include "fuzz.h"
#include "text.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define NOW_S INT64_C(1796000000)
#define LINES 8

static struct access made(void)
{
    struct access access;
    struct buf error = BUF_EMPTY;
    access_init(&access, "X-Remote-User", "ana,luis");
    access_tokens(&access, "operators-token-of-the-fuzzer", "readers-token-of-the-fuzzer");
    FUZZ_CHECK(netlist_parse(&access.proxies, "10.0.0.0/8", &error) == 0);
    return access;
}

static void check_pass(const char *text)
{
    char key[HMAC_HEX_BYTES], again[PASS_BYTES];
    struct pass pass;
    if (pass_open(text, pass_key("operators-token-of-the-fuzzer", key), NOW_S, &pass)) {
        FUZZ_CHECK(pass.ends_s > NOW_S && pass_name_valid(pass.name));
        FUZZ_CHECK(strcmp(pass_seal(&pass, key, again), text) == 0);
    }
}

static void check_identity(const struct access_facts *facts, bool proxy)
{
    struct access access = made();
    struct identity identity;
    int64_t wait_ms;
    enum access_verdict verdict = access_identify(&access, facts, 0, NOW_S, &identity, &wait_ms);
    FUZZ_CHECK(verdict != ACCESS_LIMITED && wait_ms == 0);
    FUZZ_CHECK(verdict == ACCESS_FINE || identity.role == PASS_NOBODY);
    fuzz_check_text(identity.who, sizeof identity.who);
    bool known = facts->authorization && strstr(facts->authorization, "-token-of-the-fuzzer");
    FUZZ_CHECK(identity.role == PASS_NOBODY || known || facts->cookie || (proxy && facts->user));
    if (identity.role == PASS_OPERATOR && identity.via == ACCESS_PROXY && facts->user)
        FUZZ_CHECK(strcmp(facts->user, "ana") == 0 || strcmp(facts->user, "luis") == 0);
    if (!access_foreign(&access, facts, &identity))
        FUZZ_CHECK(!facts->origin || facts->host || facts->forwarded_host);
}

static void check_form(const char *body, size_t size)
{
    struct city_form form;
    struct buf error = BUF_EMPTY;
    const char *field;
    int status = city_form_read(body, size, &form, &field, &error);
    FUZZ_CHECK((status == 0) == (error.size == 0));
    fuzz_check_text(error.data, 512);
    for (size_t i = 0; status == 0 && i < CITY_FORM_FIELDS; i++)
        FUZZ_CHECK(text_is_utf8(form.texts[i])); /* `isobarctl cities add` judges the rest */
    FUZZ_CHECK(status != 0 || *form.texts[CITY_FORM_ID]);
    buf_release(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_lines lines = fuzz_lines(data, size);
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(size % 2 ? 0x0a000001 : 0xc0000201)};
    char *words[LINES] = {0};
    size_t count = 0;
    const char *line;
    for (; count < LINES && (line = fuzz_line(&lines)) != NULL; count++)
        words[count] = *line ? fuzz_copy(line, strlen(line)) : NULL; /* empty: not given */
    struct access_facts facts = {.peer = (const struct sockaddr *)&peer,
                                 .authorization = words[0],
                                 .cookie = words[1],
                                 .forwarded_for = words[2],
                                 .user = words[3],
                                 .origin = words[4],
                                 .host = words[5],
                                 .csrf = words[6],
                                 .forwarded_host = words[2],
                                 .content_type = "application/json"};
    check_identity(&facts, size % 2 != 0);
    if (words[1])
        check_pass(words[1]);
    if (words[7])
        check_form(words[7], strlen(words[7]));
    for (size_t i = 0; i < count; i++)
        free(words[i]);
    fuzz_lines_release(&lines);
    return 0;
}
