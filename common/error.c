/* Names of the status codes (error.h). */
#include "error.h"

const char *error_name(int code)
{
    switch (code) {
    case ERR_NONE:
        return "ok";
    case ERR_INVALID:
        return "invalid input";
    case ERR_TOO_LARGE:
        return "too large";
    case ERR_UNAVAILABLE:
        return "unavailable";
    case ERR_TIMEOUT:
        return "timed out";
    case ERR_REFUSED:
        return "refused";
    case ERR_NOT_FOUND:
        return "not found";
    case ERR_SYSTEM:
        return "system error";
    case ERR_UNSUPPORTED:
        return "not supported by the linked library";
    case ERR_BUSY:
        return "busy";
    default:
        return "unknown error";
    }
}
