/* The client is killed after turn 1, 2, 3, ... N of a streamed request, once
 * with FIN and once with RST: nothing may be left, anywhere, whatever turn. */
#include "_house.h"

#define TURNS 60

static void kill_after(int turns, bool reset)
{
    struct house h;

    house_open(&h, 20);
    house_send(&h, true);
    for (int i = 0; i < turns; i++)
        sl_net_turn(h.net, 1);
    house_kill_client(&h, reset);
    house_settle(&h);
    house_close(&h);
}

int main(void)
{
    alarm(110);
    for (int turns = 0; turns <= TURNS; turns++) {
        kill_after(turns, false);
        kill_after(turns, true);
    }
    printf("ok: %d turns, FIN and RST\n", TURNS);
    return 0;
}
