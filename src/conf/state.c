/* conf/state.c -- small files of the process's owner. */
#include "conf/state.h"

#include "base/mem.h"
#include "base/rand.h"
#include "net/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES 20
#define DOTENV_MAX 65536

static const struct {
    const char *file, *begins;
} keys[] = {[SL_STATE_DEV] = {"/dev.key", "sk-slc-dev-"},
            [SL_STATE_ADMIN] = {"/admin.key", "sluice-admin-"}};

static bool say(char *why, size_t cap, const char *path, const char *what)
{
    snprintf(why, cap, "%s: %s", path, what);
    return false;
}

/* Every directory of the path; those that are there are left as they are. */
static bool make_dirs(char *path, char *why, size_t cap)
{
    for (char *p = path + 1;; p++) {
        char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            say(why, cap, path, strerror(errno));
            *p = c;
            return false;
        }
        *p = c;
        if (c == '\0')
            return true;
    }
}

bool sl_state_place(const struct sl_env *env, char out[SL_STATE_PATH], char *why, size_t cap)
{
    static const struct {
        const char *name, *tail;
        bool absolute;
    } places[] = {{"SLUICE_STATE", "", false},
                  {"XDG_STATE_HOME", "/sluice", true},
                  {"HOME", "/.local/state/sluice", true}};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const char *v = sl_env_get(env, places[i].name);
        int n;

        if (v == NULL || v[0] == '\0' || (places[i].absolute && v[0] != '/'))
            continue;
        n = snprintf(out, SL_STATE_PATH, "%s%s", v, places[i].tail);
        if (n < 0 || n > SL_STATE_PATH - 64)
            return say(why, cap, "the state directory", "its path is too long");
        return true;
    }
    return say(why, cap, "no state directory", "set SLUICE_STATE or HOME");
}

bool sl_state_make(const char *path, char *why, size_t cap)
{
    char place[SL_STATE_PATH];
    size_t n = strlen(path);

    if (n == 0 || n >= sizeof(place))
        return say(why, cap, "the directory", "its path is empty or too long");
    memcpy(place, path, n + 1);
    return make_dirs(place, why, cap);
}

static bool find_dir(char out[SL_STATE_PATH], char *why, size_t cap)
{
    return sl_state_place(&(struct sl_env){0}, out, why, cap);
}

/* sl_state_place() has left room for it. */
static void add_key_name(enum sl_state_whose which, char path[SL_STATE_PATH])
{
    memcpy(path + strlen(path), keys[which].file, strlen(keys[which].file) + 1);
}

