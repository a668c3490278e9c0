/* base/obj.c -- the last words of a process with a bug. */
#include "base/obj.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void sl_obj_fail(const char *file, int line, const char *what)
{
    char text[512];
    int n =
        snprintf(text, sizeof(text), "sluice: bug: %s:%d: %s does not hold\n", file, line, what);

    /* write(2), not stdio: whatever state the heap is in, this gets out */
    if (n > 0 && write(2, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1) < 0)
        abort();
    abort();
}
