#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void answer_start(struct answer *a)
{
    *a = (struct answer){.at = ANSWER_STATUS};
}

/* A line is in a->line, without its end. */
static void read_status(struct answer *a)
{
    long status = 0;

    if (strncmp(a->line, "HTTP/1.", 7) == 0 && a->line_n >= 12)
        status = strtol(a->line + 9, NULL, 10);
    a->status = (int)status;
    a->at = status >= 100 && status <= 599 ? ANSWER_HEADER : ANSWER_BAD;
}

static const char *value_of(const struct answer *a, const char *name)
{
    size_t n = strlen(name);

    if (strncasecmp(a->line, name, n) != 0 || a->line[n] != ':')
        return NULL;
    return a->line + n + 1 + strspn(a->line + n + 1, " ");
}

static void after_head(struct answer *a)
{
    if (a->status < 200) {
        answer_start(a);
    } else if (a->status == 204 || a->status == 304) {
        a->at = ANSWER_DONE;
    } else if (a->chunked) {
        a->at = ANSWER_CHUNK_SIZE;
    } else if (a->has_length) {
        a->at = a->left > 0 ? ANSWER_BODY : ANSWER_DONE;
    } else {
        a->at = ANSWER_REST;
        a->close = true;
    }
}

static void read_header(struct answer *a)
{
    const char *value;

    if (a->line_n == 0) {
        after_head(a);
        return;
    }
    if ((value = value_of(a, "content-length")) != NULL) {
        a->has_length = true;
        a->left = strtoull(value, NULL, 10);
    } else if ((value = value_of(a, "transfer-encoding")) != NULL) {
        a->chunked = strcasecmp(value, "chunked") == 0;
    } else if ((value = value_of(a, "connection")) != NULL) {
        a->close = strcasecmp(value, "close") == 0;
    }
}

static void read_size(struct answer *a)
{
    char *end;

    a->left = strtoull(a->line, &end, 16);
    if (end == a->line)
        a->at = ANSWER_BAD;
    else
        a->at = a->left > 0 ? ANSWER_CHUNK : ANSWER_TRAILER;
}

static void read_line(struct answer *a)
{
    switch (a->at) {
    case ANSWER_STATUS: read_status(a); break;
    case ANSWER_HEADER: read_header(a); break;
    case ANSWER_CHUNK_SIZE: read_size(a); break;
    case ANSWER_CHUNK_END: a->at = a->line_n == 0 ? ANSWER_CHUNK_SIZE : ANSWER_BAD; break;
    case ANSWER_TRAILER:
        if (a->line_n == 0)
            a->at = ANSWER_DONE;
        break;
    case ANSWER_BODY:
    case ANSWER_CHUNK:
    case ANSWER_REST:
    case ANSWER_DONE:
    case ANSWER_BAD: break;
    }
}

/* Collects a line; hands it on when its end is among the bytes. */
static size_t feed_line(struct answer *a, const char *p, size_t n)
{
    const char *end = memchr(p, '\n', n);
    size_t taken = end != NULL ? (size_t)(end - p) + 1 : n;
    size_t text = end != NULL ? taken - 1 : taken;
    size_t room = sizeof(a->line) - 1 - a->line_n;

    if (text > room)
        text = room;
    memcpy(a->line + a->line_n, p, text);
    a->line_n += text;
    if (end == NULL)
        return taken;
    if (a->line_n > 0 && a->line[a->line_n - 1] == '\r')
        a->line_n--;
    a->line[a->line_n] = '\0';
    read_line(a);
    a->line_n = 0;
    return taken;
}

static void count_events(struct answer *a, const char *p, size_t n)
{
    const char *from = p, *end = p + n, *at;

    while ((at = memchr(from, '\n', (size_t)(end - from))) != NULL) {
        if (at > p ? at[-1] == '\n' : a->line_end)
            a->events++;
        from = at + 1;
    }
    a->line_end = end[-1] == '\n';
}

static size_t feed_body(struct answer *a, const char *p, size_t n)
{
    if (a->at != ANSWER_REST && n > a->left)
        n = (size_t)a->left;
    count_events(a, p, n);
    a->body += n;
    if (a->at == ANSWER_REST)
        return n;
    a->left -= n;
    if (a->left == 0)
        a->at = a->at == ANSWER_BODY ? ANSWER_DONE : ANSWER_CHUNK_END;
    return n;
}

size_t answer_feed(struct answer *a, const char *p, size_t n)
{
    size_t used = 0;

    while (used < n && a->at != ANSWER_DONE && a->at != ANSWER_BAD) {
        bool bytes = a->at == ANSWER_BODY || a->at == ANSWER_CHUNK || a->at == ANSWER_REST;

        used += bytes ? feed_body(a, p + used, n - used) : feed_line(a, p + used, n - used);
    }
    return used;
}

bool answer_end(struct answer *a)
{
    if (a->at == ANSWER_REST)
        a->at = ANSWER_DONE;
    return a->at == ANSWER_DONE;
}
