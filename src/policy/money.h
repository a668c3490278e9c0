/* policy/money.h -- money and prices as integers.
 *
 * Balances are micro-dollars (10^-6 USD), prices pico-dollars (10^-12 USD) per
 * token, which is USD per million tokens times 10^6. No floating point: decimal
 * text is read digit by digit, sums saturate at INT64_MAX and are rounded up to
 * a micro-dollar once, when a request is settled. Pure.
 *
 * Source of the cost formula: protocols.md 10.3 (vendors' price pages: input,
 * output, cache read, cache writes of 5 minutes and 1 hour, web searches).
 */
#ifndef SL_POLICY_MONEY_H
#define SL_POLICY_MONEY_H

#include "base/err.h"

#define SL_MONEY_MICRO 1000000  /* micro-dollars in a dollar */
#define SL_MONEY_UNKNOWN (-1)   /* of a price */
#define SL_MONEY_ONE_API_UNIT 2 /* micro-dollars: One API's 500,000 units are 1 USD */

/* "12.5", "-0.000003", "3" times 10^digits, exactly: false if it is no decimal
 * number, has more digits behind the point than fit, or overflows. An exponent
 * ("3e-06", as JSON writers print) is understood. */
SL_MUST bool sl_money_parse(struct sl_str text, unsigned digits, int64_t *out);
/* Micro-dollars as "12.5" or "0.000003": no trailing zeros, at most 24 bytes. */
struct sl_str sl_money_print(int64_t micro, char out[24]);

struct sl_rates { /* pico-dollars a token; SL_MONEY_UNKNOWN where it is not known */
    int64_t in, out, cache_read, cache_write_5m, cache_write_1h;
};

struct sl_price { /* likewise */
    int64_t in, out, cache_read, cache_write_5m, cache_write_1h;
    int64_t search;  /* pico-dollars a web search */
    int64_t request; /* pico-dollars a request */
    bool free;       /* costs nothing, and that is known */
    /* A prompt of more tokens than that, cache reads and writes with it, has the rates of
     * `beyond` for the whole request; 0: no such step. */
    uint64_t long_over;
    struct sl_rates beyond;
};

struct sl_priced { /* what is charged for: the neutral record of protocols.md 10.2 */
    uint64_t in, out, cache_read, cache_write_5m, cache_write_1h, searches;
};

void sl_price_init(struct sl_price *p);           /* all unknown */
bool sl_price_is_known(const struct sl_price *p); /* in and out, or free */
/* Fills what is unknown beside a known `in`, as protocols.md 10.3 says:
 * Anthropic 0.1, 1.25 and 2 times `in`; OpenAI `in`. Searches and requests: 0. */
void sl_price_complete(struct sl_price *p, bool anthropic);
/* One unit of One API's a token: what a model without a price costs a key that has
 * a budget all the same. */
void sl_price_unit(struct sl_price *p);
/* 0 for a free or unknown price. Saturates. */
int64_t sl_price_cost_pico(const struct sl_price *p, const struct sl_priced *what);
/* Rounded up. */
int64_t sl_money_micro(int64_t pico);

#endif
