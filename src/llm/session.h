/* llm/session.h -- the conversation that a client's user field names.
 *
 * Claude Code sends in `metadata.user_id` JSON with a `session_id`, or a text of earlier
 * versions that ends in "_session_<id>". Source: protocols.md 6.2.
 */
#ifndef SL_LLM_SESSION_H
#define SL_LLM_SESSION_H

#include "base/str.h"

#define SL_SESSION_MAX 128 /* bytes of an id; the rest does not tell sessions apart */

/* `user`: the field, unescaped. Empty: it names none. */
struct sl_str sl_session_of(struct sl_str user, char out[SL_SESSION_MAX]);
/* Who that is, whichever conversation it is: of Claude Code the account, or the device where
 * there is none; else the field as it stands. In `out`, or in `user` itself. */
struct sl_str sl_session_user(struct sl_str user, char out[SL_SESSION_MAX]);

#endif
