/* Addresses: of Redis, of the control plane, of a webhook and of an API. One text, read by each. */
#include "channel_endpoint.h"
#include "fuzz.h"
#include "store_internal.h"
#include "transfer.h"

#include <stdlib.h>
#include <string.h>

static void check_store(const char *text, struct buf *error)
{
    struct store_address address;
    int status = store_address_init(&address, text, error);
    FUZZ_CHECK((status == 0) == (error->size == 0));
    FUZZ_CHECK(status != 0 || (address.path != NULL) != (address.host != NULL));
    FUZZ_CHECK(status != 0 || address.path || (address.port >= 1 && address.port <= 65535));
    fuzz_check_text(error->data, 512);
    buf_reset(error);
    store_address_release(&address);
}

static void check_url(const char *text, bool allow_http, struct buf *error)
{
    struct buf out = BUF_EMPTY, again = BUF_EMPTY;
    int status = transfer_base_url(text, allow_http, &out, error);
    FUZZ_CHECK((status == 0) == (error->size == 0));
    fuzz_check_text(error->data, 512);
    buf_reset(error);
    if (status == 0) {
        FUZZ_CHECK(out.size > 0 && out.data[out.size - 1] != '/');
        FUZZ_CHECK(allow_http || strncasecmp(out.data, "https:", 6) == 0); /* libcurl takes one slash, too */
        FUZZ_CHECK(!strchr(out.data, '?') && !strchr(out.data, '#'));
        FUZZ_CHECK(transfer_base_url(out.data, allow_http, &again, error) == 0);
        fuzz_check_same(&out, &again);
    }
    status = transfer_check_url(text, allow_http, error);
    FUZZ_CHECK((status == 0) == (error->size == 0));
    fuzz_check_text(error->data, 512);
    buf_reset(error);
    buf_release(&out);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct endpoints endpoints = {0};
    struct buf error = BUF_EMPTY;
    char *text = fuzz_copy(data, size);
    check_store(text, &error);
    check_url(text, false, &error);
    check_url(text, true, &error);
    if (endpoints_split(&endpoints, text, false)) {
        for (size_t i = 0; i < endpoints.count; i++)
            FUZZ_CHECK(endpoint_valid(endpoints.list[i], false) && endpoints_find(&endpoints, endpoints.list[i]) >= 0);
    }
    endpoints_release(&endpoints);
    buf_release(&error);
    free(text);
    return 0;
}
