/* admin/api/out.h -- JSON written piece by piece into a queue of bytes.
 *
 * Commas come by themselves. `name` is a member's, or NULL for an element of a list and
 * for what stands behind sl_out_name(). What no longer fits, or finds no memory, sets
 * `cut`: one look at the end is enough.
 */
#ifndef SL_ADMIN_API_OUT_H
#define SL_ADMIN_API_OUT_H

#include "base/buf.h"

struct sl_out {
    struct sl_buf bytes;
    bool comma; /* one is due before the next value */
    bool cut;
};

void sl_out_init(struct sl_out *o, size_t max);
void sl_out_fini(struct sl_out *o);
void sl_out_clear(struct sl_out *o);

void sl_out_name(struct sl_out *o, struct sl_str name);
void sl_out_open(struct sl_out *o, const char *name, char bracket);
void sl_out_close(struct sl_out *o, char bracket);
void sl_out_text(struct sl_out *o, const char *name, struct sl_str s);
void sl_out_raw(struct sl_out *o, const char *name, struct sl_str json); /* as it stands */
void sl_out_number(struct sl_out *o, const char *name, int64_t v);
void sl_out_count(struct sl_out *o, const char *name, uint64_t v);
void sl_out_money(struct sl_out *o, const char *name, int64_t micro); /* in dollars, exactly */
void sl_out_flag(struct sl_out *o, const char *name, bool v);
void sl_out_null(struct sl_out *o, const char *name);
void sl_out_end(struct sl_out *o); /* the whole text's last line end */

#endif
