/* conf/state.h -- the state directory, and the keys a zero-file start keeps there.
 *
 * SLUICE_STATE, else XDG_STATE_HOME/sluice, else HOME/.local/state/sluice; made
 * with mode 0700. A key's file has mode 0600 and is made once.
 */
#ifndef SL_CONF_STATE_H
#define SL_CONF_STATE_H

#include "conf/expand.h"

#define SL_STATE_PATH 1024

enum sl_state_whose {                 /* whose key */
                      SL_STATE_DEV,   /* dev.key, of the tenant `dev` */
                      SL_STATE_ADMIN, /* admin.key, of the admin API and the dashboard */
};

/* Where it is, whether it is there or not. False: `why` says what to set. */
SL_MUST bool sl_state_place(const struct sl_env *env, char out[SL_STATE_PATH], char *why,
                            size_t cap);
/* Makes a directory and those above it, with mode 0700; what is there stays as it is. */
SL_MUST bool sl_state_make(const char *path, char *why, size_t cap);

/* False: `why` says what to set. */
SL_MUST bool sl_state_dir(char out[SL_STATE_PATH], char *why, size_t cap);
/* The path of that key's file, which is there afterwards. */
SL_MUST bool sl_state_key(enum sl_state_whose which, char out[SL_STATE_PATH], char *why,
                          size_t cap);
/* Is that the path of the dev key's file? Makes nothing. */
bool sl_state_is_key(struct sl_str path);
/* The key itself, if there is one; never makes one. */
SL_MUST bool sl_state_read_key(enum sl_state_whose which, char *out, size_t out_cap, char *why,
                               size_t cap);
/* NAME=value lines of `path` into the environment, where not set already. A
 * missing file is fine. False: `why` names the line. */
SL_MUST bool sl_state_dotenv(const char *path, char *why, size_t cap);

#endif
