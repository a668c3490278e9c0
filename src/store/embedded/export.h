/* store/embedded/export.h -- what an embedded store holds, read whole: `store copy`.
 *
 * Blocking, from the file itself: for a command that has opened the directory and does
 * nothing else. Texts live in the arena. A page is full at SL_STORE_PAGE; `from` is how
 * many were read before.
 */
#ifndef SL_STORE_EMBEDDED_EXPORT_H
#define SL_STORE_EMBEDDED_EXPORT_H

#include "base/arena.h"
#include "store/backend.h"

struct sl_export {
    struct sl_backend *b;   /* up */
    struct sl_arena *a;     /* up */
    struct sl_str tenant;   /* whose accounts, rows and numbers */
    struct sl_str from_day; /* of rows */
};

/* How many were read into `out`, of SL_STORE_PAGE at most; -1: trouble, or no memory. */
int sl_export_tenants(const struct sl_export *x, size_t from, struct sl_str *out);
int sl_export_records(const struct sl_export *x, size_t from, struct sl_record *out);
int sl_export_accounts(const struct sl_export *x, size_t from, struct sl_restore_account *out);
int sl_export_rows(const struct sl_export *x, size_t from, struct sl_usage_row *out);
int sl_export_seqs(const struct sl_export *x, size_t from, struct sl_restore_seq *out);
/* For people, after trouble. */
const char *sl_export_trouble(const struct sl_export *x);

#endif
