/* test/fuzz/replay.c -- runs a fuzz target over the files of its corpus.
 *
 *     fuzz_<name> FILE-OR-FOLDER...
 *
 * A folder that is not there counts as empty; the empty input is always tried.
 * Each input is given from a block of exactly its size, so that the sanitizer
 * sees a read one byte too far.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t n_run;

static void run_file(const char *path)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    uint8_t *data;
    size_t size;

    if (f == NULL || fstat(fileno(f), &st) != 0) {
        perror(path);
        exit(2);
    }
    size = (size_t)st.st_size;
    data = malloc(size > 0 ? size : 1);
    if (data == NULL || fread(data, 1, size, f) != size) {
        perror(path);
        exit(2);
    }
    fclose(f);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    n_run++;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_folder(const char *path)
{
    char **names = NULL;
    size_t n = 0;
    DIR *dir = opendir(path);
    struct dirent *e;

    if (dir == NULL)
        return;
    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        names = realloc(names, (n + 1) * sizeof *names);
        if (names == NULL || asprintf(&names[n++], "%s/%s", path, e->d_name) < 0)
            abort();
    }
    closedir(dir);
    if (n > 0)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        run_file(names[i]);
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    uint8_t nothing = 0;
    struct stat st;

    LLVMFuzzerTestOneInput(&nothing, 0);
    for (int i = 1; i < argc; i++) {
        if (stat(argv[i], &st) == 0 && !S_ISDIR(st.st_mode))
            run_file(argv[i]);
        else
            run_folder(argv[i]);
    }
    printf("%zu inputs\n", n_run);
    return 0;
}
