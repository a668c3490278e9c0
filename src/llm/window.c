/* The wordings of a full context. */
#include "llm/window.h"

bool sl_window_is_too_long(int status, struct sl_str body)
{
    static const struct sl_str marks[] = {
        SL_STR_INIT("context_length_exceeded"), SL_STR_INIT("prompt is too long"),
        SL_STR_INIT("exceed context limit"),    SL_STR_INIT("maximum context length"),
        SL_STR_INIT("context window"),
    };

    if (status != 400 && status != 413 && status != 422)
        return false;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (body.p != NULL && sl_str_find(body, marks[i]) >= 0)
            return true;
    return false;
}
