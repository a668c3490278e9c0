/* Fuzz: what a client may send. The whole parser of the server side is fed,
 * whole and in pieces; both must tell the same story, and every accepted head
 * is one that the checks promise (fuzz/_http.h). */
#include "fuzz/_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct story whole;

    story_check((struct sl_str){(const char *)data, size}, true, false, &whole);
    return 0;
}
