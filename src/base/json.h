/* base/json.h -- a strict JSON scanner that is fed as bytes arrive.
 *
 * What     Validates one JSON text (RFC 8259: UTF-8, escapes, numbers, depth
 *          <= SL_JSON_DEPTH) in any pieces and reports the members of the top
 *          object: key and value with their places, counted in bytes from the
 *          first byte fed. It builds no tree and copies nothing but top-level
 *          keys. Strings are skipped 16 bytes at a step.
 * Holder   Embedded. init, set the public fields, feed any number of times,
 *          finish once, fini.
 * Events   `member` runs when a top-level value is complete. `key` is
 *          unescaped and dies on return. It must not feed. A lone surrogate
 *          (legal to write, RFC 8259 section 8.2) is unescaped to the three
 *          bytes it would have in UTF-8, here and in the readers below, so that
 *          different texts stay different; such bytes are not valid UTF-8.
 * Errors   SL_ERR_BAD_BODY for anything that is not JSON (also a top value
 *          that is no object, if `need_object`), SL_ERR_REPEATED_KEY for a
 *          top-level key that stands twice after unescaping, SL_ERR_CEILING for
 *          a top-level key over SL_JSON_KEY bytes or more than SL_JSON_MEMBERS
 *          of them, SL_ERR_NO_MEMORY. After an error every further call returns
 *          the same. Keys are compared as 64-bit keyed hashes: a false alarm
 *          takes 10^12 bodies of 4,096 keys.
 * Picking  With `pick` set, the value bytes of keys it accepts are handed over,
 *          for texts that are not kept: answers, events. A value that came in
 *          several pieces is gathered in a buffer. Values over SL_JSON_PICK
 *          bytes, however they came: `value.p` is NULL.
 */
#ifndef SL_BASE_JSON_H
#define SL_BASE_JSON_H

#include "base/err.h"

#define SL_JSON_DEPTH 64
#define SL_JSON_KEY 256
#define SL_JSON_MEMBERS 4096
#define SL_JSON_PICK 8192
#define SL_JSON_FEW 16 /* keys that are compared without a table */

enum sl_json_type {
    SL_JSON_NULL,
    SL_JSON_FALSE,
    SL_JSON_TRUE,
    SL_JSON_NUMBER,
    SL_JSON_STRING,
    SL_JSON_ARRAY,
    SL_JSON_OBJECT
};

struct sl_json_member {
    struct sl_str key;      /* unescaped; dies when the callback returns */
    enum sl_json_type type; /* of the value */
    uint64_t start;         /* offset of the opening quote of the key */
    uint64_t value_at;      /* offset of the value's first byte */
    uint64_t value_end;     /* offset just behind the value's last byte */
    uint64_t comma_before;  /* offset of the comma before the member, or UINT64_MAX */
    struct sl_str value;    /* picked, raw as on the wire, dies likewise; .p NULL if not picked */
};

typedef void sl_json_member_fn(void *ctx, const struct sl_json_member *m);
typedef bool sl_json_pick_fn(void *ctx, struct sl_str key);

struct sl_json_keys; /* the set that finds repeated keys */

struct sl_json {
    sl_json_member_fn *member; /* may be NULL */
    sl_json_pick_fn *pick;     /* may be NULL */
    void *ctx;                 /* up: the callbacks' own */
    bool need_object;
    bool check_repeats;
    /* readable at any time */
    enum sl_err err;
    uint64_t at;         /* bytes taken; after an error, the place of the first bad byte */
    uint64_t object_end; /* place of the top object's closing brace, once it came */
    uint32_t members;    /* keys of the top object so far */
    /* private from here */
    uint8_t state;
    uint8_t role;             /* of the string being read: value, key, key of a member */
    uint8_t utf8;             /* bytes of a UTF-8 sequence still due */
    uint8_t utf8_lo, utf8_hi; /* bounds of the next one */
    uint8_t literal;          /* which one is being read */
    uint8_t literal_at;       /* how far */
    uint8_t hex;              /* digits of a \u still due */
    uint16_t unit;            /* its value so far */
    uint8_t depth;            /* containers open */
    uint64_t nesting;         /* bit i: container i is an object */
    struct sl_json_member now;
    uint64_t comma;            /* place of the last comma in the top object, or UINT64_MAX */
    uint64_t few[SL_JSON_FEW]; /* hashes of the first keys */
    struct sl_json_keys *keys; /* owns: hashes of all keys, once they are many */
    char *picked;              /* owns, SL_JSON_PICK bytes once a picked value was split */
    size_t picked_n;
    bool picking;
    char key[SL_JSON_KEY];
    size_t key_n;
};

void sl_json_init(struct sl_json *j);
void sl_json_fini(struct sl_json *j);
SL_MUST enum sl_err sl_json_feed(struct sl_json *j, struct sl_str piece);
/* The text is over: whole? */
SL_MUST enum sl_err sl_json_finish(struct sl_json *j);
/* All of it at once: one whole object? */
bool sl_json_is_object(struct sl_str text);

/* Small readers over the raw bytes of one complete, already valid value. */

/* The first member of that name in the object `obj`, as raw bytes; .p NULL if
 * there is none or obj is no object. Does not descend. */
struct sl_str sl_json_get(struct sl_str obj, struct sl_str key);
/* Walks the elements of an array: `*rest` starts as the array's bytes with
 * `*pos` 0. False at the end. */
bool sl_json_next(struct sl_str array, size_t *pos, struct sl_str *element);
/* The same for the members of an object. `key` is what stands between its quotes,
 * still escaped: sl_json_key_is() compares it. */
bool sl_json_next_member(struct sl_str object, size_t *pos, struct sl_str *key,
                         struct sl_str *value);
/* Likewise, going down: each byte is read once, however deep it lies. `*rest` begins with a
 * value and may go on behind it.
 * pass     The whole value; `*rest` begins behind it.
 * enter    Into an array or object, to its first element or key. False: it is empty, and passed.
 * pass_key The key of a member, still escaped; `*rest` begins with its value. False: none is there.
 * goes_on  Behind an element or member, to the next one. False: that was the last one, and
 *          the array or object is passed. */
struct sl_str sl_json_pass(struct sl_str *rest);
SL_MUST bool sl_json_enter(struct sl_str *rest);
SL_MUST bool sl_json_pass_key(struct sl_str *rest, struct sl_str *key);
SL_MUST bool sl_json_goes_on(struct sl_str *rest);
/* Lengths and first letters, which settle most questions, are compared in place: what is
 * unescaped becomes shorter. */
bool sl_json_same_key(struct sl_str raw, struct sl_str key); /* `raw` is not the shorter one */
static inline bool sl_json_key_is(struct sl_str raw, struct sl_str key)
{
    return raw.n >= key.n && (key.n == 0 || raw.p[0] == key.p[0] || raw.p[0] == '\\') &&
           sl_json_same_key(raw, key);
}
enum sl_json_type sl_json_type_of(struct sl_str value);
/* Non-negative integer without fraction; false for anything else or overflow. */
SL_MUST bool sl_json_u64(struct sl_str value, uint64_t *out);
/* Unescapes a string value (with its quotes) into `out`; false if no string or
 * more than cap bytes. */
SL_MUST bool sl_json_unescape(struct sl_str value, char *out, size_t cap, size_t *n);
/* The first character of what stands between a string's quotes: how many bytes it
 * takes as it is written (an escape, two for a surrogate pair), and its code point.
 * 0 at the end, and where nothing well-formed begins. */
size_t sl_json_char(struct sl_str inner, uint32_t *code);

#endif
