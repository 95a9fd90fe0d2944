/* See post.h. */
#include "post.h"

int post_send(const struct post *post, Isobar__V1__Envelope *envelope, const char *member, int64_t incarnation)
{
    envelope->format = 1;
    envelope->member = (char *)member;
    envelope->incarnation = incarnation;
    return post->send(post->arg, envelope);
}
