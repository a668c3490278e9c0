/* store/copy/inside.h -- what the two halves of a copy share. Nobody else includes it. */
#ifndef SL_STORE_COPY_INSIDE_H
#define SL_STORE_COPY_INSIDE_H

#include "store/copy.h"
#include "store/embedded/export.h"

#define SL_COPY_WAIT_MS 10000 /* for one answer */
#define SL_COPY_DAYS 400      /* of usage; older rows stay behind */

struct sl_copy {
    struct sl_net *net;         /* up */
    struct sl_backend *from;    /* owns */
    struct sl_backend *to;      /* owns */
    struct sl_copy_report *out; /* up */
    struct sl_arena arena;      /* of a page */
    struct sl_export x;
    struct sl_op *op; /* owns: what is waited for */
    enum sl_err err;  /* of it */
    char from_day[11], to_day[11];
};

/* For backends: what is waited for has come. */
void sl_copy_done(void *copy, enum sl_err e);
/* Turns the loop until it has: SL_OK, or why not, with out->why. */
SL_MUST enum sl_err sl_copy_wait(struct sl_copy *c);
SL_MUST enum sl_err sl_copy_trouble(struct sl_copy *c); /* of the file; STORE */
/* compare.c: counts what differs. */
SL_MUST enum sl_err sl_copy_compare(struct sl_copy *c);

#endif
