/* An envelope of the control plane, from whoever it says it is from. */
#include "channel.h"
#include "channel_envelope.h"
#include "fuzz.h"

#include <string.h>

/* What was taken is told alike: packed and unpacked again it has the same bytes. */
static void check_again(const Isobar__V1__Envelope *envelope, const char *identity)
{
    struct buf one = BUF_EMPTY, other = BUF_EMPTY;
    size_t size = isobar__v1__envelope__get_packed_size(envelope);
    buf_advance(&one, isobar__v1__envelope__pack(envelope, (uint8_t *)buf_reserve(&one, size)));
    if (size <= CHANNEL_MAX_BYTES) { /* what came in long forms may have been short of the cap by accident */
        Isobar__V1__Envelope *again = channel_envelope_unpack(one.data, one.size, identity, strlen(identity));
        if (again) { /* what has a field 0, in a long form, is taken once only; nobody passes envelopes on */
            size = isobar__v1__envelope__get_packed_size(again);
            buf_advance(&other, isobar__v1__envelope__pack(again, (uint8_t *)buf_reserve(&other, size)));
            fuzz_check_same(&one, &other);
        }
        channel_envelope_free(again);
    }
    buf_release(&one);
    buf_release(&other);
}

/* The identity that its sender would have to have; false when the bytes are no message at all. */
static bool identity_of(const uint8_t *data, size_t size, char out[CHANNEL_IDENTITY_BYTES])
{
    Isobar__V1__Envelope *raw = size < 4096 ? isobar__v1__envelope__unpack(NULL, size, data) : NULL;
    bool valid = raw && channel_member_valid(raw->member);
    channel_identity(valid ? raw->member : "worker-1", raw ? raw->incarnation : 1, out);
    if (raw)
        isobar__v1__envelope__free_unpacked(raw, NULL);
    return valid;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char identity[CHANNEL_IDENTITY_BYTES];
    bool valid = identity_of(data, size, identity);
    Isobar__V1__Envelope *envelope = channel_envelope_unpack(data, size, identity, strlen(identity));
    if (envelope) {
        FUZZ_CHECK(channel_member_valid(envelope->member) && channel_strings_valid(&envelope->base));
        FUZZ_CHECK(envelope->format == 1);
        FUZZ_CHECK(valid || size >= 4096);
        check_again(envelope, identity);
        channel_envelope_free(envelope);
        FUZZ_CHECK(channel_envelope_unpack(data, size, "x/1", 3) == NULL || strcmp(identity, "x/1") == 0);
    }
    return 0;
}
