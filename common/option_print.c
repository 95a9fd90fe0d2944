/* What --help and --dump-config print (option_internal.h). */
#include "option_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Up to the default and the range of an option that has a flag. */
static void print_row(const struct option_row *row, const char *name)
{
    struct buf words = BUF_EMPTY;
    printf("  --%s%s\n        %s", name, row->type == OPTION_FLAG ? "" : " VALUE", row->help);
    if (row->type == OPTION_WORD) {
        option_words(row, &words);
        printf(": %s", words.data);
    }
    printf("\n        (default %.*s", row->type == OPTION_WORD ? (int)strcspn(row->initial, "|") : INT_MAX,
           *row->initial ? row->initial : "empty");
    if (row->type == OPTION_INT)
        printf(", from %lld to %lld", (long long)row->low, (long long)row->high);
    buf_release(&words);
}

void option_print_help(const struct option_program *program)
{
    char name[OPTION_NAME_BYTES], variable[OPTION_NAME_BYTES];
    printf("%s %s\n%s\n\nUsage: %s %s\n\nOptions:\n", program->name, ISOBAR_VERSION, program->summary, program->name,
           program->usage);
    for (size_t i = 0; i < program->row_count; i++) {
        const struct option_row *row = &program->rows[i];
        option_spelled(row->name, '_', '-', false, name);
        option_spelled(row->name, '-', '_', true, variable);
        if (row->type == OPTION_SECRET) {
            printf("  ISOBAR_%s\n        %s\n        (or ISOBAR_%s_FILE: a file whose first line is the value)\n",
                   variable, row->help, variable);
            continue;
        }
        print_row(row, name);
        printf("; environment ISOBAR_%s)\n", variable);
    }
    printf("  --help, --version, --dump-config\n");
}

void option_dump(const struct option_parse *parse)
{
    printf("[%s]\n", parse->program->section);
    for (size_t i = 0; i < parse->program->row_count; i++) {
        const struct option_row *row = &parse->program->rows[i];
        int64_t integer;
        bool flag;
        switch (row->type) {
        case OPTION_INT:
            memcpy(&integer, parse->values + row->offset, sizeof integer);
            printf("%s = %lld", row->name, (long long)integer);
            break;
        case OPTION_FLAG:
            memcpy(&flag, parse->values + row->offset, sizeof flag);
            printf("%s = %s", row->name, flag ? "true" : "false");
            break;
        case OPTION_SECRET:
            printf("; %s = %s", row->name, **option_text(parse, row) ? "****" : "");
            break;
        case OPTION_TEXT:
        case OPTION_WORD:
            printf("%s = %s", row->name, *option_text(parse, row));
            break;
        }
        printf("  ; %s\n", parse->origins[i]);
    }
}
