/* interrupt: see interrupt.h. */
#include "common/core/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupt_signal;

static void on_signal(int signal_number)
{
    interrupt_signal = signal_number;
}

void interrupt_install(void)
{
    /* SA_RESETHAND: the second signal has its default action and ends the process. SA_RESTART: a write interrupted by
     * the first one is resumed. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

gboolean interrupted(void)
{
    return interrupt_signal != 0;
}

gboolean interrupted_by_keyboard(void)
{
    return interrupt_signal == SIGINT;
}
