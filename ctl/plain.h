/*
 * Names without what a keyboard may lack: small letters without marks, so that "zurich" finds "Zürich".
 */
#ifndef CTL_PLAIN_H
#define CTL_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#define PLAIN_BYTES 256

/*
 * `text` (UTF-8) into `out` of PLAIN_BYTES, cut between characters when longer: Unicode's full case folding and
 * compatibility decomposition (UAX 15, NFKD) without the diacritical marks ("ü" is "u", "ß" is "ss"; marks of other
 * scripts, which are vowels there, stay), the letters of the Latin script that do not decompose as they are
 * transliterated ("ø" is "o"), and typographic apostrophes plain. Of what is no UTF-8, ASCII letters become small and
 * all else stays. Returns `out`.
 */
const char *plain_text(const char *text, char out[PLAIN_BYTES]);
/* True when both are the same name, so read. */
bool plain_equal(const char *a, const char *b);
/*
 * `text`, which is plain, with "a", "o" and "u" for "ae", "oe" and "ue", as German writes its umlauts where there are
 * none: "muenchen" and "munchen" are the same then. True when that changed anything. In place.
 */
bool plain_undo_umlauts(char *text);
/*
 * `name` (UTF-8) as printable ASCII in `out` of `size` bytes, case kept, marks and all taken as in plain_text. False
 * when there is a character that has no such form, or no room.
 */
bool plain_ascii(const char *name, char *out, size_t size);

/*
 * Copies as much of `text` as fits `size` bytes and is fit for a terminal: a control character, or a byte that is no
 * UTF-8, becomes '?'. `size` > 0. Returns `out`.
 */
const char *plain_shown(const char *text, char *out, size_t size);

#endif
