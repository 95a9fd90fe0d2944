/* See verdict.h. */
#include "verdict.h"

#include "error.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 11520 -> 11,520 */
static const char *grouped(int64_t number, char out[32])
{
    char digits[24];
    size_t size = (size_t)snprintf(digits, sizeof digits, "%" PRId64, number), used = 0;
    for (size_t i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

static void print_partition(const struct audit *audit, bool verbose)
{
    const struct audit_ledger *l = &audit->ledger;
    fputs(audit->lines.data, stdout);
    if (audit->findings > AUDIT_LINES)
        printf("partition %d: and %d more\n", audit->partition, audit->findings - AUDIT_LINES);
    if (verbose && audit->findings == 0)
        printf("partition %d: good; offset %" PRId64 ", %" PRId64 " rows (in %" PRId64 ", late %" PRId64
               ", duplicate %" PRId64 ", correction %" PRId64 ", bad %" PRId64 ", checked %" PRId64 ", tick %" PRId64
               ", control %" PRId64 ", retired %" PRId64 "), %" PRId64 " cities\n",
               audit->partition, l->offset, l->rows, l->rows_in, l->rows_late, l->rows_duplicate, l->rows_correction,
               l->rows_bad, l->rows_checked, l->rows_tick, l->rows_control, l->rows_retired, audit->cities);
}

static json_t *partition_json(const struct audit *audit)
{
    json_t *lines = json_array();
    for (const char *p = audit->lines.data; *p;) {
        size_t size = strcspn(p, "\n");
        json_t *line = json_stringn(p, size);
        json_array_append_new(lines, line ? line : json_string("(no UTF-8)"));
        p += size + (p[size] == '\n');
    }
    return json_pack("{s:i,s:i,s:o,s:I,s:I,s:I}", "partition", (int)audit->partition, "violations", audit->findings,
                     "findings", lines, "offset", (json_int_t)audit->ledger.offset, "rows",
                     (json_int_t)audit->ledger.rows, "cities", (json_int_t)audit->cities);
}

int verdict_json(const struct verdict *verdict)
{
    json_t *list = json_array();
    int findings = 0;
    for (int32_t partition = 0; partition < verdict->partitions; partition++) {
        json_array_append_new(list, partition_json(&verdict->audits[partition]));
        findings += verdict->audits[partition].findings;
    }
    json_t *root = json_pack("{s:i,s:I,s:I,s:I,s:o}", "violations", findings, "windows_recounted",
                             (json_int_t)verdict->recounted, "journal_lines", (json_int_t)verdict->journal_lines,
                             "utc_days", (json_int_t)verdict->utc_days, "partition_list", list);
    char *dump = json_dumps(root, JSON_COMPACT);
    puts(dump ? dump : "null");
    free(dump);
    json_decref(root);
    return findings == 0 ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

int verdict_print(const struct verdict *verdict)
{
    char text[32];
    int64_t total = 0;
    int findings = 0, bad = 0;
    for (int32_t partition = 0; partition < verdict->partitions; partition++) {
        const struct audit *audit = &verdict->audits[partition];
        print_partition(audit, verdict->verbose);
        total += audit->ledger.rows;
        findings += audit->findings;
        bad += audit->findings > 0;
    }
    if (verdict->full)
        printf("%s windows recounted from their panes\n", grouped(verdict->recounted, text));
    if (verdict->journals)
        printf("%s acquires and commits in the journals\n", grouped(verdict->journal_lines, text));
    if (verdict->utc_days > 0)
        printf("%s keys of days by UTC are left aside: an older version made them, and they expire\n",
               grouped(verdict->utc_days, text));
    printf("%d partitions, %s rows: ", verdict->partitions, grouped(total, text));
    if (findings == 0)
        puts("all invariants hold");
    else
        printf("%d violation%s in %d partition%s\n", findings, findings == 1 ? "" : "s", bad, bad == 1 ? "" : "s");
    return findings == 0 ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}
