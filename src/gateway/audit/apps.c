/* A name is kept with its tenant in front; tenants are there for their counts. */
#include "gateway/audit/apps.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"

#define ADDRESS_BYTES 120
#define TITLE_BYTES 64
#define TENANT_BYTES 256
#define DAY_S 86400

struct sl_app {
    UT_hash_handle hh;
    char shown[SL_APPS_TEXT];
    size_t shown_n;
    char name[];
};

struct sl_apps_tenant {
    UT_hash_handle hh;
    unsigned n;
    char name[];
};

/* ---- as written ---- */

/* Blanks and control characters become one space; what is no UTF-8 is left out. */
static void write_clean(struct sl_text *t, struct sl_str s)
{
    bool blank = false;
    size_t n;

    for (size_t begun = t->n; s.n > 0; s = sl_str_from(s, n > 0 ? n : 1)) {
        n = sl_utf8_len(s.p, s.n);
        if (n == 1 && ((unsigned char)s.p[0] <= ' ' || s.p[0] == 0x7f)) {
            blank = t->n > begun;
            continue;
        }
        if (n == 0)
            continue;
        if (t->n + n + blank > t->cap)
            return;
        if (blank)
            sl_text_byte(t, ' ');
        blank = false;
        sl_text_add(t, sl_str_first(s, n));
    }
}

/* Up to its query, without whom it would log in as. */
static void write_address(struct sl_text *t, struct sl_str s)
{
    ptrdiff_t scheme = sl_str_find(s, SL_STR("://"));
    struct sl_str host = scheme < 0 ? s : sl_str_from(s, (size_t)scheme + 3);
    size_t n = 0;
    ptrdiff_t at;

    while (n < host.n && (unsigned char)host.p[n] > ' ' && host.p[n] != '?' && host.p[n] != '#')
        n++;
    host = sl_str_first(host, n);
    at = sl_str_find_byte(host, '@');
    if (at >= 0)
        host = sl_str_from(host, (size_t)at + 1);
    while (host.n > 0 && host.p[host.n - 1] == '/')
        host.n--;
    if (host.n == 0)
        return;
    if (scheme >= 0)
        write_clean(t, sl_str_first(s, (size_t)scheme + 3));
    write_clean(t, host);
}

struct sl_str sl_apps_write(struct sl_str address, struct sl_str title, char out[SL_APPS_TEXT])
{
    char place[ADDRESS_BYTES];
    struct sl_text a = sl_text_over(place, sizeof place), t = sl_text_over(out, TITLE_BYTES);

    write_address(&a, sl_str_trim(address));
    write_clean(&t, title);
    t.cap = SL_APPS_TEXT;
    if (a.n == 0)
        return sl_text_str(&t);
    if (t.n == 0) {
        sl_text_add(&t, sl_text_str(&a));
        return sl_text_str(&t);
    }
    sl_text_add(&t, SL_STR(" ("));
    sl_text_add(&t, sl_text_str(&a));
    sl_text_byte(&t, ')');
    return sl_text_str(&t);
}

/* An address holds no space, and a title may end with something in brackets, too. */
struct sl_str sl_apps_key(struct sl_str name)
{
    struct sl_str last = name;
    ptrdiff_t at;

    while ((at = sl_str_find_byte(last, ' ')) >= 0)
        last = sl_str_from(last, (size_t)at + 1);
    if (last.n == name.n || last.n < 3 || last.p[0] != '(' || last.p[last.n - 1] != ')' ||
        sl_str_find(last, SL_STR("://")) < 0)
        return name;
    return (struct sl_str){last.p + 1, last.n - 2};
}

/* ---- as counted ---- */

void sl_apps_fini(struct sl_apps *a)
{
    struct sl_apps_tenant *t, *next_t;
    struct sl_app *one, *next;

    HASH_ITER(hh, a->known, one, next)
    {
        HASH_DEL(a->known, one);
        sl_mem_free(one);
    }
    HASH_ITER(hh, a->tenants, t, next_t)
    {
        HASH_DEL(a->tenants, t);
        sl_mem_free(t);
    }
}

static struct sl_apps_tenant *tenant_of(struct sl_apps *a, struct sl_str name)
{
    struct sl_apps_tenant *t;

    HASH_FIND(hh, a->tenants, name.p, name.n, t);
    if (t != NULL || (t = sl_mem_try(sizeof *t + name.n)) == NULL)
        return t;
    memset(t, 0, sizeof *t);
    memcpy(t->name, name.p, name.n);
    HASH_ADD_KEYPTR(hh, a->tenants, t->name, name.n, t);
    return t;
}

/* One more, of a name and key not seen today; NULL: no room. */
static struct sl_app *add(struct sl_apps *a, struct sl_str tenant, struct sl_str full)
{
    struct sl_apps_tenant *t;
    struct sl_app *one;

    if (HASH_COUNT(a->known) >= SL_APPS_MOST || (t = tenant_of(a, tenant)) == NULL ||
        t->n >= SL_APPS_OF_TENANT || (one = sl_mem_try(sizeof *one + full.n)) == NULL)
        return NULL;
    memset(one, 0, sizeof *one);
    memcpy(one->name, full.p, full.n);
    HASH_ADD_KEYPTR(hh, a->known, one->name, full.n, one);
    t->n++;
    return one;
}

struct sl_str sl_apps_count(struct sl_apps *a, struct sl_str tenant, struct sl_str name,
                            int64_t now_s)
{
    char place[TENANT_BYTES + 1 + SL_APPS_TEXT];
    struct sl_text full = sl_text_over(place, sizeof place);
    struct sl_str key = sl_apps_key(name);
    struct sl_app *one;

    if (name.n == 0)
        return name;
    if (a->day != now_s / DAY_S)
        sl_apps_fini(a);
    a->day = now_s / DAY_S;
    tenant = sl_str_first(tenant, TENANT_BYTES);
    sl_text_add(&full, tenant);
    sl_text_byte(&full, '\n'); /* in no name */
    sl_text_add(&full, key);
    HASH_FIND(hh, a->known, full.p, full.n, one);
    if (one == NULL && (one = add(a, tenant, sl_text_str(&full))) == NULL)
        return SL_STR("other");
    if (one->shown_n <= key.n) { /* nothing yet, or no title */
        one->shown_n = name.n < sizeof one->shown ? name.n : sizeof one->shown;
        memcpy(one->shown, name.p, one->shown_n);
    }
    return (struct sl_str){one->shown, one->shown_n};
}
