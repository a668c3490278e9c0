/* base_json.c once more, without vector instructions. */
#define SL_JSON_PORTABLE
#include "unit/base_json.c"
