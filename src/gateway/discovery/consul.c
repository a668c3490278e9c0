/* The three calls as bytes. */
#include "gateway/discovery/consul.h"

#include <arpa/inet.h>

#include "base/json.h"

/* ---- what is said ---- */

static bool end_head(struct sl_text *t, struct sl_str host, struct sl_str token, size_t body)
{
    sl_text_add(t, SL_STR(" HTTP/1.1\r\nhost: "));
    sl_text_add(t, host);
    sl_text_add(t, SL_STR("\r\naccept: application/json\r\naccept-encoding: identity\r\n"
                          "user-agent: sluice/" SL_VERSION "\r\n"));
    if (token.n > 0) {
        sl_text_add(t, SL_STR("x-consul-token: "));
        sl_text_add(t, token);
        sl_text_add(t, SL_STR("\r\n"));
    }
    if (body > 0)
        sl_text_add(t, SL_STR("content-type: application/json\r\n"));
    sl_text_add(t, SL_STR("content-length: "));
    sl_text_u64(t, body);
    sl_text_add(t, SL_STR("\r\n\r\n"));
    return !t->cut;
}

bool sl_consul_ask(struct sl_text *t, const struct sl_consul *c, uint64_t index)
{
    sl_text_add(t, SL_STR("GET "));
    sl_text_add(t, c->target);
    if (index > 0) {
        sl_text_add(t, SL_STR("&index="));
        sl_text_u64(t, index);
        sl_text_printf(t, "&wait=%ds", SL_CONSUL_WAIT_S);
    }
    return end_head(t, c->host_header, c->token, 0);
}

bool sl_consul_register(struct sl_text *t, const struct sl_enrol *e)
{
    sl_text_add(t, SL_STR("PUT /v1/agent/service/register"));
    return end_head(t, e->host_header, e->token, e->body.n);
}

bool sl_consul_deregister(struct sl_text *t, const struct sl_enrol *e)
{
    sl_text_add(t, SL_STR("PUT /v1/agent/service/deregister/"));
    sl_text_add(t, e->id);
    return end_head(t, e->host_header, e->token, 0);
}

/* ---- what it says ---- */

static bool is_json(struct sl_str body)
{
    struct sl_json j;
    bool ok;

    sl_json_init(&j);
    ok = sl_json_feed(&j, body) == SL_OK && sl_json_finish(&j) == SL_OK;
    sl_json_fini(&j);
    return ok && body.n > 0 && sl_json_type_of(sl_str_trim(body)) == SL_JSON_ARRAY;
}

static bool is_object(struct sl_str value)
{
    return value.p != NULL && sl_json_type_of(value) == SL_JSON_OBJECT;
}

/* Empty: it is not there. */
static bool take_address(struct sl_str object, char out[46], bool *empty)
{
    struct sl_str raw =
        is_object(object) ? sl_json_get(object, SL_STR("Address")) : (struct sl_str){NULL, 0};
    unsigned char bytes[16];
    size_t n = 0;

    *empty = raw.p == NULL || sl_json_type_of(raw) != SL_JSON_STRING || raw.n == 2;
    if (*empty || !sl_json_unescape(raw, out, 45, &n))
        return false;
    out[n] = '\0';
    return strlen(out) == n &&
           (inet_pton(AF_INET, out, bytes) == 1 || inet_pton(AF_INET6, out, bytes) == 1);
}

static bool take(struct sl_str one, struct sl_group_at *out)
{
    struct sl_str service =
        is_object(one) ? sl_json_get(one, SL_STR("Service")) : (struct sl_str){NULL, 0};
    struct sl_str number =
        is_object(service) ? sl_json_get(service, SL_STR("Port")) : (struct sl_str){NULL, 0};
    uint64_t port = 0;
    bool empty;

    if (number.p == NULL || !sl_json_u64(number, &port) || port == 0 || port > 65535)
        return false;
    *out = (struct sl_group_at){.port = (uint16_t)port};
    return take_address(service, out->host, &empty) ||
           (empty && take_address(sl_json_get(one, SL_STR("Node")), out->host, &empty));
}

bool sl_consul_read(struct sl_str body, struct sl_consul_list *out)
{
    struct sl_group_at at;
    struct sl_str one;
    size_t pos = 0;

    memset(out, 0, sizeof(*out));
    body = sl_str_trim(body);
    if (!is_json(body))
        return false;
    while (sl_json_next(body, &pos, &one)) {
        if (!take(one, &at))
            out->unusable++;
        else if (out->n == SL_GROUP_MAX)
            out->left_out++;
        else
            out->at[out->n++] = at;
    }
    return true;
}

/* "Reset the index if it goes backwards", and never trust a zero. */
uint64_t sl_consul_index(uint64_t asked, struct sl_str told)
{
    uint64_t index = 0;

    return sl_str_to_u64(told, &index) && index >= asked ? index : 0;
}
