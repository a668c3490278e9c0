/* base/map.c -- SipHash-1-3 (Aumasson and Bernstein, 2012) under a seed that
 * is drawn once per process. One compression and three finishing rounds are
 * what hash tables need; the result must never leave the process. */
#include "base/map.h"

#include "base/rand.h"

static uint64_t seed[2];
static bool seeded;

struct sip {
    uint64_t a, b, c, d;
};

static inline uint64_t rotl(uint64_t v, unsigned by)
{
    return (v << by) | (v >> (64 - by));
}

static inline void sip_round(struct sip *s)
{
    s->a += s->b;
    s->b = rotl(s->b, 13) ^ s->a;
    s->a = rotl(s->a, 32);
    s->c += s->d;
    s->d = rotl(s->d, 16) ^ s->c;
    s->a += s->d;
    s->d = rotl(s->d, 21) ^ s->a;
    s->c += s->b;
    s->b = rotl(s->b, 17) ^ s->c;
    s->c = rotl(s->c, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->d ^= word;
    sip_round(s);
    s->a ^= word;
}

/* Little-endian whatever the machine is, so the published vectors hold. */
static inline uint64_t load_le(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (n == 8) {
        memcpy(&v, p, 8);
        return v;
    }
#endif
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static uint64_t siphash13(uint64_t k0, uint64_t k1, const uint8_t *p, size_t n)
{
    struct sip s = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                    k1 ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)n << 56;
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        sip_word(&s, load_le(p + i, 8));
    if (i < n)
        last |= load_le(p + i, n - i);
    sip_word(&s, last);
    s.c ^= 0xff;
    for (int k = 0; k < 3; k++)
        sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}

uint64_t sl_map_hash(const void *p, size_t n)
{
    if (!seeded) {
        sl_rand_bytes(seed, sizeof(seed));
        seeded = true;
    }
    return siphash13(seed[0], seed[1], p, n);
}
