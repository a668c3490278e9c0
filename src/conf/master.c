/* conf/master.c -- master keys from the environment or a file. */
#include "conf/master.h"

#include "base/mem.h"
#include "net/file.h"

#include <errno.h>
#include <stdio.h>

#define BLANKS SL_STR(" \t\r\n")

static bool is_blank(char c)
{
    return sl_str_find_byte(BLANKS, c) >= 0;
}

/* The next word; false: no more. */
static bool next_word(struct sl_str *rest, struct sl_str *word)
{
    size_t n = 0;

    while (rest->n > 0 && is_blank(rest->p[0]))
        *rest = sl_str_from(*rest, 1);
    while (n < rest->n && !is_blank(rest->p[n]))
        n++;
    *word = sl_str_first(*rest, n);
    *rest = sl_str_from(*rest, n);
    return n > 0;
}

/* `where` names the place in messages. */
static bool take_keys(struct sl_master *m, struct sl_str text, const char *where, char *why,
                      size_t cap)
{
    struct sl_str word;

    while (next_word(&text, &word)) {
        if (word.n < SL_MASTER_KEY_MIN) {
            snprintf(why, cap,
                     "%s: a master key has at least %d random characters, this one has %zu; make "
                     "one: head -c 32 /dev/urandom | base64",
                     where, SL_MASTER_KEY_MIN, word.n);
            return false;
        }
        if (m->n == SL_MASTER_KEYS) {
            snprintf(why, cap, "%s: more than %d master keys; take away those no longer in use",
                     where, SL_MASTER_KEYS);
            return false;
        }
        sl_seal_key_from(word, &m->keys[m->n++]);
    }
    if (m->n == 0)
        snprintf(why, cap, "%s: no master key in it; make one: head -c 32 /dev/urandom | base64",
                 where);
    return m->n > 0;
}

static bool read_file(struct sl_master *m, const char *path, char *why, size_t cap)
{
    size_t n = 0;
    char *text = sl_file_load(path, SL_EXPAND_MAX, &n);
    bool ok;

    if (text == NULL) {
        snprintf(why, cap, "SLUICE_MASTER_KEY_FILE: %.150s cannot be read (%s)", path,
                 strerror(errno));
        return false;
    }
    ok = take_keys(m, (struct sl_str){text, n}, "SLUICE_MASTER_KEY_FILE", why, cap);
    sl_mem_wipe(text, n);
    sl_mem_free(text);
    return ok;
}

static bool read_keys(const struct sl_env *env, struct sl_master *m, char *why, size_t cap)
{
    const char *value = sl_env_get(env, "SLUICE_MASTER_KEY");

    if (value != NULL && value[0] != '\0')
        return take_keys(m, sl_str_of(value), "SLUICE_MASTER_KEY", why, cap);
    value = sl_env_get(env, "SLUICE_MASTER_KEY_FILE");
    if (value != NULL && value[0] != '\0' && !env->no_files)
        return read_file(m, value, why, cap);
    snprintf(why, cap,
             "there is no master key: set SLUICE_MASTER_KEY, or SLUICE_MASTER_KEY_FILE "
             "to the path of a file that holds it");
    return false;
}

bool sl_master_read(const struct sl_env *env, struct sl_master *m, char *why, size_t cap)
{
    memset(m, 0, sizeof *m);
    if (read_keys(env, m, why, cap))
        return true;
    sl_master_wipe(m);
    return false;
}

void sl_master_wipe(struct sl_master *m)
{
    sl_mem_wipe(m, sizeof *m);
}

static const struct sl_seal_key *key_named(const struct sl_master *m, struct sl_str id)
{
    for (size_t i = 0; i < m->n; i++)
        if (sl_str_eq(id, sl_str_of(m->keys[i].id)))
            return &m->keys[i];
    return NULL;
}

bool sl_master_open(const struct sl_master *m, struct sl_str sealed, struct sl_text *out, char *why,
                    size_t cap)
{
    struct sl_str id = sl_seal_id_of(sealed);
    const struct sl_seal_key *k = id.n > 0 ? key_named(m, id) : NULL;
    enum sl_seal_end end = SL_SEAL_FORM;

    if (id.n > 0 && k == NULL) {
        snprintf(why, cap,
                 "sealed under the master key %.*s, which is not here (%s is); give that key too, "
                 "or seal the value again",
                 SL_STR_ARGS(id), m->keys[0].id);
        return false;
    }
    if (k != NULL)
        end = sl_seal_open(k, sealed, out);
    if (end == SL_SEAL_FORM)
        snprintf(why, cap, "not a sealed value: seal:v1:KEYID:… as `sluice seal` prints it");
    else if (end == SL_SEAL_KEY)
        snprintf(why, cap, "the sealed value was changed; seal the secret again");
    else if (end == SL_SEAL_SIZE)
        snprintf(why, cap, "the sealed value is too long");
    return end == SL_SEAL_DONE;
}
