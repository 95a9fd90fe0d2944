/* An account's ledger as a former leader noted it: whatever it says, no more is granted than the limits allow. */
#include "../../coordinator/quota_ledger.h"
#include "fuzz.h"

#define HOUR_MS INT64_C(3600000)
#define NOW_MS  INT64_C(1795500000000)

static void check_ledger(struct quota_ledger *ledger)
{
    int64_t available = quota_ledger_available(ledger);
    FUZZ_CHECK(ledger->open_milli >= 0 && ledger->holder_count <= QUOTA_HOLDERS_MAX);
    for (size_t i = 0; i < ledger->line_count; i++) {
        const struct quota_line *line = &ledger->lines[i];
        int64_t counted = quota_line_counted(ledger, line);
        FUZZ_CHECK(counted >= 0 && line->credit >= 0 && line->spent_milli >= 0);
        FUZZ_CHECK(available <= 0 || counted + available <= line->limit_milli);
    }
}

static void check_noted(const struct quota_ledger *ledger, const struct limits *limits)
{
    struct quota_ledger again;
    struct buf note = BUF_EMPTY;
    quota_ledger_pack(ledger, &note);
    quota_ledger_init(&again, limits, ledger->now_ms);
    FUZZ_CHECK(quota_ledger_unpack(&again, note.data, note.size) == 0);
    check_ledger(&again);
    quota_ledger_release(&again);
    buf_release(&note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct limits limits = limits_none();
    struct quota_ledger ledger;
    limits.units[LIMIT_HOUR] = 5000;
    limits.units[LIMIT_DAY] = 10000;
    limits.units[LIMIT_MONTH] = 300000;
    quota_ledger_init(&ledger, &limits, NOW_MS);
    int status = quota_ledger_unpack(&ledger, (const char *)data, size);
    check_ledger(&ledger);
    for (int64_t hours = 1; hours <= 4; hours++) {
        quota_ledger_advance(&ledger, NOW_MS + hours * hours * HOUR_MS);
        quota_ledger_report(&ledger, hours, 1000 * hours, 500);
        int64_t available = quota_ledger_available(&ledger);
        if (available > 0)
            quota_ledger_grant(&ledger, hours, available < 7000 ? available : 7000);
        check_ledger(&ledger);
    }
    if (status == 0)
        check_noted(&ledger, &limits);
    quota_ledger_release(&ledger);
    return 0;
}
