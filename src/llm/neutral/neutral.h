/* llm/neutral/neutral.h -- one form per operation, and what a dialect's adapter supplies.
 *
 * Private to the room. An adapter reads its protocol into these forms and writes them in it;
 * it knows no other protocol, so a new one is a new adapter and nothing else.
 * Texts    "esc" is what stands between the quotes of a JSON string, still escaped: most texts
 *          go from one string into another and are never unescaped. "raw" is a whole JSON
 *          value as it was written. Empty: not there.
 * Memory   Lists lie in the arena of the form; texts in it or in the body that was read.
 */
#ifndef SL_LLM_NEUTRAL_NEUTRAL_H
#define SL_LLM_NEUTRAL_NEUTRAL_H

#include "llm/inside.h"
#include "llm/neutral/serial.h"
#include "llm/sse.h"
#include "llm/translate.h"

#define SL_NEUTRAL_CALLS 128 /* of one turn: as many as OpenAI's clients count */
#define SL_NEUTRAL_NAME 64   /* of a tool */
#define SL_NEUTRAL_KEPT 4096 /* of a call's id or name that a stream has to remember */
#define SL_NEUTRAL_TOOLS 4096
#define SL_NEUTRAL_MARK "gw1:" /* begins a signature of ours: no provider takes it */
#define SL_NEUTRAL_ANTHROPIC "anthropic-claude-v1" /* a format of reasoning_details */
#define SL_NEUTRAL_FREE "input" /* the one argument of a tool that takes a text */

/* --- What turns and answers are made of ------------------------------------------------ */

enum sl_neutral_kind {
    SL_PART_TEXT,
    SL_PART_REFUSAL,
    SL_PART_THINK,
    SL_PART_HIDDEN, /* thinking that only the provider can read */
    SL_PART_IMAGE,
    SL_PART_FILE,
    SL_PART_CALL,
    SL_PART_RESULT
};

enum sl_neutral_source { SL_SOURCE_BASE64, SL_SOURCE_URL, SL_SOURCE_ID };

struct sl_neutral_part;

struct sl_neutral_parts {
    struct sl_neutral_part *first; /* up: the arena's */
    struct sl_neutral_part *last;  /* up: the arena's */
};

struct sl_neutral_part {
    struct sl_neutral_part *next; /* up: the arena's */
    enum sl_neutral_kind kind;
    struct sl_str text;            /* esc: TEXT, REFUSAL, THINK; data of HIDDEN, IMAGE, FILE */
    struct sl_str mark;            /* raw: cache_control */
    struct sl_str id, name;        /* esc: CALL; RESULT has the id of its call */
    struct sl_str input;           /* raw object: CALL */
    struct sl_str signature;       /* esc: THINK */
    struct sl_str media, title;    /* esc: IMAGE, FILE */
    struct sl_str detail;          /* raw: IMAGE */
    enum sl_neutral_source source; /* IMAGE, FILE */
    bool failed;                   /* RESULT */
    struct sl_neutral_parts inner; /* RESULT */
};

/* --- Request ---------------------------------------------------------------------------- */

enum sl_neutral_role { SL_ROLE_USER, SL_ROLE_ASSISTANT, SL_ROLE_SYSTEM };

struct sl_neutral_turn {
    struct sl_neutral_turn *next; /* up: the arena's */
    enum sl_neutral_role role;
    bool of_tools; /* made of OpenAI's tool messages: a user message joins it */
    struct sl_neutral_parts parts;
};

struct sl_neutral_tool {
    struct sl_neutral_tool *next; /* up: the arena's */
    struct sl_str name;           /* esc */
    struct sl_str about;          /* raw string */
    struct sl_str schema;         /* raw object */
    struct sl_str strict, mark;   /* raw */
    bool free_text;               /* takes a text, not arguments: SL_NEUTRAL_FREE holds it */
    bool off;                     /* taken from the list again */
};

enum sl_neutral_choice {
    SL_CHOICE_UNSAID,
    SL_CHOICE_AUTO,
    SL_CHOICE_ANY,
    SL_CHOICE_ONE,
    SL_CHOICE_NONE
};
enum sl_neutral_thinking { SL_THINK_UNSAID, SL_THINK_OFF, SL_THINK_ON, SL_THINK_BUDGET };
enum sl_neutral_format { SL_FORMAT_UNSAID, SL_FORMAT_OBJECT, SL_FORMAT_SCHEMA };

