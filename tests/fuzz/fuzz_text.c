/* Text from outside on its way into logs and JSON. */
#include "fuzz.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define COPY_BYTES 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char copy[COPY_BYTES];
    struct buf out = BUF_EMPTY;
    char *text = fuzz_copy(data, size);
    text_copy(copy, sizeof copy, text);
    FUZZ_CHECK(text_is_utf8(copy) && strlen(copy) < sizeof copy);
    if (text_is_utf8(text))
        FUZZ_CHECK(strncmp(copy, text, strlen(copy)) == 0 && (strlen(text) < 20) <= (strlen(copy) == strlen(text)));
    text_json(&out, text);
    fuzz_check_json(&out);
    fuzz_check_text(out.data, 8 * size + 2);
    FUZZ_CHECK(!strchr(out.data, '<') && !strchr(out.data, '\n'));
    buf_release(&out);
    free(text);
    return 0;
}
