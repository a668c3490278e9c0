/* conf/fault.c -- one line per fault into a fixed place. */
#include "conf/fault.h"

#include "conf/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sl_faults_init(struct sl_faults *f)
{
    f->n = 0;
    f->no_memory = false;
    f->text = sl_text_over(f->room, sizeof(f->room));
}

/* Control bytes from the file must not reach a terminal. */
static void add_plain(struct sl_text *t, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sl_text_byte(t, (unsigned char)p[i] < 0x20 || p[i] == 0x7f ? '?' : p[i]);
}

void sl_fault_add(struct sl_faults *f, const struct sl_node *at, const char *fmt, ...)
{
    char line[SL_FAULT_LINE];
    va_list args;
    int n;

    if (f->no_memory)
        return;
    f->n++;
    if (f->n > SL_FAULT_MAX)
        return;
    if (at != NULL && at->file != NULL) {
        struct sl_str file = sl_str_of(at->file);

        /* the end of a long path says more than its beginning */
        add_plain(&f->text, sl_str_from(file, file.n > 80 ? file.n - 80 : 0).p,
                  file.n > 80 ? 80 : file.n);
        sl_text_printf(&f->text, ":%u:%u: ", at->line, at->column);
    }
    va_start(args, fmt);
    n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (n > 0)
        add_plain(&f->text, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
    sl_text_byte(&f->text, '\n');
}

void sl_fault_memory(struct sl_faults *f)
{
    if (f->no_memory)
        return;
    sl_faults_init(f);
    sl_fault_add(f, NULL,
                 "not enough memory to read the configuration; free some, or give this "
                 "process more, and try again");
    f->no_memory = true;
}

void sl_fault_file(struct sl_faults *f, const struct sl_node *at, const char *what)
{
    if (errno == ENOMEM)
        sl_fault_memory(f);
    else
        sl_fault_add(f, at, "%s: cannot be read (%s)", what, strerror(errno));
}

struct sl_str sl_faults_text(const struct sl_faults *f)
{
    return sl_text_str(&f->text);
}
