/* Words that were meant. */
#include "base/near.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const words[] = {"listen", "limits", "key", "keys", "store", "go", "timeouts"};

static void nearest(const char *word, const char *want)
{
    struct sl_near n;

    sl_near_init(&n, sl_str_of(word));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        sl_near_try(&n, sl_str_of(words[i]));
    if (!sl_str_eq(n.best, sl_str_of(want)))
        fail_msg("%s: '%.*s', not '%s'", word, SL_STR_ARGS(n.best), want);
}

static void test_nearest(void **state)
{
    (void)state;
    nearest("lisen", "listen");     /* one too few */
    nearest("listenn", "listen");   /* too many */
    nearest("lismen", "listen");    /* another */
    nearest("lsiten", "listen");    /* changed places */
    nearest("timouts", "timeouts"); /* and two slips in a long one */
    nearest("tiemouts", "timeouts");
    nearest("stoer", "store");
    nearest("limit", "limits");
    nearest("kez", "key");
    nearest("keyx", "key"); /* the first of those that are as near */
    nearest("key", "key");
}

static void test_none(void **state)
{
    char longer[SL_NEAR_WORD + 2] = {0};

    (void)state;
    nearest("", "");
    nearest("g", "");
    nearest("ge", ""); /* too short to know it by */
    nearest("kxz", "");
    nearest("providers", "");
    memset(longer, 'l', sizeof(longer) - 1);
    nearest(longer, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nearest), cmocka_unit_test(test_none)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
