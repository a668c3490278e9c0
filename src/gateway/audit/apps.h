/* gateway/audit/apps.h -- what the programs behind requests are called in usage.
 *
 * Names    A program names itself by an address (`HTTP-Referer`), which tells it from
 *          others, and a title (`X-Title`), which is shown: OpenRouter, "App attribution".
 *          Written together they are "Title (address)"; one of them may be missing.
 * Bounds   Clients write these names, and each makes a row of usage: only so many of a
 *          tenant are told apart in one process and UTC day, and the rest are "other".
 *          An address keeps the title that it came with first.
 * Holder   The gateway; embedded. All zero is empty. Pure: `now_s` is Unix time.
 * Memory   Names are copied; those given back live until the next call.
 */
#ifndef SL_GATEWAY_AUDIT_APPS_H
#define SL_GATEWAY_AUDIT_APPS_H

#include "base/str.h"

#define SL_APPS_OF_TENANT 100
#define SL_APPS_MOST 10000 /* of all tenants */
#define SL_APPS_TEXT 200   /* bytes of a name */

struct sl_apps {
    struct sl_app *known;           /* owns: hash by tenant and address, or title */
    struct sl_apps_tenant *tenants; /* owns: hash */
    int64_t day;
};

/* Both headers as one name: no control characters, only valid UTF-8, no query, fragment or
 * credentials of the address, long ones cut. Empty: it does not say. */
struct sl_str sl_apps_write(struct sl_str address, struct sl_str title, char out[SL_APPS_TEXT]);
/* What tells a name from others: its address, or all of it. */
struct sl_str sl_apps_key(struct sl_str name);
/* The name that usage counts it under: `name`, "other", or an earlier one of that address. */
struct sl_str sl_apps_count(struct sl_apps *a, struct sl_str tenant, struct sl_str name,
                            int64_t now_s);
void sl_apps_fini(struct sl_apps *a); /* empty again */

#endif
