/* policy/record_lay.c -- documents changed by a patch, and laid over the configuration. */
#include "base/doc.h"
#include "policy/record.h"

#include <stdio.h>

#define MEMORY ((size_t)512 * 1024) /* of a tree */
#define NUMBERS YYJSON_READ_NUMBER_AS_RAW

/* ---- changing ---- */

static enum sl_err write_merged(struct sl_doc *doc, struct sl_doc *patch, struct sl_arena *a,
                                struct sl_str *out)
{
    yyjson_mut_doc *made = yyjson_mut_doc_new(&doc->alc);
    yyjson_mut_val *root;
    size_t n = 0;
    char *text = NULL;

    out->p = NULL;
    root = made != NULL ? yyjson_merge_patch(made, doc->root, patch->root) : NULL;
    if (root != NULL)
        text = yyjson_mut_val_write_opts(root, YYJSON_WRITE_NOFLAG, &doc->alc, &n, NULL);
    if (text != NULL)
        *out = sl_arena_dup(a, (struct sl_str){text, n});
    if (text != NULL)
        doc->alc.free(doc->alc.ctx, text);
    yyjson_mut_doc_free(made);
    return out->p != NULL ? SL_OK : SL_ERR_NO_MEMORY;
}

enum sl_err sl_record_merge(struct sl_str doc, struct sl_str patch, struct sl_arena *a,
                            struct sl_str *out, char *why, size_t cap)
{
    struct sl_record_doc ignored;
    struct sl_doc from, with;
    enum sl_err e = sl_doc_read(&from, doc, MEMORY, NUMBERS), e2;

    e2 = sl_doc_read(&with, patch, MEMORY, NUMBERS);
    if (e == SL_OK)
        e = e2;
    if (e == SL_OK && !yyjson_is_obj(with.root))
        e = SL_ERR_BAD_BODY;
    if (e == SL_OK)
        e = write_merged(&from, &with, a, out);
    sl_doc_fini(&from);
    sl_doc_fini(&with);
    if (e == SL_OK)
        return sl_record_read(*out, a, &ignored, why, cap);
    snprintf(why, cap, "%s", sl_err_text(e));
    return e;
}

/* ---- over the file ---- */

static void raise_budget(struct sl_budget *b, const struct sl_raise *raise, int64_t now_unix_ms)
{
    if (now_unix_ms >= raise->until_unix_ms)
        return;
    if (raise->to.daily_micro != SL_UNSET)
        b->daily_micro = raise->to.daily_micro;
    if (raise->to.monthly_micro != SL_UNSET)
        b->monthly_micro = raise->to.monthly_micro;
}

enum sl_err sl_record_tenant(const struct sl_record_doc *doc, const struct sl_tenants *file,
                             struct sl_str name, int64_t now_unix_ms, struct sl_tenant *out)
{
    const struct sl_tenant *have = sl_tenants_get(file, name);
    struct sl_plan says;
    enum sl_err e = SL_OK;

    sl_tenant_init(out);
    out->own.name = name;
    if (have != NULL)
        *out = *have;
    if (doc == NULL)
        return SL_OK;
    sl_plan_init(&says);
    says.terms = doc->terms;
    says.per_key = doc->per_key;
    says.spending = doc->spending;
    sl_plan_over(&out->own, &says);
    if (doc->has_scopes)
        out->own.scopes = (struct sl_scopes){doc->scopes, doc->scopes_n};
    if (doc->has_labels) {
        out->labels = doc->labels;
        out->labels_n = doc->labels_n;
    }
    if (doc->log_prompts != SL_UNSET)
        out->log_prompts = doc->log_prompts == 1;
    if (doc->plan.n > 0) {
        out->plan = sl_tenants_plan(file, doc->plan);
        e = out->plan != NULL ? SL_OK : SL_ERR_CONFIG;
    }
    sl_tenant_settle(out);
    raise_budget(&out->terms.budget, &doc->raise, now_unix_ms);
    return e;
}

void sl_record_key(const struct sl_record_doc *doc, const struct sl_key *file,
                   const struct sl_tenant *of, struct sl_key *out)
{
    sl_key_init(out);
    if (file != NULL)
        *out = *file;
    out->of = of;
    out->tenant = of->own.name;
    if (doc != NULL) {
        if (doc->name.n > 0)
            out->name = doc->name;
        if (doc->user.n > 0)
            out->user = doc->user;
        if (doc->account.n > 0)
            out->account = doc->account;
        if (doc->has_scopes) {
            out->scopes = doc->scopes;
            out->scopes_n = doc->scopes_n;
        }
        if (doc->expires_unix_ms != SL_UNSET)
            out->expires_unix_ms = doc->expires_unix_ms;
        if (doc->rotated_unix_ms > 0 &&
            (out->expires_unix_ms == 0 || doc->rotated_unix_ms < out->expires_unix_ms))
            out->expires_unix_ms = doc->rotated_unix_ms;
        if (doc->grade != SL_UNSET)
            out->grade = doc->grade;
        sl_terms_over(&out->own, &doc->terms);
    }
    sl_key_settle(out);
}
