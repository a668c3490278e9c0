/* cli/import/import.h -- another gateway's configuration as one of ours.
 *
 * `sluice import litellm FILE` reads LiteLLM's config.yaml and writes ours to stdout. What
 * has no place here is named on stderr, a line each, with its place in the file and what to
 * do instead; nothing is left out in silence but what changes no request.
 *
 * Order    load, then models, settings, write (import.c).
 * Memory   Everything lives in one arena; texts are the tree's.
 * Source   docs.litellm.ai: "Config.yaml", "Router", "Fallbacks" and "Load balancing", as of
 *          November 2026.
 */
#ifndef SL_CLI_IMPORT_IMPORT_H
#define SL_CLI_IMPORT_IMPORT_H

#include "base/grow.h"
#include "conf/tree.h"

#define SL_IMPORT_OUT ((size_t)16 << 20)
#define SL_IMPORT_FALLBACKS 16

enum sl_import_base {
    SL_IMPORT_AS_IS,
    SL_IMPORT_PLUS_V1, /* theirs has no /v1, ours has */
    SL_IMPORT_LESS_V1, /* the other way round */
    SL_IMPORT_AZURE    /* /openai/v1 behind it, the key in a header of its own */
};

struct sl_import_vendor {
    const char *prefix;   /* of a model's name, before the slash */
    const char *protocol; /* as our files write it */
    const char *flavor;   /* or NULL: by host */
    const char *url;      /* where the vendor is; NULL: the file has to say */
    const char *env;      /* the key where the file names none; NULL: it takes none */
    enum sl_import_base base;
};

struct sl_import_provider {
    struct sl_import_provider *next;       /* up: arena */
    const struct sl_import_vendor *vendor; /* shared: static */
    struct sl_str name;
    struct sl_str url, key, organization; /* as our files write them, without quotes */
    const struct sl_node *headers;        /* up: or NULL */
    uint64_t timeout_ms;                  /* 0: the general one */
};

struct sl_import_target {
    struct sl_import_target *next;       /* up: arena */
    struct sl_import_provider *provider; /* up */
    struct sl_str model;                 /* empty: the name asked for */
    uint64_t order, weight_milli, context;
    int64_t input, output, cache_read, cache_write; /* micro-dollars a million; -1: not said */
};

struct sl_import_model {
    struct sl_import_model *next; /* up: arena */
    struct sl_str name;
    const struct sl_node *at;              /* up: its first deployment */
    struct sl_import_target *first, *last; /* up */
    uint64_t max_tokens;                   /* of an answer that a request does not limit */
    const struct sl_node *fallbacks[SL_IMPORT_FALLBACKS]; /* up: names */
    size_t fallbacks_n;
    struct sl_str aliases[SL_IMPORT_FALLBACKS];
    size_t aliases_n;
    bool has_weights;
};

enum sl_import_strategy { SL_IMPORT_WEIGHTED, SL_IMPORT_LATENCY, SL_IMPORT_COST };

struct sl_import {
    struct sl_arena arena;
    struct sl_faults faults;
    const struct sl_node *root; /* up: arena */
    size_t reported;
    struct sl_import_provider *providers, *last_provider; /* up */
    struct sl_import_model *models, *last_model;          /* up */
    enum sl_import_strategy strategy;
    struct sl_str master_key, redis_url, redis_password;    /* empty: none */
    uint64_t attempts, total_ms, cooldown_ms, cache_ttl_ms; /* 0: ours */
    bool cache, shuffles;
};

/* One line on stderr: where, what, and what to do. */
void sl_import_say(struct sl_import *im, const struct sl_node *at, const char *fmt, ...)
    SL_PRINTF(3, 4);
/* "os.environ/NAME" as ${NAME}; else as it stands, with what would be a variable of ours
 * written so that it is none. */
struct sl_str sl_import_value(struct sl_import *im, const struct sl_node *n);
/* Seconds, with decimals. 0, and said, where it is no number or not from 0.1 s to a day. */
uint64_t sl_import_ms(struct sl_import *im, const struct sl_node *n);
struct sl_import_model *sl_import_find(const struct sl_import *im, struct sl_str name);
/* Never NULL: the process ends without memory, as the commands do. */
void *sl_import_alloc(struct sl_import *im, size_t n);

/* ---- vendors.c ---- */
/* Whose a model is, and its name there. NULL: nobody's that can be asked from here. */
const struct sl_import_vendor *sl_import_vendor(struct sl_str model, struct sl_str provider,
                                                struct sl_str *name);
/* ---- models.c ---- */
/* May a model of ours be called so? `pattern`: with a star at its end, too. */
bool sl_import_is_name(struct sl_str s, bool pattern);
void sl_import_models(struct sl_import *im);
/* ---- settings.c: before the models, and what needs them ---- */
void sl_import_settings(struct sl_import *im);
void sl_import_names(struct sl_import *im);
/* ---- write.c ---- */
void sl_import_write(struct sl_import *im, struct sl_grow *out);

#endif
