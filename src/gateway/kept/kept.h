/* gateway/kept/kept.h -- what tenants that said so ask and are answered, in a file of its own.
 *
 * One JSON line a request, when it has ended: whose it was, the texts of its prompt (said.h)
 * and those of the answer that the client was sent (said.h, heard.h: a stream's pieces put
 * together), whoever it came from. Each text as policy/words/redact.h leaves it, with the key that
 * the request came with taken out, too. Of tenants that said nothing no byte is held.
 *
 * Order    is_due, begin, once the body is whole and the tenant is known; write in ACCOUNT; end.
 *          Without begin the others do nothing.
 * Limits   prompts.max bytes of the prompt's texts, the last ones, and of the answer's. An
 *          answer of which a piece must be whole to be read (a plain one, an event) is left
 *          out beyond SL_KEPT_WHOLE, and what begins as a text behind SL_KEPT_STRANDS others.
 *          Where anything is missing, the line says `"cut":true`; of a text that was cut its last
 *          word is left out, too, which may be half of what redact.h would know. Empty texts are
 *          none.
 * Disk     net/file.h: a slow or full one costs lines, which are counted, and nobody's time.
 *          Without memory for a line it is dropped and counted likewise.
 */
#ifndef SL_GATEWAY_KEPT_KEPT_H
#define SL_GATEWAY_KEPT_KEPT_H

#include "gateway/req.h"

#define SL_KEPT_WHOLE (1u << 20)
#define SL_KEPT_STRANDS 32

struct sl_kept;

/* Is this one of a tenant that said so? */
bool sl_kept_is_due(const struct sl_req *r);
/* If so. `secret`: the key it came with. */
void sl_kept_begin(struct sl_req *r, struct sl_str secret);
void sl_kept_write(struct sl_req *r);
void sl_kept_end(struct sl_req *r);

#endif
