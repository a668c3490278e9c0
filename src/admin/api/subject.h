/* admin/api/subject.h -- the key or tenant a call is about, from both places.
 *
 * Also a switch of the store's, by its id. What the configuration says stands in the call's
 * snapshot, what the store says in the call's memory. A record that only lies over the file's,
 * which has it no more, is not there.
 */
#ifndef SL_ADMIN_API_SUBJECT_H
#define SL_ADMIN_API_SUBJECT_H

#include "policy/record.h"
#include "store/store.h"

struct sl_subject {
    enum sl_record_kind kind;
    struct sl_str id, tenant; /* a key's public id and tenant; a tenant's name */
    uint8_t sha256[32];       /* of a key */
    bool has_sha256;
    const struct sl_key *file_key;       /* up: the snapshot's, or NULL */
    const struct sl_tenant *file_tenant; /* up: the snapshot's, or NULL */
    uint64_t rev;                        /* of its record; 0: it has none */
    struct sl_str state, text;           /* the record's; text is its document */
    bool broken;                         /* which can't be read: of a later version of us? */
    struct sl_record_doc doc;
};

static inline bool sl_subject_is_of_file(const struct sl_subject *s)
{
    return s->file_key != NULL || s->file_tenant != NULL;
}

static inline bool sl_subject_is_there(const struct sl_subject *s)
{
    return sl_subject_is_of_file(s) || (s->rev > 0 && s->doc.of_file != 1);
}

/* "active" where nobody says otherwise. */
static inline struct sl_str sl_subject_state(const struct sl_subject *s)
{
    return s->rev > 0 ? s->state : SL_STR("active");
}

#endif
