/* net/crypto/verify.c -- RSA and P-256, straight from mbedtls. */
#include "net/crypto/verify.h"

#include <stdio.h>

#include <mbedtls/ecdsa.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/x509_crt.h>

#include "base/mem.h"
#include "net/tls.h"

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 8192
#define HALF 32 /* bytes of a number of P-256 */

struct sl_verify_key {
    bool rsa;
    mbedtls_rsa_context r;
    mbedtls_ecp_group group;
    mbedtls_ecp_point point;
};

static const unsigned char *bytes_of(struct sl_str s)
{
    return (const unsigned char *)s.p;
}

static struct sl_verify_key *key_new(bool rsa)
{
    struct sl_verify_key *k = sl_mem_new(sizeof *k);

    k->rsa = rsa;
    mbedtls_rsa_init(&k->r);
    mbedtls_ecp_group_init(&k->group);
    mbedtls_ecp_point_init(&k->point);
    return k;
}

void sl_verify_end(struct sl_verify_key **pk)
{
    struct sl_verify_key *k = *pk;

    *pk = NULL;
    if (k == NULL)
        return;
    mbedtls_rsa_free(&k->r);
    mbedtls_ecp_group_free(&k->group);
    mbedtls_ecp_point_free(&k->point);
    sl_mem_free(k);
}

bool sl_verify_is_rsa(const struct sl_verify_key *k)
{
    return k->rsa;
}

static struct sl_verify_key *refuse(struct sl_verify_key *k, char *why, size_t cap,
                                    const char *text)
{
    sl_verify_end(&k);
    snprintf(why, cap, "%s", text);
    return NULL;
}

/* ---- RSA ---- */

static bool is_sound(const mbedtls_rsa_context *r)
{
    size_t bits = mbedtls_rsa_get_len(r) * 8;

    return bits >= RSA_MIN_BITS && bits <= RSA_MAX_BITS && mbedtls_rsa_check_pubkey(r) == 0;
}

struct sl_verify_key *sl_verify_rsa_new(struct sl_str n, struct sl_str e, char *why, size_t cap)
{
    struct sl_verify_key *k = key_new(true);

    if (n.n == 0 || e.n == 0 ||
        mbedtls_rsa_import_raw(&k->r, bytes_of(n), n.n, NULL, 0, NULL, 0, NULL, 0, bytes_of(e),
                               e.n) != 0 ||
        mbedtls_rsa_complete(&k->r) != 0 || !is_sound(&k->r))
        return refuse(k, why, cap, "it is no RSA key of 2048 to 8192 bits");
    return k;
}

/* ---- P-256 ---- */

static bool set_point(struct sl_verify_key *k, const unsigned char *p, size_t n)
{
    return mbedtls_ecp_group_load(&k->group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
           mbedtls_ecp_point_read_binary(&k->group, &k->point, p, n) == 0 &&
           mbedtls_ecp_check_pubkey(&k->group, &k->point) == 0;
}

struct sl_verify_key *sl_verify_p256_new(struct sl_str x, struct sl_str y, char *why, size_t cap)
{
    struct sl_verify_key *k = key_new(false);
    unsigned char p[1 + 2 * HALF] = {4}; /* uncompressed */

    if (x.n == HALF && y.n == HALF) {
        memcpy(p + 1, x.p, HALF);
        memcpy(p + 1 + HALF, y.p, HALF);
    }
    if (x.n != HALF || y.n != HALF || !set_point(k, p, sizeof p))
        return refuse(k, why, cap, "it is no point of P-256");
    return k;
}

/* ---- PEM ---- */

static struct sl_verify_key *of_pk(mbedtls_pk_context *pk, char *why, size_t cap)
{
    struct sl_verify_key *k = key_new(mbedtls_pk_get_type(pk) == MBEDTLS_PK_RSA);
    unsigned char p[1 + 2 * HALF];
    size_t n = 0;

    if (k->rsa) {
        if (mbedtls_rsa_copy(&k->r, mbedtls_pk_rsa(*pk)) != 0 || !is_sound(&k->r))
            return refuse(k, why, cap, "it is no RSA key of 2048 to 8192 bits");
        return k;
    }
    if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_ECKEY || mbedtls_pk_get_bitlen(pk) != 8 * HALF ||
        mbedtls_ecp_write_public_key(mbedtls_pk_ec(*pk), MBEDTLS_ECP_PF_UNCOMPRESSED, &n, p,
                                     sizeof p) != 0 ||
        !set_point(k, p, n))
        return refuse(k, why, cap, "it is no key of P-256");
    return k;
}

static int parse_pem(struct sl_str pem, mbedtls_pk_context *pk, mbedtls_x509_crt *crt)
{
    if (sl_str_find(pem, SL_STR("-----BEGIN CERTIFICATE-----")) < 0)
        return mbedtls_pk_parse_public_key(pk, bytes_of(pem), pem.n + 1);
    return mbedtls_x509_crt_parse(crt, bytes_of(pem), pem.n + 1);
}

struct sl_verify_key *sl_verify_pem_new(struct sl_str pem, char *why, size_t cap)
{
    struct sl_verify_key *k = NULL;
    mbedtls_pk_context pk;
    mbedtls_x509_crt crt;

    mbedtls_pk_init(&pk);
    mbedtls_x509_crt_init(&crt);
    if (parse_pem(pem, &pk, &crt) != 0)
        snprintf(why, cap, "it is no public key in PEM");
    else
        k = of_pk(crt.raw.p != NULL ? &crt.pk : &pk, why, cap);
    mbedtls_pk_free(&pk);
    mbedtls_x509_crt_free(&crt);
    return k;
}

/* ---- verifying ---- */

static bool verify_p256(struct sl_verify_key *k, const uint8_t hash[32], struct sl_str signature)
{
    mbedtls_mpi r, s;
    bool ok;

    if (signature.n != 2 * HALF)
        return false;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    ok = mbedtls_mpi_read_binary(&r, bytes_of(signature), HALF) == 0 &&
         mbedtls_mpi_read_binary(&s, bytes_of(signature) + HALF, HALF) == 0 &&
         mbedtls_ecdsa_verify(&k->group, hash, 32, &k->point, &r, &s) == 0;
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return ok;
}

bool sl_verify(struct sl_verify_key *k, struct sl_str data, struct sl_str signature)
{
    uint8_t hash[32];

    sl_tls_sha256(data, hash);
    if (!k->rsa)
        return verify_p256(k, hash, signature);
    return signature.n == mbedtls_rsa_get_len(&k->r) &&
           mbedtls_rsa_pkcs1_verify(&k->r, MBEDTLS_MD_SHA256, 32, hash, bytes_of(signature)) == 0;
}
