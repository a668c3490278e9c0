/* policy/words/redact.h -- what is taken out of a text before it is kept.
 *
 * Always    what looks like a credential: a key of this gateway's or of a provider's form
 *           (`sk-…`), a bearer token, a JSON Web Token, a sealed value; and the secrets that
 *           the caller names. What stands in front of one hides it only as part of the same
 *           word: neither another match does, nor an escape of JSON or of an address.
 * Rules     e-mail addresses (a domain's letters may be of any script, so that what follows
 *           in one without a space goes, too); numbers (seven or more digits, with single
 *           spaces, dots, dashes, slashes or brackets between them: telephones, cards,
 *           accounts); patterns of literal text without regard to ASCII case, in which # is
 *           any digit, and * as the last character letters, digits, - and _ as far as they
 *           go, at least one.
 * Cost      Each place of a text is looked at once a rule, each rule being bounded: linear,
 *           whatever the text.
 * Memory    What is found becomes SL_REDACT_MARK in `out`, which may be longer than it. Pure.
 * Source    JWT: RFC 7519 section 3 and RFC 7515 section 7.1. Addresses: the usual part of
 *           RFC 5322 section 3.4.1; RFC 6531 section 3.3 for their domains. Escapes: RFC 8259
 *           section 7, RFC 3986 section 2.1.
 */
#ifndef SL_POLICY_WORDS_REDACT_H
#define SL_POLICY_WORDS_REDACT_H

#include "base/grow.h"

#define SL_REDACT_MARK "[redacted]"
#define SL_REDACT_PATTERNS 32
#define SL_REDACT_PATTERN 64 /* bytes of one */

struct sl_redact {
    bool emails, numbers;
    const struct sl_str *patterns; /* up */
    size_t patterns_n;
};

/* 3 to SL_REDACT_PATTERN bytes, a * at the end only. */
bool sl_redact_is_pattern(struct sl_str s);
/* Adds the text to `out`, whose `err` says whether there was room for all of it. `secrets`:
 * taken out wherever they stand. How many places were taken out. */
size_t sl_redact_add(const struct sl_redact *rules, const struct sl_str *secrets, size_t secrets_n,
                     struct sl_str text, struct sl_grow *out);

#endif
