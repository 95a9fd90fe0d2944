/* See secret.h. */
#include "secret.h"

#include "bearer.h"
#include "error.h"
#include "file.h"

#include <stdio.h>
#include <string.h>

#define FILE_MAX_BYTES 4096

/* The token into `out`, "" without one. */
static int read_token(const struct secret_source *source, char out[BEARER_BYTES], struct buf *error)
{
    char line[BEARER_BYTES + 2];
    const char *token = source->value;
    if (*source->file) {
        FILE *file = file_open(source->file, FILE_MAX_BYTES, error);
        if (!file)
            return ERR_INVALID;
        token = fgets(line, sizeof line, file) ? line : "";
        fclose(file);
        line[strcspn(token, "\r\n")] = '\0';
    }
    int status = *source->file || *token ? ERR_INVALID : 0;
    out[0] = '\0';
    if (bearer_valid(token)) {
        memcpy(out, token, strlen(token) + 1);
        status = 0;
    } else if (status != 0) {
        buf_printf(error, "%s: %s: a token has %d to %d visible ASCII characters", source->name,
                   *source->file ? source->file : "the environment", BEARER_MIN, BEARER_BYTES - 1);
    }
    explicit_bzero(line, sizeof line);
    return status;
}

int secret_load(const struct secret_source *operator_token, const struct secret_source *reader_token,
                struct access *access, struct buf *error)
{
    char operates[BEARER_BYTES], reads[BEARER_BYTES] = "";
    int status = read_token(operator_token, operates, error);
    if (status == 0)
        status = read_token(reader_token, reads, error);
    if (status == 0 && *operates && strcmp(operates, reads) == 0) {
        buf_printf(error, "%s and %s have to differ", operator_token->name, reader_token->name);
        status = ERR_INVALID;
    }
    if (status == 0)
        access_tokens(access, *operates ? operates : NULL, *reads ? reads : NULL);
    explicit_bzero(operates, sizeof operates);
    explicit_bzero(reads, sizeof reads);
    return status;
}
