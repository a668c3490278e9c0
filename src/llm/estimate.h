/* llm/estimate.h -- tokens of a request before a provider has counted them.
 *
 * 4 bytes of JSON a token, as for English text and code; 1,500 an image and 1 per
 * 6 bytes of a document in base64, which would otherwise count by its bytes. One
 * pass: strings are skipped by their quotes, and only those of a kilobyte or
 * more are looked at. An estimate reserves money; what is charged is reported.
 */
#ifndef SL_LLM_ESTIMATE_H
#define SL_LLM_ESTIMATE_H

#include "base/str.h"

#define SL_ESTIMATE_IMAGE 1500

/* `body` is valid JSON. */
uint64_t sl_estimate_input(struct sl_str body);

#endif
