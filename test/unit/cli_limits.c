/* What keeps a process's memory to itself, as it is without the leak checker: no core file,
 * whoever asks for one, and no debugger. */
#define IS_SANITIZED 0
#include "cli/limits.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* In a child, since neither can be taken back. */
static void test_a_guarded_process(void **state)
{
    struct rlimit core;
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        sl_limits_guard();
        if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
            _exit(1);
        /* 0: neither by ptrace nor in /proc, and no core to a program that collects them */
        _exit(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 2);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_guarded_process)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
