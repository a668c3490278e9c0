/* cli/seal.c -- seal, unseal, reseal: secrets that may stand in a file. A secret comes by
 * stdin, never as an argument, which every user of the machine could read. */
#include "base/mem.h"
#include "cli/options.h"
#include "conf/master.h"
#include "conf/tree.h"
#include "net/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

struct secret {
    char p[SL_SEAL_TEXT_MAX];
    size_t n;
};

static int failed(const char *command, const char *why)
{
    fprintf(stderr, "sluice %s: %s\n", command, why);
    return SL_EXIT_FAILED;
}

/* A terminal doesn't show what is typed. */
static bool hide(struct termios *was)
{
    struct termios now;

    if (tcgetattr(STDIN_FILENO, was) != 0)
        return false;
    now = *was;
    now.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "the value, then Enter: ");
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &now) == 0;
}

/* Up to the end of stdin, of a terminal up to the end of the line. */
static bool read_secret(struct secret *s, char *why, size_t cap)
{
    struct termios was;
    bool hidden = isatty(STDIN_FILENO) && hide(&was);
    ssize_t got = 1;

    s->n = 0;
    while (got > 0 && s->n < sizeof s->p) {
        got = read(STDIN_FILENO, s->p + s->n, sizeof s->p - s->n);
        s->n += got > 0 ? (size_t)got : 0;
        if (hidden && s->n > 0 && s->p[s->n - 1] == '\n')
            break;
    }
    if (hidden) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fputc('\n', stderr);
    }
    while (s->n > 0 && (s->p[s->n - 1] == '\n' || s->p[s->n - 1] == '\r'))
        s->n--;
    if (got < 0)
        snprintf(why, cap, "reading stdin failed: %s", strerror(errno));
    else if (s->n == 0)
        snprintf(why, cap, "nothing came by stdin; the value is piped in: printf %%s \"$KEY\" | …");
    else if (s->n > SL_SEAL_PLAIN_MAX &&
             !sl_str_starts((struct sl_str){s->p, s->n}, SL_SEAL_PREFIX))
        snprintf(why, cap, "a secret has at most %zu bytes", SL_SEAL_PLAIN_MAX);
    else
        return true;
    return false;
}

/* One value from stdin to stdout. */
static int convert(const char *command, bool lock)
{
    struct sl_master m;
    struct secret *in = sl_mem_new(sizeof *in), *out = sl_mem_new(sizeof *out);
    struct sl_text text = sl_text_over(out->p, sizeof out->p);
    char why[256] = "the value is too long";
    bool ok = sl_master_read(&(struct sl_env){0}, &m, why, sizeof why) &&
              read_secret(in, why, sizeof why);

    if (ok && lock)
        ok = sl_seal_lock(&m.keys[0], (struct sl_str){in->p, in->n}, &text) == SL_SEAL_DONE;
    else if (ok)
        ok = sl_master_open(&m, (struct sl_str){in->p, in->n}, &text, why, sizeof why);
    if (ok)
        printf("%.*s\n", SL_STR_ARGS(sl_text_str(&text)));
    sl_master_wipe(&m);
    sl_mem_wipe(in, sizeof *in);
    sl_mem_wipe(out, sizeof *out);
    sl_mem_free(in);
    sl_mem_free(out);
    if (!ok)
        return failed(command, why);
    return fflush(stdout) == 0 ? SL_EXIT_OK : failed(command, "writing failed");
}

int sl_cmd_seal(const struct sl_options *o)
{
    (void)o;
    return convert("seal", true);
}

int sl_cmd_unseal(const struct sl_options *o)
{
    (void)o;
    return convert("unseal", false);
}

/* ---- reseal ---- */

struct reseal {
    struct sl_master m;
    struct secret sealed, plain;
    size_t changed, kept;
    char why[256];
};

static bool is_of_value(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' ||
           c == '+' || c == '/' || c == '=';
}

static bool is_kept(const struct reseal *r, struct sl_str id)
{
    return sl_str_eq(id, sl_str_of(r->m.keys[0].id));
}

