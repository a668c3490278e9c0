/* Backward through the files of a trail, on the pool.
 *
 *   … | trail-<first>-<last>.jsonl | trail.jsonl |
 *              ◄─ page ─ page ─ page ──────────── from here, or from before a number
 */
#include "store/search.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/work.h"
#include "store/front/inside.h"
#include "store/trail/inside.h"

struct searching { /* one job */
    struct sl_choice choice;
    char values[SL_CHOICE__COUNT][SL_SEARCH_VALUE]; /* its texts */
    char dir[SL_TRAIL_PATH];                        /* empty: there is no trail */
    uint64_t before;
    size_t limit;
    struct sl_search *out; /* up: the waiter's */
    sl_store_done_fn *done;
    void *ctx; /* up */
    enum sl_err err;
    uint64_t last; /* lines from this number on were looked at; 0: none */
    bool stop;     /* enough was found or read, or older lines are not wanted */
    bool older;    /* there may be older ones */
    bool young;    /* a line was not older than FROM */
    size_t read, found, n;
    char *text; /* owns: SL_SEARCH_TEXT, lines found */
    char *page; /* owns: SL_TRAIL_PAGE */
};

static void enough(struct searching *s, bool older)
{
    s->stop = true;
    s->older = older;
}

static void look_at(struct searching *s, struct sl_str line)
{
    uint64_t number;

    if (!sl_trail_line_number(line, &number) || (s->last != 0 && number >= s->last))
        return;
    s->young = s->young || !sl_choice_is_before(&s->choice, line);
    if (sl_choice_takes(&s->choice, line)) {
        if (s->n + line.n + 1 > SL_SEARCH_TEXT) { /* it comes with the next part */
            enough(s, true);
            return;
        }
        memcpy(s->text + s->n, line.p, line.n);
        s->n += line.n;
        s->text[s->n++] = '\n';
        s->found++;
    }
    s->last = number;
    if (s->found == s->limit)
        enough(s, true);
}

/* The whole lines of the page, the last one first. */
static void look_back(struct searching *s, struct sl_str lines)
{
    while (lines.n > 0 && !s->stop) {
        size_t from = lines.n - 1; /* of the line's end */

        while (from > 0 && lines.p[from - 1] != '\n')
            from--;
        look_at(s, (struct sl_str){lines.p + from, lines.n - 1 - from});
        lines.n = from;
    }
}

static bool fill(struct searching *s, int fd, uint64_t at, size_t n)
{
    size_t have = 0;
    int64_t k = 1;

    while (have < n && (k = sl_trail_files_read(fd, at + have, s->page + have, n - have)) > 0)
        have += (size_t)k;
    s->read += have;
    return have == n;
}

/* From `end` on backward; what stands behind the last line end there is no whole line. */
static void scan(struct searching *s, int fd, uint64_t end)
{
    while (end > 0 && !s->stop) {
        size_t n = end > SL_TRAIL_PAGE ? SL_TRAIL_PAGE : (size_t)end, to = n, from = 0;
        uint64_t at = end - n;

        if (!fill(s, fd, at, n)) {
            s->err = SL_ERR_IO;
            s->stop = true;
            return;
        }
        while (to > 0 && s->page[to - 1] != '\n')
            to--;
        while (at > 0 && from < to && s->page[from++] != '\n')
            continue; /* the page begins within a line, which the next one has whole */
        look_back(s, (struct sl_str){s->page + from, to - from});
        end = from < to ? at + from : at;
        /* A part leads on: of a file that only begins behind `before` little is read. One that
         * is older than FROM as a whole is the last; a line may be so by a clock that was wrong. */
        if (s->read >= SL_SEARCH_PART && s->last != s->before && !s->stop)
            enough(s, s->young);
    }
}

static void search_file(struct searching *s, const struct sl_trail_file *f, int fd)
{
    struct stat st;
    uint64_t end;

    if (fd < 0 || fstat(fd, &st) != 0) {
        s->err = SL_ERR_IO;
        s->stop = true;
    } else {
        end = (uint64_t)st.st_size;
        if (s->before != 0 && f->last >= s->before)
            end = sl_trail_files_find(fd, end, s->before - 1, s->page) + 2 * SL_TRAIL_PROBE;
        scan(s, fd, end < (uint64_t)st.st_size ? end : (uint64_t)st.st_size);
    }
}

/* trail.jsonl is opened before the names are listed, so that a rotation loses nothing: what it was
 * is then read twice, and looked at once. */
static void search_files(struct searching *s)
{
    struct sl_trail_files files;
    char why[256];
    int current = sl_trail_files_open(s->dir, "trail.jsonl");

    if (!sl_trail_files_list(s->dir, &files, why, sizeof why)) {
        s->err = SL_ERR_IO;
        files.n = 0;
    }
    for (size_t i = files.n; i-- > 0 && !s->stop;) {
        bool is_current = i + 1 == files.n;
        int fd = is_current ? current : sl_trail_files_open(s->dir, files.at[i].name);

        if ((s->before == 0 || files.at[i].first < s->before) && (fd >= 0 || !is_current))
            search_file(s, &files.at[i], fd);
        if (fd >= 0 && !is_current)
            close(fd);
    }
    if (current >= 0)
        close(current);
    sl_mem_free(files.at);
}

static void run(void *ctx)
{
    struct searching *s = ctx;

    if (s->dir[0] == '\0') {
        s->err = SL_ERR_NO_ROUTE;
        return;
    }
    s->text = sl_mem_try(SL_SEARCH_TEXT);
    s->page = sl_mem_try(SL_TRAIL_PAGE);
    if (s->text == NULL || s->page == NULL)
        s->err = SL_ERR_NO_MEMORY;
    else
        search_files(s);
}

static void drop(void *ctx)
{
    struct searching *s = ctx;

    sl_mem_free(s->text);
    sl_mem_free(s->page);
    sl_mem_free(s);
}

static void finish(void *ctx)
{
    struct searching *s = ctx;

    s->out->lines = (struct sl_str){s->text, s->n};
    s->out->found = s->found;
    s->out->next = s->older ? s->last : 0;
    s->done(s->ctx, s->err);
    drop(s);
}

/* ---- from the loop ---- */

static void copy_choice(struct searching *s, const struct sl_choice *c)
{
    s->choice = *c;
    for (int i = 0; i < SL_CHOICE__COUNT; i++) {
        size_t n = c->of[i].n < SL_SEARCH_VALUE ? c->of[i].n : SL_SEARCH_VALUE;

        if (c->of[i].p == NULL)
            continue;
        memcpy(s->values[i], c->of[i].p, n);
        s->choice.of[i] = (struct sl_str){s->values[i], n};
    }
}

void sl_search_start(struct sl_store *st, struct sl_search *io, struct sl_op **slot,
                     sl_store_done_fn *done, void *ctx)
{
    struct searching *s = sl_mem_new(sizeof *s);

    copy_choice(s, &io->choice);
    if (st->t != NULL)
        memcpy(s->dir, st->t->dir, sizeof s->dir);
    s->before = s->last = io->before;
    s->limit = io->limit;
    s->out = io;
    s->done = done;
    s->ctx = ctx;
    sl_work_start(st->net, run, s, slot, finish, drop);
}

void sl_search_name_client(const struct sl_store *s, struct sl_choice *c)
{
    c->named = s->t != NULL && c->of[SL_CHOICE_CLIENT].p != NULL;
    if (c->named)
        sl_trail_blind(s->t, c->of[SL_CHOICE_CLIENT], c->client);
}
