/* conf/fault.h -- what is wrong with a configuration, collected for people.
 *
 * Holder   The configuration being read; embedded. Every fault is one line,
 *          "file:line:column: key: what is wrong; what to do". The first
 *          SL_FAULT_MAX are kept, the rest only counted, so that one run names
 *          what there is to repair without flooding a terminal. Without memory
 *          there is one fault: what else was found then is not to be trusted.
 */
#ifndef SL_CONF_FAULT_H
#define SL_CONF_FAULT_H

#include "base/text.h"

#define SL_FAULT_MAX 20
#define SL_FAULT_LINE 512 /* bytes of one text; beyond it is cut */

struct sl_node;

struct sl_faults {
    size_t n;       /* all of them, kept or not */
    bool no_memory; /* the one that takes the place of all others */
    struct sl_text text;
    char room[SL_FAULT_MAX * SL_FAULT_LINE];
};

void sl_faults_init(struct sl_faults *f);
/* `at` says where; NULL when no place in a file is to blame. */
void sl_fault_add(struct sl_faults *f, const struct sl_node *at, const char *fmt, ...)
    SL_PRINTF(3, 4);
/* There was not enough memory to find out. */
void sl_fault_memory(struct sl_faults *f);
/* A file can't be read, as errno says; for want of memory as above. `what`: its path, or
 * the key that names it. */
void sl_fault_file(struct sl_faults *f, const struct sl_node *at, const char *what);
/* All kept lines, each ended by \n. */
struct sl_str sl_faults_text(const struct sl_faults *f);

#endif
