/* base/rand.c -- the kernel's bytes, and xoshiro256** (Blackman and Vigna,
 * 2021) for everything that need not be secret. */
#include "base/rand.h"

#include "base/obj.h"

#include <errno.h>
#include <sys/random.h>

static uint64_t state[4];
static bool seeded;

void sl_rand_bytes(void *p, size_t n)
{
    char *at = p;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        SL_CHECK(got > 0);
        at += got;
        n -= (size_t)got;
    }
}

static uint64_t rotl(uint64_t v, unsigned by)
{
    return (v << by) | (v >> (64 - by));
}

uint64_t sl_rand_u64(void)
{
    uint64_t result, shifted;

    while (!seeded) {
        sl_rand_bytes(state, sizeof(state));
        seeded = (state[0] | state[1] | state[2] | state[3]) != 0; /* all zero would stay zero */
    }
    result = rotl(state[1] * 5, 7) * 9;
    shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotl(state[3], 45);
    return result;
}

void sl_rand_id(char out[16])
{
    uint64_t v = sl_rand_u64();
    uint8_t bytes[8];

    memcpy(bytes, &v, sizeof(bytes));
    sl_str_hex(bytes, sizeof(bytes), out);
}
