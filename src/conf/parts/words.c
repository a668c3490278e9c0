/* conf/parts/words.c -- lists of words, and intents, into one automaton. Files are read
 * with each load, so a reload takes new words. */
#include "conf/parts/parts.h"

#include "base/mem.h"
#include "net/file.h"

#include <stdio.h>
#include <string.h>

#define FILE_BYTES ((size_t)8 << 20)
#define SHOWN 40 /* bytes of a word in a message */

enum { IN_PROMPTS, IN_ANSWERS }; /* as `in` has them; else both */

struct list {
    const char *what; /* as faults name it */
    unsigned at;
    bool anywhere;
    size_t words;
};

static void add_word(struct sl_build *b, struct list *l, const struct sl_node *at,
                     struct sl_str word)
{
    enum sl_err e;

    if (b->faults->n > 0)
        return; /* one bad word is told, not thousands */
    e = sl_words_add(b->made->words, l->at, l->anywhere, word);
    l->words++;
    if (e == SL_ERR_NO_MEMORY)
        sl_fault_memory(b->faults);
    else if (e == SL_ERR_CEILING)
        sl_fault_add(b->faults, at,
                     "%s: word %zu is longer than %d bytes, or the lists have more than %d words "
                     "together; make them shorter",
                     l->what, l->words, SL_WORDS_BYTES, SL_WORDS_MOST);
    else if (e != SL_OK)
        sl_fault_add(b->faults, at, "%s: word %zu (%.*s) has no visible character, or is no UTF-8",
                     l->what, l->words, SL_STR_ARGS(sl_str_first(word, SHOWN)));
}

/* One a line; what begins with # is a remark. */
static void add_file(struct sl_build *b, struct list *l, const struct sl_node *at)
{
    char what[32];
    size_t n = 0;
    char *text = sl_file_load(at->text.p, FILE_BYTES, &n);
    struct sl_str rest = {text, n};

    if (text == NULL) {
        snprintf(what, sizeof(what), "%s.file", l->what);
        sl_fault_file(b->faults, at, what);
        return;
    }
    if (sl_str_starts(rest, SL_STR("\xef\xbb\xbf")))
        rest = sl_str_from(rest, 3);
    while (rest.n > 0) {
        ptrdiff_t end = sl_str_find_byte(rest, '\n');
        struct sl_str line = sl_str_first(rest, end < 0 ? rest.n : (size_t)end);

        rest = sl_str_from(rest, end < 0 ? rest.n : (size_t)end + 1);
        line = sl_str_trim(line);
        if (line.n > 0 && line.p[0] != '#')
            add_word(b, l, at, line);
    }
    sl_mem_free(text);
}

/* A name may be of a tenant that the store alone knows. */
static void read_tenants(struct sl_build *b, struct sl_word_list *out, const struct sl_node *list)
{
    struct sl_str *names = sl_build_alloc(b, list->n, sizeof(*names));

    out->tenants = names;
    for (const struct sl_node *c = list->first; names != NULL && c != NULL; c = c->next) {
        names[out->tenants_n++] = sl_build_dup(b, c->text);
    }
}

static void read_list(struct sl_build *b, struct sl_word_list *lists, const struct sl_node *map,
                      bool is_intent)
{
    struct list l = {.what = is_intent ? "intents[]" : "words[]",
                     .at = (unsigned)b->made->word_lists_n};
    struct sl_word_list *out = &lists[b->made->word_lists_n++];
    const struct sl_node *file = sl_node_get(map, "file");
    uint64_t in = (uint64_t)sl_node_number(map, "in", IN_PROMPTS);

    sl_build_check_name(b, map, l.what);
    *out = (struct sl_word_list){.name = sl_build_dup(b, sl_node_text(map, "name")),
                                 .is_intent = is_intent,
                                 .blocks = sl_node_number(map, "action", 0) == 1,
                                 .prompts = is_intent || in != IN_ANSWERS,
                                 .answers = !is_intent && in != IN_PROMPTS};
    l.anywhere = sl_node_number(map, "match", 0) == 1;
    for (const struct sl_word_list *other = lists; other != out; other++)
        if (other->is_intent == is_intent && sl_str_eq(other->name, out->name))
            sl_fault_add(b->faults, map, "%s.name: stands twice", l.what);
    if (!is_intent)
        read_tenants(b, out, sl_node_get(map, "tenants"));
    for (const struct sl_node *c = sl_node_get(map, "words")->first; c != NULL; c = c->next)
        add_word(b, &l, c, c->text);
    if (file != NULL && file->text.n > 0)
        add_file(b, &l, file);
    if (l.words == 0 && b->faults->n == 0)
        sl_fault_add(b->faults, map, "%s: needs `words` or a `file` with some", l.what);
}

void sl_build_words(struct sl_build *b)
{
    const struct sl_node *words = sl_node_get(b->conf->root, "words");
    const struct sl_node *intents = sl_node_get(b->conf->root, "intents");
    struct sl_word_list *lists;
    enum sl_err e;

    if (words->n + intents->n == 0)
        return;
    if (words->n + intents->n > SL_WORDS_LISTS) {
        sl_fault_add(b->faults, words, "words and intents: at most %d together", SL_WORDS_LISTS);
        return;
    }
    lists = sl_build_alloc(b, words->n + intents->n, sizeof(*lists));
    if (lists == NULL)
        return;
    b->made->word_lists = lists;
    b->made->words = sl_words_new();
    if (b->made->words == NULL) {
        sl_fault_memory(b->faults);
        return;
    }
    for (const struct sl_node *c = words->first; c != NULL; c = c->next)
        read_list(b, lists, c, false);
    for (const struct sl_node *c = intents->first; c != NULL; c = c->next)
        read_list(b, lists, c, true);
    e = sl_words_done(b->made->words);
    if (e == SL_ERR_CEILING)
        sl_fault_add(
            b->faults, words,
            "words: too many words, beginnings or different letters; all lists together may have "
            "%d words, %d beginnings of words and %d different letters: make them shorter",
            SL_WORDS_MOST, SL_WORDS_NODES, SL_WORDS_LETTERS);
    else if (e != SL_OK)
        sl_fault_memory(b->faults);
}
