/*
 * Text that came from outside: what is UTF-8, and how it goes into JSON. One place, so that logs, problems and
 * messages agree on what is valid and a terminal or a browser never gets a raw control character.
 */
#ifndef ISOBAR_TEXT_H
#define ISOBAR_TEXT_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

#define TEXT_ESCAPE_BYTES 8

/*
 * Bytes (1 to 4) of the UTF-8 sequence at `text`, or 0 when there is none: RFC 3629, so no overlong form, no surrogate,
 * nothing above U+10FFFF. Reads no further than a closing '\0'. An empty text is the sequence '\0' of length 1.
 */
size_t text_sequence(const char *text);
/* True when all of `text` is UTF-8. */
bool text_is_utf8(const char *text);
/* True when it is that, without control characters, C1 included. */
bool text_is_plain(const char *text);
/*
 * Copies as much of `text` (NULL: nothing) as fits into `size` bytes with the closing '\0'. It ends between characters;
 * a byte that is no UTF-8 becomes '?', so the copy is UTF-8 in every case. `size` > 0.
 */
void text_copy(char *out, size_t size, const char *text);
/*
 * Makes what `buf` has from place `from` on fit for people's eyes: a byte that is no UTF-8 and a control character, C1
 * and
 * '\n' included, becomes '?'. For sentences that quote what they complain about.
 */
void text_tame(struct buf *buf, size_t from);
/*
 * One step through `text` for writers of JSON: how many bytes (at least 1) the next character takes, with its form in a
 * JSON string in `out` (TEXT_ESCAPE_BYTES). Quote, backslash and control characters, C1 included, are escaped; a byte
 * that is no UTF-8 becomes U+FFFD. `text` is not empty.
 */
size_t text_escape(const char *text, char *out);
/* Appends `text` as a JSON string, quotes included; '<' is escaped as well, so that no HTML sniffer finds a tag. */
void text_json(struct buf *out, const char *text);

#endif
