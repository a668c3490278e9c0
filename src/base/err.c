/* base/err.c -- the error table, once more as arrays. */
#include "base/err.h"

#include "base/obj.h"

#include <assert.h>

static const struct row {
    int status;
    const char *name;
    const char *text;
    bool retryable;
} rows[] = {
#define X(sym, status, name, retry, text) [SL_ERR_##sym] = {status, name, text, retry},
    SL_ERR_TABLE(X)
#undef X
};

static_assert(sizeof(rows) / sizeof(rows[0]) == SL_ERR__COUNT, "a row for every error");

static const struct row *row_of(enum sl_err e)
{
    SL_CHECK((unsigned)e < SL_ERR__COUNT);
    return &rows[e];
}

int sl_err_status(enum sl_err e)
{
    return row_of(e)->status;
}

const char *sl_err_name(enum sl_err e)
{
    return row_of(e)->name;
}

const char *sl_err_text(enum sl_err e)
{
    return row_of(e)->text;
}

bool sl_err_is_retryable(enum sl_err e)
{
    return row_of(e)->retryable;
}
