/* Limits of an account, as text or as the name of a plan, and lists of networks: one text, read by each. */
#include "fuzz.h"
#include "key_plan.h"
#include "netlist.h"

#include <stdlib.h>
#include <string.h>

static void check_limits(const char *text, size_t size, struct buf *error)
{
    struct limits limits, again;
    struct buf out = BUF_EMPTY;
    const struct key_plan *plan = NULL;
    int status = key_plan_limits("openweathermap", text, size, &limits, &plan, error);
    FUZZ_CHECK((status == 0) == (error->size == 0));
    fuzz_check_text(error->data, 1024);
    buf_reset(error);
    if (status == 0) {
        limits_print(&limits, &out);
        FUZZ_CHECK(limits_parse(out.data, out.size, &again, error) == 0);
        FUZZ_CHECK(memcmp(&limits, &again, sizeof limits) == 0);
        for (int i = 0; i < LIMIT_WINDOWS; i++)
            FUZZ_CHECK(limits.units[i] >= LIMIT_NONE && limits.units[i] <= LIMIT_UNITS_MAX);
    }
    buf_release(&out);
}

static void check_networks(const char *text, struct buf *error)
{
    struct netlist list = {0};
    int status = netlist_parse(&list, text, error);
    FUZZ_CHECK((status == 0) == (error->size == 0) && list.count <= NETLIST_MAX);
    fuzz_check_text(error->data, 1024);
    buf_reset(error);
    netlist_add_host(&list, text);
    FUZZ_CHECK(list.count <= NETLIST_MAX);
    for (size_t i = 0; i < list.count; i++)
        FUZZ_CHECK(list.nets[i].bits >= 0 && list.nets[i].bits <= 128);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf error = BUF_EMPTY;
    char *text = fuzz_copy(data, size);
    check_limits(text, size, &error);
    check_networks(text, &error);
    buf_release(&error);
    free(text);
    return 0;
}
