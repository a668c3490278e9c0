/* mbedtls over memory: cipher text comes from a slice, goes to a queue. All
 * calls into the library are here, in tls_dev.c and in tls_hash.c. */
#include "net/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <psa/crypto.h>

#include "base/log.h"
#include "base/map.h"
#include "base/obj.h"
#include "base/text.h"
#include "base/when.h"
#include "net/crypto/chacha.h"

#define PROFILE_MAGIC 0x534c5450u
#define TLS_MAGIC 0x534c544cu
#define KNOWN_MAX 256
#define TICKET_S 86400
#define LOOK_S 86400 /* certificates are looked at again after it */
#define SYSTEM_STORE "/etc/ssl/certs/ca-certificates.crt"

struct known { /* what is known of one origin */
    UT_hash_handle hh;
    bool has_session;
    mbedtls_ssl_session session;           /* the newest */
    struct sl_tls_certificate certificate; /* seen_s 0: none has been looked at */
    size_t len;
    char origin[280];
};

struct sl_tls_profile {
    uint32_t magic;
    unsigned holders;
    bool client, verify;
    mbedtls_ssl_config conf;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context drbg;
    mbedtls_x509_crt chain; /* trusted (client), own (server) */
    mbedtls_x509_crl crl;
    mbedtls_pk_context key;
    mbedtls_ssl_ticket_context tickets; /* server: keys of the sessions it gives out */
    struct known *known;                /* owns: hash */
    char server_name[256];
};

struct sl_tls {
    uint32_t magic;
    bool shaken;
    bool offered;                  /* an earlier session */
    bool saw_chain;                /* a certificate chain was looked at: not resumed */
    bool doubted;                  /* it is not to be believed, whenever it ends */
    int failed;                    /* the library's code of a handshake that failed */
    const mbedtls_x509_crt *first; /* up: what ends first, while a chain is looked at */
    mbedtls_ssl_context ssl;
    struct sl_tls_profile *profile; /* shared */
    struct sl_buf *out;             /* up: the stream's */
    struct sl_str *in;              /* up: the bytes being read */
    uint32_t verify_flags;
    char origin[280];
    size_t origin_n;
};

static const char *const alpn[] = {"http/1.1", NULL};

/* Fastest first: ChaCha20 is ours (crypto/chacha.h), and this library makes little of the
 * processor's AES instructions. Everything else it knows to be sound follows. */
static const int suites[] = {
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    0,
};

/* ---- profiles ---- */

static struct sl_tls_profile *profile_new(bool client)
{
    struct sl_tls_profile *p = sl_mem_new(sizeof *p);
    int e;

