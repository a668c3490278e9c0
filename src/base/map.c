/* base/map.c -- SipHash (Aumasson and Bernstein, 2012) under seeds that are
 * drawn once per process. One compression and three finishing rounds are what
 * hash tables need, two and four what a print needs; neither result must ever
 * leave the process. */
#include "base/map.h"

#include "base/rand.h"

static uint64_t seed[4]; /* two for tables, two for prints */
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

static inline void sip_rounds(struct sip *s, int n)
{
    for (int i = 0; i < n; i++)
        sip_round(s);
}

static inline void sip_word(struct sip *s, uint64_t word, int rounds)
{
    s->d ^= word;
    sip_rounds(s, rounds);
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

static inline struct sip sip_begin(uint64_t k0, uint64_t k1)
{
    return (struct sip){k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
                        k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
}

static inline void sip_take(struct sip *s, const uint8_t *p, size_t n, int rounds)
{
    uint64_t last = (uint64_t)n << 56;
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        sip_word(s, load_le(p + i, 8), rounds);
    if (i < n && n >= 8) /* the rest, from the word that ends with it */
        last |= load_le(p + n - 8, 8) >> (8 * (8 - (n - i)));
    else if (i < n)
        last |= load_le(p + i, n - i);
    sip_word(s, last, rounds);
}

static uint64_t siphash13(uint64_t k0, uint64_t k1, const uint8_t *p, size_t n)
{
    struct sip s = sip_begin(k0, k1);

    sip_take(&s, p, n, 1);
    s.c ^= 0xff;
    sip_rounds(&s, 3);
    return s.a ^ s.b ^ s.c ^ s.d;
}

/* The form with 128 bits, as the authors' reference code has it. */
static struct sl_map_print siphash24(uint64_t k0, uint64_t k1, const uint8_t *p, size_t n)
{
    struct sip s = sip_begin(k0, k1);
    struct sl_map_print out;

    s.b ^= 0xee;
    sip_take(&s, p, n, 2);
    s.c ^= 0xee;
    sip_rounds(&s, 4);
    out.a = s.a ^ s.b ^ s.c ^ s.d;
    s.b ^= 0xdd;
    sip_rounds(&s, 4);
    out.b = s.a ^ s.b ^ s.c ^ s.d;
    return out;
}

static void draw_seeds(void)
{
    if (seeded)
        return;
    sl_rand_bytes(seed, sizeof(seed));
    seeded = true;
}

uint64_t sl_map_hash(const void *p, size_t n)
{
    draw_seeds();
    return siphash13(seed[0], seed[1], p, n);
}

struct sl_map_print sl_map_print(struct sl_str s)
{
    draw_seeds();
    return siphash24(seed[2], seed[3], (const uint8_t *)s.p, s.n);
}
