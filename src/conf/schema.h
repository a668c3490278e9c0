/* conf/schema.h -- the one table of settings: name, type, bounds, default,
 * whether a reload may change it, and a sentence about it.
 *
 * From it come parsing and its messages (fit.h), `sluice check`, `sluice check
 * --schema` and the table in docs/configuration.md. A path is the keys joined
 * by dots; "[]" behind a key stands for the elements of a list. What begins with
 * SL_SCHEMA_PRICES stands in a file of its own, the list of prices.
 */
#ifndef SL_CONF_SCHEMA_H
#define SL_CONF_SCHEMA_H

#include "base/str.h"

enum sl_type {
    SL_TYPE_TEXT,
    SL_TYPE_SECRET,   /* text, or file:PATH; never shown */
    SL_TYPE_ADDRESS,  /* a URL, or file:PATH; a password in it is not shown */
    SL_TYPE_PATH,     /* a file, relative to the configuration file */
    SL_TYPE_DURATION, /* ms s m h d */
    SL_TYPE_SIZE,     /* KiB MiB GiB */
    SL_TYPE_COUNT,
    SL_TYPE_RATIO, /* a decimal number, kept in millionths */
    SL_TYPE_MONEY, /* dollars, kept in millionths */
    SL_TYPE_BOOL,
    SL_TYPE_CHOICE,
    SL_TYPE_DATE,   /* 2027-01-01, or with a time in UTC */
    SL_TYPE_SHA256, /* 64 hexadecimal digits */
    SL_TYPE_MAP,    /* rows below it say which keys */
    SL_TYPE_MAPS,   /* a list of maps */
    SL_TYPE_LIST,   /* of `item`; one scalar is a list of one */
    SL_TYPE_DICT    /* any keys, values of `item` */
};

#define SL_SCHEMA_PRICES "price_list"
#define SL_SCHEMA_FIXED 1u    /* a reload that changes it is refused */
#define SL_SCHEMA_REQUIRED 2u /* must be given */

struct sl_schema_row {
    const char *path;
    enum sl_type type;
    enum sl_type item;
    const char *def;     /* text, may hold ${}; NULL: none */
    uint64_t min, max;   /* of numbers: ms, bytes, count, millionths */
    const char *choices; /* "a|b|c" */
    unsigned flags;
    const char *prose;
};

extern const struct sl_schema_row sl_schema[];
extern const size_t sl_schema_n;

/* The row for `key` within the map at `parent` ("" is the top). */
const struct sl_schema_row *sl_schema_find(struct sl_str parent, struct sl_str key);
/* Is `row` directly below `parent`? Then *key is its last part. */
bool sl_schema_is_below(const struct sl_schema_row *row, struct sl_str parent, struct sl_str *key);
const char *sl_schema_type_name(const struct sl_schema_row *row);

#endif