    p->magic = PROFILE_MAGIC;
    p->holders = 1;
    p->client = client;
    mbedtls_ssl_config_init(&p->conf);
    mbedtls_entropy_init(&p->entropy);
    mbedtls_ctr_drbg_init(&p->drbg);
    mbedtls_x509_crt_init(&p->chain);
    mbedtls_x509_crl_init(&p->crl);
    mbedtls_pk_init(&p->key);
    mbedtls_ssl_ticket_init(&p->tickets);
    sl_chacha_begin();
    SL_CHECK(psa_crypto_init() == PSA_SUCCESS);
    e = mbedtls_ctr_drbg_seed(&p->drbg, mbedtls_entropy_func, &p->entropy,
                              (const unsigned char *)"sluice", 6);
    SL_CHECK(e == 0);
    e = mbedtls_ssl_config_defaults(&p->conf,
                                    client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
                                    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    SL_CHECK(e == 0);
    mbedtls_ssl_conf_rng(&p->conf, mbedtls_ctr_drbg_random, &p->drbg);
    mbedtls_ssl_conf_min_tls_version(&p->conf, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_ciphersuites(&p->conf, suites);
    return p;
}

static enum sl_err fail(struct sl_tls_profile **p, char *why, size_t cap, const char *what,
                        const char *file, int e)
{
    char text[96] = "";

    if (e != 0)
        mbedtls_strerror(e, text, sizeof text);
    snprintf(why, cap, "%s %s: %s", what, file, text);
    sl_tls_drop(p);
    return SL_ERR_CONFIG;
}

const char *sl_tls_system_store(void)
{
    const char *said = getenv("SSL_CERT_FILE");

    return said != NULL && said[0] != '\0' ? said : SYSTEM_STORE;
}

enum sl_err sl_tls_client_profile(const struct sl_tls_client_conf *conf,
                                  struct sl_tls_profile **out, char *why, size_t cap)
{
    struct sl_tls_profile *p = profile_new(true);
    bool own = conf->ca_file != NULL && conf->ca_file[0] != 0;
    const char *ca = own ? conf->ca_file : sl_tls_system_store();
    int e = 0;

    *out = NULL;
    p->verify = conf->verify;
    if (conf->server_name != NULL)
        snprintf(p->server_name, sizeof p->server_name, "%s", conf->server_name);
    if (conf->verify) {
        e = mbedtls_x509_crt_parse_file(&p->chain, ca);
        /* a system store may hold a certificate or two this library can't read */
        if (e < 0 || (own && e != 0))
            return fail(&p, why, cap, "can't read the CA certificates in", ca, e);
    } else {
        sl_log(SL_LOG_WARN, "net", (struct sl_str){"", 0},
               "certificates are NOT verified for a provider (tls.verify: false)");
    }
    if (conf->crl_file != NULL && conf->crl_file[0] != 0) {
        e = mbedtls_x509_crl_parse_file(&p->crl, conf->crl_file);
        if (e != 0)
            return fail(&p, why, cap, "can't read the revocation list", conf->crl_file, e);
    }
    mbedtls_ssl_conf_ca_chain(&p->conf, &p->chain, &p->crl);
    mbedtls_ssl_conf_authmode(&p->conf,
                              conf->verify ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    SL_CHECK(mbedtls_ssl_conf_alpn_protocols(&p->conf, (const char **)(uintptr_t)alpn) == 0);
    mbedtls_ssl_conf_session_tickets(&p->conf, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &p->conf, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    *out = p;
    return SL_OK;
}

enum sl_err sl_tls_server_profile(const char *cert_file, const char *key_file,
                                  struct sl_tls_profile **out, char *why, size_t cap)
{
    struct sl_tls_profile *p = profile_new(false);
    int e = mbedtls_x509_crt_parse_file(&p->chain, cert_file);

    *out = NULL;
    if (e != 0)
        return fail(&p, why, cap, "can't read the certificate", cert_file, e);
    e = mbedtls_pk_parse_keyfile(&p->key, key_file, NULL, mbedtls_ctr_drbg_random, &p->drbg);
    if (e != 0)
        return fail(&p, why, cap, "can't read the key", key_file, e);
    e = mbedtls_pk_check_pair(&p->chain.pk, &p->key, mbedtls_ctr_drbg_random, &p->drbg);
    e = e != 0 ? e : mbedtls_ssl_conf_own_cert(&p->conf, &p->chain, &p->key);
    if (e != 0)
        return fail(&p, why, cap, "certificate and key do not fit", cert_file, e);
    e = mbedtls_ssl_ticket_setup(&p->tickets, mbedtls_ctr_drbg_random, &p->drbg,
                                 MBEDTLS_CIPHER_AES_256_GCM, TICKET_S);
    if (e != 0)
        return fail(&p, why, cap, "no session tickets for", cert_file, e);
    mbedtls_ssl_conf_session_tickets_cb(&p->conf, mbedtls_ssl_ticket_write,
                                        mbedtls_ssl_ticket_parse, &p->tickets);
    SL_CHECK(mbedtls_ssl_conf_alpn_protocols(&p->conf, (const char **)(uintptr_t)alpn) == 0);
    *out = p;
    return SL_OK;
}

struct sl_tls_profile *sl_tls_share(struct sl_tls_profile *p)
{
    SL_OBJ_CHECK(p, PROFILE_MAGIC);
    p->holders++;
    return p;
}

static void drop_known(struct sl_tls_profile *p, struct known *one)
{
    HASH_DEL(p->known, one);
    mbedtls_ssl_session_free(&one->session);
    sl_mem_free(one);
}

void sl_tls_drop(struct sl_tls_profile **pp)
{
    struct sl_tls_profile *p = *pp;
    struct known *one, *next;

    *pp = NULL;
    if (p == NULL || --p->holders > 0)
        return;
    HASH_ITER(hh, p->known, one, next)
    {
        drop_known(p, one);
    }
    mbedtls_ssl_config_free(&p->conf);
    mbedtls_x509_crt_free(&p->chain);
    mbedtls_x509_crl_free(&p->crl);
    mbedtls_pk_free(&p->key);
    mbedtls_ssl_ticket_free(&p->tickets);
    mbedtls_ctr_drbg_free(&p->drbg);
    mbedtls_entropy_free(&p->entropy);
    p->magic = SL_OBJ_DEAD;
    sl_mem_free(p);
}

/* ---- what is known of peers ---- */

static struct known *find_known(const struct sl_tls_profile *p, struct sl_str origin)
{
    struct known *one = NULL;

    if (origin.n > 0)
        HASH_FIND(hh, p->known, origin.p, origin.n, one);
    return one;
}

static struct known *find_or_make(const struct sl_tls *t)
{
    struct sl_tls_profile *p = t->profile;
    struct known *one = find_known(p, (struct sl_str){t->origin, t->origin_n});

    if (one != NULL || t->origin_n == 0)
        return one;
    if (HASH_COUNT(p->known) >= KNOWN_MAX)
        drop_known(p, p->known); /* the oldest */
    one = sl_mem_new(sizeof *one);
    mbedtls_ssl_session_init(&one->session);
    memcpy(one->origin, t->origin, t->origin_n);
    one->len = t->origin_n;
    HASH_ADD_KEYPTR(hh, p->known, one->origin, one->len, one);
    return one;
}

bool sl_tls_certificate_of(const struct sl_tls_profile *p, struct sl_str origin,
                           struct sl_tls_certificate *out)
{
    const struct known *one;

    SL_OBJ_CHECK(p, PROFILE_MAGIC);
    one = find_known(p, origin);
    if (one == NULL || one->certificate.seen_s == 0)
        return false;
    *out = one->certificate;
    return true;
}

/* ---- one session ---- */

static int bio_send(void *ctx, const unsigned char *p, size_t n)
{
    struct sl_tls *t = ctx;

    if (!sl_buf_append(t->out, (struct sl_str){(const char *)p, n}))
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    return (int)n;
}

static int bio_recv(void *ctx, unsigned char *p, size_t n)
{
    struct sl_tls *t = ctx;

    if (t->in == NULL || t->in->n == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    if (n > t->in->n)
        n = t->in->n;
    memcpy(p, t->in->p, n);
    t->in->p += n;
    t->in->n -= n;
    return (int)n;
}

static int64_t now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

static void offer_session(struct sl_tls *t)
{
    struct known *one = find_known(t->profile, (struct sl_str){t->origin, t->origin_n});
    int64_t age_s = one != NULL ? now_s() - one->certificate.seen_s : 0;

    if (one == NULL || !one->has_session)
        return;
    if (t->profile->verify && (age_s < 0 || age_s > LOOK_S))
        return; /* nothing is seen of certificates in a session that goes on */
    t->offered = mbedtls_ssl_set_session(&t->ssl, &one->session) == 0;
}

static int64_t seconds_of(const mbedtls_x509_time *at)
{
    char text[24];
    uint64_t ms = 0;
    int n = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", at->year, at->mon,
                     at->day, at->hour, at->min, at->sec);

    /* what is no date after 1970 has ended */
    return sl_when_date((struct sl_str){text, (size_t)n}, &ms) ? (int64_t)(ms / 1000) : 0;
}

static void note_certificate(struct sl_tls *t)
{
    struct known *one = t->doubted ? NULL : find_or_make(t);

    if (one == NULL)
        return;
    one->certificate.seen_s = now_s();
    one->certificate.ends_s = seconds_of(&t->first->valid_to);
    if (mbedtls_x509_dn_gets(one->certificate.subject, sizeof one->certificate.subject,
                             &t->first->subject) < 0)
        snprintf(one->certificate.subject, sizeof one->certificate.subject, "(a long name)");
}

/* The chain from the authority down; the peer's own, 0, is the last one. That one has ended is
 * no reason to forget when. */
static void look_at(struct sl_tls *t, const mbedtls_x509_crt *crt, int depth, uint32_t flags)
{
    if (t->first == NULL || mbedtls_x509_time_cmp(&crt->valid_to, &t->first->valid_to) < 0)
        t->first = crt;
    t->doubted = t->doubted || (flags & ~(uint32_t)MBEDTLS_X509_BADCERT_EXPIRED) != 0;
    if (depth > 0)
        return;
    note_certificate(t);
    t->first = NULL;
}

/* Called for each certificate of a chain, in full handshakes only. */
static int on_mbedtls_verify(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct sl_tls *t = ctx;

    t->saw_chain = true;
    look_at(t, crt, depth, *flags);
    return 0;
}

struct sl_tls *sl_tls_new(struct sl_tls_profile *p, struct sl_str host, struct sl_str origin,
                          struct sl_buf *cipher_out)
{
    struct sl_tls *t = sl_mem_new(sizeof *t);
    char name[256];

    t->magic = TLS_MAGIC;
    t->profile = sl_tls_share(p);
    t->out = cipher_out;
    mbedtls_ssl_init(&t->ssl);
    if (mbedtls_ssl_setup(&t->ssl, &p->conf) != 0) {
        sl_tls_end(&t);
        return NULL;
    }
    mbedtls_ssl_set_bio(&t->ssl, t, bio_send, bio_recv, NULL);
    if (!p->client)
        return t;
    mbedtls_ssl_set_verify(&t->ssl, on_mbedtls_verify, t);
    snprintf(name, sizeof name, "%.*s", SL_STR_ARGS(host));
    t->origin_n = origin.n < sizeof t->origin ? origin.n : sizeof t->origin;
    memcpy(t->origin, origin.p, t->origin_n);
    if (mbedtls_ssl_set_hostname(&t->ssl, p->server_name[0] != 0 ? p->server_name : name) != 0) {
        sl_tls_end(&t);
        return NULL;
    }
    offer_session(t);
    return t;
}

void sl_tls_end(struct sl_tls **pt)
{
    struct sl_tls *t = *pt;

    *pt = NULL;
    if (t == NULL)
        return;
    mbedtls_ssl_free(&t->ssl);
    sl_tls_drop(&t->profile);
    t->magic = SL_OBJ_DEAD;
    sl_mem_free(t);
}

void sl_tls_input(struct sl_tls *t, struct sl_str *cipher_in)
{
    t->in = cipher_in;
}

static void keep_session(struct sl_tls *t)
{
    struct known *one = t->profile->client ? find_or_make(t) : NULL;

    if (one == NULL)
        return;
    mbedtls_ssl_session_free(&one->session);
    mbedtls_ssl_session_init(&one->session);
    one->has_session = mbedtls_ssl_get_session(&t->ssl, &one->session) == 0;
}

enum sl_tls_step sl_tls_handshake(struct sl_tls *t, enum sl_err *why)
{
    int e;

    if (t->shaken)
        return SL_TLS_DONE;
    e = mbedtls_ssl_handshake(&t->ssl);
    if (e == MBEDTLS_ERR_SSL_WANT_READ || e == MBEDTLS_ERR_SSL_WANT_WRITE)
        return SL_TLS_WANT_IO;
    t->in = e != 0 ? NULL : t->in;
    t->verify_flags = mbedtls_ssl_get_verify_result(&t->ssl);
    if (e != 0) {
        bool refused = t->profile->verify && t->verify_flags != 0 && t->verify_flags != UINT32_MAX;

        t->failed = e;
        *why = refused || e == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED ? SL_ERR_TLS_VERIFY : SL_ERR_TLS;
        return SL_TLS_FAIL;
    }
    if (t->profile->verify && t->verify_flags != 0) { /* cannot be; must not be */
        *why = SL_ERR_TLS_VERIFY;
        return SL_TLS_FAIL;
    }
    t->shaken = true;
    if (mbedtls_ssl_get_version_number(&t->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
        keep_session(t);
    return SL_TLS_DONE;
}

/* Neither bytes to read nor a record that was: the library would say so too, at the price of a
 * walk through all of its layers with each read. */
static bool has_nothing(const struct sl_tls *t)
{
    return (t->in == NULL || t->in->n == 0) && mbedtls_ssl_check_pending(&t->ssl) == 0;
}

enum sl_tls_step sl_tls_read(struct sl_tls *t, char *out, size_t cap, size_t *n, enum sl_err *why)
{
    bool asked = false; /* since the last byte went in */

    if (has_nothing(t))
        return SL_TLS_WANT_IO;
    for (;;) {
        size_t left = t->in != NULL ? t->in->n : 0;
        int e = mbedtls_ssl_read(&t->ssl, (unsigned char *)out, cap);

        if (e > 0) {
            *n = (size_t)e;
            return SL_TLS_DONE;
        }
        switch (e) {
        case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET: keep_session(t); continue;
        case MBEDTLS_ERR_SSL_WANT_READ:
        case MBEDTLS_ERR_SSL_WANT_WRITE:
            /* an empty record is no reason to stop while bytes are left; and a
             * ticket is answered like this before it is looked at */
            if (t->in != NULL && t->in->n != left) {
                asked = false;
            } else {
                if (asked || mbedtls_ssl_check_pending(&t->ssl) == 0)
                    return SL_TLS_WANT_IO;
                asked = true;
            }
            continue;
        case 0: continue; /* empty records, no end: bio_recv() has none. Four in a row fail */
        case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: return SL_TLS_EOF;
        default:
            t->failed = e;
            *why = SL_ERR_TLS_BROKEN;
            return SL_TLS_FAIL;
        }
    }
}

bool sl_tls_write(struct sl_tls *t, struct sl_str plain)
{
    while (plain.n > 0) {
        int n = mbedtls_ssl_write(&t->ssl, (const unsigned char *)plain.p, plain.n);

        if (n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            keep_session(t);
            continue;
        }
        if (n <= 0)
            return false;
        plain = sl_str_from(plain, (size_t)n);
    }
    return true;
}

void sl_tls_close_notify(struct sl_tls *t)
{
    if (t->shaken)
        (void)mbedtls_ssl_close_notify(&t->ssl);
}

bool sl_tls_is_resumed(const struct sl_tls *t)
{
    return t->shaken && t->offered && !t->saw_chain && t->profile->verify;
}

/* What the library says of it, and what is to be done. */
static void explain_time(const struct sl_tls *t, char *out, size_t cap)
{
    const struct known *one = find_known(t->profile, (struct sl_str){t->origin, t->origin_n});
    struct sl_text w = sl_text_over(out, cap - 1);

    w.n = strlen(out);
    if (t->verify_flags == MBEDTLS_X509_BADCERT_FUTURE)
        sl_text_add(&w, SL_STR("; look at this host's clock"));
    if (t->verify_flags == MBEDTLS_X509_BADCERT_EXPIRED && one != NULL) {
        sl_text_add(&w, SL_STR(", on "));
        sl_text_time(&w, one->certificate.ends_s * 1000);
        sl_text_add(&w, SL_STR("; whoever runs that server has to renew it, unless this host's "
                               "clock is wrong"));
    }
    out[w.n] = 0;
}

void sl_tls_reason(const struct sl_tls *t, char *out, size_t cap)
{
    char text[512];
    char *end;

    out[0] = 0;
    if (t->failed != 0)
        mbedtls_strerror(t->failed, out, cap);
    if (t->verify_flags == 0 || t->verify_flags == UINT32_MAX)
        return;
    mbedtls_x509_crt_verify_info(text, sizeof text, "", t->verify_flags);
    end = strchr(text, '\n');
    if (end != NULL)
        *end = 0;
    snprintf(out, cap, "%s", text);
    explain_time(t, out, cap);
}
