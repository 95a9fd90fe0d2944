/* Which addresses are public, and which networks an operator names. */
#include "error.h"
#include "netlist.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* The address of `text`, which is one. */
static const struct sockaddr *address_of(const char *text, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        out->ss_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        out->ss_family = AF_INET6;
    }
    return (const struct sockaddr *)out;
}

static void test_kinds(void **state)
{
    static const struct {
        const char *text, *kind; /* NULL: public */
    } rows[] = {
        {"8.8.8.8", NULL},
        {"9.255.255.255", NULL},
        {"11.0.0.0", NULL},
        {"10.0.0.0", "private"},
        {"10.255.255.255", "private"},
        {"172.15.255.255", NULL},
        {"172.16.0.0", "private"},
        {"172.31.255.255", "private"},
        {"172.32.0.0", NULL},
        {"192.167.255.255", NULL},
        {"192.168.0.1", "private"},
        {"127.0.0.1", "loopback"},
        {"127.255.255.255", "loopback"},
        {"128.0.0.1", NULL},
        {"169.254.0.1", "link-local"},
        {"169.254.169.254", "metadata"},
        {"169.254.169.253", "link-local"},
        {"100.100.100.200", "metadata"},
        {"100.63.255.255", NULL},
        {"100.64.0.1", "shared"},
        {"100.128.0.0", NULL},
        {"0.0.0.0", "reserved"},
        {"192.0.2.1", "reserved"},
        {"198.19.0.1", "reserved"},
        {"223.255.255.255", NULL},
        {"224.0.0.1", "multicast"},
        {"239.1.1.1", "multicast"},
        {"240.0.0.1", "reserved"},
        {"255.255.255.255", "reserved"},
        {"2606:4700::1", NULL},
        {"2a01:4f8::1", NULL},
        {"::1", "loopback"},
        {"::", "reserved"},
        {"::127.0.0.1", "reserved"}, /* IPv4-compatible: nobody uses it for good */
        {"fc00::1", "private"},
        {"fdff::1", "private"},
        {"fd00:ec2::254", "metadata"},
        {"fe80::1", "link-local"},
        {"fec0::1", "private"},
        {"ff02::1", "multicast"},
        {"2001:db8::1", "reserved"},
        {"2001::1", "reserved"},
        {"2001:4860:4860::8888", NULL},
        {"100::1", "reserved"},
        /* IPv4 in disguise */
        {"::ffff:8.8.8.8", NULL},
        {"::ffff:127.0.0.1", "loopback"},
        {"::ffff:169.254.169.254", "metadata"},
        {"::ffff:10.1.2.3", "private"},
        {"64:ff9b::8.8.8.8", NULL},
        {"64:ff9b::10.0.0.1", "private"},
        {"64:ff9b:1::1", "private"},
        {"2002:7f00:1::", "loopback"},
        {"2002:a9fe:a9fe::1", "metadata"},
        {"2002:808:808::1", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sockaddr_storage storage;
        const char *kind = net_kind(address_of(rows[i].text, &storage));
        if ((kind == NULL) != (rows[i].kind == NULL) || (kind && strcmp(kind, rows[i].kind) != 0))
            fail_msg("%s: %s instead of %s", rows[i].text, kind ? kind : "public",
                     rows[i].kind ? rows[i].kind : "public");
    }
}

static void test_another_family_is_not_public(void **state)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNIX};
    struct netlist list = {0};
    char text[NETLIST_TEXT_BYTES];
    (void)state;
    assert_string_equal(net_kind((const struct sockaddr *)&storage), "unknown");
    assert_false(netlist_has(&list, (const struct sockaddr *)&storage));
    assert_string_equal(net_text((const struct sockaddr *)&storage, text), "?");
}

