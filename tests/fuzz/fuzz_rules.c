/* The text of rules, with its alerts, metrics of one's own and limits of quality control. */
#include "error.h"
#include "fuzz.h"
#include "rules.h"

#include <stdlib.h>

static void check_error(int status, const struct buf *error)
{
    size_t lines = 0;
    FUZZ_CHECK(status == ERR_INVALID || status == ERR_TOO_LARGE);
    fuzz_check_text(error->data, RULES_ERRORS_MAX * 1024);
    for (size_t i = 0; i < error->size; i++)
        lines += error->data[i] == '\n';
    FUZZ_CHECK(lines >= 1 && lines <= RULES_ERRORS_MAX + 1 && error->data[error->size - 1] == '\n');
}

static void check_again(const struct rules *rules)
{
    static struct rules again;
    struct buf one = BUF_EMPTY, other = BUF_EMPTY, error = BUF_EMPTY;
    rules_print(rules, &one);
    fuzz_check_text(one.data, 2 * RULES_MAX_BYTES);
    if (one.size <= RULES_MAX_BYTES) { /* the canonical text has every key */
        FUZZ_CHECK(rules_parse(&again, one.data, one.size, &error) == 0);
        rules_print(&again, &other);
        fuzz_check_same(&one, &other);
        FUZZ_CHECK(rules_same(rules, &again));
    }
    buf_release(&one);
    buf_release(&other);
    buf_release(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rules rules;
    struct buf error = BUF_EMPTY;
    char *text = fuzz_copy(data, size);
    int status = rules_parse(&rules, text, size, &error);
    if (status != 0) {
        check_error(status, &error);
    } else {
        FUZZ_CHECK(error.size == 0 && rules.version == 0 && rules.windows.count >= 1 && rules.windows.pane_ms > 0);
        check_again(&rules);
    }
    free(text);
    buf_release(&error);
    return 0;
}
