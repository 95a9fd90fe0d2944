/* What is published after a commit, as the dashboard hears it. */
#include "../../dashboard/hint.h"
#include "fuzz.h"

#include <string.h>

#define PARTITIONS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hint hint;
    char field[CITY_FIELD_BYTES];
    size_t fields = 0;
    if (!hint_parse(&hint, (const char *)data, size, PARTITIONS))
        return 0;
    FUZZ_CHECK(hint.partition >= 0 && hint.partition < PARTITIONS);
    FUZZ_CHECK(strlen(hint.previous) == HINT_CID_BYTES - 1 && strlen(hint.next) == HINT_CID_BYTES - 1);
    while (hint_next(&hint, field)) {
        FUZZ_CHECK(*field && strspn(field, "0123456789/") == strlen(field));
        fields++;
    }
    FUZZ_CHECK(fields <= size);
    return 0;
}
