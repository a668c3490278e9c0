/* admin/api/handlers.h -- what the table of routes runs: one step each. */
#ifndef SL_ADMIN_API_HANDLERS_H
#define SL_ADMIN_API_HANDLERS_H

#include "admin/api/api.h"

/* list.c */
sl_api_fn sl_token_list, sl_tenant_list, sl_balance_list;
/* token_make.c */
sl_api_fn sl_token_make, sl_token_rotate;
/* token.c */
sl_api_fn sl_token_show, sl_token_change, sl_token_revoke, sl_token_credits, sl_token_reset;
/* tenant.c */
sl_api_fn sl_tenant_make, sl_tenant_show, sl_tenant_change, sl_tenant_delete, sl_tenant_credits,
    sl_tenant_raise, sl_tenant_reset;
/* usage.c */
sl_api_fn sl_usage_show;
/* cache.c */
sl_api_fn sl_cache_show, sl_cache_look, sl_cache_purge;
/* ledger.c */
sl_api_fn sl_store_show, sl_ledger_show, sl_ledger_rebuild, sl_trail_show;
/* live/audit.c */
sl_api_fn sl_audit_find;
/* live/live.c */
sl_api_fn sl_live_list, sl_live_end;
/* live/config.c */
sl_api_fn sl_config_show;
/* live/overview.c */
sl_api_fn sl_overview_show;
/* live/providers.c */
sl_api_fn sl_providers_show;
/* live/requests.c */
sl_api_fn sl_requests_list, sl_requests_show;
/* live/explain.c */
sl_api_fn sl_explain_show;
/* live/switches.c */
sl_api_fn sl_switches_show, sl_switches_set, sl_switches_end_one;
/* page/login.c */
sl_api_fn sl_session_make, sl_session_show, sl_session_end;
/* route.c */
sl_api_fn sl_reload;

#endif
