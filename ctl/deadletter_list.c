/* isobarctl deadletter list (deadletter.h): the newest letters that match, in a ring, so that memory is bounded. */
#include "deadletter.h"

#include "error.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct ring {
    struct letter *letters; /* the newest of them, `size` at most */
    size_t size, count;
};

static int keep(void *arg, const struct letter *letter)
{
    struct ring *ring = arg;
    ring->letters[ring->count++ % ring->size] = *letter;
    return EXIT_CODE_OK;
}

/* By time; letters of one time by their place. */
static int by_time(const void *a, const void *b)
{
    const struct letter *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void print_json(const struct deadletter *deadletter, const struct ring *ring, size_t shown)
{
    struct buf out = BUF_EMPTY;
    buf_text(&out, "{\"letters\":[");
    for (size_t i = 0; i < shown; i++) {
        buf_text(&out, i ? "," : "");
        letter_json(&ring->letters[i], &out);
    }
    buf_printf(&out,
               "],\"matched\":%" PRId64 ",\"repeated\":%" PRId64 ",\"read\":%" PRId64 ",\"bad\":%" PRId64
               ",\"bad_list\":[%s]}",
               deadletter->matched, deadletter->repeated, deadletter->read, deadletter->bad, deadletter->bad_list.data);
    puts(out.data);
    buf_release(&out);
}

static void print_table(const struct deadletter *deadletter, const struct ring *ring, size_t shown)
{
    struct buf out = BUF_EMPTY;
    letter_print_head(&out);
    for (size_t i = 0; i < shown; i++)
        letter_print(&ring->letters[i], &out);
    buf_printf(&out, "%zu shown", shown);
    if (deadletter->repeated > 0)
        buf_printf(&out, ", %" PRId64 " more repeat one", deadletter->repeated);
    buf_printf(&out, "; %" PRId64 " read\n", deadletter->read);
    fputs(out.data, stdout);
    buf_release(&out);
}

int deadletter_list(struct deadletter *deadletter)
{
    struct ring ring = {.size = (size_t)deadletter->options->limit};
    ring.letters = mem_calloc(ring.size, sizeof *ring.letters);
    int code = deadletter_pass(deadletter, !deadletter->options->json, keep, &ring);
    size_t shown = ring.count < ring.size ? ring.count : ring.size;
    if (code == EXIT_CODE_OK) {
        qsort(ring.letters, shown, sizeof *ring.letters, by_time);
        (deadletter->options->json ? print_json : print_table)(deadletter, &ring, shown);
    }
    free(ring.letters);
    return code;
}