/* The value at the front of `text` goes to `out`, sealed anew. False: `why`. */
static bool put_anew(struct reseal *r, FILE *out, struct sl_str value)
{
    struct sl_text plain = sl_text_over(r->plain.p, sizeof r->plain.p);
    struct sl_text sealed = sl_text_over(r->sealed.p, sizeof r->sealed.p);

    if (!sl_master_open(&r->m, value, &plain, r->why, sizeof r->why))
        return false;
    if (sl_seal_lock(&r->m.keys[0], sl_text_str(&plain), &sealed) != SL_SEAL_DONE) {
        snprintf(r->why, sizeof r->why, "a value is too long");
        return false;
    }
    r->changed++;
    return fwrite(sealed.p, 1, sealed.n, out) == sealed.n;
}

/* The whole text, values replaced; the rest byte for byte. */
static bool put_all(struct reseal *r, FILE *out, struct sl_str text)
{
    while (text.n > 0) {
        ptrdiff_t at = sl_str_find(text, SL_SEAL_PREFIX);
        size_t before = at < 0 ? text.n : (size_t)at, n = 0;
        struct sl_str value;

        if (fwrite(text.p, 1, before, out) != before)
            return false;
        text = sl_str_from(text, before);
        while (n < text.n && is_of_value(text.p[n]))
            n++;
        value = sl_str_first(text, n);
        text = sl_str_from(text, n);
        if (sl_seal_id_of(value).n == 0 || is_kept(r, sl_seal_id_of(value))) {
            r->kept += sl_seal_id_of(value).n > 0;
            if (fwrite(value.p, 1, value.n, out) != value.n)
                return false;
        } else if (!put_anew(r, out, value)) {
            return false;
        }
    }
    return true;
}

/* Beside the file, then in its place: a reader sees the old one or the new one. */
static bool replace_file(struct reseal *r, const char *path, struct sl_str text)
{
    char beside[4096];
    struct stat st;
    FILE *out = NULL;
    int fd;
    bool ok;

    if (snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= (int)sizeof beside ||
        stat(path, &st) != 0)
        return false;
    fd = mkstemp(beside);
    if (fd < 0)
        return false;
    ok = fchmod(fd, st.st_mode & 07777) == 0 && (out = fdopen(fd, "w")) != NULL;
    ok = ok && put_all(r, out, text) && fflush(out) == 0 && fsync(fd) == 0;
    if (out != NULL)
        ok = fclose(out) == 0 && ok;
    else
        close(fd);
    ok = ok && rename(beside, path) == 0;
    if (!ok)
        unlink(beside);
    return ok;
}

static int reseal_file(struct reseal *r, const char *path)
{
    size_t n = 0;
    char *text = sl_file_load(path, SL_TREE_FILE, &n);
    bool ok = text != NULL && replace_file(r, path, (struct sl_str){text, n});
    int code = errno;

    sl_mem_free(text);
    if (!ok) {
        fprintf(stderr, "sluice reseal: %s: %s; the file is as it was\n", path,
                r->why[0] != '\0' ? r->why : strerror(code));
        return SL_EXIT_FAILED;
    }
    printf("%s: %zu sealed anew under %s, %zu were already\n", path, r->changed, r->m.keys[0].id,
           r->kept);
    return SL_EXIT_OK;
}

int sl_cmd_reseal(const struct sl_options *o)
{
    struct reseal *r;
    int code;

    if (o->argument == NULL) {
        fprintf(stderr, "sluice reseal: which file? sluice reseal FILE\n");
        return SL_EXIT_USAGE;
    }
    r = sl_mem_new(sizeof *r);
    if (sl_master_read(&(struct sl_env){0}, &r->m, r->why, sizeof r->why))
        code = reseal_file(r, o->argument);
    else
        code = failed("reseal", r->why);
    sl_mem_wipe(r, sizeof *r);
    sl_mem_free(r);
    return code;
}
