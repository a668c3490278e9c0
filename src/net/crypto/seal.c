/* net/crypto/seal.c -- sealed values. */
#include "net/crypto/seal.h"

#include <mbedtls/base64.h>
#include <mbedtls/gcm.h>
#include <mbedtls/hkdf.h>

#include "base/mem.h"
#include "base/obj.h"
#include "base/rand.h"
#include "net/tls.h"

#define NONCE 12 /* bytes, SP 800-38D's usual length */
#define TAG 16
#define BOX_MAX (NONCE + SL_SEAL_PLAIN_MAX + TAG)
#define HEAD_MAX 32 /* "seal:v1:", the id, a colon */
#define KEY_BITS 256

static unsigned char *bytes_of(char *p)
{
    return (unsigned char *)p;
}

/* A key's name gives nothing of it away. */
static void name_key(struct sl_seal_key *k)
{
    static const char digits[] = "0123456789abcdef";
    struct sl_str part = SL_STR("sluice seal key id");
    uint8_t mac[32];

    sl_tls_hmac_sha256((struct sl_str){(const char *)k->bytes, sizeof k->bytes}, &part, 1, mac);
    for (size_t i = 0; i < SL_SEAL_ID; i++)
        k->id[i] = digits[(mac[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 15];
    k->id[SL_SEAL_ID] = '\0';
}

void sl_seal_key_from(struct sl_str secret, struct sl_seal_key *out)
{
    static const char info[] = "sluice seal v1";
    const mbedtls_md_info_t *md = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);

    SL_CHECK(mbedtls_hkdf(md, NULL, 0, (const unsigned char *)secret.p, secret.n,
                          (const unsigned char *)info, sizeof info - 1, out->bytes,
                          sizeof out->bytes) == 0);
    name_key(out);
}

struct sl_str sl_seal_id_of(struct sl_str sealed)
{
    struct sl_str rest;

    if (!sl_str_starts(sealed, SL_SEAL_PREFIX))
        return (struct sl_str){0};
    rest = sl_str_from(sealed, SL_SEAL_PREFIX.n);
    if (sl_str_find_byte(rest, ':') != SL_SEAL_ID)
        return (struct sl_str){0};
    return sl_str_first(rest, SL_SEAL_ID);
}

/* One pass of the cipher over text behind a nonce. */
static bool crypt_box(const struct sl_seal_key *k, struct sl_str head, unsigned char *box, size_t n,
                      bool lock)
{
    mbedtls_gcm_context gcm;
    unsigned char *text = box + NONCE, *tag = box + NONCE + n;
    int bad;

    mbedtls_gcm_init(&gcm);
    bad = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, k->bytes, KEY_BITS);
    if (bad == 0 && lock)
        bad =
            mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, n, box, NONCE,
                                      (const unsigned char *)head.p, head.n, text, text, TAG, tag);
    else if (bad == 0)
        bad = mbedtls_gcm_auth_decrypt(&gcm, n, box, NONCE, (const unsigned char *)head.p, head.n,
                                       tag, TAG, text, text);
    mbedtls_gcm_free(&gcm);
    return bad == 0;
}

enum sl_seal_end sl_seal_lock(const struct sl_seal_key *k, struct sl_str plain, struct sl_text *out)
{
    char place[HEAD_MAX];
    struct sl_text head = sl_text_over(place, sizeof place);
    unsigned char *box;
    size_t n = 0;
    int bad;

    if (plain.n > SL_SEAL_PLAIN_MAX)
        return SL_SEAL_SIZE;
    sl_text_add(&head, SL_SEAL_PREFIX);
    sl_text_add(&head, sl_str_of(k->id));
    sl_text_byte(&head, ':');
    box = sl_mem_new(BOX_MAX);
    sl_rand_bytes(box, NONCE);
    if (plain.n > 0)
        memcpy(box + NONCE, plain.p, plain.n);
    SL_CHECK(crypt_box(k, sl_text_str(&head), box, plain.n, true));
    sl_text_add(out, sl_text_str(&head));
    bad = mbedtls_base64_encode(bytes_of(out->p + out->n), out->cap - out->n, &n, box,
                                NONCE + plain.n + TAG);
    if (bad == 0)
        out->n += n;
    else
        out->cut = true;
    sl_mem_free(box); /* cipher text by now */
    return out->cut ? SL_SEAL_SIZE : SL_SEAL_DONE;
}

enum sl_seal_end sl_seal_open(const struct sl_seal_key *k, struct sl_str sealed,
                              struct sl_text *out)
{
    size_t head_n = SL_SEAL_PREFIX.n + SL_SEAL_ID + 1, n = 0;
    struct sl_str box64, id = sl_seal_id_of(sealed);
    enum sl_seal_end end = SL_SEAL_FORM;
    unsigned char *box;

    if (id.n == 0)
        return SL_SEAL_FORM;
    if (!sl_str_eq(id, sl_str_of(k->id)))
        return SL_SEAL_KEY;
    box64 = sl_str_from(sealed, head_n);
    box = sl_mem_new(BOX_MAX);
    if (mbedtls_base64_decode(box, BOX_MAX, &n, (const unsigned char *)box64.p, box64.n) == 0 &&
        n >= NONCE + TAG) {
        n -= NONCE + TAG;
        end = SL_SEAL_KEY;
        if (crypt_box(k, sl_str_first(sealed, head_n), box, n, false)) {
            sl_text_add(out, (struct sl_str){(const char *)box + NONCE, n});
            end = out->cut ? SL_SEAL_SIZE : SL_SEAL_DONE;
        }
    }
    sl_mem_wipe(box, BOX_MAX);
    sl_mem_free(box);
    return end;
}
