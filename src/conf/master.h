/* conf/master.h -- the keys that sealed values open with.
 *
 * Source   SLUICE_MASTER_KEY, else the file SLUICE_MASTER_KEY_FILE names: up to
 *          SL_MASTER_KEYS secrets, one a line (in the variable also parted by blanks).
 *          The first seals; all of them open. So a key is changed without a pause: put the
 *          new one first, reload, `sluice reseal` the files, take the old one away.
 * Memory   A plain value; sl_master_wipe() after use. Nothing is remembered between calls,
 *          so a reload sees a file that has changed.
 * Errors   `why` (256 bytes or more) says what to do.
 */
#ifndef SL_CONF_MASTER_H
#define SL_CONF_MASTER_H

#include "conf/expand.h"
#include "net/crypto/seal.h"

#define SL_MASTER_KEYS 4
#define SL_MASTER_KEY_MIN 32 /* characters: 24 random bytes in base64 */

struct sl_master {
    struct sl_seal_key keys[SL_MASTER_KEYS];
    size_t n;
};

SL_MUST bool sl_master_read(const struct sl_env *env, struct sl_master *m, char *why, size_t cap);
void sl_master_wipe(struct sl_master *m);
/* A sealed value, opened by whichever of the keys it names. */
SL_MUST bool sl_master_open(const struct sl_master *m, struct sl_str sealed, struct sl_text *out,
                            char *why, size_t cap);

#endif
