/*
 * Names without what a keyboard may lack: small letters without marks, so that "zurich" finds "Zürich".
 */
#ifndef CTL_PLAIN_H
#define CTL_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#define PLAIN_BYTES 256

/*
 * `text` (UTF-8) into `out` of PLAIN_BYTES, cut when longer: Latin letters small and without marks (those of Unicode's
 * Latin-1 Supplement and Latin Extended-A, and the Romanian four), "ß" as "ss", typographic apostrophes plain,
 * combining marks dropped; other scripts stay as they are. Returns `out`.
 */
const char *plain_text(const char *text, char out[PLAIN_BYTES]);
/* True when both are the same name, so read. */
bool plain_equal(const char *a, const char *b);

#endif
