/* Certificates good and bad, made with the openssl command line into a folder
 * of their own: a CA with a database (so that dates, revocation and extensions
 * are free to choose), an intermediate, and a leaf for each thing to refuse. */
#ifndef SL_TEST_NET_CERTS_H
#define SL_TEST_NET_CERTS_H

#include "_net.h"

#include <sys/wait.h>

static char certs_dir[] = "/tmp/net_certs_XXXXXX";

static const char certs_script[] =
    "set -e\n"
    "new_ca() { mkdir $1; : >$1/db; echo 01 >$1/serial; echo 01 >$1/crlnumber\n"
    "  cat >$1/conf <<END\n"
    "[ca]\ndefault_ca=c\n[c]\ndatabase=$1/db\nserial=$1/serial\ncrlnumber=$1/crlnumber\n"
    "new_certs_dir=$1\ncertificate=$1.pem\nprivate_key=$1.key\ndefault_md=sha256\n"
    "default_days=30\ndefault_crl_days=30\npolicy=p\nunique_subject=no\n[p]\n"
    "commonName=supplied\n[req]\ndistinguished_name=d\n[d]\n[v3]\nbasicConstraints=critical,CA:"
    "TRUE\n"
    "END\n"
    "}\n"
    "ec() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }\n"
    "root() { new_ca $1; ec $1; openssl req -x509 -new -key $1.key -subj /CN=$1 -days 30\\\n"
    "  -config $1/conf -extensions v3 -out $1.pem; }\n"
    /* leaf NAME CA 'extensions' [options of openssl ca] */
    "leaf() { n=$1; ca=$2; ext=$3; shift 3; [ -e $n.key ] || ec $n\n"
    "  printf \"$ext\" >$n.ext\n"
    "  openssl req -new -key $n.key -subj /CN=$n -config $ca/conf -out $n.csr\n"
    "  openssl ca -batch -notext -config $ca/conf -in $n.csr -extfile $n.ext -out $n.pem \"$@\"; "
    "}\n"
    "ok='subjectAltName=DNS:localhost,DNS:good.test,IP:127.0.0.1\\n'\n"
    "root ca; root other\n"
    "leaf good ca \"$ok\"\n"
    "leaf wild ca 'subjectAltName=DNS:*.wild.test\\n'\n"
    "leaf wronghost ca 'subjectAltName=DNS:somewhere.else.test\\n'\n"
    "leaf expired ca \"$ok\" -startdate 20200101000000Z -enddate 20200201000000Z\n"
    "leaf future ca \"$ok\" -startdate 20400101000000Z -enddate 20400201000000Z\n"
    "leaf unknown other \"$ok\"\n"
    "leaf clientonly ca \"${ok}extendedKeyUsage=clientAuth\\n\"\n"
    "leaf serveruse ca \"${ok}extendedKeyUsage=serverAuth\\n\"\n"
    "leaf noca ca \"${ok}basicConstraints=critical,CA:FALSE\\n\"\n"
    "openssl genrsa -out sha1.key 2048; leaf sha1 ca \"$ok\" -md sha1\n"
    "openssl genrsa -out weak.key 1024; leaf weak ca \"$ok\"\n"
    "openssl genrsa -out rsa.key 2048; leaf rsa ca \"$ok\"\n"
    "leaf revoked ca \"$ok\"\n"
    "ec self; openssl req -x509 -new -key self.key -subj /CN=self -days 30 -config ca/conf\\\n"
    "  -addext subjectAltName=DNS:localhost -out self.pem\n"
    /* an intermediate, one that may name other hosts only, and no CA at all */
    "new_ca mid; leaf mid ca 'basicConstraints=critical,CA:TRUE\\n'; leaf under mid \"$ok\"\n"
    "cp under.key chain.key; cat under.pem mid.pem >chain.pem\n"
    "new_ca brief; leaf brief ca 'basicConstraints=critical,CA:TRUE\n' -days 5\n"
    "leaf fading brief \"$ok\"; cat fading.pem brief.pem >x; mv x fading.pem\n"
    "new_ca tight; leaf tight ca 'basicConstraints=critical,CA:TRUE\\n"
    "nameConstraints=critical,permitted;DNS:only.this.test\\n'; leaf squeezed tight \"$ok\"\n"
    "cat squeezed.pem tight.pem >x; mv x squeezed.pem\n"
    "new_ca noca; leaf child noca \"$ok\"; cat child.pem noca.pem >x; mv x child.pem\n"
    "openssl ca -config ca/conf -revoke revoked.pem\n"
    "openssl ca -config ca/conf -gencrl -out crl.pem\n"
    "openssl ca -config ca/conf -gencrl -crl_lastupdate 20200101000000Z"
    " -crl_nextupdate 20200201000000Z -out oldcrl.pem\n"
    "echo made >done\n";

static inline const char *certs_path(const char *name)
{
    static char paths[8][128];
    static unsigned n;
    char *p = paths[n++ % 8];

    (void)snprintf(p, sizeof paths[0], "%s/%s", certs_dir, name);
    return p;
}

static inline int certs_make(void **state)
{
    char command[256];
    FILE *f;

    (void)state;
    if (system("command -v openssl >/dev/null") != 0) {
        printf("no openssl command: skipped\n");
        exit(77);
    }
    assert_non_null(mkdtemp(certs_dir));
    f = fopen(certs_path("make.sh"), "w");
    fputs(certs_script, f);
    fclose(f);
    (void)snprintf(command, sizeof command, "cd %s && sh make.sh >log 2>&1 || tail -5 log",
                   certs_dir);
    if (system(command) != 0 || access(certs_path("done"), R_OK) != 0)
        return -1;
    return 0;
}

static inline int certs_remove(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", certs_dir);
    return system(command);
}

static inline struct sl_tls_profile *server_with(const char *name)
{
    struct sl_tls_profile *p = NULL;
    char cert[64], key[64], why[256] = "";

    (void)snprintf(cert, sizeof cert, "%s.pem", name);
    (void)snprintf(key, sizeof key, "%s.key", name);
    if (sl_tls_server_profile(certs_path(cert), certs_path(key), &p, why, sizeof why) != SL_OK)
        fail_msg("%s", why);
    return p;
}

static inline struct sl_tls_profile *client_with(const char *ca, const char *crl, const char *name)
{
    struct sl_tls_client_conf conf = {.ca_file = certs_path(ca),
                                      .crl_file = crl != NULL ? certs_path(crl) : NULL,
                                      .server_name = name,
                                      .verify = true};
    struct sl_tls_profile *p = NULL;
    char why[256] = "";

    if (sl_tls_client_profile(&conf, &p, why, sizeof why) != SL_OK)
        fail_msg("%s", why);
    return p;
}

/* A server of openssl's, killed by pid; the port is free a moment before. */
static inline pid_t s_server(uint16_t *port, const char *cert, const char *more)
{
    char command[512];
    int l = raw_listen(port, 1), fd = -1;
    pid_t pid;

    close(l);
    (void)snprintf(
        command, sizeof command,
        "exec openssl s_server -quiet -accept 127.0.0.1:%u -cert %s/%s.pem -key %s/%s.key "
        "%s >/dev/null 2>&1 </dev/null",
        *port, certs_dir, cert, certs_dir, cert, more);
    pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 300 && fd < 0; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(*port)};

        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
            close(fd);
            fd = -1;
            usleep(10000);
        }
    }
    assert_true(fd >= 0);
    close(fd);
    return pid;
}

static inline void s_server_end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#endif
