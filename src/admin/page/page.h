/* admin/page/page.h -- the dashboard: its files, its login, and whose call of the API it is.
 *
 * The page is static files, embedded in the binary and given to everybody; all that it shows
 * comes from the admin API, which takes the session's cookie as it takes the bearer key.
 *
 * A cookie is sent by whichever page makes the browser ask. So a call that says it comes from
 * elsewhere (`origin`, `sec-fetch-site`) is refused whoever makes it, and a session changes
 * nothing without SL_PAGE_HEADER, which no form and no other origin can send.
 */
#ifndef SL_ADMIN_PAGE_PAGE_H
#define SL_ADMIN_PAGE_PAGE_H

#include "admin/inside.h"

#define SL_PAGE_HEADER "x-sluice-page"

struct sl_page_file {
    const char *path;
    const char *type; /* for content-type */
    struct sl_str bytes;
};

/* NULL: the path is not one of the page's. */
const struct sl_page_file *sl_page_find(struct sl_str path);
/* What its files are answered with beside their type: nothing from elsewhere, in no frame.
 * False: no memory. */
SL_MUST bool sl_page_headers(struct sl_headers *h, struct sl_arena *a);

enum sl_page_caller {
    SL_PAGE_NOBODY,
    SL_PAGE_KEY,     /* with the admin's key */
    SL_PAGE_OWNER,   /* of the unix socket */
    SL_PAGE_SESSION, /* of the dashboard */
    SL_PAGE_FOREIGN, /* it says that it comes from another origin, or lacks the header */
    SL_PAGE_BARRED   /* with some key, which is not looked at: too many wrong ones before */
};
enum sl_page_caller sl_page_caller(const struct sl_admin *a, const struct sl_exch *x);
/* Counts the wrong key with which it came, if it came with one. Once a call. */
void sl_page_note_nobody(struct sl_admin *a, const struct sl_exch *x);
/* Is it the admin's key? In constant time. */
bool sl_page_is_key(const struct sl_admin *a, struct sl_str given);
/* Does the call say that another origin's page makes it? */
bool sl_page_is_foreign(const struct sl_request_head *head);
/* The session's id as the browser sends it, or empty. */
struct sl_str sl_page_cookie(const struct sl_admin *a, const struct sl_request_head *head);
/* For set-cookie; `id` empty: it is taken away. .p NULL: no memory. */
struct sl_str sl_page_set_cookie(const struct sl_admin *a, const struct sl_request_head *head,
                                 struct sl_str id, struct sl_arena *arena);

#endif