struct sl_neutral_ask {
    struct sl_arena *a;                   /* up */
    const struct sl_translate_wish *wish; /* up */
    enum sl_err err;                      /* the first thing that went wrong */
    const char *why;                      /* of BAD_FIELD; static */
    struct sl_neutral_parts system;
    struct sl_neutral_turn *first;     /* up: the arena's */
    struct sl_neutral_turn *last;      /* up: the arena's */
    struct sl_neutral_tool *tools;     /* up: the arena's */
    struct sl_neutral_tool *last_tool; /* up: the arena's */
    unsigned tools_n, changes_n;
    enum sl_neutral_choice choice;
    struct sl_str choice_name; /* esc */
    bool one_call;             /* no parallel calls */
    uint64_t max_tokens;
    bool has_max;
    struct sl_str temperature, top_p, top_k; /* raw numbers */
    struct sl_str stops;                     /* raw: a string, or an array of them */
    bool streams, wants_usage;
    enum sl_neutral_thinking thinking;
    bool thinking_unseen; /* it is not shown, only signed */
    uint64_t budget;      /* tokens */
    struct sl_str effort; /* esc */
    enum sl_neutral_format format;
    struct sl_str schema, schema_name; /* raw, esc */
    struct sl_str schema_strict;       /* raw; not there: it is */
    struct sl_str verbosity, tier;     /* raw strings of OpenAI's */
    struct sl_str cache_key;           /* likewise */
    struct sl_str echo;                /* raw members that answers repeat */
    struct sl_str user;                /* esc */
    bool standard_tier;                /* no other one, whatever it costs */
    bool of_functions;                 /* OpenAI's older form: functions, function_call */
};

/* --- Answer ------------------------------------------------------------------------------ */

enum sl_neutral_stop {
    SL_STOP_UNSAID,
    SL_STOP_END,
    SL_STOP_TEXT, /* one of the stop strings */
    SL_STOP_LENGTH,
    SL_STOP_CALLS,
    SL_STOP_REFUSAL
};

struct sl_neutral_answer {
    struct sl_arena *a; /* up */
    enum sl_err err;
    struct sl_neutral_parts parts;
    enum sl_neutral_stop stop;
    struct sl_str stop_text; /* esc: which one */
    struct sl_str refusal;   /* esc: why */
    struct sl_usage usage;
};

/* --- Stream ------------------------------------------------------------------------------ */

enum sl_say_kind {
    SL_SAY_START,
    SL_SAY_TEXT,
    SL_SAY_REFUSAL,
    SL_SAY_THINK,
    SL_SAY_SIGNATURE, /* text: the whole of it */
    SL_SAY_HIDDEN,    /* text: the whole of it */
    SL_SAY_CALL,      /* number; id and name, where they are known by now */
    SL_SAY_ARGS,      /* number; text: the next piece of its arguments' JSON */
    SL_SAY_CALL_END,  /* number; a protocol that has no such event leaves it out */
    SL_SAY_STOP,      /* stop, stop text in `text`, refusal in `id`; usage may follow */
    SL_SAY_PING,
    SL_SAY_ERROR, /* status, text (plain, not escaped): the last thing said */
    SL_SAY_END    /* all is said; usage is known */
};

struct sl_say {
    enum sl_say_kind kind;
    unsigned number;              /* of a call, from 0 in order of appearance */
    struct sl_str text, id, name; /* esc; dead when the call returns */
    enum sl_neutral_stop stop;
    int status;
};

struct sl_translate { /* what an answer must know of its question */
    struct sl_translate_wish wish;
    const struct sl_neutral_dialect *client;   /* shared: static */
    const struct sl_neutral_dialect *provider; /* shared: static */
    bool streams, wants_usage, wants_thinking, thinking_unseen, of_functions;
    size_t asked_bytes;            /* of the question's body */
    struct sl_str form;            /* esc: the tool there whose arguments are the answer */
    struct sl_str echo;            /* raw members of the question, for the answer */
    struct sl_neutral_name *names; /* up: the arena's; tools that are something else there */
};

struct sl_neutral_name {
    struct sl_neutral_name *next; /* up: the arena's */
    struct sl_str here, there;    /* esc */
    bool free_text;
};

struct sl_translate_stream {
    const struct sl_translate *t; /* up */
    struct sl_grow *out;          /* up: of the call under way */
    struct sl_usage usage;        /* as the provider counts */
    struct sl_usage told; /* as the client is told at END: what was not reported is estimated */
    enum sl_err err;
    bool started, over;
    enum sl_neutral_stop stop;
    struct sl_neutral_serial serial;
    void *reader; /* owns: the provider's adapter's */
    void *writer; /* owns: the client's adapter's */
};

/* --- An adapter -------------------------------------------------------------------------- */

