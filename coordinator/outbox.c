/* See outbox.h. */
#include "outbox.h"

int outbox_send(const struct outbox *outbox, Isobar__V1__Envelope *envelope, const char *member, int64_t incarnation)
{
    envelope->format = 1;
    envelope->member = (char *)(uintptr_t)member;
    envelope->incarnation = incarnation;
    return outbox->send(outbox->arg, envelope);
}
