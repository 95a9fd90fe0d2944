/*
 * What all fuzz targets share (tests/fuzz/README.md). A target is one file fuzz_<name>.c that defines
 * LLVMFuzzerTestOneInput: it hands the bytes to one reader of what comes from outside and checks what must hold
 * afterwards with FUZZ_CHECK, which ends the process, so that libFuzzer keeps the input.
 */
#ifndef ISOBAR_FUZZ_H
#define ISOBAR_FUZZ_H

#include "buf.h"
#include "observation.h"
#include "store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry: the target. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* libFuzzer's entry before the first input: the kit's. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Ends the process with `what` and its place. */
_Noreturn void fuzz_fail(const char *file, int line, const char *what);
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

/*
 * The variant that is to be run: what ISOBAR_FUZZ_VARIANT says, "" without it. A target with variants defines
 * fuzz_variants, which appends their names, comma-separated: each then runs, and has a corpus, of its own.
 */
const char *fuzz_variant(void) __attribute__((returns_nonnull));
void fuzz_variants(struct buf *out) __attribute__((weak));

/* A copy of exactly these bytes and a '\0', so that a step beyond is seen. The caller frees it. */
char *fuzz_copy(const void *bytes, size_t size) __attribute__((returns_nonnull, warn_unused_result));
/* What may be shown to people: UTF-8 without control characters but '\n', at most `most` bytes. */
void fuzz_check_text(const char *text, size_t most);
/* `text` is one JSON value. */
void fuzz_check_json(const struct buf *text);
/* Both rows say the same. */
void fuzz_check_same_row(const struct observation *one, const struct observation *other);
/* Both have the same bytes. */
void fuzz_check_same(const struct buf *one, const struct buf *other);

/* Lines of an input. Each call gives the next one, without its '\n', in a buffer that lives until the next call. */
struct fuzz_lines {
    const char *at, *end;
    char *line; /* owned */
};
/* The lines of those bytes. */
struct fuzz_lines fuzz_lines(const void *bytes, size_t size);
/* The next line; NULL at the end. */
const char *fuzz_line(struct fuzz_lines *lines);
/* All that is left, lines and all; never NULL. */
const char *fuzz_rest(struct fuzz_lines *lines) __attribute__((returns_nonnull));
/* Frees the last line. */
void fuzz_lines_release(struct fuzz_lines *lines);

/*
 * An answer of Redis: an array of the lines that are left, FUZZ_REPLY_MAX at most. "(nil)" is none and ":5" is an
 * integer, everything else text. Valid until the next call of fuzz_reply_release.
 */
#define FUZZ_REPLY_MAX 256
const struct store_reply *fuzz_reply(struct fuzz_lines *lines) __attribute__((returns_nonnull));
/* Frees the answer. */
void fuzz_reply_release(void);

#endif
