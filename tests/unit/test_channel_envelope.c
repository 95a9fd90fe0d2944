/* The envelope by itself: who may send it as whom, and what is no envelope. */
#include "channel_ends.h"

static void members(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "worker-1", "A.b_c-9", "."};
    static const char *const bad[] = {"", "a b", "a/b", "a\n", "w\xc3\xb6rker", "a:b", "*"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(channel_member_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(channel_member_valid(bad[i]));
    char id[66];
    memset(id, 'x', sizeof(id));
    id[65] = '\0';
    assert_false(channel_member_valid(id));
    id[64] = '\0';
    assert_true(channel_member_valid(id));
    char out[CHANNEL_IDENTITY_BYTES];
    assert_int_equal(strlen(channel_identity(id, INT64_MAX, out)), 64 + 1 + 16);
    assert_string_equal(channel_identity("worker-1", 0x1f, out), "worker-1/1f");
    assert_string_equal(channel_identity("w", -1, out), "w/ffffffffffffffff");
}

/* Unpacks with the identity given; true when it is accepted. */
static bool accepts(const void *bytes, size_t size, const char *identity)
{
    Isobar__V1__Envelope *envelope = channel_envelope_unpack(bytes, size, identity, strlen(identity));
    channel_envelope_free(envelope);
    return envelope != NULL;
}

static bool accepts_envelope(const Isobar__V1__Envelope *envelope, const char *identity)
{
    uint8_t *bytes;
    size_t size = pack(envelope, &bytes);
    bool accepted = accepts(bytes, size, identity);
    free(bytes);
    return accepted;
}

static void names_must_match(void **state)
{
    (void)state;
    struct letter letter;
    Isobar__V1__Envelope *envelope = heartbeat(&letter, "w-1", 0x1f, 7);
    assert_true(accepts_envelope(envelope, "w-1/1f"));
    static const char *const others[] = {"w-1/1e", "w-2/1f", "w-1/1F", "w-1/01f", "w-1", "", "w-1/1f1", "w-1/1f/"};
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        assert_false(accepts_envelope(envelope, others[i]));
    envelope->member = (char *)"w 1";
    assert_false(accepts_envelope(envelope, "w 1/1f"));
    envelope->member = (char *)"";
    assert_false(accepts_envelope(envelope, "/1f"));
    envelope = heartbeat(&letter, "w-1", 0x1f, 7);
    envelope->format = 2;
    assert_false(accepts_envelope(envelope, "w-1/1f"));
    envelope->format = 1;
    envelope->body_case = ISOBAR__V1__ENVELOPE__BODY__NOT_SET; /* a kind of message not known yet */
    assert_true(accepts_envelope(envelope, "w-1/1f"));
    assert_false(accepts("", 0, "w-1/1f"));
    assert_false(accepts("\xff\xff\xff", 3, "w-1/1f"));
}

/* A HELLO whose host is `text`. */
static bool accepts_text(const char *text)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Hello hello = ISOBAR__V1__HELLO__INIT;
    envelope.format = 1;
    envelope.member = (char *)"w";
    envelope.incarnation = 1;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
    envelope.hello = &hello;
    hello.host = (char *)text;
    return accepts_envelope(&envelope, "w/1");
}

