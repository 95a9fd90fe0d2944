/*
 * Envelopes from bytes that anybody may have made. protobuf-c checks the encoding only, so memory (a megabyte
 * of empty submessages would become sixty), UTF-8 and the sender's name are checked here, for all message
 * types at once by walking the descriptors. Ranges of numbers are the receivers' business.
 */
#include "channel_envelope.h"

#include "channel.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNPACK_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define ENVELOPE_FORMAT  1

bool channel_member_valid(const char *member)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t size = strspn(member, allowed);
    return size >= 1 && size <= CHANNEL_MEMBER_MAX && member[size] == '\0';
}

const char *channel_identity(const char *member, int64_t incarnation, char *out)
{
    (void)snprintf(out, CHANNEL_IDENTITY_BYTES, "%.*s/%" PRIx64, CHANNEL_MEMBER_MAX, member, (uint64_t)incarnation);
    return out;
}

/* ---- bounded allocation ---- */

/* `data` counts what is left; freeing gives nothing back, since an unpacked message is freed as a whole. */
static void *allocate(void *data, size_t size)
{
    size_t *left = data;
    if (size > *left)
        return NULL;
    *left -= size;
    return malloc(size > 0 ? size : 1);
}

static void release(void *data, void *block)
{
    (void)data;
    free(block);
}

/* ---- UTF-8 in every string of a message ---- */

/* One element of a field: a string or a submessage. */
static bool element_valid(ProtobufCType type, const void *element)
{
    const void *value = *(const void *const *)element;
    if (value == NULL)
        return true;
    return type == PROTOBUF_C_TYPE_STRING ? text_is_utf8(value) : channel_strings_valid(value);
}

static bool field_valid(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
        return true;
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        bool other_case = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
                          *(const uint32_t *)(const void *)(base + field->quantifier_offset) != field->id;
        return other_case || element_valid(field->type, base + field->offset);
    }
    size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
    const void *const *elements = *(const void *const *const *)(const void *)(base + field->offset);
    for (size_t i = 0; i < count; i++)
        if (!element_valid(field->type, &elements[i]))
            return false;
    return true;
}

/* The schema is not recursive, so the depth is that of the schema. */
bool channel_strings_valid(const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        if (!field_valid(message, &message->descriptor->fields[i]))
            return false;
    return true;
}

/* ---- the envelope ---- */

static bool envelope_valid(const Isobar__V1__Envelope *envelope, const void *identity, size_t identity_size)
{
    char expected[CHANNEL_IDENTITY_BYTES];
    if (envelope->format != ENVELOPE_FORMAT || !channel_member_valid(envelope->member))
        return false;
    size_t size = strlen(channel_identity(envelope->member, envelope->incarnation, expected));
    return size == identity_size && memcmp(expected, identity, size) == 0 && channel_strings_valid(&envelope->base);
}

Isobar__V1__Envelope *channel_envelope_unpack(const void *bytes, size_t size, const void *identity,
                                              size_t identity_size)
{
    if (size == 0 || size > CHANNEL_MAX_BYTES)
        return NULL;
    size_t left = UNPACK_MAX_BYTES;
    ProtobufCAllocator bounded = {.alloc = allocate, .free = release, .allocator_data = &left};
    Isobar__V1__Envelope *envelope = isobar__v1__envelope__unpack(&bounded, size, bytes);
    if (envelope == NULL || envelope_valid(envelope, identity, identity_size))
        return envelope;
    channel_envelope_free(envelope);
    return NULL;
}

void channel_envelope_free(Isobar__V1__Envelope *envelope)
{
    isobar__v1__envelope__free_unpacked(envelope, NULL);
}
