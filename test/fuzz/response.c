/* Fuzz: what a provider may send; the first byte says whether HEAD was asked. */
#include "fuzz/_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct story whole;

    if (size == 0)
        return 0;
    story_check((struct sl_str){(const char *)data + 1, size - 1}, false, data[0] == '1', &whole);
    return 0;
}