static void text_must_be_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "host",
                                       "M\xc3\xbcnchen",
                                       "\xe6\x9d\xb1",
                                       "\xf0\x9f\x8c\xa6",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xc2\x80",
                                       "\xe0\xa0\x80",
                                       "\xf0\x90\x80\x80"};
    static const char *const bad[] = {"\x80",
                                      "\xc3",
                                      "a\xc3z",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xe6\x9d",
                                      "\xf0\x9f\x8c",
                                      "ok\xfe"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(accepts_text(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(accepts_text(bad[i]));
}

/* Also in a string of a message in a list of a message. */
static void text_deep_inside(void **state)
{
    (void)state;
    struct letter letter;
    Isobar__V1__Envelope *envelope = heartbeat(&letter, "w", 1, 7);
    Isobar__V1__PartitionStatus status[2] = {ISOBAR__V1__PARTITION_STATUS__INIT, ISOBAR__V1__PARTITION_STATUS__INIT};
    Isobar__V1__PartitionStatus *list[2] = {&status[0], &status[1]};
    letter.heartbeat.partitions = list;
    letter.heartbeat.n_partitions = 2;
    status[1].alarm = (char *)"topic recreated";
    assert_true(accepts_envelope(envelope, "w/1"));
    status[1].alarm = (char *)"\xff";
    assert_false(accepts_envelope(envelope, "w/1"));
}

/* A megabyte of empty submessages would be sixty when unpacked: refused. A full but honest one is not. */
static void memory_is_bounded(void **state)
{
    (void)state;
    struct letter letter;
    uint8_t *head;
    Isobar__V1__Envelope *envelope = heartbeat(&letter, "w", 1, 7);
    envelope->body_case = ISOBAR__V1__ENVELOPE__BODY__NOT_SET;
    size_t head_size = pack(envelope, &head);
    size_t inner = 1000000;
    uint8_t *bytes = mem_alloc(CHANNEL_MAX_BYTES + 1);
    memcpy(bytes, head, head_size);
    uint8_t *at = bytes + head_size;
    *at++ = 12 << 3 | 2; /* heartbeat, of `inner` bytes */
    for (size_t left = inner; left > 0; left >>= 7)
        *at++ = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    for (size_t i = 0; i < inner; i += 2) {
        *at++ = 4 << 3 | 2; /* an empty PartitionStatus */
        *at++ = 0;
    }
    assert_false(accepts(bytes, (size_t)(at - bytes), "w/1"));
    assert_false(accepts(bytes, CHANNEL_MAX_BYTES + 1, "w/1"));
    free(bytes);
    free(head);
    enum { PARTITIONS = 4096 };
    Isobar__V1__PartitionStatus *status = mem_calloc(PARTITIONS, sizeof(*status));
    Isobar__V1__PartitionStatus **list = mem_calloc(PARTITIONS, sizeof(void *));
    for (int i = 0; i < PARTITIONS; i++) {
        isobar__v1__partition_status__init(&status[i]);
        status[i].partition = i;
        status[i].offset = INT64_MAX - i;
        status[i].alarm = (char *)"the topic was recreated: isobarctl reset 3";
        list[i] = &status[i];
    }
    envelope = heartbeat(&letter, "w", 1, 7);
    letter.heartbeat.partitions = list;
    letter.heartbeat.n_partitions = PARTITIONS;
    assert_true(accepts_envelope(envelope, "w/1"));
    free(list);
    free(status);
}

/* Bytes changed, cut and made up: never a crash (the sanitizers watch), and never another's name. */
static void broken_bytes(void **state)
{
    (void)state;
    struct jitter jitter;
    jitter_init(&jitter, 11);
    struct letter letter;
    Isobar__V1__PartitionStatus status = ISOBAR__V1__PARTITION_STATUS__INIT;
    Isobar__V1__PartitionStatus *list[1] = {&status};
    status.alarm = (char *)"alarm";
    Isobar__V1__Envelope *envelope = heartbeat(&letter, "w", 1, 7);
    letter.heartbeat.partitions = list;
    letter.heartbeat.n_partitions = 1;
    uint8_t *good;
    size_t size = pack(envelope, &good);
    int accepted = 0;
    for (int i = 0; i < 50000; i++) {
        uint8_t *bytes = mem_dup(good, size);
        size_t used = jitter_below(&jitter, 4) == 0 ? (size_t)jitter_below(&jitter, (int64_t)size) : size;
        for (int64_t k = jitter_below(&jitter, 4); k > 0; k--)
            bytes[jitter_below(&jitter, (int64_t)size)] = (uint8_t)jitter_below(&jitter, 256);
        accepted += accepts(bytes, used, "w/1");
        free(bytes);
    }
    assert_true(accepted > 1000 && accepted < 49000);
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members),          cmocka_unit_test(names_must_match),  cmocka_unit_test(text_must_be_utf8),
        cmocka_unit_test(text_deep_inside), cmocka_unit_test(memory_is_bounded), cmocka_unit_test(broken_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