struct sl_neutral_dialect {
    /* The body is valid JSON. What goes wrong is noted in `err` and `why`. */
    void (*read_ask)(struct sl_neutral_ask *q, struct sl_str body);
    void (*write_ask)(struct sl_neutral_ask *q, struct sl_translate *t, struct sl_grow *g);
    void (*read_answer)(struct sl_neutral_answer *r, const struct sl_translate *t,
                        struct sl_str body);
    void (*write_answer)(const struct sl_neutral_answer *r, const struct sl_translate *t,
                         struct sl_grow *g);
    void (*write_error)(const struct sl_translate *t, int status, struct sl_str message,
                        struct sl_grow *g);
    int (*status_of)(int status, bool too_long); /* a provider's, as this client gets it */
    size_t reader_size, writer_size;             /* bytes, zeroed at the start */
    bool one_by_one;                             /* write_say() hears what serial.h says */
    /* One event: says what it means through sl_neutral_say(). */
    void (*read_event)(struct sl_translate_stream *s, const struct sl_sse_event *e);
    /* The provider is at its end: says END if its answer was whole. */
    void (*read_end)(struct sl_translate_stream *s);
    void (*write_say)(struct sl_translate_stream *s, const struct sl_say *say);
    void (*reader_fini)(void *reader);
    void (*writer_fini)(void *writer);
};

extern const struct sl_neutral_dialect sl_neutral_anthropic;
extern const struct sl_neutral_dialect sl_neutral_openai;
extern const struct sl_neutral_dialect sl_neutral_responses;   /* of clients only */
extern const struct sl_neutral_dialect sl_neutral_completions; /* likewise */
extern const struct sl_neutral_dialect sl_neutral_prompt;      /* of clients only */

/* --- parts.c: building forms --------------------------------------------------------------- */

/* All the named members of an object in one walk; the first of a name counts. */
void sl_neutral_pick(struct sl_str object, const struct sl_str *names, size_t n,
                     struct sl_str *values);
static inline bool sl_neutral_is(struct sl_str raw, const char *text)
{
    return sl_str_eq(sl_llm_inner(raw), sl_str_of(text));
}
/* NULL, and `*err`, without memory. */
struct sl_neutral_part *sl_neutral_part_add(struct sl_arena *a, enum sl_err *err,
                                            struct sl_neutral_parts *to, enum sl_neutral_kind kind);
/* A text, still escaped, with its mark for caching or none; nothing where it is empty. */
void sl_neutral_text_add(struct sl_neutral_ask *q, struct sl_neutral_parts *to, struct sl_str esc,
                         struct sl_str mark);
void sl_neutral_part_move(struct sl_neutral_parts *from, struct sl_neutral_part *before,
                          struct sl_neutral_parts *to); /* the one behind `before` (NULL: first) */
void sl_neutral_parts_join(struct sl_neutral_parts *to, struct sl_neutral_parts *from);
struct sl_neutral_turn *sl_neutral_turn_add(struct sl_neutral_ask *q, enum sl_neutral_role role);
/* The one that a user goes on with: a run of results, and what is said behind it, is one. */
struct sl_neutral_turn *sl_neutral_users_turn(struct sl_neutral_ask *q, bool result);
struct sl_neutral_tool *sl_neutral_tool_add(struct sl_neutral_ask *q);
/* Only the tools of that list stay, by `name_of` an element. It is read once, since an element
 * may be as long as the body. */
#define SL_NEUTRAL_ALLOWED 1024
void sl_neutral_allow(struct sl_neutral_ask *q, struct sl_str list,
                      struct sl_str (*name_of)(struct sl_str one));
/* An IMAGE's or FILE's source: an http URL, or a data URL in its two halves. */
void sl_neutral_source(struct sl_neutral_ask *q, struct sl_neutral_part *p, struct sl_str url);
/* `esc` texts, one after the other. */
struct sl_str sl_neutral_cat(struct sl_arena *a, enum sl_err *err, const struct sl_str *texts,
                             size_t n);
void sl_neutral_fail(struct sl_neutral_ask *q, const char *why);
/* The arguments of a call, an `esc` text, as the raw object that they are; of what is none, an
 * object that holds it. */
struct sl_str sl_neutral_input(struct sl_arena *a, enum sl_err *err, struct sl_str esc);
bool sl_neutral_has(const struct sl_neutral_parts *parts, enum sl_neutral_kind kind);

/* --- repair.c: what every provider insists on ---------------------------------------------- */

/* Results right behind their calls, one for each, in order, and in a user's turn; results
 * without a call become text. */
void sl_neutral_repair(struct sl_neutral_ask *q);
/* Turns of the system become the user's, as a reminder; neighbours of one role become one. */
void sl_neutral_alternate(struct sl_neutral_ask *q, bool merge);
/* The name of a tool at the provider: its own, or a shorter one, made of it alone. */
struct sl_str sl_neutral_name_there(struct sl_neutral_ask *q, struct sl_str name);
/* Remembers what of a tool is different there, so that an answer gets the client's own. */
void sl_neutral_name_note(struct sl_neutral_ask *q, struct sl_translate *t,
                          const struct sl_neutral_tool *tool, struct sl_str there);
