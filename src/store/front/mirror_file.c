/* store/front/mirror_file.c -- DIR/records: a line a record, appended as they change, the
 * newest counts; written anew at each start. Hashes of keys only. */
#include "store/front/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define FILE_MAX ((size_t)512 << 20)
#define WAITING ((size_t)16 << 20) /* bytes of lines on their way to the disk */
#define DELAY_MS 100
#define LINE (SL_RECORD_MAX + 4096)

static const char *const kinds[] = {"key", "tenant", "switch"};

static void write_line(struct sl_text *t, const struct sl_record *rec)
{
    char hex[64];

    sl_str_hex(rec->sha256, sizeof rec->sha256, hex);
    sl_text_printf(t, "{\"kind\":\"%s\",\"rev\":%llu,\"id\":", kinds[rec->kind],
                   (unsigned long long)rec->rev);
    sl_text_json(t, rec->id, 0);
    sl_text_add(t, SL_STR(",\"tenant\":"));
    sl_text_json(t, rec->tenant, 0);
    sl_text_add(t, SL_STR(",\"state\":"));
    sl_text_json(t, rec->state, 0);
    sl_text_add(t, SL_STR(",\"sha256\":\""));
    sl_text_add(t, (struct sl_str){hex, sizeof hex});
    sl_text_add(t, SL_STR("\",\"doc\":"));
    sl_text_json(t, rec->doc, 0); /* as a text: it stays as it was written */
    sl_text_add(t, SL_STR("}\n"));
}

void sl_mirror_append(struct sl_mirror *m, const struct sl_record *rec)
{
    char line[2 * LINE];
    struct sl_text t = sl_text_over(line, sizeof line);

    if (m->file == NULL)
        return;
    write_line(&t, rec);
    if (!t.cut)
        (void)sl_file_append(m->file, sl_text_str(&t)); /* dropped: the next start reads it anew */
}

/* ---- at start ---- */

static bool get(struct sl_str line, const char *name, char *out, size_t cap, struct sl_str *text)
{
    text->p = out;
    return sl_json_unescape(sl_json_get(line, sl_str_of(name)), out, cap, &text->n);
}

static bool get_kind(struct sl_str line, enum sl_record_kind *out)
{
    char text[16];
    struct sl_str kind;

    if (!get(line, "kind", text, sizeof text, &kind))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (sl_str_eq(kind, sl_str_of(kinds[i]))) {
            *out = (enum sl_record_kind)i;
            return true;
        }
    }
    return false;
}

static void read_line(struct sl_mirror *m, struct sl_str line)
{
    static const size_t each = 512;
    char texts[3 * 512 + 64 + SL_RECORD_MAX];
    struct sl_record rec = {.rev = 0};
    struct sl_str hex;

    if (get_kind(line, &rec.kind) && get(line, "id", texts, each, &rec.id) &&
        get(line, "tenant", texts + each, each, &rec.tenant) &&
        get(line, "state", texts + 2 * each, each, &rec.state) &&
        get(line, "sha256", texts + 3 * each, 64, &hex) &&
        sl_str_unhex(hex, rec.sha256, sizeof rec.sha256) &&
        get(line, "doc", texts + 3 * each + 64, SL_RECORD_MAX, &rec.doc) &&
        sl_json_u64(sl_json_get(line, SL_STR("rev")), &rec.rev))
        (void)sl_mirror_put(m, &rec);
}

static void read_all(struct sl_mirror *m, const char *path)
{
    size_t n;
    char *text = sl_file_load(path, FILE_MAX, &n);
    struct sl_str rest = {text, n}, line;

    if (text == NULL) {
        if (errno != ENOENT)
            sl_log(SL_LOG_WARN, "store", (struct sl_str){NULL, 0},
                   "%s can't be read (%s): keys are known again when the store has told them", path,
                   strerror(errno));
        return;
    }
    while (sl_str_split(&rest, '\n', &line))
        read_line(m, line); /* a torn or strange one is as good as none */
    sl_mem_free(text);
}

static bool write_all(struct sl_mirror *m, int fd)
{
    char line[2 * LINE];

    for (struct sl_list *n = m->rows.next; n != &m->rows; n = n->next) {
        const struct sl_mirror_row *r = SL_CONTAINER(n, struct sl_mirror_row, node);
        struct sl_text t = sl_text_over(line, sizeof line);

        if (sl_str_eq(r->rec.state, SL_STR("deleted")))
            continue;
        write_line(&t, &r->rec);
        if (!t.cut && write(fd, t.p, t.n) != (ssize_t)t.n)
            return false;
    }
    return fsync(fd) == 0;
}

static bool rewrite(struct sl_mirror *m, const char *path)
{
    char fresh[1100];
    int fd;
    bool ok;

    snprintf(fresh, sizeof fresh, "%s.new", path);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    ok = write_all(m, fd);
    return close(fd) == 0 && ok && rename(fresh, path) == 0;
}

void sl_mirror_load(struct sl_mirror *m, struct sl_str dir)
{
    char path[1088];

    snprintf(path, sizeof path, "%.*s/records", SL_STR_ARGS(dir));
    read_all(m, path);
    if (m->s->fresh)
        sl_mirror_forget(m);
    if (!rewrite(m, path) || sl_file_open(m->s->net, path, WAITING, DELAY_MS, &m->file) != SL_OK)
        sl_log(SL_LOG_WARN, "store", (struct sl_str){NULL, 0},
               "%s can't be written (%s): a start without the store will not know its newest keys",
               path, strerror(errno));
}
