/*
 * Tables of what must not parse: each case spoils one or more members of a good sample. An edit without width does
 * nothing, so that cases need not fill all theirs.
 */
#ifndef ISOBAR_TEST_SPOIL_H
#define ISOBAR_TEST_SPOIL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct edit {
    size_t at, width;
    int64_t value;
};

/* Sets a member of 4 or 8 bytes. */
#define SET(type, member, value)                                                                                       \
    {                                                                                                                  \
        offsetof(type, member), sizeof(((type *)0)->member), (value)                                                   \
    }

/* Makes a pointer NULL. */
#define NIL(type, member)                                                                                              \
    {                                                                                                                  \
        offsetof(type, member), sizeof(void *), 0                                                                      \
    }

static inline void edit_apply(void *sample, const struct edit *edit)
{
    int32_t narrow = (int32_t)edit->value;
    if (edit->width == sizeof narrow)
        memcpy((char *)sample + edit->at, &narrow, sizeof narrow);
    else if (edit->width)
        memcpy((char *)sample + edit->at, &edit->value, sizeof edit->value);
}

#endif
