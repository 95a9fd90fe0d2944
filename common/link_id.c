/* Members' ids (link.h): which are valid, and one that is made up. */
#include "link.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool link_valid_id(const char *id)
{
    size_t size = strlen(id);
    for (const unsigned char *p = (const unsigned char *)id; *p; p++) {
        if (!isalnum(*p) && *p != '.' && *p != '_' && *p != '-')
            return false;
    }
    return size >= 1 && size <= 64;
}

void link_default_id(char *out, size_t size)
{
    char host[40] = "host";
    (void)gethostname(host, sizeof host - 1);
    host[sizeof host - 1] = '\0';
    snprintf(out, size, "%s-%ld", host, (long)getpid());
    for (char *p = out; *p; p++) {
        if (!isalnum((unsigned char)*p) && *p != '.' && *p != '_' && *p != '-')
            *p = '-';
    }
}
