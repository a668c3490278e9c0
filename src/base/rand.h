/* base/rand.h -- random bytes and ids.
 *
 * sl_rand_bytes() asks the kernel (getrandom) and aborts if it refuses: for
 * keys and seeds. sl_rand_u64() is xoshiro256** seeded from it: for ids and
 * jitter, never for secrets. Source: Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators" (2021).
 */
#ifndef SL_BASE_RAND_H
#define SL_BASE_RAND_H

#include "base/str.h"

void sl_rand_bytes(void *p, size_t n);
uint64_t sl_rand_u64(void);
/* 16 lower-case hexadecimal digits, no terminator. */
void sl_rand_id(char out[16]);

#endif
