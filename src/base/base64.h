/* base/base64.h -- base64 as credentials are written in it.
 *
 * Two alphabets: the common one with padding, and the URL's without, as JSON Web
 * Tokens use it. Decoding is strict: no other byte, no padding, and no bits left
 * over that are not zero, so that one value has one text.
 * Memory   Nothing is allocated; `out` is the caller's.
 * Source   RFC 4648 sections 4 and 5, 3.5 (canonical encoding); RFC 7515 section 2.
 */
#ifndef SL_BASE_BASE64_H
#define SL_BASE_BASE64_H

#include "base/str.h"

#define SL_BASE64_ROOM(n) (((n) + 2) / 3 * 4) /* bytes that n bytes take, encoded */

/* Each returns how many bytes it wrote. */
size_t sl_base64_encode(const uint8_t *p, size_t n, char *out);
size_t sl_base64_encode_url(const uint8_t *p, size_t n, char *out);
/* False: not that, or more than `cap` bytes. */
SL_MUST bool sl_base64_decode_url(struct sl_str s, uint8_t *out, size_t cap, size_t *n);

#endif
