/* The prompt API's body: made whole before anything else looks at it. */
#include "gateway/inside.h"

#include "llm/prompt.h"
#include "net/tls.h"

#define NAME "claude:"

/* Programs that know nothing of us find the answer by the prompt's MD5. */
static bool name_it(struct sl_req *r, struct sl_str prompt)
{
    uint8_t md5[16];
    char digits[2 * sizeof md5];

    sl_tls_md5(prompt, md5);
    sl_str_hex(md5, sizeof md5, digits);
    r->prompt_name = sl_arena_printf(r->arena, NAME "%.*s", (int)sizeof digits, digits);
    return r->prompt_name.p != NULL;
}

enum sl_state sl_prompt_begin(struct sl_req *r)
{
    struct sl_prompt p;
    struct sl_arena a;
    enum sl_err e;

    sl_arena_init(&a, 4 * r->body_n + 65536);
    e = sl_prompt_fill((struct sl_str){r->body, r->body_n}, &r->conf->prompt_api, &a, &p);
    if (e == SL_OK)
        e = sl_req_replace_body(r, p.body);
    if (e == SL_OK && p.alone && !name_it(r, p.prompt))
        e = SL_ERR_NO_MEMORY;
    sl_arena_fini(&a);
    if (e == SL_ERR_BAD_FIELD)
        return sl_req_refuse(r, e, 0, "The prompt can't be taken: %s.", p.why);
    if (e != SL_OK)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    return SL_ST_ROUTE;
}
