/* net/tls.h -- TLS profiles, and mbedtls as a byte transformer without sockets.
 *
 * A profile is what a configuration says once and many streams share: counted,
 * immutable but for what a client profile knows of each (host, port): the newest
 * session, so that reconnecting resumes, and when its certificates end. Those are
 * seen in full handshakes only, so a session is offered for a day at most.
 *
 * Client   TLS 1.2 and 1.3, SNI, ALPN http/1.1, verification required: chain to
 *          `ca_file` (or the system store) and the host name. There is no way
 *          to make a client profile without a host name check except
 *          verify=false, which is logged as a warning each time one is made.
 * Server   certificate chain and key from PEM files (for sluice-mock).
 * Session  `struct sl_tls` is used by net/stream only: cipher text in, plain
 *          text out, and back.
 * Source   mbedtls 3.6; RFC 8446, RFC 5246, RFC 6066 (SNI), RFC 7301 (ALPN).
 */
#ifndef SL_NET_TLS_H
#define SL_NET_TLS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct sl_tls_profile;

struct sl_tls_client_conf {
    const char *ca_file;     /* PEM; NULL or "": what sl_tls_system_store() says */
    const char *crl_file;    /* PEM; NULL or "": none */
    const char *server_name; /* overrides the host name in SNI and check; may be NULL */
    bool verify;
};

/* The file with the CAs that this machine trusts: $SSL_CERT_FILE, as OpenSSL, Go and Python read
 * it, or Debian's. */
const char *sl_tls_system_store(void);
/* On failure *out is NULL and `why` (at least 256 bytes) says what to do. */
SL_MUST enum sl_err sl_tls_client_profile(const struct sl_tls_client_conf *conf,
                                          struct sl_tls_profile **out, char *why, size_t cap);
SL_MUST enum sl_err sl_tls_server_profile(const char *cert_file, const char *key_file,
                                          struct sl_tls_profile **out, char *why, size_t cap);
/* What ends first in the chain that a peer showed and we believed, up to the authority that is
 * trusted; also after it has ended. RFC 5280 section 4.1.2.5. */
struct sl_tls_certificate {
    int64_t ends_s;    /* since 1970 */
    int64_t seen_s;    /* likewise: when it was shown; a connection that lasts shows nothing new */
    char subject[100]; /* whose certificate it is; its bytes come from outside */
};
/* Of "host:port". False: no full handshake has been made yet, or nothing is verified. */
SL_MUST bool sl_tls_certificate_of(const struct sl_tls_profile *p, struct sl_str origin,
                                   struct sl_tls_certificate *out);

struct sl_tls_profile *sl_tls_share(struct sl_tls_profile *p); /* one more holder */
void sl_tls_drop(struct sl_tls_profile **p);                   /* one holder less */

/* Makes a private CA, and a P-256 server certificate for `names` (comma
 * separated DNS names and IP addresses) signed by it: DIR/ca.pem, DIR/cert.pem,
 * DIR/key.pem (0600). Existing files that are still valid for a day are kept.
 * The certificate ends `days` from now (below 0: it has ended; 0: as long as the CA).
 * For the mock and for development. */
SL_MUST enum sl_err sl_tls_make_dev_certs(const char *dir, const char *names, int days, char *why,
                                          size_t cap);

/* Digests for the rooms above, so that only net sees mbedtls. No state is shared: jobs of
 * the pool may call them. MD5 (RFC 1321) names cached answers and proves nothing. */
void sl_tls_sha256(struct sl_str data, uint8_t out[32]);
void sl_tls_md5(struct sl_str data, uint8_t out[16]);
/* SHA-256 of a text that comes in pieces. NULL: no memory; lives as long as the arena. */
struct sl_tls_hash;
struct sl_tls_hash *sl_tls_hash_new(struct sl_arena *a);
void sl_tls_hash_feed(struct sl_tls_hash *h, struct sl_str data);
void sl_tls_hash_end(struct sl_tls_hash *h, uint8_t out[32]); /* once, and nothing after it */
/* HMAC-SHA256 (RFC 2104, FIPS 180-4) over `parts` one after the other, as if they were
 * one text. */
void sl_tls_hmac_sha256(struct sl_str key, const struct sl_str *parts, size_t n, uint8_t out[32]);
/* The same with a key that is used again and again: its own blocks are hashed once, where
 * that is ours to do. A secret as the key itself is: wiped by its holder. */
struct sl_tls_key {
    uint8_t block[64];
    uint32_t inner[8], outer[8]; /* SHA-256 behind the block and either pad */
};
void sl_tls_key_init(struct sl_tls_key *k, struct sl_str key);
void sl_tls_key_hmac(const struct sl_tls_key *k, const struct sl_str *parts, size_t n,
                     uint8_t out[32]);

/* ---- for net/stream ---- */
struct sl_tls;

enum sl_tls_step { SL_TLS_WANT_IO, SL_TLS_DONE, SL_TLS_EOF, SL_TLS_FAIL };

/* `origin` ("host:port") is what sessions and certificates are kept by. NULL without memory. */
SL_MUST struct sl_tls *sl_tls_new(struct sl_tls_profile *p, struct sl_str host,
                                  struct sl_str origin, struct sl_buf *cipher_out);
void sl_tls_end(struct sl_tls **t);
/* The cipher text to read from; consumed from the front by the calls below. */
void sl_tls_input(struct sl_tls *t, struct sl_str *cipher_in);
enum sl_tls_step sl_tls_handshake(struct sl_tls *t, enum sl_err *why);
/* DONE: *n plain bytes are in `out`. WANT_IO: more cipher text needed. EOF:
 * close_notify. */
enum sl_tls_step sl_tls_read(struct sl_tls *t, char *out, size_t cap, size_t *n, enum sl_err *why);
/* Encrypts all of `plain` into cipher_out; false when that is full or broken. */
SL_MUST bool sl_tls_write(struct sl_tls *t, struct sl_str plain);
void sl_tls_close_notify(struct sl_tls *t);
bool sl_tls_is_resumed(const struct sl_tls *t);
/* Why the certificate was refused, for the log; empty if it was not. */
void sl_tls_reason(const struct sl_tls *t, char *out, size_t cap);

#endif
