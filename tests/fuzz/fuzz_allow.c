/* The allow list of the control plane: owners of keys. */
#include "allow.h"
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf error = BUF_EMPTY;
    char *text = fuzz_copy(data, size);
    struct allow *allow = allow_parse("allow", text, &error);
    if (allow) {
        FUZZ_CHECK(error.size == 0);
        struct fuzz_lines lines = fuzz_lines(data, size);
        const char *line;
        size_t count = 0;
        while ((line = fuzz_line(&lines)) != NULL)
            count += *line && *line != '#';
        FUZZ_CHECK(allow_count(allow) <= count);
        fuzz_lines_release(&lines);
    } else {
        FUZZ_CHECK(error.size > 0);
        fuzz_check_text(error.data, 1024);
    }
    allow_free(allow);
    buf_release(&error);
    free(text);
    return 0;
}