static void test_text(void **state)
{
    static const char *const rows[][2] = {
        {"10.1.2.3", "10.1.2.3"}, {"::ffff:10.1.2.3", "10.1.2.3"}, {"2001:DB8:0::1", "2001:db8::1"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sockaddr_storage storage;
        char text[NETLIST_TEXT_BYTES];
        assert_string_equal(net_text(address_of(rows[i][0], &storage), text), rows[i][1]);
    }
}

static bool has(const struct netlist *list, const char *text)
{
    struct sockaddr_storage storage;
    return netlist_has(list, address_of(text, &storage));
}

static void test_networks(void **state)
{
    struct netlist list = {0};
    struct buf error = BUF_EMPTY;
    (void)state;
    assert_int_equal(netlist_parse(&list, "10.1.0.0/16,192.168.7.9,fd00::/8,172.16.0.0/12", &error), 0);
    assert_int_equal(list.count, 4);
    assert_true(has(&list, "10.1.255.1"));
    assert_true(has(&list, "::ffff:10.1.0.1"));
    assert_false(has(&list, "10.2.0.1"));
    assert_true(has(&list, "192.168.7.9"));
    assert_false(has(&list, "192.168.7.8"));
    assert_true(has(&list, "fdab::1"));
    assert_false(has(&list, "fc00::1"));
    assert_true(has(&list, "172.31.0.1"));
    assert_false(has(&list, "172.32.0.1"));
    assert_int_equal(netlist_parse(&list, "", &error), 0);
    assert_int_equal(netlist_parse(&list, "0.0.0.0/0", &error), 0);
    assert_true(has(&list, "8.8.8.8"));
    assert_false(has(&list, "2606::1"));
    assert_int_equal(netlist_parse(&list, "::/0", &error), 0);
    assert_true(has(&list, "2606::1"));
    assert_int_equal(error.size, 0);
}

static void test_bad_networks(void **state)
{
    static const char *const rows[] = {"10.0.0.0/33",
                                       "10.0.0.0/",
                                       "10.0.0.0/-1",
                                       "10.0.0.0/8x",
                                       "10.0.0/8",
                                       "10.1.2.3/8",
                                       "fd00::/129",
                                       "fd00::1/8",
                                       "fd00::/99999999999999999999",
                                       "localhost",
                                       "10.0.0.0/8,,",
                                       "10.0.0.0/8, 10.0.0.0/8",
                                       "\x1b[1m\xff",
                                       "1111111111111111111111111111111111111111111111111111111111111111111111111111"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct netlist list = {0};
        struct buf error = BUF_EMPTY;
        if (netlist_parse(&list, rows[i], &error) != ERR_INVALID)
            fail_msg("'%s' was taken", rows[i]);
        assert_true(error.size > 0 && text_is_utf8(error.data) && !strchr(error.data, '\x1b'));
        buf_release(&error);
    }
}

static void test_no_more_than_fit(void **state)
{
    struct netlist list = {0};
    struct buf error = BUF_EMPTY;
    (void)state;
    for (int i = 0; i < NETLIST_MAX; i++)
        assert_int_equal(netlist_parse(&list, "10.0.0.0/8", &error), 0);
    assert_int_equal(netlist_parse(&list, "10.0.0.0/8", &error), ERR_INVALID);
    netlist_add_host(&list, "127.0.0.1");
    assert_int_equal(list.count, NETLIST_MAX);
    buf_release(&error);
}

static void test_hosts(void **state)
{
    static const struct {
        const char *host, *has; /* NULL: adds nothing */
    } rows[] = {{"127.0.0.1", "127.0.0.1"},
                {"10.1.2.3", "::ffff:10.1.2.3"},
                {"[::1]", "::1"},
                {"fd00::5", "fd00::5"},
                {"localhost", "127.0.0.1"},
                {"LOCALHOST.", "::1"},
                {"api.localhost", "127.0.0.1"},
                {"notlocalhost", NULL},
                {"localhost.example.org", NULL},
                {"api.example.org", NULL},
                {"10.0.0.0/8", NULL},
                {"[]", NULL},
                {"", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct netlist list = {0};
        netlist_add_host(&list, rows[i].host);
        assert_int_equal(list.count > 0, rows[i].has != NULL);
        if (rows[i].has)
            assert_true(has(&list, rows[i].has));
        assert_false(has(&list, "10.1.2.4"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_another_family_is_not_public),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_bad_networks),
        cmocka_unit_test(test_no_more_than_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
