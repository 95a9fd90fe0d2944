/* Names of options: finding them, spelling them, and guessing which one a misspelt word was (option_internal.h). */
#include "option_internal.h"

#include <ctype.h>
#include <string.h>

const struct option_row *option_find(const struct option_program *program, const char *name)
{
    for (size_t i = 0; i < program->row_count; i++) {
        if (strcmp(program->rows[i].name, name) == 0)
            return &program->rows[i];
    }
    return NULL;
}

const char *option_spelled(const char *name, char from, char to, bool capitals, char *out)
{
    size_t i = 0;
    for (; i < OPTION_NAME_BYTES - 1 && name[i]; i++) {
        char c = name[i] == from ? to : name[i];
        out[i] = capitals ? (char)toupper((unsigned char)c) : c;
    }
    out[i] = '\0';
    return out;
}

/* Levenshtein distance of two short words. */
static size_t distance(const char *a, const char *b)
{
    size_t row[OPTION_NAME_BYTES + 1], width = strlen(b);
    if (strlen(a) > OPTION_NAME_BYTES - 1 || width > OPTION_NAME_BYTES - 1)
        return OPTION_NAME_BYTES;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[width];
}

const struct option_row *option_nearest(const struct option_program *program, const char *name)
{
    const struct option_row *best = NULL;
    size_t least = strlen(name) / 3 + 2;
    for (size_t i = 0; i < program->row_count; i++) {
        size_t d = distance(name, program->rows[i].name);
        if (d < least) {
            least = d;
            best = &program->rows[i];
        }
    }
    return best;
}

bool option_is_slip(const char *name, const char *known)
{
    return strlen(known) >= 5 && strcmp(name, known) != 0 && distance(name, known) <= 2;
}
