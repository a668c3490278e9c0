/* net/crypto/chacha.h -- ChaCha20 by the processor's vectors, in the place of mbedtls' own.
 *
 * What     TLS 1.3 with our default cipher encrypts all that goes to providers and comes from
 *          them. mbedtls computes it in plain C, one block after the other; eight of them side by
 *          side are four times as fast with AVX2.
 * How      chacha.c defines the functions of <mbedtls/chacha20.h> but for its self-test, and
 *          mbedtls' own ChaCha20-Poly1305 calls them: of an archive the linker then leaves its
 *          member out, and of a shared library those of the program come first. Where a library
 *          was made so that it calls itself (-Bsymbolic), its own go on being used.
 * Source   RFC 8439, sections 2.1 to 2.4.
 */
#ifndef SL_NET_CRYPTO_CHACHA_H
#define SL_NET_CRYPTO_CHACHA_H

/* Asks the processor what it can, once, before the first use. Any thread. */
void sl_chacha_begin(void);

#endif
