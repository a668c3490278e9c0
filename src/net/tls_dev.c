/* A private CA and a certificate signed by it, for the mock and development. */
#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/x509_crt.h>

#include "base/rand.h"

#define NAMES_MAX 16
#define DAYS 825

struct maker {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context drbg;
    mbedtls_pk_context ca_key, key;
    char from[16], to[16], ca_to[16];
    mbedtls_x509_san_list san[NAMES_MAX];
    unsigned char ip[NAMES_MAX][16];
    char name[NAMES_MAX][128];
    size_t names_n;
};

static bool still_good(const char *dir)
{
    mbedtls_x509_crt crt;
    char path[512];
    bool good;
    time_t soon = time(NULL) + 86400;
    struct tm tm;

    mbedtls_x509_crt_init(&crt);
    snprintf(path, sizeof path, "%s/cert.pem", dir);
    good = mbedtls_x509_crt_parse_file(&crt, path) == 0;
    gmtime_r(&soon, &tm);
    good = good && (crt.valid_to.year > tm.tm_year + 1900 ||
                    (crt.valid_to.year == tm.tm_year + 1900 && crt.valid_to.mon > tm.tm_mon + 1));
    mbedtls_x509_crt_free(&crt);
    snprintf(path, sizeof path, "%s/key.pem", dir);
    good = good && access(path, R_OK) == 0;
    snprintf(path, sizeof path, "%s/ca.pem", dir);
    return good && access(path, R_OK) == 0;
}

static void add_name(struct maker *m, struct sl_str one)
{
    size_t i = m->names_n;
    int n;

    if (i == NAMES_MAX || one.n == 0 || one.n >= sizeof m->name[0])
        return;
    memcpy(m->name[i], one.p, one.n);
    m->name[i][one.n] = 0;
    n = (int)mbedtls_x509_crt_parse_cn_inet_pton(m->name[i], m->ip[i]);
    if (n > 0) {
        m->san[i].node.type = MBEDTLS_X509_SAN_IP_ADDRESS;
        m->san[i].node.san.unstructured_name.p = m->ip[i];
        m->san[i].node.san.unstructured_name.len = (size_t)n;
    } else {
        m->san[i].node.type = MBEDTLS_X509_SAN_DNS_NAME;
        m->san[i].node.san.unstructured_name.p = (unsigned char *)m->name[i];
        m->san[i].node.san.unstructured_name.len = one.n;
    }
    if (i > 0)
        m->san[i - 1].next = &m->san[i];
    m->names_n++;
}

static int make_key(struct maker *m, mbedtls_pk_context *key)
{
    int e = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));

    if (e != 0)
        return e;
    return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key),
                               mbedtls_ctr_drbg_random, &m->drbg);
}

static int save(const char *dir, const char *name, const char *text, mode_t mode)
{
    char path[512];
    size_t n = strlen(text);
    int fd;
    ssize_t k;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    k = write(fd, text, n);
    close(fd);
    return k == (ssize_t)n ? 0 : -EIO;
}

static int sign(struct maker *m, bool ca, char *pem, size_t cap)
{
    mbedtls_x509write_cert w;
    unsigned char serial[16];
    int e;

    mbedtls_x509write_crt_init(&w);
    sl_rand_bytes(serial, sizeof serial);
    /* positive, and no zero in front, which is not DER (X.690 section 8.3.2) */
    serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40);
    mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_issuer_key(&w, &m->ca_key);
    mbedtls_x509write_crt_set_subject_key(&w, ca ? &m->ca_key : &m->key);
    e = mbedtls_x509write_crt_set_issuer_name(&w, "CN=Sluice development CA");
    e = e != 0 ? e
               : mbedtls_x509write_crt_set_subject_name(&w, ca ? "CN=Sluice development CA"
                                                               : "CN=Sluice mock provider");
    e = e != 0 ? e : mbedtls_x509write_crt_set_serial_raw(&w, serial, sizeof serial);
    e = e != 0 ? e : mbedtls_x509write_crt_set_validity(&w, m->from, ca ? m->ca_to : m->to);
    e = e != 0 ? e : mbedtls_x509write_crt_set_basic_constraints(&w, ca, ca ? 0 : -1);
    e = e != 0 ? e : mbedtls_x509write_crt_set_subject_key_identifier(&w);
    e = e != 0 ? e : mbedtls_x509write_crt_set_authority_key_identifier(&w);
    if (ca)
        e = e != 0 ? e : mbedtls_x509write_crt_set_key_usage(&w, MBEDTLS_X509_KU_KEY_CERT_SIGN);
    if (!ca)
        e = e != 0 ? e : mbedtls_x509write_crt_set_subject_alternative_name(&w, &m->san[0]);
    e = e != 0 ? e
               : mbedtls_x509write_crt_pem(&w, (unsigned char *)pem, cap, mbedtls_ctr_drbg_random,
                                           &m->drbg);
    mbedtls_x509write_crt_free(&w);
    return e;
}

static int make(struct maker *m, const char *dir)
{
    char pem[8192], ca[8192];
    int e = mbedtls_ctr_drbg_seed(&m->drbg, mbedtls_entropy_func, &m->entropy, NULL, 0);

    e = e != 0 ? e : make_key(m, &m->ca_key);
    e = e != 0 ? e : make_key(m, &m->key);
    e = e != 0 ? e : sign(m, true, ca, sizeof ca);
    e = e != 0 ? e : save(dir, "ca.pem", ca, 0644);
    e = e != 0 ? e : sign(m, false, pem, sizeof pem);
    e = e != 0 ? e : save(dir, "cert.pem", pem, 0644);
    e = e != 0 ? e : mbedtls_pk_write_key_pem(&m->key, (unsigned char *)pem, sizeof pem);
    e = e != 0 ? e : save(dir, "key.pem", pem, 0600);
    return e;
}

static void write_time(char out[16], time_t at)
{
    struct tm tm;

    strftime(out, 16, "%Y%m%d%H%M%S", gmtime_r(&at, &tm));
}

enum sl_err sl_tls_make_dev_certs(const char *dir, const char *names, int days, char *why,
                                  size_t cap)
{
    struct maker m;
    struct sl_str rest = sl_str_of(names), one;
    time_t now = time(NULL), to = now + (time_t)(days != 0 ? days : DAYS) * 86400;
    char text[96] = "";
    int e;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        snprintf(why, cap, "can't make the directory %s: %s", dir, strerror(errno));
        return SL_ERR_IO;
    }
    if (still_good(dir))
        return SL_OK;
    memset(&m, 0, sizeof m);
    write_time(m.from, (to < now ? to : now) - 3600);
    write_time(m.to, to);
    write_time(m.ca_to, now + (time_t)DAYS * 86400);
    while (sl_str_split(&rest, ',', &one))
        add_name(&m, sl_str_trim(one));
    mbedtls_entropy_init(&m.entropy);
    mbedtls_ctr_drbg_init(&m.drbg);
    mbedtls_pk_init(&m.ca_key);
    mbedtls_pk_init(&m.key);
    e = make(&m, dir);
    mbedtls_pk_free(&m.ca_key);
    mbedtls_pk_free(&m.key);
    mbedtls_ctr_drbg_free(&m.drbg);
    mbedtls_entropy_free(&m.entropy);
    if (e == 0)
        return SL_OK;
    mbedtls_strerror(e, text, sizeof text);
    snprintf(why, cap, "can't make certificates in %s: %s", dir, text);
    return SL_ERR_IO;
}