bool sl_state_dir(char out[SL_STATE_PATH], char *why, size_t cap)
{
    return find_dir(out, why, cap) && sl_state_make(out, why, cap);
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* The key is whole before it has its name, so that no start meets half a key;
 * of two starts at once one wins and both use its key. */
static bool make_key(enum sl_state_whose which, const char *path, char *why, size_t cap)
{
    uint8_t secret[SECRET_BYTES];
    char hex[2 * SECRET_BYTES], line[128], fresh[SL_STATE_PATH + 16];
    int fd, n;
    bool ok;

    snprintf(fresh, sizeof(fresh), "%s.%ld", path, (long)getpid());
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return say(why, cap, fresh, strerror(errno));
    sl_rand_bytes(secret, sizeof(secret));
    sl_str_hex(secret, sizeof(secret), hex);
    n = snprintf(line, sizeof(line), "%s%.*s\n", keys[which].begins, (int)sizeof(hex), hex);
    ok = write_all(fd, line, (size_t)n) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    sl_mem_wipe(line, sizeof(line));
    sl_mem_wipe(hex, sizeof(hex));
    if (ok && link(fresh, path) != 0 && errno != EEXIST)
        ok = false;
    if (!ok)
        say(why, cap, path, strerror(errno));
    unlink(fresh);
    return ok;
}

/* Others must not read it: a file that they can is repaired, or refused. */
static bool check_mode(const char *path, char *why, size_t cap)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return say(why, cap, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return say(why, cap, path, "is not a plain file");
    if ((st.st_mode & 077) != 0 && chmod(path, 0600) != 0)
        return say(why, cap, path, "others may read it: chmod 600");
    return true;
}

bool sl_state_key(enum sl_state_whose which, char out[SL_STATE_PATH], char *why, size_t cap)
{
    if (!sl_state_dir(out, why, cap))
        return false;
    add_key_name(which, out);
    if (access(out, F_OK) != 0 && !make_key(which, out, why, cap))
        return false;
    return check_mode(out, why, cap);
}

bool sl_state_is_key(struct sl_str path)
{
    char own[SL_STATE_PATH], why[256];

    if (!find_dir(own, why, sizeof(why)))
        return false;
    add_key_name(SL_STATE_DEV, own);
    return sl_str_eq(path, sl_str_of(own));
}

bool sl_state_read_key(enum sl_state_whose which, char *out, size_t out_cap, char *why, size_t cap)
{
    char path[SL_STATE_PATH];
    size_t n = 0;
    char *text;

    if (!find_dir(path, why, cap))
        return false;
    add_key_name(which, path);
    text = sl_file_load(path, out_cap - 1, &n);
    if (text == NULL)
        return say(why, cap, path, strerror(errno));
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    memcpy(out, text, n);
    out[n] = '\0';
    sl_mem_wipe(text, n);
    sl_mem_free(text);
    return n > 0 || say(why, cap, path, "is empty");
}

/* ---- .env ---- */

static bool is_name_byte(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* Quotes around the whole value are taken off; without them, ` #` begins a
 * comment. Nothing else is special: no escapes, no variables. */
static bool take_value(struct sl_str *value)
{
    struct sl_str v = sl_str_trim(*value);
    ptrdiff_t at;

    if (v.n > 0 && (v.p[0] == '"' || v.p[0] == '\'')) {
        at = sl_str_find_byte(sl_str_from(v, 1), v.p[0]);
        if (at < 0)
            return false;
        *value = (struct sl_str){v.p + 1, (size_t)at};
        return true;
    }
    at = sl_str_find(v, SL_STR(" #"));
    *value = at < 0 ? v : sl_str_trim(sl_str_first(v, (size_t)at));
    return true;
}

static bool take_line(struct sl_str line)
{
    ptrdiff_t eq;
    struct sl_str name, value;
    char *z_name, *z_value;

    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    line = sl_str_trim(line);
    if (line.n == 0 || line.p[0] == '#')
        return true;
    if (sl_str_starts(line, SL_STR("export ")))
        line = sl_str_trim(sl_str_from(line, 7));
    eq = sl_str_find_byte(line, '=');
    if (eq <= 0)
        return false;
    name = sl_str_trim(sl_str_first(line, (size_t)eq));
    value = sl_str_from(line, (size_t)eq + 1);
    for (size_t i = 0; i < name.n; i++)
        if (!is_name_byte(name.p[i], i == 0))
            return false;
    if (!take_value(&value) || memchr(value.p, '\0', value.n) != NULL)
        return false;
    z_name = sl_mem_dup(name);
    z_value = sl_mem_dup(value);
    setenv(z_name, z_value, 0);
    sl_mem_wipe(z_value, value.n);
    sl_mem_free(z_value);
    sl_mem_free(z_name);
    return true;
}

bool sl_state_dotenv(const char *path, char *why, size_t cap)
{
    size_t n = 0;
    char *text = sl_file_load(path, DOTENV_MAX, &n);
    struct sl_str rest = {text, n}, line;
    unsigned at = 0;
    bool ok = true;

    if (text == NULL)
        return errno == ENOENT || say(why, cap, path, strerror(errno));
    while (ok && sl_str_split(&rest, '\n', &line)) {
        at++;
        ok = take_line(line);
    }
    if (!ok)
        snprintf(why, cap, "%s:%u: must be NAME=value", path, at);
    sl_mem_wipe(text, n);
    sl_mem_free(text);
    return ok;
}
