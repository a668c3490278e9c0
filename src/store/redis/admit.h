/* store/redis/admit.h -- admissions as admit.lua knows them: for admit.c, which gathers, sends
 * and tells, and answer.c, which writes and reads the numbers.
 *
 * Private to store/redis. Numbers are doubles in a script: exact up to SL_SCRIPT_MOST.
 */
#ifndef SL_STORE_REDIS_ADMIT_H
#define SL_STORE_REDIS_ADMIT_H

#include "store/redis/backend.h"

#define SL_ADMIT_NUMBERS 29

enum { SL_ADMIT_LEASED = 1, SL_ADMIT_RESERVED = 2, SL_ADMIT_BOOKED = 4 }; /* what was taken */

/* Who asks, as far as requests that are alike have it in common; admit.lua says the order. */
void sl_admit_numbers(const struct sl_quota_ask *ask, int64_t v[SL_ADMIT_NUMBERS]);
bool sl_admit_is_answer(const redisReply *reply, size_t n); /* to so many requests */
/* The answer to the one at `at`; false: it is none. */
SL_MUST bool sl_admit_read(const redisReply *reply, size_t at, struct sl_quota_answer *out,
                           unsigned *took);

#endif
