/* What thousands of words cost: words WORDS TEXT PASSES looks for each line of the one file in
 * the other, where it stands by itself and anywhere, and prints `match`, microseconds per KiB,
 * how many were found, milliseconds until the words were ready.
 *
 * Each pass over the text is fed in pieces of the size of an event's, and the quickest of
 * them counts: what else the machine does only makes a pass longer. CPU time of the process. */
#include "policy/words/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TEXT_MAX ((size_t)1 << 22)
#define PIECE 24

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct sl_str read_file(const char *path, char *room)
{
    FILE *f = fopen(path, "rb");
    size_t n = f != NULL ? fread(room, 1, TEXT_MAX, f) : 0;

    if (n == 0) {
        fprintf(stderr, "words: %s: nothing to read\n", path);
        exit(1);
    }
    fclose(f);
    return (struct sl_str){room, n};
}

static struct sl_words *words_of(struct sl_str lines, bool anywhere)
{
    struct sl_words *w = sl_words_new();
    ptrdiff_t n;
    bool done = w != NULL;

    for (; done && (n = sl_str_find_byte(lines, '\n')) > 0;
         lines = sl_str_from(lines, (size_t)n + 1))
        done = sl_words_add(w, 0, anywhere, sl_str_first(lines, (size_t)n)) == SL_OK;
    if (!done || sl_words_done(w) != SL_OK) {
        fprintf(stderr, "words: not words that can be looked for\n");
        exit(1);
    }
    return w;
}

static uint32_t pass(const struct sl_words *w, struct sl_str text)
{
    struct sl_words_seek s;

    sl_words_begin(&s, w, UINT64_MAX);
    for (; text.n > 0; text = sl_str_from(text, PIECE))
        sl_words_feed(&s, sl_str_first(text, PIECE));
    sl_words_rest(&s);
    return s.count[0];
}

int main(int argc, char **argv)
{
    static char lines[TEXT_MAX], room[TEXT_MAX];
    struct sl_str words, text;
    uint64_t passes = 0;

    if (argc != 4 || !sl_str_to_u64(sl_str_of(argv[3]), &passes) || passes < 1) {
        fprintf(stderr, "usage: words WORDS TEXT PASSES\n");
        return 2;
    }
    words = read_file(argv[1], lines);
    text = read_file(argv[2], room);
    for (int anywhere = 0; anywhere < 2; anywhere++) {
        double from = cpu_us(), ready, best = 1e18;
        struct sl_words *w = words_of(words, anywhere != 0);
        uint32_t found = 0;

        ready = cpu_us() - from;
        for (uint64_t i = 0; i < passes; i++) {
            from = cpu_us();
            found = pass(w, text);
            if (cpu_us() - from < best)
                best = cpu_us() - from;
        }
        printf("%s %.2f %u %.1f\n", anywhere != 0 ? "anywhere" : "word",
               best / ((double)text.n / 1024), found, ready / 1000);
        sl_words_end(&w);
    }
    return 0;
}