struct sl_str sl_neutral_name_here(const struct sl_translate *t, struct sl_str there);
bool sl_neutral_takes_text(const struct sl_translate *t, struct sl_str here);

/* --- free.c: tools that take a text ---------------------------------------------------------- */

/* `about` raw, `grammar` esc. */
void sl_neutral_free_tool(struct sl_neutral_ask *q, struct sl_neutral_tool *tool,
                          struct sl_str about, struct sl_str grammar);
/* The arguments that hold that text. */
struct sl_str sl_neutral_free_input(struct sl_neutral_ask *q, struct sl_str esc);
/* The text, esc, that raw arguments hold; of those that hold none, themselves. */
void sl_neutral_free_text(struct sl_grow *g, struct sl_str raw);
/* Likewise of a stream's pieces of arguments, all together. */
void sl_neutral_free_pieces(struct sl_grow *g, struct sl_str esc);

/* --- sealed.c: thoughts of a router's other models ---------------------------------------------
 */

struct sl_neutral_sealed {
    struct sl_grow text; /* owns: the elements so far */
    size_t n;
};

/* Is that element of reasoning_details one, of another maker than Anthropic? */
bool sl_neutral_is_sealed(struct sl_str detail);
/* Collects raw elements; zeroed before the first. Then, once there are any, a signature of ours
 * that holds them, esc; of too many, or without memory, one that holds none. */
void sl_neutral_seal_add(struct sl_neutral_sealed *s, struct sl_str detail);
void sl_neutral_seal_reset(struct sl_neutral_sealed *s); /* to none */
bool sl_neutral_may_seal(const struct sl_neutral_sealed *s);
void sl_neutral_seal(struct sl_grow *g, const struct sl_neutral_sealed *s);
/* The raw array of elements that such a signature holds, or none. */
struct sl_str sl_neutral_unseal(struct sl_neutral_ask *q, struct sl_str signature);

/* --- parts.c, too: pieces of JSON ----------------------------------------------------------- */

void sl_neutral_put(struct sl_grow *g, const char *text);
void sl_neutral_put_esc(struct sl_grow *g, struct sl_str esc); /* with its quotes */
void sl_neutral_put_key(struct sl_grow *g, const char *key);   /* comma, key, colon */
void sl_neutral_put_raw(struct sl_grow *g, const char *key, struct sl_str raw); /* if there */
/* All texts of that kind, with `between` between them; how many bytes. */
size_t sl_neutral_put_texts(struct sl_grow *g, const struct sl_neutral_parts *parts,
                            enum sl_neutral_kind kind, const char *between);

/* --- schema.c: JSON Schema ------------------------------------------------------------------- */

enum sl_neutral_word {                  /* what the value of a schema's word is */
                       SL_WORD_LITERAL, /* nothing of a schema's: names, numbers, examples */
                       SL_WORD_SCHEMA,
                       SL_WORD_SCHEMAS, /* an array of them */
                       SL_WORD_NAMED,   /* an object of them, each under a name of its own */
                       SL_WORD_LEFT_OUT
};

struct sl_neutral_words {
    /* `rest`: the value, and what is behind it. */
    enum sl_neutral_word (*kind_of)(struct sl_str word, const struct sl_str *rest);
    bool closes; /* each object gets `additionalProperties: false` */
};

/* A valid schema with those words. */
void sl_neutral_put_words(struct sl_grow *g, struct sl_str schema,
                          const struct sl_neutral_words *words);
/* Without `format`, `pattern`, `additionalProperties` and `patternProperties`. */
void sl_neutral_put_plain(struct sl_grow *g, struct sl_str schema);
/* A tool's: an object without `$schema`, with `type` and `properties`; `plain`: and without
 * those words. */
void sl_neutral_put_schema(struct sl_grow *g, struct sl_str schema, bool plain);

/* --- stream.c -------------------------------------------------------------------------------- */

void sl_neutral_say(struct sl_translate_stream *s, const struct sl_say *say);
/* --- error.c: what a provider's error says --------------------------------------------------- */

/* Unescaped, in `out`: from a body of whatever form. */
struct sl_str sl_neutral_message(struct sl_str body, char *out, size_t cap);
/* A prompt that was too long? Then `out` says so in the words that clients look for. */
bool sl_neutral_too_long(struct sl_str message, char *out, size_t cap);
/* The status that an error event stands for. */
int sl_neutral_event_status(struct sl_str error);

#endif
