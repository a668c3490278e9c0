/* base/json_keys.h -- the keys of the top object: the one being read, and the
 * set of those that were. Private to base/json.c.
 */
#ifndef SL_BASE_JSON_KEYS_H
#define SL_BASE_JSON_KEYS_H

#include "base/json.h"

/* Adds bytes to the key; returns how many had room. */
size_t sl_json_key_add(struct sl_json *j, const char *p, size_t n);
/* Adds what a \u escape gave, joining a low surrogate with a high one before
 * it. False if there is no room. */
bool sl_json_key_add_unit(struct sl_json *j, uint32_t unit);
/* The key is whole: counted, and SL_ERR_REPEATED_KEY if it was there. */
enum sl_err sl_json_key_done(struct sl_json *j);

#endif
